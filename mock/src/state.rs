//! What was created, updated and deleted, for the resources whose paths are a
//! family: a list that is also created into (`/clients/{location_id}`) and an
//! item with one more argument (`/client/{location_id}/{id}`).

use std::collections::{BTreeMap, BTreeSet};

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

/// What of an operation says where it belongs.
struct Candidate<'d> {
    operation: &'d Operation,
    /// Its path as a list's.
    family: String,
    /// The name of its path's last argument.
    last: &'d str,
    /// Whether its answer is about a list.
    is_list: bool,
    /// Whether its answer holds an item: as an object, or a list of one.
    shows: bool,
}

impl<'d> Candidate<'d> {
    fn new(document: &Document, operation: &'d Operation) -> Self {
        let place = place(document, operation).unwrap_or_default();
        let is_list = is_type(&place, "array");
        Self {
            operation,
            family: family(&operation.path),
            last: names(&operation.path).last().copied().unwrap_or_default(),
            is_list,
            shows: is_list || is_type(&place, "object"),
        }
    }

    fn creates(&self) -> bool {
        self.operation.method == "POST" && self.shows
    }

    /// The family that an item's path belongs to: its own without the last argument.
    fn owner(&self) -> Option<&str> {
        self.family.strip_suffix("/{}")
    }
}

/// The members of all families, by operation id.
pub fn members(document: &Document) -> BTreeMap<String, Member> {
    let candidates: Vec<Candidate<'_>> = document
        .operations
        .iter()
        .map(|operation| Candidate::new(document, operation))
        .collect();
    let creates = candidates.iter().filter(|candidate| candidate.creates());
    let families: BTreeSet<&str> = creates.map(|create| create.family.as_str()).collect();
    let mut members = BTreeMap::new();
    for family in families {
        let of_item = |candidate: &&Candidate<'_>| candidate.owner() == Some(family);
        // The item's argument has one name; another one's is a filter of the list.
        let changes = |candidate: &&Candidate<'_>| candidate.operation.method != "GET";
        let mut items = candidates.iter().filter(of_item).filter(changes);
        let Some(argument) = items.next().map(|candidate| candidate.last) else {
            continue;
        };
        let deed = |candidate: &Candidate<'_>| {
            let Candidate {
                is_list,
                shows,
                last,
                ..
            } = *candidate;
            let in_list = candidate.family == family;
            let in_item = of_item(&candidate) && last == argument;
            let is_search = is_list && is_way(&candidate.operation.path, "search");
            Some(match candidate.operation.method.as_str() {
                "POST" if in_list && is_search => Deed::List(None),
                "POST" if in_list && shows => Deed::Create,
                "GET" if in_list && is_list => Deed::List(None),
                "GET" if in_item && shows => Deed::Get,
                "GET" if of_item(&candidate) && is_list => Deed::List(Some(last.to_owned())),
                "POST" | "PUT" | "PATCH" if in_item => Deed::Update,
                "DELETE" if in_item => Deed::Delete,
                _ => return None,
            })
        };
        let found = candidates
            .iter()
            .filter_map(|candidate| Some((candidate.operation, deed(candidate)?)));
        let found: Vec<(&Operation, Deed)> = found.collect();
        // Without something that adds and something that shows, nothing is kept.
        let adds = found.iter().any(|(_, deed)| *deed == Deed::Create);
        let shows = |deed: &Deed| matches!(deed, Deed::Get | Deed::List(_));
        if adds && found.iter().any(|(_, deed)| shows(deed)) {
            members.extend(found.into_iter().map(|(operation, deed)| {
                let family = family.to_owned();
                (operation.id.clone(), Member { family, deed })
            }));
        }
    }
    members
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
