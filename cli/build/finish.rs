//! progenitor's commands → this program's: the same flags with the same types,
//! written as `src/arguments.rs` and `src/command.rs` take them.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToKebabCase;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use serde_json::Value;
use syn::{Expr, ExprMethodCall, File, FnArg, Ident, ImplItem, Item, Lit, Stmt, TraitItem, Type};
use syn::{parse_quote, parse_str};

use crate::{names, template};

/// The finished source text.
pub fn finish(tokens: TokenStream, document: &Value) -> Result<String, String> {
    let file: File = syn::parse2(tokens).map_err(|error| format!("progenitor's code: {error}"))?;
    let made = Made::read(file);
    let mut items: Vec<TokenStream> = Vec::new();
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for operation in operations(document) {
        let id = &operation.id;
        let group = names::group(&operation.tag);
        if names::OWN.contains(&group.as_str()) {
            return Err(format!(
                "tag `{}`: `{group}` is a command of the program's own; \
                 give the tag another name in overlay.yaml",
                operation.tag
            ));
        }
        let name = names::command(&operation.tag, id);
        if !seen.insert((group.clone(), name.clone())) {
            return Err(format!(
                "operation `{id}`: `{group} {name}` is another operation's command too; \
                 give one of them another operationId in overlay.yaml"
            ));
        }
        let (code, row) = made
            .command(&operation)
            .map_err(|error| format!("operation `{id}`: {error}"))?;
        items.push(code);
        rows.push(quote!(Command { id: #id, group: #group, name: #name, #row }));
    }
    let file: File = parse_quote! {
        use altegio::b2b_v1::{Client, builder, prelude::*, types};
        use clap::ArgMatches;
        use crate::arguments::{self, Body};
        use crate::command::{self, Command, Failure};

        /// Every operation's command, in the document's order.
        pub static COMMANDS: &[Command] = &[#(#rows),*];

        #(#items)*
    };
    Ok(prettyplease::unparse(&file))
}

struct Operation {
    id: String,
    tag: String,
    is_json: bool,
    /// Where a page's items stand, as a JSON pointer.
    items: Option<String>,
    /// Those of a body in JSON.
    fields: Vec<Field>,
    template: Option<String>,
}

fn operations(document: &Value) -> Vec<Operation> {
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object()).flatten();
    operations
        .map(|(_, operation)| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let responses = operation["responses"].as_object().into_iter().flatten();
            let is_json = responses
                .filter(|(status, _)| status.starts_with('2'))
                .any(|(_, response)| !response["content"]["application/json"].is_null());
            let body = operation.get("requestBody");
            // A form is no JSON.
            let body = body.filter(|body| body.get("x-media-type").is_none());
            let schema = body.map(|body| &body["content"]["application/json"]["schema"]);
            let paging = operation.get("x-paging");
            Operation {
                id: text(&operation["operationId"]),
                tag: text(&operation["tags"][0]),
                is_json,
                items: paging.map(|paging| {
                    let items = paging["items"].as_str().unwrap_or("data");
                    format!("/{}", items.replace('.', "/"))
                }),
                fields: schema.map_or_else(Vec::new, |schema| fields(document, schema)),
                template: schema
                    .map(|schema| format!("{:#}", template::template(document, schema))),
            }
        })
        .collect()
}

/// A field of a body.
struct Field {
    name: String,
    required: bool,
    /// What the document says of it, and the emptiest value, where that is short.
    help: String,
}

fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let schema = template::resolve(document, schema);
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, schema)| {
            let said = schema["description"].as_str().unwrap_or_default();
            let like = template::template(document, schema).to_string();
            let like = match like.len() {
                ..=120 => format!("Like `{like}`."),
                _ => String::new(),
            };
            Field {
                name: name.clone(),
                required: is_required(name),
                help: format!("{said} {like}").trim().to_owned(),
            }
        })
        .collect()
}

/// A flag of progenitor's.
struct Flag {
    name: String,
    ty: Type,
    parser: Expr,
    required: bool,
    help: Option<String>,
    /// The builder's method that takes its value.
    setter: Ident,
    in_body: bool,
}

/// What `execute_…` does with a flag.
struct Setter {
    ty: Type,
    method: Ident,
    in_body: bool,
}

/// What progenitor made, by folded operation id.
struct Made {
    /// `cli_…` and `execute_…`.
    functions: BTreeMap<String, syn::ImplItemFn>,
    /// The type of each call's builder.
    builders: BTreeMap<String, Type>,
}

impl Made {
    fn read(file: File) -> Self {
        let mut made = Self {
            functions: BTreeMap::new(),
            builders: BTreeMap::new(),
        };
        for item in file.items {
            match item {
                Item::Impl(item) if item.trait_.is_none() => {
                    for item in item.items {
                        if let ImplItem::Fn(function) = item {
                            let name = fold(&function.sig.ident.to_string());
                            made.functions.insert(name, function);
                        }
                    }
                }
                // fn execute_…(&self, matches: …, request: &mut builder::…)
                Item::Trait(item) => {
                    for item in item.items {
                        if let TraitItem::Fn(function) = item
                            && let Some(FnArg::Typed(request)) = function.sig.inputs.last()
                            && let Type::Reference(reference) = &*request.ty
                        {
                            let name = fold(&function.sig.ident.to_string());
                            made.builders.insert(name, (*reference.elem).clone());
                        }
                    }
                }
                _ => {}
            }
        }
        made
    }

    /// An operation's functions, and its row's fields after the names.
    fn command(&self, operation: &Operation) -> Result<(TokenStream, TokenStream), String> {
        let missing = || "progenitor made no command of it".to_owned();
        let execute = fold(&format!("execute_{}", operation.id));
        let command = fold(&format!("cli_{}", operation.id));
        let command = self.functions.get(&command).ok_or_else(missing)?;
        let builder = self.builders.get(&execute).ok_or_else(missing)?;
        let execute = self.functions.get(&execute).ok_or_else(missing)?;
        let Read {
            flags,
            about,
            needs_body,
        } = flags(command, execute)?;

        let in_json = operation.template.is_some();
        let mut args = Vec::new();
        let mut statements = Vec::new();
        let taken: BTreeSet<&str> = flags.iter().map(|flag| flag.name.as_str()).collect();
        for flag in flags.iter().filter(|flag| !(flag.in_body && in_json)) {
            args.push(arg(&quote!(arguments::flag), flag, in_json));
            statements.push(setter(flag));
        }
        if in_json {
            statements.push(quote!(let mut body = Body::new(matches)?;));
            for field in &operation.fields {
                let made = flags
                    .iter()
                    .find(|flag| flag.in_body && fold(&flag.name) == fold(&field.name));
                let mut name = field.name.to_kebab_case();
                if made.is_none() && taken.contains(name.as_str()) {
                    name = format!("body-{name}");
                }
                // What progenitor makes no flag of: no plain text stands for it.
                let json = Flag {
                    name,
                    ty: parse_quote!(::serde_json::Value),
                    parser: parse_quote!(arguments::json),
                    required: field.required,
                    help: Some(field.help.clone()),
                    setter: parse_quote!(body),
                    in_body: true,
                };
                let flag = made.unwrap_or(&json);
                let (field, name, ty) = (&field.name, &flag.name, &flag.ty);
                args.push(arg(&quote!(arguments::field), flag, in_json));
                statements.push(quote!(body.set(#field, matches.get_one::<#ty>(#name))?;));
            }
            let ty = body_type(execute).ok_or("progenitor reads no body for it")?;
            statements.push(quote! {
                if let Some(body) = body.typed::<#ty>()? {
                    request = request.body(body);
                }
            });
            let needed = needs_body && operation.fields.is_empty();
            args.push(quote!(.args(arguments::body(#needed))));
        }

        let cli = &command.sig.ident;
        let call = format_ident!("{}", cli.to_string().trim_start_matches("cli_"));
        let request = format_ident!("request_{call}");
        let code = quote! {
            fn #cli() -> clap::Command {
                clap::Command::new("") #(#args)* .about(#about)
            }

            #[allow(unused_mut, unused_variables, deprecated)]
            fn #request<'c>(
                client: &'c Client,
                matches: &ArgMatches,
            ) -> Result<#builder<'c>, Failure> {
                let mut request = client.#call();
                #(#statements)*
                Ok(request)
            }
        };
        let read = match operation.is_json {
            true => quote!(command::json),
            false => quote!(command::bytes),
        };
        let option = |value: Option<TokenStream>| value.map_or(quote!(None), |v| quote!(Some(#v)));
        let template = option(operation.template.as_ref().map(ToTokens::to_token_stream));
        let pages = option(operation.items.as_ref().map(
            |_| quote!(|client, matches| Ok(command::pages(#request(client, matches)?.pages()))),
        ));
        let items = operation.items.as_deref().unwrap_or_default();
        let row = quote! {
            arguments: #cli,
            template: #template,
            call: |client, matches| Box::pin(async move {
                #read(#request(client, matches)?.send().await)
            }),
            pages: #pages,
            items: #items,
        };
        Ok((code, row))
    }
}

/// What progenitor's functions say of a command.
struct Read {
    /// Without those of the body as a whole.
    flags: Vec<Flag>,
    about: String,
    /// Whether the body cannot be put together from flags.
    needs_body: bool,
}

fn flags(command: &syn::ImplItemFn, execute: &syn::ImplItemFn) -> Result<Read, String> {
    let mut setters = setters(execute);
    let mut read = Read {
        flags: Vec::new(),
        about: String::new(),
        needs_body: false,
    };
    let Some(Stmt::Expr(chain, None)) = command.block.stmts.last() else {
        return Err("progenitor's command is no chain".to_owned());
    };
    for call in calls(chain) {
        if call.method == "about" {
            read.about = text(call).unwrap_or_default();
        }
        let Some(chain) = call.args.first().filter(|_| call.method == "arg") else {
            continue;
        };
        let mut name = None;
        let mut parser = None;
        let mut required = false;
        let mut help = None;
        for call in calls(chain) {
            match call.method.to_string().as_str() {
                "long" => name = text(call),
                "value_parser" => parser = call.args.first().cloned(),
                "required" => required = call.args.to_token_stream().to_string() == "true",
                "required_unless_present" => required = true,
                "help" => help = text(call),
                _ => {}
            }
        }
        let name = name.ok_or("progenitor's flag has no name")?;
        if name == "json-body" {
            read.needs_body = required;
        }
        if name.starts_with("json-body") {
            continue;
        }
        let unused = || format!("progenitor does not use its flag `{name}`");
        let setter = setters.remove(&name).ok_or_else(unused)?;
        read.flags.push(Flag {
            ty: setter.ty,
            parser: parser.ok_or_else(|| format!("progenitor's flag `{name}` has no parser"))?,
            required,
            help,
            setter: setter.method,
            in_body: setter.in_body,
            name,
        });
    }
    Ok(read)
}

/// `if let Some(value) = matches.get_one::<…>("name") { request = … }`, by the
/// flag's name.
fn setters(execute: &syn::ImplItemFn) -> BTreeMap<String, Setter> {
    let branches = execute.block.stmts.iter().filter_map(|statement| {
        let Stmt::Expr(Expr::If(branch), _) = statement else {
            return None;
        };
        let Expr::Let(condition) = &*branch.cond else {
            return None;
        };
        let asked = *calls(&condition.expr).last()?;
        let name = text(asked)?;
        let ty = generic(&asked.turbofish.to_token_stream().to_string(), "<")?;
        let Some(Stmt::Expr(Expr::Assign(set), _)) = branch.then_branch.stmts.last() else {
            return None;
        };
        let call = *calls(&set.right).last()?;
        let Some(Expr::Closure(closure)) = call.args.first() else {
            let method = call.method.clone();
            let in_body = false;
            return Some((
                name,
                Setter {
                    ty,
                    method,
                    in_body,
                },
            ));
        };
        let inner = match &*closure.body {
            Expr::Block(block) => match block.block.stmts.last()? {
                Stmt::Expr(expression, None) => expression,
                _ => return None,
            },
            expression => expression,
        };
        let method = calls(inner).last()?.method.clone();
        let in_body = true;
        Some((
            name,
            Setter {
                ty,
                method,
                in_body,
            },
        ))
    });
    branches.collect()
}

/// The `.arg(…)` of a flag.
fn arg(made_by: &TokenStream, flag: &Flag, has_template: bool) -> TokenStream {
    let (name, ty) = (&flag.name, &flag.ty);
    let item = item(ty);
    let scalar = item.as_ref().unwrap_or(ty);
    let last = |ty: &Type| {
        let text = ty.to_token_stream().to_string();
        text.rsplit([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let parser = match &item {
        Some(item) => quote!(clap::value_parser!(#item)),
        None => flag.parser.to_token_stream(),
    };
    let (kind, parser) = match last(scalar).as_str() {
        "i64" => ("INTEGER", parser),
        "f64" => ("NUMBER", quote!(arguments::number)),
        "bool" => ("BOOLEAN", parser),
        "String" => ("TEXT", parser),
        "NaiveDate" => ("YYYY-MM-DD", parser),
        "DateTime" => ("DATE-TIME", parser),
        "File" => ("FILE", quote!(arguments::file)),
        "Value" => ("JSON", quote!(arguments::json)),
        _ => ("VALUE", parser),
    };
    let mut arg = quote!(#made_by(#name, #kind, #parser));
    if item.is_some() {
        arg.extend(quote!(.action(clap::ArgAction::Append)));
        // A text may hold a comma.
        if kind != "TEXT" {
            arg.extend(quote!(.value_delimiter(',')));
        }
    }
    arg.extend(match (flag.required, flag.in_body && has_template) {
        (false, _) => quote!(),
        (true, true) => quote! {
            .required_unless_present_any(["json-body", "json-body-template"])
        },
        (true, false) if has_template => {
            quote!(.required_unless_present("json-body-template"))
        }
        (true, false) => quote!(.required(true)),
    });
    let help = match (flag.help.as_deref().unwrap_or_default(), flag.required) {
        ("", true) => "Required.".to_owned(),
        (help, true) => format!("Required. {help}"),
        (help, false) => help.to_owned(),
    };
    if !help.is_empty() {
        arg.extend(quote!(.help(#help)));
    }
    quote!(.arg(#arg))
}

/// How a flag's value gets to the call.
fn setter(flag: &Flag) -> TokenStream {
    let (name, ty, setter) = (&flag.name, &flag.ty, &flag.setter);
    if let Some(item) = item(ty) {
        return quote! {
            if let Some(values) = matches.get_many::<#item>(#name) {
                request = request.#setter(values.cloned().collect::<#ty>());
            }
        };
    }
    let set = match flag.in_body {
        true => quote!(request.body_map(|body| body.#setter(value.clone()))),
        false => quote!(request.#setter(value.clone())),
    };
    quote! {
        if let Some(value) = matches.get_one::<#ty>(#name) {
            request = #set;
        }
    }
}

/// The type that progenitor reads `--json-body` as.
fn body_type(execute: &syn::ImplItemFn) -> Option<Type> {
    let text = execute.block.to_token_stream().to_string();
    generic(&text, "from_str :: <")
}

/// The items' type of a list.
fn item(ty: &Type) -> Option<Type> {
    generic(&ty.to_token_stream().to_string(), "Vec <")
}

/// The type between the angle bracket that `start` ends with and its other half.
fn generic(text: &str, start: &str) -> Option<Type> {
    let (_, after) = text.split_once(start)?;
    let mut depth = 1;
    let (end, _) = after.char_indices().find(|(_, c)| {
        depth += match c {
            '<' => 1,
            '>' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    parse_str(after[..end].trim().trim_end_matches(',')).ok()
}

/// The calls of a chain, from its start.
fn calls(chain: &Expr) -> Vec<&ExprMethodCall> {
    let mut calls = Vec::new();
    let mut at = chain;
    while let Expr::MethodCall(call) = at {
        calls.push(call);
        at = &call.receiver;
    }
    calls.reverse();
    calls
}

/// The text that a call is given first.
fn text(call: &ExprMethodCall) -> Option<String> {
    match call.args.first()? {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

fn fold(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
