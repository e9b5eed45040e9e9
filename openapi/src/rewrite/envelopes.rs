//! Replaces the structs of responses of the form `{success, data, meta}` with
//! aliases of the generic type `Envelope<D, M>` (`src/response.rs`).

use std::collections::{BTreeMap, BTreeSet};

use syn::{Fields, Item, ItemStruct, Type, parse_quote};

use super::syntax::{generic_argument, is_option, last_ident};

/// The types of an envelope's `data` and `meta`.
#[derive(Clone)]
pub struct Parts {
    pub data: Type,
    pub meta: Type,
}

/// Replaces those structs in `responses` that are envelopes with aliases, and
/// returns their parts by name.
pub fn replace(types: &mut Vec<Item>, responses: &BTreeSet<String>) -> BTreeMap<String, Parts> {
    let envelopes: BTreeMap<String, Parts> = types
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some((item.ident.to_string(), parts(item)?)),
            _ => None,
        })
        .filter(|(name, _)| responses.contains(name))
        .collect();
    types.retain(|item| {
        let name = match item {
            Item::Struct(item) => Some(item.ident.to_string()),
            Item::Impl(item) => last_ident(&item.self_ty),
            _ => None,
        };
        !name.is_some_and(|name| envelopes.contains_key(&name))
    });
    types.extend(envelopes.iter().map(|(name, Parts { data, meta })| {
        let ident = quote::format_ident!("{name}");
        // Only the httpmock helpers name it: progenitor generates their signatures.
        parse_quote! {
            #[doc(hidden)]
            pub type #ident = crate::codegen::Envelope<#data, #meta>;
        }
    }));
    envelopes
}

/// Returns the parts of a struct that has `data` and no other fields except
/// `success` and `meta`. An undocumented `meta` may be any JSON value.
fn parts(item: &ItemStruct) -> Option<Parts> {
    let Fields::Named(fields) = &item.fields else {
        return None;
    };
    let (mut data, mut meta) = (None, parse_quote!(::serde_json::Value));
    for field in &fields.named {
        let ty = match generic_argument(&field.ty).filter(|_| is_option(&field.ty)) {
            Some(inner) => inner,
            None => field.ty.clone(),
        };
        match field.ident.as_ref()?.to_string().as_str() {
            "data" => data = Some(ty),
            "meta" => meta = ty,
            "success" if last_ident(&ty)? == "bool" => {}
            _ => return None,
        }
    }
    Some(Parts { data: data?, meta })
}
