//! Replaces the derived `Deserialize` of unions with one that selects the branch by
//! the kind of the JSON value.
//!
//! serde's untagged enums buffer the value, which bypasses the lenient conversions
//! of `src/wire`, and then take the first branch that accepts it.

use std::collections::BTreeSet;

use quote::{ToTokens, quote};
use syn::{Attribute, Fields, Item, ItemEnum, parse_quote};

use super::structs::drop_derives;
use super::syntax::last_ident;

/// Removes the derived `Deserialize` from a union, and returns the items to add for
/// it. `objects` are the names of the types that are objects on the wire.
pub fn rewrite(item: &mut ItemEnum, objects: &BTreeSet<String>) -> Vec<Item> {
    let untagged = |attribute: &Attribute| {
        attribute.path().is_ident("serde")
            && attribute.to_token_stream().to_string().contains("untagged")
    };
    if !item.attrs.iter().any(untagged) {
        return Vec::new();
    }
    let branches = item.variants.iter().enumerate().map(|(index, variant)| {
        let Fields::Unnamed(fields) = &variant.fields else {
            return None;
        };
        let ty = &fields.unnamed.first()?.ty;
        let kind = match last_ident(ty)?.as_str() {
            "String" | "DateTime" | "NaiveDate" => quote!(String),
            "i64" | "f64" => quote!(Number),
            "bool" => quote!(Boolean),
            "Vec" => quote!(Array),
            "Map" | "HashMap" => quote!(Object),
            name if objects.contains(name) => quote!(Object),
            _ => quote!(Any),
        };
        let (index, name) = (syn::Index::from(index), &variant.ident);
        Some(quote!(#index #kind #name #ty))
    });
    let Some(branches) = branches.collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    drop_derives(&mut item.attrs, &["Deserialize"]);
    let ident = &item.ident;
    let mut items = from_text(item);
    items.push(parse_quote!(
        crate::codegen::union! { #ident #(#branches,)* }
    ));
    items
}

/// Generates conversions from strings for a union that has a `String` branch.
/// typify generates the conversions from the other branches.
fn from_text(item: &ItemEnum) -> Vec<Item> {
    let ident = &item.ident;
    let is_text = |variant: &&syn::Variant| {
        let ty = variant.fields.iter().next().map(|field| &field.ty);
        ty.and_then(last_ident).is_some_and(|name| name == "String")
    };
    let Some(variant) = item.variants.iter().find(is_text) else {
        return Vec::new();
    };
    let variant = &variant.ident;
    vec![
        parse_quote! {
            impl ::std::convert::From<::std::string::String> for #ident {
                fn from(text: ::std::string::String) -> Self {
                    Self::#variant(text)
                }
            }
        },
        parse_quote! {
            impl ::std::convert::From<&str> for #ident {
                fn from(text: &str) -> Self {
                    Self::#variant(text.to_owned())
                }
            }
        },
    ]
}
