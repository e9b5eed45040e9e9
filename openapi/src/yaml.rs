//! Reads YAML or JSON documents with the line number of each value, and writes
//! values as YAML in a fixed format.

use std::collections::HashMap;
use std::fmt;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, Yaml, YamlData, YamlEmitter};
use serde_json::{Map, Number, Value};

use crate::pointer::Pointer;

/// A parsed document, with the line number of each value in it.
#[derive(Debug)]
pub struct Document {
    /// The name that complaints use, such as `overlay.yaml`.
    name: String,
    /// The parsed value.
    pub value: Value,
    lines: HashMap<Pointer, usize>,
}

/// A problem in a document, and its location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The document's name, such as `overlay.yaml`.
    pub document: String,
    /// The line, if it is known.
    pub line: Option<usize>,
    /// The location in the document.
    pub at: Pointer,
    /// The message.
    pub what: String,
}

impl Complaint {
    /// Creates a complaint about a location whose line is not known.
    pub fn new(document: impl Into<String>, at: Pointer, what: impl Into<String>) -> Self {
        Self {
            document: document.into(),
            line: None,
            at,
            what: what.into(),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.document)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if self.at != Pointer::root() {
            write!(f, ", {}", self.at)?;
        }
        write!(f, ": {}", self.what)
    }
}

impl Document {
    /// Parses a YAML document, which may be JSON. `name` is the name that
    /// complaints use.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not exactly one YAML document, has a key
    /// twice in a mapping, or has values that JSON cannot represent.
    pub fn parse(name: &str, text: &str) -> Result<Self, Complaint> {
        let refuse = |what: String| Complaint::new(name, Pointer::root(), what);
        let nodes = MarkedYaml::load_from_str(text)
            .map_err(|error| refuse(format!("not YAML: {error}")))?;
        let [node] = nodes.as_slice() else {
            return Err(refuse(format!(
                "expected one YAML document, found {}",
                nodes.len()
            )));
        };
        let mut lines = HashMap::new();
        let value = read(node, &Pointer::root(), &mut lines).map_err(|misread| Complaint {
            document: name.to_owned(),
            line: Some(misread.line),
            at: misread.at,
            what: misread.what,
        })?;
        Ok(Self {
            name: name.to_owned(),
            value,
            lines,
        })
    }

    /// Creates a complaint about a location in this document.
    pub fn complaint(&self, at: &Pointer, what: impl Into<String>) -> Complaint {
        Complaint {
            document: self.name.clone(),
            line: self.lines.get(at).copied(),
            at: at.clone(),
            what: what.into(),
        }
    }
}

/// A value that could not be read.
struct Misread {
    line: usize,
    at: Pointer,
    what: String,
}

fn read(
    node: &MarkedYaml<'_>,
    at: &Pointer,
    lines: &mut HashMap<Pointer, usize>,
) -> Result<Value, Misread> {
    let line = node.span.start.line();
    lines.entry(at.clone()).or_insert(line);
    let complaint = |what: String| Misread {
        line,
        at: at.clone(),
        what,
    };
    Ok(match &node.data {
        YamlData::Value(scalar) => read_scalar(scalar).map_err(complaint)?,
        YamlData::Sequence(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| read(item, &at.join(index), lines))
                .collect::<Result<_, _>>()?,
        ),
        YamlData::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let YamlData::Value(key_scalar) = &key.data else {
                    return Err(complaint("a key that is not a scalar".to_owned()));
                };
                let key_text = match key_scalar {
                    Scalar::String(text) => text.to_string(),
                    Scalar::Null => "null".to_owned(),
                    Scalar::Boolean(value) => value.to_string(),
                    Scalar::Integer(value) => value.to_string(),
                    Scalar::FloatingPoint(value) => value.to_string(),
                };
                let place = at.join(&key_text);
                lines.insert(place.clone(), key.span.start.line());
                let value = read(value, &place, lines)?;
                if map.insert(key_text.clone(), value).is_some() {
                    return Err(complaint(format!("the key `{key_text}` occurs twice")));
                }
            }
            Value::Object(map)
        }
        YamlData::Tagged(_, node) => read(node, at, lines)?,
        YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => {
            return Err(complaint("a value that cannot be read".to_owned()));
        }
    })
}

fn read_scalar(scalar: &Scalar<'_>) -> Result<Value, String> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::from(*value),
        Scalar::FloatingPoint(value) => Value::Number(
            Number::from_f64(value.into_inner())
                .ok_or("a number that JSON cannot represent (.inf or .nan)")?,
        ),
        Scalar::String(text) => Value::String(text.to_string()),
    })
}

/// Serializes `value` as YAML. The output is deterministic.
pub fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    YamlEmitter::new(&mut text)
        .dump(&write(value))
        .expect("writing into a String cannot fail");
    let text = text.strip_prefix("---\n").unwrap_or(&text);
    format!("{text}\n")
}

fn write(value: &Value) -> Yaml<'_> {
    match value {
        Value::Null => Yaml::Value(Scalar::Null),
        Value::Bool(value) => Yaml::Value(Scalar::Boolean(*value)),
        Value::Number(number) => Yaml::Value(match number.as_i64() {
            Some(integer) => Scalar::Integer(integer),
            None => Scalar::FloatingPoint(number.as_f64().unwrap_or_default().into()),
        }),
        Value::String(text) => Yaml::Value(Scalar::String(text.as_str().into())),
        Value::Array(items) => Yaml::Sequence(items.iter().map(write).collect()),
        Value::Object(entries) => Yaml::Mapping(
            entries
                .iter()
                .map(|(key, value)| {
                    (
                        Yaml::Value(Scalar::String(key.as_str().into())),
                        write(value),
                    )
                })
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_pointers_of_what_was_read() {
        let document = Document::parse("d.yaml", "a:\n  - b: 1\n  - c/d: x\n").unwrap();
        let at = Pointer::root().join("a").join(1).join("c/d");
        assert_eq!(at.as_str(), "/a/1/c~1d");
        assert_eq!(document.complaint(&at, "").line, Some(3));
    }

    #[test]
    fn status_codes_dates_and_null_words_stay_what_they_are() {
        let text = "'200': 2026-03-01\nx: 'null'\ny: null\nz: '1.0'\n";
        let value = Document::parse("d.yaml", text).unwrap().value;
        assert_eq!(
            value,
            serde_json::json!({"200": "2026-03-01", "x": "null", "y": null, "z": "1.0"})
        );
        assert_eq!(
            Document::parse("d.yaml", &to_yaml(&value)).unwrap().value,
            value
        );
    }

    #[test]
    fn a_key_given_twice_is_an_error() {
        assert!(Document::parse("d.yaml", "a: 1\na: 2\n").is_err());
    }
}
