//! Rewrites the types of bodies that are sent as forms instead of JSON.

use quote::quote;
use syn::{Item, ItemStruct, parse_quote};

use super::syntax::wire_name;

/// Removes serde's attributes from a form's type, and returns its implementation
/// of `Multipart`.
pub fn rewrite(item: &mut ItemStruct) -> Result<Item, String> {
    item.attrs.push(parse_quote!(#[non_exhaustive]));
    let ident = &item.ident;
    item.attrs
        .retain(|attribute| !attribute.path().is_ident("derive"));
    item.attrs
        .push(parse_quote!(#[derive(Clone, Debug, PartialEq)]));
    let mut fields = Vec::new();
    for field in &mut item.fields {
        let name = wire_name(field)?;
        field
            .attrs
            .retain(|attribute| !attribute.path().is_ident("serde"));
        let place = &field.ident;
        fields.push(quote!((#name, crate::codegen::ToField::to_field(&self.#place))));
    }
    Ok(parse_quote! {
        impl crate::codegen::Multipart for #ident {
            fn fields(&self) -> Vec<(&'static str, Option<crate::codegen::Field>)> {
                vec![#(#fields),*]
            }
        }
    })
}
