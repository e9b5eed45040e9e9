//! Replaces the derived serde implementations of structs with macro invocations
//! that list their fields (`src/wire/serde_table.rs`).

use std::collections::BTreeSet;

use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Fields, Item, ItemStruct, Token, parse_quote};

use super::syntax::{PRESENT, Serde, generic_argument, is_option, last_ident};

/// Removes serde's derives from a struct, makes it non-exhaustive, and returns the
/// implementations that replace the derives.
///
/// Structs without a `Default`, which are those with required fields, keep the
/// derived `Deserialize`.
pub fn rewrite(item: &mut ItemStruct) -> Result<Vec<Item>, String> {
    nullable_fields(item);
    let derives = derives(&item.attrs);
    if !matches!(item.fields, Fields::Named(_)) || !derives.contains("Serialize") {
        return Ok(Vec::new());
    }
    item.attrs.push(parse_quote!(#[non_exhaustive]));
    let ident = &item.ident;
    let mut fields = Vec::new();
    for field in &item.fields {
        let place = field.ident.as_ref().ok_or("a field without a name")?;
        let serde = Serde::of(&field.attrs).map_err(|error| format!("field `{place}`: {error}"))?;
        let index = syn::Index::from(fields.len());
        let name = serde.rename.unwrap_or_else(|| place.to_string());
        let read = format_ident!("{}", if serde.present { "present" } else { "value" });
        let write = format_ident!("{}", if serde.optional { "optional" } else { "field" });
        fields.push(quote!(#index #name #place #read #write));
    }
    if fields.len() > 128 {
        return Err(format!(
            "it has {} fields; src/wire/serde_table.rs supports at most 128",
            fields.len()
        ));
    }
    let mut items: Vec<Item> = vec![parse_quote!(crate::codegen::write! { #ident #(#fields,)* })];
    let by_table = derives.contains("Default") && derives.contains("Deserialize");
    if by_table {
        items.push(parse_quote!(crate::codegen::read! { #ident #(#fields,)* }));
    }
    let dropped: &[&str] = if by_table {
        &["Serialize", "Deserialize"]
    } else {
        &["Serialize"]
    };
    drop_derives(&mut item.attrs, dropped);
    let with_schema = derives.contains("JsonSchema");
    for field in item.fields.iter_mut().filter(|_| by_table) {
        let rename = Serde::of(&field.attrs)?.rename;
        field
            .attrs
            .retain(|attribute| !attribute.path().is_ident("serde"));
        if let Some(name) = rename.filter(|_| with_schema) {
            field.attrs.push(parse_quote!(#[schemars(rename = #name)]));
        }
    }
    Ok(items)
}

/// Adds a deserializer to fields of type `Option<Nullable<T>>`, because serde's
/// own would read a null as `None` instead of as `Some` of a null.
fn nullable_fields(item: &mut ItemStruct) {
    for field in &mut item.fields {
        let inner = generic_argument(&field.ty).filter(|_| is_option(&field.ty));
        let inner = inner.and_then(|ty| last_ident(&ty));
        if inner.is_some_and(|name| name == "Nullable") {
            field
                .attrs
                .push(parse_quote!(#[serde(default, deserialize_with = #PRESENT)]));
        }
    }
}

fn derives(attributes: &[Attribute]) -> BTreeSet<String> {
    let lists = attributes.iter().filter_map(derived);
    lists.flatten().filter_map(|path| last(&path)).collect()
}

/// Removes the traits in `dropped` from the `derive` attributes.
pub fn drop_derives(attributes: &mut [Attribute], dropped: &[&str]) {
    for attribute in attributes {
        if let Some(list) = derived(attribute) {
            let kept = list
                .iter()
                .filter(|path| last(path).is_none_or(|name| !dropped.contains(&name.as_str())));
            *attribute = parse_quote!(#[derive(#(#kept),*)]);
        }
    }
}

fn derived(attribute: &Attribute) -> Option<Punctuated<syn::Path, Token![,]>> {
    let parse = Punctuated::parse_terminated;
    attribute
        .path()
        .is_ident("derive")
        .then(|| attribute.parse_args_with(parse).ok())
        .flatten()
}

fn last(path: &syn::Path) -> Option<String> {
    Some(path.segments.last()?.ident.to_string())
}
