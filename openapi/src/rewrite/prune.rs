//! Removes the parts of progenitor's code that are not used: the bodies of the
//! request builders' functions, and the builders of types. They make up two thirds of
//! the code.
//!
//! This works on tokens, since parsing all of them would take longer than the rest
//! of the rewriting.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Removes the bodies of the functions in the module `builder`, and the contents of
/// `types::builder`.
pub fn prune(tokens: TokenStream) -> TokenStream {
    let tokens = in_module("builder", tokens, &|tokens| {
        in_braces(tokens, &|item| in_braces(item, &|_| TokenStream::new()))
    });
    in_module("types", tokens, &|tokens| {
        in_module("builder", tokens, &|_| TokenStream::new())
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

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn builders_of_types_and_bodies_of_calls_go() {
        let code = quote! {
            pub mod types {
                pub struct X200TagList { pub a: i64 }
                pub mod builder {
                    #[derive(Debug)] pub struct NewTag { a: Result<i64, String> }
                    impl TryFrom<NewTag> for super::NewTag { type Error = E; }
                }
            }
            pub mod builder {
                pub struct GetTag { a: i64 }
                impl GetTag { fn a(self) -> Self { if true { self } else { self } } }
            }
        };
        let expected = quote! {
            pub mod types {
                pub struct X200TagList { pub a: i64 }
                pub mod builder {}
            }
            pub mod builder {
                pub struct GetTag { a: i64 }
                impl GetTag { fn a(self) -> Self {} }
            }
        };
        assert_eq!(prune(code).to_string(), expected.to_string());
    }
}
