//! Rewrites the code that progenitor generates into the code of the `altegio`
//! crate.
//!
//! The types, their builders, and the signatures of the calls come from
//! progenitor. The calls' builders, the traits, and the table of operations are
//! generated here from [`Api`]. They use the `codegen` module of the `altegio`
//! crate.

mod builders;
mod calls;
mod enums;
mod envelopes;
mod forms;
mod operations;
mod paging;
mod prune;
mod redact;
mod structs;
mod syntax;
mod unions;

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use syn::visit_mut::VisitMut;
use syn::{File, ImplItem, ImplItemFn, Item, parse_quote};

use crate::api::Api;
use crate::names;
use crate::roles::Roles;
use paging::Shapes;
use redact::Marks;
use syntax::{is_string_enum, last_ident, module};

/// Rewrites `tokens`, which progenitor generated from the document of `api`, and
/// returns the source text.
///
/// # Errors
///
/// Returns an error if progenitor's code does not have the expected form. The
/// message names the operation or the type.
pub fn rewrite(api: &Api, tokens: TokenStream) -> Result<String, String> {
    let roles = Roles::of(api.document());
    let type_names = |schemas: &BTreeSet<String>| -> BTreeSet<String> {
        schemas.iter().map(|name| names::pascal(name)).collect()
    };
    let (sent, received) = (type_names(&roles.sent), type_names(&roles.received));
    let mut made: File = syn::parse2(prune::prune(tokens, &sent))
        .map_err(|error| format!("progenitor's code: {error}"))?;

    let signatures = calls::signatures(module(&mut made.items, "builder"));
    let types = module(&mut made.items, "types");
    let responses = signatures.values().filter_map(calls::response_name);
    let envelopes = envelopes::replace(types, &responses.collect());
    let shapes = Shapes::read(types, envelopes);
    let mut marks = Marks::of(api.document());
    rewrite_types(types, &sent, &received, &forms(api), &shapes, &mut marks)?;
    marks.all_met()?;
    let types = std::mem::take(types);

    let (calls, rows) = calls::builders(api, &signatures, &shapes)?;
    let traits = operations::traits(api);
    let table = operations::table(api);
    let mut file: File = parse_quote! {
        crate::codegen::view! {
            /// The operations of the document. Bring the [`prelude`] into scope to call them.
        }

        /// The types of requests and responses.
        #[allow(clippy::all)]
        pub mod types {
            #(#types)*
        }

        /// The request builders of the operations.
        pub mod builder {
            #[allow(unused_imports)]
            use super::types;
            #[allow(unused_imports)]
            use crate::codegen::{
                Bytes, Call, Envelope, Error, Facts, IntoArgument, Items, Pages, Paging, Response,
                Transport, Unread,
            };

            #(#calls)*
        }

        #(#traits)*

        #table

        /// Every operation with its method, the types of its response and body,
        /// and its arguments, for programs that iterate over all of them.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! __b2b_v1_operations {
            ($row:ident) => { #($row! #rows)* };
        }
    };
    file.items
        .iter_mut()
        .for_each(|item| Inline.visit_item_mut(item));
    Ok(prettyplease::unparse(&file))
}

/// Returns the names of the types of bodies that are sent as forms.
fn forms(api: &Api) -> BTreeSet<String> {
    let bodies = api.operations.iter().filter_map(|o| o.body.as_ref());
    bodies
        .filter(|body| body.is_form())
        .filter_map(|body| api.get(&body.schema)["$ref"].as_str())
        .filter_map(crate::pointer::schema_name)
        .map(|name| names::pascal(&name))
        .collect()
}

fn rewrite_types(
    types: &mut Vec<Item>,
    sent: &BTreeSet<String>,
    received: &BTreeSet<String>,
    forms: &BTreeSet<String>,
    shapes: &Shapes,
    marks: &mut Marks,
) -> Result<(), String> {
    let builder = module(types, "builder");
    *builder = builder
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some(builders::table(item)),
            _ => None,
        })
        .collect::<Result<_, _>>()?;
    types.retain(|item| match item {
        Item::Impl(item) if item.trait_.is_none() => {
            let is_builder =
                |item: &ImplItem| matches!(item, ImplItem::Fn(f) if f.sig.ident == "builder");
            !item.items.iter().any(is_builder)
                || last_ident(&item.self_ty).is_some_and(|name| sent.contains(&name))
        }
        _ => true,
    });

    let objects = shapes.objects();
    let mut open_enums = BTreeSet::new();
    let mut added: Vec<Item> = Vec::new();
    for item in types.iter_mut() {
        match item {
            Item::Struct(item) => {
                let name = item.ident.to_string();
                let debug = marks.debug(item);
                added.extend(debug.map_err(|error| format!("type `{name}`: {error}"))?);
                if forms.contains(&name) {
                    added.push(forms::rewrite(item));
                } else {
                    let items = structs::rewrite(item);
                    added.extend(items.map_err(|error| format!("type `{name}`: {error}"))?);
                }
            }
            Item::Enum(item) if is_string_enum(item) => {
                let name = item.ident.to_string();
                let open = received.contains(&name);
                added.push(enums::rewrite(item, open));
                if open {
                    open_enums.insert(name);
                }
            }
            Item::Enum(item) => added.extend(unions::rewrite(item, &objects)),
            _ => {}
        }
    }
    for item in types.iter_mut() {
        if let Item::Impl(item) = item {
            enums::open_display(item, &open_enums);
        }
    }
    types.extend(added);
    Ok(())
}

/// Marks functions as `#[inline]`, so that only those that a program calls are
/// compiled. Most programs call a few of the crate's operations.
struct Inline;

impl VisitMut for Inline {
    fn visit_impl_item_fn_mut(&mut self, node: &mut ImplItemFn) {
        // Generic functions are compiled only where they are called anyway.
        let is_generic = node.sig.generics.type_params().next().is_some()
            || node.sig.inputs.iter().any(|input| {
                matches!(input, syn::FnArg::Typed(input) if matches!(*input.ty, syn::Type::ImplTrait(_)))
            });
        let is_inline = node
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("inline"));
        if !is_generic && !is_inline {
            node.attrs.push(parse_quote!(#[inline]));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::generate;

    fn code(paths: Value) -> String {
        let document = json!({
            "openapi": "3.0.3",
            "info": {"title": "t", "version": "1"},
            "paths": paths,
            "components": {"schemas": {
                "NewThing": {"type": "object", "properties": {"name": {"type": "string"}}},
                "ThingResponse": {"type": "object", "properties": {
                    "success": {"type": "boolean"},
                    "data": {"$ref": "#/components/schemas/NewThing"},
                }},
            }},
        });
        let tokens = generate::tokens(&document.to_string(), |generator, document| {
            generator.generate_tokens(document)
        });
        let code = rewrite(&Api::read(document).unwrap(), tokens.unwrap()).unwrap();
        code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_argument_goes_where_the_document_says() {
        let parameter = |name: &str, place: &str, required: bool| {
            let schema = json!({"type": "array", "items": {"type": "string"}});
            let schema = match name {
                "tags" => schema,
                _ => json!({"type": "string"}),
            };
            json!({"name": name, "in": place, "required": required, "schema": schema,
                "style": if place == "query" { "form" } else { "simple" }, "explode": false})
        };
        let code = code(json!({"/things/{thing-id}": {"put": {
            "operationId": "put_thing",
            "tags": ["Things"],
            "parameters": [
                parameter("thing-id", "path", true),
                parameter("tags", "query", true),
                parameter("X-Partner-Id", "header", false),
            ],
            "requestBody": {"content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/NewThing"},
            }}},
            "responses": {"200": {"description": "", "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/ThingResponse"},
            }}}},
        }}}));
        for expected in [
            "self.call.path(\"thing-id\", value);",
            "self.call.joined_query(\"tags\", value);",
            "self.call.header(\"X-Partner-Id\", value);",
            "self.call.require(&[\"tags\"]);",
            // The body is optional.
            "if let Some(body) = self.body.take() {",
            "Result<Response<Envelope<types::NewThing, ::serde_json::Value>>, Error>",
            "fn put_thing(&self) -> builder::PutThing;",
            "method: Method::PUT, path: \"/things/{thing-id}\",",
        ] {
            assert!(code.contains(expected), "no `{expected}` in {code}");
        }
    }

    #[test]
    fn a_document_without_operations_has_its_modules_nevertheless() {
        let code = code(json!({}));
        for expected in ["pub mod types {", "pub mod builder {", "pub mod prelude {}"] {
            assert!(code.contains(expected), "no `{expected}` in {code}");
        }
    }
}
