//! `cargo xtask update-spec` as a maintainer runs it, on the committed
//! document and on documents made from it that differ in many places.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("update-spec")
        .args(arguments)
        .output()
        .expect("the xtask runs")
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/b2b-v1")
}

fn upstream() -> String {
    std::fs::read_to_string(committed().join("upstream.yaml")).expect("upstream.yaml is committed")
}

/// A directory with the committed files, or none of them, and a document to take in.
struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    fn empty(document: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("next.yaml"), document).expect("written");
        std::fs::create_dir(directory.path().join("spec")).expect("made");
        Self { directory }
    }

    /// With the committed interface to compare with. The overlay stays away:
    /// what it corrects may be gone from a changed document.
    fn with_committed(document: &str) -> Self {
        let desk = Self::empty(document);
        std::fs::write(desk.path("upstream.yaml"), upstream()).expect("written");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("spec").join(name)
    }

    fn run(&self, more: &[&str]) -> Output {
        let next = self.directory.path().join("next.yaml");
        let spec = self.directory.path().join("spec");
        let mut arguments = vec!["--directory", spec.to_str().expect("UTF-8")];
        if !more.contains(&"--no-from") {
            arguments.extend(["--from", next.to_str().expect("UTF-8")]);
        }
        arguments.extend(more.iter().filter(|argument| **argument != "--no-from"));
        run(&arguments)
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path().join("spec")).expect("read");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("read")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .collect();
        names.sort();
        names
    }
}

fn stdout(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    assert!(!output.status.success(), "it succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_committed_files_are_what_the_committed_document_gives() {
    stdout(&run(&["--check"]));
}

#[test]
fn a_first_run_counts_and_a_second_one_changes_no_byte() {
    let desk = Desk::empty(&upstream());
    let report = stdout(&desk.run(&[]));
    assert!(
        report.starts_with("260 operations (16 deprecated) on 202 paths, 27 tags, 240 schemas"),
        "{report}"
    );
    assert_eq!(
        desk.files(),
        [
            "client.json",
            "interface.json",
            "lowering.txt",
            "source.toml",
            "upstream.yaml"
        ]
    );
    let before: Vec<Vec<u8>> = desk
        .files()
        .iter()
        .map(|name| std::fs::read(desk.path(name)).unwrap())
        .collect();
    let report = stdout(&desk.run(&[]));
    assert!(report.contains("no change to the interface"), "{report}");
    let after: Vec<Vec<u8>> = desk
        .files()
        .iter()
        .map(|name| std::fs::read(desk.path(name)).unwrap())
        .collect();
    assert!(before == after);
    stdout(&desk.run(&["--check"]));
    stdout(&desk.run(&["--check", "--no-from"]));
}

#[test]
fn check_fails_where_a_file_was_edited_by_hand_and_names_it() {
    let desk = Desk::empty(&upstream());
    stdout(&desk.run(&[]));
    let client = std::fs::read_to_string(desk.path("client.json")).unwrap();
    std::fs::write(
        desk.path("client.json"),
        client.replacen("get_location_list", "list", 1),
    )
    .unwrap();
    let error = stderr(&desk.run(&["--check", "--no-from"]));
    assert!(error.contains("client.json differs from line"), "{error}");
    assert!(error.contains("run `cargo xtask update-spec`"), "{error}");
}

#[test]
fn the_features_in_cargo_toml_are_written_and_checked() {
    let desk = Desk::empty(&upstream());
    let manifest = desk.directory.path().join("Cargo.toml");
    let markers = "[features]\n\
        # Written by `cargo xtask update-spec`: a feature for each tag of the document.\n\
        # The end of what `cargo xtask update-spec` writes.\n";
    std::fs::write(&manifest, markers).expect("written");
    let arguments = ["--manifest", manifest.to_str().expect("UTF-8")];
    stdout(&desk.run(&arguments));
    let written = std::fs::read_to_string(&manifest).expect("read");
    assert!(written.contains("custom-fields = []\n"), "{written}");
    stdout(&desk.run(&[&arguments[..], &["--check"]].concat()));

    std::fs::write(&manifest, written.replace("tags = []\n", "")).expect("written");
    let error = stderr(&desk.run(&[&arguments[..], &["--check"]].concat()));
    assert!(error.contains("Cargo.toml differs from line"), "{error}");
    std::fs::write(&manifest, "[features]\n").expect("written");
    let error = stderr(&desk.run(&arguments));
    assert!(error.contains("Cargo.toml: the line"), "{error}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let desk = Desk::empty(&upstream());
    stdout(&desk.run(&["--dry-run"]));
    assert!(desk.files().is_empty());
}

#[test]
fn a_document_changed_in_hundreds_of_places_is_taken_in() {
    let before = upstream();
    // Every company path becomes a location path, a tag is renamed, flags become texts.
    let next = before
        .replace("\"/company/{location_id}", "\"/locations/{location_id}")
        .replace("- Custom Fields", "- Extra Fields & More")
        .replace("name: Custom Fields", "name: Extra Fields & More")
        .replace("show_in_ui:\n                    type: boolean", "show_in_ui:\n                    type:\n                      - string\n                      - boolean\n                      - \"null\"");
    let changed = before
        .lines()
        .zip(next.lines())
        .filter(|(a, b)| a != b)
        .count();
    assert!(changed > 50, "{changed}");
    let desk = Desk::with_committed(&next);
    let report = stdout(&desk.run(&[]));
    assert!(report.contains("get_custom_field_list: tags: "), "{report}");
    assert!(
        report.contains(": moved from GET /company/{location_id}"),
        "{report}"
    );
    stdout(&desk.run(&["--check"]));
}

#[test]
fn new_unions_const_and_definitions_are_taken_in() {
    let schema = "
    zz_new_union:
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
        inner: { $ref: '#/components/schemas/zz_new_union/$defs/inner' }
        again: { $ref: '#/components/schemas/zz_new_union' }
  parameters:
";
    let next = upstream()
        .replacen("\n  parameters:\n", schema, 1)
        .replacen(
            "$ref: \"#/components/schemas/auth_response\"",
            "$ref: \"#/components/schemas/zz_new_union\"",
            1,
        );
    let desk = Desk::with_committed(&next);
    let report = stdout(&desk.run(&["--format", "json"]));
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["counts"]["schemas"], 241);
    let changes = report["changes"].as_array().expect("changes");
    assert!(
        changes
            .iter()
            .any(|change| change["operation"] == "authorize_user"),
        "{changes:?}"
    );
}

#[test]
fn the_report_leads_with_what_breaks_a_caller() {
    let before = upstream();
    let start = before
        .find("  \"/custom_fields/{field_category}/{location_id}/{field_id}\":")
        .expect("the path");
    let end = start
        + 3
        + before[start + 3..]
            .find("\n  \"/")
            .expect("a path after it");
    let next = format!("{}{}", &before[..start], &before[end + 1..])
        .replacen(
            "      required:\n        - login\n        - password",
            "      required:\n        - login",
            1,
        )
        .replacen("            - ASC\n", "", 1);
    let desk = Desk::with_committed(&next);
    let report = stdout(&desk.run(&["--dry-run"]));
    let breaking = report.find(" breaking").expect("breaking changes");
    let compatible = report.find(" compatible").expect("compatible changes");
    assert!(breaking < compatible);
    for line in [
        "delete_custom_field: operation removed (DELETE /custom_fields/{field_category}/{location_id}/{field_id})",
        "update_custom_field: operation removed (PUT",
        "get_client_list request order_by_direction: enum lost \"ASC\"",
    ] {
        assert!(
            report[breaking..compatible].contains(line),
            "{line}\n{report}"
        );
    }
    assert!(
        report[compatible..].contains("authorize_user request password: became optional"),
        "{report}"
    );
    let markdown = stdout(&desk.run(&["--dry-run", "--format", "markdown"]));
    assert!(
        markdown.contains("\n### ")
            && markdown.contains("- `delete_custom_field`: operation removed")
    );
}

#[test]
fn a_broken_document_is_refused_whole_and_writes_nothing() {
    let next = upstream()
        .replacen("openapi: 3.1.1", "openapi: 3.0.3", 1)
        .replacen(
            "#/components/schemas/auth_request",
            "#/components/schemas/gone",
            1,
        )
        .replacen(
            "operationId: get_location_list",
            "operationId: get_location",
            1,
        );
    let desk = Desk::with_committed(&next);
    let error = stderr(&desk.run(&[]));
    for part in [
        "3 thing(s) to mend; nothing was written",
        "line 1, /openapi",
        "gone` points to nothing",
        "operationId `get_location` is taken",
    ] {
        assert!(error.contains(part), "{part}\n{error}");
    }
    assert_eq!(desk.files(), ["upstream.yaml"]);
}

#[test]
fn an_overlay_action_without_a_place_stops_the_update_and_is_named() {
    let desk = Desk::with_committed(&upstream());
    let overlay = "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n  - target: $.paths['/gone']\n    description: why\n    remove: true\n";
    std::fs::write(desk.path("overlay.yaml"), overlay).unwrap();
    let error = stderr(&desk.run(&[]));
    assert!(
        error.contains("line 4, /actions/0: action on `$.paths['/gone']`: matches nothing"),
        "{error}"
    );
    assert_eq!(desk.files(), ["overlay.yaml", "upstream.yaml"]);
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_remedy() {
    let error = stderr(&run(&["--from", "no-such-file.yaml", "--dry-run"]));
    assert!(
        error.contains("cannot read no-such-file.yaml; give `--from FILE`"),
        "{error}"
    );
}
