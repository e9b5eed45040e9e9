//! progenitor's code → this crate's: the same types and builders, on top of
//! our own transport.
//!
//! - the generated client, its hooks and its per-operation exchange give way
//!   to a table of operations and one [`Call`](../src/transport.rs) each;
//! - setters take the value itself, not an `Option` of it;
//! - enums of answers keep values that the document does not list;
//! - answers of the form `{success, data, meta}` say so.

use std::collections::{BTreeMap, BTreeSet};

use crate::{objects, prune};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use serde_json::Value;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Expr, Fields, File, FnArg, GenericArgument, Ident, ImplItem, ImplItemFn, Item,
    ItemEnum, ItemImpl, ItemMod, ItemStruct, Lit, PathArguments, ReturnType, Token, Type, TypePath,
    parse_quote,
};

/// The finished source text.
pub fn finish(tokens: TokenStream, document: &Value) -> Result<String, String> {
    let only_answered = prune::only_answered(document);
    let mut file: File = syn::parse2(prune::prune(tokens, &only_answered))
        .map_err(|error| format!("progenitor's code: {error}"))?;
    let operations = operations(document)?;
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
    let shapes = shapes(items(module(&mut file.items, "types")?));
    {
        let builder = module(&mut file.items, "builder")?;
        items(builder).retain(|item| !matches!(item, Item::Use(_)));
        for item in items(builder).iter_mut() {
            if let Item::Impl(item) = item {
                plain_setters(item);
                rows.extend(rewrite_send(
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
                use crate::{Error, Items, Pages, Response, argument, call::Call};
            ),
        ];
        items(builder).splice(0..0, uses);
    }
    finish_types(
        module(&mut file.items, "types")?,
        &answers,
        &only_answered,
        &forms,
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
    file.items.push(table(&operations));
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

// ---- operations -------------------------------------------------------------

struct Operation {
    id: String,
    tag: String,
    method: String,
    path: String,
    auth: &'static str,
    request: Option<String>,
    statuses: Vec<u16>,
    joined: Vec<String>,
    deprecated: bool,
    /// `x-paging` of the overlay.
    paging: Option<Value>,
}

impl Operation {
    fn ident(&self) -> Ident {
        let name: String = self
            .id
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        format_ident!(
            "{}",
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                format!("_{name}")
            } else {
                name
            }
        )
    }

    fn is_multipart(&self) -> bool {
        self.request
            .as_deref()
            .is_some_and(|media_type| media_type.starts_with("multipart/"))
    }
}

/// By folded id: progenitor spells ids its own way.
fn operations(document: &Value) -> Result<BTreeMap<String, Operation>, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let id = text(&operation["operationId"]);
            let body = operation.get("requestBody");
            let parameters = operation["parameters"].as_array();
            let joined = parameters.into_iter().flatten().filter(|parameter| {
                parameter["in"] == "query"
                    && parameter["explode"] == false
                    && parameter["schema"]["type"] == "array"
            });
            operations.insert(
                fold(&id),
                Operation {
                    tag: text(&operation["tags"][0]),
                    method: method.to_ascii_uppercase(),
                    path: path.clone(),
                    auth: auth(document, operation)
                        .map_err(|scheme| format!("operation `{id}`: security scheme `{scheme}` asks for tokens in a way that src/auth.rs does not know"))?,
                    request: body.map(|body| {
                        body["x-media-type"].as_str().unwrap_or("application/json").to_owned()
                    }),
                    statuses: operation["responses"]
                        .as_object()
                        .into_iter()
                        .flatten()
                        .filter_map(|(status, _)| status.parse().ok())
                        .collect(),
                    joined: joined.map(|parameter| text(&parameter["name"])).collect(),
                    deprecated: operation["deprecated"] == true,
                    paging: operation.get("x-paging").cloned(),
                    id,
                },
            );
        }
    }
    Ok(operations)
}

/// The first alternative of the operation's security, by the form of its header.
fn auth(document: &Value, operation: &Value) -> Result<&'static str, String> {
    let security = operation.get("security").or(document.get("security"));
    let first = security
        .and_then(|list| list.get(0))
        .and_then(Value::as_object);
    let Some(scheme) = first.and_then(|alternative| alternative.keys().next()) else {
        return Ok("None");
    };
    match document["components"]["securitySchemes"][scheme]["bearerFormat"].as_str() {
        Some("Bearer {PartnerToken}") => Ok("Partner"),
        Some("Bearer {PartnerToken}, User {UserToken}") => Ok("PartnerAndUser"),
        _ => Err(scheme.clone()),
    }
}

fn table(operations: &BTreeMap<String, Operation>) -> Item {
    let statics = operations.values().map(|operation| {
        let Operation { id, tag, method, path, statuses, joined, deprecated, .. } = operation;
        let ident = operation.ident();
        let auth = format_ident!("{}", operation.auth);
        let request = match &operation.request {
            Some(media_type) => quote!(Some(#media_type)),
            None => quote!(None),
        };
        let paging = match &operation.paging {
            Some(paging) => {
                let paging = paging_value(paging);
                quote!(Some(#paging))
            }
            None => quote!(None),
        };
        let doc = format!("`{method} {path}`");
        quote! {
            #[doc = #doc]
            pub static #ident: Operation = Operation::new(
                #id, #tag, #method, #path, Auth::#auth, #request, &[#(#statuses),*], &[#(#joined),*], #deprecated, #paging,
            );
        }
    });
    let idents = operations.values().map(Operation::ident);
    parse_quote! {
        /// What the document says of each operation.
        pub mod operations {
            #[allow(unused_imports)]
            use crate::operation::{Auth, Operation, Paging};

            #(#statics)*

            /// Every operation of the document.
            pub static ALL: &[&Operation] = &[#(&#idents),*];
        }
    }
}

/// `send` of an operation's builder becomes one call of the transport.
fn rewrite_send(
    item: &mut ItemImpl,
    operations: &BTreeMap<String, Operation>,
    shapes: &BTreeMap<String, Shape>,
    answers: &mut BTreeSet<String>,
    forms: &mut BTreeSet<String>,
) -> Result<Option<TokenStream>, String> {
    let types: BTreeMap<String, Type> = item
        .items
        .iter()
        .filter_map(|item| match item {
            ImplItem::Fn(function) => {
                Some((function.sig.ident.to_string(), sent_type(&function.sig)?))
            }
            _ => None,
        })
        .collect();
    let send = item.items.iter_mut().find_map(|item| match item {
        ImplItem::Fn(function) if function.sig.ident == "send" => Some(function),
        _ => None,
    });
    let Some(send) = send else {
        return Ok(None);
    };

    let mut parts = SendParts::default();
    parts.visit_block(&send.block);
    let method_name = parts.id.clone().unwrap_or_default();
    let id = method_name.as_str();
    let operation = operations
        .get(&fold(id))
        .ok_or_else(|| format!("progenitor's operation `{id}` is not in the document"))?;
    let unknown = |what: &str| {
        format!("operation `{id}`: {what} in progenitor's `send` is not what build/finish.rs knows")
    };
    let answer = success_type(&send.sig.output).ok_or_else(|| unknown("the return type"))?;

    let destructured = send
        .block
        .stmts
        .first()
        .ok_or_else(|| unknown("an empty body"))?;
    let destructured = destructured.clone();
    let SendParts {
        path,
        query,
        headers,
        body,
        built,
        ..
    } = parts;
    let path = path.ok_or_else(|| unknown("the address"))?;
    let queries = query
        .iter()
        .map(|(name, value)| quote!(.query(#name, #value)));
    let headers = headers
        .iter()
        .map(|(name, value)| quote!(.header(#name, #value)));
    let body = match body.as_deref() {
        None => quote!(),
        Some("json") => {
            let value = match &built {
                Some(ty) => quote!(argument::built::<#ty, _>(body)),
                None => quote!(body),
            };
            if operation.is_multipart() {
                type_names(&built.to_token_stream(), forms);
                quote!(.multipart(#value))
            } else {
                quote!(.json(#value))
            }
        }
        Some(other) => return Err(unknown(&format!("a `{other}` body"))),
    };
    let (answer, read) = match answer.to_token_stream().to_string().as_str() {
        "ByteStream" => (quote!(::bytes::Bytes), quote!(raw)),
        "()" => (quote!(()), quote!(none)),
        _ => {
            type_names(&answer.to_token_stream(), answers);
            (answer.to_token_stream(), quote!(json))
        }
    };
    let ident = operation.ident();
    let attributes = &send.attrs;
    let new: ImplItemFn = parse_quote! {
        #(#attributes)*
        pub async fn send(self) -> Result<Response<#answer>, Error> {
            self.call().send().await?.#read()
        }
    };
    *send = new;
    item.items.push(parse_quote! {
        fn call(self) -> Call {
            #destructured
            Call::new(&client.transport, &super::operations::#ident) #(.path(#path))* #(#queries)* #(#headers)* #body
        }
    });
    if let Some(paging) = &operation.paging {
        item.items
            .extend(pages(paging, &answer, shapes).map_err(|error| {
                format!("operation `{id}`: x-paging: {error}; correct it in overlay.yaml")
            })?);
    }
    let id = &operation.id;
    let kind = if operation.is_multipart() {
        quote!(form)
    } else {
        read
    };
    let typed = |setter: &Expr| {
        let name = setter.to_token_stream().to_string();
        types.get(&name).map(|ty| quote!(#setter #ty))
    };
    let path = path.iter().filter_map(typed);
    let query = query.iter().filter_map(|(name, setter)| {
        let setter = typed(setter)?;
        Some(quote!(#name #setter))
    });
    let body_type = types.get("body").map(|ty| quote!(#ty));
    let method = format_ident!("{method_name}");
    Ok(Some(
        quote!({ #id #method #kind [#answer] [#body_type] [#(#path,)*] [#(#query,)*] }),
    ))
}

// ---- paging -------------------------------------------------------------------

/// What a type holds: a struct's fields by their name on the wire, or the
/// types of a union's branches.
enum Shape {
    Fields(BTreeMap<String, (Ident, Type)>),
    Branches(Vec<(Ident, Type)>),
}

fn shapes(types: &[Item]) -> BTreeMap<String, Shape> {
    types
        .iter()
        .filter_map(|item| match item {
            Item::Struct(item) => {
                let fields = item.fields.iter().filter_map(|field| {
                    let ident = field.ident.clone()?;
                    let name = serde_rename(&field.attrs).unwrap_or_else(|| ident.to_string());
                    Some((name, (ident, field.ty.clone())))
                });
                Some((item.ident.to_string(), Shape::Fields(fields.collect())))
            }
            Item::Enum(item) if !is_string_enum(item) => {
                let branches = item.variants.iter().filter_map(|variant| {
                    let ty = variant.fields.iter().next()?.ty.clone();
                    Some((variant.ident.clone(), ty))
                });
                Some((item.ident.to_string(), Shape::Branches(branches.collect())))
            }
            _ => None,
        })
        .collect()
}

/// `x-paging` → `crate::Paging`
fn paging_value(paging: &Value) -> TokenStream {
    let text = |place: &str, name: &str| paging[place][name].as_str().map(str::to_owned);
    if let (Some(from), Some(to)) = (text("body", "from"), text("body", "to")) {
        return quote!(Paging::Dates { from: #from, to: #to });
    }
    let (place, kind) = match paging.get("body") {
        Some(_) => ("body", quote!(Body)),
        None => ("query", quote!(Query)),
    };
    let page = text(place, "page").unwrap_or_default();
    let size = match text(place, "size") {
        Some(size) => quote!(Some(#size)),
        None => quote!(None),
    };
    quote!(Paging::#kind { page: #page, size: #size })
}

/// `pages()` and `stream()` of an operation that pages.
fn pages(
    paging: &Value,
    answer: &TokenStream,
    shapes: &BTreeMap<String, Shape>,
) -> Result<[ImplItem; 2], String> {
    let answer_type: Type = syn::parse2(answer.clone()).map_err(|error| error.to_string())?;
    let text = |name: &str| paging[name].as_str();
    let at = text("items").unwrap_or("data");
    let (len, items, item) = match last_ident(&answer_type).and_then(|name| shapes.get(&name)) {
        Some(Shape::Branches(branches)) => items_of_branches(answer, branches, at, shapes)?,
        _ => items_of(&answer_type, at, shapes)?,
    };
    let totals = paging["total"].as_array().into_iter().flatten();
    let total = totals
        .filter_map(|at| follow(&answer_type, at.as_str()?, shapes).ok())
        .map(|leaf| leaf.by_reference)
        .next()
        .map(|total| quote!(total: #total.copied(),));
    let next = match text("next") {
        None => None,
        Some(at) => {
            let period = follow(&answer_type, at, shapes)?;
            let day = |name| follow(&period.ty, name, shapes).map(|leaf| leaf.by_reference);
            let (period, from, to) = (period.by_reference, day("from")?, day("to")?);
            Some(quote! {
                next: #period.map_or((None, None), |value| {
                    (#from.map(ToString::to_string), #to.map(ToString::to_string))
                }),
            })
        }
    };
    let mut item = item;
    InTypes(shapes).visit_type_mut(&mut item);
    let pages: ImplItemFn = parse_quote! {
        /// The pages of the list, one answer each, from the one that `page`
        /// or the period names, or the first.
        pub fn pages(self) -> Pages<#answer> {
            Pages::new(self.call(), |value: &#answer| crate::paginate::Facts {
                len: #len,
                #total
                #next
                ..Default::default()
            })
        }
    };
    let stream: ImplItemFn = parse_quote! {
        /// The items of the list, page after page, from the page that `page`
        /// or the period names, or the first.
        pub fn stream(self) -> Items<#answer, #item> {
            self.pages().items(|value: #answer| #items)
        }
    };
    Ok([ImplItem::Fn(pages), ImplItem::Fn(stream)])
}

/// How many items `value` holds, the items, and their type.
type ItemsOf = (TokenStream, TokenStream, Type);

/// What is no list is one item a page.
fn items_of(ty: &Type, at: &str, shapes: &BTreeMap<String, Shape>) -> Result<ItemsOf, String> {
    let Leaf {
        by_reference,
        by_value,
        ty,
    } = follow(ty, at, shapes)?;
    Ok(match generic_argument(&ty).filter(|_| is_vec(&ty)) {
        Some(item) => (
            quote!(#by_reference.map_or(0, Vec::len)),
            quote!(#by_value.unwrap_or_default()),
            item,
        ),
        None => (
            quote!(#by_reference.into_iter().count()),
            quote!(#by_value.into_iter().collect()),
            ty,
        ),
    })
}

/// A branch that is a list holds several answers.
fn items_of_branches(
    answer: &TokenStream,
    branches: &[(Ident, Type)],
    at: &str,
    shapes: &BTreeMap<String, Shape>,
) -> Result<ItemsOf, String> {
    let (mut counts, mut takes, mut item_type) = (Vec::new(), Vec::new(), None);
    for (variant, ty) in branches {
        let listed = generic_argument(ty).filter(|_| is_vec(ty));
        let (len, items, item) = items_of(listed.as_ref().unwrap_or(ty), at, shapes)?;
        if *item_type.get_or_insert_with(|| item.clone()) != item {
            return Err("the branches of the answer hold items of several types".to_owned());
        }
        if listed.is_some() {
            counts.push(quote!(#answer::#variant(list) => list.iter().map(|value| #len).sum(),));
            takes.push(quote!(#answer::#variant(list) => list.into_iter().flat_map(|value| #items).collect(),));
        } else {
            counts.push(quote!(#answer::#variant(value) => #len,));
            takes.push(quote!(#answer::#variant(value) => #items,));
        }
    }
    let item_type = item_type.ok_or("the answer has no branches")?;
    Ok((
        quote!(match value { #(#counts)* }),
        quote!(match value { #(#takes)* }),
        item_type,
    ))
}

/// `Client` of the module of types → `types::Client`
struct InTypes<'a>(&'a BTreeMap<String, Shape>);

impl VisitMut for InTypes<'_> {
    fn visit_path_mut(&mut self, node: &mut syn::Path) {
        visit_mut::visit_path_mut(self, node);
        if let Some(name) = node.get_ident()
            && self.0.contains_key(&name.to_string())
        {
            *node = parse_quote!(types::#name);
        }
    }
}

/// A place inside `value`: an `Option` of it, and its type.
struct Leaf {
    by_reference: TokenStream,
    by_value: TokenStream,
    ty: Type,
}

/// The place that `at` (`meta.dateCursor.next`) names inside a type.
fn follow(ty: &Type, at: &str, shapes: &BTreeMap<String, Shape>) -> Result<Leaf, String> {
    let mut leaf = Leaf {
        by_reference: quote!(Some(value)),
        by_value: quote!(Some(value)),
        ty: ty.clone(),
    };
    for name in at.split('.') {
        let Some(Shape::Fields(fields)) = last_ident(&leaf.ty).and_then(|ty| shapes.get(&ty))
        else {
            return Err(format!("`{at}`: what holds `{name}` is no object"));
        };
        let (ident, ty) = fields
            .get(name)
            .ok_or_else(|| format!("`{at}`: the answer has no `{name}`"))?;
        let Leaf {
            by_reference,
            by_value,
            ..
        } = leaf;
        leaf = match generic_argument(ty).filter(|_| is_option(ty)) {
            Some(inner) => Leaf {
                by_reference: quote!(#by_reference.and_then(|value| value.#ident.as_ref())),
                by_value: quote!(#by_value.and_then(|value| value.#ident)),
                ty: inner,
            },
            None => Leaf {
                by_reference: quote!(#by_reference.map(|value| &value.#ident)),
                by_value: quote!(#by_value.map(|value| value.#ident)),
                ty: ty.clone(),
            },
        };
    }
    Ok(leaf)
}

/// The `T` of a setter's `V: TryInto<T>`.
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

/// What progenitor's `send` sends.
#[derive(Default)]
struct SendParts {
    id: Option<String>,
    path: Option<Vec<Expr>>,
    query: Vec<(String, Expr)>,
    headers: Vec<(String, Expr)>,
    body: Option<String>,
    /// The type that the body's builder makes.
    built: Option<syn::Path>,
}

impl<'ast> Visit<'ast> for SendParts {
    fn visit_expr_call(&mut self, node: &'ast syn::ExprCall) {
        visit::visit_expr_call(self, node);
        // `types::CreateClientBody::try_from(v)`
        if let Expr::Path(function) = &*node.func
            && function
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident == "try_from")
        {
            let mut ty = function.path.clone();
            ty.segments.pop();
            ty.segments.pop_punct();
            self.built = Some(ty);
        }
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        if self.path.is_some() || !node.path.is_ident("format") {
            return;
        }
        let parse = Punctuated::<Expr, Token![,]>::parse_terminated;
        let Ok(arguments) = node.parse_body_with(parse) else {
            return;
        };
        // The template, the base address, then `encode_path(&x.to_string())`.
        self.path = arguments
            .into_iter()
            .skip(2)
            .map(|argument| argument_of(&argument))
            .collect();
    }

    fn visit_expr_method_call(&mut self, node: &'ast syn::ExprMethodCall) {
        visit::visit_expr_method_call(self, node);
        let text = |expr: &Expr| match expr {
            Expr::Lit(lit) => match &lit.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        };
        match node.method.to_string().as_str() {
            "query" => {
                if let Some(Expr::Reference(reference)) = node.args.first()
                    && let Expr::Call(call) = &*reference.expr
                    && let (Some(name), Some(Expr::Reference(value))) =
                        (call.args.first().and_then(text), call.args.last())
                {
                    self.query.push((name, (*value.expr).clone()));
                }
            }
            "append" => {
                // progenitor's own `api-version` header is not named by a literal.
                if let Some(name) = node.args.first().and_then(text) {
                    self.headers.push((name, Expr::Verbatim(quote!(()))));
                    if let Some(value) = node.args.last() {
                        let mut idents = Idents::default();
                        idents.visit_expr(value);
                        if let (Some(ident), Some(last)) = (idents.0, self.headers.last_mut()) {
                            last.1 = parse_quote!(#ident);
                        }
                    }
                }
            }
            "json" | "form_urlencoded" => self.body = Some(node.method.to_string()),
            "body" => self.body = Some("raw".to_owned()),
            _ => {}
        }
    }

    fn visit_expr_if(&mut self, node: &'ast syn::ExprIf) {
        // `if let Some(value) = x { header_map.append("x", value…) }`
        let before = self.headers.len();
        visit::visit_expr_if(self, node);
        if let Expr::Let(condition) = &*node.cond {
            for header in &mut self.headers[before..] {
                header.1 = (*condition.expr).clone();
            }
        }
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        visit::visit_expr_struct(self, node);
        if node.path.is_ident("OperationInfo")
            && let Some(field) = node.fields.first()
            && let Expr::Lit(lit) = &field.expr
            && let Lit::Str(text) = &lit.lit
        {
            self.id = Some(text.value());
        }
    }
}

/// The first identifier of an expression.
#[derive(Default)]
struct Idents(Option<Ident>);

impl<'ast> Visit<'ast> for Idents {
    fn visit_expr_path(&mut self, node: &'ast syn::ExprPath) {
        if self.0.is_none() {
            self.0 = node.path.get_ident().cloned();
        }
    }
}

/// `encode_path(&x.to_string())` → `x`
fn argument_of(expr: &Expr) -> Option<Expr> {
    let Expr::Call(call) = expr else { return None };
    let Some(Expr::Reference(reference)) = call.args.first() else {
        return None;
    };
    let Expr::MethodCall(to_string) = &*reference.expr else {
        return None;
    };
    Some((*to_string.receiver).clone())
}

/// `Result<ResponseValue<T>, Error<E>>` → `T`
fn success_type(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, result) = output else {
        return None;
    };
    generic_argument(&generic_argument(result)?)
}

fn generic_argument(ty: &Type) -> Option<Type> {
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

/// The trait's methods say what tokens they need and whether they are deprecated.
fn document_trait(item: &mut syn::ItemTrait, operations: &BTreeMap<String, Operation>) {
    for function in &mut item.items {
        let syn::TraitItem::Fn(function) = function else {
            continue;
        };
        let Some(operation) = operations.get(&fold(&function.sig.ident.to_string())) else {
            continue;
        };
        let tokens = match operation.auth {
            "PartnerAndUser" => "\n\nSent with the partner's and the user's token.",
            "Partner" => "\n\nSent with the partner's token alone.",
            _ => "\n\nNeeds no token; the partner's is sent if there is one.",
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

// ---- types ------------------------------------------------------------------

fn finish_types(
    types: &mut ItemMod,
    answers: &BTreeSet<String>,
    only_answered: &BTreeSet<String>,
    forms: &BTreeSet<String>,
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

fn is_string_enum(item: &ItemEnum) -> bool {
    item.variants
        .iter()
        .all(|variant| matches!(variant.fields, Fields::Unit))
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
            Unlisted(crate::wire::UnlistedValue)
        });
        parse_quote!(crate::wire::string_enum! { #ident, Some(#ident::Unlisted), [#(#names),*] })
    } else {
        item.attrs
            .push(parse_quote!(#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]));
        parse_quote!(crate::wire::string_enum! { #ident, None, [#(#names),*] })
    }
}

fn serde_rename(attributes: &[Attribute]) -> Option<String> {
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
            .then(|| quote!(Self::#variant(value) => crate::envelope::Answer::refused(value),))
    });
    parse_quote! {
        impl crate::envelope::Answer for #ident {
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
    let mut items = vec![parse_quote!(impl crate::envelope::Answer for #ident { #refused })];
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
            impl crate::envelope::Envelope for #ident {
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
        .map(|variant| {
            let Fields::Unnamed(fields) = &variant.fields else {
                return None;
            };
            let ty = &fields.unnamed.first()?.ty;
            let kind = match last_ident(ty)?.as_str() {
                "String" | "DateTime" | "NaiveDate" => quote!(Some(crate::wire::Kind::String)),
                "i64" | "f64" => quote!(Some(crate::wire::Kind::Number)),
                "bool" => quote!(Some(crate::wire::Kind::Boolean)),
                "Vec" => quote!(Some(crate::wire::Kind::Array)),
                "Map" | "HashMap" => quote!(Some(crate::wire::Kind::Object)),
                name if objects.contains(name) => quote!(Some(crate::wire::Kind::Object)),
                _ => quote!(None),
            };
            let name = &variant.ident;
            Some(quote!((#kind, |raw| crate::wire::read_branch::<#ty>(raw).map(Self::#name))))
        })
        .collect::<Option<Vec<_>>>()?;
    objects::drop_derives(&mut item.attrs, &["Deserialize"]);
    let ident = &item.ident;
    Some(parse_quote! {
        impl<'de> ::serde::Deserialize<'de> for #ident {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::wire::read_union(deserializer, &[#(#branches),*])
            }
        }
    })
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
        Some(quote!((#name, crate::file::ToField::to_field(&self.#ident))))
    });
    parse_quote! {
        impl crate::file::Multipart for #ident {
            fn fields(&self) -> Vec<(&'static str, Option<crate::file::Field>)> {
                vec![#(#fields),*]
            }
        }
    }
}

/// A body's builder by a table of its fields (`src/argument.rs`).
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
        format!("builder `{ident}`: its fields are not what build/finish.rs knows")
    })?;
    Ok(parse_quote!(
        crate::argument::builder! { #ident { #(#fields)* } }
    ))
}

/// Setters convert by the functions of `src/argument.rs`.
fn plain_setters(item: &mut ItemImpl) {
    if item.trait_.is_some() {
        return;
    }
    for function in &mut item.items {
        let ImplItem::Fn(function) = function else {
            continue;
        };
        if !matches!(function.sig.inputs.first(), Some(FnArg::Receiver(_))) {
            continue;
        }
        PlainSetter.visit_impl_item_fn_mut(function);
    }
}

struct PlainSetter;

impl VisitMut for PlainSetter {
    /// `value.try_into().map(Some).map_err(|…| "…")` → `set_some(value, "…")`
    fn visit_expr_mut(&mut self, node: &mut Expr) {
        visit_mut::visit_expr_mut(self, node);
        let Expr::MethodCall(call) = &*node else {
            return;
        };
        let mut text = FirstText::default();
        text.visit_expr_method_call(call);
        let (Some(problem), true) = (text.0, call.method == "map_err") else {
            return;
        };
        let says_why = problem.strip_suffix(": {}");
        let problem = says_why.unwrap_or(&problem);
        let function = match says_why {
            Some(_) => quote!(set_or_say),
            None if has_call(&call.receiver, "map", "Some") => quote!(set_some),
            None => quote!(set),
        };
        let from =
            has_call(&call.receiver, "map", "From :: from").then(|| quote!(.map(From::from)));
        *node = parse_quote!(crate::argument::#function(value, #problem)#from);
    }
}

/// Whether a chain of calls has this one.
fn has_call(mut chain: &Expr, method: &str, argument: &str) -> bool {
    while let Expr::MethodCall(call) = chain {
        let given = call.args.to_token_stream().to_string();
        if call.method == method && given.trim_start_matches(":: std :: convert :: ") == argument {
            return true;
        }
        chain = &call.receiver;
    }
    false
}

/// The first text, in a literal or at the start of a macro's arguments.
#[derive(Default)]
struct FirstText(Option<String>);

impl<'ast> Visit<'ast> for FirstText {
    fn visit_lit_str(&mut self, node: &'ast syn::LitStr) {
        self.0.get_or_insert_with(|| node.value());
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        let parse = Punctuated::<Expr, Token![,]>::parse_terminated;
        for argument in node.parse_body_with(parse).into_iter().flatten() {
            self.visit_expr(&argument);
        }
    }
}

// ---- small questions ----------------------------------------------------------

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

fn module<'a>(list: &'a mut [Item], name: &str) -> Result<&'a mut ItemMod, String> {
    list.iter_mut()
        .find_map(|item| match item {
            Item::Mod(item) if item.ident == name => Some(item),
            _ => None,
        })
        .ok_or_else(|| format!("progenitor's code has no module `{name}`"))
}

fn items(module: &mut ItemMod) -> &mut Vec<Item> {
    &mut module.content.get_or_insert_default().1
}

fn last_ident(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(TypePath { path, .. }) => Some(path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

fn is_option(ty: &Type) -> bool {
    last_ident(ty).is_some_and(|name| name == "Option")
}

fn is_vec(ty: &Type) -> bool {
    last_ident(ty).is_some_and(|name| name == "Vec")
}

fn is_bool(ty: &Type) -> bool {
    last_ident(ty).is_some_and(|name| name == "bool")
}

/// The names after `types::` or `types::builder::`.
fn type_names(tokens: &TokenStream, names: &mut BTreeSet<String>) {
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

fn idents(tokens: TokenStream, names: &mut BTreeSet<String>) {
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

fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
