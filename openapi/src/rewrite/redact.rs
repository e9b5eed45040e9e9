//! `Debug` by a table (`src/redact.rs`) for the types that hold what must not
//! be shown; the others keep the derived one.

use std::collections::BTreeMap;

use quote::{format_ident, quote};
use serde_json::Value;
use syn::{Item, ItemStruct, parse_quote};

use super::structs::drop_derives;
use super::syntax::{is_option, serde_rename};
use crate::{names, pointer};

/// On a property or a schema: its value authenticates somebody.
const SECRET: &str = "x-secret";
/// On a property or a schema: its value tells of a person.
const PERSONAL: &str = "x-personal";

/// In rising order: what is secret is hidden in every build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Personal,
    Secret,
}

/// The marked fields of every type: type → field's name on the wire → mark.
#[derive(Debug, Default)]
pub struct Marks(BTreeMap<String, BTreeMap<String, Mark>>);

impl Marks {
    /// Reads the marks of the document's component schemas, each of which
    /// becomes a type.
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

    /// Takes the derived `Debug` off a struct with marked fields, and gives
    /// the one in its place.
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
            return Err(format!("it has no field for `{field}`, which is marked"));
        }
        drop_derives(&mut item.attrs, &["Debug"]);
        let ident = &item.ident;
        Ok(Some(parse_quote!(
            crate::codegen::debug! { #ident #(#rows,)* }
        )))
    }

    /// That every marked field was met.
    pub fn all_met(&self) -> Result<(), String> {
        match self.0.first_key_value() {
            None => Ok(()),
            Some((name, fields)) => {
                let fields: Vec<&str> = fields.keys().map(String::as_str).collect();
                Err(format!(
                    "no struct `{name}` was generated, whose `{}` is marked",
                    fields.join("`, `")
                ))
            }
        }
    }
}

/// A schema's own mark, or that of the schema it refers to.
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
