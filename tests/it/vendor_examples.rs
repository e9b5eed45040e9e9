//! Tests every example of the vendor's document with the types of its operation:
//! responses are decoded and encoded again without loss, and request bodies are
//! decoded and encoded again unchanged.
//!
//! The vendor's document is not in this repository. It is read from the directory
//! `ALTEGIO_SPEC_DIR`, or from `../shared/altegio`. If it is missing, the tests print
//! a note, and in CI (`CI=true`) they fail.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use altegio::UnknownField;
use altegio::b2b_v1::types;
use altegio::wire::{self, Failure, Mismatch, Mode};
use altegio_openapi::{grammar, pointer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use altegio_openapi::yaml::Document;

/// The number of examples in the document of 2026-07-22.
const EXPECTED: usize = 238;

// ---- the operations' own types --------------------------------------------------

/// Decodes a body as a type and encodes it again.
type RoundTrip = fn(&[u8], Mode) -> Result<Read, Failure>;

struct Read {
    value: Value,
    mismatches: Vec<Mismatch>,
    /// The fields that the type does not declare.
    unknown: Vec<UnknownField>,
}

fn round_trip<T: Serialize + DeserializeOwned>(body: &[u8], mode: Mode) -> Result<Read, Failure> {
    let decoded = wire::decode::<T>(body, mode)?;
    let written = wire::encode(&decoded.value).expect("what was read can be written");
    let unknown = match decoded.has_unknown_fields {
        true => wire::unknown_fields::<T>(body),
        false => Vec::new(),
    };
    assert_eq!(decoded.has_unknown_fields, !unknown.is_empty());
    Ok(Read {
        value: serde_json::from_slice(&written).expect("what was written is JSON"),
        mismatches: decoded.mismatches,
        unknown,
    })
}

/// Prints a text directly, because the test harness captures the output of `println!`.
fn say(text: &str) {
    use std::io::Write;
    writeln!(std::io::stderr(), "{text}").expect("stderr is open");
}

struct Row {
    answer: Option<RoundTrip>,
    body: Option<RoundTrip>,
}

fn rows() -> BTreeMap<&'static str, Row> {
    let mut rows = BTreeMap::new();
    macro_rules! row {
        ($id:literal $method:ident $kind:ident [$answer:ty] [$($body:ty $(, $held:ty)?)?] $($arguments:tt)*) => {
            rows.insert($id, Row { answer: row!(@ $kind $answer), body: row!(@ body $kind $($body)?) });
        };
        (@ json $answer:ty) => { Some(round_trip::<$answer> as RoundTrip) };
        (@ form $answer:ty) => { Some(round_trip::<$answer> as RoundTrip) };
        (@ raw $answer:ty) => { None };
        (@ none $answer:ty) => { None };
        (@ body form $body:ty) => { None };
        (@ body $kind:ident $body:ty) => { Some(round_trip::<$body> as RoundTrip) };
        (@ body $kind:ident) => { None };
    }
    altegio::__b2b_v1_operations!(row);
    rows
}

// ---- the examples ---------------------------------------------------------------

pub struct Example {
    pub operation: String,
    /// `request`, or the status of the response.
    pub place: String,
    pub media_type: String,
    pub value: Value,
}

impl Example {
    fn name(&self) -> String {
        format!("{} {}", self.operation, self.place)
    }

    fn round_trip(&self, rows: &BTreeMap<&'static str, Row>) -> Option<RoundTrip> {
        let row = rows
            .get(self.operation.as_str())
            .unwrap_or_else(|| panic!("{}: no such operation in the crate", self.operation));
        match self.place.as_str() {
            "request" => row.body,
            status if status.starts_with('2') => row.answer,
            _ => Some(round_trip::<types::ErrorBody>),
        }
    }
}

pub fn examples() -> Option<&'static [Example]> {
    static EXAMPLES: OnceLock<Option<Vec<Example>>> = OnceLock::new();
    let read = || {
        let directory = std::env::var_os("ALTEGIO_SPEC_DIR").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/altegio"),
            PathBuf::from,
        );
        let path = directory.join("b2b-v1.openapi.yaml");
        let Ok(text) = std::fs::read_to_string(&path) else {
            let message = format!(
                "NOT TESTED: the vendor's document is not at {}; set ALTEGIO_SPEC_DIR",
                path.display()
            );
            assert!(std::env::var_os("CI").is_none(), "{message}");
            say(&message);
            return None;
        };
        let document = Document::parse("b2b-v1.openapi.yaml", &text)
            .expect("the vendor's document is YAML")
            .value;
        Some(collect(&document))
    };
    EXAMPLES.get_or_init(read).as_deref()
}

fn collect(document: &Value) -> Vec<Example> {
    let resolve = |value| pointer::resolve(document, value).expect("references resolve");
    let mut examples = Vec::new();
    for (_, _, operation) in grammar::operations(document) {
        let id = operation["operationId"].as_str().expect("an operationId");
        let mut places = Vec::new();
        if let Some(body) = operation.get("requestBody") {
            places.push(("request".to_owned(), resolve(body)));
        }
        for (status, response) in operation["responses"].as_object().expect("responses") {
            // All operations share the same three referenced responses; see below.
            if response.get("$ref").is_none() {
                places.push((status.clone(), response));
            }
        }
        for (place, holder) in places {
            let content = holder.get("content").and_then(Value::as_object);
            for (media_type, media) in content.into_iter().flatten() {
                for value in of_media(document, media) {
                    examples.push(Example {
                        operation: id.to_owned(),
                        place: place.clone(),
                        media_type: media_type.clone(),
                        value: value.clone(),
                    });
                }
            }
        }
    }
    examples
}

/// Returns the examples of a media type, or else those of its schema, which may be a
/// reference to a component.
fn of_media<'a>(document: &'a Value, media: &'a Value) -> Vec<&'a Value> {
    if let Some(example) = media.get("example") {
        return vec![example];
    }
    if let Some(examples) = media.get("examples").and_then(Value::as_object) {
        let resolved = examples
            .values()
            .filter_map(|one| pointer::resolve(document, one));
        return resolved.filter_map(|one| one.get("value")).collect();
    }
    let Some(schema) = media.get("schema") else {
        return Vec::new();
    };
    let resolved = pointer::resolve(document, schema).unwrap_or(schema);
    schema
        .get("example")
        .or(resolved.get("example"))
        .into_iter()
        .collect()
}

// ---- what "nothing lost" means -----------------------------------------------------

/// Collects every key and value of `before` that `after` does not have.
fn lost(before: &Value, after: Option<&Value>, path: &str, lost_at: &mut Vec<String>) {
    let mut lose = || lost_at.push(format!("{path}: {before} became {after:?}"));
    match (before, after) {
        // For an optional field, null and absent are the same.
        (Value::Null, None | Some(Value::Null)) => {}
        (Value::Object(fields), Some(Value::Object(kept))) => {
            for (name, value) in fields {
                lost(value, kept.get(name), &format!("{path}.{name}"), lost_at);
            }
        }
        (Value::Array(items), Some(Value::Array(kept))) if items.len() == kept.len() => {
            for (index, (item, kept)) in items.iter().zip(kept).enumerate() {
                lost(item, Some(kept), &format!("{path}[{index}]"), lost_at);
            }
        }
        // PHP's empty object and empty list.
        (Value::Array(items), Some(Value::Object(kept))) if items.is_empty() && kept.is_empty() => {
        }
        (Value::Object(fields), Some(Value::Array(kept)))
            if fields.is_empty() && kept.is_empty() => {}
        (before, Some(after)) if same_scalar(before, after) => {}
        _ => lose(),
    }
}

/// Returns whether the values are equal, or equal after a documented conversion.
fn same_scalar(before: &Value, after: &Value) -> bool {
    let number = |value: &Value| value.as_f64();
    match (before, after) {
        (Value::Number(a), Value::Number(b)) => a == b || number(before) == number(after),
        (Value::Number(a), Value::String(b)) => a.to_string() == *b,
        (Value::String(a), Value::Number(_)) => a.parse().ok() == number(after),
        (Value::Number(a), Value::Bool(b)) => {
            number(&a.clone().into()) == Some(f64::from(u8::from(*b)))
        }
        (Value::Bool(a), Value::Number(_)) => Some(f64::from(u8::from(*a))) == number(after),
        (Value::String(a), Value::Bool(b)) => {
            a == if *b { "1" } else { "0" } || *a == b.to_string()
        }
        (a, b) => a == b,
    }
}

/// The document's example of upload_image misspells one key: `"image_group "`.
fn trim_keys(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.trim().to_owned(), trim_keys(value)))
            .collect(),
        Value::Array(items) => items.iter().map(trim_keys).collect(),
        scalar => scalar.clone(),
    }
}

/// The example of a request as this crate sends it. Phones and cards are texts
/// (`x-texts` in overlay.yaml), and set_team_member_schedule has `staff_id`, since the
/// server refuses the documented `team_member_id`.
fn corrected(example: &Example, value: &Value) -> Value {
    let value = with_texts(value);
    if example.operation != "set_team_member_schedule" {
        return value;
    }
    let text = value.to_string();
    let text = text.replace("\"team_member_id\"", "\"staff_id\"");
    serde_json::from_str(&text).expect("only a key was replaced")
}

fn with_texts(value: &Value) -> Value {
    let text = |name: &str, value: &Value| match value {
        Value::Number(number) if matches!(name, "phone" | "referrer_phone" | "card") => {
            Value::String(number.to_string())
        }
        value => with_texts(value),
    };
    match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (name.clone(), text(name, value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(with_texts).collect(),
        scalar => scalar.clone(),
    }
}

// ---- tests ---------------------------------------------------------------------------

#[test]
fn every_example_goes_through_its_operation_and_back() {
    let Some(examples) = examples() else { return };
    let rows = rows();
    let (mut good, mut counted, mut failures) = (0, 0, Vec::new());
    for example in examples {
        if example.operation == "get_visit_receipt_pdf" && example.place == "200" {
            // The response is binary, and the document's example is an empty string.
            assert_eq!(example.media_type, "application/pdf");
            counted += 1;
            good += 1;
            continue;
        }
        counted += 1;
        let Some(round_trip) = example.round_trip(&rows) else {
            failures.push(format!("{}: no type", example.name()));
            continue;
        };
        let mut value = trim_keys(&example.value);
        if example.place == "request" {
            value = corrected(example, &value);
        }
        let body = serde_json::to_vec(&value).expect("JSON");
        match round_trip(&body, Mode::Strict) {
            Err(failure) => failures.push(format!("{}: {failure}", example.name())),
            Ok(decoded) if example.place == "request" => {
                if decoded.value == value {
                    good += 1;
                } else {
                    failures.push(format!(
                        "{}: {value} became {}",
                        example.name(),
                        decoded.value
                    ));
                }
            }
            Ok(decoded) => {
                let mut lost_at = Vec::new();
                lost(&value, Some(&decoded.value), "$", &mut lost_at);
                if lost_at.is_empty() && decoded.unknown.is_empty() {
                    good += 1;
                } else {
                    failures.push(format!("{}: {}", example.name(), lost_at.join("; ")));
                }
            }
        }
    }
    say(&format!("examples: {good} of {counted}"));
    assert!(
        failures.is_empty(),
        "{}\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        counted >= EXPECTED,
        "{counted} examples found, {EXPECTED} known"
    );
}

/// Mutates each value of each response example in turn.
#[test]
fn mutated_answers_lose_nothing_silently() {
    let Some(examples) = examples() else { return };
    let rows = rows();
    let mut tally = Tally::default();
    for example in examples.iter().filter(|example| example.place != "request") {
        let Some(round_trip) = example.round_trip(&rows) else {
            continue;
        };
        let value = trim_keys(&example.value);
        let mut places = Vec::new();
        pointers(&value, String::new(), &mut places);
        for place in places {
            for (what, changed) in mutations(value.pointer(&place).expect("it stands there")) {
                let mut mutated = value.clone();
                *mutated.pointer_mut(&place).expect("it stands there") = changed;
                let name = format!("{} {place} {what}", example.name());
                tally.judge(&name, &mutated, round_trip);
            }
        }
    }
    say(&format!(
        "mutated answers: {} kept whole, {} with a mismatch, {} with an unknown field, {} errors; \
         strict: {} kept whole, {} errors",
        tally.whole,
        tally.mismatched,
        tally.unknown,
        tally.errors,
        tally.strict_whole,
        tally.strict_errors
    ));
    assert!(
        tally.failures.is_empty(),
        "{}\n{}",
        tally.failures.len(),
        tally.failures.join("\n")
    );
    assert!(tally.whole > 0 && tally.mismatched > 0 && tally.unknown > 0);
}

#[derive(Default)]
struct Tally {
    whole: usize,
    mismatched: usize,
    unknown: usize,
    errors: usize,
    strict_whole: usize,
    strict_errors: usize,
    failures: Vec<String>,
}

impl Tally {
    fn judge(&mut self, name: &str, mutated: &Value, round_trip: RoundTrip) {
        let body = serde_json::to_vec(mutated).expect("JSON");
        match round_trip(&body, Mode::Strict) {
            Ok(_) => self.strict_whole += 1,
            Err(failure) if failure.path.starts_with('$') => self.strict_errors += 1,
            Err(failure) => self.failures.push(format!("{name}: no place: {failure}")),
        }
        let decoded = match round_trip(&body, Mode::Salvage) {
            Ok(decoded) => decoded,
            Err(failure) if failure.path.starts_with('$') => {
                self.errors += 1;
                return;
            }
            Err(failure) => {
                self.failures.push(format!("{name}: no place: {failure}"));
                return;
            }
        };
        let mismatches = decoded.mismatches.iter().map(|m| (m.path.as_str(), &m.raw));
        let unknown = decoded.unknown.iter().map(|f| (f.path.as_str(), &f.raw));
        let set_aside: BTreeMap<&str, Value> = mismatches
            .chain(unknown)
            .map(|(path, raw)| {
                (
                    path,
                    serde_json::from_str(raw).expect("raw values are JSON"),
                )
            })
            .collect();
        let mut lost_at = Vec::new();
        let mut found = 0;
        let rest = without(mutated, "$", &mut |path, value| {
            let Some(kept) = set_aside.get(path) else {
                return false;
            };
            found += 1;
            if kept != value {
                lost_at.push(format!("{path}: {value} was set aside as {kept}"));
            }
            true
        });
        // Every leaf is in the decoded value or in a mismatch at its path.
        if found != set_aside.len() {
            lost_at.push(format!("of {:?} only {found} are there", set_aside.keys()));
        }
        lost(&rest, Some(&decoded.value), "$", &mut lost_at);
        if !lost_at.is_empty() {
            self.failures
                .push(format!("{name}: {}", lost_at.join("; ")));
        } else if !decoded.mismatches.is_empty() {
            self.mismatched += 1;
        } else if !decoded.unknown.is_empty() {
            self.unknown += 1;
        } else {
            self.whole += 1;
        }
    }
}

/// Collects the JSON pointers of all values.
fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(value, format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            // The items of a list have the same type, so two of them suffice.
            for (index, item) in items.iter().enumerate().take(2) {
                pointers(item, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
    found.push(at);
}

/// Returns other values to test instead of a value.
fn mutations(value: &Value) -> Vec<(&'static str, Value)> {
    let mut mutations = vec![
        ("null", Value::Null),
        ("number", 7.into()),
        ("text", "?!".into()),
    ];
    match value {
        Value::Object(fields) => {
            mutations.push(("empty array", serde_json::json!([])));
            let mut more = fields.clone();
            more.insert("zz_unlisted".to_owned(), serde_json::json!({"a": [1]}));
            mutations.push(("unknown field", Value::Object(more)));
        }
        Value::Array(_) => mutations.push(("empty", serde_json::json!([]))),
        _ => mutations.extend([
            ("boolean", true.into()),
            ("fraction", 1.5.into()),
            ("object", serde_json::json!({"a": 1})),
            ("array", serde_json::json!([1])),
        ]),
    }
    mutations
}

/// Returns `value` without the parts that were set aside.
fn without(value: &Value, path: &str, is_aside: &mut impl FnMut(&str, &Value) -> bool) -> Value {
    match value {
        Value::Object(fields) => {
            let mut kept = serde_json::Map::new();
            for (name, value) in fields {
                let plain =
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let path = if plain {
                    format!("{path}.{name}")
                } else {
                    format!("{path}[{name:?}]")
                };
                if !is_aside(&path, value) {
                    kept.insert(name.clone(), without(value, &path, is_aside));
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => {
            let mut kept = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                if !is_aside(&path, item) {
                    kept.push(without(item, &path, is_aside));
                }
            }
            Value::Array(kept)
        }
        scalar => scalar.clone(),
    }
}
