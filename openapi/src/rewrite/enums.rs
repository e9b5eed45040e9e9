//! Rewrites enums of strings: they use `Display` and `FromStr` for serde,
//! which already have the names on the wire, and those in responses get a variant for
//! values that the document does not list.

use std::collections::BTreeSet;

use syn::visit_mut::VisitMut;
use syn::{Item, ItemEnum, ItemImpl, parse_quote};

use super::syntax::{Serde, last_ident};

/// Rewrites an enum and returns the item to add for it. An open enum, which is one
/// that responses use, gets the variant `Unlisted`.
pub fn rewrite(item: &mut ItemEnum, open: bool) -> Result<Item, String> {
    let ident = item.ident.clone();
    let names = item.variants.iter().map(|variant| {
        let serde = Serde::of(&variant.attrs)?;
        Ok(serde.rename.unwrap_or_else(|| variant.ident.to_string()))
    });
    let names: Vec<String> = names.collect::<Result<_, String>>()?;
    for variant in &mut item.variants {
        variant
            .attrs
            .retain(|attribute| !attribute.path().is_ident("serde"));
    }
    item.attrs.retain(|attribute| {
        !attribute.path().is_ident("derive") && !attribute.path().is_ident("serde")
    });
    item.attrs.push(parse_quote!(#[non_exhaustive]));
    Ok(if open {
        item.attrs
            .push(parse_quote!(#[derive(Clone, Debug, PartialEq, Eq, Hash)]));
        item.variants.push(parse_quote! {
            /// A value that the document does not list, as the server sent it.
            Unlisted(crate::codegen::UnlistedValue)
        });
        parse_quote!(crate::codegen::string_enum! { #ident, Some(#ident::Unlisted), [#(#names),*] })
    } else {
        item.attrs
            .push(parse_quote!(#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]));
        parse_quote!(crate::codegen::string_enum! { #ident, None, [#(#names),*] })
    })
}

/// Makes the `Display` of an open enum handle the variant `Unlisted`.
pub fn open_display(item: &mut ItemImpl, open: &BTreeSet<String>) {
    let last = item
        .trait_
        .as_ref()
        .and_then(|(path, _)| path.segments.last());
    if last.is_some_and(|segment| segment.ident == "Display")
        && last_ident(&item.self_ty).is_some_and(|name| open.contains(&name))
    {
        OpenDisplay.visit_item_impl_mut(item);
    }
}

/// Turns `match *self { … }` into `match self { …, Self::Unlisted(value) => … }`.
struct OpenDisplay;

impl VisitMut for OpenDisplay {
    fn visit_expr_match_mut(&mut self, node: &mut syn::ExprMatch) {
        node.expr = parse_quote!(self);
        node.arms
            .push(parse_quote!(Self::Unlisted(value) => f.write_str(value.as_str()),));
    }
}
