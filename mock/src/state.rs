//! The items that were created, changed and deleted through the mock.

pub(crate) mod families;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use families::{Action, Member};

/// The items of every family, each list by the arguments of its path.
///
/// Its lock is held only while items are found or changed: what is found is
/// shared, and shown by who asked for it.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<Items>);

#[derive(Debug, Default)]
struct Items {
    lists: BTreeMap<(String, Vec<String>), BTreeMap<i64, Arc<Item>>>,
    last_id: i64,
}

/// An item as it is kept.
#[derive(Clone, Debug)]
struct Item {
    /// The item in the response to its creation.
    made: Value,
    /// The fields that were sent since, the latest of each.
    sent: Map<String, Value>,
}

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// From 1.
    pub number: usize,
    /// How many items it holds.
    pub size: usize,
}

/// A request to the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'r> {
    /// What is asked for.
    pub member: &'r Member,
    /// The path's arguments.
    pub arguments: &'r [String],
    /// The request's body.
    pub sent: &'r Value,
    /// The page of a list.
    pub page: Page,
}

/// There is no item of this id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotFound;

impl Store {
    /// Does what a request asks for, and puts what is kept into `body`, which
    /// is the response that the document alone would give. Returns how many
    /// items the list has, if it is a list.
    ///
    /// # Errors
    ///
    /// There is no item of this id.
    pub fn apply(&self, request: Request<'_>, body: &mut Value) -> Result<Option<usize>, NotFound> {
        let Request {
            member, arguments, ..
        } = request;
        let names_item = !matches!(member.action, Action::Create | Action::List { by: None });
        let (list, last) = match arguments.split_last() {
            Some((last, list)) if names_item => (list, last.as_str()),
            _ => (arguments, ""),
        };
        let key = (member.family.clone(), list.to_vec());
        let id = last.parse().unwrap_or_default();
        let sent = || request.sent.as_object().cloned().unwrap_or_default();
        let id_field = member.id_field.as_deref();
        let mut nothing = Value::Null;
        let subject = subject(body).unwrap_or(&mut nothing);
        match &member.action {
            Action::Create => {
                let sent = sent();
                let made = match &*subject {
                    Value::Array(list) => list.first().cloned().unwrap_or_default(),
                    one => one.clone(),
                };
                let (id, item) = self.lock().create(key, Item { made, sent });
                show(subject, id, &item, id_field);
            }
            Action::List { by } => {
                let Value::Array(made) = subject.take() else {
                    return Ok(None);
                };
                let by = by.as_deref().map(|field| (field, last));
                let (found, total) = self.lock().list(&key, by, request.page);
                // The same made values for the same item, on whichever page it is.
                let shown = found.iter().filter_map(|(id, item)| {
                    let index = usize::try_from(*id).ok()?.checked_rem(made.len())?;
                    let mut one = made[index].clone();
                    show(&mut one, *id, item, id_field);
                    Some(one)
                });
                *subject = shown.collect();
                return Ok(Some(total));
            }
            Action::Get => {
                let item = self.lock().get(&key, id).ok_or(NotFound)?;
                show(subject, id, &item, id_field);
            }
            Action::Update => {
                let item = self.lock().update(&key, id, sent()).ok_or(NotFound)?;
                show(subject, id, &item, id_field);
            }
            Action::Delete => {
                let removed = self.lock().delete(&key, id);
                removed.ok_or(NotFound)?;
            }
        }
        Ok(None)
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Key = (String, Vec<String>);

impl Items {
    fn create(&mut self, key: Key, mut item: Item) -> (i64, Arc<Item>) {
        self.last_id += 1;
        number_within(&mut item, self.last_id);
        let item = Arc::new(item);
        let list = self.lists.entry(key).or_default();
        list.insert(self.last_id, item.clone());
        (self.last_id, item)
    }

    /// The items of a page, and how many the list has.
    fn list(
        &self,
        key: &Key,
        by: Option<(&str, &str)>,
        page: Page,
    ) -> (Vec<(i64, Arc<Item>)>, usize) {
        let Some(items) = self.lists.get(key) else {
            return (Vec::new(), 0);
        };
        let is_meant = |item: &Item| by.is_none_or(|(field, text)| item.has(field, text));
        let total = match by {
            None => items.len(),
            Some(_) => items.values().filter(|item| is_meant(item)).count(),
        };
        let first = page.number.saturating_sub(1).saturating_mul(page.size);
        let meant = items.iter().filter(|(_, item)| is_meant(item));
        let shown = meant.skip(first).take(page.size);
        (shown.map(|(id, item)| (*id, item.clone())).collect(), total)
    }

    fn get(&self, key: &Key, id: i64) -> Option<Arc<Item>> {
        self.lists.get(key)?.get(&id).cloned()
    }

    fn update(&mut self, key: &Key, id: i64, sent: Map<String, Value>) -> Option<Arc<Item>> {
        let item = self.lists.get_mut(key)?.get_mut(&id)?;
        Arc::make_mut(item).sent.extend(sent);
        Some(item.clone())
    }

    fn delete(&mut self, key: &Key, id: i64) -> Option<Arc<Item>> {
        self.lists.get_mut(key)?.remove(&id)
    }
}

impl Item {
    /// Whether a field has a value that a path writes as this text.
    fn has(&self, field: &str, text: &str) -> bool {
        match self.sent.get(field).or(self.made.get(field)) {
            Some(Value::String(value)) => value == text,
            // The document does not say which number a word in a path stands for.
            Some(Value::Number(number)) => match text.parse::<f64>() {
                Ok(value) => number.as_f64() == Some(value),
                Err(_) => true,
            },
            _ => true,
        }
    }
}

/// What a response is about: its `data`, or all of it without an envelope.
fn subject(body: &mut Value) -> Option<&mut Value> {
    if body.get("data").is_some() {
        return body.get_mut("data");
    }
    body.get("success").is_none().then_some(body)
}

/// Puts an item into the place of a made one, or of a list of made ones.
fn show(place: &mut Value, id: i64, item: &Item, id_field: Option<&str>) {
    if let Value::Array(list) = place {
        list.truncate(1);
        for one in list {
            show(one, id, item, id_field);
        }
        return;
    }
    lay_over(place, &item.made);
    lay_fields_over(place, &item.sent);
    let names = ["id"].into_iter().chain(id_field);
    for name in names {
        if let Some(field) = place.get_mut(name) {
            lay_over(field, &id.into());
            break;
        }
    }
}

/// Gives the id to an object within the item that holds what was sent.
fn number_within(item: &mut Item, id: i64) {
    let Item { made, sent } = item;
    let inner = made.as_object_mut().into_iter().flat_map(Map::values_mut);
    for inner in inner.filter_map(Value::as_object_mut) {
        let held = sent.keys().filter(|name| inner.contains_key(*name)).count();
        if inner.contains_key("id") && held > sent.len() / 2 {
            inner.insert("id".into(), id.into());
        }
    }
}

/// Lays a kept value over a made one, as far as the made one has a place for it
/// and in the made one's type: an id is a number in one response and a text in
/// another.
fn lay_over(made: &mut Value, kept: &Value) {
    match (&mut *made, kept) {
        (Value::Object(_), Value::Object(kept)) => lay_fields_over(made, kept),
        (Value::Array(list), Value::Array(kept)) if !list.is_empty() => {
            let shown = kept.iter().zip(list.iter().cycle()).map(|(kept, made)| {
                let mut made = made.clone();
                lay_over(&mut made, kept);
                made
            });
            *list = shown.collect();
        }
        (Value::String(made), Value::Number(kept)) => *made = kept.to_string(),
        (Value::Number(_), Value::String(kept)) => {
            if let Ok(number @ Value::Number(_)) = serde_json::from_str(kept) {
                *made = number;
            }
        }
        (Value::Number(_), Value::Bool(kept)) => *made = i64::from(*kept).into(),
        (Value::Bool(made), Value::Number(kept)) => *made = kept.as_f64() != Some(0.0),
        // An id, or a code, stands for the object that it names.
        (Value::Object(fields), Value::Number(_) | Value::String(_)) => {
            let name = if kept.is_number() { "id" } else { "code" };
            if let Some(field) = fields.get_mut(name) {
                lay_over(field, kept);
            }
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => *made = kept.clone(),
        _ => {}
    }
}

fn lay_fields_over(made: &mut Value, kept: &Map<String, Value>) {
    let Value::Object(fields) = made else { return };
    for (name, value) in kept {
        if let Some(field) = fields.get_mut(name) {
            lay_over(field, value);
            continue;
        }
        // Some responses hold what was sent one object further down.
        let mut inner = fields.values_mut();
        if let Some(field) = inner.find_map(|inner| inner.as_object_mut()?.get_mut(name)) {
            lay_over(field, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn member(action: Action) -> Member {
        Member {
            family: "Things/thing".to_owned(),
            action,
            id_field: None,
        }
    }

    #[test]
    fn only_the_items_of_the_page_are_shown() {
        let store = Store::default();
        let arguments = ["1".to_owned()];
        let request = |member, sent, number, size| Request {
            member,
            arguments: &arguments,
            sent,
            page: Page { number, size },
        };
        let create = member(Action::Create);
        let sent = json!({"title": "Thing"});
        for _ in 0..100 {
            let mut body = json!({"data": {"id": 0, "title": ""}});
            store
                .apply(request(&create, &sent, 1, 1), &mut body)
                .unwrap();
        }
        let list = member(Action::List { by: None });
        let mut body = json!({"data": [{"id": 0, "title": ""}]});
        let total = store.apply(request(&list, &Value::Null, 34, 3), &mut body);
        assert_eq!(total, Ok(Some(100)));
        assert_eq!(body, json!({"data": [{"id": 100, "title": "Thing"}]}));
    }
}
