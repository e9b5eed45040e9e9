//! A document from the caller's point of view: the operations by id, and the
//! fields that each of them sends and receives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use altegio_openapi::grammar;
use altegio_openapi::pointer;

#[derive(Default)]
pub struct Operation {
    /// `GET /clients/{location_id}`
    pub route: String,
    pub tags: String,
    /// The alternative security requirements, each with the schemes it needs.
    pub security: BTreeSet<BTreeSet<String>>,
    pub deprecated: String,
    /// `x-paging` as JSON, if the operation has it.
    pub paging: Option<String>,
    /// `x-idempotent` as JSON, if the operation has it.
    pub idempotent: Option<String>,
    pub fields: BTreeMap<Place, Field>,
}

pub struct Field {
    pub types: String,
    pub required: bool,
    /// The allowed values; empty if the field is not limited to an enum.
    pub values: BTreeSet<String>,
    /// Other constraints on its values, and its default, by keyword.
    pub limits: BTreeMap<&'static str, Value>,
}

/// The keywords in [`Field::limits`].
const LIMITS: [&str; 13] = [
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "default",
];

/// The location of a field in an operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub side: Side,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// A parameter, such as `path location_id`.
    Parameter { place: String, name: String },
    /// The request body, with its media type unless that is JSON.
    Request { media_type: Option<String> },
    /// A response such as `200`, with its media type unless that is JSON.
    Response {
        status: String,
        media_type: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Field(String),
    Item,
    /// A value of a map.
    Value,
}

impl Place {
    fn new(side: Side) -> Self {
        Self {
            side,
            steps: Vec::new(),
        }
    }

    fn join(&self, step: Step) -> Self {
        let mut place = self.clone();
        place.steps.push(step);
        place
    }

    /// The place that contains this one.
    pub fn parent(&self) -> Option<Self> {
        let (_, steps) = self.steps.split_last()?;
        Some(Self {
            side: self.side.clone(),
            steps: steps.to_vec(),
        })
    }

    pub fn is_sent(&self) -> bool {
        !matches!(self.side, Side::Response { .. })
    }
}

/// Formats a place as `query page`, `request client.phone` or `200 data[].id`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, media_type) = match &self.side {
            Side::Parameter { place, name } => {
                write!(f, "{place} {name}")?;
                ("", &None)
            }
            Side::Request { media_type } => ("request", media_type),
            Side::Response { status, media_type } => (status.as_str(), media_type),
        };
        f.write_str(first)?;
        if let Some(media_type) = media_type {
            write!(f, " {media_type}")?;
        }
        let is_body = !matches!(self.side, Side::Parameter { .. });
        for (index, step) in self.steps.iter().enumerate() {
            let starts = index == 0 && is_body;
            if starts {
                f.write_str(" ")?;
            }
            match step {
                Step::Field(name) if starts => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Item => f.write_str("[]")?,
                Step::Value => f.write_str("{}")?,
            }
        }
        Ok(())
    }
}

/// The operations of a document, by operation id.
pub fn interface(document: &Value) -> BTreeMap<String, Operation> {
    grammar::operations(document)
        .map(|(path, method, operation)| {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let flat = flat_operation(document, path, method, operation);
            (id.to_owned(), flat)
        })
        .collect()
}

fn flat_operation(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let extension = |key: &str| operation.get(key).map(Value::to_string);
    let mut flatten = Flatten {
        document,
        fields: BTreeMap::new(),
        open: Vec::new(),
    };
    for holder in [&document["paths"][path], operation] {
        let list = holder.get("parameters").and_then(Value::as_array);
        for parameter in list.into_iter().flatten() {
            if let Some(parameter) = pointer::resolve(document, parameter) {
                flatten.parameter(parameter);
            }
        }
    }
    if let Some(body) = operation.get("requestBody")
        && let Some(body) = pointer::resolve(document, body)
    {
        flatten.content(body, |media_type| Side::Request { media_type });
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let Some(response) = pointer::resolve(document, response) else {
            continue;
        };
        let side = |media_type| Side::Response {
            status: status.clone(),
            media_type,
        };
        flatten.content(response, side);
        if response.get("content").is_none() {
            let nothing = Field {
                types: "nothing".to_owned(),
                required: false,
                values: BTreeSet::new(),
                limits: BTreeMap::new(),
            };
            flatten.fields.insert(Place::new(side(None)), nothing);
        }
    }
    Operation {
        route: format!("{} {path}", method.to_ascii_uppercase()),
        tags: operation["tags"].to_string(),
        security: security(operation.get("security").or(document.get("security"))),
        paging: extension("x-paging"),
        idempotent: extension("x-idempotent"),
        deprecated: (operation["deprecated"] == true).to_string(),
        fields: flatten.fields,
    }
}

fn security(requirements: Option<&Value>) -> BTreeSet<BTreeSet<String>> {
    let schemes = |requirement: &Value| {
        let schemes = requirement.as_object().into_iter().flatten();
        schemes.map(|(name, _)| name.clone()).collect()
    };
    match requirements.and_then(Value::as_array) {
        Some(ways) if !ways.is_empty() => ways.iter().map(schemes).collect(),
        _ => BTreeSet::from([BTreeSet::new()]),
    }
}

struct Flatten<'a> {
    document: &'a Value,
    fields: BTreeMap<Place, Field>,
    /// The schemas that contain the current one. A schema that contains itself is
    /// not entered again.
    open: Vec<&'a Value>,
}

impl<'a> Flatten<'a> {
    fn parameter(&mut self, parameter: &'a Value) {
        let text = |key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
        let place = Place::new(Side::Parameter {
            place: text("in"),
            name: text("name"),
        });
        self.schema(&parameter["schema"], place, parameter["required"] == true);
    }

    fn content(&mut self, holder: &'a Value, side: impl Fn(Option<String>) -> Side) {
        let content = holder.get("content").and_then(Value::as_object);
        for (media_type, media) in content.into_iter().flatten() {
            let other = (media_type != "application/json").then(|| media_type.clone());
            let place = Place::new(side(other));
            self.schema(&media["schema"], place, holder["required"] == true);
        }
    }

    fn schema(&mut self, schema: &'a Value, place: Place, required: bool) {
        let document = self.document;
        let schema = pointer::resolve(document, schema).unwrap_or(schema);
        if self.open.contains(&schema) {
            return;
        }
        self.open.push(schema);
        let mut parts = Vec::new();
        add_parts(document, schema, &mut parts);
        let mut types = BTreeSet::new();
        for part in &parts {
            match &part["type"] {
                Value::String(one) => {
                    types.insert(one.clone());
                }
                Value::Array(_) => {
                    types.extend(
                        list(part, "type")
                            .filter_map(Value::as_str)
                            .map(str::to_owned),
                    );
                }
                _ => {}
            }
            if let Some(format) = part["format"].as_str() {
                types.insert(format!("({format})"));
            }
        }
        let listed: BTreeSet<&str> = parts
            .iter()
            .flat_map(|part| list(part, "required").filter_map(Value::as_str))
            .collect();
        let field = Field {
            types: if types.is_empty() {
                "any".to_owned()
            } else {
                types.into_iter().collect::<Vec<_>>().join(" ")
            },
            required,
            values: parts.iter().flat_map(|part| values(part)).collect(),
            limits: LIMITS
                .into_iter()
                .filter_map(|key| {
                    let said = parts.iter().find_map(|part| part.get(key))?;
                    Some((key, said.clone()))
                })
                .collect(),
        };
        self.fields.insert(place.clone(), field);
        for part in &parts {
            for (name, property) in part["properties"].as_object().into_iter().flatten() {
                let required = listed.contains(name.as_str());
                self.schema(property, place.join(Step::Field(name.clone())), required);
            }
            for (key, step) in [("items", Step::Item), ("additionalProperties", Step::Value)] {
                if part[key].is_object() {
                    self.schema(&part[key], place.join(step), true);
                }
            }
        }
        self.open.pop();
    }
}

/// Adds the schema, and its `allOf`, `oneOf` and `anyOf` members at any depth,
/// to `parts`.
fn add_parts<'a>(document: &'a Value, schema: &'a Value, parts: &mut Vec<&'a Value>) {
    let schema = pointer::resolve(document, schema).unwrap_or(schema);
    if parts.iter().any(|part| std::ptr::eq(*part, schema)) {
        return;
    }
    parts.push(schema);
    for key in ["allOf", "oneOf", "anyOf"] {
        for part in list(schema, key) {
            add_parts(document, part, parts);
        }
    }
}

/// The values of `enum` or `const`.
fn values(schema: &Value) -> impl Iterator<Item = String> {
    let constant = schema.get("const").into_iter();
    list(schema, "enum").chain(constant).map(Value::to_string)
}

fn list<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    schema[key].as_array().into_iter().flatten()
}
