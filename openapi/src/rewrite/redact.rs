//! Replaces the derived `Debug` of types that have secret or personal fields with
//! an invocation of the `debug!` macro (`src/redact.rs`).

use std::collections::{BTreeMap, BTreeSet};

use quote::{format_ident, quote};
use serde_json::Value;
use syn::{Item, ItemStruct, parse_quote};

use super::structs::drop_derives;
use super::syntax::{is_option, wire_name};
use crate::{names, pointer};

/// Marks a property or a schema whose value is a credential.
const SECRET: &str = "x-secret";
/// Marks a property or a schema whose value is personal data.
const PERSONAL: &str = "x-personal";

/// How sensitive a field is, in ascending order. Secret fields are always hidden,
/// personal fields only with the feature `redact-personal-data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Personal,
    Secret,
}

/// The marks of every type's fields, by the name of the type and the field's name
/// on the wire.
#[derive(Debug, Default)]
pub struct Marks(BTreeMap<String, BTreeMap<String, Mark>>);

impl Marks {
    /// Reads the marks of the document's component schemas, each of which is
    /// generated as a type.
    pub fn of(document: &Value) -> Self {
        let mut marks = BTreeMap::new();
        let schemas = document["components"]["schemas"].as_object();
        for (name, schema) in schemas.into_iter().flatten() {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let fields: BTreeMap<String, Mark> = properties
                .filter_map(|(field, property)| {
                    let mark = mark(document, schema, &mut seen()).max(mark(
                        document,
                        property,
                        &mut seen(),
                    ));
                    Some((field.clone(), mark?))
                })
                .collect();
            if !fields.is_empty() {
                marks.insert(names::pascal(name), fields);
            }
        }
        Self(marks)
    }

    /// Removes the derived `Debug` from a struct that has marked fields, and
    /// returns its replacement.
    pub fn debug(&mut self, item: &mut ItemStruct) -> Result<Option<Item>, String> {
        let Some(mut marks) = self.0.remove(&item.ident.to_string()) else {
            return Ok(None);
        };
        let mut rows = Vec::new();
        for field in &item.fields {
            let ident = field.ident.as_ref().ok_or("a field without a name")?;
            let shown = match (marks.remove(&wire_name(field)?), is_option(&field.ty)) {
                (None, _) => "shown",
                (Some(Mark::Secret), false) => "secret",
                (Some(Mark::Secret), true) => "optional_secret",
                (Some(Mark::Personal), false) => "personal",
                (Some(Mark::Personal), true) => "optional_personal",
            };
            let shown = format_ident!("{shown}");
            rows.push(quote!(#ident #shown));
        }
        if let Some((field, _)) = marks.first_key_value() {
            return Err(format!("the marked property `{field}` has no field"));
        }
        drop_derives(&mut item.attrs, &["Debug"]);
        let ident = &item.ident;
        Ok(Some(parse_quote!(
            crate::codegen::debug! { #ident #(#rows,)* }
        )))
    }

    /// Checks that every type with marked fields was passed to [`debug`](Self::debug).
    pub fn all_met(&self) -> Result<(), String> {
        match self.0.first_key_value() {
            None => Ok(()),
            Some((name, fields)) => {
                let fields: Vec<&str> = fields.keys().map(String::as_str).collect();
                Err(format!(
                    "no struct `{name}` was generated, but its `{}` is marked",
                    fields.join("`, `")
                ))
            }
        }
    }
}

fn seen() -> BTreeSet<String> {
    BTreeSet::new()
}

/// Returns a schema's own mark, or otherwise the highest mark of the schemas that it
/// refers to or consists of: branches, items, and the values of a map. Properties are
/// fields of their own. `seen` are the references that have been followed.
fn mark(document: &Value, schema: &Value, seen: &mut BTreeSet<String>) -> Option<Mark> {
    if schema[SECRET] == true {
        return Some(Mark::Secret);
    }
    if schema[PERSONAL] == true {
        return Some(Mark::Personal);
    }
    let lists = ["allOf", "anyOf", "oneOf"].map(|key| &schema[key]);
    let lists = lists
        .into_iter()
        .chain([&schema["x-rust-type"]["parameters"]]);
    let lists = lists.filter_map(Value::as_array).flatten();
    let parts = ["items", "additionalProperties"].map(|key| schema.get(key));
    let reference = schema["$ref"].as_str();
    let reference = reference.filter(|reference| seen.insert((*reference).to_owned()));
    let target = reference.and_then(|reference| pointer::target(document, reference));
    lists
        .chain(parts.into_iter().flatten())
        .chain(target)
        .filter_map(|schema| mark(document, schema, seen))
        .max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_inside_a_list_a_map_or_a_branch_is_the_fields() {
        let refers = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let document = json!({"components": {"schemas": {
            "phone": {"type": "string", "x-personal": true},
            "tree": {"type": "array", "items": refers("tree")},
        }}});
        let mark = |schema: Value| mark(&document, &schema, &mut seen());
        for schema in [
            json!({"items": refers("phone")}),
            json!({"additionalProperties": {"oneOf": [{"type": "null"}, refers("phone")]}}),
            json!({"x-rust-type": {"parameters": [refers("phone")]}}),
        ] {
            assert_eq!(mark(schema), Some(Mark::Personal));
        }
        assert_eq!(
            mark(json!({"items": {"x-secret": true}})),
            Some(Mark::Secret)
        );
        assert_eq!(mark(refers("tree")), None);
        assert_eq!(
            mark(json!({"properties": {"phone": refers("phone")}})),
            None
        );
    }
}
