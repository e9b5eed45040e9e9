//! Compares two documents from the caller's point of view, by operation and
//! field.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::interface::{self, Field, Operation, Place, Side};

/// Whether callers have to change their code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    // In the order of the report.
    Breaking,
    Compatible,
}

/// One change that a caller sees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    pub severity: Severity,
    pub operation: String,
    /// `None` for the operation itself.
    #[serde(serialize_with = "as_text")]
    pub place: Option<Place>,
    pub what: String,
}

fn as_text<S: Serializer>(place: &Option<Place>, serializer: S) -> Result<S::Ok, S::Error> {
    match place {
        Some(place) => serializer.collect_str(place),
        None => serializer.serialize_none(),
    }
}

/// The changes from `old` to `new`, breaking ones first.
pub fn compare(old: &Value, new: &Value) -> Vec<Change> {
    let (old, new) = (interface::interface(old), interface::interface(new));
    let mut changes = Changes::default();
    let mut renamed = BTreeSet::new();
    for (id, before) in &old {
        changes.operation = id;
        if let Some(after) = new.get(id) {
            changes.operation(before, after);
            continue;
        }
        let by_route = |(other, operation): &(&String, &Operation)| {
            operation.route == before.route && !old.contains_key(*other)
        };
        if let Some((other, after)) = new.iter().find(by_route) {
            let what = format!("renamed to `{other}` ({})", before.route);
            changes.push(Severity::Breaking, None, what);
            changes.operation(before, after);
            renamed.insert(other);
        } else {
            let what = format!("operation removed ({})", before.route);
            changes.push(Severity::Breaking, None, what);
        }
    }
    for (id, operation) in &new {
        changes.operation = id;
        if !old.contains_key(id) && !renamed.contains(id) {
            let what = format!("operation added ({})", operation.route);
            changes.push(Severity::Compatible, None, what);
        }
    }
    changes.found.sort();
    changes.found
}

#[derive(Default)]
struct Changes<'a> {
    /// The id of the operation that is being compared.
    operation: &'a str,
    found: Vec<Change>,
}

impl Changes<'_> {
    fn push(&mut self, severity: Severity, place: Option<&Place>, what: impl Into<String>) {
        self.found.push(Change {
            severity,
            operation: self.operation.to_owned(),
            place: place.cloned(),
            what: what.into(),
        });
    }

    fn operation(&mut self, before: &Operation, after: &Operation) {
        use Severity::{Breaking, Compatible};
        if before.route != after.route {
            let what = format!("moved from {} to {}", before.route, after.route);
            self.push(Compatible, None, what);
        }
        if before.security != after.security {
            // Every set of schemes that was sufficient must still be sufficient.
            let allowed = |schemes: &BTreeSet<String>| {
                let mut ways = after.security.iter();
                ways.any(|way| way.is_subset(schemes))
            };
            let severity = if before.security.iter().all(allowed) {
                Compatible
            } else {
                Breaking
            };
            let (old, new) = (ways(&before.security), ways(&after.security));
            self.push(severity, None, format!("security: {old} became {new}"));
        }
        let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let paging = (said(&before.paging), said(&after.paging));
        let idempotent = (said(&before.idempotent), said(&after.idempotent));
        for (severity, name, old, new) in [
            (Breaking, "tags", &before.tags, &after.tags),
            (
                Compatible,
                "deprecated",
                &before.deprecated,
                &after.deprecated,
            ),
            // `stream()` is removed, or its items change.
            if before.paging.is_some() {
                (Breaking, "paging", &paging.0, &paging.1)
            } else {
                (Compatible, "paging", &paging.0, &paging.1)
            },
            (Compatible, "idempotence", &idempotent.0, &idempotent.1),
        ] {
            if old != new {
                self.push(severity, None, format!("{name}: {old} became {new}"));
            }
        }
        self.fields(&before.fields, &after.fields);
    }

    fn fields(&mut self, old: &BTreeMap<Place, Field>, new: &BTreeMap<Place, Field>) {
        use Severity::{Breaking, Compatible};
        // Of nested places that were removed or added, only the outermost is
        // reported.
        let inside_another = |fields: &BTreeMap<Place, Field>, place: &Place| {
            place
                .parent()
                .is_some_and(|parent| !fields.contains_key(&parent))
        };
        for (place, before) in old {
            match new.get(place) {
                Some(after) => self.field(place, before, after),
                None if inside_another(new, place) => {}
                None => self.push(Breaking, Some(place), "removed"),
            }
        }
        for (place, after) in new {
            if old.contains_key(place) || inside_another(old, place) {
                continue;
            }
            if place.is_sent() && after.required {
                self.push(Breaking, Some(place), "added, required");
            } else {
                self.push(Compatible, Some(place), "added");
            }
        }
    }

    fn field(&mut self, place: &Place, before: &Field, after: &Field) {
        use Severity::{Breaking, Compatible};
        let (to_sender, to_receiver) = if place.is_sent() {
            (Breaking, Compatible)
        } else {
            (Compatible, Breaking)
        };
        if before.types != after.types {
            let what = format!("type {} became {}", before.types, after.types);
            self.push(Breaking, Some(place), what);
        }
        match (before.required, after.required) {
            (false, true) => self.push(to_sender, Some(place), "became required"),
            (true, false) => self.push(to_receiver, Some(place), "became optional"),
            _ => {}
        }
        let keys: BTreeSet<&str> = before
            .limits
            .keys()
            .chain(after.limits.keys())
            .copied()
            .collect();
        for key in keys {
            let (old, new) = (before.limits.get(key), after.limits.get(key));
            if old != new {
                let severity = if place.is_sent() && is_narrower(place, key, old, new) {
                    Breaking
                } else {
                    Compatible
                };
                let said = |limit: Option<&Value>| match limit {
                    Some(limit) => limit.to_string(),
                    None => "nothing".to_owned(),
                };
                let what = format!("{key} {} became {}", said(old), said(new));
                self.push(severity, Some(place), what);
            }
        }
        let missing = |from: &Field, among: &Field| {
            let values: Vec<&str> = from
                .values
                .difference(&among.values)
                .map(String::as_str)
                .collect();
            values.join(", ")
        };
        if before.values.is_empty() && !after.values.is_empty() {
            let values = missing(after, before);
            let severity = to_sender;
            self.push(severity, Some(place), format!("limited to {values}"));
            return;
        }
        if after.values.is_empty() && !before.values.is_empty() {
            self.push(Compatible, Some(place), "not limited to an enum any more");
            return;
        }
        let (gone, come) = (missing(before, after), missing(after, before));
        if !gone.is_empty() {
            self.push(Breaking, Some(place), format!("enum lost {gone}"));
        }
        if !come.is_empty() {
            // Callers need not send the new value, and the client accepts unknown
            // values in responses.
            self.push(Compatible, Some(place), format!("enum gained {come}"));
        }
    }
}

/// Formats security requirements, such as `partner` or `partner + user or none`.
fn ways(security: &BTreeSet<BTreeSet<String>>) -> String {
    let ways: Vec<String> = security
        .iter()
        .map(|schemes| {
            if schemes.is_empty() {
                return "none".to_owned();
            }
            schemes.iter().cloned().collect::<Vec<_>>().join(" + ")
        })
        .collect();
    ways.join(" or ")
}

/// Whether a request that was valid before may now be refused, or have another
/// meaning.
fn is_narrower(place: &Place, key: &str, old: Option<&Value>, new: Option<&Value>) -> bool {
    let (old, new) = match (old, new) {
        // A request that omits a parameter takes its default. Defaults in bodies
        // do not count: bodies are taken to be complete.
        _ if key == "default" => return matches!(place.side, Side::Parameter { .. }),
        (_, None) => return false,
        (None, Some(_)) => return true,
        (Some(old), Some(new)) => (old.as_f64(), new.as_f64()),
    };
    match (old, new) {
        (Some(old), Some(new)) if key.to_ascii_lowercase().contains("min") => new > old,
        (Some(old), Some(new)) if key.to_ascii_lowercase().contains("max") => new < old,
        // A different `pattern` or `multipleOf` may refuse other values.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A document with the operation `op`, which sends one schema and receives
    /// another.
    fn document(request: Value, response: Value) -> Value {
        json!({"paths": {"/a": {"post": {
            "operationId": "op",
            "parameters": [{"name": "q", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}],
            "requestBody": {"content": {"application/json": {"schema": request}}},
            "responses": {"200": {"content": {"application/json": {"schema": response}}}},
        }}}})
    }

    fn changes(old: &Value, new: &Value) -> Vec<String> {
        compare(old, new)
            .iter()
            .map(|change| {
                let place = change.place.as_ref().map(ToString::to_string);
                format!(
                    "{:?} {}: {}",
                    change.severity,
                    place.unwrap_or_default(),
                    change.what
                )
            })
            .collect()
    }

    #[test]
    fn what_goes_or_comes_with_its_fields_is_told_once() {
        let inner = json!({"type": "object", "properties": {"a.b": {"type": "object", "properties": {"c": {"type": "array", "items": {"properties": {"d": {}}}}}}}});
        let old = document(json!({}), inner);
        let new = document(json!({}), json!({"type": "object"}));
        assert_eq!(changes(&old, &new), ["Breaking 200 a.b: removed"]);
        assert_eq!(changes(&new, &old), ["Compatible 200 a.b: added"]);
    }

    #[test]
    fn what_the_caller_sends_and_what_it_receives_break_in_opposite_ways() {
        let loose =
            json!({"type": "object", "properties": {"x": {"type": "string", "enum": ["a", "b"]}}});
        let strict = json!({"type": "object", "required": ["x"], "properties": {"x": {"type": "string", "enum": ["a"]}}});
        let both = |schema: &Value| document(schema.clone(), schema.clone());
        assert_eq!(
            changes(&both(&loose), &both(&strict)),
            [
                "Breaking request x: became required",
                "Breaking request x: enum lost \"b\"",
                "Breaking 200 x: enum lost \"b\"",
                "Compatible 200 x: became required",
            ]
        );
        assert_eq!(
            changes(&both(&strict), &both(&loose)),
            [
                "Breaking 200 x: became optional",
                "Compatible request x: became optional",
                "Compatible request x: enum gained \"b\"",
                "Compatible 200 x: enum gained \"b\"",
            ]
        );
    }

    #[test]
    fn an_operation_that_moves_goes_or_comes_is_named_by_its_id() {
        let old = document(json!({}), json!({}));
        let mut new = old.clone();
        let item = new["paths"]["/a"].take();
        new["paths"] = json!({"/b": item});
        assert_eq!(
            changes(&old, &new),
            ["Compatible : moved from POST /a to POST /b"]
        );
        new["paths"]["/b"]["post"]["operationId"] = "other".into();
        assert_eq!(
            changes(&old, &new),
            [
                "Breaking : operation removed (POST /a)",
                "Compatible : operation added (POST /b)"
            ]
        );
    }

    #[test]
    fn places_read_like_paths() {
        let schema = json!({"type": "object", "properties": {
            "list": {"type": "array", "items": {"properties": {"id": {}}}},
            "map": {"additionalProperties": {"type": "string"}},
        }});
        let operations = interface::interface(&document(
            schema.clone(),
            json!({"type": "array", "items": schema}),
        ));
        let places: Vec<String> = operations["op"]
            .fields
            .keys()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            places,
            [
                "query q",
                "query q[]",
                "request",
                "request list",
                "request list[]",
                "request list[].id",
                "request map",
                "request map{}",
                "200",
                "200 []",
                "200 [].list",
                "200 [].list[]",
                "200 [].list[].id",
                "200 [].map",
                "200 [].map{}",
            ]
        );
    }

    #[test]
    fn an_operation_of_another_id_at_the_same_route_is_renamed() {
        let old = document(json!({}), json!({}));
        let mut new = old.clone();
        new["paths"]["/a"]["post"]["operationId"] = "other".into();
        assert_eq!(
            changes(&old, &new),
            ["Breaking : renamed to `other` (POST /a)"]
        );
    }

    /// Each case changes one thing.
    #[test]
    fn single_changes_and_their_verdicts() {
        let field = |schema: Value| json!({"type": "object", "properties": {"x": schema}});
        let text = |key: &str, value: Value| json!({"type": "string", key: value});
        let number = |key: &str, value: Value| json!({"type": "number", key: value});
        for (old, new, request, response) in [
            (
                number("maximum", 5.into()),
                number("maximum", 4.into()),
                "Breaking request x: maximum 5 became 4",
                "Compatible 200 x: maximum 5 became 4",
            ),
            (
                number("maximum", 4.into()),
                number("maximum", 5.into()),
                "Compatible request x: maximum 4 became 5",
                "Compatible 200 x: maximum 4 became 5",
            ),
            (
                number("minimum", 4.into()),
                number("minimum", 5.into()),
                "Breaking request x: minimum 4 became 5",
                "Compatible 200 x: minimum 4 became 5",
            ),
            (
                text("maxLength", 5.into()),
                text("maxLength", 4.into()),
                "Breaking request x: maxLength 5 became 4",
                "Compatible 200 x: maxLength 5 became 4",
            ),
            (
                json!({"type": "string"}),
                text("pattern", "a".into()),
                "Breaking request x: pattern nothing became \"a\"",
                "Compatible 200 x: pattern nothing became \"a\"",
            ),
            (
                text("pattern", "a".into()),
                json!({"type": "string"}),
                "Compatible request x: pattern \"a\" became nothing",
                "Compatible 200 x: pattern \"a\" became nothing",
            ),
            (
                text("default", "a".into()),
                text("default", "b".into()),
                "Compatible request x: default \"a\" became \"b\"",
                "Compatible 200 x: default \"a\" became \"b\"",
            ),
            (
                text("const", "a".into()),
                text("const", "b".into()),
                "Breaking request x: enum lost \"a\"",
                "Breaking 200 x: enum lost \"a\"",
            ),
            (
                json!({"type": "string"}),
                text("enum", json!(["a"])),
                "Breaking request x: limited to \"a\"",
                "Compatible 200 x: limited to \"a\"",
            ),
            (
                text("enum", json!(["a"])),
                json!({"type": "string"}),
                "Compatible request x: not limited to an enum any more",
                "Compatible 200 x: not limited to an enum any more",
            ),
            (
                json!({"type": "array", "items": {}}),
                json!({"type": "array", "items": {}, "maxItems": 2}),
                "Breaking request x: maxItems nothing became 2",
                "Compatible 200 x: maxItems nothing became 2",
            ),
            (
                json!({"type": "string"}),
                json!({"type": ["string", "null"]}),
                "Breaking request x: type string became null string",
                "Breaking 200 x: type string became null string",
            ),
            (
                json!({"type": "string"}),
                text("format", "date".into()),
                "Breaking request x: type string became (date) string",
                "Breaking 200 x: type string became (date) string",
            ),
            (
                json!({"allOf": [{"allOf": [{"properties": {"y": {}}}]}]}),
                json!({"allOf": [{"allOf": [{}]}]}),
                "Breaking request x.y: removed",
                "Breaking 200 x.y: removed",
            ),
            (
                json!({"oneOf": [{"type": "string"}]}),
                json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}),
                "Breaking request x: type string became integer string",
                "Breaking 200 x: type string became integer string",
            ),
        ] {
            let (old, new) = (field(old), field(new));
            for (old, new, expected) in [
                (
                    document(old.clone(), json!({})),
                    document(new.clone(), json!({})),
                    request,
                ),
                (document(json!({}), old), document(json!({}), new), response),
            ] {
                assert_eq!(changes(&old, &new)[0], expected);
            }
        }
        let base = document(json!({}), json!({}));
        for (key, old, new, expected) in [
            (
                "security",
                json!([{"partner": []}]),
                json!([{"partner": [], "user": []}]),
                "Breaking : security: partner became partner + user",
            ),
            (
                "security",
                json!([{"partner": [], "user": []}]),
                json!([{"partner": []}]),
                "Compatible : security: partner + user became partner",
            ),
            (
                "security",
                json!([{"a": []}]),
                json!([{"a": []}, {"b": []}]),
                "Compatible : security: a became a or b",
            ),
            (
                "security",
                json!([]),
                json!([{"a": []}]),
                "Breaking : security: none became a",
            ),
            (
                "deprecated",
                json!(false),
                json!(true),
                "Compatible : deprecated: false became true",
            ),
            (
                "tags",
                json!(["A"]),
                json!(["B"]),
                "Breaking : tags: [\"A\"] became [\"B\"]",
            ),
            (
                "x-paging",
                json!({"query": {}}),
                json!(null),
                "Breaking : paging: {\"query\":{}} became null",
            ),
            (
                "x-idempotent",
                json!(true),
                json!(false),
                "Compatible : idempotence: true became false",
            ),
            (
                "parameters",
                json!([]),
                json!([{"name": "n", "in": "query", "schema": {}}]),
                "Compatible query n: added",
            ),
            (
                "parameters",
                json!([]),
                json!([{"name": "n", "in": "query", "required": true, "schema": {}}]),
                "Breaking query n: added, required",
            ),
            (
                "parameters",
                json!([{"name": "n", "in": "query", "schema": {"default": 1}}]),
                json!([{"name": "n", "in": "query", "schema": {"default": 2}}]),
                "Breaking query n: default 1 became 2",
            ),
            (
                "parameters",
                json!([{"name": "n", "in": "query", "schema": {}}]),
                json!([{"name": "n", "in": "header", "schema": {}}]),
                "Breaking query n: removed",
            ),
        ] {
            let with = |value: Value| {
                let mut document = base.clone();
                document["paths"]["/a"]["post"][key] = value;
                document
            };
            assert_eq!(changes(&with(old), &with(new))[0], expected);
        }
    }
}
