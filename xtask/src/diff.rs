//! What a new document changes for a caller, by operation and field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use altegio_openapi::grammar::{self, Pointer};

/// One change, as a caller meets it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// `false` sorts first: breaking changes lead the report.
    pub compatible: bool,
    pub operation: String,
    /// `path location_id`, `request client.phone`, `200 data[].id`; empty for the operation itself.
    pub place: String,
    pub what: String,
}

/// The size of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Counts {
    pub paths: usize,
    pub operations: usize,
    pub deprecated: usize,
    pub tags: usize,
    pub schemas: usize,
    /// Properties, wherever they stand.
    pub fields: usize,
}

pub fn counts(document: &Value) -> Counts {
    let mut counts = Counts {
        paths: document["paths"].as_object().map_or(0, |paths| paths.len()),
        schemas: document
            .pointer("/components/schemas")
            .and_then(Value::as_object)
            .map_or(0, |schemas| schemas.len()),
        ..Counts::default()
    };
    let mut tags = BTreeSet::new();
    for (_, _, operation) in grammar::operations(document) {
        counts.operations += 1;
        counts.deprecated += usize::from(operation["deprecated"] == true);
        let named = operation["tags"].as_array().into_iter().flatten();
        tags.extend(named.filter_map(Value::as_str));
    }
    counts.tags = tags.len();
    grammar::walk(document, &mut |_, kind, object| {
        if kind == grammar::Kind::Schema {
            let properties = object.get("properties").and_then(Value::as_object);
            counts.fields += properties.map_or(0, |properties| properties.len());
        }
    });
    counts
}

/// The changes from `old` to `new`, breaking ones first.
pub fn diff(old: &Value, new: &Value) -> Vec<Change> {
    let (old, new) = (interface(old), interface(new));
    let mut changes = Vec::new();
    let mut push = |compatible, operation: &str, place: &str, what: String| {
        changes.push(Change {
            compatible,
            operation: operation.to_owned(),
            place: place.to_owned(),
            what,
        });
    };
    for (id, before) in &old {
        let Some(after) = new.get(id) else {
            push(
                false,
                id,
                "",
                format!("operation removed ({})", before.route),
            );
            continue;
        };
        if before.route != after.route {
            let what = format!("moved from {} to {}", before.route, after.route);
            push(true, id, "", what);
        }
        for (compatible, name, a, b) in [
            (false, "tags", &before.tags, &after.tags),
            (true, "security", &before.security, &after.security),
            (true, "deprecated", &before.deprecated, &after.deprecated),
        ] {
            if a != b {
                push(compatible, id, "", format!("{name}: {a} became {b}"));
            }
        }
        compare_fields(
            &before.fields,
            &after.fields,
            &mut |compatible, place, what| {
                push(compatible, id, place, what);
            },
        );
    }
    for (id, operation) in &new {
        if !old.contains_key(id) {
            push(
                true,
                id,
                "",
                format!("operation added ({})", operation.route),
            );
        }
    }
    changes.sort();
    changes
}

fn compare_fields(
    old: &BTreeMap<String, Field>,
    new: &BTreeMap<String, Field>,
    push: &mut impl FnMut(bool, &str, String),
) {
    let has_parent = |fields: &BTreeMap<String, Field>, place: &str| {
        place.rsplit_once(['.', '[']).is_some_and(|(parent, _)| {
            !fields.contains_key(parent.trim_end_matches(']')) && parent.contains(' ')
        })
    };
    for (place, before) in old {
        let Some(after) = new.get(place) else {
            // Said of the outermost field only.
            if !has_parent(new, place) {
                push(false, place, "removed".to_owned());
            }
            continue;
        };
        if before.types != after.types {
            let what = format!("type {} became {}", before.types, after.types);
            push(false, place, what);
        }
        match (before.required, after.required) {
            (false, true) => push(!before.sent, place, "became required".to_owned()),
            (true, false) => push(before.sent, place, "became optional".to_owned()),
            _ => {}
        }
        if before.values != after.values {
            let gone: Vec<&str> = before
                .values
                .difference(&after.values)
                .map(String::as_str)
                .collect();
            let come: Vec<&str> = after
                .values
                .difference(&before.values)
                .map(String::as_str)
                .collect();
            if !gone.is_empty() {
                push(false, place, format!("enum lost {}", gone.join(", ")));
            }
            if !come.is_empty() {
                push(
                    !before.sent,
                    place,
                    format!("enum gained {}", come.join(", ")),
                );
            }
        }
    }
    for (place, after) in new {
        if !old.contains_key(place) && !has_parent(old, place) {
            let required = after.sent && after.required;
            let what = if required { "added, required" } else { "added" };
            push(!required, place, what.to_owned());
        }
    }
}

#[derive(Default)]
struct Operation {
    route: String,
    tags: String,
    security: String,
    deprecated: String,
    fields: BTreeMap<String, Field>,
}

struct Field {
    types: String,
    required: bool,
    values: BTreeSet<String>,
    /// Stands in the request rather than in an answer.
    sent: bool,
}

fn interface(document: &Value) -> BTreeMap<String, Operation> {
    grammar::operations(document)
        .map(|(path, method, operation)| {
            let id = operation["operationId"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let security = operation.get("security").or(document.get("security"));
            let mut flat = Operation {
                route: format!("{} {path}", method.to_ascii_uppercase()),
                tags: operation["tags"].to_string(),
                security: security.map_or_else(|| "none".to_owned(), Value::to_string),
                deprecated: (operation["deprecated"] == true).to_string(),
                fields: BTreeMap::new(),
            };
            let item = &document["paths"][path];
            for holder in [item, operation] {
                let list = holder.get("parameters").and_then(Value::as_array);
                for parameter in list.into_iter().flatten() {
                    let Some(parameter) = grammar::resolve(document, parameter) else {
                        continue;
                    };
                    let place = format!(
                        "{} {}",
                        parameter["in"].as_str().unwrap_or_default(),
                        parameter["name"].as_str().unwrap_or_default()
                    );
                    let required = parameter["required"] == true;
                    let mut flatten = Flatten {
                        document,
                        sent: true,
                        fields: &mut flat.fields,
                    };
                    flatten.schema(&parameter["schema"], place, required, &mut Vec::new());
                }
            }
            if let Some(body) = operation
                .get("requestBody")
                .and_then(|b| grammar::resolve(document, b))
            {
                flat.content(document, "request", body, true);
            }
            for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                if let Some(response) = grammar::resolve(document, response) {
                    flat.content(document, status, response, false);
                }
            }
            (id, flat)
        })
        .collect()
}

impl Operation {
    fn content(&mut self, document: &Value, name: &str, holder: &Value, sent: bool) {
        let content = holder.get("content").and_then(Value::as_object);
        for (media_type, media) in content.into_iter().flatten() {
            let json = media_type == "application/json";
            let place = if json {
                name.to_owned()
            } else {
                format!("{name} {media_type}")
            };
            let required = holder["required"] == true;
            let mut flatten = Flatten {
                document,
                sent,
                fields: &mut self.fields,
            };
            flatten.schema(&media["schema"], place, required, &mut Vec::new());
        }
        if content.is_none() && !sent {
            self.fields.insert(
                name.to_owned(),
                Field {
                    types: "nothing".to_owned(),
                    required: false,
                    values: BTreeSet::new(),
                    sent,
                },
            );
        }
    }
}

struct Flatten<'a> {
    document: &'a Value,
    sent: bool,
    fields: &'a mut BTreeMap<String, Field>,
}

impl Flatten<'_> {
    fn schema(&mut self, schema: &Value, place: String, required: bool, open: &mut Vec<Value>) {
        let schema = grammar::resolve(self.document, schema).unwrap_or(schema);
        // A type that holds itself ends here.
        if open.contains(schema) {
            return;
        }
        open.push(schema.clone());
        let mut types: BTreeSet<String> = match &schema["type"] {
            Value::String(one) => [one.clone()].into(),
            Value::Array(several) => several
                .iter()
                .filter_map(|t| t.as_str().map(str::to_owned))
                .collect(),
            _ => BTreeSet::new(),
        };
        if let Some(format) = schema["format"].as_str() {
            types.insert(format!("({format})"));
        }
        let values: BTreeSet<String> = schema["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect();
        let mut listed: BTreeSet<&str> = BTreeSet::new();
        let mut parts = vec![schema];
        for key in ["allOf", "oneOf", "anyOf"] {
            for branch in schema[key].as_array().into_iter().flatten() {
                let branch = grammar::resolve(self.document, branch).unwrap_or(branch);
                if let Some(name) = branch["type"].as_str() {
                    types.insert(name.to_owned());
                }
                parts.push(branch);
            }
        }
        for part in &parts {
            listed.extend(
                part["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str),
            );
        }
        let entry = Field {
            types: if types.is_empty() {
                "any".to_owned()
            } else {
                types.into_iter().collect::<Vec<_>>().join(" ")
            },
            required,
            values,
            sent: self.sent,
        };
        self.fields.insert(place.clone(), entry);
        for part in &parts {
            for (name, property) in part["properties"].as_object().into_iter().flatten() {
                let separator = if place.contains(' ') { '.' } else { ' ' };
                let required = listed.contains(name.as_str());
                self.schema(
                    property,
                    format!("{place}{separator}{name}"),
                    required,
                    open,
                );
            }
            for (key, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
                if part[key].is_object() {
                    let space = if place.contains(' ') { "" } else { " " };
                    self.schema(&part[key], format!("{place}{space}{suffix}"), true, open);
                }
            }
        }
        open.pop();
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Markdown,
    Json,
}

/// The report of a run. `old` is `None` on the first one.
pub fn report(
    format: Format,
    old: Option<&Value>,
    new: &Value,
    notes: &[crate::lower::Note],
) -> String {
    let changes = old.map(|old| diff(old, new));
    let counts = counts(new);
    if format == Format::Json {
        let value = serde_json::json!({
            "counts": counts,
            "changes": changes,
            "not_expressed": notes.iter().map(|note| {
                serde_json::json!({"at": Pointer::as_str(&note.at), "what": note.what})
            }).collect::<Vec<_>>(),
        });
        return format!("{value:#}\n");
    }
    let markdown = format == Format::Markdown;
    let heading = |text: &str| {
        if markdown {
            format!("\n### {text}\n\n")
        } else {
            format!("\n{text}\n")
        }
    };
    let mut text = format!(
        "{} operations ({} deprecated) on {} paths, {} tags, {} schemas, {} fields; {} places not expressed (lowering.txt)\n",
        counts.operations,
        counts.deprecated,
        counts.paths,
        counts.tags,
        counts.schemas,
        counts.fields,
        notes.len()
    );
    let Some(changes) = changes else {
        return text;
    };
    if changes.is_empty() {
        text.push_str("no change to the interface\n");
        return text;
    }
    let breaking = changes.iter().filter(|change| !change.compatible).count();
    for (compatible, count, title) in [
        (false, breaking, "breaking"),
        (true, changes.len() - breaking, "compatible"),
    ] {
        if count == 0 {
            continue;
        }
        text.push_str(&heading(&format!("{count} {title}")));
        for change in changes
            .iter()
            .filter(|change| change.compatible == compatible)
        {
            let _ = if markdown {
                let place = if change.place.is_empty() {
                    String::new()
                } else {
                    format!(" `{}`", change.place)
                };
                writeln!(text, "- `{}`{place}: {}", change.operation, change.what)
            } else {
                let place = if change.place.is_empty() {
                    String::new()
                } else {
                    format!(" {}", change.place)
                };
                writeln!(text, "  {}{place}: {}", change.operation, change.what)
            };
        }
    }
    text
}
