//! Rewrites the code that progenitor generates into the code of the `altegio`
//! crate.
//!
//! The types, and the signatures of the calls, come from progenitor. The builders of the
//! types, the calls, the methods of the client, and the table of operations are generated
//! here from them and from [`Api`], mostly as invocations of macros of the `altegio` crate,
//! which its module `codegen` exports.

mod builders;
mod calls;
mod docs;
mod enums;
mod envelopes;
mod examples;
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
use quote::{format_ident, quote};
use serde_json::Value;
use syn::visit_mut::VisitMut;
use syn::{Fields, File, ImplItem, ImplItemFn, Item, parse_quote};

use crate::api::Api;
use crate::names;
use crate::roles::Roles;
use calls::Generated;
use examples::Example;
use paging::Shapes;
use redact::Marks;
use syntax::{is_string_enum, last_ident, module};

/// Rewrites `tokens`, which progenitor generated from the document of `api`, and
/// returns the source text. `document` is the name of the document, such as `b2b-v1`.
///
/// # Errors
///
/// Returns an error if progenitor's code does not have the expected form. The
/// message names the operation or the type.
pub fn rewrite(document: &str, api: &Api, tokens: TokenStream) -> Result<String, String> {
    let roles = Roles::of(api.document());
    let type_names = |schemas: &BTreeSet<String>| -> BTreeSet<String> {
        schemas.iter().map(|name| names::pascal(name)).collect()
    };
    let (sent, received) = (type_names(&roles.sent), type_names(&roles.received));
    let mut made: File =
        syn::parse2(prune::prune(tokens)).map_err(|error| format!("progenitor's code: {error}"))?;

    let signatures = calls::signatures(module(&mut made.items, "builder"));
    let types = module(&mut made.items, "types");
    let responses = signatures.values().filter_map(calls::response_name);
    let envelopes = envelopes::replace(types, &responses.collect());
    let shapes = Shapes::read(types, envelopes)?;
    docs::add_to_types(api, types)?;
    let mut marks = Marks::of(api.document());
    let builders = types.iter().filter_map(|item| match item {
        Item::Struct(item) => Some(item),
        _ => None,
    });
    let builders = builders.filter(|item| {
        matches!(item.fields, Fields::Named(_)) && sent.contains(&item.ident.to_string())
    });
    let builders = builders
        .map(|item| builders::table(item, &shapes))
        .collect();
    *module(types, "builder") = builders;
    rewrite_types(types, &received, &forms(api), &shapes, &mut marks)?;
    marks.all_met()?;
    types.extend(aliases(api, types));
    let types = std::mem::take(types);

    let calls = api.operations.iter().map(|operation| {
        calls::builder(operation, &signatures, &shapes)
            .map_err(|error| format!("operation `{}`: {error}", operation.id))
    });
    let calls: Vec<Generated<'_>> = calls.collect::<Result<_, _>>()?;
    let builders = calls.iter().map(|call| &call.builder);
    let rows = calls.iter().map(|call| &call.row);
    let methods = operations::methods(document, api, &calls);
    let table = operations::table(document, api);
    let all = format_ident!("__{}_operations", names::snake(document));
    let production = &api.base;
    let mock = match &api.mock {
        Some(mock) => quote!(Some(#mock)),
        None => quote!(None),
    };
    let file: File = parse_quote! {
        crate::codegen::view!();

        pub(crate) static SERVERS: crate::codegen::Servers = crate::codegen::Servers {
            production: #production,
            mock: #mock,
        };

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
            use crate::codegen::{Bytes, Envelope, Facts, Items, Pages, Paging, RequiredGroup, Unread};

            #(#builders)*
        }

        #(#methods)*

        #table

        /// Every operation with its method, the types of its response and body,
        /// and its arguments, for programs that iterate over all of them.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! #all {
            ($row:ident) => { #($row! #rows)* };
        }
    };
    Ok(prettyplease::unparse(&inline(file)))
}

/// Returns the source text of a function for each operation with the example of its
/// documentation, so that a test can check that all of them compile.
pub fn examples(document: &str, api: &Api) -> String {
    let module = format_ident!("{}", names::snake(document));
    let functions = api.operations.iter().map(|operation| {
        let name = format_ident!("{}", names::snake(&operation.id));
        Example::new(&module, api, operation).function(&name)
    });
    functions.collect::<TokenStream>().to_string()
}

/// Returns the source text of the types of the document's ids: the component schemas whose
/// `x-rust-type` is in `altegio::ids`.
pub fn ids(document: &Value) -> String {
    let schemas = document["components"]["schemas"].as_object();
    let ids = schemas.into_iter().flatten().filter_map(|(_, schema)| {
        let path = schema["x-rust-type"]["path"].as_str()?;
        Some((path.strip_prefix("altegio::ids::")?, schema))
    });
    ids.map(|(name, schema)| {
        let description = schema["description"].as_str().unwrap_or_default();
        format!("id! {{ #[doc = {description:?}] {name} }}\n")
    })
    .collect()
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

/// Generates the further names of types: two request bodies that are equal are one type.
fn aliases(api: &Api, types: &[Item]) -> Vec<Item> {
    let is_generated = |name: &str| {
        types
            .iter()
            .any(|item| matches!(item, Item::Struct(item) if item.ident == name))
    };
    let schemas = api.schemas().filter(|(name, _)| is_generated(name));
    let aliases = schemas.flat_map(|(name, schema)| {
        let aliases = schema["x-aliases"].as_array().into_iter().flatten();
        aliases.filter_map(move |alias| Some((name, alias.as_str()?)))
    });
    let aliases = aliases.map(|(name, alias)| -> Item {
        let doc = format!("The same type as [`{name}`].");
        let (name, alias) = (format_ident!("{name}"), format_ident!("{alias}"));
        parse_quote! {
            #[doc = #doc]
            pub type #alias = #name;
        }
    });
    aliases.collect()
}

fn rewrite_types(
    types: &mut Vec<Item>,
    received: &BTreeSet<String>,
    forms: &BTreeSet<String>,
    shapes: &Shapes,
    marks: &mut Marks,
) -> Result<(), String> {
    types.retain(|item| match item {
        Item::Impl(item) if item.trait_.is_none() => {
            let is_builder =
                |item: &ImplItem| matches!(item, ImplItem::Fn(f) if f.sig.ident == "builder");
            !item.items.iter().any(is_builder)
        }
        _ => true,
    });

    let objects = shapes.objects();
    let mut string_enums = BTreeSet::new();
    let mut added: Vec<Item> = Vec::new();
    for item in types.iter_mut() {
        match item {
            Item::Struct(item) => {
                let name = item.ident.to_string();
                let debug = marks.debug(item);
                added.extend(debug.map_err(|error| format!("type `{name}`: {error}"))?);
                let items = match forms.contains(&name) {
                    true => forms::rewrite(item).map(|item| vec![item]),
                    false => structs::rewrite(item),
                };
                added.extend(items.map_err(|error| format!("type `{name}`: {error}"))?);
            }
            Item::Enum(item) if is_string_enum(item) => {
                let name = item.ident.to_string();
                let item = enums::rewrite(item, received.contains(&name));
                added.push(item.map_err(|error| format!("type `{name}`: {error}"))?);
                string_enums.insert(name);
            }
            Item::Enum(item) => added.extend(unions::rewrite(item, &objects)),
            _ => {}
        }
    }
    types.retain(|item| match item {
        Item::Impl(item) => {
            !(enums::is_replaced(item)
                && last_ident(&item.self_ty).is_some_and(|name| string_enums.contains(&name)))
        }
        _ => true,
    });
    types.extend(added);
    Ok(())
}

/// Marks functions as `#[inline]`, so that only those that a program calls are
/// compiled. Most programs call a few of the crate's operations.
fn inline(mut file: File) -> File {
    Inline.visit_file_mut(&mut file);
    file
}

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
    use serde_json::json;

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
        let tokens = generate::tokens(&document.to_string(), false, |generator, document| {
            generator.generate_tokens(document)
        });
        let code = rewrite("things-v1", &Api::read(document).unwrap(), tokens.unwrap()).unwrap();
        code.split_whitespace().collect()
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
            "fn put_thing(thing_id: ::std::string::String = path(\"thing-id\")) -> PutThing, PUT_THING;",
            "#[cfg_attr(docsrs, doc(cfg(feature = \"things-v1-things\")))]",
            "tags: ::std::vec::Vec<::std::string::String> = joined_query(\"tags\");",
            "x_partner_id: ::std::string::String = header(\"X-Partner-Id\");",
            "required [\"tags\"] groups []",
            "body [optional json types::NewThing, types::builder::NewThing, body_map]",
            "PutThing envelope Envelope<types::NewThing, ::serde_json::Value>;",
            "method: Method::PUT, path: \"/things/{thing-id}\",",
            "macro_rules! __things_v1_operations",
        ] {
            let expected = expected.split_whitespace().collect::<String>();
            assert!(code.contains(&expected), "no `{expected}` in {code}");
        }
    }

    #[test]
    fn a_document_without_operations_has_its_modules_nevertheless() {
        let code = code(json!({}));
        for expected in ["pubmodtypes{", "pubmodbuilder{", "pubmodoperations{"] {
            assert!(code.contains(expected), "no `{expected}` in {code}");
        }
    }
}
