//! Tests of the pipeline with a document of three operations.

use serde_json::json;

use super::*;

const NEXT: &str = include_str!("../../tests/fixture/next.yaml");
const MANIFEST_BEFORE: &str = include_str!("../../tests/fixture/Cargo.toml.txt");

fn published(text: &str) -> Upstream {
    Upstream::Published {
        text: text.to_owned(),
        url: "https://example.com/openapi.yaml".to_owned(),
        date: "2026-03-01".to_owned(),
    }
}

/// The inputs of a first run, which has only Cargo.toml.
fn empty() -> Inputs {
    Inputs {
        name: "b2b-v1".to_owned(),
        manifest: Some(MANIFEST_BEFORE.to_owned()),
        allowed_removals: Some(usize::MAX),
        ..Inputs::default()
    }
}

/// The inputs of the next run, after `made` was written.
fn after(inputs: &Inputs, made: &Made) -> Inputs {
    let file = |name| Some(file(made, name).to_owned());
    Inputs {
        name: inputs.name.clone(),
        upstream: file(UPSTREAM),
        overlay: inputs.overlay.clone(),
        words: inputs.words.clone(),
        interface: file(INTERFACE),
        client: file(CLIENT),
        names: file(NAMES),
        lowering: file(LOWERING),
        source: file(SOURCE),
        manifest: file(MANIFEST),
        allowed_removals: inputs.allowed_removals,
    }
}

fn file<'m>(made: &'m Made, name: &str) -> &'m str {
    let found = made.files.iter().find(|(other, _)| *other == name);
    &found.unwrap_or_else(|| panic!("{name} is made")).1
}

/// The inputs after a run with the fixture.
fn taken_in() -> Inputs {
    let made = make(&empty(), published(NEXT)).unwrap();
    after(&empty(), &made)
}

/// The fixture with the first occurrence of `change` replaced by `by`.
fn with(change: &str, by: &str) -> String {
    assert!(NEXT.contains(change), "{change}");
    NEXT.replacen(change, by, 1)
}

fn complaints(result: Result<Made, Vec<Complaint>>) -> Vec<String> {
    let complaints = result.expect_err("it was taken in");
    complaints.iter().map(ToString::to_string).collect()
}

/// The report of an update from the fixture to `next`, as text.
fn changes(next: &str) -> String {
    let made = make(&taken_in(), published(next)).unwrap();
    made.report.write(crate::report::Format::Text)
}

#[test]
fn a_first_run_makes_every_file_and_a_second_one_the_same() {
    let inputs = empty();
    let first = make(&inputs, published(NEXT)).unwrap();
    let names: Vec<&str> = first.files.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            UPSTREAM, CLIENT, INTERFACE, LOWERING, NAMES, SOURCE, MANIFEST
        ]
    );
    assert_eq!(first.report.counts.operations, 3);
    assert_eq!(first.report.changes, None);

    let inputs = after(&inputs, &first);
    let again = Upstream::Published {
        text: NEXT.to_owned(),
        url: "https://example.com/elsewhere.yaml".to_owned(),
        date: "2030-01-01".to_owned(),
    };
    for upstream in [again, Upstream::Committed] {
        let second = make(&inputs, upstream).unwrap();
        assert_eq!(second.files, first.files);
        assert_eq!(second.report.changes, Some(Vec::new()));
    }
}

#[test]
fn neither_prose_nor_samples_are_kept() {
    let made = make(&empty(), published(NEXT)).unwrap();
    for (name, text) in &made.files {
        assert!(!text.contains("Prose"), "{name}");
        assert!(!text.contains("\"example\""), "{name}");
    }
}

#[test]
fn files_that_are_missing_or_garbled_are_made_again() {
    let sound = taken_in();
    let made = make(&sound, published(NEXT)).unwrap();
    for garbage in [None, Some(String::new()), Some("{\"half".to_owned())] {
        let broken = Inputs {
            upstream: garbage.clone(),
            client: garbage.clone(),
            names: garbage.clone(),
            source: garbage.clone(),
            ..sound.clone()
        };
        let mended = make(&broken, published(NEXT)).unwrap();
        assert_eq!(mended.files, made.files);
        // `--check` starts from the committed upstream.yaml, so that file must be
        // valid.
        assert!(make(&broken, Upstream::Committed).is_err());
    }
}

#[test]
fn features_are_written_between_the_markers() {
    let manifest = taken_in().manifest.unwrap();
    assert!(manifest.contains("b2b-v1-custom-fields = []\nb2b-v1-things = []\n"));
    let inputs = Inputs {
        manifest: Some("[features]\n".to_owned()),
        ..empty()
    };
    let complaints = complaints(make(&inputs, published(NEXT)));
    assert!(
        complaints[0].starts_with("Cargo.toml: the lines"),
        "{complaints:?}"
    );
}

#[test]
fn the_report_leads_with_what_breaks_a_caller() {
    let start = NEXT.find("  /custom_fields").unwrap();
    let end = NEXT.find("components:\n").unwrap();
    let next = format!("{}{}", &NEXT[..start], &NEXT[end..])
        .replacen("required: [title, price]", "required: [title]", 1)
        .replacen("enum: [asc, desc]", "enum: [asc]", 1)
        .replacen("/things/{", "/objects/{", 1);
    let report = changes(&next);
    let (breaking, compatible) = report.split_once(" compatible\n").unwrap();
    let breaking = breaking.split_once(" breaking\n").unwrap().1;
    for line in [
        "delete_custom_field: operation removed (DELETE /custom_fields/{location_id}/{field_id})",
        "get_thing_list query sort: enum lost \"desc\"",
    ] {
        assert!(breaking.contains(line), "{line}\n{report}");
    }
    for line in [
        "create_thing request price: became optional",
        "get_thing_list: moved from GET /things/{location_id} to GET /objects/{location_id}",
    ] {
        assert!(compatible.contains(line), "{line}\n{report}");
    }
    let made = make(&taken_in(), published(&next)).unwrap();
    let markdown = made.report.write(crate::report::Format::Markdown);
    assert!(markdown.contains("\n### 2 breaking\n\n- `delete_custom_field`: operation removed"));
    let json = made.report.write(crate::report::Format::Json);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["counts"]["operations"], 2);
    assert_eq!(
        json["changes"][1],
        json!({"severity": "breaking", "operation": "get_thing_list", "place": "query sort", "what": "enum lost \"desc\""})
    );
    assert_eq!(
        json["open"][0]["place"],
        "GetThingListResponse/properties/meta/items"
    );
}

#[test]
fn the_report_names_what_is_newly_not_expressed() {
    let pattern = "weight: { type: number, not: { const: 5 } }";
    let next = with("weight: { type: number }", pattern);
    let before = taken_in().lowering.unwrap();
    let made = make(&taken_in(), published(&next)).unwrap();
    let after = file(&made, LOWERING);
    let new: Vec<&str> = after.lines().filter(|l| !before.contains(l)).collect();
    assert!(!new.is_empty(), "{after}");
    assert_eq!(made.report.new_notes, new);
    let report = made.report.write(crate::report::Format::Text);
    let title = format!("{} newly not expressed\n  {}\n", new.len(), new[0]);
    assert!(report.contains(&title), "{report}");
}

#[test]
fn unions_const_and_definitions_are_taken_in() {
    let schema = "  schemas:
    fresh:
      type: object
      $defs:
        inner:
          type: object
          properties:
            deep: { type: [string, 'null'] }
      properties:
        kind: { const: fresh }
        who:
          oneOf:
            - { type: string }
            - { type: array, items: { type: integer } }
            - { type: object, properties: { id: { type: number, exclusiveMinimum: 0 } } }
            - { type: 'null' }
        inner: { $ref: '#/components/schemas/fresh/$defs/inner' }
        again: { $ref: '#/components/schemas/fresh' }
";
    let next = with("  schemas:\n", schema).replacen(
        "weight: { type: number }",
        "weight: { $ref: '#/components/schemas/fresh' }",
        1,
    );
    let report = changes(&next);
    assert!(
        report.contains("get_thing_list 200 data[].weight: type number became object"),
        "{report}"
    );
}

#[test]
fn a_broken_document_is_refused_with_every_complaint() {
    let next = with("openapi: 3.1.1", "openapi: 3.0.3")
        .replacen("schemas/thing\"", "schemas/gone\"", 1)
        .replacen("operationId: create_thing", "operationId: getThingList", 1);
    let complaints = complaints(make(&taken_in(), published(&next)));
    assert_eq!(complaints.len(), 3, "{complaints:?}");
    for part in [
        "the vendor's document, line 2, /openapi: this is OpenAPI 3.0.3",
        "gone` points to nothing",
        "operationId `getThingList` is taken",
    ] {
        let told = complaints.iter().any(|complaint| complaint.contains(part));
        assert!(told, "{part}\n{complaints:?}");
    }
}

#[test]
fn two_tags_of_one_feature_are_refused_with_the_remedy() {
    let next = with("tags: [Custom Fields]", "tags: [things]");
    assert_eq!(
        complaints(make(&empty(), published(&next))),
        [
            "Cargo.toml: two tags of the document give the feature `b2b-v1-things`; rename one in overlay.yaml"
        ]
    );
}

#[test]
fn half_a_document_is_refused_unless_the_removals_are_allowed() {
    let (half, _) = NEXT.split_once("  /custom_fields").unwrap();
    let (_, components) = NEXT.split_once("components:\n").unwrap();
    let half = format!("{half}components:\n{components}");
    let before = Inputs {
        allowed_removals: None,
        ..taken_in()
    };
    assert_eq!(
        complaints(make(&before, published(&half))),
        [
            "the vendor's document: 1 of 3 operations are gone (delete_custom_field): it may be a part of the document; if they are gone for good, allow it with `--allow-removals 1`"
        ]
    );
    let allowed = Inputs {
        allowed_removals: Some(1),
        ..before.clone()
    };
    assert!(make(&allowed, published(&half)).is_ok());
    // An operation that moved to another path is not gone.
    let moved = with("/things/{", "/objects/{");
    assert!(make(&before, published(&moved)).is_ok());
}

#[test]
fn the_overlay_is_applied_and_an_action_without_a_place_is_named() {
    let overlay = |target: &str| {
        Some(format!(
            "overlay: 1.0.0\ninfo: {{title: t, version: '1'}}\nactions:\n  - target: {target}\n    description: why\n    update: {{type: string}}\n"
        ))
    };
    let inputs = Inputs {
        overlay: overlay("$.components.schemas.thing.properties.weight"),
        ..taken_in()
    };
    let made = make(&inputs, published(NEXT)).unwrap();
    let interface: Value = serde_json::from_str(file(&made, INTERFACE)).unwrap();
    let weight = &interface["components"]["schemas"]["thing"]["properties"]["weight"];
    assert_eq!(*weight, json!({"type": "string"}));
    // The report includes what the correction changes for a caller.
    let report = made.report.write(crate::report::Format::Text);
    let told = "get_thing_list 200 data[].weight: type number became string";
    assert!(report.contains(told), "{report}");
    assert!(!file(&made, UPSTREAM).contains("why"));

    let inputs = Inputs {
        overlay: overlay("$.paths['/gone']"),
        ..taken_in()
    };
    assert_eq!(
        complaints(make(&inputs, published(NEXT))),
        [
            "overlay.yaml, line 4, /actions/0: action on `$.paths['/gone']`: matches nothing; the document has no `['/gone']` at `$.paths`"
        ]
    );
}

#[test]
fn words_reach_the_client_and_new_places_without_words_are_reported() {
    let words = "
operations:
  create_thing:
    summary: Creates a thing.
    body:
      title: {text: Name., values: {'1': First., '2': Second.}}
  get_thing_list:
    parameters: {sort: {text: Order., values: {asc: Upwards., desc: Downwards.}}}
";
    let inputs = Inputs {
        words: Some(words.to_owned()),
        ..empty()
    };
    let made = make(&inputs, published(NEXT)).unwrap();
    let client: serde_json::Value = serde_json::from_str(file(&made, CLIENT)).unwrap();
    let create = &client["paths"]["/things/{location_id}"]["post"];
    assert_eq!(create["summary"], "Creates a thing.");
    // Lists of values are part of the description, except of string enums, which
    // have a variant for each value.
    assert!(file(&made, CLIENT).contains(r"Name.\n\n- `1`: First.\n- `2`: Second."));
    let parameters = &client["paths"]["/things/{location_id}"]["get"]["parameters"];
    let sort = parameters.as_array().unwrap().iter();
    let sort = sort.into_iter().find(|one| one["name"] == "sort").unwrap();
    assert_eq!(sort["description"], "Order.");
    assert_eq!(
        sort["schema"][grammar::VALUES],
        json!({"asc": "Upwards.", "desc": "Downwards."})
    );

    // The words stay when the document changes, and what is new needs words.
    let next = with(
        "                secret: ",
        "                color: { type: string }\n                secret: ",
    );
    let report = make(&after(&inputs, &made), published(&next))
        .unwrap()
        .report;
    assert_eq!(report.undescribed, ["create_thing body color"]);

    let gone = Inputs {
        words: Some(words.replace("title", "gone")),
        ..empty()
    };
    assert_eq!(
        complaints(make(&gone, published(NEXT))),
        ["words.yaml, line 6, /operations/create_thing/body/gone: the document has no such place"]
    );
}
