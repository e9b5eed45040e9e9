//! Helper functions that inspect Rust syntax trees.

use quote::ToTokens;
use syn::{
    Attribute, Field, Fields, GenericArgument, Item, ItemEnum, ItemMod, PathArguments, Type,
    TypePath, parse_quote,
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

/// What serde's attributes specify for a field or a variant.
#[derive(Default)]
pub struct Serde {
    /// The name on the wire, if it differs from the one in Rust.
    pub rename: Option<String>,
    /// Whether the field is not serialized when it is `None`.
    pub optional: bool,
    /// Whether every value that is present is read as `Some`, including a null.
    pub present: bool,
}

/// The path of the function that deserializes an optional, nullable field.
pub const PRESENT: &str = "crate::codegen::present";

/// The function by which typify reads a field that is required and nullable. Its type has a
/// required field, so it keeps serde's derived `Deserialize`.
const REQUIRED: &str = "::std::option::Option::deserialize";

impl Serde {
    /// Reads the attributes of a field or a variant.
    ///
    /// # Errors
    ///
    /// Returns an error for an attribute that the rewriting does not support.
    pub fn of(attributes: &[Attribute]) -> Result<Self, String> {
        let mut found = Self::default();
        let is_serde = |attribute: &&Attribute| attribute.path().is_ident("serde");
        for attribute in attributes.iter().filter(is_serde) {
            let read = attribute.parse_nested_meta(|meta| {
                let text = |value: syn::parse::ParseStream<'_>| {
                    value.parse::<syn::LitStr>().map(|text| text.value())
                };
                if meta.path.is_ident("rename") {
                    found.rename = Some(text(meta.value()?)?);
                } else if meta.path.is_ident("skip_serializing_if") {
                    found.optional = text(meta.value()?)?.ends_with("Option::is_none");
                    if !found.optional {
                        return Err(meta.error("expected `Option::is_none` as the condition"));
                    }
                } else if meta.path.is_ident("deserialize_with") {
                    let function = text(meta.value()?)?;
                    found.present = function == PRESENT;
                    if !found.present && function != REQUIRED {
                        return Err(meta.error("this function is not supported"));
                    }
                } else if !meta.path.is_ident("default") {
                    return Err(meta.error("this attribute is not supported"));
                }
                Ok(())
            });
            read.map_err(|error| format!("{error}: {}", attribute.to_token_stream()))?;
        }
        Ok(found)
    }
}

/// Returns the name of a field on the wire.
pub fn wire_name(field: &Field) -> Result<String, String> {
    let ident = field.ident.as_ref().ok_or("a field without a name")?;
    let serde = Serde::of(&field.attrs).map_err(|error| format!("field `{ident}`: {error}"))?;
    Ok(serde.rename.unwrap_or_else(|| ident.to_string()))
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
