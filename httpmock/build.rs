//! Generates typed expectations for each operation in `$OUT_DIR` from client.json.

use std::collections::BTreeMap;

use altegio_openapi::api::{Api, Body, Operation, Place};
use altegio_openapi::documents::B2B_V1;
use altegio_openapi::{build_script, generate, names};
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprMethodCall, File, ImplItem, ItemImpl, Lit, Type, parse_quote};

fn main() {
    build_script::run(B2B_V1.name, B2B_V1.client, "httpmock.rs", |document| {
        let text = document.to_string();
        let tokens = generate::tokens(&text, false, |generator, document| {
            generator.httpmock(document, "altegio::b2b_v1")
        })?;
        let mut file: File =
            syn::parse2(tokens).map_err(|error| format!("progenitor's code: {error}"))?;
        let api = Api::read(document)?;
        let operations = api.operations.iter();
        Finish {
            operations: operations
                .map(|operation| (format!("{}When", names::pascal(&operation.id)), operation))
                .collect(),
            current: None,
        }
        .visit_file_mut(&mut file);
        Ok(prettyplease::unparse(&file))
    });
}

/// Adapts progenitor's code to the requests that the `altegio` client sends.
struct Finish<'a> {
    /// The operations, by the name of the type for expectations of their requests.
    operations: BTreeMap<String, &'a Operation>,
    /// The operation whose type is being visited.
    current: Option<&'a Operation>,
}

impl VisitMut for Finish<'_> {
    /// Removes the method `body` for forms, since it would expect JSON. Tests match
    /// the contents of a form with httpmock's own methods.
    fn visit_item_impl_mut(&mut self, node: &mut ItemImpl) {
        let name = node.self_ty.to_token_stream().to_string();
        self.current = self.operations.get(&name).copied();
        let body = self.current.and_then(|operation| operation.body.as_ref());
        if body.is_some_and(Body::is_form) {
            node.items
                .retain(|item| !matches!(item, ImplItem::Fn(f) if f.sig.ident == "body"));
        }
        visit_mut::visit_item_impl_mut(self, node);
    }

    /// Takes ids by value.
    fn visit_type_mut(&mut self, node: &mut Type) {
        visit_mut::visit_type_mut(self, node);
        if let Type::Reference(reference) = node
            && let Type::Path(ty) = &*reference.elem
            && ty
                .path
                .segments
                .iter()
                .any(|segment| segment.ident == "ids")
        {
            *node = Type::Path(ty.clone());
        }
    }

    /// Replaces `query_param(name, value.to_string())`, which lists do not support,
    /// with a call of `crate::query`.
    fn visit_expr_mut(&mut self, node: &mut Expr) {
        visit_mut::visit_expr_mut(self, node);
        let Expr::MethodCall(ExprMethodCall {
            receiver,
            method,
            args,
            ..
        }) = &*node
        else {
            return;
        };
        if method == "query_param"
            && let Some(Expr::Lit(literal)) = args.first()
            && let Lit::Str(name) = &literal.lit
            && args.to_token_stream().to_string().contains("to_string")
        {
            let mut parameters = self
                .current
                .into_iter()
                .flat_map(|operation| operation.parameters_in(Place::Query));
            let joined = parameters.any(|p| p.name == name.value() && p.joined);
            *node = parse_quote!(crate::query(#receiver, #name, value, #joined));
        } else if method == "json_body_obj" {
            // progenitor passes a bare boolean or number by value.
            let value = args.first();
            *node = parse_quote!(#receiver.json_body_obj(&#value));
        }
    }
}
