//! Generates the request builder of each operation. The arguments and where they
//! are sent come from [`Api`]. The types of the arguments and of the response come
//! from the signatures of progenitor's builders.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::visit_mut::VisitMut;
use syn::{ImplItem, ImplItemFn, Item, ReturnType, Type, TypePath, parse_quote};

use super::operations;
use super::paging::{self, InTypes, Shapes};
use super::syntax::{generic_argument, last_ident};
use crate::api::{Api, Operation, Parameter, Place};
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

/// How a response is decoded.
struct Read {
    /// The type that it is decoded into.
    ty: TokenStream,
    /// The function of `Unread` that decodes it.
    function: Ident,
}

/// Generates the request builders, and for each a row of the
/// `__b2b_v1_operations` macro.
pub fn builders(
    api: &Api,
    signatures: &BTreeMap<String, Signatures>,
    shapes: &Shapes,
) -> Result<(Vec<Item>, Vec<TokenStream>), String> {
    let (mut items, mut rows) = (Vec::new(), Vec::new());
    for operation in &api.operations {
        let (call, row) = builder(operation, signatures, shapes)
            .map_err(|error| format!("operation `{}`: {error}", operation.id))?;
        items.extend(call);
        rows.push(row);
    }
    Ok((items, rows))
}

fn builder(
    operation: &Operation,
    signatures: &BTreeMap<String, Signatures>,
    shapes: &Shapes,
) -> Result<([Item; 2], TokenStream), String> {
    let name = names::pascal(&operation.id);
    let made = signatures
        .get(&name)
        .ok_or_else(|| format!("progenitor generated no builder `{name}`"))?;
    let type_of = |setter: &str| {
        let ty = made.setters.get(setter);
        ty.ok_or_else(|| format!("progenitor's builder has no setter `{setter}`"))
    };
    let read = read(made, shapes);
    let mut functions: Vec<ImplItem> = Vec::new();
    let (mut path_row, mut query_row) = (Vec::new(), Vec::new());
    for parameter in &operation.parameters {
        let setter = names::snake(&parameter.name);
        let ty = type_of(&setter)?;
        let ident = format_ident!("{setter}");
        let name = &parameter.name;
        match parameter.place {
            Place::Path => path_row.push(quote!(#ident #ty)),
            Place::Query => query_row.push(quote!(#name #ident #ty)),
            Place::Header => {}
        }
        functions.push(ImplItem::Fn(argument(parameter, &ident, ty)));
    }
    let body = match &operation.body {
        None => None,
        Some(body) => Some(Body {
            ty: type_of("body")?,
            has_builder: made.has_body_builder,
            is_form: body.is_form(),
            required: body.required,
        }),
    };
    let required = operation.parameters.iter();
    let required = required.filter(|p| p.required && p.place != Place::Path);
    let required: Vec<&str> = required.map(|p| p.name.as_str()).collect();

    let ident = format_ident!("{name}");
    let constant = operations::ident(operation);
    let method = format_ident!("{}", names::snake(&operation.id));
    let tag = operations::tag_trait(&operation.tag);
    let doc = format!(
        "The request of [`{tag}::{method}`](super::{tag}::{method}): `{} {}`.",
        operation.method, operation.path
    );
    let held = body.as_ref().map(Body::held);
    let body_field = held.as_ref().map(|ty| quote!(body: Option<#ty>,));
    let no_body = body.as_ref().map(|_| quote!(body: None,));
    functions.extend(body.iter().flat_map(Body::setters));
    let put_body = body.as_ref().map(Body::put);
    let require = (!required.is_empty()).then(|| quote!(self.call.require(&[#(#required),*]);));
    let is_changed = put_body.is_some() || require.is_some();
    let receiver = if is_changed {
        quote!(mut self)
    } else {
        quote!(self)
    };
    let Read {
        ty: response,
        function,
    } = &read;
    functions.push(parse_quote! {
        fn into_call(#receiver) -> (Transport, Call) {
            #put_body
            #require
            (self.transport, self.call)
        }
    });
    functions.push(parse_quote! {
        /// Sends the request and reads the whole response.
        pub async fn send(self) -> Result<Response<#response>, Error> {
            let (transport, call) = self.into_call();
            transport.send(&call).await?.decode(Unread::#function).await
        }
    });
    if let Some(paging) = &operation.paging {
        let pages = paging::pages(paging, &made.response, response, function, shapes);
        functions.extend(
            pages.map_err(|error| format!("x-paging: {error}; correct it in overlay.yaml"))?,
        );
    }
    let items = [
        parse_quote! {
            #[doc = #doc]
            #[derive(Clone, Debug)]
            #[must_use = "the request is not sent until `send` is awaited"]
            pub struct #ident {
                transport: Transport,
                call: Call,
                #body_field
            }
        },
        parse_quote! {
            impl #ident {
                pub(super) fn new(client: &super::Client) -> Self {
                    Self {
                        transport: client.transport.clone(),
                        call: Call::new(&super::operations::#constant.route),
                        #no_body
                    }
                }

                #(#functions)*
            }
        },
    ];

    let id = &operation.id;
    let kind = match (&body, function.to_string().as_str()) {
        (Some(body), _) if body.is_form => format_ident!("form"),
        (_, "envelope") => format_ident!("json"),
        _ => function.clone(),
    };
    let response_type = &made.response;
    let response_type = match kind.to_string().as_str() {
        "raw" => quote!(::bytes::Bytes),
        _ => quote!(#response_type),
    };
    let body_type = body.as_ref().map(|body| body.ty);
    let row = quote!({ #id #method #kind [#response_type] [#body_type] [#(#path_row,)*] [#(#query_row,)*] });
    Ok((items, row))
}

/// Determines how a response is decoded from the type that progenitor gives it.
fn read(made: &Signatures, shapes: &Shapes) -> Read {
    let ty = &made.response;
    let (ty, function) = match ty.to_token_stream().to_string().as_str() {
        "ByteStream" => (quote!(Bytes), "raw"),
        "()" => (quote!(()), "none"),
        _ => match response_name(made).and_then(|name| shapes.envelope(&name)) {
            Some(parts) => {
                let (mut data, mut meta) = (parts.data.clone(), parts.meta.clone());
                InTypes(shapes).visit_type_mut(&mut data);
                InTypes(shapes).visit_type_mut(&mut meta);
                (quote!(Envelope<#data, #meta>), "envelope")
            }
            None => (quote!(#ty), "json"),
        },
    };
    Read {
        ty,
        function: format_ident!("{function}"),
    }
}

/// Generates the setter of an argument.
fn argument(parameter: &Parameter, setter: &Ident, ty: &Type) -> ImplItemFn {
    let name = &parameter.name;
    let (function, place) = match parameter.place {
        Place::Path => ("path", "path argument"),
        Place::Query if parameter.joined => ("joined_query", "query parameter"),
        Place::Query => ("query", "query parameter"),
        Place::Header => ("header", "header"),
    };
    let function = format_ident!("{function}");
    let mut doc = format!("Sets the {place} `{name}`.");
    if !parameter.description.is_empty() {
        doc = format!("{doc}\n\n{}", parameter.description);
    }
    parse_quote! {
        #[doc = #doc]
        pub fn #setter(mut self, value: impl IntoArgument<#ty>) -> Self {
            self.call.#function(#name, value);
            self
        }
    }
}

/// The body of a request, as its builder needs it.
struct Body<'a> {
    ty: &'a Type,
    has_builder: bool,
    is_form: bool,
    required: bool,
}

impl Body<'_> {
    /// The type of the field in the request builder.
    fn held(&self) -> TokenStream {
        let ty = self.ty;
        match last_ident(ty).filter(|_| self.has_builder) {
            Some(name) => {
                let name = format_ident!("{name}");
                quote!(types::builder::#name)
            }
            None => quote!(#ty),
        }
    }

    fn setters(&self) -> Vec<ImplItem> {
        let (ty, held) = (self.ty, self.held());
        let into = self.has_builder.then(|| quote!(.map(Into::into)));
        let mut setters: Vec<ImplItem> = vec![parse_quote! {
            /// Sets the body.
            pub fn body(mut self, value: impl IntoArgument<#ty>) -> Self {
                self.body = self.call.argument("body", value)#into;
                self
            }
        }];
        if self.has_builder {
            setters.push(parse_quote! {
                /// Changes the body, which is initially empty.
                pub fn body_map(mut self, change: impl FnOnce(#held) -> #held) -> Self {
                    self.body = Some(change(self.body.unwrap_or_default()));
                    self
                }
            });
        }
        setters
    }

    /// Generates the statements that add the body to the call.
    fn put(&self) -> TokenStream {
        let ty = self.ty;
        let put = if self.is_form {
            quote!(self.call.form(&body);)
        } else {
            quote!(self.call.json(&body);)
        };
        let build = if self.has_builder {
            quote!(if let Some(body) = self.call.argument::<#ty>("body", body) { #put })
        } else {
            put
        };
        match (self.required, self.has_builder) {
            (true, true) => quote! {
                let body = self.body.take().unwrap_or_default();
                #build
            },
            (true, false) => quote! {
                match self.body.take() {
                    Some(body) => { #build }
                    None => self.call.missing("body"),
                }
            },
            (false, _) => quote! {
                if let Some(body) = self.body.take() { #build }
            },
        }
    }
}
