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
            "String" | "DateTime" | "Date" => quote!(String),
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
    let mut items = arguments(item);
    items.push(parse_quote!(
        crate::codegen::union! { #ident #(#branches,)* }
    ));
    items
}

/// Generates the implementations of `IntoArgument` for a union: each branch can be passed
/// for it, and for some branches what converts to them without loss.
fn arguments(item: &ItemEnum) -> Vec<Item> {
    let ident = &item.ident;
    let mut items: Vec<Item> = vec![parse_quote!(crate::codegen::argument! { #ident })];
    let mut seen = BTreeSet::new();
    for variant in &item.variants {
        let Some(ty) = variant.fields.iter().next().map(|field| &field.ty) else {
            continue;
        };
        if !seen.insert(ty.to_token_stream().to_string()) {
            continue;
        }
        let more = match last_ident(ty).as_deref() {
            Some("String") => quote!(, &str),
            Some("i64") => quote!(, i32, u32),
            _ => quote!(),
        };
        let variant = &variant.ident;
        items.push(parse_quote! {
            crate::codegen::converted! {
                #ident: #ty #more => |value| Ok::<_, &str>(#ident::#variant(::std::convert::Into::into(value)))
            }
        });
    }
    items
}
