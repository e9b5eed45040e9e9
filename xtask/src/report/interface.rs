//! A document from the caller's point of view: its operations and webhooks, and
//! the fields that each of them sends and receives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use altegio_openapi::api::Template;
use altegio_openapi::grammar;
use altegio_openapi::pointer;

/// A document.
#[derive(Default)]
pub struct Interface {
    /// What concerns every operation, by a name for the report: the servers and
    /// the security schemes.
    pub common: BTreeMap<String, String>,
    /// By id. A webhook's id is `webhook` and its name.
    pub operations: BTreeMap<String, Operation>,
}

#[derive(Default)]
pub struct Operation {
    /// `GET /clients/{location_id}`
    pub route: String,
    /// Whether the server sends the request and the caller responds.
    pub is_webhook: bool,
    pub tags: String,
    /// The alternative security requirements, each with the schemes it needs.
    pub security: BTreeSet<BTreeSet<String>>,
    pub deprecated: String,
    /// `x-paging` as JSON, if the operation has it.
    pub paging: Option<String>,
    /// `x-idempotent` as JSON, if the operation has it.
    pub idempotent: Option<String>,
    /// The operation's own servers as JSON, if it has any.
    pub servers: Option<String>,
    /// The path's parameters, in its order: the arguments of the method.
    pub arguments: Vec<String>,
    pub fields: BTreeMap<Place, Field>,
}

#[derive(Default)]
pub struct Field {
    pub types: String,
    pub required: bool,
    /// The allowed values; empty if the field is not limited to an enum.
    pub values: BTreeSet<String>,
    /// Other constraints on its values, and its default, by keyword.
    pub limits: BTreeMap<&'static str, Value>,
}

/// The keywords of a schema in [`Field::limits`]. A value that is the same as
/// none, such as `uniqueItems: false`, does not count.
const LIMITS: &[&str] = &[
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
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "not",
    "if",
    "then",
    "else",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// The keywords of a parameter in [`Field::limits`].
const PARAMETER_LIMITS: &[&str] = &[
    "style",
    "explode",
    "allowReserved",
    "allowEmptyValue",
    "deprecated",
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
    /// A header of a response, such as `200 header X-Total`.
    Header { status: String, name: String },
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
    /// An item of a tuple.
    Index(usize),
    /// A value of a map.
    Value,
    /// A value of a map whose key matches a pattern.
    Pattern(String),
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

    /// Whether `other` is this place or inside it, whatever the media types: the
    /// client's document may have another one.
    pub fn contains(&self, other: &Self) -> bool {
        let same_side = match (&self.side, &other.side) {
            (Side::Request { .. }, Side::Request { .. }) => true,
            (Side::Response { status: a, .. }, Side::Response { status: b, .. }) => a == b,
            (a, b) => a == b,
        };
        same_side && other.steps.starts_with(&self.steps)
    }

    pub fn is_sent(&self) -> bool {
        matches!(self.side, Side::Parameter { .. } | Side::Request { .. })
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
            Side::Header { status, name } => {
                write!(f, "{status} header {name}")?;
                ("", &None)
            }
            Side::Request { media_type } => ("request", media_type),
            Side::Response { status, media_type } => (status.as_str(), media_type),
        };
        f.write_str(first)?;
        if let Some(media_type) = media_type {
            write!(f, " {media_type}")?;
        }
        let is_body = matches!(self.side, Side::Request { .. } | Side::Response { .. });
        for (index, step) in self.steps.iter().enumerate() {
            let starts = index == 0 && is_body;
            if starts {
                f.write_str(" ")?;
            }
            match step {
                Step::Field(name) if starts => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Item => f.write_str("[]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Value => f.write_str("{}")?,
                Step::Pattern(pattern) => write!(f, "{{{pattern}}}")?,
            }
        }
        Ok(())
    }
}

/// Reads a document.
pub fn interface(document: &Value) -> Interface {
    let mut interface = Interface {
        common: common(document),
        operations: BTreeMap::new(),
    };
    for (path, method, value) in grammar::operations(document) {
        let id = value["operationId"].as_str().unwrap_or_default();
        let item = &document["paths"][path];
        let operation = operation(document, path, item, method, value);
        interface.operations.insert(id.to_owned(), operation);
    }
    for (name, item) in document["webhooks"].as_object().into_iter().flatten() {
        let item = pointer::resolve(document, item).unwrap_or(item);
        for method in grammar::METHODS {
            let Some(value) = item.get(method) else {
                continue;
            };
            let mut webhook = operation(document, name, item, method, value);
            webhook.is_webhook = true;
            interface
                .operations
                .insert(format!("webhook {name}"), webhook);
        }
    }
    interface
}

fn common(document: &Value) -> BTreeMap<String, String> {
    let mut common = BTreeMap::from([("servers".to_owned(), servers(document))]);
    let schemes = document["components"]["securitySchemes"].as_object();
    for (name, scheme) in schemes.into_iter().flatten() {
        common.insert(format!("security scheme {name}"), scheme.to_string());
    }
    common
}

/// The URLs of the servers that a document or an operation names.
fn servers(holder: &Value) -> String {
    let urls = list(holder, "servers").filter_map(|server| server["url"].as_str());
    urls.collect::<Vec<_>>().join(", ")
}

fn operation(
    document: &Value,
    path: &str,
    item: &Value,
    method: &str,
    operation: &Value,
) -> Operation {
    let extension = |key: &str| operation.get(key).map(Value::to_string);
    let mut flatten = Flatten {
        document,
        fields: BTreeMap::new(),
        open: Vec::new(),
    };
    for holder in [item, operation] {
        for parameter in list(holder, "parameters") {
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
        if let Some(response) = pointer::resolve(document, response) {
            flatten.response(status, response);
        }
    }
    let template = Template::from(path);
    Operation {
        route: format!("{} {path}", method.to_ascii_uppercase()),
        is_webhook: false,
        tags: operation["tags"].to_string(),
        security: security(operation.get("security").or(document.get("security"))),
        paging: extension("x-paging"),
        idempotent: extension("x-idempotent"),
        deprecated: (operation["deprecated"] == true).to_string(),
        servers: [operation, item]
            .into_iter()
            .find(|holder| holder.get("servers").is_some())
            .map(servers),
        arguments: template.parameters().map(str::to_owned).collect(),
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
        let schema = described(parameter);
        self.schema(schema, place.clone(), parameter["required"] == true);
        let style = match parameter["in"].as_str() {
            Some("query" | "cookie") => "form",
            _ => "simple",
        };
        let style = parameter["style"].as_str().unwrap_or(style);
        let explode = parameter["explode"].as_bool().unwrap_or(style == "form");
        let field = self.fields.entry(place).or_default();
        for key in PARAMETER_LIMITS {
            let said = match *key {
                "style" => Some(style.into()),
                "explode" => Some(explode.into()),
                key => parameter.get(key).filter(|said| **said != false).cloned(),
            };
            field.limits.extend(said.map(|said| (*key, said)));
        }
    }

    fn response(&mut self, status: &str, response: &'a Value) {
        let side = |media_type| Side::Response {
            status: status.to_owned(),
            media_type,
        };
        self.content(response, side);
        if response.get("content").is_none() {
            let nothing = Field {
                types: "nothing".to_owned(),
                ..Field::default()
            };
            self.fields.insert(Place::new(side(None)), nothing);
        }
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            if let Some(header) = pointer::resolve(self.document, header) {
                let place = Place::new(Side::Header {
                    status: status.to_owned(),
                    name: name.clone(),
                });
                self.schema(described(header), place, header["required"] == true);
            }
        }
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
            if part["nullable"] == true {
                types.insert("null".to_owned());
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
                .iter()
                .filter_map(|key| {
                    let said = parts.iter().find_map(|part| limit(part, key))?;
                    Some((*key, said.clone()))
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
            for (index, item) in list(part, "prefixItems").enumerate() {
                // Without `minItems`, a tuple may be shorter.
                self.schema(item, place.join(Step::Index(index)), false);
            }
            let patterns = part["patternProperties"].as_object();
            for (pattern, value) in patterns.into_iter().flatten() {
                self.schema(value, place.join(Step::Pattern(pattern.clone())), true);
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

/// The schema of a parameter or a header, which may be inside its `content`.
fn described(holder: &Value) -> &Value {
    let content = holder["content"].as_object();
    let media = content.and_then(|content| content.values().next());
    media.map_or(&holder["schema"], |media| &media["schema"])
}

/// What a schema says under a keyword of [`LIMITS`], unless that is the same as
/// nothing.
fn limit<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    let said = schema.get(key)?;
    let is_nothing = match key {
        // The values of the map are compared instead.
        "additionalProperties" => *said != false,
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => *said == false,
        "unevaluatedProperties" | "unevaluatedItems" => *said == true,
        _ => false,
    };
    (!is_nothing).then_some(said)
}

/// The values of `enum` or `const`.
fn values(schema: &Value) -> impl Iterator<Item = String> {
    let constant = schema.get("const").into_iter();
    list(schema, "enum").chain(constant).map(Value::to_string)
}

fn list<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    schema[key].as_array().into_iter().flatten()
}
