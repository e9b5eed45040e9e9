//! Helper functions that inspect Rust syntax trees.

use syn::{
    Attribute, Fields, GenericArgument, Item, ItemEnum, ItemMod, PathArguments, Type, TypePath,
    parse_quote,
};

/// Returns the first type argument, such as the `T` of `Option<T>`.
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

/// Returns whether all variants of an enum are unit variants.
pub fn is_string_enum(item: &ItemEnum) -> bool {
    let mut variants = item.variants.iter();
    variants.all(|variant| matches!(variant.fields, Fields::Unit))
}

/// Returns the name that a serde attribute gives to a field or a variant.
pub fn serde_rename(attributes: &[Attribute]) -> Option<String> {
    let mut renamed = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        // `renamed` stays unchanged if an attribute cannot be parsed.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                renamed = Some(meta.value()?.parse::<syn::LitStr>()?.value());
            }
            Ok(())
        });
    }
    renamed
}

/// Returns the items of a module. Adds the module if it is missing, as progenitor
/// does not generate empty modules.
pub fn module<'a>(list: &'a mut Vec<Item>, name: &str) -> &'a mut Vec<Item> {
    let is_it = |item: &Item| matches!(item, Item::Mod(item) if item.ident == name);
    let index = list.iter().position(is_it).unwrap_or_else(|| {
        let ident = quote::format_ident!("{name}");
        list.push(parse_quote!(pub mod #ident {}));
        list.len() - 1
    });
    match &mut list[index] {
        Item::Mod(ItemMod { content, .. }) => &mut content.get_or_insert_default().1,
        _ => unreachable!("`index` is a module's"),
    }
}

/// Returns the last segment of a type's path, such as the `Option` of
/// `std::option::Option<T>`.
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
