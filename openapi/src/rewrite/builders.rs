//! Rewrites the builders of types that requests use into invocations of the
//! `builder!` macro (`src/setters.rs`).

use quote::quote;
use syn::{Item, ItemStruct, parse_quote};

use super::docs::FieldDocs;
use super::syntax::{generic_argument, is_option, last_ident};

/// Generates the builder of a type from progenitor's builder struct. The setters
/// have the documentation of the fields.
///
/// A field that is required and nullable is treated as optional, and is sent as
/// null unless it is set: the setters take plain values, so null cannot be passed
/// to them.
pub fn table(item: &ItemStruct, docs: &FieldDocs) -> Result<Item, String> {
    let ident = &item.ident;
    let docs = docs.get(&ident.to_string());
    let fields = item.fields.iter().map(|field| {
        let name = &field.ident;
        let docs = docs.and_then(|docs| docs.get(&name.as_ref()?.to_string()));
        let docs = docs.map_or(&[][..], Vec::as_slice);
        let held = generic_argument(&field.ty)?;
        let Some(inner) = generic_argument(&held).filter(|_| is_option(&held)) else {
            return Some(quote!(#(#docs)* #name: #held, required;));
        };
        let is_nullable = last_ident(&inner).is_some_and(|name| name == "Nullable");
        Some(match generic_argument(&inner).filter(|_| is_nullable) {
            Some(value) => quote!(#(#docs)* #name: #value, nullable;),
            None => quote!(#(#docs)* #name: #inner, optional;),
        })
    });
    let fields: Option<Vec<_>> = fields.collect();
    let fields = fields.ok_or_else(|| {
        format!("builder `{ident}`: its fields do not have the form that openapi/src/rewrite/builders.rs expects")
    })?;
    Ok(parse_quote!(
        crate::codegen::builder! { #ident { #(#fields)* } }
    ))
}
