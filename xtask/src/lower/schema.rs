//! A schema of JSON Schema 2020-12 → one of OpenAPI 3.0.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::names::{component_ref, words};
use super::{Lowering, Object, SHAPE, WHOLE_NUMBERS, object};
use altegio_openapi::grammar::{self, Pointer};

impl<'a> Lowering<'a> {
    // ---- schemas --------------------------------------------------------

    /// `name` is the field's or parameter's, for what its name tells.
    pub(super) fn schema(&mut self, at: &Pointer, schema: &'a Value, name: Option<&str>) -> Object {
        if let Some(component) = self.hoisted.get(at.as_str()) {
            let mut reference = object(json!({"$ref": component_ref(component)}));
            if self.is_nullable(schema) {
                reference = object(json!({"allOf": [reference], "nullable": true}));
            }
            return reference;
        }
        self.schema_here(at, schema, name)
    }

    pub(super) fn schema_here(
        &mut self,
        at: &Pointer,
        schema: &'a Value,
        name: Option<&str>,
    ) -> Object {
        if schema.get(SHAPE).is_some_and(|shape| shape == "list") {
            let mut item = schema.clone();
            if let Value::Object(item) = &mut item {
                item.remove(SHAPE);
            }
            let item = self.schema(at, self.keep(item), name);
            return object(json!({"type": "array", "items": item}));
        }
        let Value::Object(source) = schema else {
            if schema == &Value::Bool(false) {
                self.note(at, "nothing is allowed here: read as any value");
            }
            return Object::new();
        };
        if let Some(reference) = source.get("$ref").and_then(Value::as_str) {
            return self.reference(at, source, reference, name);
        }

        let mut facts = Vec::new();
        let mut nullable = source.get("nullable") == Some(&Value::Bool(true));
        let mut types: Vec<&str> = match source.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let had_types = !types.is_empty();
        types.retain(|name| {
            *name != "null" || {
                nullable = true;
                false
            }
        });
        if had_types && types.is_empty() {
            // `type: null` alone: settled into "any" at the very end.
            let mut lowered = object(json!({"nullable": true}));
            describe(&mut lowered, source, &["Always null.".to_owned()]);
            return lowered;
        }

        let mut branches = Vec::new();
        for key in ["oneOf", "anyOf"] {
            let list = source.get(key).and_then(Value::as_array);
            for (index, branch) in list.into_iter().flatten().enumerate() {
                branches.push((at.join(key).join(index), branch));
            }
        }
        let had_branches = !branches.is_empty();
        branches.retain(|(_, branch)| {
            !self.is_null(branch) || {
                nullable = true;
                false
            }
        });
        let mut may_be_empty = false;
        if branches.iter().any(|(_, branch)| self.is_object(branch)) {
            // PHP's empty object; the wire layer reads `[]` as one.
            branches.retain(|(_, branch)| {
                let is_empty = is_empty_array(branch);
                may_be_empty |= is_empty;
                !is_empty
            });
        }

        let mut lowered = if had_branches {
            self.branches(at, source, branches, name)
        } else if source.contains_key("allOf") {
            self.all_of(at, source, name)
        } else {
            self.plain(at, source, &types, name, &mut facts, &mut nullable)
        };
        if nullable {
            lowered.insert("nullable".into(), true.into());
        }
        if may_be_empty {
            // An empty object has no field, so none is required.
            lowered.remove("required");
        }
        describe(&mut lowered, source, &facts);
        for key in source.keys().filter(|key| key.starts_with("x-")) {
            lowered.insert(key.clone(), source[key].clone());
        }
        self.report_unsaid(at, source);
        lowered
    }

    pub(super) fn reference(
        &mut self,
        at: &Pointer,
        source: &'a Object,
        reference: &str,
        name: Option<&str>,
    ) -> Object {
        let Some(target) = grammar::target(self.document, reference) else {
            return Object::new();
        };
        let component = self.component_of(reference);
        let siblings: Object = source
            .iter()
            .filter(|(key, _)| *key != "$ref")
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if self.is_null(target) {
            return object(json!({"nullable": true}));
        }
        if is_plain(grammar::resolve(self.document, target).unwrap_or(target)) {
            // A component of its own would be a wrapper around a plain type.
            let mut lowered = self.schema(at, target, name);
            let own = siblings.get("description").cloned();
            lowered.extend(own.map(|text| ("description".to_owned(), text)));
            return lowered;
        }
        let nullable = self.is_nullable(target) || siblings.get("nullable") == Some(&true.into());
        let plain = object(json!({"$ref": component_ref(&component)}));
        let says_more = siblings
            .keys()
            .any(|key| !matches!(key.as_str(), "description" | "nullable"));
        if says_more {
            // 3.1: both hold. Merged, with the reference resolved.
            let mut parts = vec![(at.clone(), target)];
            let leaked: &'a Value = self.keep(Value::Object(siblings.clone()));
            parts.push((at.clone(), leaked));
            let mut merged = self.all(at, &parts, name);
            describe(&mut merged, &siblings, &[]);
            return merged;
        }
        if !nullable && !siblings.contains_key("description") {
            return plain;
        }
        let mut lowered = object(json!({"allOf": [plain]}));
        if nullable {
            lowered.insert("nullable".into(), true.into());
        }
        describe(&mut lowered, &siblings, &[]);
        lowered
    }

    /// A schema made on the way lives as long as the document. A handful a run.
    fn keep(&self, schema: Value) -> &'a Value {
        Box::leak(Box::new(schema))
    }

    /// A schema of one type and no combinators.
    pub(super) fn plain(
        &mut self,
        at: &Pointer,
        source: &'a Object,
        types: &[&str],
        name: Option<&str>,
        facts: &mut Vec<String>,
        nullable: &mut bool,
    ) -> Object {
        let mut values: Vec<Value> = match (source.get("enum"), source.get("const")) {
            (Some(Value::Array(values)), _) => values.clone(),
            (_, Some(constant)) => vec![constant.clone()],
            _ => Vec::new(),
        };
        values.retain(|value| {
            !value.is_null() || {
                *nullable = true;
                false
            }
        });

        let types: Vec<&str> = match types {
            [] => self.guess_type(source, &values).into_iter().collect(),
            ["object", "array"] | ["array", "object"] if !source.contains_key("items") => {
                vec!["object"]
            }
            // Every integer is a number.
            several => several
                .iter()
                .copied()
                .filter(|t| *t != "integer" || !several.contains(&"number"))
                .collect(),
        };
        if types.len() > 1 {
            let branches: Vec<Value> = types
                .iter()
                .map(|one| {
                    let mut branch = source.clone();
                    branch.retain(|key, _| key != "nullable" && key != "description");
                    branch.insert("type".into(), (*one).into());
                    let branch = self.keep(Value::Object(branch));
                    Value::Object(self.schema(at, branch, name))
                })
                .collect();
            return object(json!({ "oneOf": branches }));
        }

        let mut lowered = Object::new();
        match types.first().copied() {
            Some("object") => self.object_schema(at, source, &mut lowered),
            Some("array") => {
                let singular = name.map(|name| name.trim_end_matches("[]"));
                let items = match source.get("items") {
                    Some(items) => self.schema(&at.join("items"), items, singular),
                    None => {
                        self.note(at, "an array of anything");
                        Object::new()
                    }
                };
                lowered.insert("type".into(), "array".into());
                lowered.insert("items".into(), Value::Object(items));
            }
            Some("number" | "integer") => {
                let integer = types == ["integer"]
                    || matches!(
                        source.get("format").and_then(Value::as_str),
                        Some("int32" | "int64")
                    )
                    || (!values.is_empty() && values.iter().all(|v| v.is_i64() || v.is_u64()))
                    || name.is_some_and(|name| names_an_integer(name) || self.is_whole(name));
                if integer {
                    // Always 64 bits: an id must not be narrowed.
                    lowered.insert("type".into(), "integer".into());
                    lowered.insert("format".into(), "int64".into());
                } else {
                    // Without `float`, which typify would read into an f32.
                    lowered.insert("type".into(), "number".into());
                }
            }
            Some(other) => {
                lowered.insert("type".into(), other.into());
                match source.get("format").and_then(Value::as_str) {
                    Some(format @ ("date" | "date-time" | "binary")) if values.is_empty() => {
                        lowered.insert("format".into(), format.into());
                    }
                    Some("int32" | "int64" | "float" | "double") | None => {}
                    Some(format) => facts.push(format!("Format: {format}.")),
                }
            }
            None => {}
        }
        match lowered.get("type").and_then(Value::as_str) {
            Some("string") if values.iter().all(Value::is_string) && !values.is_empty() => {
                lowered.insert("enum".into(), Value::Array(values));
            }
            _ if !values.is_empty() => {
                // typify would refuse every other number, on the way in too.
                let list: Vec<String> = values.iter().map(|v| format!("`{v}`")).collect();
                facts.push(format!("One of {}.", list.join(", ")));
            }
            _ => {}
        }
        constraints(source, facts);
        lowered
    }

    fn object_schema(&mut self, at: &Pointer, source: &'a Object, lowered: &mut Object) {
        lowered.insert("type".into(), "object".into());
        let mut properties = Object::new();
        for (name, property) in source
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let place = at.join("properties").join(name);
            let property = self.schema(&place, property, Some(name));
            properties.insert(name.clone(), Value::Object(property));
        }
        let required: Vec<Value> = source
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|name| {
                name.as_str()
                    .is_some_and(|name| properties.contains_key(name))
            })
            .cloned()
            .collect();
        let named = !properties.is_empty();
        if named {
            lowered.insert("properties".into(), Value::Object(properties));
        }
        if !required.is_empty() {
            lowered.insert("required".into(), Value::Array(required));
        }
        match source.get("additionalProperties") {
            // An answer with one field more must not be an error.
            None | Some(Value::Bool(false)) => {}
            // Beside named fields, what else comes is kept by the wire layer.
            Some(Value::Bool(true)) if named => {}
            Some(Value::Bool(true)) => {
                lowered.insert("additionalProperties".into(), true.into());
            }
            Some(schema) => {
                let place = at.join("additionalProperties");
                if named {
                    self.note(&place, "further fields beside the named ones are not typed");
                } else {
                    let schema = self.schema(&place, schema, None);
                    lowered.insert("additionalProperties".into(), Value::Object(schema));
                }
            }
        }
        if let Some(patterns) = source.get("patternProperties").and_then(Value::as_object) {
            match patterns.iter().next() {
                Some((pattern, schema)) if patterns.len() == 1 && !named => {
                    let place = at.join("patternProperties").join(pattern);
                    let schema = self.schema(&place, schema, None);
                    lowered.insert("additionalProperties".into(), Value::Object(schema));
                }
                _ => self.note(
                    &at.join("patternProperties"),
                    "fields by pattern are not typed",
                ),
            }
        }
    }

    fn guess_type(&self, source: &Object, values: &[Value]) -> Option<&'static str> {
        if [
            "properties",
            "additionalProperties",
            "patternProperties",
            "required",
        ]
        .iter()
        .any(|key| source.contains_key(*key))
        {
            return Some("object");
        }
        if source.contains_key("items") || source.contains_key("prefixItems") {
            return Some("array");
        }
        match values.first()? {
            Value::String(_) if values.iter().all(Value::is_string) => Some("string"),
            Value::Bool(_) if values.iter().all(Value::is_boolean) => Some("boolean"),
            Value::Number(_) if values.iter().all(Value::is_number) => Some("number"),
            _ => None,
        }
    }

    pub(super) fn branches(
        &mut self,
        at: &Pointer,
        source: &'a Object,
        branches: Vec<(Pointer, &'a Value)>,
        name: Option<&str>,
    ) -> Object {
        if source.contains_key("properties") {
            // The branches say which of the fields go together.
            self.note(at, "which fields go together is not checked");
            let mut base = source.clone();
            base.remove("oneOf");
            base.remove("anyOf");
            let base = self.schema(at, self.keep(Value::Object(base)), name);
            let mut merged = base.clone();
            for (place, branch) in &branches {
                let branch = self.schema(place, branch, name);
                let fields = branch.get("properties").and_then(Value::as_object);
                for (field, schema) in fields.into_iter().flatten() {
                    let properties = merged.entry("properties").or_insert_with(|| json!({}));
                    if properties.get(field).is_none() {
                        properties[field] = schema.clone();
                    }
                }
            }
            return merged;
        }
        match branches.as_slice() {
            [] => Object::new(),
            [(place, branch)] => self.schema(place, branch, name),
            several => self.union(at, several, name),
        }
    }

    /// One schema that holds what any of `parts` allows.
    pub(super) fn union(
        &mut self,
        at: &Pointer,
        parts: &[(Pointer, &'a Value)],
        name: Option<&str>,
    ) -> Object {
        // Several objects are merged, and one alone keeps its name.
        let objects = parts.iter().filter(|(_, part)| self.is_object(part));
        let merged = objects.count() > 1;
        let lowered: Vec<Object> = parts
            .iter()
            .map(|(place, part)| {
                let part = if merged && self.is_object(part) {
                    grammar::resolve(self.document, part).unwrap_or(part)
                } else {
                    part
                };
                self.schema(place, part, name)
            })
            .collect();
        let mut parts = lowered.into_iter();
        let Some(first) = parts.next() else {
            return Object::new();
        };
        parts.fold(first, |a, b| self.either(at, a, b))
    }

    /// What holds both of two lowered schemas.
    pub(super) fn either(&mut self, at: &Pointer, mut a: Object, mut b: Object) -> Object {
        let a_null = a.remove("nullable").is_some();
        let b_null = b.remove("nullable").is_some();
        let nullable = a_null || b_null;
        let a_nothing = a_null && a.keys().all(|key| key == "description");
        let b_nothing = b_null && b.keys().all(|key| key == "description");
        let mut joined = if a_nothing {
            b
        } else if b_nothing || a == b {
            a
        } else {
            let a_full = self.inline(&a);
            let b_full = self.inline(&b);
            if a_full.is_empty() || b_full.is_empty() {
                Object::new()
            } else if is_type(&a_full, "object") && is_type(&b_full, "object") {
                self.either_object(at, a_full, b_full)
            } else if a_full == b_full {
                a
            } else if let (Some(Value::Object(ours)), Some(Value::Object(theirs))) =
                (a_full.get("items"), b_full.get("items"))
            {
                let items = self.either(at, ours.clone(), theirs.clone());
                object(json!({"type": "array", "items": items}))
            } else if is_type(&a_full, "object") && is_open_array(&b_full) {
                a
            } else if is_type(&b_full, "object") && is_open_array(&a_full) {
                b
            } else {
                let parts = |part: Object| match part.get("oneOf") {
                    Some(Value::Array(inner)) => inner.clone(),
                    _ => vec![Value::Object(part)],
                };
                // Objects share a branch, and so do arrays.
                let mut unique: Vec<Value> = parts(a);
                for part in parts(b) {
                    let Value::Object(part) = part else { continue };
                    let part_full = self.inline(&part);
                    let twin = unique.iter().position(|branch| {
                        let branch = branch.as_object().map(|branch| self.inline(branch));
                        branch.is_some_and(|branch| {
                            branch == part_full
                                || (branch.get("type") == part_full.get("type")
                                    && (is_type(&branch, "object") || is_type(&branch, "array")))
                        })
                    });
                    match twin {
                        Some(index) => {
                            let twin = object(unique[index].take());
                            unique[index] = Value::Object(self.either(at, twin, part));
                        }
                        None => unique.push(Value::Object(part)),
                    }
                }
                object(json!({ "oneOf": unique }))
            }
        };
        if nullable {
            joined.insert("nullable".into(), true.into());
        }
        joined
    }

    fn either_object(&mut self, at: &Pointer, a: Object, b: Object) -> Object {
        let fields = |object: &Object| {
            object
                .get("properties")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let required = |object: &Object| -> BTreeSet<String> {
            let list = object.get("required").and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .filter_map(|n| n.as_str().map(str::to_owned))
                .collect()
        };
        let (a_fields, b_fields) = (fields(&a), fields(&b));
        if a_fields.is_empty() != b_fields.is_empty() {
            // An object of no named fields adds nothing to one that has some.
            // One that says to be open holds fields of any name.
            let (mut named, open) = if a_fields.is_empty() { (b, a) } else { (a, b) };
            if open.contains_key("additionalProperties") {
                return object(json!({"type": "object", "additionalProperties": true}));
            }
            named.remove("required");
            return named;
        }
        let mut joined = a.clone();
        let mut properties = a_fields;
        for (name, theirs) in b_fields {
            let merged = match (properties.get(&name), theirs) {
                (Some(Value::Object(ours)), Value::Object(theirs)) => {
                    Value::Object(self.either(at, ours.clone(), theirs))
                }
                (_, theirs) => theirs,
            };
            properties.insert(name, merged);
        }
        if !properties.is_empty() {
            joined.insert("properties".into(), Value::Object(properties));
        }
        let both: Vec<Value> = required(&a)
            .intersection(&required(&b))
            .map(|n| n.as_str().into())
            .collect();
        joined.remove("required");
        if !both.is_empty() {
            joined.insert("required".into(), Value::Array(both));
        }
        if let (Some(Value::Object(ours)), Some(Value::Object(theirs))) =
            (a.get("additionalProperties"), b.get("additionalProperties"))
        {
            let merged = self.either(at, ours.clone(), theirs.clone());
            joined.insert("additionalProperties".into(), Value::Object(merged));
        }
        joined
    }

    fn all_of(&mut self, at: &Pointer, source: &'a Object, name: Option<&str>) -> Object {
        let list = source["allOf"].as_array();
        let mut parts: Vec<(Pointer, &'a Value)> = list
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(index, part)| (at.join("allOf").join(index), part))
            .collect();
        let mut own = source.clone();
        own.retain(|key, _| {
            !matches!(key.as_str(), "allOf" | "description" | "nullable" | "type")
                && !key.starts_with("x-")
        });
        if !own.is_empty() {
            own.insert("type".into(), "object".into());
            parts.push((at.clone(), self.keep(Value::Object(own))));
        }
        match parts.as_slice() {
            [(place, only)] => {
                let only = self.schema(place, only, name);
                // A description beside a bare `$ref` needs the allOf form.
                if only.contains_key("$ref") {
                    object(json!({"allOf": [only]}))
                } else {
                    only
                }
            }
            several => self.all(at, several, name),
        }
    }

    /// One object with the fields of all `parts`.
    pub(super) fn all(
        &mut self,
        at: &Pointer,
        parts: &[(Pointer, &'a Value)],
        name: Option<&str>,
    ) -> Object {
        let mut joined = Object::new();
        for (place, part) in parts {
            let lowered = self.schema(place, part, name);
            let part = self.inline(&lowered);
            for (key, value) in part {
                match (key.as_str(), joined.get_mut(&key), value) {
                    ("properties", Some(Value::Object(ours)), Value::Object(theirs)) => {
                        for (field, theirs) in theirs {
                            if let Some(ours) = ours.get(&field)
                                && *ours != theirs
                            {
                                self.note(at, format!("`{field}` is said twice: the later holds"));
                            }
                            ours.insert(field, theirs);
                        }
                    }
                    ("nullable" | "description" | "required", ..) => {}
                    (_, _, value) => {
                        joined.insert(key, value);
                    }
                }
            }
        }
        // A part may require what another one declares.
        let mut required: Vec<Value> = Vec::new();
        for (_, part) in parts {
            let part = grammar::resolve(self.document, part).unwrap_or(part);
            for name in part["required"].as_array().into_iter().flatten() {
                let declared = name.as_str().is_some_and(|name| {
                    joined
                        .get("properties")
                        .and_then(|fields| fields.get(name))
                        .is_some()
                });
                if declared && !required.contains(name) {
                    required.push(name.clone());
                }
            }
        }
        if !required.is_empty() {
            joined.insert("required".into(), Value::Array(required));
        }
        joined
    }

    /// A lowered schema with its reference (or allOf of one) replaced by what it names.
    pub(super) fn inline(&mut self, lowered: &Object) -> Object {
        let inner = match lowered.get("allOf").and_then(Value::as_array) {
            Some(list) if list.len() == 1 => list[0].as_object().unwrap_or(lowered),
            _ => lowered,
        };
        let Some(reference) = inner.get("$ref").and_then(Value::as_str) else {
            return lowered.clone();
        };
        let name = reference.trim_start_matches("#/components/schemas/");
        if let Some(Value::Object(known)) = self.components.get(name)
            && !known.is_empty()
        {
            return known.clone();
        }
        match grammar::target(self.document, reference) {
            Some(target) => {
                let at = Pointer::root()
                    .join("components")
                    .join("schemas")
                    .join(name);
                let known = self.notes.len();
                let mut lowered = self.schema(&at, target, Some(name));
                self.notes.truncate(known); // noted where the component is lowered
                lowered.remove("nullable");
                lowered
            }
            None => Object::new(),
        }
    }

    // ---- questions ------------------------------------------------------

    fn is_whole(&self, name: &str) -> bool {
        let names = self.document.get(WHOLE_NUMBERS).and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|whole| whole == name))
    }

    fn is_null(&self, schema: &Value) -> bool {
        let schema = grammar::resolve(self.document, schema).unwrap_or(schema);
        let null = |value: Option<&Value>| match value {
            Some(Value::String(name)) => name == "null",
            Some(Value::Array(names)) => !names.is_empty() && names.iter().all(|n| n == "null"),
            _ => false,
        };
        null(schema.get("type"))
            || schema.get("const") == Some(&Value::Null)
            || schema.get("enum").is_some_and(|e| *e == json!([null]))
    }

    fn is_nullable(&self, schema: &Value) -> bool {
        let schema = grammar::resolve(self.document, schema).unwrap_or(schema);
        let has_null = |key: &str| {
            let list = schema.get(key).and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|branch| self.is_null(branch)))
        };
        schema["nullable"] == true
            || schema["type"]
                .as_array()
                .is_some_and(|t| t.iter().any(|n| n == "null"))
            || schema["enum"]
                .as_array()
                .is_some_and(|e| e.contains(&Value::Null))
            || has_null("oneOf")
            || has_null("anyOf")
    }

    pub(super) fn is_object(&self, schema: &Value) -> bool {
        let schema = grammar::resolve(self.document, schema).unwrap_or(schema);
        match schema.get("type") {
            Some(Value::String(name)) => name == "object",
            Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
            _ => ["properties", "allOf", "required", "additionalProperties"]
                .iter()
                .any(|key| schema.get(key).is_some()),
        }
    }

    fn report_unsaid(&mut self, at: &Pointer, source: &Object) {
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

fn is_empty_array(schema: &Value) -> bool {
    schema["type"] == "array" && schema["maxItems"] == 0
}

/// A scalar, or an object of no named fields: a plain type in Rust.
fn is_plain(schema: &Value) -> bool {
    let structured = [
        "properties",
        "additionalProperties",
        "patternProperties",
        "enum",
        "const",
        "oneOf",
        "anyOf",
        "allOf",
        "items",
    ];
    schema.get("type").is_some_and(|types| *types != "array")
        && !structured.iter().any(|key| schema.get(*key).is_some())
}

pub(super) fn is_type(lowered: &Object, name: &str) -> bool {
    lowered.get("type").is_some_and(|value| value == name)
}

fn is_open_array(lowered: &Object) -> bool {
    is_type(lowered, "array")
        && lowered
            .get("items")
            .is_none_or(|items| items.as_object().is_none_or(Map::is_empty))
}

/// `type: null` alone is any value to progenitor.
pub(super) fn settle_null(schema: &mut Object) {
    if schema
        .keys()
        .all(|key| key == "nullable" || key == "description")
    {
        schema.remove("nullable");
    }
}

/// Names that hold whole numbers in every API: ids, counts, pages, flags.
pub(super) fn names_an_integer(name: &str) -> bool {
    let words = words(name);
    let first = words.first().map(String::as_str);
    let last = words.last().map(String::as_str);
    matches!(
        last,
        Some(
            "id" | "ids"
                | "count"
                | "counts"
                | "page"
                | "limit"
                | "offset"
                | "index"
                | "timestamp"
                | "year"
                | "month"
                | "day"
                | "weekday"
                | "minutes"
                | "seconds"
                | "hours"
                | "days"
        )
    ) || (words.len() > 1 && matches!(first, Some("is" | "has")))
        || matches!(
            words.iter().map(String::as_str).collect::<Vec<_>>()[..],
            ["page", "size"] | ["per", "page"]
        )
}

/// Constraints and defaults, in words: typify would narrow types by them.
pub(super) fn constraints(source: &Object, facts: &mut Vec<String>) {
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
}

/// The source's own description, then the facts that the types cannot hold.
fn describe(lowered: &mut Object, source: &Object, facts: &[String]) {
    let mut parts: Vec<&str> = Vec::new();
    let own = source.get("description").and_then(Value::as_str);
    let own = own.map(str::to_owned);
    parts.extend(own.as_deref().filter(|text| !text.is_empty()));
    parts.extend(facts.iter().map(String::as_str));
    if parts.is_empty() {
        return;
    }
    let text = parts.join(" ");
    if let Some(reference) = lowered.remove("$ref") {
        lowered.insert("allOf".into(), json!([{"$ref": reference}]));
    }
    lowered.insert("description".into(), text.into());
}
