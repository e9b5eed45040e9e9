//! What was created, updated and deleted, for the resources whose paths are a
//! family: a list that is also created into (`/clients/{location_id}`) and an
//! item with one more argument (`/client/{location_id}/{id}`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::check::names;
use crate::document::{Document, Operation};
use crate::values::merged;

/// Words of a path that say how, not what: `/company/{location_id}/clients/search`
/// lists clients.
const WAYS: [&str; 2] = ["search", "quick"];

/// What an operation does to its family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Adds an item.
    Create,
    /// Answers all items, or those whose field of this name is the path's last
    /// argument.
    List(Option<String>),
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
    let creates = |operation: &&Operation| operation.method == "POST" && shows(document, operation);
    let mut members = BTreeMap::new();
    for create in operations().filter(creates) {
        let family = family(&create.path);
        let of_item = |operation: &&Operation| owner(&operation.path).as_ref() == Some(&family);
        // The item's argument has one name; another one's is a filter of the list.
        let changes = |operation: &&Operation| operation.method != "GET";
        let Some(argument) = operations()
            .filter(of_item)
            .filter(changes)
            .find_map(|operation| names(&operation.path).last().copied())
        else {
            continue;
        };
        for operation in operations() {
            let last = names(&operation.path).last().copied().unwrap_or_default();
            let in_list = self::family(&operation.path) == family;
            let in_item = of_item(&operation) && last == argument;
            let is_list = place(document, operation).is_some_and(|place| is_type(&place, "array"));
            let deed = match operation.method.as_str() {
                "POST" if in_list && is_list && is_way(&operation.path, "search") => {
                    Deed::List(None)
                }
                "POST" if in_list && shows(document, operation) => Deed::Create,
                "GET" if in_list && is_list => Deed::List(None),
                "GET" if in_item && shows(document, operation) => Deed::Get,
                "GET" if of_item(&operation) && is_list => Deed::List(Some(last.to_owned())),
                "POST" | "PUT" | "PATCH" if in_item => Deed::Update,
                "DELETE" if in_item => Deed::Delete,
                _ => continue,
            };
            let family = family.clone();
            members.insert(operation.id.clone(), Member { family, deed });
        }
    }
    // Without something that adds and something that shows, nothing is kept.
    let of = |family: &str, test: fn(&Deed) -> bool| {
        let mut members = members.values();
        members.any(|member: &Member| member.family == family && test(&member.deed))
    };
    let mut kept = members.clone();
    kept.retain(|_, Member { family, .. }| {
        of(family, |deed| *deed == Deed::Create)
            && of(family, |deed| matches!(deed, Deed::Get | Deed::List(_)))
    });
    kept
}

/// `/clients/{location_id}` → `/client/{}`, and so
/// `/company/{location_id}/clients/search`.
fn family(path: &str) -> String {
    let words = path.split('/').filter(|word| !WAYS.contains(word));
    let mut words: Vec<String> = words
        .map(|word| {
            if word.starts_with('{') {
                "{}".to_owned()
            } else if let Some(stem) = word.strip_suffix("ies") {
                format!("{stem}y")
            } else {
                word.strip_suffix('s').unwrap_or(word).to_owned()
            }
        })
        .collect();
    // Both forms name the location first.
    if let ["", "company", "{}", _, ..] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        words.remove(1);
        words.swap(1, 2);
    }
    words.join("/")
}

fn is_way(path: &str, way: &str) -> bool {
    path.split('/').any(|word| word == way)
}

/// The family that an item's path belongs to: its own without the last argument.
fn owner(path: &str) -> Option<String> {
    family(path).strip_suffix("/{}").map(str::to_owned)
}

/// The schema of what an operation's answer is about: its `data`, or all of it
/// where it comes without an envelope.
fn place(document: &Document, operation: &Operation) -> Option<Value> {
    let response = operation.responses.get(&operation.success())?;
    let schema = merged(document, document.at(response.pointer.as_deref()?));
    let properties = &schema.get("properties");
    match properties.and_then(|fields| fields.get("data")) {
        Some(data) => Some(Value::Object(merged(document, data))),
        None if properties.is_some_and(|fields| fields.get("success").is_some()) => None,
        None => Some(Value::Object(schema)),
    }
}

fn is_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == name,
        Value::Array(kinds) => kinds.iter().any(|kind| kind == name),
        _ => false,
    }
}

/// Whether an operation's answer holds an item: as an object, or a list of one.
fn shows(document: &Document, operation: &Operation) -> bool {
    place(document, operation)
        .is_some_and(|place| is_type(&place, "object") || is_type(&place, "array"))
}

/// The items that were created, by family and arguments of the list's path.
#[derive(Debug, Default)]
pub struct Store {
    items: BTreeMap<(String, Vec<String>), BTreeMap<i64, Item>>,
    last_id: i64,
}

/// One that was created.
#[derive(Debug)]
struct Item {
    /// As the answer to its creation showed it.
    made: Value,
    /// What was sent of it since.
    sent: Map<String, Value>,
}

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// From 1.
    pub number: usize,
    /// How many items it holds.
    pub size: usize,
}

impl Store {
    /// What a request does. `body` is the answer that the document would give,
    /// and then the one to give; `sent` is the request's body. Answers how many
    /// items the list has.
    ///
    /// # Errors
    ///
    /// There is no item of this id.
    pub fn apply(
        &mut self,
        member: &Member,
        arguments: &[String],
        sent: &Value,
        page: Page,
        body: &mut Value,
    ) -> Result<Option<usize>, NotFound> {
        let has_last = !matches!(member.deed, Deed::Create | Deed::List(None));
        let (list, last) = match arguments.split_last() {
            Some((last, list)) if has_last => (list, last.as_str()),
            _ => (arguments, ""),
        };
        let id = last.parse().unwrap_or_default();
        let items = self
            .items
            .entry((member.family.clone(), list.to_vec()))
            .or_default();
        let name = id_name(&member.family);
        let sent = sent.as_object().cloned().unwrap_or_default();
        // What the answer is about, if it is about anything.
        let mut no_place = Value::Null;
        let place = match body.get("data").is_some() {
            true => &mut body["data"],
            false if body.get("success").is_some() => &mut no_place,
            false => body,
        };
        match &member.deed {
            Deed::Create => {
                self.last_id += 1;
                let id = self.last_id;
                let mut made = match &*place {
                    Value::Array(list) => list.first().cloned().unwrap_or_default(),
                    one => one.clone(),
                };
                number_within(&mut made, &sent, id);
                let item = Item { made, sent };
                show(place, id, &item, &name);
                items.insert(id, item);
            }
            Deed::List(field) => {
                let is_meant = |item: &Item| {
                    let Some(field) = field else { return true };
                    match item.sent.get(field).or(item.made.get(field)) {
                        Some(Value::String(text)) => text == last,
                        // A number here, a word in the path: the document does
                        // not say which is which.
                        Some(Value::Number(number)) => last
                            .parse::<f64>()
                            .map_or(true, |n| number.as_f64() == Some(n)),
                        _ => true,
                    }
                };
                let Value::Array(made) = place.take() else {
                    return Ok(None);
                };
                let all: Vec<_> = items.iter().filter(|(_, item)| is_meant(item)).collect();
                let first = page.number.saturating_sub(1).saturating_mul(page.size);
                let shown = all.iter().skip(first).take(page.size);
                // The same values for the same item, wherever it stands.
                let shown = shown.filter_map(|(id, item)| {
                    let index = usize::try_from(**id).ok()?.checked_rem(made.len())?;
                    let mut one = made[index].clone();
                    show(&mut one, **id, item, &name);
                    Some(one)
                });
                *place = shown.collect();
                return Ok(Some(all.len()));
            }
            Deed::Get => show(place, id, items.get(&id).ok_or(NotFound)?, &name),
            Deed::Update => {
                let item = items.get_mut(&id).ok_or(NotFound)?;
                item.sent.extend(sent);
                show(place, id, item, &name);
            }
            Deed::Delete => {
                items.remove(&id).ok_or(NotFound)?;
            }
        }
        Ok(None)
    }
}

/// `/good/{}` → `good_id`, for items that have no `id`.
fn id_name(family: &str) -> String {
    let word = family.rsplit('/').find(|word| *word != "{}");
    format!("{}_id", word.unwrap_or_default())
}

/// Puts an item into the place of a made one, or of a list of some.
fn show(place: &mut Value, id: i64, item: &Item, id_name: &str) {
    if let Value::Array(list) = place {
        list.truncate(1);
        list.iter_mut().for_each(|one| show(one, id, item, id_name));
        return;
    }
    lay_over(place, &item.made);
    for (name, value) in &item.sent {
        let one = Map::from_iter([(name.clone(), value.clone())]);
        lay_over(place, &Value::Object(one));
    }
    for name in ["id", id_name] {
        if let Some(field) = place.get_mut(name) {
            lay_over(field, &id.into());
            break;
        }
    }
}

/// Gives the id to an object within the item that holds what was sent.
fn number_within(item: &mut Value, sent: &Map<String, Value>, id: i64) {
    let inner = item.as_object_mut().into_iter().flat_map(Map::values_mut);
    for inner in inner.filter_map(Value::as_object_mut) {
        let held = sent.keys().filter(|name| inner.contains_key(*name)).count();
        if inner.contains_key("id") && held > sent.len() / 2 {
            inner.insert("id".into(), id.into());
        }
    }
}

/// There is no such item.
#[derive(Debug, PartialEq, Eq)]
pub struct NotFound;

/// Lays what is kept over what was made, as far as the made has a place for it
/// and in the made's kind: an id may be a number in one answer and a text in
/// another.
fn lay_over(made: &mut Value, kept: &Value) {
    match (&mut *made, kept) {
        (Value::Object(fields), Value::Object(kept)) => {
            for (name, value) in kept {
                if let Some(field) = fields.get_mut(name) {
                    lay_over(field, value);
                    continue;
                }
                // Some answers hold what was sent one object further down.
                let mut inner = fields.values_mut();
                if let Some(field) = inner.find_map(|inner| inner.as_object_mut()?.get_mut(name)) {
                    lay_over(field, value);
                }
            }
        }
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
        // An id, or a code, stands for what it names.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Found from the paths: who adds a resource to the document finds it here.
    #[test]
    fn families_are_found() {
        let members = members(&Document::b2b_v1());
        let mut families: BTreeMap<&str, BTreeMap<&str, &Deed>> = BTreeMap::new();
        for (id, Member { family, deed }) in &members {
            families.entry(family).or_default().insert(id, deed);
        }
        let names: Vec<&str> = families.keys().copied().collect();
        assert_eq!(
            names,
            [
                "/activity/{}",
                "/activity/{}/duplication_strategy",
                "/booking_form/{}",
                "/chain/{}/loyalty/abonement_type",
                "/chain/{}/loyalty/certificate_type",
                "/chain/{}/loyalty/program",
                "/client/{}",
                "/client/{}/client/{}/comment",
                "/company",
                "/custom_field/{}/{}",
                "/finance_transaction/{}",
                "/good/{}",
                "/goods_category/{}",
                "/label/{}",
                "/record/{}",
                "/service/{}",
                "/service_category/{}",
                "/staff/{}",
                "/storage_operation/document/{}",
                "/storage_operation/goods_transaction/{}",
            ]
        );
        let by_entity = Deed::List(Some("entity".to_owned()));
        let tags = [
            ("create_tag", &Deed::Create),
            ("delete_tag_by_tag_id", &Deed::Delete),
            ("get_tag_list_by_entity", &by_entity),
            ("update_tag_by_tag_id", &Deed::Update),
        ];
        assert_eq!(families["/label/{}"], BTreeMap::from(tags));
    }
}
