//! Generates the request builder of each operation, as an invocation of the macro
//! `typed_call!` (`src/typed_call.rs`). The arguments and where they are sent come from
//! [`Operation`]. The types of the arguments and of the response come from the signatures of
//! progenitor's builders.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{ImplItem, Item, ReturnType, Type, TypePath};

use super::docs;
use super::paging::{self, Qualified, Shapes};
use super::syntax::{generic_argument, last_ident};
use crate::api::{Operation, Parameter, Place, RequiredGroup};
use crate::names;

/// What is read from the signatures of one of progenitor's request builders.
pub struct Signatures {
    /// The types of the arguments, by the names of their setters.
    setters: BTreeMap<String, Type>,
    /// Whether there is a builder for the body's type.
    has_body_builder: bool,
    /// The type of the successful response.
    response: Type,
}

/// Reads the signatures in progenitor's module `builder`, by the names of the
/// builders.
pub fn signatures(items: &[Item]) -> BTreeMap<String, Signatures> {
    let impls = items.iter().filter_map(|item| match item {
        Item::Impl(item) if item.trait_.is_none() => Some(item),
        _ => None,
    });
    impls
        .filter_map(|item| {
            let functions = item.items.iter().filter_map(|item| match item {
                ImplItem::Fn(function) => Some(function),
                _ => None,
            });
            let mut found = BTreeMap::new();
            let (mut has_body_builder, mut response) = (false, None);
            for function in functions {
                match function.sig.ident.to_string().as_str() {
                    "new" => {}
                    "body_map" => has_body_builder = true,
                    "send" => response = success_type(&function.sig.output),
                    name => {
                        found.extend(sent_type(&function.sig).map(|ty| (name.to_owned(), ty)));
                    }
                }
            }
            let signatures = Signatures {
                setters: found,
                has_body_builder,
                response: response?,
            };
            Some((last_ident(&item.self_ty)?, signatures))
        })
        .collect()
}

/// Returns the name of the response's type if it is defined in `types`.
pub fn response_name(signatures: &Signatures) -> Option<String> {
    let ty = signatures.response.to_token_stream().to_string();
    ty.starts_with("types ::")
        .then(|| last_ident(&signatures.response))
        .flatten()
}

/// Returns the `T` of a setter's `V: TryInto<T>`.
fn sent_type(signature: &syn::Signature) -> Option<Type> {
    let clause = signature.generics.where_clause.as_ref()?;
    clause.predicates.iter().find_map(|predicate| {
        let syn::WherePredicate::Type(predicate) = predicate else {
            return None;
        };
        predicate.bounds.iter().find_map(|bound| {
            let syn::TypeParamBound::Trait(bound) = bound else {
                return None;
            };
            let path = bound.path.clone();
            generic_argument(&Type::Path(TypePath {
                attrs: Vec::new(),
                qself: None,
                path,
            }))
        })
    })
}

/// Returns the `T` of `Result<ResponseValue<T>, Error<E>>`.
fn success_type(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, result) = output else {
        return None;
    };
    generic_argument(&generic_argument(result)?)
}

/// The generated code of an operation.
pub struct Generated<'a> {
    pub operation: &'a Operation,
    /// The path arguments of its method, as the macro `methods!` expects them.
    pub path: Vec<TokenStream>,
    /// The request builder.
    pub builder: TokenStream,
    /// The row of the macro that lists all operations, for programs that iterate over them.
    pub row: TokenStream,
}

/// Generates the request builder of an operation.
pub fn builder<'a>(
    operation: &'a Operation,
    signatures: &BTreeMap<String, Signatures>,
    shapes: &Shapes,
) -> Result<Generated<'a>, String> {
    let name = names::pascal(&operation.id);
    let made = signatures
        .get(&name)
        .ok_or_else(|| format!("progenitor generated no builder `{name}`"))?;
    let type_of = |setter: &str| {
        let ty = made.setters.get(setter);
        ty.ok_or_else(|| format!("progenitor's builder has no setter `{setter}`"))
    };
    let (mut path, mut setters) = (Vec::new(), Vec::new());
    let (mut path_row, mut query_row) = (Vec::new(), Vec::new());
    let mut required = Vec::new();
    for parameter in &operation.parameters {
        let Parameter { name, place, .. } = parameter;
        let ty = match parameter.date_format {
            // Written in the parameter's own format.
            Some(_) => &syn::parse_quote!(::chrono::NaiveDate),
            None => type_of(&names::snake(name))?,
        };
        let ident = format_ident!("{}", names::setter(name));
        let put = put(parameter);
        if *place == Place::Path {
            path.push(quote!(#ident: #ty = #put));
            path_row.push(quote!(#ident #ty));
            continue;
        }
        let doc = docs::setter(parameter);
        setters.push(quote!(#[doc = #doc] #ident: #ty = #put;));
        if *place == Place::Query {
            query_row.push(quote!(#name #ident #ty));
        }
        if parameter.required {
            required.push(name);
        }
    }

    let (response, read) = response(made, shapes);
    let (mut body, mut body_row) = (TokenStream::new(), TokenStream::new());
    let mut kind = match read.to_string().as_str() {
        "envelope" => format_ident!("json"),
        _ => read.clone(),
    };
    if let Some(sent) = &operation.body {
        let ty = type_of("body")?;
        let add = format_ident!("{}", if sent.is_form() { "form" } else { "json" });
        if sent.is_form() {
            kind = add.clone();
        }
        let complete = match (sent.required, made.has_body_builder) {
            (true, true) => "built",
            (true, false) => "whole",
            (false, _) => "optional",
        };
        let complete = format_ident!("{complete}");
        let held = last_ident(ty).filter(|_| made.has_body_builder);
        let held = held.map(|name| format_ident!("{name}"));
        let held = held.map(|name| quote!(types::builder::#name));
        (body, body_row) = match held {
            Some(held) => (
                quote!(#complete #add #ty, #held, body_map),
                quote!(#ty, #held),
            ),
            None => (quote!(#complete #add #ty, #ty), quote!(#ty)),
        };
    }

    let groups = operation.body.iter().flat_map(|body| &body.groups);
    let groups = groups.map(|RequiredGroup { fields, ranges }| {
        let ranges = ranges
            .iter()
            .map(|(name, from, to)| quote!((#name, #from, #to)));
        quote!(RequiredGroup { fields: &[#(#fields),*], ranges: &[#(#ranges),*] })
    });
    let ident = format_ident!("{name}");
    let method = format_ident!("{}", names::snake(&operation.id));
    let doc = format!(
        "The request of [`{method}`](super::Client::{method}): `{} {}`.",
        operation.method, operation.path
    );
    let pages = match &operation.paging {
        None => None,
        Some(paging) => {
            let pages = paging::pages(paging, &made.response, &response, &read, shapes)
                .map_err(|error| format!("x-paging: {error}; correct it in overlay.yaml"))?;
            Some(quote!(impl #ident { #(#pages)* }))
        }
    };
    let builder = quote! {
        crate::codegen::typed_call! {
            #[doc = #doc]
            #ident #read #response;
            { #(#setters)* }
            required [#(#required),*]
            groups [#(#groups),*]
            body [#body]
        }
        #pages
    };
    let id = &operation.id;
    let response_type = &made.response;
    let response_type = match kind.to_string().as_str() {
        "raw" => quote!(::bytes::Bytes),
        _ if read == "envelope" => quote!($crate::#response),
        _ => quote!(#response_type),
    };
    let row = quote!({ #id #method #kind [#response_type] [#body_row] [#(#path_row,)*] [#(#query_row,)*] });
    Ok(Generated {
        operation,
        path,
        builder,
        row,
    })
}

/// Returns the type of a response, and the function of `Unread` that reads it, from the
/// type that progenitor gives it.
fn response(made: &Signatures, shapes: &Shapes) -> (TokenStream, Ident) {
    let ty = &made.response;
    let (ty, read) = match ty.to_token_stream().to_string().as_str() {
        "ByteStream" => (quote!(Bytes), "raw"),
        "()" => (quote!(()), "none"),
        _ => match response_name(made).and_then(|name| shapes.envelope(&name)) {
            Some(parts) => {
                let (mut data, mut meta) = (parts.data.clone(), parts.meta.clone());
                Qualified("types", shapes).visit_type_mut(&mut data);
                Qualified("types", shapes).visit_type_mut(&mut meta);
                (quote!(Envelope<#data, #meta>), "envelope")
            }
            None => (quote!(#ty), "json"),
        },
    };
    (ty, format_ident!("{read}"))
}

/// Returns the function of `Call` that sets a parameter, with its arguments.
fn put(parameter: &Parameter) -> TokenStream {
    let name = &parameter.name;
    if let Some(format) = &parameter.date_format {
        return match parameter.place {
            Place::Path => quote!(dated_path(#name, #format)),
            Place::Query => quote!(dated_query(#name, #format)),
            Place::Header => quote!(dated_header(#name, #format)),
        };
    }
    match parameter.place {
        Place::Query if parameter.flag => quote!(flag_query(#name)),
        Place::Path => quote!(path(#name)),
        Place::Query if parameter.joined => quote!(joined_query(#name)),
        Place::Query => quote!(query(#name)),
        Place::Header => quote!(header(#name)),
    }
}
