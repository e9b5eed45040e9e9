//! Lowers parameters of the path, the query and the headers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lowered::{Lowered, Scalar, Shape};
use super::{Lowering, Object};
use altegio_openapi::names;
use altegio_openapi::pointer::{self, Pointer};

/// A lowered parameter.
pub(super) struct Parameter {
    pub name: String,
    /// The keywords that are copied unchanged.
    said: Object,
    pub schema: Lowered,
}

impl<'a> Lowering<'a> {
    pub(super) fn parameters(
        &mut self,
        at: &Pointer,
        operation: &'a Value,
        item_at: &Pointer,
        item: &'a Value,
    ) -> Vec<Parameter> {
        // A parameter of the operation replaces the path's parameter of the same
        // name and location.
        let mut merged: Vec<(Pointer, &'a Value)> = Vec::new();
        for (holder, base) in [(item, item_at), (operation, at)] {
            let base = base.join("parameters");
            let list = holder.get("parameters").and_then(Value::as_array);
            for (index, parameter) in list.into_iter().flatten().enumerate() {
                let Some(parameter) = pointer::resolve(self.document, parameter) else {
                    continue;
                };
                let same = |(_, other): &(Pointer, &Value)| {
                    other["name"] == parameter["name"] && other["in"] == parameter["in"]
                };
                let placed = (base.join(index), parameter);
                match merged.iter().position(same) {
                    Some(index) => merged[index] = placed,
                    None => merged.push(placed),
                }
            }
        }
        let in_path: BTreeSet<&str> = merged
            .iter()
            .filter(|(_, parameter)| parameter["in"] == "path")
            .filter_map(|(_, parameter)| parameter["name"].as_str())
            .collect();
        let mut lowered = Vec::new();
        for (place, parameter) in &merged {
            let name = parameter["name"].as_str().unwrap_or_default();
            match parameter["in"].as_str() {
                // The transport sends these headers; OpenAPI ignores such parameters.
                Some("header") if is_transports(name) => {}
                Some("cookie") => self.note(place, format!("cookie parameter `{name}` left out")),
                Some("query") if in_path.contains(name) => {
                    let though = if parameter["required"] == true {
                        ", though required here"
                    } else {
                        ""
                    };
                    let what = format!(
                        "`{name}` is a path parameter too: one argument, sent in the path{though}"
                    );
                    self.note(place, what);
                }
                _ => lowered.extend(self.expanded(place, parameter, name)),
            }
        }
        self.distinct(at, lowered, operation.get("requestBody").is_some())
    }

    /// Lowers a parameter. An object in the query becomes one parameter for each
    /// of its properties.
    fn expanded(&mut self, at: &Pointer, parameter: &'a Value, name: &str) -> Vec<Parameter> {
        let is_query = parameter["in"] == "query";
        let style = parameter["style"].as_str().unwrap_or("form");
        let explode = parameter["explode"].as_bool().unwrap_or(style == "form");
        let schema = &parameter["schema"];
        let resolved = pointer::resolve(self.document, schema).unwrap_or(schema);
        let properties = resolved.get("properties").and_then(Value::as_object);
        let is_list = resolved["type"] == "array";
        match (properties, style) {
            (Some(properties), "deepObject" | "form") if is_query && explode => {
                let at = at.join("schema").join("properties");
                let mut expanded = Vec::new();
                for (key, value) in properties {
                    let own = match style {
                        "deepObject" => format!("{name}[{key}]"),
                        _ => key.clone(),
                    };
                    expanded.push(self.property(&at.join(key), value, &own));
                }
                expanded
            }
            (None, "pipeDelimited" | "spaceDelimited") if is_query && is_list && !explode => {
                let separator = if style == "pipeDelimited" { "|" } else { " " };
                vec![self.text(
                    at,
                    parameter,
                    format!("a string: the items joined by `{separator}`"),
                )]
            }
            _ if resolved["type"] == "object" => {
                vec![self.text(
                    at,
                    parameter,
                    format!("a string: the object in the style `{style}`"),
                )]
            }
            _ if parameter["in"] == "path" && is_list => {
                vec![self.text(
                    at,
                    parameter,
                    "a string: the items joined by `,`".to_owned(),
                )]
            }
            _ if described_as_json(self.document, parameter) => {
                vec![self.text(at, parameter, "a string: the JSON text".to_owned())]
            }
            _ => vec![self.parameter(at, parameter, name)],
        }
    }

    /// An optional query parameter for a property of an object.
    fn property(&mut self, at: &Pointer, schema: &'a Value, name: &str) -> Parameter {
        let resolved = pointer::resolve(self.document, schema).unwrap_or(schema);
        let schema = match resolved["type"].as_str() {
            Some("object") => {
                self.note(at, "a string: an object inside an object of the query");
                Lowered::new(Shape::Scalar(Scalar::Text(None)))
            }
            _ => self.schema(at, schema),
        };
        let mut said = Object::new();
        said.insert("name".to_owned(), name.into());
        said.insert("in".to_owned(), "query".into());
        Parameter {
            name: name.to_owned(),
            said,
            schema,
        }
    }

    /// A parameter whose value the caller writes as text, for the reason `what`.
    fn text(&mut self, at: &Pointer, parameter: &'a Value, what: String) -> Parameter {
        self.note(at, what);
        let kept = ["name", "in", "required", "deprecated", "description"];
        let said = parameter.as_object().into_iter().flatten();
        let said = said.filter(|(key, _)| kept.contains(&key.as_str()) || key.starts_with("x-"));
        Parameter {
            name: parameter["name"].as_str().unwrap_or_default().to_owned(),
            said: said
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            schema: Lowered::new(Shape::Scalar(Scalar::Text(None))),
        }
    }

    /// Leaves out the parameters whose name in Rust another one has, or the body.
    fn distinct(
        &mut self,
        at: &Pointer,
        parameters: Vec<Parameter>,
        has_body: bool,
    ) -> Vec<Parameter> {
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        if has_body {
            taken.insert("body".to_owned(), "the request body".to_owned());
        }
        let mut distinct = Vec::new();
        for parameter in parameters {
            let name = names::snake(&parameter.name);
            if let Some(other) = taken.get(&name) {
                let what = format!(
                    "the parameter `{}` is left out: {other} has the same name in Rust",
                    parameter.name
                );
                self.note(&at.join("parameters"), what);
            } else {
                taken.insert(name, format!("`{}`", parameter.name));
                distinct.push(parameter);
            }
        }
        distinct
    }

    fn parameter(&mut self, at: &Pointer, parameter: &'a Value, name: &str) -> Parameter {
        let mut said = Object::new();
        for (key, value) in parameter.as_object().into_iter().flatten() {
            match key.as_str() {
                "name" | "in" | "required" | "deprecated" | "style" | "explode"
                | "allowReserved" | "description" => {
                    said.insert(key.clone(), value.clone());
                }
                "schema" | "example" | "examples" => {}
                "content" => self.note(&at.join(key), "sent as its schema's plain value"),
                key if key.starts_with("x-") => {
                    said.insert(key.to_owned(), value.clone());
                }
                _ => self.note(&at.join(key), "left out"),
            }
        }
        let content = parameter.get("content").and_then(Value::as_object);
        let content = content.and_then(|content| content.iter().next());
        let schema = match (parameter.get("schema"), content) {
            (Some(schema), _) => self.schema(&at.join("schema"), schema),
            (None, Some((media_type, media))) if media.get("schema").is_some() => {
                let at = at.join("content").join(media_type).join("schema");
                self.schema(&at, &media["schema"])
            }
            _ => {
                self.note(at, "no schema: any string");
                Lowered::new(Shape::Scalar(Scalar::Text(None)))
            }
        };
        Parameter {
            name: name.to_owned(),
            said,
            schema,
        }
    }
}

impl Parameter {
    /// Where it is sent: `path`, `query`, or `header`.
    pub(super) fn location(&self) -> &str {
        self.said
            .get("in")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = self.said.clone();
        // The description is moved to the parameter, where progenitor documents it.
        let own = json.get("description").and_then(Value::as_str);
        let own = own.map(str::to_owned).filter(|own| !own.is_empty());
        let words: Vec<String> = own.into_iter().chain(self.schema.description()).collect();
        if !words.is_empty() {
            json.insert("description".into(), words.join(" ").into());
        }
        let bare = Lowered {
            own: None,
            facts: Vec::new(),
            // A parameter is omitted instead of being null.
            nullable: false,
            ..self.schema.clone()
        };
        json.insert("schema".into(), bare.to_json());
        Value::Object(json)
    }
}

/// Whether the value of a parameter is JSON text of an object or an array.
fn described_as_json(document: &Value, parameter: &Value) -> bool {
    let schema = &parameter["content"]["application/json"]["schema"];
    let schema = pointer::resolve(document, schema).unwrap_or(schema);
    matches!(schema["type"].as_str(), Some("object" | "array"))
}

/// Whether the transport sends this header.
fn is_transports(name: &str) -> bool {
    let names = ["accept", "content-type", "authorization"];
    names.contains(&name.to_ascii_lowercase().as_str())
}
