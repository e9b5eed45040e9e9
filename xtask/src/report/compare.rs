//! What a new document changes for a caller, by operation and field.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::interface::{self, Field, Operation, Place};

/// Whether callers have to change their code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    // In the report's order.
    Breaking,
    Compatible,
}

/// One change, as a caller meets it.
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
    for (id, before) in &old {
        changes.operation = id;
        match new.get(id) {
            Some(after) => changes.operation(before, after),
            None => changes.push(
                Severity::Breaking,
                None,
                format!("operation removed ({})", before.route),
            ),
        }
    }
    for (id, operation) in &new {
        changes.operation = id;
        if !old.contains_key(id) {
            let what = format!("operation added ({})", operation.route);
            changes.push(Severity::Compatible, None, what);
        }
    }
    changes.found.sort();
    changes.found
}

#[derive(Default)]
struct Changes<'a> {
    /// The operation that is compared.
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
        for (severity, name, old, new) in [
            (Breaking, "tags", &before.tags, &after.tags),
            (Compatible, "security", &before.security, &after.security),
            (
                Compatible,
                "deprecated",
                &before.deprecated,
                &after.deprecated,
            ),
        ] {
            if old != new {
                self.push(severity, None, format!("{name}: {old} became {new}"));
            }
        }
        self.fields(&before.fields, &after.fields);
    }

    fn fields(&mut self, old: &BTreeMap<Place, Field>, new: &BTreeMap<Place, Field>) {
        use Severity::{Breaking, Compatible};
        // Removed and added places are told of the outermost only.
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
        let missing = |from: &Field, among: &Field| {
            let values: Vec<&str> = from
                .values
                .difference(&among.values)
                .map(String::as_str)
                .collect();
            values.join(", ")
        };
        let (gone, come) = (missing(before, after), missing(after, before));
        if !gone.is_empty() {
            self.push(Breaking, Some(place), format!("enum lost {gone}"));
        }
        if !come.is_empty() {
            // Nobody has to send it, and the client reads values that it does not know.
            self.push(Compatible, Some(place), format!("enum gained {come}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A document of the operation `op`, which sends one schema and receives another.
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
}
