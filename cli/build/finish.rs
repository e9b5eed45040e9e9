//! progenitor's commands → this program's: the same arguments, run through
//! `src/run.rs`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use serde_json::Value;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, File, ImplItem, ImplItemFn, Item, Stmt, parse_quote};

use crate::{names, template};

/// The finished source text.
pub fn finish(tokens: TokenStream, document: &Value) -> Result<String, String> {
    let file: File = syn::parse2(tokens).map_err(|error| format!("progenitor's code: {error}"))?;
    let functions = functions(file);
    let mut items: Vec<Item> = Vec::new();
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for operation in operations(document) {
        let id = &operation.id;
        let missing = || format!("operation `{id}`: progenitor made no command of it");
        let command = functions
            .get(&fold(&format!("cli_{id}")))
            .ok_or_else(missing)?;
        let execute = functions
            .get(&fold(&format!("execute_{id}")))
            .ok_or_else(missing)?;
        let group = names::group(&operation.tag);
        let name = names::command(&operation.tag, id);
        if !seen.insert((group.clone(), name.clone())) {
            return Err(format!(
                "operation `{id}`: `{group} {name}` is another operation's command too; \
                 give one of them another operationId in overlay.yaml"
            ));
        }
        let (command, execute, call, run) = rewrite(&operation, command, execute)?;
        items.push(command);
        items.push(execute);
        rows.push(
            quote!(Command { id: #id, group: #group, name: #name, command: #call, run: #run }),
        );
    }
    let file: File = parse_quote! {
        use altegio::b2b_v1::{Client, prelude::*, types};
        use clap::ArgMatches;
        use crate::run::{Command, Failure, Run};

        /// Every operation's command, in the document's order.
        pub static COMMANDS: &[Command] = &[#(#rows),*];

        #(#items)*
    };
    Ok(prettyplease::unparse(&file))
}

struct Operation {
    id: String,
    tag: String,
    /// How the answer is read: a method of `Run`.
    read: &'static str,
    pages: bool,
    is_form: bool,
    template: Option<String>,
}

fn operations(document: &Value) -> Vec<Operation> {
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object()).flatten();
    operations
        .map(|(_, operation)| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let responses = operation["responses"].as_object().into_iter().flatten();
            let success = responses
                .filter(|(status, _)| status.starts_with('2'))
                .map(|(_, response)| response["content"].as_object())
                .collect::<Vec<_>>();
            let is_json = success
                .iter()
                .flatten()
                .any(|c| c.contains_key("application/json"));
            let has_content = success.iter().any(Option::is_some);
            let body = operation.get("requestBody");
            let schema = body.map(|body| &body["content"]["application/json"]["schema"]);
            Operation {
                id: text(&operation["operationId"]),
                tag: text(&operation["tags"][0]),
                read: match (is_json, has_content) {
                    (true, _) => "json",
                    (false, true) => "bytes",
                    (false, false) => "nothing",
                },
                pages: operation.get("x-paging").is_some(),
                is_form: body.is_some_and(|body| body.get("x-media-type").is_some()),
                template: schema
                    .map(|schema| format!("{:#}", template::template(document, schema))),
            }
        })
        .collect()
}

/// progenitor's functions, by folded name.
fn functions(file: File) -> BTreeMap<String, ImplItemFn> {
    let impls = file.items.into_iter().filter_map(|item| match item {
        Item::Impl(item) if item.trait_.is_none() => Some(item),
        _ => None,
    });
    impls
        .flat_map(|item| item.items)
        .filter_map(|item| match item {
            ImplItem::Fn(function) => Some((fold(&function.sig.ident.to_string()), function)),
            _ => None,
        })
        .collect()
}

/// The two functions of an operation, and how the table names them.
fn rewrite(
    operation: &Operation,
    command: &ImplItemFn,
    execute: &ImplItemFn,
) -> Result<(Item, Item, TokenStream, TokenStream), String> {
    let mut command = command.clone();
    let mut execute = execute.clone();
    let mut finish = Finish {
        is_form: operation.is_form,
        has_template: operation.template.is_some() && !operation.is_form,
    };
    finish.visit_impl_item_fn_mut(&mut command);
    let mut kept: Vec<Stmt> = execute
        .block
        .stmts
        .drain(..)
        .take_while(|statement| {
            !statement
                .to_token_stream()
                .to_string()
                .contains("self . config")
        })
        .filter(|statement| {
            let is_body = statement
                .to_token_stream()
                .to_string()
                .contains("\"json-body\"");
            !(is_body && operation.is_form)
        })
        .collect();
    for statement in &mut kept {
        finish.visit_stmt_mut(statement);
    }
    let call = format_ident!("{}", command.sig.ident);
    let run = format_ident!("{}", execute.sig.ident);
    let body = command.block;
    let read = format_ident!("{}", operation.read);
    let pages = operation.pages.then(|| {
        quote! {
            if run.all() {
                return run.items(request.stream()).await;
            }
        }
    });
    let template = operation
        .template
        .as_ref()
        .filter(|_| !operation.is_form)
        .map(|template| {
            quote! {
                if matches.get_flag("json-body-template") {
                    return run.template(#template);
                }
            }
        });
    let refuse_all = (!operation.pages).then(|| quote!(run.one_answer()?;));
    Ok((
        parse_quote!(fn #call() -> clap::Command #body),
        parse_quote! {
            #[allow(unused_mut, unused_variables, deprecated)]
            async fn #run(client: &Client, matches: &ArgMatches, run: &Run) -> Result<(), Failure> {
                #template
                #refuse_all
                #(#kept)*
                #pages
                run.#read(request.send().await)
            }
        },
        quote!(#call),
        quote!(|client, matches, run| Box::pin(#run(client, matches, run))),
    ))
}

/// What progenitor takes for granted, or leaves open.
struct Finish {
    is_form: bool,
    /// What is required is not, where only the body's template is asked for.
    has_template: bool,
}

impl VisitMut for Finish {
    fn visit_expr_mut(&mut self, node: &mut Expr) {
        let is_list = matches!(node, Expr::MethodCall(call)
            if call.method == "value_parser" && arguments(call).contains("Vec <"));
        visit_mut::visit_expr_mut(self, node);
        match node {
            Expr::MethodCall(call) => {
                let receiver = &call.receiver;
                let told = arguments(call);
                *node = match call.method.to_string().as_str() {
                    // A list comes item by item.
                    "value_parser" if is_list => {
                        parse_quote!(#call.action(::clap::ArgAction::Append).value_delimiter(','))
                    }
                    // A form is no JSON.
                    "arg" if self.is_form && told.contains("json-body") => (**receiver).clone(),
                    "required_unless_present" if self.is_form => {
                        parse_quote!(#receiver.required(true))
                    }
                    "required_unless_present" => parse_quote! {
                        #receiver.required_unless_present_any(["json-body", "json-body-template"])
                    },
                    "required" if self.has_template && told == "true" => {
                        parse_quote!(#receiver.required_unless_present("json-body-template"))
                    }
                    "help" if told.contains("XXX") => parse_quote! {
                        #receiver.help("Print a body to fill in, and do nothing else")
                    },
                    "help" if told.contains("full json body") => parse_quote! {
                        #receiver.help("The whole body in JSON: a file, or - for standard input")
                    },
                    _ => return,
                };
            }
            Expr::Macro(call)
                if call
                    .mac
                    .path
                    .segments
                    .last()
                    .is_some_and(|s| s.ident == "value_parser") =>
            {
                let ty = call.mac.tokens.to_string();
                *node = if ty.contains("Vec <") {
                    let item = type_after(&ty, "Vec <");
                    parse_quote!(::clap::value_parser!(#item))
                } else if ty.ends_with(":: File") {
                    parse_quote!(crate::run::file)
                } else {
                    return;
                };
            }
            Expr::Field(field) if field.to_token_stream().to_string() == "self . client" => {
                *node = parse_quote!(client);
            }
            Expr::If(branch) => {
                let condition = branch.cond.to_token_stream().to_string();
                if condition.contains("\"json-body\"") {
                    let text = branch.then_branch.to_token_stream().to_string();
                    let ty = type_after(&text, "from_str :: <");
                    *node = parse_quote! {
                        if let Some(path) = matches.get_one::<std::path::PathBuf>("json-body") {
                            request = request.body(crate::run::body::<#ty>(path)?);
                        }
                    };
                } else if condition.contains("Vec <") {
                    let item = type_after(&condition, "Vec <");
                    let name = condition.split('"').nth(1).unwrap_or_default();
                    let then = &branch.then_branch;
                    *node = parse_quote! {
                        if let Some(values) = matches.get_many::<#item>(#name) {
                            let value = values.cloned().collect::<Vec<#item>>();
                            #then
                        }
                    };
                }
            }
            _ => {}
        }
    }
}

fn arguments(call: &syn::ExprMethodCall) -> String {
    call.args.to_token_stream().to_string()
}

/// The type between the angle bracket that `start` ends with and its other half.
fn type_after(text: &str, start: &str) -> syn::Type {
    let after = text.split_once(start).map_or("", |(_, after)| after);
    let mut depth = 1;
    let end = after.char_indices().find(|(_, c)| {
        depth += match c {
            '<' => 1,
            '>' => -1,
            _ => 0,
        };
        depth == 0
    });
    let inner = end.map_or(after, |(end, _)| &after[..end]);
    let inner = inner.trim().trim_end_matches(',');
    syn::parse_str(inner).unwrap_or_else(|_| parse_quote!(::serde_json::Value))
}

fn fold(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
