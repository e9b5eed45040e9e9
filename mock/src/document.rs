//! The document as the mock uses it: upstream.yaml with overlay.yaml applied,
//! which is what Altegio's servers do as far as its examples tell.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Made by `cargo xtask update-spec`.
const B2B_V1: &str = altegio_openapi::documents::B2B_V1.interface;

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// What the document says, by operation.
#[derive(Debug)]
pub struct Document {
    /// The whole document, for references into it.
    pub root: Value,
    /// The operations, in the document's order.
    pub operations: Vec<Operation>,
    routes: matchit::Router<BTreeMap<String, usize>>,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// The vendor's operation id.
    pub id: String,
    /// The first tag.
    pub tag: String,
    /// In capitals.
    pub method: String,
    /// With the parameters in braces.
    pub path: String,
    /// References resolved; the operation's own in place of the path's.
    pub parameters: Vec<Parameter>,
    /// The media type of the body, and the JSON pointer of its schema.
    pub body: Option<Body>,
    /// By status.
    pub responses: BTreeMap<u16, Response>,
    /// Which tokens its `security` asks for.
    pub tokens: Tokens,
    /// `x-paging` of the overlay.
    pub paging: Option<Value>,
}

/// A parameter of the path, the query or a header.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name on the wire.
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Whether a list is sent item by item, not joined with commas.
    pub explode: bool,
    /// Its schema.
    pub schema: Value,
}

/// A request's body.
#[derive(Clone, Debug)]
pub struct Body {
    /// Such as `application/json`.
    pub media_type: String,
    /// Whether a request without it is refused.
    pub required: bool,
    /// Where its schema stands in the document.
    pub pointer: String,
}

/// A documented answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Such as `application/json`; none for an answer without content.
    pub media_type: Option<String>,
    /// Where its schema stands in the document, where it has one.
    pub pointer: Option<String>,
}

/// The tokens that an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// None, though one may be sent.
    None,
    /// `Bearer {PartnerToken}`
    Partner,
    /// `Bearer {PartnerToken}, User {UserToken}`
    PartnerAndUser,
}

impl Document {
    /// The B2B V1 document.
    pub fn b2b_v1() -> Self {
        let root = serde_json::from_str(B2B_V1).expect("`cargo xtask update-spec` writes JSON");
        Self::new(root)
    }

    fn new(mut root: Value) -> Self {
        settle(&mut root);
        let mut operations = Vec::new();
        let mut by_route: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for (path, item) in object(&root["paths"]) {
            for (method, operation) in object(item) {
                if !METHODS.contains(&method.as_str()) {
                    continue;
                }
                let at = format!("/paths/{}/{method}", escaped(path));
                let operation = read_operation(&root, item, operation, &at, path, method);
                by_route
                    .entry(route(path))
                    .or_default()
                    .insert(operation.method.clone(), operations.len());
                operations.push(operation);
            }
        }
        let mut routes = matchit::Router::new();
        for (path, methods) in by_route {
            routes
                .insert(path, methods)
                .expect("the document's paths differ");
        }
        Self {
            root,
            operations,
            routes,
        }
    }

    /// The operation of a request, with its path's arguments in order.
    ///
    /// # Errors
    ///
    /// The methods that the path has, which are none if it is unknown.
    pub fn find(&self, method: &str, path: &str) -> Result<(&Operation, Vec<String>), Vec<String>> {
        let found = self.routes.at(path).map_err(|_| Vec::new())?;
        let Some(index) = found.value.get(method) else {
            return Err(found.value.keys().cloned().collect());
        };
        let arguments = found.params.iter().map(|(_, value)| value.to_owned());
        Ok((&self.operations[*index], arguments.collect()))
    }

    /// The operation of this id.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// What a value of the document stands for, references followed.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        resolve(&self.root, value)
    }

    /// A schema that a validator can read by itself: references in it are
    /// from the document's root, so what they name comes along in its place.
    pub fn standing_alone(&self, schema: &Value) -> Value {
        let mut whole = Map::new();
        let mut open = vec![schema];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(fields) => {
                    let reference = fields.get("$ref").and_then(Value::as_str);
                    if let Some(pointer) = reference.and_then(|text| text.strip_prefix('#'))
                        && let Some(target) = self.root.pointer(pointer)
                        && put(&mut whole, pointer, target)
                    {
                        open.push(target);
                    }
                    open.extend(fields.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        whole.insert("allOf".into(), Value::Array(vec![schema.clone()]));
        Value::Object(whole)
    }

    /// The value that a pointer names.
    pub fn at(&self, pointer: &str) -> &Value {
        self.root.pointer(pointer).unwrap_or(&Value::Null)
    }
}

impl Operation {
    /// The lowest documented status of success.
    pub fn success(&self) -> u16 {
        let mut statuses = self.responses.keys().copied();
        statuses
            .find(|status| (200..300).contains(status))
            .unwrap_or(200)
    }
}

fn read_operation(
    root: &Value,
    item: &Value,
    operation: &Value,
    at: &str,
    path: &str,
    method: &str,
) -> Operation {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let body = operation.get("requestBody").map(|body| {
        let (at, body) = resolve_at(root, body, format!("{at}/requestBody"));
        let (media_type, _) = content(body).unwrap_or(("application/json", &Value::Null));
        Body {
            media_type: media_type.to_owned(),
            required: body["required"] == true,
            pointer: format!("{at}/content/{}/schema", escaped(media_type)),
        }
    });
    let responses = object(&operation["responses"]).filter_map(|(status, response)| {
        let (at, response) = resolve_at(root, response, format!("{at}/responses/{status}"));
        let content = content(response);
        let pointer = content.filter(|(_, content)| content.get("schema").is_some());
        Some((
            status.parse().ok()?,
            Response {
                media_type: content.map(|(media_type, _)| media_type.to_owned()),
                pointer: pointer
                    .map(|(media_type, _)| format!("{at}/content/{}/schema", escaped(media_type))),
            },
        ))
    });
    Operation {
        id: text(&operation["operationId"]),
        tag: text(&operation["tags"][0]),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        parameters: parameters(root, item, operation),
        body,
        responses: responses.collect(),
        tokens: tokens(root, operation),
        paging: operation.get("x-paging").cloned(),
    }
}

fn parameters(root: &Value, item: &Value, operation: &Value) -> Vec<Parameter> {
    let mut merged: Vec<Parameter> = Vec::new();
    for holder in [item, operation] {
        for parameter in holder["parameters"].as_array().into_iter().flatten() {
            let parameter = resolve(root, parameter);
            let text = |name: &str| parameter[name].as_str().unwrap_or_default().to_owned();
            let parameter = Parameter {
                name: text("name"),
                place: text("in"),
                required: parameter["required"] == true,
                explode: parameter["explode"] != false,
                schema: parameter["schema"].clone(),
            };
            merged
                .retain(|other| (&other.name, &other.place) != (&parameter.name, &parameter.place));
            merged.push(parameter);
        }
    }
    merged
}

fn tokens(root: &Value, operation: &Value) -> Tokens {
    let security = operation.get("security").or(root.get("security"));
    let scheme = security
        .and_then(|list| list.get(0)?.as_object()?.keys().next())
        .map(|name| &root["components"]["securitySchemes"][name]["bearerFormat"]);
    match scheme.and_then(Value::as_str) {
        Some("Bearer {PartnerToken}") => Tokens::Partner,
        Some("Bearer {PartnerToken}, User {UserToken}") => Tokens::PartnerAndUser,
        _ => Tokens::None,
    }
}

/// The media type of a body or an answer: JSON where there is a choice.
fn content(holder: &Value) -> Option<(&str, &Value)> {
    let content = holder["content"].as_object()?;
    let json = content.iter().find(|(name, _)| name.contains("json"));
    json.or_else(|| content.iter().next())
        .map(|(name, value)| (name.as_str(), value))
}

/// A path as a route: the document's names for one place differ.
fn route(path: &str) -> String {
    let mut route = String::new();
    let mut rest = path;
    let mut count = 0;
    while let Some((before, after)) = rest.split_once('{') {
        let tail = after.split_once('}').map_or("", |(_, tail)| tail);
        route.push_str(before);
        route.push_str(&format!("{{p{count}}}"));
        count += 1;
        rest = tail;
    }
    route + rest
}

/// Puts a value where a pointer says. `false`: there is one already.
fn put(whole: &mut Map<String, Value>, pointer: &str, value: &Value) -> bool {
    let mut names: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|name| name.replace("~1", "/").replace("~0", "~"))
        .collect();
    let Some(last) = names.pop() else {
        return false;
    };
    let mut place = whole;
    for name in names {
        let next = place.entry(name).or_insert_with(|| Map::new().into());
        match next {
            Value::Object(fields) => place = fields,
            _ => return false,
        }
    }
    let is_new = place.get(&last) != Some(value);
    place.insert(last, value.clone());
    is_new
}

/// What the schemas mean where they say another thing: `x-shape: list` of the
/// overlay is an array of what the schema says, and a `oneOf` is an `anyOf`,
/// since branches without required fields allow each other's values.
fn settle(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(settle);
            if fields.get("oneOf").is_some_and(Value::is_array)
                && let Some(branches) = fields.remove("oneOf")
            {
                fields.insert("anyOf".into(), branches);
            }
            if fields.get("x-shape").is_some_and(|shape| shape == "list") {
                fields.remove("x-shape");
                let items = Value::Object(std::mem::take(fields));
                fields.insert("type".into(), "array".into());
                fields.insert("items".into(), items);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}

fn resolve<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    resolve_at(root, value, String::new()).1
}

/// With the pointer to where it really stands.
fn resolve_at<'a>(root: &'a Value, value: &'a Value, at: String) -> (String, &'a Value) {
    let (mut value, mut at) = (value, at);
    while let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        let pointer = reference.trim_start_matches('#');
        let Some(target) = root.pointer(pointer) else {
            break;
        };
        (value, at) = (target, pointer.to_owned());
    }
    (at, value)
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY).iter()
}
