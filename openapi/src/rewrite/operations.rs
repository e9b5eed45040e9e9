//! Generates the table of operations, and the traits that have a method for each
//! operation.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Item, parse_quote};

use crate::api::{Api, Operation, PagedBy, Paging, Place, Security};
use crate::names;

/// Returns the name of an operation's static.
pub fn ident(operation: &Operation) -> Ident {
    format_ident!("{}", names::constant(&operation.id))
}

/// Generates the module `operations`.
pub fn table(api: &Api) -> Item {
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
    parse_quote! {
        /// What the document specifies for each operation.
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

/// Returns the name of a tag's trait.
pub fn tag_trait(tag: &str) -> Ident {
    format_ident!("Client{}Ext", names::pascal(tag))
}

/// Generates a trait for each tag, and the module `prelude` that exports all of
/// them.
pub fn traits(api: &Api) -> Vec<Item> {
    let mut by_tag: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in &api.operations {
        by_tag.entry(&operation.tag).or_default().push(operation);
    }
    let mut items: Vec<Item> = Vec::new();
    for (tag, operations) in &by_tag {
        let ident = tag_trait(tag);
        let doc = format!("The operations of the tag “{tag}”.");
        let method = |operation: &Operation| format_ident!("{}", names::snake(&operation.id));
        let builder = |operation: &Operation| format_ident!("{}", names::pascal(&operation.id));
        let declared = operations.iter().map(|operation| {
            let (method, builder) = (method(operation), builder(operation));
            let doc = doc_of(operation);
            let deprecated = operation
                .deprecated
                .then(|| quote!(#[deprecated = "the vendor has deprecated this operation"]));
            quote! {
                #[doc = #doc]
                #deprecated
                fn #method(&self) -> builder::#builder;
            }
        });
        let implemented = operations.iter().map(|operation| {
            let (method, builder) = (method(operation), builder(operation));
            quote! {
                #[inline]
                fn #method(&self) -> builder::#builder {
                    builder::#builder::new(self)
                }
            }
        });
        items.push(parse_quote! {
            #[doc = #doc]
            pub trait #ident {
                #(#declared)*
            }
        });
        items.push(parse_quote! {
            impl #ident for Client {
                #(#implemented)*
            }
        });
    }
    let names = by_tag.keys().map(|tag| tag_trait(tag));
    items.push(parse_quote! {
        /// The traits of all tags.
        pub mod prelude {
            #(pub use super::#names;)*
        }
    });
    items
}

/// Returns the documentation of an operation's method.
fn doc_of(operation: &Operation) -> String {
    let tokens = match operation.security {
        Security::PartnerAndUser => "Requires the partner token and the user token.",
        Security::Partner => "Requires the partner token. The user token is not sent.",
        Security::None => "Requires no token. The partner token is sent if the client has one.",
    };
    let request = format!("`{} {}`", operation.method, operation.path);
    let parts = [operation.summary.trim(), &request, tokens];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}
