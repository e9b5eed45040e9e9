//! Converts desugared schemas to [`Lowered`] schemas.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::desugar::is_annotation;
use super::lowered::{Field, Fields, Lowered, Rest, Scalar, Shape};
use super::{Lowering, Object};
use altegio_openapi::grammar::VALUES;
use altegio_openapi::names as rust_names;
use altegio_openapi::pointer::{self, Pointer};

/// A schema and its place in the document.
pub(super) type Placed<'a> = (Pointer, &'a Value);

impl<'a> Lowering<'a> {
    pub(super) fn schema(&mut self, at: &Pointer, schema: &'a Value) -> Lowered {
        let Value::Object(source) = schema else {
            if schema == &Value::Bool(false) {
                self.note(at, "nothing is allowed here: read as any value");
            }
            return Lowered::any();
        };
        if let Some(reference) = source.get("$ref").and_then(Value::as_str) {
            return self.reference(at, reference);
        }
        let mut lowered = if source.contains_key("oneOf") || source.contains_key("anyOf") {
            self.branches(at, source)
        } else if source.contains_key("allOf") {
            self.parts(at, source)
        } else {
            self.plain(at, source)
        };
        if let Some(own) = source.get("description").and_then(Value::as_str)
            && !own.is_empty()
        {
            lowered.own = Some(own.to_owned());
        }
        for (key, value) in source {
            if key.starts_with("x-") {
                lowered.extensions.insert(key.clone(), value.clone());
            }
        }
        self.list_values(&mut lowered);
        self.note_unchecked(at, source);
        lowered
    }

    /// Moves the meanings of the values ([`VALUES`]) into the description, unless the
    /// values become the variants of a Rust enum, which have them.
    fn list_values(&mut self, lowered: &mut Lowered) {
        if !lowered.extensions.contains_key(VALUES) {
            return;
        }
        let one = match &lowered.shape {
            Shape::List(items) => self.resolved(items),
            _ => self.resolved(lowered),
        };
        if matches!(one.shape, Shape::Scalar(Scalar::Enum(_))) {
            return;
        }
        let Some(Value::Object(values)) = lowered.extensions.shift_remove(VALUES) else {
            return;
        };
        let lines = values.iter().map(|(value, meaning)| {
            let meaning = meaning.as_str().unwrap_or_default();
            format!("- `{value}`: {meaning}")
        });
        let lines: Vec<String> = lines.collect();
        let own = lowered.own.take().unwrap_or_default();
        lowered.own = Some(format!("{own}\n\n{}", lines.join("\n")).trim().to_owned());
        lowered.facts.retain(|fact| !fact.starts_with(ONE_OF));
    }

    /// A reference to a schema: to its component, or the schema itself if that is
    /// a plain type.
    fn reference(&mut self, at: &Pointer, reference: &str) -> Lowered {
        let document = self.document;
        let Some(target) = pointer::target(document, reference) else {
            return Lowered::any();
        };
        if self.is_null(target) {
            return Lowered::new(Shape::Null);
        }
        if self.is_plain(target) {
            // A component would be a wrapper around the plain type.
            return self.schema(at, target);
        }
        let Some(name) = pointer::schema_name(reference) else {
            return Lowered::any();
        };
        let mut lowered = Lowered::new(Shape::Ref(name));
        lowered.nullable = self.is_nullable(target);
        lowered
    }

    // ---- combinations -----------------------------------------------------------

    /// `oneOf` and `anyOf`.
    fn branches(&mut self, at: &Pointer, source: &'a Object) -> Lowered {
        let mut branches: Vec<Placed<'a>> = Vec::new();
        for key in ["oneOf", "anyOf"] {
            branches.extend(list(at, source, key));
        }
        let total = branches.len();
        branches.retain(|(_, branch)| !self.is_null(branch));
        let nullable = branches.len() < total;
        let before = branches.len();
        if branches.iter().any(|(_, branch)| self.is_object(branch)) {
            // PHP writes an empty object as `[]`; the wire layer decodes it as one.
            branches.retain(|(_, branch)| !is_empty_list(branch));
        }
        let may_be_empty = branches.len() < before;

        let mut lowered = if source.contains_key("properties") {
            self.with_branches(at, source, &branches)
        } else {
            if source.contains_key("allOf") {
                self.note(&at.join("allOf"), "not expressed beside `oneOf` or `anyOf`");
            }
            let branches: Vec<Lowered> = branches
                .into_iter()
                .map(|(place, branch)| self.schema(&place, branch))
                .collect();
            self.join_branches(at, branches)
        };
        lowered.nullable |= nullable;
        if may_be_empty && let Shape::Object(fields) = &mut lowered.shape {
            // An empty object has no fields, so no field is required.
            for (_, field) in &mut fields.named {
                field.required = false;
            }
        }
        lowered
    }

    /// An object whose branches specify which of its fields go together.
    fn with_branches(
        &mut self,
        at: &Pointer,
        source: &'a Object,
        branches: &[Placed<'a>],
    ) -> Lowered {
        self.note(at, "which fields go together is not checked");
        let mut lowered = if source.contains_key("allOf") {
            self.parts(at, source)
        } else {
            self.plain(at, source)
        };
        for (place, branch) in branches {
            let branch = self.schema(place, branch);
            let (Shape::Object(fields), Shape::Object(more)) = (&mut lowered.shape, branch.shape)
            else {
                continue;
            };
            for (name, field) in more.named {
                if fields.get(&name).is_none() {
                    let schema = field.schema;
                    let required = false;
                    fields.named.push((name, Field { required, schema }));
                }
            }
        }
        lowered
    }

    /// `allOf`; the keywords next to it count as one more part.
    fn parts(&mut self, at: &Pointer, source: &'a Object) -> Lowered {
        let parts: Vec<Placed<'a>> = list(at, source, "allOf").collect();
        let says_more = source.keys().any(|key| {
            !matches!(
                key.as_str(),
                "allOf" | "oneOf" | "anyOf" | "type" | "default"
            ) && !is_annotation(key)
        });
        let mut lowered: Vec<Lowered> = parts
            .iter()
            .map(|(place, part)| self.schema(place, part))
            .collect();
        if says_more {
            lowered.push(self.plain(at, source));
        } else if lowered.len() == 1 {
            return lowered.remove(0);
        }
        let mut joined = self.all_of(at, lowered);
        // A part may require a field that another part declares.
        if let Shape::Object(fields) = &mut joined.shape {
            let document = self.document;
            let parts = parts.iter().map(|(_, part)| *part);
            let required = parts
                .map(|part| pointer::resolve(document, part).unwrap_or(part))
                .flat_map(|part| names(part.as_object(), "required"))
                .chain(names(Some(source), "required"));
            for name in required {
                if let Some(field) = fields.get_mut(name) {
                    field.required = true;
                }
            }
        }
        joined
    }

    // ---- one type -----------------------------------------------------------------

    /// A schema of at most one type; `oneOf`, `anyOf` and `allOf` next to it are
    /// ignored.
    fn plain(&mut self, at: &Pointer, source: &'a Object) -> Lowered {
        let values = source.get("enum").and_then(Value::as_array);
        let values = values.map_or(&[][..], Vec::as_slice);
        let format = source.get("format").and_then(Value::as_str);
        let mut facts = Vec::new();
        let mut unlisted = !values.is_empty();
        let named = source.get("type").and_then(Value::as_str);
        let shape = match named.or_else(|| guess_type(source, values)) {
            Some("null") => {
                facts.push("Always null.".to_owned());
                Shape::Null
            }
            Some("object") => Shape::Object(self.fields(at, source)),
            Some("array") if self.in_form && self.is_file(&source["items"]) => {
                self.note(at, "one file, though the document allows several");
                self.schema(&at.join("items"), &source["items"]).shape
            }
            Some("array") => {
                let items = match source.get("items") {
                    Some(items) => self.schema(&at.join("items"), items),
                    None => {
                        self.note(at, "an array of anything");
                        Lowered::any()
                    }
                };
                Shape::List(Box::new(items))
            }
            Some("boolean") => Shape::Scalar(Scalar::Boolean),
            Some("integer") => Shape::Scalar(Scalar::Integer),
            Some("number") => {
                let whole = matches!(format, Some("int32" | "int64"))
                    || (!values.is_empty() && values.iter().all(|v| v.is_i64() || v.is_u64()));
                Shape::Scalar(if whole {
                    Scalar::Integer
                } else {
                    Scalar::Number
                })
            }
            Some("string") => {
                let texts: Option<Vec<String>> = values
                    .iter()
                    .map(|value| value.as_str().map(str::to_owned))
                    .collect();
                // progenitor's settings have a type for these formats.
                let known = |format: &&str| match *format {
                    "date" | "date-time" => values.is_empty(),
                    "binary" => values.is_empty() && self.in_form,
                    _ => false,
                };
                let typed = format.filter(known).map(str::to_owned);
                if let Some(format) = format
                    && typed.is_none()
                    && !is_number_format(format)
                {
                    facts.push(format!("Format: {format}."));
                }
                match texts {
                    Some(texts) if !texts.is_empty() => {
                        let variants: BTreeSet<String> =
                            texts.iter().map(|text| rust_names::pascal(text)).collect();
                        let is_distinct = variants.len() == texts.len();
                        if is_distinct {
                            unlisted = false;
                            Shape::Scalar(Scalar::Enum(texts))
                        } else {
                            self.note(at, "any string: two of the values have one name in Rust");
                            Shape::Scalar(Scalar::Text(None))
                        }
                    }
                    _ => Shape::Scalar(Scalar::Text(typed)),
                }
            }
            Some(other) => {
                self.note(at, format!("`{other}` is no type: read as any value"));
                Shape::Any
            }
            None => Shape::Any,
        };
        if unlisted {
            // typify would refuse all other values, in responses too.
            let list: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            facts.push(format!("One of {}.", list.join(", ")));
        }
        let mut lowered = Lowered::new(shape);
        lowered.facts = facts;
        lowered.facts.extend(constraints(source));
        lowered
    }

    fn fields(&mut self, at: &Pointer, source: &'a Object) -> Fields {
        let mut fields = Fields::default();
        let properties = source.get("properties").and_then(Value::as_object);
        let required: Vec<&str> = names(Some(source), "required").collect();
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for (name, property) in properties.into_iter().flatten() {
            let place = at.join("properties").join(name);
            if let Some(other) = taken.get(rust_names::snake(name).as_str()) {
                let what = format!("left out: `{other}` has the same name in Rust");
                self.note(&place, what);
                continue;
            }
            taken.insert(rust_names::snake(name), name);
            let schema = self.schema(&place, property);
            let required = required.contains(&name.as_str());
            fields
                .named
                .push((name.clone(), Field { required, schema }));
        }
        let named = !fields.named.is_empty();
        match source.get("additionalProperties") {
            None | Some(Value::Bool(false)) => {}
            // The wire layer keeps additional fields of objects with named fields.
            Some(Value::Bool(true)) if named => {}
            Some(Value::Bool(true)) => fields.rest = Rest::Any,
            Some(schema) => {
                let place = at.join("additionalProperties");
                if named {
                    self.note(&place, "further fields beside the named ones are not typed");
                } else {
                    fields.rest = Rest::Of(Box::new(self.schema(&place, schema)));
                }
            }
        }
        if let Some(patterns) = source.get("patternProperties").and_then(Value::as_object) {
            let at = at.join("patternProperties");
            match patterns.iter().next() {
                Some((pattern, schema)) if patterns.len() == 1 && !named => {
                    fields.rest = Rest::Of(Box::new(self.schema(&at.join(pattern), schema)));
                }
                _ => self.note(&at, "fields by pattern are not typed"),
            }
        }
        fields
    }

    // ---- predicates ---------------------------------------------------------------

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        pointer::resolve(self.document, schema).unwrap_or(schema)
    }

    fn is_file(&self, schema: &'a Value) -> bool {
        self.resolve(schema)["format"] == "binary"
    }

    fn is_null(&self, schema: &'a Value) -> bool {
        self.resolve(schema)["type"] == "null"
    }

    fn is_nullable(&self, schema: &'a Value) -> bool {
        let (nodes, _) = self.union(schema);
        nodes.iter().any(|node| self.is_null(node))
    }

    fn is_object(&self, schema: &'a Value) -> bool {
        let (nodes, _) = self.union(schema);
        nodes.iter().any(|node| match node.get("type") {
            Some(name) => name == "object",
            None => ["properties", "allOf", "required", "additionalProperties"]
                .iter()
                .any(|key| node.get(*key).is_some()),
        })
    }

    /// Whether the schema is a plain type in Rust: a scalar, an object without
    /// named fields, or a union of them.
    fn is_plain(&self, schema: &'a Value) -> bool {
        const STRUCTURE: [&str; 6] = [
            "properties",
            "additionalProperties",
            "patternProperties",
            "enum",
            "allOf",
            "items",
        ];
        let (nodes, circular) = self.union(schema);
        let mut types = nodes
            .iter()
            .filter(|node| branches(node).next().is_none())
            .filter(|node| !self.is_null(node) && !is_empty_list(node))
            .peekable();
        !circular
            && types.peek().is_some()
            && types.all(|node| node.get("type").is_some_and(|name| name != "array"))
            && !nodes
                .iter()
                .any(|node| STRUCTURE.iter().any(|key| node.get(*key).is_some()))
    }

    /// The schema and its branches at any depth, with references resolved; and
    /// whether one of them is a branch of itself.
    fn union(&self, schema: &'a Value) -> (Vec<&'a Value>, bool) {
        let mut nodes = Vec::new();
        let circular = self.add_branches(schema, &mut Vec::new(), &mut nodes);
        (nodes, circular)
    }

    /// Adds the schema and its branches to `nodes`, and returns whether one of them
    /// is a branch of itself. `ancestors` are the schemas that it is a branch of.
    fn add_branches(
        &self,
        schema: &'a Value,
        ancestors: &mut Vec<&'a Value>,
        nodes: &mut Vec<&'a Value>,
    ) -> bool {
        let schema = self.resolve(schema);
        let is_it = |other: &&Value| std::ptr::eq(*other, schema);
        if ancestors.iter().any(is_it) {
            return true;
        }
        if nodes.iter().any(is_it) {
            return false;
        }
        nodes.push(schema);
        ancestors.push(schema);
        let mut circular = false;
        for branch in branches(schema) {
            circular |= self.add_branches(branch, ancestors, nodes);
        }
        ancestors.pop();
        circular
    }

    fn note_unchecked(&mut self, at: &Pointer, source: &Object) {
        for key in source.keys() {
            let what = match key.as_str() {
                "prefixItems" => "items by position are read as any",
                "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames"
                | "dependentRequired"
                | "dependentSchemas"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "discriminator" => "not checked",
                _ => continue,
            };
            self.note(&at.join(key), what);
        }
    }
}

/// The start of the sentence that lists the values of an enum that is no Rust enum.
const ONE_OF: &str = "One of `";

fn list<'a>(
    at: &Pointer,
    source: &'a Object,
    key: &str,
) -> impl Iterator<Item = Placed<'a>> + use<'a> {
    let at = at.join(key);
    let list = source.get(key).and_then(Value::as_array);
    let list = list.into_iter().flatten().enumerate();
    list.map(move |(index, schema)| (at.join(index), schema))
}

/// The branches of `oneOf` and `anyOf`.
fn branches(schema: &Value) -> impl Iterator<Item = &Value> {
    let list = |key| schema.get(key).and_then(Value::as_array);
    let lists = list("oneOf").into_iter().chain(list("anyOf"));
    lists.flatten()
}

fn names<'a>(source: Option<&'a Map<String, Value>>, key: &str) -> impl Iterator<Item = &'a str> {
    let list = source.and_then(|source| source.get(key));
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str)
}

/// Whether the schema is an empty list, which next to objects stands for an
/// empty object.
fn is_empty_list(schema: &Value) -> bool {
    let anything = schema.get("items").is_none() && schema.get("prefixItems").is_none();
    schema["type"] == "array" && (anything || schema["maxItems"] == 0)
}

fn is_number_format(format: &str) -> bool {
    matches!(format, "int32" | "int64" | "float" | "double")
}

/// The type that other keywords imply if `type` is missing.
fn guess_type(source: &Object, values: &[Value]) -> Option<&'static str> {
    let says = |keys: &[&str]| keys.iter().any(|key| source.contains_key(*key));
    if says(&[
        "properties",
        "additionalProperties",
        "patternProperties",
        "required",
    ]) {
        return Some("object");
    }
    if says(&["items", "prefixItems"]) {
        return Some("array");
    }
    match values.first()? {
        Value::String(_) if values.iter().all(Value::is_string) => Some("string"),
        Value::Bool(_) if values.iter().all(Value::is_boolean) => Some("boolean"),
        Value::Number(_) if values.iter().all(Value::is_number) => Some("number"),
        _ => None,
    }
}

/// Constraints and defaults as sentences; as keywords, typify would narrow types
/// by them.
fn constraints(source: &Object) -> Vec<String> {
    let mut facts = Vec::new();
    for (key, words) in [
        ("minimum", "At least"),
        ("exclusiveMinimum", "More than"),
        ("maximum", "At most"),
        ("exclusiveMaximum", "Less than"),
        ("multipleOf", "A multiple of"),
        ("minLength", "Characters, at least:"),
        ("maxLength", "Characters, at most:"),
        ("pattern", "Matches"),
        ("minItems", "Items, at least:"),
        ("maxItems", "Items, at most:"),
        ("minProperties", "Fields, at least:"),
        ("maxProperties", "Fields, at most:"),
        ("default", "Without it the server takes"),
    ] {
        if let Some(value) = source.get(key) {
            facts.push(format!("{words} `{value}`."));
        }
    }
    if source.get("uniqueItems") == Some(&Value::Bool(true)) {
        facts.push("No item twice.".to_owned());
    }
    facts
}
