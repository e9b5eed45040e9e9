//! progenitor's types → ours: enums and unions that keep what the document does
//! not list, forms, what an answer says of itself, builders by a table.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{Attribute, Fields, ImplItem, Item, ItemEnum, ItemMod, ItemStruct, Type, parse_quote};

use super::redact::Marks;
use super::syntax::{
    generic_argument, idents, is_bool, is_option, is_string_enum, items, last_ident, module,
    serde_rename,
};
use super::{objects, prune};

pub fn finish(
    types: &mut ItemMod,
    answers: &BTreeSet<String>,
    only_answered: &BTreeSet<String>,
    forms: &BTreeSet<String>,
    mut marks: Marks,
) -> Result<(), String> {
    let uses = uses_by_type(items(types));
    let answered = reachable(answers, &uses);

    let builder = module(items(types), "builder")?;
    *items(builder) = items(builder)
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some(body_builder(item)),
            _ => None,
        })
        .collect::<Result<_, _>>()?;

    let objects: BTreeSet<String> = items(types)
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) if matches!(item.fields, Fields::Named(_)) => {
                Some(item.ident.to_string())
            }
            _ => None,
        })
        .collect();
    let say_success: BTreeSet<String> = items(types)
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some(item).filter(|item| refused(item).is_some()),
            _ => None,
        })
        .map(|item| item.ident.to_string())
        .collect();
    let in_unions: BTreeSet<String> = items(types)
        .iter()
        .filter_map(|item| match item {
            Item::Enum(item) if answers.contains(&item.ident.to_string()) => Some(&item.variants),
            _ => None,
        })
        .flatten()
        .flat_map(|variant| &variant.fields)
        .filter_map(|field| last_ident(&field.ty))
        .collect();
    let mut added: Vec<Item> = Vec::new();
    let mut open_enums = BTreeSet::new();
    let mut string_enums = BTreeSet::new();
    for item in items(types).iter_mut() {
        match item {
            Item::Enum(item) if is_string_enum(item) => {
                let open = answered.contains(&item.ident.to_string());
                string_enums.insert(item.ident.to_string());
                if open {
                    open_enums.insert(item.ident.to_string());
                }
                added.push(finish_enum(item, open));
            }
            Item::Struct(item) => {
                nullable_fields(item);
                let name = item.ident.to_string();
                let debug = marks.debug(item);
                added.extend(debug.map_err(|error| format!("type `{name}`: {error}"))?);
                if forms.contains(&name) {
                    added.push(form(item));
                } else if answers.contains(&name) || in_unions.contains(&name) {
                    added.extend(answer(item));
                }
                added.extend(
                    objects::by_table(item).map_err(|error| format!("type `{name}`: {error}"))?,
                );
            }
            Item::Enum(item) => {
                let ident = item.ident.clone();
                if answers.contains(&ident.to_string()) {
                    added.push(union_answer(item, &say_success));
                }
                if let Some(read) = union(item, &objects) {
                    added.push(read);
                    added.extend(union_from_text(item));
                }
            }
            _ => {}
        }
    }
    marks.all_met()?;
    items(types).retain(|item| match item {
        Item::Impl(item) => {
            let name = last_ident(&item.self_ty);
            let builds = item.trait_.is_none()
                && item
                    .items
                    .iter()
                    .any(|item| matches!(item, ImplItem::Fn(f) if f.sig.ident == "builder"));
            !builds || name.is_none_or(|name| !only_answered.contains(&prune::fold_type(&name)))
        }
        _ => true,
    });
    for item in items(types).iter_mut() {
        if let Item::Impl(item) = item
            && item
                .trait_
                .as_ref()
                .is_some_and(|(path, _)| path.segments.last().is_some_and(|s| s.ident == "Display"))
            && last_ident(&item.self_ty).is_some_and(|name| open_enums.contains(&name))
        {
            OpenDisplay.visit_item_impl_mut(item);
        }
    }
    items(types).extend(added);
    Ok(())
}

/// Which of the module's types each of them holds.
fn uses_by_type(items: &[Item]) -> BTreeMap<String, BTreeSet<String>> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some((item.ident.to_string(), item.fields.to_token_stream())),
            Item::Enum(item) => Some((item.ident.to_string(), item.variants.to_token_stream())),
            _ => None,
        })
        .map(|(name, tokens)| {
            let mut names = BTreeSet::new();
            idents(tokens, &mut names);
            (name, names)
        })
        .collect()
}

fn reachable(
    roots: &BTreeSet<String>,
    uses: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = roots.iter().collect();
    while let Some(name) = open.pop() {
        let Some((name, used)) = uses.get_key_value(name) else {
            continue;
        };
        if found.insert(name.clone()) {
            open.extend(used);
        }
    }
    found
}

/// serde through `Display` and `FromStr`, which say the wire's names already.
fn finish_enum(item: &mut ItemEnum, open: bool) -> Item {
    let ident = item.ident.clone();
    let names: Vec<String> = item
        .variants
        .iter()
        .map(|variant| serde_rename(&variant.attrs).unwrap_or_else(|| variant.ident.to_string()))
        .collect();
    for variant in &mut item.variants {
        variant
            .attrs
            .retain(|attribute| !attribute.path().is_ident("serde"));
    }
    item.attrs.retain(|attribute| {
        !attribute.path().is_ident("derive") && !attribute.path().is_ident("serde")
    });
    item.attrs.push(parse_quote!(#[non_exhaustive]));
    if open {
        item.attrs
            .push(parse_quote!(#[derive(Clone, Debug, PartialEq, Eq, Hash)]));
        item.variants.push(parse_quote! {
            /// A value that the document does not list, as the server sent it.
            Unlisted(crate::open_enum::UnlistedValue)
        });
        parse_quote!(
            crate::open_enum::string_enum! { #ident, Some(#ident::Unlisted), [#(#names),*] }
        )
    } else {
        item.attrs
            .push(parse_quote!(#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]));
        parse_quote!(crate::open_enum::string_enum! { #ident, None, [#(#names),*] })
    }
}

/// `match *self { … }` → `match self { …, Self::Unlisted(value) => … }`
struct OpenDisplay;

impl VisitMut for OpenDisplay {
    fn visit_expr_match_mut(&mut self, node: &mut syn::ExprMatch) {
        node.expr = parse_quote!(self);
        node.arms
            .push(parse_quote!(Self::Unlisted(value) => f.write_str(value.as_str()),));
    }
}

/// Whether `value`, of this type, says `success: false`.
fn refused(item: &ItemStruct) -> Option<TokenStream> {
    let success = item
        .fields
        .iter()
        .find(|field| field.ident.as_ref().is_some_and(|ident| ident == "success"))?;
    match &success.ty {
        ty if is_option(ty) && generic_argument(ty).is_some_and(|ty| is_bool(&ty)) => {
            Some(quote!(value.success == Some(false)))
        }
        ty if is_bool(ty) => Some(quote!(!value.success)),
        _ => None,
    }
}

/// An answer of several forms: each says for itself whether it refuses.
fn union_answer(item: &ItemEnum, say_success: &BTreeSet<String>) -> Item {
    let ident = &item.ident;
    let arms = item.variants.iter().filter_map(|variant| {
        let Fields::Unnamed(fields) = &variant.fields else {
            return None;
        };
        let name = last_ident(&fields.unnamed.first()?.ty)?;
        let variant = &variant.ident;
        say_success
            .contains(&name)
            .then(|| quote!(Self::#variant(value) => crate::response::Answer::refused(value),))
    });
    parse_quote! {
        impl crate::response::Answer for #ident {
            #[allow(unreachable_patterns)]
            fn refused(&self) -> bool {
                match self {
                    #(#arms)*
                    _ => false,
                }
            }
        }
    }
}

/// What an answer says of itself.
fn answer(item: &ItemStruct) -> Vec<Item> {
    let ident = &item.ident;
    let field = |name: &str| {
        item.fields
            .iter()
            .find(|field| field.ident.as_ref().is_some_and(|ident| ident == name))
            .map(|field| &field.ty)
    };
    let refused = refused(item)
        .map(|refused| quote!(fn refused(&self) -> bool { let value = self; #refused }));
    let mut items = vec![parse_quote!(impl crate::response::Answer for #ident { #refused })];
    if let Some(data) = field("data") {
        let part = |ty: Option<&Type>, name: &str| {
            let name = format_ident!("{name}");
            match ty {
                None => (quote!(()), quote!(None)),
                Some(ty) if is_option(ty) => {
                    let inner = generic_argument(ty);
                    (quote!(#inner), quote!(self.#name))
                }
                Some(ty) => (quote!(#ty), quote!(Some(self.#name))),
            }
        };
        let (data, data_value) = part(Some(data), "data");
        let (meta, meta_value) = part(field("meta"), "meta");
        items.push(parse_quote! {
            impl crate::response::Envelope for #ident {
                type Data = #data;
                type Meta = #meta;

                fn into_parts(self) -> (Option<#data>, Option<#meta>) {
                    (#data_value, #meta_value)
                }
            }
        });
    }
    items
}

/// A union read by the kind of value that stands there; serde's own way reads
/// it without the wire's conversions, and `1` as the first of bool and integer.
fn union(item: &mut ItemEnum, objects: &BTreeSet<String>) -> Option<Item> {
    let untagged = |attribute: &Attribute| {
        attribute.path().is_ident("serde")
            && attribute.to_token_stream().to_string().contains("untagged")
    };
    if !item.attrs.iter().any(untagged) {
        return None;
    }
    let branches = item
        .variants
        .iter()
        .enumerate()
        .map(|(index, variant)| {
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
        })
        .collect::<Option<Vec<_>>>()?;
    objects::drop_derives(&mut item.attrs, &["Deserialize"]);
    let ident = &item.ident;
    Some(parse_quote!(
        crate::wire::union::union! { #ident #(#branches,)* }
    ))
}

/// A union with a text is made from one, as it is from its other branches.
fn union_from_text(item: &ItemEnum) -> Vec<Item> {
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

/// `Option<Nullable<T>>`: serde's `Option` would take the null for itself.
fn nullable_fields(item: &mut ItemStruct) {
    for field in &mut item.fields {
        let inner = is_option(&field.ty)
            .then(|| generic_argument(&field.ty))
            .flatten();
        if inner
            .and_then(|ty| last_ident(&ty))
            .is_some_and(|name| name == "Nullable")
        {
            let present = objects::PRESENT;
            field
                .attrs
                .push(parse_quote!(#[serde(default, deserialize_with = #present)]));
        }
    }
}

/// A body that is sent as a form is no JSON.
fn form(item: &mut ItemStruct) -> Item {
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
        Some(quote!((#name, crate::multipart::ToField::to_field(&self.#ident))))
    });
    parse_quote! {
        impl crate::multipart::Multipart for #ident {
            fn fields(&self) -> Vec<(&'static str, Option<crate::multipart::Field>)> {
                vec![#(#fields),*]
            }
        }
    }
}

/// A body's builder by a table of its fields (`src/setters.rs`).
///
/// A field that is required and may be null is sent as null unless it is set:
/// the setters take plain values, so there is no other way to say it.
fn body_builder(item: &ItemStruct) -> Result<Item, String> {
    let ident = &item.ident;
    let fields = item.fields.iter().map(|field| {
        let name = &field.ident;
        let held = generic_argument(&field.ty)?;
        Some(match generic_argument(&held).filter(|_| is_option(&held)) {
            Some(inner) => quote!(#name: #inner, optional;),
            None => quote!(#name: #held, required;),
        })
    });
    let fields: Option<Vec<_>> = fields.collect();
    let fields = fields.ok_or_else(|| {
        format!("builder `{ident}`: its fields are not what openapi/src/rewrite/types.rs knows")
    })?;
    Ok(parse_quote!(
        crate::setters::builder! { #ident { #(#fields)* } }
    ))
}
