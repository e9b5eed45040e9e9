//! Values that a schema of the document allows: believable by their field's
//! name and format, and the same for the same seed.

mod by_name;

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate};
use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::document::Document;
use crate::schema::{combine, merged};

/// Below this depth only required fields are filled in, since some schemas
/// contain themselves.
const DEPTH: usize = 12;

/// How much is filled in, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// What is required, nothing else.
    Required,
    /// Every field, with everyday values.
    All,
    /// Every field, with the largest, the smallest and the oddest values.
    Edge,
}

/// Makes values of the document's schemas.
#[derive(Debug)]
pub struct Values<'d> {
    document: &'d Document,
    rng: Rng,
    fill: Fill,
    /// How long lists are; 1 to 3 if not said.
    pub list_length: Option<usize>,
    /// Which value of every enum is taken; any if not said.
    pub choice: Option<usize>,
    /// Whether a field may be null or a union another branch than its first.
    pub vary: bool,
    /// Whole numbers that fields of these names have: the path's arguments.
    pub known: BTreeMap<String, i64>,
}

impl<'d> Values<'d> {
    /// Values for this seed.
    pub fn new(document: &'d Document, seed: u64, fill: Fill) -> Self {
        Self {
            document,
            rng: Rng::with_seed(seed),
            fill,
            list_length: None,
            choice: None,
            vary: false,
            known: BTreeMap::new(),
        }
    }

    /// How much is filled in.
    pub fn fill(&self) -> Fill {
        self.fill
    }

    /// A value that the schema allows; `name` is its field's or parameter's.
    pub fn value(&mut self, schema: &Value, name: &str) -> Value {
        self.at_depth(schema, name, 0)
    }

    fn at_depth(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        let schema = merged(self.document, schema);
        let get = |key: &str| schema.get(key);
        if let Some(value) = get("const") {
            return value.clone();
        }
        if let Some(values) = get("enum")
            .and_then(Value::as_array)
            .filter(|v| !v.is_empty())
        {
            let listed: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
            let index = match self.choice {
                Some(choice) => choice % listed.len().max(1),
                None => self.rng.usize(..listed.len().max(1)),
            };
            return listed
                .get(index)
                .map_or(Value::Null, |value| (*value).clone());
        }
        if let Some(branches) = get("anyOf")
            .and_then(Value::as_array)
            .filter(|b| !b.is_empty())
        {
            return self.branch(&schema, branches, name, depth);
        }
        match self.kind(&schema) {
            "null" => Value::Null,
            "boolean" => self.boolean(name),
            "integer" => self.integer(&schema, name),
            "number" => self.number(&schema, name),
            "array" => self.array(&schema, name, depth),
            "string" => self.string(&schema, name).into(),
            _ => self.object(&schema, depth),
        }
    }

    /// The kind of value to make; the first that is not null if there is a choice.
    fn kind<'s>(&mut self, schema: &'s Map<String, Value>) -> &'s str {
        let guessed = || {
            if schema.contains_key("items") {
                "array"
            } else if schema.contains_key("properties")
                || schema.contains_key("additionalProperties")
            {
                "object"
            } else {
                "string"
            }
        };
        match schema.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) => {
                let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
                if self.vary && kinds.contains(&"null") && self.rng.u8(..4) == 0 {
                    return "null";
                }
                let kind = kinds.iter().find(|kind| **kind != "null");
                kind.copied().unwrap_or("null")
            }
            _ => guessed(),
        }
    }

    fn branch(
        &mut self,
        schema: &Map<String, Value>,
        branches: &[Value],
        name: &str,
        depth: usize,
    ) -> Value {
        let index = match (self.choice, self.vary) {
            (Some(choice), _) => choice % branches.len(),
            (None, true) => self.rng.usize(..branches.len()),
            (None, false) => 0,
        };
        // What stands beside the branches holds as well.
        let mut whole = schema.clone();
        whole.remove("anyOf");
        let branch = merged(self.document, &branches[index]);
        combine(&mut whole, &branch);
        self.at_depth(&Value::Object(whole), name, depth)
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut value = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let is_required = required.contains(&name.as_str());
            if !is_required && (self.fill == Fill::Required || depth >= DEPTH) {
                continue;
            }
            value.insert(name.clone(), self.at_depth(property, name, depth + 1));
        }
        if let Some(extra) = schema.get("additionalProperties").filter(|e| e.is_object())
            && self.fill != Fill::Required
            && depth < DEPTH
        {
            for key in ["1", "2"] {
                value.insert(key.to_owned(), self.at_depth(extra, "value", depth + 1));
            }
        }
        Value::Object(value)
    }

    fn array(&mut self, schema: &Map<String, Value>, name: &str, depth: usize) -> Value {
        let limit = |key: &str| Some(schema.get(key)?.as_u64()? as usize);
        let most = limit("maxItems").unwrap_or(usize::MAX);
        let least = limit("minItems").unwrap_or(0);
        let length = match (self.fill, self.list_length) {
            (_, Some(length)) => length,
            (Fill::Required, None) => least,
            _ if depth >= DEPTH => least,
            _ => self.rng.usize(1..=3),
        };
        let length = length.clamp(least, most.max(least));
        let name = name.trim_end_matches("[]");
        let name = name
            .strip_suffix("ids")
            .map_or_else(|| name.to_owned(), |stem| format!("{stem}id"));
        let Some(items) = schema.get("items") else {
            return json!([]);
        };
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut values: Vec<Value> = Vec::new();
        let mut tries = 0;
        while values.len() < length && tries < 50 {
            tries += 1;
            let value = self.at_depth(items, &name, depth + 1);
            if !unique || !values.contains(&value) {
                values.push(value);
            }
        }
        Value::Array(values)
    }

    fn boolean(&mut self, name: &str) -> Value {
        // An answer of success says so; who makes another sets it.
        (name == "success" || self.rng.bool()).into()
    }

    fn integer(&mut self, schema: &Map<String, Value>, name: &str) -> Value {
        if let Some(known) = self.known.get(name) {
            return (*known).into();
        }
        let (least, most) = whole_bounds(schema);
        if self.fill == Fill::Edge {
            return if self.rng.bool() { most } else { least }.into();
        }
        let usual = by_name::whole_numbers(name);
        let (low, high) = (*usual.start().max(&least), *usual.end().min(&most));
        if low > high {
            return least.into();
        }
        self.rng.i64(low..=high).into()
    }

    fn number(&mut self, schema: &Map<String, Value>, name: &str) -> Value {
        let format = schema.get("format").and_then(Value::as_str);
        let is_whole = format.is_some_and(|format| format.starts_with("int"))
            // The path's id, which may be declared a number elsewhere.
            || self.known.contains_key(name);
        if is_whole || self.fill == Fill::Edge {
            return self.integer(schema, name);
        }
        let (least, most) = whole_bounds(schema);
        let hundredths = self.rng.i64(100..=9_999) as f64 / 100.0;
        json!(hundredths.clamp(least as f64, most as f64))
    }

    fn string(&mut self, schema: &Map<String, Value>, name: &str) -> String {
        let day = self.day();
        let minutes = self.rng.u32(32..80) * 15;
        let time = format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let format = schema.get("format").and_then(Value::as_str);
        let formatted = match format.unwrap_or_default() {
            "date" => Some(day.to_string()),
            "date-time" => Some(format!("{day}T{time}:00+02:00")),
            "time" => Some(format!("{time}:00Z")),
            "email" => Some(format!("client{}@example.com", self.rng.u32(1..1000))),
            "uri" | "url" => Some(format!("https://example.com/{}", self.rng.u32(1..1000))),
            "uuid" => Some(format!(
                "{:08x}-0000-4000-8000-{:012x}",
                self.rng.u32(..),
                self.rng.u32(..)
            )),
            _ => None,
        };
        let limit = |key: &str| Some(schema.get(key)?.as_u64()? as usize);
        let (least, most) = (limit("minLength").unwrap_or(0), limit("maxLength"));
        let text = match formatted {
            Some(text) => return text,
            None if self.fill == Fill::Edge => {
                "Zoë 漢字 😀 \"a\\b\" /?#[]@!$&'()*+,;=%25 ‑ \u{7f}".to_owned()
            }
            None => by_name::text(&mut self.rng, name, day, &time),
        };
        let mut text: String = text.chars().take(most.unwrap_or(usize::MAX)).collect();
        while text.chars().count() < least {
            text.push('x');
        }
        text
    }

    fn day(&mut self) -> NaiveDate {
        let start = DateTime::UNIX_EPOCH.date_naive() + Days::new(20_454);
        start + Days::new(self.rng.u64(..365))
    }
}

/// The smallest and the largest whole number that a schema allows. Where it
/// does not say, they are such that every JSON reader keeps them whole.
fn whole_bounds(schema: &Map<String, Value>) -> (i64, i64) {
    let bound = |key: &str| schema.get(key)?.as_f64();
    let most: f64 = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => f64::from(i32::MAX),
        _ => 9_007_199_254_740_991.0,
    };
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|n| n + 1.0));
    let most = bound("maximum")
        .or(bound("exclusiveMaximum").map(|n| n - 1.0))
        .unwrap_or(most);
    (least.unwrap_or(0.0).ceil() as i64, most.floor() as i64)
}
