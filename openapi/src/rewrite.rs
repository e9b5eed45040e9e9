//! progenitor's code → this crate's: the same types and builders, on top of
//! our own transport.
//!
//! - the generated client, its hooks and its per-operation exchange give way
//!   to a table of operations and one [`Call`](../../src/transport.rs) each;
//! - setters take the value itself, not an `Option` of it;
//! - enums of answers keep values that the document does not list;
//! - answers of the form `{success, data, meta}` say so.

mod calls;
mod objects;
mod operations;
mod paging;
mod prune;
mod redact;
mod syntax;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::ToTokens;
use serde_json::Value;
use syn::visit_mut::VisitMut;
use syn::{File, ImplItemFn, Item, parse_quote};

use crate::api::{Api, Operation, Security};
use operations::table;
use syntax::{fold, items, module};

/// The finished source text.
pub fn finish(tokens: TokenStream, document: &Value) -> Result<String, String> {
    let api = Api::read(document.clone())?;
    let only_answered = prune::only_answered(document);
    let mut file: File = syn::parse2(prune::prune(tokens, &only_answered))
        .map_err(|error| format!("progenitor's code: {error}"))?;
    let operations: BTreeMap<String, &Operation> = api
        .operations
        .iter()
        .map(|operation| (fold(&operation.id), operation))
        .collect();
    file.items.retain(|item| !is_replaced(item));
    if operations.is_empty() {
        // Without a feature there is no operation, and progenitor leaves out
        // the modules for them.
        let is_empty = |item: &Item| matches!(item, Item::Mod(item) if ["builder", "prelude", "types"].contains(&item.ident.to_string().as_str()));
        file.items.retain(|item| !is_empty(item));
        let modules: [Item; 3] = [
            parse_quote!(
                pub mod builder {}
            ),
            parse_quote!(
                pub mod prelude {}
            ),
            parse_quote!(
                pub mod types {
                    pub mod builder {}
                }
            ),
        ];
        file.items.extend(modules);
    }

    let mut answers = BTreeSet::new();
    let mut forms = BTreeSet::new();
    let mut rows = Vec::new();
    let shapes = paging::shapes(items(module(&mut file.items, "types")?));
    {
        let builder = module(&mut file.items, "builder")?;
        items(builder).retain(|item| !matches!(item, Item::Use(_)));
        let mut debugs = Vec::new();
        for item in items(builder).iter_mut() {
            if let Item::Struct(item) = item {
                debugs.push(redact::call(item));
            }
            if let Item::Impl(item) = item {
                calls::plain_setters(item);
                rows.extend(calls::rewrite_send(
                    item,
                    &operations,
                    &shapes,
                    &mut answers,
                    &mut forms,
                )?);
            }
        }
        let uses: [Item; 2] = [
            parse_quote!(
                #[allow(unused_imports)]
                use super::types;
            ),
            parse_quote!(
                #[allow(unused_imports)]
                use crate::{Error, Items, Pages, Response, call::Call, setters};
            ),
        ];
        items(builder).splice(0..0, uses);
        items(builder).extend(debugs);
    }
    types::finish(
        module(&mut file.items, "types")?,
        &answers,
        &only_answered,
        &forms,
        redact::Marks::of(document),
    )?;
    for item in &mut file.items {
        match item {
            Item::Trait(item) => document_trait(item, &operations),
            Item::Mod(item) if item.ident == "prelude" => {
                // The crate's own `Client` is the one that callers name.
                items(item)
                    .retain(|item| !item.to_token_stream().to_string().contains(":: Client ;"));
            }
            _ => {}
        }
    }
    file.items.push(parse_quote!(
        #[allow(unused_imports)]
        use crate::{Operation, Response};
    ));
    file.items.push(parse_quote! {
        /// The calls of the document, by tag: bring the [`prelude`] into scope.
        #[derive(Clone, Debug)]
        pub struct Client {
            pub(crate) transport: crate::transport::Transport,
        }
    });
    file.items.push(parse_quote! {
        impl Client {
            /// The same client for strict calls: a value that does not fit the
            /// document fails the call, rather than being set aside into
            /// [`Response::mismatches`].
            #[must_use]
            pub fn strict(&self) -> Self {
                Self { transport: self.transport.with(|options| options.mode = crate::wire::Mode::Strict) }
            }

            /// The same client for calls that are tried more or less often.
            #[must_use]
            pub fn retry(&self, retry: crate::Retry) -> Self {
                Self { transport: self.transport.with(|options| options.retry = retry) }
            }

            /// The same client for calls that may take so long in all.
            #[must_use]
            pub fn timeout(&self, timeout: ::std::time::Duration) -> Self {
                Self { transport: self.transport.with(|options| options.timeouts.call = timeout) }
            }

            /// The same client for calls of which each attempt may take so long.
            #[must_use]
            pub fn attempt_timeout(&self, timeout: ::std::time::Duration) -> Self {
                Self { transport: self.transport.with(|options| options.timeouts.attempt = timeout) }
            }
        }
    });
    file.items.push(table(&api));
    file.items.push(parse_quote! {
        /// Every operation with its method, its answer's and its body's type,
        /// and its arguments, for programs that go through all of them.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! __b2b_v1_operations {
            ($row:ident) => { #($row! #rows)* };
        }
    });
    file.items
        .iter_mut()
        .for_each(|item| Inline.visit_item_mut(item));
    // progenitor's examples name what they do not declare; as doc tests they
    // would be 260 ignored ones.
    Ok(prettyplease::unparse(&file).replace("```ignore", "```text"))
}

/// Nothing is compiled before somebody calls it: a crate of 260 operations is
/// used for a few of them.
struct Inline;

impl VisitMut for Inline {
    fn visit_impl_item_fn_mut(&mut self, node: &mut ImplItemFn) {
        // Generic ones are compiled where they are called anyway.
        if node.sig.generics.type_params().next().is_none() {
            node.attrs.push(parse_quote!(#[inline]));
        }
    }
}

/// The trait's methods say what tokens they need and whether they are deprecated.
fn document_trait(item: &mut syn::ItemTrait, operations: &BTreeMap<String, &Operation>) {
    for function in &mut item.items {
        let syn::TraitItem::Fn(function) = function else {
            continue;
        };
        let Some(operation) = operations.get(&fold(&function.sig.ident.to_string())) else {
            continue;
        };
        let tokens = match operation.security {
            Security::PartnerAndUser => "\n\nSent with the partner's and the user's token.",
            Security::Partner => "\n\nSent with the partner's token alone.",
            Security::None => "\n\nNeeds no token; the partner's is sent if there is one.",
        };
        function.attrs.push(parse_quote!(#[doc = #tokens]));
        if operation.deprecated {
            function
                .attrs
                .push(parse_quote!(#[deprecated = "the vendor deprecates this operation"]));
        }
    }
    let tag = operations.values().find(|operation| {
        let expected = format!("client{}ext", fold(&operation.tag));
        fold(&item.ident.to_string()) == expected
    });
    if let Some(operation) = tag {
        let doc = format!("The calls under the tag “{}”.", operation.tag);
        item.attrs.push(parse_quote!(#[doc = #doc]));
    }
}

/// Items that ours take the place of.
fn is_replaced(item: &Item) -> bool {
    match item {
        Item::Use(_) => true,
        Item::Struct(item) => item.ident == "Client",
        Item::Impl(item) => match &item.trait_ {
            None => true,
            Some((path, _)) => path.segments.last().is_some_and(|segment| {
                segment.ident == "ClientInfo" || segment.ident == "ClientHooks"
            }),
        },
        _ => false,
    }
}
