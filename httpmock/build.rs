//! client.json → a typed expectation for each operation, in `$OUT_DIR`.

use std::collections::BTreeSet;

use altegio_openapi::documents::B2B_V1;
use altegio_openapi::{build_script, generate};
use quote::ToTokens;
use serde_json::Value;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprMethodCall, File, Lit, parse_quote};

fn main() {
    build_script::run(B2B_V1.name, B2B_V1.client, "httpmock.rs", |document| {
        let text = document.to_string();
        let tokens = generate::tokens(B2B_V1.name, &text, |generator, document| {
            generator.httpmock(document, "altegio::b2b_v1")
        })?;
        let mut file: File =
            syn::parse2(tokens).map_err(|error| format!("progenitor's code: {error}"))?;
        Finish {
            joined: joined(&document),
            forms: forms(&document),
        }
        .visit_file_mut(&mut file);
        Ok(prettyplease::unparse(&file))
    });
}

/// The query parameters whose lists are joined.
fn joined(document: &Value) -> BTreeSet<String> {
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object()).flatten();
    let parameters = operations
        .flat_map(|(_, operation)| operation["parameters"].as_array())
        .flatten();
    parameters
        .filter(|parameter| parameter["in"] == "query" && parameter["explode"] == false)
        .filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned()))
        .collect()
}

/// The types of bodies that are forms, as progenitor spells them but for case.
fn forms(document: &Value) -> BTreeSet<String> {
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object()).flatten();
    let bodies = operations.map(|(_, operation)| &operation["requestBody"]);
    bodies
        .filter(|body| body.get("x-media-type").is_some())
        .filter_map(|body| body["content"]["application/json"]["schema"]["$ref"].as_str())
        .filter_map(|reference| Some(fold(reference.rsplit('/').next()?)))
        .collect()
}

fn fold(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// What progenitor's code takes for granted of another kind of client.
struct Finish {
    joined: BTreeSet<String>,
    forms: BTreeSet<String>,
}

impl VisitMut for Finish {
    /// A list has no `to_string()`.
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
            let joined = self.joined.contains(&name.value());
            *node = parse_quote!(crate::query(#receiver, #name, value, #joined));
        }
    }

    /// A form is no JSON: what it holds is said to httpmock itself.
    fn visit_item_impl_mut(&mut self, node: &mut syn::ItemImpl) {
        node.items.retain(|item| {
            let syn::ImplItem::Fn(function) = item else {
                return true;
            };
            let inputs = function.sig.inputs.to_token_stream().to_string();
            let mut words = inputs.split(|c: char| !c.is_alphanumeric());
            !words.any(|word| self.forms.contains(&fold(word)))
        });
        visit_mut::visit_item_impl_mut(self, node);
    }
}
