//! `cargo xtask coverage`: how much of the document is typed, and what is open.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use altegio_openapi::grammar::{self, Kind, Pointer};

/// Count operations, parameters and fields: typed, or open and why
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The directory that holds the document's files
    #[arg(long, value_name = "DIR", default_value_os_t = crate::update_spec::default_directory())]
    directory: PathBuf,
    /// List every open place, not only their number
    #[arg(long)]
    list: bool,
}

pub fn run(options: &Options) -> Result<()> {
    let path = options.directory.join("client.json");
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "cannot read {}; run `cargo xtask update-spec`",
            path.display()
        )
    })?;
    let document = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    print!("{}", Coverage::of(&document).report(options.list));
    Ok(())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Coverage {
    operations: usize,
    parameters: usize,
    fields: usize,
    /// Open places by reason.
    open: BTreeMap<&'static str, Vec<String>>,
}

impl Coverage {
    fn of(document: &Value) -> Self {
        let mut coverage = Self {
            operations: grammar::operations(document).count(),
            ..Self::default()
        };
        grammar::walk(document, &mut |at, kind, object| match kind {
            Kind::Parameter => coverage.parameters += 1,
            Kind::Schema => {
                let fields = object.get("properties").and_then(Value::as_object);
                coverage.fields += fields.map_or(0, |fields| fields.len());
                if let Some(why) = open(object) {
                    coverage
                        .open
                        .entry(why)
                        .or_default()
                        .push(place(document, at));
                }
            }
            _ => {}
        });
        coverage
    }

    fn report(&self, list: bool) -> String {
        let open: usize = self.open.values().map(Vec::len).sum();
        let mut text = format!(
            "operations: {} typed\nparameters: {} typed\nfields: {}\nopen places: {open}\n",
            self.operations, self.parameters, self.fields
        );
        for (why, places) in &self.open {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "  {:>4}  {why}", places.len());
            if list {
                for place in places {
                    let _ = writeln!(text, "        {place}");
                }
            }
        }
        text
    }
}

/// Why a lowered schema becomes a bare `serde_json::Value` or a map of them.
fn open(schema: &Value) -> Option<&'static str> {
    let fields = schema.as_object()?;
    let says = |key: &str| fields.contains_key(key);
    if says("$ref") || says("allOf") || says("oneOf") || says("enum") || says("properties") {
        return None;
    }
    match fields.get("type").and_then(Value::as_str) {
        None if schema["description"] == "Always null." => {
            Some("value: the document says null, always")
        }
        None => Some("value: the document says nothing of it"),
        Some("object") if !schema["additionalProperties"].is_object() => {
            Some("map: an object whose fields the document does not name")
        }
        _ => None,
    }
}

/// The place in the vendor's words: an operation's, or a component's.
fn place(document: &Value, at: &Pointer) -> String {
    let mut parts = at.as_str().split('/').skip(1);
    if let (Some("paths"), Some(path), Some(method)) = (parts.next(), parts.next(), parts.next()) {
        let path = path.replace("~1", "/").replace("~0", "~");
        let id = document["paths"][path.as_str()][method]["operationId"].as_str();
        let rest: Vec<&str> = parts.collect();
        return format!("{} {}", id.unwrap_or_default(), rest.join("/"));
    }
    at.as_str()
        .trim_start_matches("/components/schemas/")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn open_places_are_counted_with_their_reason() {
        let coverage = Coverage::of(&json!({
            "paths": {"/a": {"get": {"operationId": "a", "parameters": [{"schema": {"type": "string"}}]}}},
            "components": {"schemas": {"c": {"type": "object", "properties": {
                "any": {}, "map": {"type": "object"}, "null": {"description": "Always null."},
                "typed": {"type": "integer"}, "list": {"type": "array", "items": {}},
                "typed_map": {"type": "object", "additionalProperties": {"type": "string"}},
            }}}},
        }));
        assert_eq!(
            (coverage.operations, coverage.parameters, coverage.fields),
            (1, 1, 6)
        );
        let counts: Vec<(&str, usize)> = coverage
            .open
            .iter()
            .map(|(why, places)| (why.split(':').next().unwrap(), places.len()))
            .collect();
        // A map of anything; two of any value; one of null.
        assert_eq!(counts, [("map", 1), ("value", 2), ("value", 1)]);
    }
}
