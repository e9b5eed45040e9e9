//! Which operations are about the same resource, and what each does to it.
//!
//! An operation id names both: `create_client` and `get_client_list` create and
//! list clients. Operations of one tag and one noun are a family if one of them
//! creates items from the arguments of a list, and another changes an item that
//! is named by one argument more.

use std::borrow::Cow;
use std::collections::BTreeMap;

use altegio_openapi::api::{Method, Operation};
use altegio_openapi::names;
use serde_json::{Map, Value};

use crate::document::Document;
use crate::schema::{is_type, merged};

/// What an operation does to its family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Adds an item.
    Create,
    /// Responds with all items, or with those whose field of this name has the
    /// value of the path's last argument.
    List { by: Option<String> },
    /// Responds with one item.
    Get,
    /// Changes one item.
    Update,
    /// Removes one item.
    Delete,
}

/// An operation's place in a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Tag and noun: `Clients/client`.
    pub family: String,
    /// What the operation does.
    pub action: Action,
    /// The field that holds an item's id, if it is not `id`.
    pub id_field: Option<String>,
}

/// What an operation id says that the operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Create,
    Show,
    Update,
    Delete,
}

/// What an operation says of itself.
struct Candidate<'d> {
    operation: &'d Operation,
    verb: Verb,
    noun: String,
    /// The names of the path's arguments.
    arguments: Vec<&'d str>,
    shown: Shown,
    id_field: Option<String>,
}

/// What an operation's response is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Object,
    List,
}

impl<'d> Candidate<'d> {
    fn new(document: &Document, operation: &'d Operation) -> Option<Self> {
        let (verb, noun) = read_id(&operation.id)?;
        let subject = subject(document, operation).unwrap_or_default();
        Some(Self {
            operation,
            verb,
            noun,
            arguments: operation.path.parameters().collect(),
            shown: if is_type(&subject, "array") {
                Shown::List
            } else if is_type(&subject, "object") {
                Shown::Object
            } else {
                Shown::Nothing
            },
            id_field: id_field(document, &subject),
        })
    }

    /// Whether it creates items of this noun. What follows the noun says how:
    /// `create_team_member_quick`.
    fn creates(&self, noun: &str) -> bool {
        let rest = self.noun.strip_prefix(noun);
        self.verb == Verb::Create
            && self.operation.method == Method::Post
            && self.shown != Shown::Nothing
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    }

    /// What it does to the items of a family: those of `list`, each of which is
    /// named by `item` in addition.
    fn action(&self, noun: &str, list: &[&str], item: &str) -> Option<Action> {
        let is_list = self.shown == Shown::List;
        if self.arguments == list {
            if self.creates(noun) {
                return Some(Action::Create);
            }
            let lists = self.noun == noun && self.verb == Verb::Show && is_list;
            return lists.then_some(Action::List { by: None });
        }
        let (last, rest) = self.arguments.split_last()?;
        if rest != list || self.noun != noun {
            return None;
        }
        match self.verb {
            Verb::Show if *last != item => is_list.then(|| Action::List {
                by: Some((*last).to_owned()),
            }),
            Verb::Show if self.shown != Shown::Nothing => Some(Action::Get),
            Verb::Update if *last == item => Some(Action::Update),
            Verb::Delete if *last == item => Some(Action::Delete),
            _ => None,
        }
    }
}

/// The members of all families, by operation id.
pub(crate) fn members(document: &Document) -> BTreeMap<String, Member> {
    let operations = document.api().operations.iter();
    let candidates: Vec<Candidate<'_>> = operations
        .filter_map(|operation| Candidate::new(document, operation))
        .collect();
    let mut members = BTreeMap::new();
    for change in &candidates {
        if !matches!(change.verb, Verb::Update | Verb::Delete) {
            continue;
        }
        let Some((item, list)) = change.arguments.split_last() else {
            continue;
        };
        let tag = &change.operation.tag;
        let found: Vec<(&Candidate<'_>, Action)> = candidates
            .iter()
            .filter(|candidate| candidate.operation.tag == *tag)
            .filter_map(|candidate| Some((candidate, candidate.action(&change.noun, list, item)?)))
            .collect();
        let create = found.iter().find(|(_, action)| *action == Action::Create);
        let shows = |action: &Action| matches!(action, Action::Get | Action::List { .. });
        // Without an operation that adds and one that shows, nothing is kept.
        let Some((create, _)) = create else { continue };
        let id_field = create.id_field.clone();
        if !found.iter().any(|(_, action)| shows(action)) {
            continue;
        }
        for (candidate, action) in found {
            let member = Member {
                family: format!("{tag}/{}", change.noun),
                action,
                id_field: id_field.clone(),
            };
            members.insert(candidate.operation.id.clone(), member);
        }
    }
    members
}

/// The verb and the noun of an operation id. The verb comes first or last:
/// `get_client_list` shows a `client`, `card_types_create` creates a `card_type`.
fn read_id(id: &str) -> Option<(Verb, String)> {
    let id = id.strip_prefix("deprecated_").unwrap_or(id);
    let words: Vec<&str> = id.split('_').collect();
    let verb = |word: &str| {
        Some(match word {
            "create" => Verb::Create,
            "get" | "list" | "read" | "search" => Verb::Show,
            "update" | "patch" => Verb::Update,
            "delete" => Verb::Delete,
            _ => return None,
        })
    };
    let first = words
        .split_first()
        .and_then(|(w, rest)| Some((verb(w)?, rest)));
    let last = || {
        words
            .split_last()
            .and_then(|(w, rest)| Some((verb(w)?, rest)))
    };
    let (verb, mut noun) = first.or_else(last)?;
    if let Some(by) = noun.iter().position(|word| *word == "by") {
        noun = &noun[..by];
    }
    if let Some((&"list", rest)) = noun.split_last() {
        noun = rest;
    }
    let (last, rest) = noun.split_last()?;
    let mut noun: Vec<String> = rest.iter().map(|&word| word.to_owned()).collect();
    noun.push(names::singular(last));
    Some((verb, noun.join("_")))
}

/// The schema of what an operation's response is about: its `data`, or all of
/// it where it comes without an envelope.
fn subject(document: &Document, operation: &Operation) -> Option<Map<String, Value>> {
    let content = operation.success()?.content.as_ref()?;
    let schema = merged(document, document.api().get(&content.schema));
    let properties = schema.get("properties");
    match properties.and_then(|properties| properties.get("data")) {
        Some(data) => Some(merged(document, data).into_owned()),
        None if properties.is_some_and(|fields| fields.get("success").is_some()) => None,
        None => Some(schema.into_owned()),
    }
}

/// The first field that ends in `_id`, of an item without an `id`.
fn id_field(document: &Document, subject: &Map<String, Value>) -> Option<String> {
    let item = match subject.get("items") {
        Some(items) => merged(document, items),
        None => Cow::Borrowed(subject),
    };
    let properties = item.get("properties")?.as_object()?;
    if properties.contains_key("id") {
        return None;
    }
    let mut names = properties.keys();
    names.find(|name| name.ends_with("_id")).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_id_names_a_verb_and_a_noun() {
        let read = read_id;
        let noun = |verb, noun: &str| Some((verb, noun.to_owned()));
        assert_eq!(read("create_client"), noun(Verb::Create, "client"));
        assert_eq!(
            read("deprecated_get_client_list"),
            noun(Verb::Show, "client")
        );
        assert_eq!(read("search_events"), noun(Verb::Show, "event"));
        assert_eq!(read("delete_tag_by_tag_id"), noun(Verb::Delete, "tag"));
        assert_eq!(read("card_types_create"), noun(Verb::Create, "card_type"));
        assert_eq!(read("bulk_create_clients"), None);
        assert_eq!(read("get_list"), None);
    }

    /// Who adds a resource to the document finds it here.
    #[test]
    fn families_are_found() {
        let document = Document::b2b_v1().unwrap();
        let members = members(&document);
        let mut families: BTreeMap<&str, BTreeMap<&str, &Action>> = BTreeMap::new();
        for (id, member) in &members {
            let family = families.entry(&member.family).or_default();
            family.insert(id, &member.action);
        }
        let names: Vec<&str> = families.keys().copied().collect();
        assert_eq!(
            names,
            [
                "Appointments/appointment",
                "Chain Loyalty Programs/chain_loyalty_certificate_type",
                "Chain Loyalty Programs/chain_loyalty_membership_type",
                "Chain Loyalty Programs/chain_loyalty_program",
                "Clients/client",
                "Clients/client_comment",
                "Custom Fields/custom_field",
                "Events/event",
                "Events/event_duplication_strategy",
                "Inventory/document",
                "Inventory/transaction",
                "Locations/location",
                "Online Booking Settings/booking_widget",
                "Payments/financial_transaction",
                "Products/product",
                "Products/product_category",
                "Services/service",
                "Services/service_category",
                "Tags/tag",
                "Team Members/team_member",
            ]
        );
        let by_entity = Action::List {
            by: Some("entity".to_owned()),
        };
        let tags = [
            ("create_tag", &Action::Create),
            ("delete_tag_by_tag_id", &Action::Delete),
            ("get_tag_list_by_entity", &by_entity),
            ("update_tag_by_tag_id", &Action::Update),
        ];
        assert_eq!(families["Tags/tag"], BTreeMap::from(tags));
        let clients = families["Clients/client"].keys().copied();
        assert_eq!(
            clients.collect::<Vec<_>>(),
            [
                "create_client",
                "delete_client",
                "deprecated_get_client_list",
                "get_client",
                "get_client_list",
                "update_client",
            ]
        );
        assert_eq!(members["get_product"].id_field.as_deref(), Some("good_id"));
    }
}
