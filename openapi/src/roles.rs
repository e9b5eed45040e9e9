//! Which component schemas are used in requests, and which in responses.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::grammar;
use crate::select::reach;

/// The names of the component schemas that requests and responses use, directly
/// or through another schema. A schema can be in both sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// The schemas of request bodies and parameters.
    pub sent: BTreeSet<String>,
    /// The schemas of responses.
    pub received: BTreeSet<String>,
}

impl Roles {
    /// Returns the roles of the document's component schemas.
    pub fn of(document: &Value) -> Self {
        let empty = Map::new();
        let schemas = document["components"]["schemas"].as_object();
        Self::among(document, schemas.unwrap_or(&empty))
    }

    /// Returns the roles of `schemas`, which may differ from the document's own
    /// component schemas.
    pub fn among(document: &Value, schemas: &Map<String, Value>) -> Self {
        let mut roles = Self::default();
        for (_, _, operation) in grammar::operations(document) {
            reach(&operation["parameters"], schemas, &mut roles.sent);
            reach(&operation["requestBody"], schemas, &mut roles.sent);
            reach(&operation["responses"], schemas, &mut roles.received);
        }
        roles
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_inside_another_has_its_roles() {
        let refers = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let document = json!({
            "paths": {"/a": {"post": {
                "parameters": [{"schema": refers("order")}],
                "requestBody": refers("new_tag"),
                "responses": {"200": refers("tag_list")},
            }}},
            "components": {"schemas": {
                "order": {}, "new_tag": {"x": refers("color")}, "color": {},
                "tag_list": {"x": refers("color")}, "unused": {},
            }},
        });
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected = Roles {
            sent: names(&["color", "new_tag", "order"]),
            received: names(&["color", "tag_list"]),
        };
        assert_eq!(Roles::of(&document), expected);
    }
}
