//! A schema on its way from 3.1 to 3.0, and what it is as JSON.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Object;
use super::desugar::component_reference;

/// A lowered schema: what stands at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowered {
    /// Whether null may stand here.
    pub nullable: bool,
    /// Sentences that describe it: the document's own, and the facts that no
    /// Rust type holds.
    pub words: Vec<String>,
    /// The extensions (`x-…`) that the document has here.
    pub extensions: Object,
    pub shape: Shape,
}

/// What a schema allows, in the terms of Rust types.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Any,
    /// Null, always.
    Null,
    Scalar(Scalar),
    Object(Fields),
    List(Box<Lowered>),
    OneOf(Vec<Lowered>),
    /// The component of this name.
    Ref(String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Boolean,
    /// Always 64 bits: an id must not be narrowed.
    Integer,
    /// Never `float`, which typify would read into an f32.
    Number,
    /// With the format, where progenitor's settings have a type for it.
    Text(Option<String>),
    /// A text of these.
    Enum(Vec<String>),
}

/// The fields of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    /// In the document's order.
    pub named: Vec<(String, Field)>,
    pub rest: Rest,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub required: bool,
    pub schema: Lowered,
}

/// Fields beside the named ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Rest {
    /// Not said, or said to be none: a response with one field more must not
    /// be an error.
    #[default]
    Unsaid,
    Any,
    Of(Box<Lowered>),
}

impl Lowered {
    pub fn new(shape: Shape) -> Self {
        Self {
            nullable: matches!(shape, Shape::Null),
            words: Vec::new(),
            extensions: Object::new(),
            shape,
        }
    }

    pub fn any() -> Self {
        Self::new(Shape::Any)
    }

    /// The words as one text.
    pub fn description(&self) -> Option<String> {
        (!self.words.is_empty()).then(|| self.words.join(" "))
    }

    pub fn to_json(&self) -> Value {
        self.json(self.nullable, None)
    }

    /// `rust_type` stands for what typify would make of it.
    fn json(&self, nullable: bool, rust_type: Option<Value>) -> Value {
        let mut json = self.shape.to_json();
        // `nullable` without a type would be refused; any value is nullable anyway.
        if nullable && !matches!(self.shape, Shape::Any | Shape::Null) {
            json.insert("nullable".into(), true.into());
        }
        if let Some(description) = self.description() {
            json.insert("description".into(), description.into());
        }
        json.extend(self.extensions.clone());
        if let Some(rust_type) = rust_type {
            json.insert("x-rust-type".into(), rust_type);
        }
        // In 3.0 nothing stands beside `$ref`.
        if json.len() > 1
            && let Some(reference) = json.remove("$ref")
        {
            json.insert("allOf".into(), json!([{ "$ref": reference }]));
        }
        Value::Object(json)
    }

    /// As a component. Nullability is told where it is used: typify emits two
    /// types of one name for a nullable component. `sent` if requests hold it.
    pub fn to_component(&self, sent: bool) -> Value {
        let mut json = self.json(false, None);
        if let Shape::Object(fields) = &self.shape
            && !fields.named.is_empty()
        {
            let properties = fields
                .named
                .iter()
                .map(|(name, field)| (name.clone(), field.to_json(sent)));
            json["properties"] = Value::Object(properties.collect());
        }
        json
    }

    /// The components that this one refers to.
    pub fn references(&self, found: &mut BTreeSet<String>) {
        match &self.shape {
            Shape::Any | Shape::Null | Shape::Scalar(_) => {}
            Shape::Object(fields) => {
                for (_, field) in &fields.named {
                    field.schema.references(found);
                }
                if let Rest::Of(rest) = &fields.rest {
                    rest.references(found);
                }
            }
            Shape::List(items) => items.references(found),
            Shape::OneOf(branches) => {
                for branch in branches {
                    branch.references(found);
                }
            }
            Shape::Ref(name) => {
                found.insert(name.clone());
            }
        }
    }
}

impl Field {
    fn to_json(&self, sent: bool) -> Value {
        let schema = &self.schema;
        if self.required {
            return schema.to_json();
        }
        // In a request null clears a field and absence leaves it alone. A
        // response of the same type has the two apart too.
        if sent && schema.nullable {
            let inner = Value::Object(schema.shape.to_json());
            let rust_type = json!({
                "crate": "altegio", "version": "*", "path": "altegio::Nullable",
                "parameters": [inner],
            });
            return schema.json(false, Some(rust_type));
        }
        // typify reads an absent and an empty list or map as one, and sends
        // neither; an optional value of them keeps the two apart.
        let collection = match &schema.shape {
            Shape::List(_) => true,
            Shape::Object(fields) => fields.named.is_empty(),
            _ => false,
        };
        schema.json(schema.nullable || collection, None)
    }
}

impl Shape {
    fn to_json(&self) -> Object {
        let json = match self {
            Self::Any | Self::Null => json!({}),
            Self::Scalar(scalar) => scalar.to_json(),
            Self::Object(fields) => return fields.to_json(),
            Self::List(items) => json!({"type": "array", "items": items.to_json()}),
            Self::OneOf(branches) => {
                json!({"oneOf": branches.iter().map(Lowered::to_json).collect::<Vec<_>>()})
            }
            Self::Ref(name) => json!({"$ref": component_reference(name)}),
        };
        super::object(json)
    }
}

impl Scalar {
    fn to_json(&self) -> Value {
        match self {
            Self::Boolean => json!({"type": "boolean"}),
            Self::Integer => json!({"type": "integer", "format": "int64"}),
            Self::Number => json!({"type": "number"}),
            Self::Text(None) => json!({"type": "string"}),
            Self::Text(Some(format)) => json!({"type": "string", "format": format}),
            Self::Enum(values) => json!({"type": "string", "enum": values}),
        }
    }

    /// What OpenAPI calls the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text(_) | Self::Enum(_) => "string",
        }
    }
}

impl Fields {
    pub fn get(&self, name: &str) -> Option<&Field> {
        let found = self.named.iter().find(|(other, _)| other == name);
        found.map(|(_, field)| field)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Field> {
        let found = self.named.iter_mut().find(|(other, _)| other == name);
        found.map(|(_, field)| field)
    }

    fn to_json(&self) -> Object {
        let mut json = super::object(json!({"type": "object"}));
        if !self.named.is_empty() {
            let properties = self
                .named
                .iter()
                .map(|(name, field)| (name.clone(), field.schema.to_json()));
            json.insert("properties".into(), Value::Object(properties.collect()));
        }
        let required: Vec<&str> = self
            .named
            .iter()
            .filter(|(_, field)| field.required)
            .map(|(name, _)| name.as_str())
            .collect();
        if !required.is_empty() {
            json.insert("required".into(), required.into());
        }
        match &self.rest {
            Rest::Unsaid => {}
            Rest::Any => {
                json.insert("additionalProperties".into(), true.into());
            }
            Rest::Of(schema) => {
                json.insert("additionalProperties".into(), schema.to_json());
            }
        }
        json
    }
}
