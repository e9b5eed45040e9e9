//! Runs the steps of the crate's build script on a lowered document, so that a
//! document that the build refuses is never written.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;

use altegio_openapi::api::Api;
use altegio_openapi::{generate, names, rewrite, select};

use super::features;

/// Generates the client with all features, with each feature alone and with
/// none.
pub fn check(document: &Value) -> Result<(), String> {
    let tokens = progenitor(document).and_then(|tokens| {
        kept_names(&tokens, document)?;
        rewrite::rewrite(&Api::read(document.clone())?, tokens)
    });
    tokens.map_err(|error| format!("with all tags: {error}"))?;
    let tags = features::tags(document).into_iter();
    for tag in tags.map(Some).chain([None]) {
        let mut alone = document.clone();
        select::select(&mut alone, |other| Some(other) == tag);
        progenitor(&alone)
            .and_then(|tokens| rewrite::rewrite(&Api::read(alone.clone())?, tokens))
            .map_err(|error| match tag {
                Some(tag) => format!("with the tag `{tag}` alone: {error}"),
                None => format!("without any tag: {error}"),
            })?;
    }
    Ok(())
}

fn progenitor(document: &Value) -> Result<TokenStream, String> {
    let text = document.to_string();
    generate::tokens(&text, |generator, document| {
        generator.generate_tokens(document)
    })
}

/// Checks that the generator used the Rust name of every component. The names
/// are distinct, so a missing name means that two components became one type.
fn kept_names(tokens: &TokenStream, document: &Value) -> Result<(), String> {
    let types = types(tokens);
    let components = document["components"]["schemas"].as_object();
    for (component, _) in components.into_iter().flatten() {
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
