//! What client.json says of each operation, and the table of it that the crate has.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_json::Value;
use syn::{Ident, Item, parse_quote};

use super::syntax::fold;

pub struct Operation {
    pub id: String,
    pub tag: String,
    pub method: String,
    pub path: String,
    pub security: &'static str,
    pub request: Option<String>,
    pub statuses: Vec<u16>,
    pub joined: Vec<String>,
    pub deprecated: bool,
    /// `x-paging` of the overlay.
    pub paging: Option<Value>,
}

impl Operation {
    pub fn ident(&self) -> Ident {
        let name: String = self
            .id
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        format_ident!(
            "{}",
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                format!("_{name}")
            } else {
                name
            }
        )
    }

    pub fn is_multipart(&self) -> bool {
        self.request
            .as_deref()
            .is_some_and(|media_type| media_type.starts_with("multipart/"))
    }
}

/// By folded id: progenitor spells ids its own way.
pub fn operations(document: &Value) -> Result<BTreeMap<String, Operation>, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let id = text(&operation["operationId"]);
            let body = operation.get("requestBody");
            let parameters = operation["parameters"].as_array();
            let joined = parameters.into_iter().flatten().filter(|parameter| {
                parameter["in"] == "query"
                    && parameter["explode"] == false
                    && parameter["schema"]["type"] == "array"
            });
            operations.insert(
                fold(&id),
                Operation {
                    tag: text(&operation["tags"][0]),
                    method: method.to_ascii_uppercase(),
                    path: path.clone(),
                    security: security(document, operation)
                        .map_err(|scheme| format!("operation `{id}`: security scheme `{scheme}` asks for tokens in a way that src/security.rs does not know"))?,
                    request: body.map(|body| {
                        body["x-media-type"].as_str().unwrap_or("application/json").to_owned()
                    }),
                    statuses: operation["responses"]
                        .as_object()
                        .into_iter()
                        .flatten()
                        .filter_map(|(status, _)| status.parse().ok())
                        .collect(),
                    joined: joined.map(|parameter| text(&parameter["name"])).collect(),
                    deprecated: operation["deprecated"] == true,
                    paging: operation.get("x-paging").cloned(),
                    id,
                },
            );
        }
    }
    Ok(operations)
}

/// The first alternative of the operation's security, by the form of its header.
fn security(document: &Value, operation: &Value) -> Result<&'static str, String> {
    let security = operation.get("security").or(document.get("security"));
    let first = security
        .and_then(|list| list.get(0))
        .and_then(Value::as_object);
    let Some(scheme) = first.and_then(|alternative| alternative.keys().next()) else {
        return Ok("None");
    };
    match document["components"]["securitySchemes"][scheme]["bearerFormat"].as_str() {
        Some("Bearer {PartnerToken}") => Ok("Partner"),
        Some("Bearer {PartnerToken}, User {UserToken}") => Ok("PartnerAndUser"),
        _ => Err(scheme.clone()),
    }
}

pub fn table(operations: &BTreeMap<String, Operation>) -> Item {
    let statics = operations.values().map(|operation| {
        let Operation { id, tag, method, path, statuses, joined, deprecated, .. } = operation;
        let ident = operation.ident();
        let security = format_ident!("{}", operation.security);
        let request = match &operation.request {
            Some(media_type) => quote!(Some(#media_type)),
            None => quote!(None),
        };
        let paging = match &operation.paging {
            Some(paging) => {
                let paging = paging_value(paging);
                quote!(Some(#paging))
            }
            None => quote!(None),
        };
        let doc = format!("`{method} {path}`");
        quote! {
            #[doc = #doc]
            pub static #ident: Operation = Operation::new(
                #id, #tag, #method, #path, Security::#security, #request, &[#(#statuses),*], &[#(#joined),*], #deprecated, #paging,
            );
        }
    });
    let idents = operations.values().map(Operation::ident);
    parse_quote! {
        /// What the document says of each operation.
        pub mod operations {
            #[allow(unused_imports)]
            use crate::operation::{Operation, Paging, Security};

            #(#statics)*

            /// Every operation of the document.
            pub static ALL: &[&Operation] = &[#(&#idents),*];
        }
    }
}

/// `x-paging` → `crate::Paging`
fn paging_value(paging: &Value) -> TokenStream {
    let text = |place: &str, name: &str| paging[place][name].as_str().map(str::to_owned);
    if let (Some(from), Some(to)) = (text("body", "from"), text("body", "to")) {
        return quote!(Paging::Dates { from: #from, to: #to });
    }
    let (place, kind) = match paging.get("body") {
        Some(_) => ("body", quote!(Body)),
        None => ("query", quote!(Query)),
    };
    let page = text(place, "page").unwrap_or_default();
    let size = match text(place, "size") {
        Some(size) => quote!(Some(#size)),
        None => quote!(None),
    };
    quote!(Paging::#kind { page: #page, size: #size })
}
