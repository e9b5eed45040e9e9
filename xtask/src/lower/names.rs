//! What gets a component of its own, and its name: one type in Rust each.

use serde_json::{Value, json};

use super::{COMPONENTS, Lowering, Object, object};
use altegio_openapi::grammar::{self, Pointer};

impl<'a> Lowering<'a> {
    /// A component's name: `name`, or one like it that is free.
    fn free_name(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut count = 1;
        while !self.taken.insert(fold(&free)) {
            count += 1;
            free = format!("{name}_{count}");
        }
        free
    }

    pub(super) fn new_component(&mut self, name: &str, schema: Object) -> Value {
        let name = self.free_name(name);
        let reference = json!({"$ref": component_ref(&name)});
        self.components.insert(name, Value::Object(schema));
        reference
    }

    /// Makes a component of every place that a reference names. The place
    /// itself becomes a reference to it too, so that both are one type.
    pub(super) fn hoist(&mut self) {
        let document = self.document;
        let mut targets: Vec<(&str, &Value)> = Vec::new();
        grammar::walk(document, &mut |_, kind, schema| {
            let reference = schema.get("$ref").and_then(Value::as_str);
            if let Some(reference) = reference.filter(|_| kind == grammar::Kind::Schema)
                && reference
                    .strip_prefix(COMPONENTS)
                    .is_none_or(|name| name.contains('/'))
                && let Some(target) = grammar::target(document, reference)
            {
                targets.push((reference, target));
            }
        });
        for (reference, _) in &targets {
            let place = reference.trim_start_matches('#');
            if self.hoisted.contains_key(place) {
                continue;
            }
            let words: Vec<String> = place
                .trim_start_matches(COMPONENTS.trim_start_matches('#'))
                .split('/')
                .filter(|word| !matches!(*word, "" | "$defs" | "properties"))
                .map(|word| if word == "items" { "item" } else { word }.replace("~1", "_"))
                .collect();
            let name = self.free_name(&words.join("_"));
            self.hoisted.insert(place.to_owned(), name);
        }
        for (reference, target) in targets {
            let place = reference.trim_start_matches('#');
            let name = self.hoisted[place].clone();
            if !self.components.contains_key(&name) {
                let mut lowered = self.schema_here(&Pointer::parse(place), target, Some(&name));
                lowered.remove("nullable");
                self.components.insert(name, Value::Object(lowered));
            }
        }
    }

    /// Gives every inline object, enum and union a component of its own:
    /// typify would name them too, but not always apart.
    pub(super) fn name_types(&mut self, paths: &mut Object) {
        let names: Vec<String> = self.components.keys().cloned().collect();
        for name in names {
            if let Some(Value::Object(mut schema)) = self.components.get_mut(&name).map(Value::take)
            {
                self.name_children(&mut schema, &name);
                self.components.insert(name, Value::Object(schema));
            }
        }
        for item in paths.values_mut().filter_map(Value::as_object_mut) {
            for operation in item.values_mut() {
                let id = operation["operationId"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                let parameters = operation
                    .get_mut("parameters")
                    .and_then(Value::as_array_mut);
                for parameter in parameters.into_iter().flatten() {
                    let name = format!("{id}_{}", parameter["name"].as_str().unwrap_or_default());
                    self.name_schema(&mut parameter["schema"], &name);
                }
                if let Some(schema) =
                    operation.pointer_mut("/requestBody/content/application~1json/schema")
                {
                    self.name_schema(schema, &format!("{id}_body"));
                }
                let responses = operation
                    .get_mut("responses")
                    .and_then(Value::as_object_mut);
                // One success type an operation, so one name for all of them.
                let mut named: Vec<(Value, Value)> = Vec::new();
                for response in responses
                    .into_iter()
                    .flat_map(|responses| responses.values_mut())
                {
                    let Some(schema) = response.pointer_mut("/content/application~1json/schema")
                    else {
                        continue;
                    };
                    if let Some((_, reference)) = named.iter().find(|(before, _)| before == schema)
                    {
                        *schema = reference.clone();
                        continue;
                    }
                    let before = schema.clone();
                    self.name_schema(schema, &format!("{id}_response"));
                    named.push((before, schema.clone()));
                }
            }
        }
    }

    fn name_schema(&mut self, schema: &mut Value, name: &str) {
        let Value::Object(inline) = schema else {
            return;
        };
        let needs_name = inline.contains_key("enum")
            || inline.contains_key("oneOf")
            || inline.contains_key("properties");
        if !needs_name {
            self.name_children(inline, name);
            return;
        }
        let name = self.free_name(name);
        self.name_children(inline, &name);
        let mut component = std::mem::take(inline);
        let nullable = component.remove("nullable").is_some();
        let description = component.get("description").cloned();
        let reference = json!({"$ref": component_ref(&name)});
        *schema = if nullable || description.is_some() {
            let mut used = object(json!({"allOf": [reference]}));
            if nullable {
                used.insert("nullable".into(), true.into());
            }
            used.extend(description.map(|text| ("description".to_owned(), text)));
            Value::Object(used)
        } else {
            reference
        };
        self.components.insert(name, Value::Object(component));
    }

    fn name_children(&mut self, schema: &mut Object, name: &str) {
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        for (field, property) in properties.into_iter().flatten() {
            self.name_schema(property, &format!("{name}_{field}"));
        }
        for (key, suffix) in [("items", "item"), ("additionalProperties", "value")] {
            if let Some(child) = schema.get_mut(key) {
                self.name_schema(child, &format!("{name}_{suffix}"));
            }
        }
        let branches = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        for branch in branches.into_iter().flatten() {
            let suffix = branch["type"].as_str().unwrap_or("variant").to_owned();
            self.name_schema(branch, &format!("{name}_{suffix}"));
        }
    }

    /// The component that a reference names.
    pub(super) fn component_of(&self, reference: &str) -> String {
        match self.hoisted.get(reference.trim_start_matches('#')) {
            Some(name) => name.clone(),
            None => {
                let name = reference.trim_start_matches(COMPONENTS);
                name.replace("~1", "/").replace("~0", "~")
            }
        }
    }
}

pub(super) fn component_ref(name: &str) -> String {
    format!(
        "#/components/schemas/{}",
        name.replace('~', "~0").replace('/', "~1")
    )
}

/// `companyId`, `company_id` and `company-id` are the same words.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        lower_before = c.is_lowercase();
        if c.is_alphanumeric() {
            words
                .last_mut()
                .expect("never empty")
                .extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Letters and digits only: what is left of a name in a Rust type's name.
pub(super) fn fold(name: &str) -> String {
    words(name).concat()
}
