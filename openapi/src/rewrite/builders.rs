//! Builders of the types that requests hold, by a table of their fields
//! (`src/setters.rs`).

use quote::quote;
use syn::{Item, ItemStruct, parse_quote};

use super::syntax::{generic_argument, is_option};

/// The builder of a type, from progenitor's.
///
/// A field that is required and may be null is sent as null unless it is set:
/// the setters take plain values, so there is no other way to say it.
pub fn table(item: &ItemStruct) -> Result<Item, String> {
    let ident = &item.ident;
    let fields = item.fields.iter().map(|field| {
        let name = &field.ident;
        let held = generic_argument(&field.ty)?;
        Some(match generic_argument(&held).filter(|_| is_option(&held)) {
            Some(inner) => quote!(#name: #inner, optional;),
            None => quote!(#name: #held, required;),
        })
    });
    let fields: Option<Vec<_>> = fields.collect();
    let fields = fields.ok_or_else(|| {
        format!("builder `{ident}`: its fields are not what openapi/src/rewrite/builders.rs knows")
    })?;
    Ok(parse_quote!(
        crate::codegen::builder! { #ident { #(#fields)* } }
    ))
}
