//! The table of operations that the crate has: what [`Api`] says of each.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Item, parse_quote};

use crate::api::{Api, Operation, PagedBy, Paging, Place, Security};
use crate::names;

/// The name of an operation's static.
pub fn ident(operation: &Operation) -> Ident {
    format_ident!("{}", names::constant(&operation.id))
}

/// The module `operations`.
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
        /// What the document says of each operation.
        pub mod operations {
            #[allow(unused_imports)]
            use crate::codegen::{Method, Operation, Paging, Route, Security};

            #(#statics)*

            /// Every operation of the document, in its order.
            pub static ALL: &[&Operation] = &[#(&#idents),*];
        }
    }
}

/// The crate's `Paging` of an operation.
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
