//! Applies `overlay.yaml`, the corrections to the vendor's document, as defined
//! by the OpenAPI Overlay Specification 1.0.0. Actions without a reason or
//! without an effect are errors.
//!
//! There are two extensions, so that no action names a path or a component of
//! the vendor's: targets follow references (see [`target`]), and `{x-ref: TARGET}`
//! in an update becomes a `$ref` to the place that the target selects.

use serde::Deserialize;
use serde_json::Value;

use altegio_openapi::pointer::{self, Pointer};
use altegio_openapi::yaml::{Complaint, Document};

use super::target;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlay {
    overlay: String,
    #[serde(rename = "info")]
    _info: Value,
    actions: Vec<Action>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    target: String,
    #[serde(rename = "description")]
    reason: Option<String>,
    update: Option<Value>,
    #[serde(default)]
    remove: bool,
}

/// Applies the overlay's actions to `target`, in order.
///
/// # Errors
///
/// Returns a complaint for every action that is malformed, matches nothing or
/// changes nothing.
pub fn apply(overlay: &Document, target: &Value) -> Result<Value, Vec<Complaint>> {
    let actions_at = Pointer::root().join("actions");
    let parsed: Overlay = Overlay::deserialize(&overlay.value)
        .map_err(|error| vec![overlay.complaint(&Pointer::root(), error.to_string())])?;
    if !parsed.overlay.starts_with("1.0.") {
        let what = format!("Overlay 1.0.x expected, {} found", parsed.overlay);
        return Err(vec![
            overlay.complaint(&Pointer::root().join("overlay"), what),
        ]);
    }
    let mut result = target.clone();
    let mut complaints = Vec::new();
    for (index, action) in parsed.actions.iter().enumerate() {
        if let Err(what) = act(action, &mut result) {
            complaints.push(overlay.complaint(
                &actions_at.join(index),
                format!("action on `{}`: {what}", action.target),
            ));
        }
    }
    if complaints.is_empty() {
        Ok(result)
    } else {
        Err(complaints)
    }
}

fn act(action: &Action, document: &mut Value) -> Result<(), String> {
    if action.reason.as_deref().is_none_or(|r| r.trim().is_empty()) {
        return Err("no description: every correction states its reason".to_owned());
    }
    let places = target::locations(&action.target, document)?;
    let mut places: Vec<String> = places.iter().map(|at| at.as_str().to_owned()).collect();
    if action.remove {
        // In reverse order, so that the indexes of the same array stay valid.
        places.sort_by_cached_key(|place| std::cmp::Reverse(sort_key(place)));
        for place in places {
            remove(document, &place)?;
        }
        return Ok(());
    }
    let mut update = action
        .update
        .clone()
        .ok_or("neither `update` nor `remove`")?;
    point_references(&mut update, document)?;
    let mut changed = false;
    for place in places {
        let node = document
            .pointer_mut(&place)
            .ok_or("a target that disappeared during the update")?;
        let before = node.clone();
        match node {
            Value::Array(items) => items.push(update.clone()),
            Value::Object(_) => merge(node, &update),
            _ => return Err(format!("{place} is neither an object nor an array")),
        }
        changed |= *node != before;
    }
    if changed {
        Ok(())
    } else {
        Err("changes nothing; the document no longer needs the correction".to_owned())
    }
}

/// Replaces each `{x-ref: TARGET}` by a `$ref` to the place that the target selects.
fn point_references(update: &mut Value, document: &Value) -> Result<(), String> {
    if let Some(target) = update.get("x-ref") {
        let target = target.as_str().ok_or("x-ref: expected a target")?;
        let found = target::locations(target, document)
            .map_err(|error| format!("x-ref `{target}`: {error}"))?;
        let [place] = found.as_slice() else {
            return Err(format!("x-ref `{target}`: matches {} places", found.len()));
        };
        // A reference to a reference says less than a reference to its end.
        let (place, _) = pointer::locate(document, place)
            .ok_or_else(|| format!("x-ref `{target}`: a reference that leads nowhere"))?;
        *update = serde_json::json!({"$ref": format!("#{}", place.as_str())});
        return Ok(());
    }
    match update {
        Value::Object(fields) => fields
            .values_mut()
            .try_for_each(|value| point_references(value, document)),
        Value::Array(items) => items
            .iter_mut()
            .try_for_each(|value| point_references(value, document)),
        _ => Ok(()),
    }
}

/// The sort key of a pointer: array indexes sort as numbers, so that 10 comes
/// after 9.
fn sort_key(pointer: &str) -> Vec<(Option<usize>, String)> {
    pointer
        .split('/')
        .map(|part| (part.parse().ok(), part.to_owned()))
        .collect()
}

fn remove(document: &mut Value, place: &str) -> Result<(), String> {
    let (parent, key) = place
        .rsplit_once('/')
        .ok_or("the whole document cannot be removed")?;
    let key = key.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent) {
        Some(Value::Object(object)) => {
            object.shift_remove(&key);
        }
        Some(Value::Array(items)) => {
            let index: usize = key.parse().map_err(|_| "not an index".to_owned())?;
            if index < items.len() {
                items.remove(index);
            }
        }
        // The same action has removed the parent.
        _ => {}
    }
    Ok(())
}

/// Merges as the Overlay Specification defines: objects are merged key by key,
/// arrays are concatenated, and other values are replaced.
fn merge(into: &mut Value, update: &Value) {
    match (into, update) {
        (Value::Object(into), Value::Object(update)) => {
            for (key, value) in update {
                match into.get_mut(key) {
                    Some(existing) => merge(existing, value),
                    None => {
                        into.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(update)) => into.extend(update.iter().cloned()),
        (into, update) => *into = update.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn overlay(actions: &str) -> Document {
        let text = format!("overlay: 1.0.0\ninfo: {{title: t, version: '1'}}\nactions:\n{actions}");
        Document::parse("overlay.yaml", &text).unwrap()
    }

    #[test]
    fn update_merges_and_remove_removes() {
        let document =
            json!({"a": {"b": {"c": 1, "list": [1]}}, "l": [{"n": "x"}, {"n": "y"}, {"n": "x"}]});
        let overlay = overlay(
            "  - target: $.a.b\n    description: why\n    update: {c: 2, d: 3, list: [2]}\n  - target: $.l[?@.n=='x']\n    description: why\n    remove: true\n",
        );
        assert_eq!(
            apply(&overlay, &document).unwrap(),
            json!({"a": {"b": {"c": 2, "list": [1, 2], "d": 3}}, "l": [{"n": "y"}]})
        );
    }

    #[test]
    fn x_ref_becomes_a_reference_to_the_place() {
        let document = json!({
            "a": {"schema": {"$ref": "#/c/thing"}},
            "b": {},
            "c": {"thing": {"item": {}}},
        });
        let by = |target: &str| {
            let action = format!(
                "  - target: $.b\n    description: why\n    update: {{schema: [{{x-ref: {target}}}]}}\n"
            );
            apply(&overlay(&action), &document)
        };
        for (target, place) in [
            ("$.a.schema", "#/c/thing"),
            ("$.a.schema.item", "#/c/thing/item"),
        ] {
            assert_eq!(
                by(target).unwrap()["b"]["schema"][0],
                json!({"$ref": place})
            );
        }
        for wrong in ["$.a.gone", "$.*", "5"] {
            let complaints = by(wrong).unwrap_err();
            assert!(complaints[0].to_string().contains("x-ref"), "{wrong}");
        }
    }

    #[test]
    fn actions_that_match_or_change_nothing_are_named_all_at_once() {
        let overlay = overlay(
            "  - target: $.gone\n    description: why\n    remove: true\n  - target: $.a\n    description: why\n    update: {b: 1}\n  - target: $.a\n    update: {b: 2}\n",
        );
        let complaints = apply(&overlay, &json!({"a": {"b": 1}})).unwrap_err();
        let texts: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(
            texts[0].starts_with(
                "overlay.yaml, line 4, /actions/0: action on `$.gone`: matches nothing"
            )
        );
        assert!(texts[1].contains("action on `$.a`: changes nothing"));
        assert!(texts[2].contains("states its reason"));
    }
}
