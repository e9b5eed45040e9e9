//! Removes the parts of progenitor's code that are not used: the bodies of the
//! request builders' functions, and the builders of types that no request uses.
//! They make up two thirds of the code.
//!
//! This works on tokens, since parsing all of them would take longer than the rest
//! of the rewriting.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Removes the bodies of the functions in the module `builder`, and the items of
/// `types::builder` for types that are not in `sent`.
pub fn prune(tokens: TokenStream, sent: &BTreeSet<String>) -> TokenStream {
    let tokens = in_module("builder", tokens, &|tokens| {
        in_braces(tokens, &|item| in_braces(item, &|_| TokenStream::new()))
    });
    in_module("types", tokens, &|tokens| {
        in_module("builder", tokens, &|tokens| only(tokens, sent))
    })
}

/// Changes the contents of every top-level group in braces.
fn in_braces(tokens: TokenStream, change: &dyn Fn(TokenStream) -> TokenStream) -> TokenStream {
    let change = |token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            Group::new(Delimiter::Brace, change(group.stream())).into()
        }
        token => token,
    };
    tokens.into_iter().map(change).collect()
}

/// Changes the contents of the module `name`.
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

/// Keeps the items for `types`. Every item has the form `… Name { … }`: it is a
/// struct or an impl for a struct.
fn only(tokens: TokenStream, types: &BTreeSet<String>) -> TokenStream {
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
            if !types.contains(&last) {
                kept.truncate(start);
            }
            start = kept.len();
        }
    }
    kept.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn builders_of_received_types_and_bodies_of_calls_go() {
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
            pub mod builder {
                pub struct GetTag { a: i64 }
                impl GetTag { fn a(self) -> Self { if true { self } else { self } } }
            }
        };
        let sent = ["Color", "NewTag"].map(str::to_owned).into();
        let expected = quote! {
            pub mod types {
                pub struct X200TagList { pub a: i64 }
                pub mod builder {
                    #[derive(Debug)] pub struct NewTag { a: Result<i64, String> }
                    impl TryFrom<NewTag> for super::NewTag { type Error = E; }
                    pub struct Color {}
                }
            }
            pub mod builder {
                pub struct GetTag { a: i64 }
                impl GetTag { fn a(self) -> Self {} }
            }
        };
        assert_eq!(prune(code, &sent).to_string(), expected.to_string());
    }
}
