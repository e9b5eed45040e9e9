//! Generates the builders of types that requests use, as invocations of the macro
//! `builder!` (`src/setters.rs`).

use quote::quote;
use syn::visit_mut::VisitMut;
use syn::{Item, ItemStruct, parse_quote};

use super::docs;
use super::paging::{Qualified, Shapes};
use super::syntax::{generic_argument, is_option, last_ident};

/// Generates the builder of a struct with named fields. The setters have the documentation
/// of the fields.
///
/// A field that is required and nullable is treated as optional, and is sent as null
/// unless it is set.
pub fn table(item: &ItemStruct, shapes: &Shapes) -> Item {
    let ident = &item.ident;
    let fields = item.fields.iter().map(|field| {
        let (name, docs) = (&field.ident, docs::of(&field.attrs));
        let mut held = field.ty.clone();
        Qualified("super", shapes).visit_type_mut(&mut held);
        let Some(inner) = generic_argument(&held).filter(|_| is_option(&held)) else {
            return quote!(#(#docs)* #name: #held, required;);
        };
        let is_nullable = last_ident(&inner).is_some_and(|name| name == "Nullable");
        match generic_argument(&inner).filter(|_| is_nullable) {
            Some(value) => quote!(#(#docs)* #name: #value, nullable;),
            None => quote!(#(#docs)* #name: #inner, optional;),
        }
    });
    parse_quote!(crate::codegen::builder! { #ident { #(#fields)* } })
}
