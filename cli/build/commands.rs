//! Generates the table of commands, in Rust, from the document's operations.
//!
//! A row is a `Command` as defined in `src/command.rs`. Its function `call` passes
//! each argument to the operation's typed request builder.

use std::collections::BTreeSet;
use std::fmt::Write;

use altegio_openapi::api::{Api, Operation, Parameter, Place};
use altegio_openapi::grammar::VALUES;
use altegio_openapi::names as rust;
use altegio_openapi::pointer::{self, Pointer};
use serde_json::Value;

use crate::names;
use crate::template::template;

/// The maximum length of a template in a flag's help, in bytes.
const LONGEST_HELP: usize = 120;

/// Returns the source text of the table.
///
/// # Errors
///
/// Returns an error if two operations have the same command, if a tag has the name
/// of one of the program's own commands, or if a parameter or body has an
/// unsupported type.
pub fn commands(api: &Api) -> Result<String, String> {
    let mut rows = String::new();
    let mut seen = BTreeSet::new();
    for operation in &api.operations {
        let (id, tag) = (&operation.id, &operation.tag);
        let group = rust::slug(tag);
        if names::OWN.contains(&group.as_str()) {
            return Err(format!(
                "tag `{tag}`: `{group}` is one of the program's own commands; \
                 give the tag another name in overlay.yaml"
            ));
        }
        let name = names::command(tag, id);
        if !seen.insert((group.clone(), name.clone())) {
            return Err(format!(
                "operation `{id}`: another operation also has the command `{group} {name}`; \
                 give one of them another operationId in overlay.yaml"
            ));
        }
        rows += &row(api, operation, &group, &name)
            .map_err(|error| format!("operation `{id}`: {error}"))?;
    }
    Ok(format!(
        "use altegio::b2b_v1::types;\n\
         use crate::command::{{Body, Command, Flag, Kind, Paging, Place}};\n\
         use crate::response;\n\n\
         /// The command of every operation, in the order of the document.\n\
         pub static COMMANDS: &[Command] = &[\n{rows}];\n\n\
         /// The document's tags with their descriptions.\n\
         pub static TAGS: &[(&str, &str)] = &{:?};\n",
        tags(api)
    ))
}

fn tags(api: &Api) -> Vec<(&str, &str)> {
    let tags = api.document()["tags"].as_array().into_iter().flatten();
    let described =
        tags.filter_map(|tag| Some((tag["name"].as_str()?, tag["description"].as_str()?.trim())));
    described.collect()
}

fn row(api: &Api, operation: &Operation, group: &str, name: &str) -> Result<String, String> {
    let Operation {
        id,
        tag,
        summary,
        description,
        ..
    } = operation;
    let (flags, path, statements) = flags(api, operation)?;
    let about = match operation.deprecated {
        true => format!("{summary} Deprecated."),
        false => summary.clone(),
    };
    let request = format!(
        "let client = client.b2b_v1();\n\
         let mut request = client.{}({path});\n{statements}",
        rust::snake(id)
    );
    let contents = operation.responses.iter();
    let mut contents = contents
        .filter(|response| (200..300).contains(&response.status))
        .filter_map(|response| response.content.as_ref());
    let read = match contents.any(|content| content.is_json()) {
        true => "json",
        false => "bytes",
    };
    let paging = match &operation.paging {
        None => "None".to_owned(),
        Some(paging) => format!(
            "Some(Paging {{ items: {:?}, pages: |client, arguments| {{\n{request}\
             Ok(response::pages(request.pages()))\n}} }})",
            paging.items.as_str()
        ),
    };
    Ok(format!(
        "Command {{ id: {id:?}, tag: {tag:?}, group: {group:?}, name: {name:?}, about: {about:?},\n\
         details: {description:?},\n\
         flags: &[\n{flags}],\n\
         body: {},\n\
         call: |client, arguments| Box::pin(async move {{\n{request}\
         response::{read}(request.send().await)\n}}),\n\
         paging: {paging} }},\n",
        body(api, operation)
    ))
}

/// Generates the rows of an operation's flags, the path arguments of its method, and the
/// statements that pass the other values to the request builder.
fn flags(api: &Api, operation: &Operation) -> Result<(String, String, String), String> {
    let (mut rows, mut path) = (String::new(), String::new());
    let mut statements = String::new();
    let mut seen = BTreeSet::new();
    for parameter in &operation.parameters {
        let Parameter { name, required, .. } = parameter;
        let schema = api.get(&parameter.schema);
        let place = match parameter.place {
            Place::Path => "Path",
            Place::Query => "Query",
            Place::Header => "Header",
        };
        let long = rust::kebab(name);
        seen.insert(long.clone());
        rows += &flag(Flag {
            name,
            long,
            place,
            kind: kind(api, schema),
            required: *required,
            is_secret: is_secret(schema) || is_secret(parameter_object(api, parameter)),
            help: parameter.description.clone(),
        });
        let (ty, setter) = (rust_type(api, schema)?, rust::setter(name));
        if parameter.place == Place::Path {
            path += &format!("arguments.parameter::<{ty}>({name:?})?, ");
            continue;
        }
        writeln!(
            statements,
            "if let Some(value) = arguments.parameter::<{ty}>({name:?})? {{ \
             request = request.{setter}(value); }}"
        )
        .map_err(|error| error.to_string())?;
    }
    let Some(body) = &operation.body else {
        return Ok((rows, path, statements));
    };
    let schema = api.get(&body.schema);
    let object = api.resolve(schema);
    for (name, schema) in object["properties"].as_object().into_iter().flatten() {
        let mut long = rust::kebab(name);
        if seen.contains(&long) {
            long = format!("body-{long}");
        }
        let kind = match kind(api, schema) {
            // In a body, a list is given as one JSON value, so that it can be empty.
            list if list.starts_with("List") => "Json".to_owned(),
            kind => kind,
        };
        let mut help = description(api, schema).to_owned();
        if kind == "Json" {
            let like = template(api, schema).to_string();
            if like.len() <= LONGEST_HELP {
                help = format!("{help} For example, `{like}`.")
                    .trim_start()
                    .to_owned();
            }
        }
        let required = object["required"].as_array();
        let required = required.is_some_and(|names| names.iter().any(|other| other == name));
        if body.is_form() {
            let setter = rust::snake(name);
            let get = match kind.as_str() {
                "File" => format!("file({name:?})"),
                _ => format!("field::<{}>({name:?})", rust_type(api, schema)?),
            };
            writeln!(
                statements,
                "if let Some(value) = arguments.{get}? {{ \
                 request = request.body_map(|body| body.{setter}(value)); }}"
            )
            .map_err(|error| error.to_string())?;
        }
        rows += &flag(Flag {
            name,
            long,
            place: "Field",
            kind,
            required,
            is_secret: is_secret(schema),
            help,
        });
    }
    if !body.is_form() {
        let ty = rust_type(api, schema)?;
        writeln!(
            statements,
            "if let Some(body) = arguments.body::<{ty}>()? {{ request = request.body(body); }}"
        )
        .map_err(|error| error.to_string())?;
    }
    Ok((rows, path, statements))
}

struct Flag<'a> {
    name: &'a str,
    long: String,
    place: &'static str,
    kind: String,
    required: bool,
    is_secret: bool,
    help: String,
}

fn flag(flag: Flag<'_>) -> String {
    let Flag {
        name,
        long,
        place,
        kind,
        required,
        is_secret,
        help,
    } = flag;
    format!(
        "Flag {{ name: {name:?}, long: {long:?}, place: Place::{place}, kind: Kind::{kind}, \
         required: {required}, is_secret: {is_secret}, help: {help:?} }},\n"
    )
}

/// Returns the operation's variant of `Body`.
fn body(api: &Api, operation: &Operation) -> String {
    match &operation.body {
        None => "Body::None".to_owned(),
        Some(body) if body.is_form() => "Body::Form".to_owned(),
        Some(body) => {
            let schema = api.get(&body.schema);
            let template = format!("{:#}", template(api, schema));
            // Without flags, `--json-body` is the only way to give the body.
            let has_flags = api.resolve(schema)["properties"].is_object();
            let required = body.required && !has_flags;
            format!("Body::Json {{ template: {template:?}, required: {required} }}")
        }
    }
}

/// Returns the variant of `Kind` for the values of a flag.
fn kind(api: &Api, schema: &Value) -> String {
    kind_of(api, schema, &schema[VALUES])
}

/// Like [`kind`]; `meanings` describes the values of an enum.
fn kind_of(api: &Api, schema: &Value, meanings: &Value) -> String {
    let schema = plain(api, schema);
    if schema.get("x-rust-type").is_some() && id(schema).is_none() {
        // `altegio::Nullable`: JSON can express null.
        return "Json".to_owned();
    }
    let choices = schema["enum"].as_array();
    let choices: Option<Vec<&str>> =
        choices.and_then(|values| values.iter().map(Value::as_str).collect());
    if let Some(choices) = choices {
        let meaning = |choice| meanings[choice].as_str().unwrap_or_default();
        let choices = choices.into_iter().map(|choice| (choice, meaning(choice)));
        return format!("Choice(&{:?})", choices.collect::<Vec<_>>());
    }
    let format = schema["format"].as_str().unwrap_or_default();
    match (schema["type"].as_str().unwrap_or_default(), format) {
        ("integer", _) => "Integer".to_owned(),
        ("number", _) => "Number".to_owned(),
        ("boolean", _) => "Boolean".to_owned(),
        ("string", "date") => "Date".to_owned(),
        ("string", "date-time") => "DateTime".to_owned(),
        ("string", "binary") => "File".to_owned(),
        ("string", _) => "Text".to_owned(),
        ("array", _) => format!("List(&Kind::{})", kind_of(api, &schema["items"], meanings)),
        _ => "Json".to_owned(),
    }
}

/// Follows references, and an `allOf` of one schema.
fn plain<'a>(api: &'a Api, schema: &'a Value) -> &'a Value {
    let schema = api.resolve(schema);
    match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([only]) => plain(api, only),
        _ => schema,
    }
}

/// Returns the Rust type of an id.
fn id(schema: &Value) -> Option<&str> {
    let path = schema["x-rust-type"]["path"].as_str()?;
    path.starts_with("altegio::ids::").then_some(path)
}

/// Returns the Rust type of the builder's argument.
fn rust_type(api: &Api, schema: &Value) -> Result<String, String> {
    // A reference with other keywords, such as a description of the values.
    if let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) {
        return rust_type(api, only);
    }
    if let Some(id) = id(plain(api, schema)) {
        return Ok(id.to_owned());
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let name = pointer::schema_name(reference)
            .ok_or_else(|| format!("`{reference}` is not a component schema"))?;
        return Ok(format!("types::{}", rust::pascal(&name)));
    }
    let format = schema["format"].as_str().unwrap_or_default();
    Ok(
        match (schema["type"].as_str().unwrap_or_default(), format) {
            ("integer", _) => "i64".to_owned(),
            ("number", _) => "f64".to_owned(),
            ("boolean", _) => "bool".to_owned(),
            ("string", "date") => "altegio::Date".to_owned(),
            ("string", "date-time") => "altegio::DateTime".to_owned(),
            ("string", _) => "String".to_owned(),
            ("array", _) => format!("Vec<{}>", rust_type(api, &schema["items"])?),
            ("object", _) if schema.get("properties").is_none() => {
                "serde_json::Map<String, serde_json::Value>".to_owned()
            }
            _ => return Err(format!("no builder type is known for the schema {schema}")),
        },
    )
}

fn description<'a>(api: &'a Api, schema: &'a Value) -> &'a str {
    let own = schema["description"].as_str();
    let own = own.or_else(|| api.resolve(schema)["description"].as_str());
    own.unwrap_or_default()
}

/// Returns the parameter object that contains the parameter's schema. It can have
/// extensions of its own.
fn parameter_object<'a>(api: &'a Api, parameter: &Parameter) -> &'a Value {
    let schema = parameter.schema.as_str();
    let parameter = schema.strip_suffix("/schema").unwrap_or(schema);
    api.get(&Pointer::parse(parameter))
}

/// Returns whether a value is a credential, which must not be given on the command
/// line.
fn is_secret(schema: &Value) -> bool {
    schema["x-secret"] == true
}
