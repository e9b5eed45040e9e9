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

/// Adds the changes of the client's types that no other change explains, such as
/// those from another lowering.
pub fn compare_types(old: &Value, new: &Value, changes: &mut Vec<Change>) {
    let (old, new) = (interface::interface(old), interface::interface(new));
    let mut found = Vec::new();
    for (id, before) in &old.operations {
        let Some(after) = new.operations.get(id) else {
            continue;
        };
        let of_operation: Vec<&Change> = changes.iter().filter(|c| c.operation == *id).collect();
        let is_explained = |place: &Place| {
            let places = of_operation.iter().filter_map(|c| c.place.as_ref());
            places.into_iter().any(|other| other.contains(place))
        };
        for (place, before_field) in &before.fields {
            let what = match after.fields.get(place) {
                // Of nested places, only the outermost is reported.
                None => match place.parent() {
                    Some(parent) if !after.fields.contains_key(&parent) => continue,
                    _ => "removed".to_owned(),
                },
                Some(field) if field.types != before_field.types => {
                    format!("type {} became {}", before_field.types, field.types)
                }
                Some(field) => match (before_field.required, field.required) {
                    (true, false) => "became optional".to_owned(),
                    (false, true) => "became required".to_owned(),
                    _ => continue,
                },
            };
            if !is_explained(place) {
                found.push(Change {
                    severity: Severity::Breaking,
                    operation: id.clone(),
                    place: Some(place.clone()),
                    what: format!("{what} in the client"),
                });
            }
        }
    }
    changes.extend(found);
    changes.sort();
}

/// The operation in changes of the whole document.
const DOCUMENT: &str = "document";

/// The changes from `old` to `new`, breaking ones first.
pub fn compare(old: &Value, new: &Value) -> Vec<Change> {
    let (old, new) = (interface::interface(old), interface::interface(new));
    let mut changes = Changes::default();
    changes.common(&old.common, &new.common);
    changes.operations(&old.operations, &new.operations);
    changes.found.sort();
    changes.found
}

#[derive(Default)]
struct Changes<'a> {
    /// The id of the operation that is being compared.
    operation: &'a str,
    /// Whether it is a webhook, which callers receive and respond to.
    is_webhook: bool,
    found: Vec<Change>,
}

impl<'a> Changes<'a> {
    fn common(&mut self, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
        use Severity::{Breaking, Compatible};
        self.operation = DOCUMENT;
        for (name, before) in old {
            match new.get(name) {
                Some(after) if after == before => {}
                Some(after) => {
                    self.push(Breaking, None, format!("{name}: {before} became {after}"));
                }
                // Operations that required it have changed, which is reported there.
                None => self.push(Compatible, None, format!("{name} removed")),
            }
        }
        for name in new.keys().filter(|name| !old.contains_key(*name)) {
            self.push(Compatible, None, format!("{name} added"));
        }
    }

    fn operations(
        &mut self,
        old: &'a BTreeMap<String, Operation>,
        new: &'a BTreeMap<String, Operation>,
    ) {
        use Severity::{Breaking, Compatible};
        let mut renamed = BTreeSet::new();
        for (id, before) in old {
            self.operation = id;
            self.is_webhook = before.is_webhook;
            if let Some(after) = new.get(id) {
                self.operation(before, after);
                continue;
            }
            let by_route = |(other, operation): &(&String, &Operation)| {
                operation.route == before.route
                    && operation.is_webhook == before.is_webhook
                    && !old.contains_key(*other)
            };
            if let Some((other, after)) = new.iter().find(by_route) {
                let what = format!("renamed to `{other}` ({})", before.route);
                self.push(Breaking, None, what);
                self.operation(before, after);
                renamed.insert(other);
            } else {
                let what = format!("operation removed ({})", before.route);
                self.push(Breaking, None, what);
            }
        }
        for (id, operation) in new {
            self.operation = id;
            if !old.contains_key(id) && !renamed.contains(id) {
                let what = format!("operation added ({})", operation.route);
                self.push(Compatible, None, what);
            }
        }
    }

    /// Whether callers send what is at this place.
    fn is_sent(&self, place: &Place) -> bool {
        place.is_sent() != self.is_webhook
    }

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
        let servers = (said(&before.servers), said(&after.servers));
        let sorted = |arguments: &[String]| arguments.iter().cloned().collect::<BTreeSet<_>>();
        if before.arguments != after.arguments
            && sorted(&before.arguments) == sorted(&after.arguments)
        {
            let (old, new) = (before.arguments.join(", "), after.arguments.join(", "));
            let what = format!("order of the arguments: {old} became {new}");
            self.push(Breaking, None, what);
        }
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
            (Breaking, "servers", &servers.0, &servers.1),
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
            if self.is_sent(place) && after.required {
                self.push(Breaking, Some(place), "added, required");
            } else {
                self.push(Compatible, Some(place), "added");
            }
        }
    }

    fn field(&mut self, place: &Place, before: &Field, after: &Field) {
        use Severity::{Breaking, Compatible};
        let (to_sender, to_receiver) = if self.is_sent(place) {
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
                let severity = if self.is_sent(place) && is_narrower(place, key, old, new) {
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
        // The field's type changes between a string and an enum.
        if before.values.is_empty() && !after.values.is_empty() {
            let values = missing(after, before);
            self.push(Breaking, Some(place), format!("limited to {values}"));
            return;
        }
        if after.values.is_empty() && !before.values.is_empty() {
            self.push(Breaking, Some(place), "not limited to an enum any more");
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
    let (old, new) = match (key, old, new) {
        // A request that omits a parameter takes its default. Defaults in bodies
        // do not count: bodies are taken to be complete.
        ("default", ..) => return matches!(place.side, Side::Parameter { .. }),
        // These refuse no value.
        ("deprecated" | "allowEmptyValue" | "writeOnly", ..) => return false,
        (_, _, None) => return matches!(key, "style" | "explode" | "allowReserved"),
        (_, None, Some(_)) => return true,
        (_, Some(old), Some(new)) => (old.as_f64(), new.as_f64()),
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
    fn changes_of_the_clients_types_alone_are_told_and_others_once() {
        let body = |schema: Value| {
            let properties = json!({"list": {"type": "array", "items": {}}, "x": schema});
            document(
                json!({}),
                json!({"type": "object", "properties": properties}),
            )
        };
        let (old, mut new) = (
            body(json!({"type": "number"})),
            body(json!({"type": "integer"})),
        );
        new["paths"]["/a"]["post"]["parameters"][0]["schema"] = json!({"type": "string"});
        // The document is the same: the lowering has changed.
        let mut changes = compare(&old, &old);
        compare_types(&old, &new, &mut changes);
        let told = |changes: &[Change]| -> Vec<String> {
            let line =
                |c: &Change| format!("{:?} {}: {}", c.severity, c.place.as_ref().unwrap(), c.what);
            changes.iter().map(line).collect()
        };
        assert_eq!(
            told(&changes),
            [
                "Breaking query q: type array became string in the client",
                "Breaking query q[]: removed in the client",
                "Breaking 200 x: type number became integer in the client",
            ]
        );
        // The document explains it, whatever the media type in the client.
        let mut changes = compare(&old, &new);
        let before = changes.clone();
        compare_types(&old, &new, &mut changes);
        assert_eq!(changes, before);
        let nullable = body(json!({"type": "number", "nullable": true}));
        let mut changes = Vec::new();
        compare_types(&old, &nullable, &mut changes);
        assert_eq!(
            told(&changes),
            ["Breaking 200 x: type number became null number in the client"]
        );
    }

    #[test]
    fn places_read_like_paths() {
        let schema = json!({"type": "object", "properties": {
            "list": {"type": "array", "items": {"properties": {"id": {}}}},
            "map": {"additionalProperties": {"type": "string"}},
        }});
        let interface = interface::interface(&document(
            schema.clone(),
            json!({"type": "array", "items": schema}),
        ));
        let places: Vec<String> = interface.operations["op"]
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
