//! Replaces the derived `Debug` of types that have secret or personal fields with
//! an invocation of the `debug!` macro (`src/redact.rs`).

use std::collections::BTreeMap;

use quote::{format_ident, quote};
use serde_json::Value;
use syn::{Item, ItemStruct, parse_quote};

use super::structs::drop_derives;
use super::syntax::{is_option, serde_rename};
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
                    let mark = mark(document, schema).max(mark(document, property));
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
            let name = serde_rename(&field.attrs).unwrap_or_else(|| ident.to_string());
            let shown = match (marks.remove(&name), is_option(&field.ty)) {
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

/// Returns a schema's own mark, or otherwise the highest mark of the schemas that
/// it refers to.
fn mark(document: &Value, schema: &Value) -> Option<Mark> {
    if schema[SECRET] == true {
        return Some(Mark::Secret);
    }
    if schema[PERSONAL] == true {
        return Some(Mark::Personal);
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let target = schema["$ref"].as_str();
    let target = target.and_then(|reference| pointer::target(document, reference));
    parts
        .chain(target)
        .filter_map(|schema| mark(document, schema))
        .max()
}
