//! What was created, updated and deleted, for the resources whose paths are a
//! family: a list that is also created into (`/clients/{location_id}`) and an
//! item with one more argument (`/client/{location_id}/{id}`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::document::{Document, Operation};

/// What an operation does to its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Adds an item.
    Create,
    /// Answers all items.
    List,
    /// Answers one.
    Get,
    /// Changes one.
    Update,
    /// Takes one away.
    Delete,
}

/// An operation's place in a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The list's path, in the singular and without names: `/client/{}`.
    pub family: String,
    /// What it does.
    pub deed: Deed,
}

/// The members of all families, by operation id.
pub fn members(document: &Document) -> BTreeMap<String, Member> {
    let operations = || document.operations.iter();
    // What is created into and what is read or deleted one by one.
    let created: BTreeSet<String> = operations()
        .filter(|operation| operation.method == "POST")
        .map(|operation| family(&operation.path))
        .collect();
    let single: BTreeSet<String> = operations()
        .filter(|operation| operation.method != "POST")
        .filter_map(|operation| owner(&operation.path))
        .collect();
    let mut members = BTreeMap::new();
    for operation in operations() {
        let of_item = owner(&operation.path).filter(|owner| created.contains(owner));
        let of_list = Some(family(&operation.path)).filter(|family| single.contains(family));
        let member = match (operation.method.as_str(), of_list, of_item) {
            ("POST", Some(family), _) if holds_object(document, operation) => {
                Some((family, Deed::Create))
            }
            ("GET", Some(family), _) if holds_list(document, operation) => {
                Some((family, Deed::List))
            }
            ("GET", _, Some(family)) if holds_object(document, operation) => {
                Some((family, Deed::Get))
            }
            ("PUT" | "PATCH", _, Some(family)) => Some((family, Deed::Update)),
            ("DELETE", _, Some(family)) => Some((family, Deed::Delete)),
            _ => None,
        };
        if let Some((family, deed)) = member {
            members.insert(operation.id.clone(), Member { family, deed });
        }
    }
    // Without something that adds and something that shows, nothing is kept.
    let has = |family: &str, deeds: &[Deed]| {
        members
            .values()
            .any(|member| member.family == family && deeds.contains(&member.deed))
    };
    let kept: BTreeSet<String> = members
        .values()
        .map(|member| member.family.clone())
        .filter(|family| has(family, &[Deed::Create]) && has(family, &[Deed::Get, Deed::List]))
        .collect();
    members.retain(|_, member| kept.contains(&member.family));
    members
}

/// `/clients/{location_id}` → `/client/{}`
fn family(path: &str) -> String {
    let words = path.split('/').map(|word| {
        if word.starts_with('{') {
            "{}".to_owned()
        } else if let Some(stem) = word.strip_suffix("ies") {
            format!("{stem}y")
        } else {
            word.strip_suffix('s').unwrap_or(word).to_owned()
        }
    });
    words.collect::<Vec<_>>().join("/")
}

/// The family that an item's path belongs to: its own without the last argument.
fn owner(path: &str) -> Option<String> {
    family(path).strip_suffix("/{}").map(str::to_owned)
}

fn data(document: &Document, operation: &Operation) -> Option<Value> {
    let response = operation.responses.get(&operation.success())?;
    let schema = document.at(response.pointer.as_deref()?);
    let schema = crate::values::merged(document, schema);
    let data = schema.get("properties")?.get("data")?;
    Some(Value::Object(crate::values::merged(document, data)))
}

fn is_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == name,
        Value::Array(kinds) => kinds.iter().any(|kind| kind == name),
        _ => false,
    }
}

fn holds_object(document: &Document, operation: &Operation) -> bool {
    data(document, operation).is_some_and(|data| is_type(&data, "object"))
}

fn holds_list(document: &Document, operation: &Operation) -> bool {
    data(document, operation).is_some_and(|data| is_type(&data, "array"))
}

/// The items that were created, by family and arguments of the list's path.
#[derive(Debug, Default)]
pub struct Store {
    items: BTreeMap<(String, Vec<String>), BTreeMap<i64, Value>>,
    last_id: i64,
}

impl Store {
    /// What a request does, and the `data` of its answer; `made` is the one
    /// that the document would give, `sent` the request's body.
    ///
    /// # Errors
    ///
    /// There is no item of this id.
    pub fn apply(
        &mut self,
        member: &Member,
        arguments: &[String],
        sent: &Value,
        made: Value,
    ) -> Result<Value, NotFound> {
        let on_item = matches!(member.deed, Deed::Get | Deed::Update | Deed::Delete);
        let (list, id) = match arguments.split_last() {
            Some((id, list)) if on_item => (list, id.parse().unwrap_or_default()),
            _ => (arguments, 0),
        };
        let place = (member.family.clone(), list.to_vec());
        let items = self.items.entry(place).or_default();
        match member.deed {
            Deed::Create => {
                self.last_id += 1;
                let mut item = with(made, sent);
                number(&mut item, sent, self.last_id);
                items.insert(self.last_id, item.clone());
                Ok(item)
            }
            Deed::List => Ok(items.values().cloned().collect()),
            Deed::Get => items.get(&id).cloned().ok_or(NotFound),
            Deed::Update => {
                let item = items.get_mut(&id).ok_or(NotFound)?;
                *item = with(item.take(), sent);
                Ok(if made.is_object() { item.clone() } else { made })
            }
            Deed::Delete => items.remove(&id).map(|_| made).ok_or(NotFound),
        }
    }
}

/// Gives an item its id; also where what was sent stands one object further down.
fn number(item: &mut Value, sent: &Value, id: i64) {
    let names = sent.as_object();
    if let Some(fields) = item.as_object_mut() {
        for inner in fields.values_mut().filter_map(Value::as_object_mut) {
            let holds = |name: &&String| inner.contains_key(*name);
            let held = names.map_or(0, |names| names.keys().filter(holds).count());
            if inner.contains_key("id") && held > names.map_or(0, Map::len) / 2 {
                inner.insert("id".into(), id.into());
            }
        }
        fields.insert("id".into(), id.into());
    }
}

/// There is no such item.
#[derive(Debug, PartialEq, Eq)]
pub struct NotFound;

/// The item with those fields of the body that it has too, of the same kind;
/// some answers hold what was sent one object further down.
fn with(mut item: Value, sent: &Value) -> Value {
    let (Some(fields), Some(sent)) = (item.as_object_mut(), sent.as_object()) else {
        return item;
    };
    for (name, value) in sent {
        let inner = |fields: &Map<String, Value>| {
            let mut objects = fields.iter();
            let holder = objects.find(|(_, inner)| inner.get(name).is_some())?;
            Some(holder.0.clone())
        };
        let field = match fields.contains_key(name) {
            true => fields.get_mut(name),
            false => inner(fields).and_then(|holder| fields.get_mut(&holder)?.get_mut(name)),
        };
        if let Some(field) = field
            && (field.is_null() || std::mem::discriminant(field) == std::mem::discriminant(value))
        {
            *field = value.clone();
        }
    }
    item
}
