//! The interface as the mock serves it: the embedded `interface.json`, with a
//! route for each of its paths.

use std::collections::BTreeMap;

use altegio_openapi::api::{Api, Operation, Part, Template};
use altegio_openapi::pointer::{self, Pointer};
use serde_json::{Map, Value};

/// Altegio's interface, and the routes to its operations.
#[derive(Debug)]
pub struct Document {
    api: Api,
    /// The paths.
    routes: Vec<Route>,
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
        Ok(Self::new(Api::read(document)?))
    }

    fn new(api: Api) -> Self {
        let mut by_route: BTreeMap<Vec<Segment>, BTreeMap<&str, usize>> = BTreeMap::new();
        for (index, operation) in api.operations.iter().enumerate() {
            let methods = by_route.entry(segments(operation)).or_default();
            methods.insert(operation.method.as_str(), index);
        }
        let routes = by_route.into_iter();
        Self {
            accept: accept(api.document()),
            api,
            routes: routes
                .map(|(segments, methods)| Route { segments, methods })
                .collect(),
        }
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
        let matching = self
            .routes
            .iter()
            .filter_map(|route| Some((route, route.arguments(path)?)));
        // `/tags/new` rather than `/tags/{id}`.
        let found = matching.max_by_key(|(route, _)| route.literals());
        let (route, arguments) = found.ok_or_else(Vec::new)?;
        let Some(index) = route.methods.get(method) else {
            return Err(route.methods.keys().copied().collect());
        };
        Ok((&self.api.operations[*index], arguments))
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

/// A path of the document.
#[derive(Debug)]
struct Route {
    segments: Vec<Segment>,
    /// Its operations, by method, as indices into those of the API.
    methods: BTreeMap<&'static str, usize>,
}

/// A part of a path between slashes, which may have several pieces: `{id}.json`.
type Segment = Vec<Piece>;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Text(String),
    Argument,
}

impl Route {
    /// The arguments in a path, if it is one of this route.
    fn arguments<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let mut arguments = Vec::new();
        let mut texts = path.split('/');
        for segment in &self.segments {
            add_arguments(segment, texts.next()?, &mut arguments)?;
        }
        texts.next().is_none().then_some(arguments)
    }

    /// Whether each segment is literal, in order.
    fn literals(&self) -> Vec<bool> {
        let segments = self.segments.iter();
        let is_literal = |segment: &Segment| !segment.contains(&Piece::Argument);
        segments.map(is_literal).collect()
    }
}

/// Adds the arguments in the text of a segment. An argument is not empty.
fn add_arguments<'p>(segment: &[Piece], text: &'p str, found: &mut Vec<&'p str>) -> Option<()> {
    let (argument, rest) = match segment {
        [] => return text.is_empty().then_some(()),
        [Piece::Text(literal), rest @ ..] => {
            return add_arguments(rest, text.strip_prefix(literal.as_str())?, found);
        }
        [Piece::Argument] => (text, ""),
        [Piece::Argument, Piece::Text(end)] => (text.strip_suffix(end.as_str())?, ""),
        [Piece::Argument, Piece::Text(next), ..] => text.split_at(text.find(next.as_str())?),
        [Piece::Argument, Piece::Argument, ..] => return None,
    };
    if argument.is_empty() {
        return None;
    }
    found.push(argument);
    match segment {
        [_, more @ ..] if !rest.is_empty() => add_arguments(more, rest, found),
        _ => Some(()),
    }
}

/// The segments of an operation's path. Paths that differ only in the names of
/// their parameters have the same.
fn segments(operation: &Operation) -> Vec<Segment> {
    let segments = operation.path.as_str().split('/');
    let piece = |part: Part<'_>| match part {
        Part::Text(text) => Piece::Text(text.to_owned()),
        Part::Parameter(_) => Piece::Argument,
    };
    segments
        .map(|segment| Template::from(segment).parts().map(piece).collect())
        .collect()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_finds_its_operation_and_arguments() {
        let get = |id: &str, names: &[&str]| {
            let parameters = names
                .iter()
                .map(|name| json!({"name": name, "in": "path", "schema": {}}));
            json!({"get": {"operationId": id, "tags": ["T"], "security": [],
                "parameters": parameters.collect::<Vec<_>>()}})
        };
        let api = Api::read(json!({"paths": {
            "/tags/{id}": get("get_tag", &["id"]),
            "/tags/new": get("new_tag", &[]),
            "/tags/{tag}/{part}": get("get_part", &["tag", "part"]),
            "/files/{name}.json": get("get_file", &["name"]),
            "/days/{from}-{to}": get("get_days", &["from", "to"]),
        }}));
        let document = Document::new(api.unwrap());
        for (path, id, arguments) in [
            ("/tags/new", "new_tag", &[][..]),
            ("/tags/newer", "get_tag", &["newer"]),
            ("/tags/7/a%2Fb", "get_part", &["7", "a%2Fb"]),
            ("/files/a.json.json", "get_file", &["a.json"]),
            ("/days/1-2", "get_days", &["1", "2"]),
        ] {
            let (operation, found) = document.find("GET", path).unwrap();
            assert_eq!(
                (operation.id.as_str(), &found[..]),
                (id, arguments),
                "{path}"
            );
        }
        for path in [
            "/tags",
            "/tags/",
            "/files/.json",
            "/files/a",
            "/days/12",
            "/tags/1/2/3",
        ] {
            assert_eq!(document.find("GET", path).unwrap_err(), [""; 0], "{path}");
        }
        assert_eq!(document.find("PUT", "/tags/1").unwrap_err(), ["GET"]);
    }
}
