//! Tests the comparison with `mutations.yaml`: single changes of a document, and
//! what the report says about each.

use altegio_openapi::yaml::Document;
use serde_json::Value;

use super::compare::{self, Severity};

#[test]
fn every_single_change_has_its_verdict() {
    let table = Document::parse("mutations.yaml", include_str!("mutations.yaml"));
    let table = table.unwrap().value;
    let before = &table["document"];
    assert_eq!(compare::compare(before, before), []);
    let mutations = table["mutations"].as_array().unwrap();
    assert!(mutations.len() >= 100, "{}", mutations.len());
    let mut wrong = String::new();
    for mutation in mutations {
        let mut after = before.clone();
        change(&mut after, mutation);
        assert!(after != *before, "{mutation} changes nothing");
        let found = lines(&compare::compare(before, &after));
        let expected: Vec<&str> = mutation["expect"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line.as_str().unwrap())
            .collect();
        if found != expected {
            wrong += &format!("{mutation}\n  found {found:#?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn lines(changes: &[compare::Change]) -> Vec<String> {
    let line = |change: &compare::Change| {
        let severity = match change.severity {
            Severity::Breaking => "B",
            Severity::Compatible => "C",
        };
        let place = change.place.as_ref();
        let place = place.map(|place| format!(" {place}")).unwrap_or_default();
        format!("{severity} {}{place}: {}", change.operation, change.what)
    };
    changes.iter().map(line).collect()
}

fn change(document: &mut Value, mutation: &Value) {
    let at = mutation["at"].as_str().unwrap();
    let (parent, key) = at.rsplit_once('/').unwrap();
    let key = altegio_openapi::pointer::unescape(key);
    let parent = document.pointer_mut(parent);
    let parent = parent.unwrap_or_else(|| panic!("{at} is not in the document"));
    let (set, rename) = (mutation.get("set"), mutation.get("rename"));
    match parent {
        Value::Array(items) => match (set, key.parse::<usize>()) {
            (Some(value), Ok(index)) => items[index] = value.clone(),
            (Some(value), Err(_)) => items.push(value.clone()),
            (None, Ok(index)) => _ = items.remove(index),
            (None, Err(_)) => panic!("{at} is no item"),
        },
        Value::Object(fields) => {
            if let Some(value) = set {
                fields.insert(key, value.clone());
                return;
            }
            let value = fields.shift_remove(&key);
            let value = value.unwrap_or_else(|| panic!("{at} is not in the document"));
            if let Some(name) = rename {
                fields.insert(name.as_str().unwrap().to_owned(), value);
            }
        }
        _ => panic!("{at} is in no object or array"),
    }
}
