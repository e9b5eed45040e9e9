//! progenitor's builders → ours: setters that convert by `src/setters.rs`, and
//! one call of our own transport in `send`'s place.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Expr, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Lit, ReturnType, Token, Type, TypePath,
    parse_quote,
};

use super::operations::ident;
use super::paging::{self, Shape};
use super::syntax::{fold, generic_argument, type_names};
use crate::api::{Body, Operation};

/// `send` of an operation's builder becomes one call of the transport.
pub fn rewrite_send(
    item: &mut ItemImpl,
    operations: &BTreeMap<String, &Operation>,
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
        format!(
            "operation `{id}`: {what} in progenitor's `send` is not what openapi/src/rewrite/calls.rs knows"
        )
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
    let queries = query.iter().map(|(name, value)| {
        let joined = operation
            .parameters
            .iter()
            .any(|p| p.name == *name && p.joined);
        quote!(.query(#name, #value, #joined))
    });
    let headers = headers
        .iter()
        .map(|(name, value)| quote!(.header(#name, #value)));
    let body = match body.as_deref() {
        None => quote!(),
        Some("json") => {
            let value = match &built {
                Some(ty) => quote!(setters::built::<#ty, _>(body)),
                None => quote!(body),
            };
            if operation.body.as_ref().is_some_and(Body::is_form) {
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
    let ident = ident(operation);
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
            Call::new(&client.transport, &super::operations::#ident.route) #(.path(#path))* #(#queries)* #(#headers)* #body
        }
    });
    if let Some(paging) = &operation.paging {
        item.items
            .extend(paging::pages(paging, &answer, shapes).map_err(|error| {
                format!("operation `{id}`: x-paging: {error}; correct it in overlay.yaml")
            })?);
    }
    let id = &operation.id;
    let kind = if operation.body.as_ref().is_some_and(Body::is_form) {
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

/// Setters convert by the functions of `src/setters.rs`.
pub fn plain_setters(item: &mut ItemImpl) {
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
        *node = parse_quote!(crate::setters::#function(value, #problem)#from);
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
