//! The interface as the mock serves it: the embedded `interface.json`, with a
//! route for each of its paths.

use std::collections::BTreeMap;

use altegio_openapi::api::{Api, Operation, Part};
use altegio_openapi::pointer::{self, Pointer};
use serde_json::{Map, Value};

/// Altegio's interface, and the routes to its operations.
#[derive(Debug)]
pub struct Document {
    api: Api,
    /// The operations of a path, by method, as indices into those of the API.
    routes: matchit::Router<BTreeMap<&'static str, usize>>,
    /// The `Accept` that requests must have.
    accept: Option<String>,
}

impl Document {
    /// The B2B V1 document.
    pub(crate) fn b2b_v1() -> Result<Self, String> {
        let interface = altegio_openapi::documents::B2B_V1.interface;
        let mut document = serde_json::from_str(interface)
            .map_err(|error| format!("{error}; `cargo xtask update-spec` writes it"))?;
        allow_several_branches(&mut document);
        Self::new(Api::read(document)?)
    }

    fn new(api: Api) -> Result<Self, String> {
        let mut by_route: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
        for (index, operation) in api.operations.iter().enumerate() {
            let methods = by_route.entry(route(operation)).or_default();
            methods.insert(operation.method.as_str(), index);
        }
        let mut routes = matchit::Router::new();
        for (path, methods) in by_route {
            let inserted = routes.insert(&path, methods);
            inserted.map_err(|error| format!("the path `{path}`: {error}"))?;
        }
        Ok(Self {
            accept: accept(api.document()),
            api,
            routes,
        })
    }

    /// The operations, and the document that they are read from.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The media type that Altegio requires in `Accept`: the default of the
    /// document's header parameter of this name. `None` if the document says
    /// nothing of it.
    pub fn accept(&self) -> Option<&str> {
        self.accept.as_deref()
    }

    /// All names of the id that has this name (`x-ids`): a location's is called
    /// `location_id` in a path, and `company_id` in a response.
    pub(crate) fn id_names<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n str> {
        let ids = self.api.document()["x-ids"].as_object();
        let ids = ids.into_iter().flatten();
        let lists = ids.filter_map(|(_, id)| id["names"].as_array());
        let synonyms = lists.filter(move |names| names.iter().any(|other| *other == name));
        let synonyms = synonyms.flatten().filter_map(Value::as_str);
        std::iter::once(name).chain(synonyms)
    }

    /// The operation of a method and a path, and the path's arguments in order,
    /// still percent-encoded.
    ///
    /// # Errors
    ///
    /// The methods of the path's operations; none if the path is unknown.
    pub(crate) fn find<'p>(
        &self,
        method: &str,
        path: &'p str,
    ) -> Result<(&Operation, Vec<&'p str>), Vec<&'static str>> {
        let found = self.routes.at(path).map_err(|_| Vec::new())?;
        let Some(index) = found.value.get(method) else {
            return Err(found.value.keys().copied().collect());
        };
        let arguments = found.params.iter().map(|(_, value)| value);
        Ok((&self.api.operations[*index], arguments.collect()))
    }

    /// A schema of the document as a document of its own: what its references
    /// name comes along, each at its place.
    pub fn standing_alone(&self, schema: &Value) -> Value {
        let root = self.api.document();
        let mut whole = Map::new();
        let mut open = vec![schema];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(fields) => {
                    let reference = fields.get("$ref").and_then(Value::as_str);
                    if let Some(reference) = reference
                        && let Some(target) = pointer::target(root, reference)
                        && put(&mut whole, reference.trim_start_matches('#'), target)
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
}

/// The operation's path as a route. The document names the same place of two
/// paths differently, which `matchit` does not allow, so names are replaced.
fn route(operation: &Operation) -> String {
    let parts = operation.path.parts().enumerate();
    let parts = parts.map(|(index, part)| match part {
        Part::Text(text) => text.to_owned(),
        Part::Parameter(_) => format!("{{p{index}}}"),
    });
    parts.collect()
}

fn accept(document: &Value) -> Option<String> {
    let parameters = document["components"]["parameters"].as_object()?;
    let parameter = parameters.values().find(|parameter| {
        let name = parameter["name"].as_str().unwrap_or_default();
        parameter["in"] == "header" && name.eq_ignore_ascii_case("accept")
    });
    Some(parameter?["schema"]["default"].as_str()?.to_owned())
}

/// Reads every `oneOf` as `anyOf`. Branches without required fields allow each
/// other's values, so that by the letter of `oneOf` no value fits.
fn allow_several_branches(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(allow_several_branches);
            if fields.get("oneOf").is_some_and(Value::is_array)
                && let Some(branches) = fields.remove("oneOf")
            {
                fields.insert("anyOf".into(), branches);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(allow_several_branches),
        _ => {}
    }
}

/// Puts a value at a pointer. Returns whether it was not there yet.
fn put(whole: &mut Map<String, Value>, at: &str, value: &Value) -> bool {
    let mut keys: Vec<String> = Pointer::parse(at).keys().collect();
    let Some(last) = keys.pop() else {
        return false;
    };
    let mut place = whole;
    for key in keys {
        let next = place.entry(key).or_insert_with(|| Map::new().into());
        match next {
            Value::Object(fields) => place = fields,
            _ => return false,
        }
    }
    let is_new = place.get(&last) != Some(value);
    place.insert(last, value.clone());
    is_new
}
