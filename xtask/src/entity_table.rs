//! The overlay's table of entities, `x-entities`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The extension on the document that holds the table.
pub const ENTITIES: &str = "x-entities";

/// One entity: an object that several places of responses have in common.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// The places by operation id, or by the name of an entity that it is a
    /// property of.
    pub places: BTreeMap<String, Paths>,
    /// The properties that the document lacks, or that its places disagree on.
    #[serde(default)]
    pub fields: BTreeMap<String, KnownField>,
    /// What it is: the summary in words.yaml.
    pub description: Option<String>,
}

/// Paths of dotted names: from the root of a success response (`$` for the root
/// itself), or from the entity. A list on the way or at the end stands for its
/// items, and `*` for every property.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Paths {
    One(String),
    Several(Vec<String>),
}

/// A property that is known from elsewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownField {
    /// Why it is here.
    #[serde(rename = "description")]
    pub _reason: String,
    pub schema: Value,
}

impl Paths {
    pub fn iter(&self) -> impl Iterator<Item = Vec<&str>> {
        let paths = match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        };
        paths.iter().map(|path| match path.as_str() {
            "$" => Vec::new(),
            path => path.split('.').collect(),
        })
    }
}

/// Returns the document's entities by name, in its order.
///
/// # Errors
///
/// Returns a complaint about every entity of the wrong form.
pub fn read(document: &Value) -> Result<Vec<(String, Entity)>, Vec<String>> {
    let Some(table) = document.get(ENTITIES) else {
        return Ok(Vec::new());
    };
    let Some(table) = table.as_object() else {
        return Err(vec![format!("`{ENTITIES}` must map names to entities")]);
    };
    let mut entities = Vec::new();
    let mut complaints = Vec::new();
    for (name, entity) in table {
        match Entity::deserialize(entity) {
            Ok(entity) => entities.push((name.clone(), entity)),
            Err(error) => complaints.push(format!("`{ENTITIES}`: `{name}`: {error}")),
        }
        if *name != altegio_openapi::names::pascal(name) {
            complaints.push(format!("`{ENTITIES}`: `{name}` is no name of a type"));
        }
    }
    if complaints.is_empty() {
        Ok(entities)
    } else {
        Err(complaints)
    }
}
