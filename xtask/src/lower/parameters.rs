//! Lowers parameters of the path, the query and the headers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::lowered::{Lowered, Scalar, Shape};
use super::{Lowering, Object};
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
                _ => lowered.push(self.parameter(place, parameter, name)),
            }
        }
        lowered
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
            words: Vec::new(),
            // A parameter is omitted instead of being null.
            nullable: false,
            ..self.schema.clone()
        };
        json.insert("schema".into(), bare.to_json());
        Value::Object(json)
    }
}

/// Whether the transport sends this header.
fn is_transports(name: &str) -> bool {
    let names = ["accept", "content-type", "authorization"];
    names.contains(&name.to_ascii_lowercase().as_str())
}
