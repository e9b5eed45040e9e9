//! Runs the steps of the crate's build script on a lowered document, so that a
//! document that the build refuses is never written. An operation that it refuses
//! is left out.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;

use altegio_openapi::api::Api;
use altegio_openapi::grammar;
use altegio_openapi::pointer::Pointer;
use altegio_openapi::{generate, names, rewrite, select};

use super::features;

/// The document's name in the code, which is generated only to see whether it can be.
const DOCUMENT: &str = "document";

/// An operation for which no code can be generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub id: String,
    pub at: Pointer,
    pub why: String,
}

/// Generates the client with all features, with each feature alone and with
/// none. Removes the operations that the generator also refuses alone, and the
/// schemas that only they use.
///
/// # Errors
///
/// Returns an error if the generator refuses the document, but none of its
/// operations alone.
pub fn check(document: &mut Value) -> Result<Vec<LeftOut>, String> {
    let Err(error) = generate(document) else {
        return Ok(Vec::new());
    };
    let left_out = refused(document);
    if left_out.is_empty() {
        return Err(error);
    }
    select::retain(document, |operation| {
        let id = operation["operationId"].as_str();
        !left_out.iter().any(|out| id == Some(&out.id))
    });
    generate(document)?;
    Ok(left_out)
}

fn generate(document: &Value) -> Result<(), String> {
    let tokens = progenitor(document).and_then(|tokens| {
        kept_names(&tokens, document)?;
        rewrite::rewrite(DOCUMENT, &Api::read(document.clone())?, tokens)
    });
    tokens.map_err(|error| format!("with all tags: {error}"))?;
    let tags = features::tags(document).into_iter();
    for tag in tags.map(Some).chain([None]) {
        let mut alone = document.clone();
        select::select(&mut alone, |other| Some(other) == tag);
        rewritten(&alone).map_err(|error| match tag {
            Some(tag) => format!("with the tag `{tag}` alone: {error}"),
            None => format!("without any tag: {error}"),
        })?;
    }
    Ok(())
}

/// The operations that the generator refuses alone.
fn refused(document: &Value) -> Vec<LeftOut> {
    let mut refused = Vec::new();
    let mut tags: BTreeSet<Option<&str>> = BTreeSet::new();
    tags.extend(grammar::operations(document).map(|(_, _, operation)| select::tag(operation)));
    for tag in tags {
        let mut alone = document.clone();
        select::retain(&mut alone, |operation| select::tag(operation) == tag);
        // The search by tag first keeps the documents of one operation small.
        if rewritten(&alone).is_ok() {
            continue;
        }
        for (path, method, operation) in grammar::operations(&alone) {
            let mut one = alone.clone();
            select::retain(&mut one, |other| other == operation);
            if let (Err(why), Some(id)) = (rewritten(&one), operation["operationId"].as_str()) {
                refused.push(LeftOut {
                    id: id.to_owned(),
                    at: Pointer::root().join("paths").join(path).join(method),
                    why: why.lines().next().unwrap_or_default().to_owned(),
                });
            }
        }
    }
    refused
}

fn rewritten(document: &Value) -> Result<String, String> {
    let tokens = progenitor(document)?;
    rewrite::rewrite(DOCUMENT, &Api::read(document.clone())?, tokens)
}

fn progenitor(document: &Value) -> Result<TokenStream, String> {
    let text = document.to_string();
    generate::tokens(&text, false, |generator, document| {
        generator.generate_tokens(document)
    })
}

/// Checks that the generator used the Rust name of every component. The names
/// are distinct, so a missing name means that two components became one type.
fn kept_names(tokens: &TokenStream, document: &Value) -> Result<(), String> {
    let types = types(tokens);
    let components = document["components"]["schemas"].as_object();
    let components = components.into_iter().flatten();
    // The others are types of `altegio`.
    for (component, _) in components.filter(|(_, schema)| schema.get("x-rust-type").is_none()) {
        let name = names::pascal(component);
        if !types.contains(&name) {
            return Err(format!(
                "the component `{component}` is no type `{name}` in the generated code; rename it in overlay.yaml"
            ));
        }
    }
    Ok(())
}

/// The names of the types in progenitor's module `types`.
fn types(tokens: &TokenStream) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut tokens = tokens.clone().into_iter();
    while let Some(token) = tokens.next() {
        if is_word(&token, &["mod"])
            && tokens.next().is_some_and(|name| is_word(&name, &["types"]))
            && let Some(TokenTree::Group(module)) = tokens.next()
        {
            let mut inside = module.stream().into_iter();
            while let Some(token) = inside.next() {
                if is_word(&token, &["struct", "enum", "type"])
                    && let Some(TokenTree::Ident(name)) = inside.next()
                {
                    found.insert(name.to_string());
                }
            }
        }
    }
    found
}

fn is_word(token: &TokenTree, words: &[&str]) -> bool {
    matches!(token, TokenTree::Ident(word) if words.iter().any(|other| word == other))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_that_cannot_be_generated_is_left_out_with_its_schemas() {
        let operation = |id: &str, style: &str, schema: &str| {
            json!({
                "operationId": id, "tags": ["Things"],
                "parameters": [{"name": "q", "in": "query", "style": style, "schema": {
                    "type": "array", "items": {"type": "string"},
                }}],
                "responses": {"200": {"description": "", "content": {"application/json": {"schema": {
                    "$ref": format!("#/components/schemas/{schema}"),
                }}}}},
            })
        };
        let object = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let mut document = json!({
            "openapi": "3.0.3", "info": {"title": "t", "version": "1"},
            "paths": {
                "/a": {"get": operation("get_a", "form", "a")},
                "/b": {"get": operation("get_b", "pipeDelimited", "b")},
            },
            "components": {"schemas": {"a": object, "b": object}},
        });
        let left_out = check(&mut document).unwrap();
        let [out] = left_out.as_slice() else {
            panic!("{left_out:?}");
        };
        assert_eq!(
            (out.id.as_str(), out.at.as_str()),
            ("get_b", "/paths/~1b/get")
        );
        assert!(out.why.contains("PipeDelimited"), "{}", out.why);
        assert!(document["paths"]["/b"].is_null());
        assert!(document["components"]["schemas"]["b"].is_null());
        assert_eq!(check(&mut document), Ok(Vec::new()));
    }

    #[test]
    fn a_component_without_a_type_of_its_name_is_refused() {
        let document = |name: &str| json!({"components": {"schemas": {name: {}}}});
        let code = "pub mod types { #[derive(Clone)] pub struct ThingList { pub a: u8 } impl Other {} } pub struct Other;";
        let tokens: TokenStream = code.parse().unwrap();
        assert_eq!(kept_names(&tokens, &document("thing_list")), Ok(()));
        let error = kept_names(&tokens, &document("other")).unwrap_err();
        assert!(
            error.starts_with("the component `other` is no type `Other`"),
            "{error}"
        );
    }
}
