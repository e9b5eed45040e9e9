//! Generates the table of operations, and the method of each operation.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Item, parse_quote};

use super::calls::Generated;
use super::docs;
use super::examples::Example;
use crate::api::{Api, Operation, PagedBy, Paging, Place, Security};
use crate::{names, select};

/// Returns the name of an operation's static.
pub fn ident(operation: &Operation) -> Ident {
    format_ident!("{}", names::constant(&operation.id))
}

/// Generates the module `operations` of the document with this name.
pub fn table(document: &str, api: &Api) -> Item {
    let statics = api.operations.iter().map(|operation| {
        let Operation {
            id,
            tag,
            idempotent,
            deprecated,
            ..
        } = operation;
        let (ident, path) = (ident(operation), operation.path.as_str());
        let method = format_ident!("{}", operation.method.as_str());
        let security = match operation.security {
            Security::None => quote!(None),
            Security::Partner => quote!(Partner),
            Security::PartnerAndUser => quote!(PartnerAndUser),
        };
        let media_type = option(operation.body.as_ref().map(|body| &body.media_type));
        let statuses = operation.responses.iter().map(|response| response.status);
        let joined = operation.parameters_in(Place::Query).filter(|p| p.joined);
        let joined = joined.map(|parameter| &parameter.name);
        let paging = match &operation.paging {
            Some(paging) => {
                let paging = paged_by(paging);
                quote!(Some(#paging))
            }
            None => quote!(None),
        };
        let doc = format!("`{method} {path}`");
        quote! {
            #[doc = #doc]
            pub static #ident: Operation = Operation {
                route: Route {
                    id: #id,
                    method: Method::#method,
                    path: #path,
                    security: Security::#security,
                    idempotent: #idempotent,
                },
                tag: #tag,
                request_media_type: #media_type,
                statuses: &[#(#statuses),*],
                joined: &[#(#joined),*],
                deprecated: #deprecated,
                paging: #paging,
            };
        }
    });
    let idents = api.operations.iter().map(ident);
    let doc = format!(
        "What the document specifies for each operation.\n\n{}",
        features(document, api)
    );
    parse_quote! {
        #[doc = #doc]
        pub mod operations {
            #[allow(unused_imports)]
            use crate::codegen::{Method, Operation, Paging, Route, Security};

            #(#statics)*

            /// Every operation, in the order of the document.
            pub static ALL: &[&Operation] = &[#(&#idents),*];
        }
    }
}

/// Generates the `Paging` value of the `altegio` crate for an operation.
pub fn paged_by(paging: &Paging) -> TokenStream {
    match &paging.by {
        PagedBy::Query { page, size } => {
            let size = option(size.as_ref());
            quote!(Paging::Query { page: #page, size: #size })
        }
        PagedBy::Body { page, size } => {
            let size = option(size.as_ref());
            quote!(Paging::Body { page: #page, size: #size })
        }
        PagedBy::Dates { from, to, .. } => quote!(Paging::Dates { from: #from, to: #to }),
    }
}

fn option(text: Option<&String>) -> TokenStream {
    match text {
        Some(text) => quote!(Some(#text)),
        None => quote!(None),
    }
}

/// Generates the methods of the document's client, in an `impl` block for each tag, as
/// invocations of the macro `methods!` (`src/typed_call.rs`).
///
/// `document` is the name of the document, which the names of the features start with.
pub fn methods(document: &str, api: &Api, generated: &[Generated<'_>]) -> Vec<Item> {
    let module = format_ident!("{}", names::snake(document));
    let mut by_tag: BTreeMap<&str, Vec<&Generated<'_>>> = BTreeMap::new();
    for generated in generated {
        let tag = &generated.operation.tag;
        by_tag.entry(tag).or_default().push(generated);
    }
    by_tag
        .iter()
        .map(|(tag, generated)| {
            let feature = select::feature(document, tag);
            let rows = generated.iter().map(|generated| {
                let Generated {
                    operation, path, ..
                } = generated;
                let method = format_ident!("{}", names::snake(&operation.id));
                let builder = format_ident!("{}", names::pascal(&operation.id));
                let (constant, doc) = (ident(operation), docs::method(operation));
                let deprecated = operation
                    .deprecated
                    .then(|| quote!(#[deprecated = "the vendor has deprecated this operation"]));
                let example = Example::new(&module, api, operation).markdown(&module);
                quote! {
                    #[doc = #doc]
                    #[cfg_attr(not(doctest), doc = #example)]
                    #deprecated
                    #[cfg_attr(docsrs, doc(cfg(feature = #feature)))]
                    fn #method(#(#path),*) -> #builder, #constant;
                }
            });
            let doc = format!("# {tag}\n\n{}", api.tag_description(tag));
            let doc = doc.trim_end();
            parse_quote! {
                crate::codegen::methods! {
                    #[doc = #doc]
                    impl Client { #(#rows)* }
                }
            }
        })
        .collect()
}

/// Returns a table of the operations and their features, in Markdown.
fn features(document: &str, api: &Api) -> String {
    let mut table = String::from("| operation | request | feature |\n|---|---|---|\n");
    for operation in &api.operations {
        let Operation {
            id, method, path, ..
        } = operation;
        let (name, feature) = (names::snake(id), select::feature(document, &operation.tag));
        table += &format!("| [`{name}`](Client::{name}) | `{method} {path}` | `{feature}` |\n");
    }
    table
}
