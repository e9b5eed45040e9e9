//! Replaces the implementations of enums of strings with an invocation of the macro
//! `string_enum!` (`src/open_enum.rs`). Enums in responses get a variant for values that
//! the document does not list.

use quote::quote;
use syn::{Item, ItemEnum, ItemImpl, parse_quote};

use super::syntax::Serde;

/// Rewrites an enum and returns the implementations to add for it. An open enum, which is
/// one that responses use, gets the variant `Unlisted`.
pub fn rewrite(item: &mut ItemEnum, open: bool) -> Result<Item, String> {
    let ident = item.ident.clone();
    let mut rows = Vec::new();
    for variant in &mut item.variants {
        let serde = Serde::of(&variant.attrs)?;
        variant
            .attrs
            .retain(|attribute| !attribute.path().is_ident("serde"));
        let name = &variant.ident;
        let value = serde.rename.unwrap_or_else(|| name.to_string());
        rows.push(quote!(#name #value));
    }
    item.attrs.retain(|attribute| {
        !attribute.path().is_ident("derive") && !attribute.path().is_ident("serde")
    });
    item.attrs.push(parse_quote!(#[non_exhaustive]));
    let (derives, unlisted) = match open {
        true => {
            item.variants.push(parse_quote! {
                /// A value that the document does not list, as the server sent it.
                Unlisted(crate::codegen::UnlistedValue)
            });
            (quote!(Clone), quote!(Unlisted))
        }
        false => (quote!(Clone, Copy), quote!()),
    };
    item.attrs
        .push(parse_quote!(#[derive(#derives, Debug, PartialEq, Eq, Hash)]));
    Ok(parse_quote!(
        crate::codegen::string_enum! { #ident { #(#rows),* } #unlisted }
    ))
}

/// Returns whether `string_enum!` replaces this implementation for an enum of strings.
pub fn is_replaced(item: &ItemImpl) -> bool {
    let segment = item
        .trait_
        .as_ref()
        .and_then(|(path, _)| path.segments.last());
    segment.is_some_and(|segment| {
        ["Display", "FromStr", "TryFrom"]
            .iter()
            .any(|name| segment.ident == name)
    })
}
