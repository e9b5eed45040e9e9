//! Moves inline schemas into components and names them; each component is one
//! type in Rust.

use super::Lowering;
use super::desugar::free_name;
use super::lowered::{Lowered, Rest, Scalar, Shape};
use super::operations::Operation;
use super::responses::Content;

impl Lowering<'_> {
    /// Adds a component, and returns its name: `name`, or `name` with a number if
    /// that is taken.
    pub(super) fn new_component(&mut self, name: &str, schema: Lowered) -> String {
        let name = free_name(&mut self.taken, name);
        self.add_component(name.clone(), schema);
        name
    }

    /// Moves every inline object, enum and union into a component: typify would
    /// name them too, but not always distinctly.
    pub(super) fn name_types(&mut self, operations: &mut [Operation]) {
        for name in self.order.clone() {
            if let Some(Some(mut schema)) = self.components.remove(&name) {
                self.name_children(&mut schema, &name);
                self.components.insert(name, Some(schema));
            }
        }
        for operation in operations {
            let id = &operation.id;
            for parameter in &mut operation.parameters {
                self.name_schema(&mut parameter.schema, &format!("{id}_{}", parameter.name));
            }
            if let Some(body) = &mut operation.body {
                self.name_schema(&mut body.schema, &format!("{id}_body"));
            }
            if let Content::Json(schema) = &mut operation.responses.content {
                self.name_schema(schema, &format!("{id}_response"));
            }
        }
    }

    fn name_schema(&mut self, schema: &mut Lowered, name: &str) {
        let needs_name = match &schema.shape {
            Shape::Scalar(Scalar::Enum(_)) | Shape::OneOf(_) => true,
            Shape::Object(fields) => !fields.named.is_empty(),
            _ => false,
        };
        if !needs_name {
            self.name_children(schema, name);
            return;
        }
        let name = free_name(&mut self.taken, name);
        let mut component = Lowered::new(std::mem::replace(
            &mut schema.shape,
            Shape::Ref(name.clone()),
        ));
        component.words = schema.words.clone();
        self.name_children(&mut component, &name);
        self.add_component(name, component);
    }

    fn name_children(&mut self, schema: &mut Lowered, name: &str) {
        match &mut schema.shape {
            Shape::Any | Shape::Null | Shape::Scalar(_) | Shape::Ref(_) => {}
            Shape::Object(fields) => {
                for (field, property) in &mut fields.named {
                    self.name_schema(&mut property.schema, &format!("{name}_{field}"));
                }
                if let Rest::Of(rest) = &mut fields.rest {
                    self.name_schema(rest, &format!("{name}_value"));
                }
            }
            Shape::List(items) => self.name_schema(items, &format!("{name}_item")),
            Shape::OneOf(branches) => {
                for branch in branches {
                    let suffix = match &branch.shape {
                        Shape::Scalar(scalar) => scalar.type_name(),
                        Shape::Object(_) => "object",
                        Shape::List(_) => "array",
                        _ => "variant",
                    };
                    self.name_schema(branch, &format!("{name}_{suffix}"));
                }
            }
        }
    }
}
