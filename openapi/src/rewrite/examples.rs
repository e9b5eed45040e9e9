//! Generates an example of each operation's call, with its required arguments only.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use serde_json::Value;

use crate::api::{Api, Operation, Parameter, Place};
use crate::names;
use crate::pointer::schema_name;

/// Objects inside objects beyond this depth are left out.
const DEPTH: usize = 4;

/// The example of a call.
pub struct Example {
    /// The names in the `ids` module of the `altegio` crate that it uses.
    ids: BTreeSet<String>,
    /// Whether it uses the document's types.
    types: bool,
    /// The expression, without `.await?`.
    call: TokenStream,
}

impl Example {
    /// Returns the example of an operation's call. `document` is the identifier of
    /// the document's module, such as `b2b_v1`.
    pub fn new(document: &Ident, api: &Api, operation: &Operation) -> Self {
        let mut values = Values {
            api,
            ids: BTreeSet::new(),
            types: false,
        };
        let mut value =
            |parameter: &Parameter| values.of(api.get(&parameter.schema), &parameter.name, DEPTH);
        let unknown = || quote!(Default::default());
        let path = operation.parameters_in(Place::Path);
        let path: Vec<TokenStream> = path
            .map(|parameter| value(parameter).unwrap_or_else(unknown))
            .collect();
        let others = operation.parameters.iter();
        let others = others.filter(|one| one.required && one.place != Place::Path);
        let setters: Vec<TokenStream> = others
            .filter_map(|parameter| {
                let setter = format_ident!("{}", names::setter(&parameter.name));
                let value = value(parameter)?;
                Some(quote!(.#setter(#value)))
            })
            .collect();
        let body = operation.body.as_ref().map(|body| {
            let group = body.groups.first();
            let together = group.map_or(&[][..], |group| &group.fields);
            values.body(api.get(&body.schema), together)
        });
        let method = format_ident!("{}", names::snake(&operation.id));
        let call = quote!(client.#document().#method(#(#path),*) #(#setters)* #body .send());
        let Values { ids, types, .. } = values;
        Self { ids, types, call }
    }

    /// Returns the example in Markdown.
    pub fn markdown(&self, document: &Ident) -> String {
        let mut imports = String::new();
        let ids: Vec<&str> = self.ids.iter().map(String::as_str).collect();
        match ids.as_slice() {
            [] => {}
            [id] => imports += &format!("use altegio::ids::{id};\n"),
            ids => imports += &format!("use altegio::ids::{{{}}};\n", ids.join(", ")),
        }
        if self.types {
            imports += &format!("use altegio::{document}::types;\n");
        }
        if !imports.is_empty() {
            imports.push('\n');
        }
        let call = &self.call;
        let call = formatted(quote!(let response = #call.await?;));
        format!(
            "# Examples\n\n\
             ```no_run\n\
             # async fn example(client: altegio::Client) -> Result<(), altegio::Error> {{\n\
             {imports}{call}\n\
             # Ok(()) }}\n\
             ```"
        )
    }

    /// Returns a function with the example, so that a test can check that it
    /// compiles. The modules `ids` and `types` are expected in scope.
    pub fn function(&self, name: &Ident) -> TokenStream {
        let Self { ids, call, .. } = self;
        let ids = ids.iter().map(|id| format_ident!("{id}"));
        quote! {
            pub async fn #name(client: altegio::Client) -> Result<(), altegio::Error> {
                #[allow(unused_imports)]
                use altegio::ids::{#(#ids),*};
                #call.await?;
                Ok(())
            }
        }
    }
}

/// Formats statements, which must be valid in a function.
fn formatted(statements: TokenStream) -> String {
    let Ok(file) = syn::parse2(quote!(async fn example() { #statements })) else {
        return statements.to_string();
    };
    let text = prettyplease::unparse(&file);
    let lines: Vec<&str> = text.lines().collect();
    let inside = lines.get(1..lines.len().saturating_sub(1));
    let inside = inside.unwrap_or_default().iter();
    let inside = inside.map(|line| line.strip_prefix("    ").unwrap_or(line));
    inside.collect::<Vec<_>>().join("\n")
}

/// Makes up values of schemas.
struct Values<'a> {
    api: &'a Api,
    ids: BTreeSet<String>,
    types: bool,
}

impl Values<'_> {
    /// The call that sets the body: its required fields, and those that go together.
    fn body(&mut self, schema: &Value, together: &[String]) -> TokenStream {
        let object = self.api.resolve(schema);
        if object["properties"].is_object() {
            let mut setters = self.setters(object, DEPTH);
            let required = required(object).map(str::to_owned).collect::<Vec<_>>();
            for name in together.iter().filter(|name| !required.contains(name)) {
                setters.extend(self.setter(object, name, DEPTH));
            }
            return match setters.is_empty() {
                true => TokenStream::new(),
                false => quote!(.body_map(|body| body #(#setters)*)),
            };
        }
        match self.of(schema, "body", DEPTH) {
            Some(value) => quote!(.body(#value)),
            None => TokenStream::new(),
        }
    }

    /// The setters of an object's required fields.
    fn setters(&mut self, object: &Value, depth: usize) -> Vec<TokenStream> {
        let setters = required(object).filter_map(|name| self.setter(object, name, depth));
        setters.collect()
    }

    /// The setter of an object's field, unless it can be anything.
    fn setter(&mut self, object: &Value, name: &str, depth: usize) -> Option<TokenStream> {
        let value = self.of(&object["properties"][name], name, depth)?;
        let setter = format_ident!("{}", names::snake(name));
        Some(quote!(.#setter(#value)))
    }

    /// A value of a schema; `None` if it can be anything.
    fn of(&mut self, schema: &Value, name: &str, depth: usize) -> Option<TokenStream> {
        let target = self.api.resolve(schema);
        let rust = &target["x-rust-type"];
        if let Some(path) = rust["path"].as_str() {
            if let Some(id) = path.strip_prefix("altegio::ids::") {
                self.ids.insert(id.to_owned());
                let id = format_ident!("{id}");
                return Some(quote!(#id(1)));
            }
            return self.of(&rust["parameters"][0], name, depth);
        }
        if let Some(value) = target["enum"][0].as_str() {
            return Some(value.to_token_stream());
        }
        if let Some(part) = target["allOf"].get(0) {
            return self.of(part, name, depth);
        }
        if let Some(branch) = target["oneOf"].get(0) {
            return self.exact(branch, name);
        }
        let format = target["format"].as_str().unwrap_or_default();
        Some(match (target["type"].as_str()?, format) {
            ("integer", _) => quote!(1),
            ("number", _) => quote!(1.5),
            ("boolean", _) => quote!(true),
            ("string", "date") => quote!("2026-03-01"),
            ("string", "date-time") => quote!("2026-03-01T10:00:00+01:00"),
            ("string", "binary") => {
                quote!(altegio::File::new(
                    "photo.png",
                    std::fs::read("photo.png").unwrap_or_default()
                ))
            }
            ("string", _) => text(name).to_token_stream(),
            // The type of a component that is a list only wraps the list.
            ("array", _) if component(schema).is_some() => self.exact(target, name)?,
            ("array", _) => {
                let item = self.of(&target["items"], &names::singular(name), depth)?;
                quote!([#item])
            }
            ("object", _) if target["properties"].is_object() => {
                let component = component(schema)?;
                if depth == 0 {
                    return None;
                }
                self.types = true;
                let ty = format_ident!("{}", names::pascal(&component));
                let setters = self.setters(target, depth - 1);
                quote!(types::#ty::builder() #(#setters)*)
            }
            _ => return None,
        })
    }

    /// Like [`Values::of`], but of the exact Rust type of the schema, for places that
    /// do not convert: branches of unions, and items of lists that are types.
    fn exact(&mut self, schema: &Value, name: &str) -> Option<TokenStream> {
        let target = self.api.resolve(schema);
        if target.get("x-rust-type").is_some() {
            return self.of(schema, name, 0);
        }
        if target.get("enum").is_some() {
            return None;
        }
        let format = target["format"].as_str().unwrap_or_default();
        Some(match (target["type"].as_str()?, format) {
            ("integer", _) => quote!(1_i64),
            ("number", _) => quote!(1.5),
            ("boolean", _) => quote!(true),
            ("string", "") => {
                let text = text(name);
                quote!(#text.to_owned())
            }
            ("array", _) => {
                let item = self.exact(&target["items"], &names::singular(name))?;
                quote!(vec![#item])
            }
            ("object", _)
                if target["properties"].is_object() && required(target).next().is_none() =>
            {
                self.types = true;
                let ty = format_ident!("{}", names::pascal(&component(schema)?));
                quote!(types::#ty::default())
            }
            _ => return None,
        })
    }
}

/// The names of an object's required fields.
fn required(object: &Value) -> impl Iterator<Item = &str> {
    let names = object["required"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str)
}

/// The name of the component that a schema refers to.
fn component(schema: &Value) -> Option<String> {
    let reference = match schema["$ref"].as_str() {
        Some(reference) => reference,
        None => schema["allOf"][0]["$ref"].as_str()?,
    };
    schema_name(reference)
}

/// A text that fits a name.
fn text(name: &str) -> &'static str {
    let contains = |part: &str| name.contains(part);
    if contains("phone") {
        "15550100"
    } else if contains("email") {
        "client@example.com"
    } else if contains("url") || contains("link") {
        "https://example.com"
    } else if contains("time") && !contains("date") {
        "10:00"
    } else if contains("date") {
        "2026-03-01"
    } else {
        "text"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_example_sets_what_is_required() {
        let refers = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let api = Api::read(json!({
            "openapi": "3.0.3",
            "info": {"title": "t", "version": "1"},
            "paths": {"/things/{thing_id}": {"put": {
                "operationId": "update_thing", "tags": ["Things"],
                "parameters": [
                    {"name": "thing_id", "in": "path", "required": true, "schema": refers("ThingId")},
                    {"name": "from", "in": "query", "required": true,
                        "schema": {"type": "string", "format": "date"}},
                    {"name": "page", "in": "query", "schema": {"type": "integer"}},
                ],
                "requestBody": {"required": true, "content": {"application/json": {
                    "schema": refers("ThingBody"),
                }}},
                "responses": {"200": {"description": ""}},
            }}},
            "components": {"schemas": {
                "ThingId": {"type": "integer", "x-rust-type": {"path": "altegio::ids::ThingId"}},
                "ThingBody": {
                    "type": "object", "required": ["kind", "parts"],
                    "properties": {
                        "kind": {"type": "string", "enum": ["a", "b"]},
                        "parts": {"type": "array", "items": refers("Part")},
                        "note": {"type": "string"},
                    },
                },
                "Part": {
                    "type": "object", "required": ["phone"],
                    "properties": {"phone": {"type": "string"}},
                },
            }},
        }))
        .unwrap();
        let document = format_ident!("things");
        let example = Example::new(&document, &api, &api.operations[0]).markdown(&document);
        assert_eq!(
            example,
            "# Examples\n\n\
             ```no_run\n\
             # async fn example(client: altegio::Client) -> Result<(), altegio::Error> {\n\
             use altegio::ids::ThingId;\n\
             use altegio::things::types;\n\
             \n\
             let response = client\n\
             \x20   .things()\n\
             \x20   .update_thing(ThingId(1))\n\
             \x20   .from(\"2026-03-01\")\n\
             \x20   .body_map(|body| {\n\
             \x20       body.kind(\"a\").parts([types::Part::builder().phone(\"15550100\")])\n\
             \x20   })\n\
             \x20   .send()\n\
             \x20   .await?;\n\
             # Ok(()) }\n\
             ```"
        );
    }
}
