//! Writes the documentation of generated items from the document's descriptions.
//!
//! progenitor copies the descriptions of schemas to types and fields. This module
//! adds what it does not copy: the meaning of enum values, where a type is used,
//! and the texts of methods and setters. Where the document has no description,
//! progenitor repeats the name; such documentation is removed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta, parse_quote};

use super::syntax::{Serde, is_string_enum};
use crate::api::{Api, Body, Operation, Parameter, Place, Security};
use crate::grammar::{self, VALUES};
use crate::names;
use crate::pointer::schema_name;

/// How many operations the documentation of a type names.
const NAMED_USES: usize = 4;

/// Returns the documentation among the attributes of a field.
pub fn of(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    let attributes = attributes.iter();
    attributes.filter(|attribute| text_of(attribute).is_some())
}

/// Completes the documentation of the types that progenitor generated, before
/// their serde attributes are removed.
///
/// # Errors
///
/// Returns an error if a variant has a serde attribute that is not supported.
pub fn add_to_types(api: &Api, types: &mut [Item]) -> Result<(), String> {
    let meanings = meanings(api.document());
    let uses = uses(api.document());
    for item in types {
        let (ident, attributes) = match item {
            Item::Struct(item) => (item.ident.to_string(), &mut item.attrs),
            Item::Enum(item) => (item.ident.to_string(), &mut item.attrs),
            _ => continue,
        };
        let echo = format!("`{ident}`");
        attributes.retain(|attribute| text_of(attribute).is_none_or(|text| text.trim() != echo));
        if let Some(uses) = uses.get(&ident) {
            let text = uses.text();
            if attributes
                .iter()
                .any(|attribute| text_of(attribute).is_some())
            {
                attributes.push(parse_quote!(#[doc = ""]));
            }
            attributes.push(parse_quote!(#[doc = #text]));
        }
        let Item::Enum(item) = item else { continue };
        let Some(meanings) = meanings.get(&ident).filter(|_| is_string_enum(item)) else {
            continue;
        };
        for variant in &mut item.variants {
            let serde = Serde::of(&variant.attrs);
            let serde = serde.map_err(|error| format!("type `{ident}`: {error}"))?;
            let value = serde.rename.unwrap_or_else(|| variant.ident.to_string());
            if let Some(Some(text)) = meanings.get(&value) {
                variant.attrs.insert(0, parse_quote!(#[doc = #text]));
            }
        }
    }
    Ok(())
}

fn text_of(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

// ---- enum values ---------------------------------------------------------------

/// The meanings of an enum's values; `None` for a value that two places describe
/// differently.
type Meanings = BTreeMap<String, Option<String>>;

/// Collects the meanings of the values of each enum type, from the places that use
/// the type.
fn meanings(document: &Value) -> BTreeMap<String, Meanings> {
    let mut found: BTreeMap<String, Meanings> = BTreeMap::new();
    grammar::walk(document, &mut |_, _, object| {
        let Some(values) = object.get(VALUES).and_then(Value::as_object) else {
            return;
        };
        let mut targets = BTreeSet::new();
        references(object, &mut targets);
        for target in targets {
            let meanings = found.entry(names::pascal(&target)).or_default();
            for (value, text) in values {
                let text = text.as_str().map(str::to_owned);
                let known = meanings
                    .entry(value.clone())
                    .or_insert_with(|| text.clone());
                if *known != text {
                    *known = None;
                }
            }
        }
    });
    found
}

/// Adds the components that a schema refers to, directly or as the items of a list,
/// a branch, or the parameter of a Rust type.
fn references(schema: &Value, found: &mut BTreeSet<String>) {
    let reference = schema.get("$ref").and_then(Value::as_str);
    found.extend(reference.and_then(schema_name));
    if let Some(items) = schema.get("items") {
        references(items, found);
    }
    let lists = [
        schema.get("allOf"),
        schema.get("oneOf"),
        schema
            .get("x-rust-type")
            .and_then(|ty| ty.get("parameters")),
    ];
    for branch in lists.into_iter().flatten().filter_map(Value::as_array) {
        branch.iter().for_each(|branch| references(branch, found));
    }
}

// ---- types ----------------------------------------------------------------------

/// The operations that use a type directly.
#[derive(Default)]
struct Uses {
    sent: Vec<String>,
    received: Vec<String>,
}

impl Uses {
    fn text(&self) -> String {
        let part = |verb: &str, operations: &[String]| {
            let named = &operations[..operations.len().min(NAMED_USES)];
            let links: Vec<String> = named
                .iter()
                .map(|id| format!("[`{id}`](super::Client::{id})"))
                .collect();
            let rest = match operations.len() - named.len() {
                0 => String::new(),
                count => format!(", and {count} more operations"),
            };
            (!links.is_empty()).then(|| format!("{verb} {}{rest}.", links.join(", ")))
        };
        let parts = [
            part("Sent by", &self.sent),
            part("Returned by", &self.received),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// The operations that use each type as their body or response, or as the `data` of
/// their response.
fn uses(document: &Value) -> BTreeMap<String, Uses> {
    let mut uses: BTreeMap<String, Uses> = BTreeMap::new();
    for (_, _, operation) in grammar::operations(document) {
        let id = names::snake(operation["operationId"].as_str().unwrap_or_default());
        let schema = |holder: &Value| -> BTreeSet<String> {
            let mut found = BTreeSet::new();
            let content = holder["content"].as_object();
            for (_, media) in content.into_iter().flatten() {
                references(&media["schema"], &mut found);
            }
            found
        };
        for name in schema(&operation["requestBody"]) {
            let uses = uses.entry(names::pascal(&name)).or_default();
            uses.sent.push(id.clone());
        }
        let responses = operation["responses"].as_object().into_iter().flatten();
        let successes = responses.filter(|(status, _)| status.starts_with(['2', '3']));
        let mut received = BTreeSet::new();
        for (_, response) in successes {
            for name in schema(response) {
                let component = &document["components"]["schemas"][&name];
                references(&component["properties"]["data"], &mut received);
                received.insert(name);
            }
        }
        for name in received {
            let uses = uses.entry(names::pascal(&name)).or_default();
            uses.received.push(id.clone());
        }
    }
    uses
}

// ---- methods and setters ---------------------------------------------------------

/// Returns the documentation of an operation's method.
pub fn method(operation: &Operation) -> String {
    let tokens = match operation.security {
        Security::PartnerAndUser => "Requires the partner token and the user token.",
        Security::Partner => "Requires the partner token. The user token is not sent.",
        Security::None => "Requires no token. The partner token is sent if the client has one.",
    };
    let request = format!("`{} {}`", operation.method, operation.path);
    let path = operation.parameters_in(Place::Path);
    let arguments: Vec<String> = path
        .filter(|parameter| !parameter.description.is_empty())
        .map(|parameter| {
            // The lines of a list of values belong to the argument.
            let text = parameter.description.trim().replace('\n', "\n  ");
            format!("- `{}`: {text}", names::setter(&parameter.name))
        })
        .collect();
    let groups = operation.body.as_ref().map(groups).unwrap_or_default();
    let parts = [
        operation.summary.trim(),
        &request,
        // Not next to a list in the description: Markdown would join the two.
        &arguments.join("\n"),
        operation.description.trim(),
        &groups,
        tokens,
    ];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

/// Returns a sentence on the fields that a body needs together, if there are any.
fn groups(body: &Body) -> String {
    let groups = body.groups.iter().map(|group| {
        let fields: Vec<String> = group
            .fields
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        fields.join(", ")
    });
    match groups.collect::<Vec<_>>().join("; or ") {
        groups if groups.is_empty() => groups,
        groups => format!("The body needs all of these fields: {groups}."),
    }
}

/// Returns the documentation of a parameter's setter.
pub fn setter(parameter: &Parameter) -> String {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    let name = &parameter.name;
    let required = if parameter.required { " Required." } else { "" };
    match parameter.description.trim() {
        "" => format!("Sets the {place} parameter `{name}`.{required}"),
        text => format!("{text}\n\nSets the {place} parameter `{name}`.{required}"),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use serde_json::json;

    use super::*;

    fn api() -> Api {
        let refers = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let content = |name: &str| json!({"application/json": {"schema": refers(name)}});
        let described = |text: &str| json!({"allOf": [refers("Status")], "x-enumDescriptions": {"new": text, "done": "Completed."}});
        Api::read(json!({
            "openapi": "3.0.3",
            "info": {"title": "t", "version": "1"},
            "paths": {"/a": {"post": {
                "operationId": "create_thing", "tags": ["A"],
                "requestBody": {"content": content("ThingBody")},
                "responses": {"200": {"description": "", "content": content("ThingResponse")}},
            }}},
            "components": {"schemas": {
                "ThingBody": {"type": "object", "properties": {"status": described("Created.")}},
                "Thing": {"type": "object", "properties": {"status": described("Just created.")}},
                "ThingResponse": {"type": "object", "properties": {
                    "success": {"type": "boolean"},
                    "data": {"type": "array", "items": refers("Thing")},
                }},
                "Status": {"type": "string", "enum": ["new", "done"]},
            }},
        }))
        .unwrap()
    }

    #[test]
    fn types_say_where_they_are_used_and_not_their_name() {
        let mut types: Vec<Item> = vec![
            parse_quote! {
                #[doc = "`Thing`"]
                pub struct Thing {}
            },
            parse_quote! {
                #[doc = "What is made."]
                pub struct ThingBody {}
            },
            parse_quote! {
                #[doc = "`Status`"]
                pub enum Status {
                    #[serde(rename = "new")]
                    New,
                    #[serde(rename = "done")]
                    Done,
                }
            },
        ];
        add_to_types(&api(), &mut types).unwrap();
        let expected = quote! {
            #[doc = "Returned by [`create_thing`](super::Client::create_thing)."]
            pub struct Thing {}
            #[doc = "What is made."]
            #[doc = ""]
            #[doc = "Sent by [`create_thing`](super::Client::create_thing)."]
            pub struct ThingBody {}
            // Two places disagree about `new`.
            pub enum Status {
                #[serde(rename = "new")]
                New,
                #[doc = "Completed."]
                #[serde(rename = "done")]
                Done,
            }
        };
        assert_eq!(quote!(#(#types)*).to_string(), expected.to_string());
    }
}
