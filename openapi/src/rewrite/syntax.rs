//! Small questions about Rust's syntax, and names.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use syn::{
    Attribute, Fields, GenericArgument, Item, ItemEnum, ItemMod, PathArguments, Type, TypePath,
};

pub fn generic_argument(ty: &Type) -> Option<Type> {
    let Type::Path(TypePath { path, .. }) = ty else {
        return None;
    };
    let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

pub fn is_string_enum(item: &ItemEnum) -> bool {
    item.variants
        .iter()
        .all(|variant| matches!(variant.fields, Fields::Unit))
}

pub fn serde_rename(attributes: &[Attribute]) -> Option<String> {
    let mut renamed = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        // Attributes of another form leave `renamed` as it is.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                renamed = Some(meta.value()?.parse::<syn::LitStr>()?.value());
            }
            Ok(())
        });
    }
    renamed
}

pub fn module<'a>(list: &'a mut [Item], name: &str) -> Result<&'a mut ItemMod, String> {
    list.iter_mut()
        .find_map(|item| match item {
            Item::Mod(item) if item.ident == name => Some(item),
            _ => None,
        })
        .ok_or_else(|| format!("progenitor's code has no module `{name}`"))
}

pub fn items(module: &mut ItemMod) -> &mut Vec<Item> {
    &mut module.content.get_or_insert_default().1
}

pub fn last_ident(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(TypePath { path, .. }) => Some(path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

pub fn is_option(ty: &Type) -> bool {
    last_ident(ty).is_some_and(|name| name == "Option")
}

pub fn is_vec(ty: &Type) -> bool {
    last_ident(ty).is_some_and(|name| name == "Vec")
}

pub fn is_bool(ty: &Type) -> bool {
    last_ident(ty).is_some_and(|name| name == "bool")
}

/// The names after `types::` or `types::builder::`.
pub fn type_names(tokens: &TokenStream, names: &mut BTreeSet<String>) {
    let text = tokens.to_string();
    for part in text.split("types :: ").skip(1) {
        let part = part.strip_prefix("builder :: ").unwrap_or(part);
        names.insert(
            part.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default()
                .to_owned(),
        );
    }
}

pub fn idents(tokens: TokenStream, names: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Ident(ident) => {
                names.insert(ident.to_string());
            }
            proc_macro2::TokenTree::Group(group) => idents(group.stream(), names),
            _ => {}
        }
    }
}

pub fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
