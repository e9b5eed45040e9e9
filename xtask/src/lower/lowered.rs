//! The intermediate form of a schema between 3.1 and 3.0, and its conversion to
//! JSON.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Object;
use super::desugar::component_reference;
use altegio_openapi::grammar::VALUES;

/// A lowered schema. Descriptions do not distinguish schemas.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// Whether null is allowed.
    pub nullable: bool,
    /// The document's own description.
    pub own: Option<String>,
    /// Sentences on what no Rust type expresses, which follow the description.
    pub facts: Vec<String>,
    /// The schema's extensions (`x-…`).
    pub extensions: Object,
    pub shape: Shape,
}

/// What a schema allows, in terms of Rust types.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Any,
    /// Always null.
    Null,
    Scalar(Scalar),
    Object(Fields),
    List(Box<Lowered>),
    OneOf(Vec<Lowered>),
    /// The document's component of this name.
    Ref(String),
    /// The type of this name (see [`super::naming`]).
    Type(String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Boolean,
    /// Always 64 bits: an id must not be narrowed.
    Integer,
    /// Without the format `float`, for which typify would generate an `f32`.
    Number,
    /// A string, with its format if progenitor's settings have a type for that.
    Text(Option<String>),
    /// One of these strings.
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

/// Fields other than the named ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Rest {
    /// Not specified or forbidden: a response with an additional field must not
    /// be an error.
    #[default]
    Unsaid,
    Any,
    Of(Box<Lowered>),
}

impl PartialEq for Lowered {
    fn eq(&self, other: &Self) -> bool {
        let extensions = |one: &Self| -> Vec<(String, Value)> {
            let extensions = one.extensions.iter().filter(|(key, _)| *key != VALUES);
            extensions
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        self.nullable == other.nullable
            && self.shape == other.shape
            && self.facts == other.facts
            && extensions(self) == extensions(other)
    }
}

impl Lowered {
    pub fn new(shape: Shape) -> Self {
        Self {
            nullable: matches!(shape, Shape::Null),
            own: None,
            facts: Vec::new(),
            extensions: Object::new(),
            shape,
        }
    }

    pub fn any() -> Self {
        Self::new(Shape::Any)
    }

    /// The description and the facts as one text, if there are any.
    pub fn description(&self) -> Option<String> {
        let own = self.own.as_deref().filter(|own| !own.is_empty());
        let facts = self.facts.iter().map(String::as_str);
        let sentences: Vec<&str> = own.into_iter().chain(facts).collect();
        // After a list, a sentence would belong to its last item.
        let after = if own.is_some_and(|own| own.contains('\n')) {
            "\n\n"
        } else {
            " "
        };
        (!sentences.is_empty()).then(|| sentences.join(after))
    }

    pub fn to_json(&self) -> Value {
        self.json(self.nullable, None)
    }

    /// `rust_type` replaces the type that typify would generate.
    fn json(&self, nullable: bool, rust_type: Option<Value>) -> Value {
        let mut json = self.shape.to_json();
        // `nullable` without a type would be refused, and any value is nullable
        // anyway.
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
        // In 3.0, `$ref` allows no other keywords next to it.
        if json.len() > 1
            && let Some(reference) = json.remove("$ref")
        {
            json.insert("allOf".into(), json!([{ "$ref": reference }]));
        }
        Value::Object(json)
    }

    /// The schema as a component. Nullability is expressed where the component is
    /// used, since typify emits two types of the same name for a nullable
    /// component. `sent` states whether request bodies contain the component.
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

    /// Adds the names of the components that this schema refers to to `found`.
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
            Shape::Ref(name) | Shape::Type(name) => {
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
        // In a request, null clears a field and absence leaves it unchanged. A
        // response of the same type distinguishes the two as well.
        if sent && schema.nullable {
            let inner = Value::Object(schema.shape.to_json());
            let rust_type = json!({
                "crate": "altegio", "version": "*", "path": "altegio::Nullable",
                "parameters": [inner],
            });
            return schema.json(false, Some(rust_type));
        }
        // typify treats an absent list or map like an empty one, and sends
        // neither. A nullable one becomes an `Option`, which tells them apart.
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
            Self::Ref(name) | Self::Type(name) => json!({"$ref": component_reference(name)}),
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

    /// The name of the type in OpenAPI.
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
