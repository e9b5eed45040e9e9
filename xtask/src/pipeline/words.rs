//! Sets the texts of `words.yaml`, our own documentation, in the corrected
//! document: summaries, descriptions, and the meaning of enum values.
//!
//! The file has this form; a WORD is a text, or `{text: …, values: {value: text}}`:
//!
//! ```yaml
//! document: One paragraph.
//! tags: {Appointments: Text.}
//! operations:
//!   create_appointment:
//!     summary: One line.
//!     details: Paragraphs.
//!     parameters: {name: WORD}
//!     body: {dotted.path: WORD}
//!     response: {dotted.path: WORD}
//!     errors: {dotted.path: WORD}
//! entities:
//!   Appointment: {summary: Text., fields: {dotted.path: WORD}}
//! parameters: {name: WORD}
//! fields: {name: WORD}
//! unknown: [create_appointment body api_id]
//! ```
//!
//! Dotted paths pass through arrays and the branches of unions without a step of
//! their own; `*` stands for the values of a map, or for every property. If several entries match a
//! place, one of an operation takes precedence over one of an entity, and that
//! over one in `parameters` or `fields`.

pub mod coverage;
mod places;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use altegio_openapi::grammar::{self, Kind, VALUES};
use altegio_openapi::pointer::{self, Pointer};
use altegio_openapi::yaml::{Complaint, Document};

use crate::entity_table::ENTITIES;
use places::Places;

/// A parsed `words.yaml`, or a part of one.
#[derive(Debug)]
pub struct Words {
    document: Document,
    content: Content,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Content {
    document: Option<String>,
    tags: BTreeMap<String, String>,
    operations: BTreeMap<String, OperationWords>,
    entities: BTreeMap<String, EntityWords>,
    parameters: Map<String, Value>,
    fields: Map<String, Value>,
    unknown: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OperationWords {
    summary: Option<String>,
    details: Option<String>,
    parameters: Map<String, Value>,
    body: Map<String, Value>,
    response: Map<String, Value>,
    errors: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EntityWords {
    summary: Option<String>,
    fields: Map<String, Value>,
}

/// The text of one place, and the meaning of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    values: BTreeMap<String, String>,
}

impl Words {
    /// Parses a file. `name` is the name that complaints use.
    ///
    /// # Errors
    ///
    /// Returns an error if the file is not YAML or does not have the form above.
    pub fn parse(name: &str, text: &str) -> Result<Self, Complaint> {
        let document = Document::parse(name, text)?;
        let content = Content::deserialize(&document.value)
            .map_err(|error| document.complaint(&Pointer::root(), error.to_string()))?;
        Ok(Self { document, content })
    }

    /// The entries of `unknown`: the places whose meaning no source states.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.content.unknown.iter().map(String::as_str)
    }

    /// Every text of the file, with its pointer.
    pub fn texts(&self) -> Vec<(Pointer, &str)> {
        let mut texts = Vec::new();
        for (key, value) in self.document.value.as_object().into_iter().flatten() {
            if key != "unknown" {
                add_texts(&Pointer::root().join(key), value, &mut texts);
            }
        }
        texts
    }

    pub fn complaint(&self, at: &Pointer, what: impl Into<String>) -> Complaint {
        self.document.complaint(at, what)
    }
}

fn add_texts<'a>(at: &Pointer, value: &'a Value, texts: &mut Vec<(Pointer, &'a str)>) {
    match value {
        Value::String(text) => texts.push((at.clone(), text)),
        Value::Object(entries) => {
            for (key, value) in entries {
                add_texts(&at.join(key), value, texts);
            }
        }
        _ => {}
    }
}

/// Sets the words in the corrected document. Where several files define the same
/// name in `parameters` or `fields`, the first one holds.
///
/// # Errors
///
/// Returns a complaint for every entry that has an invalid form, whose place the
/// document lacks, or that contradicts another entry about the same place. All
/// other entries are set nevertheless.
pub fn apply(files: &[Words], document: &mut Value) -> Result<(), Vec<Complaint>> {
    let mut setter = Setter {
        places: Places::of(document),
        found: BTreeMap::new(),
        complaints: Vec::new(),
    };
    for file in files {
        setter.headings(file, document);
    }
    for file in files {
        setter.operations(file, document);
    }
    for file in files {
        setter.entities(file, document);
    }
    for file in files {
        setter.by_name(file, document);
    }
    let Setter {
        found, complaints, ..
    } = setter;
    set(document, found);
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(complaints)
    }
}

/// Describes the fields of the lowered document that lost their description because
/// the places of their type describe them differently: by the words for their name.
pub fn describe_by_name(words: &Words, lowered: &mut Value) {
    grammar::walk_mut(lowered, &mut |kind, object| {
        let properties = match kind {
            Kind::Schema => object.get_mut("properties").and_then(Value::as_object_mut),
            _ => None,
        };
        for (name, property) in properties.into_iter().flatten() {
            let word = words.content.fields.get(name).map(Word::read);
            let (Some(Ok(word)), Value::Object(property)) = (word, property) else {
                continue;
            };
            if property.contains_key("description") {
                continue;
            }
            // OpenAPI 3.0 allows no keywords next to `$ref`.
            if let Some(reference) = property.shift_remove("$ref") {
                property.insert("allOf".into(), json!([{ "$ref": reference }]));
            }
            property.insert("description".into(), word.text.into());
        }
    });
}

/// How specific an entry is; the most specific one about a place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Operation,
    Entity,
    Name,
}

/// A word that was found for a place.
struct Found {
    rank: Rank,
    word: Word,
    /// The entry, for complaints about a second one.
    entry: String,
}

struct Setter {
    places: Places,
    found: BTreeMap<Pointer, Found>,
    complaints: Vec<Complaint>,
}

impl Setter {
    fn complain(&mut self, file: &Words, at: &Pointer, what: impl Into<String>) {
        self.complaints.push(file.complaint(at, what));
    }

    /// The document's description, and its tags.
    fn headings(&mut self, file: &Words, document: &mut Value) {
        if let Some(text) = &file.content.document {
            document["info"]["description"] = text.trim().into();
        }
        for (name, text) in &file.content.tags {
            let tags = document.get_mut("tags").and_then(Value::as_array_mut);
            let tag = tags.into_iter().flatten().find(|tag| tag["name"] == **name);
            match tag {
                Some(tag) => tag["description"] = text.trim().into(),
                None => {
                    let at = Pointer::root().join("tags").join(name);
                    self.complain(file, &at, "the document has no such tag");
                }
            }
        }
    }

    fn operations(&mut self, file: &Words, document: &mut Value) {
        let operations_at = Pointer::root().join("operations");
        for (id, words) in &file.content.operations {
            let at = operations_at.join(id);
            let Some(place) = self.places.operation(id) else {
                self.complain(file, &at, "the document has no such operation");
                continue;
            };
            if let Some(operation) = document.pointer_mut(place.as_str()) {
                for (key, text) in [("summary", &words.summary), ("description", &words.details)] {
                    if let Some(text) = text {
                        operation[key] = text.trim().into();
                    }
                }
            }
            for (name, value) in &words.parameters {
                let at = at.join("parameters").join(name);
                let places = self.places.own_parameter(document, &place, name);
                self.entry(file, document, &at, value, places, Rank::Operation);
            }
            for (section, entries) in [
                ("body", &words.body),
                ("response", &words.response),
                ("errors", &words.errors),
            ] {
                let roots = match section {
                    "body" => places::body(document, &place),
                    "response" => places::successes(document, &place),
                    _ => places::failures(document, &place),
                };
                for (path, value) in entries {
                    let at = at.join(section).join(path);
                    let places = places::find(document, &roots, path);
                    self.entry(file, document, &at, value, places, Rank::Operation);
                }
            }
        }
    }

    fn entities(&mut self, file: &Words, document: &mut Value) {
        let entities_at = Pointer::root().join("entities");
        for (name, words) in &file.content.entities {
            let at = entities_at.join(name);
            let roots = self.places.entity(document, name);
            if roots.is_empty() {
                self.complain(file, &at, "the overlay's x-entities has no such entity");
                continue;
            }
            if let Some(text) = &words.summary {
                document[ENTITIES][name]["description"] = text.trim().into();
            }
            // The fields that only the overlay knows have a schema there.
            let known = Pointer::root().join(ENTITIES).join(name).join("fields");
            for (path, value) in &words.fields {
                let at = at.join("fields").join(path);
                let mut places = places::find(document, &roots, path);
                let known = known.join(path).join("schema");
                if known.get(document).is_some() {
                    places.push(known);
                }
                self.entry(file, document, &at, value, places, Rank::Entity);
            }
        }
    }

    /// The words that hold for every parameter or field of a name.
    fn by_name(&mut self, file: &Words, document: &Value) {
        let mut parameters: BTreeMap<String, Vec<Pointer>> = BTreeMap::new();
        let mut fields: BTreeMap<String, Vec<Pointer>> = BTreeMap::new();
        grammar::walk(document, &mut |at, kind, object| match kind {
            Kind::Parameter => {
                if let Some(name) = object.get("name").and_then(Value::as_str) {
                    parameters
                        .entry(name.to_owned())
                        .or_default()
                        .push(at.clone());
                }
            }
            Kind::Schema => {
                let properties = object.get("properties").and_then(Value::as_object);
                for (name, _) in properties.into_iter().flatten() {
                    let at = at.join("properties").join(name);
                    fields.entry(name.clone()).or_default().push(at);
                }
            }
            _ => {}
        });
        for (section, entries, found) in [
            ("parameters", &file.content.parameters, &parameters),
            ("fields", &file.content.fields, &fields),
        ] {
            for (name, value) in entries {
                let at = Pointer::root().join(section).join(name);
                let places = found.get(name).cloned().unwrap_or_default();
                self.entry(file, document, &at, value, places, Rank::Name);
            }
        }
    }

    /// Notes the word of one entry for its places.
    fn entry(
        &mut self,
        file: &Words,
        document: &Value,
        at: &Pointer,
        value: &Value,
        places: Vec<Pointer>,
        rank: Rank,
    ) {
        let word = match Word::read(value) {
            Ok(word) => word,
            Err(what) => return self.complain(file, at, what),
        };
        if places.is_empty() {
            return self.complain(file, at, "the document has no such place");
        }
        let mut unused: Vec<&String> = word.values.keys().collect();
        for place in places {
            let word = word.fitting(document, &place);
            unused.retain(|value| !word.values.contains_key(*value));
            match self.found.get(&place) {
                Some(other) if other.rank < rank => continue,
                Some(other) if rank != Rank::Name && other.word != word => {
                    let what = format!("{} describes the same place ({place})", other.entry);
                    self.complain(file, at, what);
                    continue;
                }
                Some(_) => continue,
                None => {}
            }
            let entry = at.to_string();
            self.found.insert(place, Found { rank, word, entry });
        }
        if let Some(value) = unused.first() {
            let what = format!("`{value}` is not one of the values that the document lists");
            self.complain(file, at, what);
        }
    }
}

impl Word {
    fn read(value: &Value) -> Result<Self, String> {
        let form = "expected a text, or `text` and `values`, a map from values to texts";
        let (text, values) = match value {
            Value::String(text) => (text, None),
            Value::Object(entries) => {
                if entries.keys().any(|key| key != "text" && key != "values") {
                    return Err(form.to_owned());
                }
                let text = entries.get("text").and_then(Value::as_str);
                let Some(Value::String(text)) = text.and(entries.get("text")) else {
                    return Err(form.to_owned());
                };
                (text, entries.get("values"))
            }
            _ => return Err(form.to_owned()),
        };
        let mut word = Self {
            text: text.trim().to_owned(),
            values: BTreeMap::new(),
        };
        if !word.text.ends_with(['.', '?', '!', '`', ')', ':']) {
            return Err("a description ends with a period".to_owned());
        }
        if let Some(values) = values {
            for (value, text) in values.as_object().ok_or(form)? {
                let text = text.as_str().ok_or(form)?;
                word.values.insert(value.clone(), text.trim().to_owned());
            }
        }
        Ok(word)
    }

    /// The word, with only the values that the schema at `place` allows. A schema
    /// without an enum allows all of them, unless it is boolean.
    fn fitting(&self, document: &Value, place: &Pointer) -> Self {
        let mut word = self.clone();
        if word.values.is_empty() {
            return word;
        }
        let listed = places::values(document, place);
        if !listed.is_empty() {
            word.values.retain(|value, _| listed.contains(value));
        }
        word
    }
}

fn set(document: &mut Value, found: BTreeMap<Pointer, Found>) {
    for (place, Found { word, .. }) in found {
        let Some(target) = document.pointer_mut(place.as_str()) else {
            continue;
        };
        if !target.is_object() {
            // `true`, the schema of any value.
            *target = Value::Object(Map::new());
        }
        target["description"] = word.text.into();
        if word.values.is_empty() {
            continue;
        }
        let values = word.values.into_iter();
        let values: Map<String, Value> = values.map(|(value, text)| (value, text.into())).collect();
        // Of a parameter, the schema has the values.
        let schema = match target.get("in").and_then(Value::as_str) {
            Some(_) if target["schema"].is_object() => &mut target["schema"],
            _ => target,
        };
        schema[VALUES] = Value::Object(values);
    }
}

/// The pointer of the value that a pointer's value refers to.
fn located(document: &Value, at: &Pointer) -> Pointer {
    pointer::locate(document, at).map_or_else(|| at.clone(), |(at, _)| at)
}
