//! Of progenitor's code, leaves out the builders of types that no request
//! holds, two thirds of it, and how each call reads its answer, which is ours.
//! On tokens, since parsing them all would take longer than everything else
//! that is done.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use serde_json::Value;

use crate::select;

/// The types that only answers hold, by folded name.
pub fn only_answered(document: &Value) -> BTreeSet<String> {
    let Some(components) = document["components"]["schemas"].as_object() else {
        return BTreeSet::new();
    };
    let mut sent = BTreeSet::new();
    let items = document["paths"].as_object().into_iter().flatten();
    for operation in items.flat_map(|(_, item)| item.as_object()).flatten() {
        select::reach(&operation.1["parameters"], components, &mut sent);
        select::reach(&operation.1["requestBody"], components, &mut sent);
    }
    components
        .keys()
        .filter(|name| !sent.contains(*name))
        .map(|name| fold_type(name))
        .collect()
}

/// A type's name, as progenitor and the document both write it but for case
/// and signs.
pub fn fold_type(name: &str) -> String {
    let starts_badly = name.starts_with(|c: char| c.is_ascii_digit());
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    let folded: String = letters.flat_map(char::to_lowercase).collect();
    if starts_badly {
        format!("x{folded}")
    } else {
        folded
    }
}

/// The tokens without what `types::builder` has for these types.
pub fn prune(tokens: TokenStream, types: &BTreeSet<String>) -> TokenStream {
    let tokens = in_module("builder", tokens, &without_reading);
    in_module("types", tokens, &|tokens| {
        in_module("builder", tokens, &|tokens| without(tokens, types))
    })
}

/// Every `send` without its last expression, the `match` of the statuses.
fn without_reading(tokens: TokenStream) -> TokenStream {
    let is =
        |token: &TokenTree, name: &str| matches!(token, TokenTree::Ident(ident) if ident == name);
    let cut = |body: TokenStream| -> TokenStream {
        let tokens: Vec<TokenTree> = body.into_iter().collect();
        let sends = tokens.iter().any(|token| is(token, "OperationInfo"));
        let end = tokens.iter().rposition(|token| is(token, "match"));
        let end = end.filter(|_| sends).unwrap_or(tokens.len());
        tokens.into_iter().take(end).collect()
    };
    in_braces(tokens, &|item| in_braces(item, &cut))
}

/// Changes what is between braces, a level down.
fn in_braces(tokens: TokenStream, change: &dyn Fn(TokenStream) -> TokenStream) -> TokenStream {
    let change = |token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            Group::new(Delimiter::Brace, change(group.stream())).into()
        }
        token => token,
    };
    tokens.into_iter().map(change).collect()
}

/// Changes what is between a module's braces.
fn in_module(
    name: &str,
    tokens: TokenStream,
    change: &dyn Fn(TokenStream) -> TokenStream,
) -> TokenStream {
    let mut before = [String::new(), String::new()];
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group)
                if group.delimiter() == Delimiter::Brace
                    && before[0] == "mod"
                    && before[1] == name =>
            {
                Group::new(Delimiter::Brace, change(group.stream())).into()
            }
            token => {
                before.swap(0, 1);
                before[1] = match &token {
                    TokenTree::Ident(ident) => ident.to_string(),
                    _ => String::new(),
                };
                token
            }
        })
        .collect()
}

/// An item is `… Name { … }` here: a struct, or an impl for one.
fn without(tokens: TokenStream, types: &BTreeSet<String>) -> TokenStream {
    let mut kept = Vec::new();
    let mut start = 0;
    let mut last = String::new();
    for token in tokens {
        let is_end = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Ident(ident) => {
                last = ident.to_string();
                false
            }
            _ => false,
        };
        kept.push(token);
        if is_end {
            if types.contains(&fold_type(&last)) {
                kept.truncate(start);
            }
            start = kept.len();
        }
    }
    kept.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;
    use serde_json::json;

    #[test]
    fn builders_of_types_that_only_answers_hold_go() {
        let refers = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let document = json!({
            "paths": {"/a": {"post": {
                "requestBody": refers("new_tag"),
                "responses": {"200": refers("200_tag_list")},
            }}},
            "components": {"schemas": {
                "new_tag": {"x": refers("color")}, "color": {}, "200_tag_list": {"x": refers("color")},
            }},
        });
        let code = quote! {
            pub mod types {
                pub struct X200TagList { pub a: i64 }
                pub mod builder {
                    #[derive(Debug)] pub struct NewTag { a: Result<i64, String> }
                    impl TryFrom<NewTag> for super::NewTag { type Error = E; }
                    #[derive(Debug)] pub struct X200TagList { a: Result<i64, String> }
                    impl X200TagList { fn a(self) {} }
                    impl From<super::X200TagList> for X200TagList {}
                    pub struct Color {}
                }
            }
        };
        let pruned = prune(code, &only_answered(&document)).to_string();
        let expected = quote! {
            pub mod types {
                pub struct X200TagList { pub a: i64 }
                pub mod builder {
                    #[derive(Debug)] pub struct NewTag { a: Result<i64, String> }
                    impl TryFrom<NewTag> for super::NewTag { type Error = E; }
                    pub struct Color {}
                }
            }
        };
        assert_eq!(pruned, expected.to_string());
    }
}
