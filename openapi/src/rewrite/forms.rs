//! Rewrites the types of bodies that are sent as forms instead of JSON.

use quote::quote;
use syn::{Item, ItemStruct, parse_quote};

use super::syntax::serde_rename;

/// Removes serde's attributes from a form's type, and returns its implementation
/// of `Multipart`.
pub fn rewrite(item: &mut ItemStruct) -> Item {
    let ident = &item.ident;
    item.attrs
        .retain(|attribute| !attribute.path().is_ident("derive"));
    item.attrs.push(parse_quote!(#[derive(Clone, Debug)]));
    let fields = item.fields.iter_mut().filter_map(|field| {
        let renamed = serde_rename(&field.attrs);
        field
            .attrs
            .retain(|attribute| !attribute.path().is_ident("serde"));
        let ident = field.ident.as_ref()?;
        let name = renamed.unwrap_or_else(|| ident.to_string());
        Some(quote!((#name, crate::codegen::ToField::to_field(&self.#ident))))
    });
    parse_quote! {
        impl crate::codegen::Multipart for #ident {
            fn fields(&self) -> Vec<(&'static str, Option<crate::codegen::Field>)> {
                vec![#(#fields),*]
            }
        }
    }
}
