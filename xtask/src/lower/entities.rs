//! Builds the entities of the overlay's table: one type for an object that many
//! responses have in common.
//!
//! An entity has the properties of all its places, and each is optional. Where
//! places disagree on the type of a property, the entity has the one that reads
//! the others' values too (see [`reconciled`]); `lowering.txt` lists each such
//! decision.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Lowering;
use super::lowered::{Field, Fields, Lowered, Rest, Scalar, Shape};
use super::naming::Pinned;
use super::operations::Operation;
use super::responses::Content;
use crate::entity_table::{ENTITIES, Entity};
use altegio_openapi::pointer::Pointer;

/// The documentation of a field lists at most so many operations.
const LISTED: usize = 6;

/// What one place contributes to an entity.
#[derive(Clone, PartialEq)]
struct Part {
    /// The operation that the place belongs to.
    operation: String,
    fields: Fields,
}

impl Lowering<'_> {
    /// Replaces the places of the entities by references to them, and returns the
    /// entities.
    ///
    /// # Errors
    ///
    /// Returns a complaint for every place that does not exist, or that another
    /// entity has too.
    pub(super) fn entities(
        &mut self,
        table: &[(String, Entity)],
        operations: &mut [Operation],
    ) -> Result<Vec<Pinned>, Vec<String>> {
        let mut complaints = Vec::new();
        let mut open: VecDeque<(&str, Part)> = VecDeque::new();
        let mut inner: BTreeMap<&str, Vec<Inner<'_>>> = BTreeMap::new();
        for (name, entity) in table {
            for (place, paths) in &entity.places {
                let operation = operations.iter().position(|one| one.id == *place);
                let owner = table.iter().find(|(other, _)| other == place);
                for path in paths.iter() {
                    let result = match (operation, owner, path.as_slice()) {
                        (Some(index), _, path) => match &mut operations[index].responses.content {
                            Content::Json(content) => self.take(content, path, name, true),
                            _ => Err("has no JSON response".to_owned()),
                        },
                        (None, Some((owner, _)), [property]) => {
                            let inner = inner.entry(owner).or_default();
                            inner.push(Inner {
                                property: (*property).to_owned(),
                                name,
                                found: false,
                            });
                            Ok(Vec::new())
                        }
                        (None, Some(_), _) => Err("must be one property of that entity".to_owned()),
                        (None, None, _) => Err("is neither an operation nor an entity".to_owned()),
                    };
                    match result {
                        Ok(found) => open.extend(found.into_iter().map(|fields| {
                            let operation = place.clone();
                            (name.as_str(), Part { operation, fields })
                        })),
                        Err(what) => complaints.push(format!(
                            "`{ENTITIES}`: `{name}`: `{place}: {}` {what}",
                            path.join(".")
                        )),
                    }
                }
            }
        }

        // The parts of an entity hold the parts of the entities in it.
        let mut parts: BTreeMap<&str, Vec<Part>> = BTreeMap::new();
        let mut seen: BTreeMap<&str, Vec<Part>> = BTreeMap::new();
        while let Some((name, mut part)) = open.pop_front() {
            let seen = seen.entry(name).or_default();
            if seen.contains(&part) {
                continue;
            }
            seen.push(part.clone());
            for Inner {
                property,
                name: inner,
                found,
            } in inner.get_mut(name).into_iter().flatten()
            {
                let Some(field) = part.fields.get_mut(property) else {
                    continue;
                };
                *found = true;
                match self.take(&mut field.schema, &[], inner, false) {
                    Ok(found) => open.extend(found.into_iter().map(|fields| {
                        let operation = part.operation.clone();
                        (*inner, Part { operation, fields })
                    })),
                    Err(what) => complaints.push(format!(
                        "`{ENTITIES}`: `{inner}`: `{name}: {property}` {what}"
                    )),
                }
            }
            parts.entry(name).or_default().push(part);
        }
        for (owner, inner) in &inner {
            for Inner { property, name, .. } in inner.iter().filter(|inner| !inner.found) {
                complaints.push(format!(
                    "`{ENTITIES}`: `{name}`: `{owner}` has no property `{property}`"
                ));
            }
        }
        if !complaints.is_empty() {
            complaints.sort();
            complaints.dedup();
            return Err(complaints);
        }

        let mut entities = Vec::new();
        for (name, entity) in table {
            let parts = parts.remove(name.as_str()).unwrap_or_default();
            let inner = inner.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            let schema = self.entity(name, entity, parts, inner);
            let name = name.clone();
            entities.push(Pinned { name, schema });
        }
        Ok(entities)
    }

    /// Replaces the objects at a path by references to the entity `name`, and
    /// returns their fields. A place without a type becomes the entity too if it
    /// must (`untyped`).
    fn take(
        &mut self,
        schema: &mut Lowered,
        path: &[&str],
        name: &str,
        untyped: bool,
    ) -> Result<Vec<Fields>, String> {
        if matches!(schema.shape, Shape::Ref(_)) {
            let component = self.resolved(schema);
            schema.shape = component.shape;
            for (key, value) in component.extensions {
                schema.extensions.entry(key).or_insert(value);
            }
        }
        match (&mut schema.shape, path) {
            (Shape::List(items), _) if items.shape != Shape::Any || untyped => {
                self.take(items, path, name, untyped)
            }
            (Shape::OneOf(branches), _) => {
                let mut found = Vec::new();
                let mut complaint = None;
                for branch in branches.iter_mut() {
                    match self.take(branch, path, name, false) {
                        Ok(fields) => found.extend(fields),
                        Err(what) => complaint = Some(what),
                    }
                }
                let mut kept: Vec<Lowered> = Vec::new();
                for branch in branches.drain(..) {
                    if !kept.iter().any(|other| other.shape == branch.shape) {
                        kept.push(branch);
                    }
                }
                match (kept.pop(), kept.is_empty()) {
                    (Some(one), true) => schema.shape = one.shape,
                    (last, _) => {
                        kept.extend(last);
                        schema.shape = Shape::OneOf(kept);
                    }
                }
                match complaint {
                    Some(what) if found.is_empty() => Err(what),
                    _ => Ok(found),
                }
            }
            (Shape::Type(other), _) if other == name && path.is_empty() => Ok(Vec::new()),
            (Shape::Type(other), _) => Err(format!("is part of the entity `{other}` already")),
            (Shape::Object(fields), []) if !fields.named.is_empty() => {
                let fields = std::mem::take(fields);
                schema.shape = Shape::Type(name.to_owned());
                Ok(vec![fields])
            }
            (Shape::Any | Shape::Object(_), []) => {
                if untyped {
                    schema.shape = Shape::Type(name.to_owned());
                }
                Ok(Vec::new())
            }
            (Shape::Null | Shape::List(_), _) if !untyped => Ok(Vec::new()),
            (Shape::Object(fields), [step, rest @ ..]) => {
                let mut inside: Vec<&mut Lowered> = Vec::new();
                for (property, field) in &mut fields.named {
                    if property == step || *step == "*" {
                        inside.push(&mut field.schema);
                    }
                }
                if let Rest::Of(values) = &mut fields.rest
                    && *step == "*"
                {
                    inside.push(values);
                }
                if inside.is_empty() {
                    return Err(format!("does not exist: there is no property `{step}`"));
                }
                let mut found = Vec::new();
                for schema in inside {
                    found.extend(self.take(schema, rest, name, untyped)?);
                }
                Ok(found)
            }
            _ => Err("is no object".to_owned()),
        }
    }

    fn entity(
        &mut self,
        name: &str,
        entity: &Entity,
        parts: Vec<Part>,
        inner: &[Inner<'_>],
    ) -> Lowered {
        let at = Pointer::root().join(ENTITIES).join(name);
        let operations: BTreeSet<String> =
            parts.iter().map(|part| part.operation.clone()).collect();
        let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut union = Fields::default();
        for mut part in parts {
            for (property, field) in &mut part.fields.named {
                self.without_empty_list(&mut field.schema);
                if entity.fields.contains_key(property) {
                    field.schema.shape = Shape::Any;
                }
                let by = documented.entry(property.clone()).or_default();
                by.insert(part.operation.clone());
            }
            union = self.united(&at, union, part.fields);
        }
        for (property, field) in &mut union.named {
            field.required = false;
            let by = documented.remove(property).unwrap_or_default();
            field.schema.facts.extend(documented_by(&by, &operations));
        }
        for property in entity.fields.keys() {
            let at = at.join("fields").join(property).join("schema");
            let Some(schema) = at.get(self.document) else {
                continue;
            };
            let mut schema = self.schema(&at, schema);
            match union.get_mut(property) {
                Some(field) => {
                    schema.nullable |= field.schema.nullable;
                    schema.own = schema.own.or(field.schema.own.take());
                    schema.facts.append(&mut field.schema.facts);
                    schema.extensions.append(&mut field.schema.extensions);
                    field.schema = schema;
                }
                None => {
                    let required = false;
                    union
                        .named
                        .push((property.clone(), Field { required, schema }));
                }
            }
        }
        for Inner { property, name, .. } in inner {
            if let Some(field) = union.get_mut(property) {
                typed(&mut field.schema, name);
            }
        }
        let mut schema = Lowered::new(Shape::Object(union));
        schema.own.clone_from(&entity.description);
        schema
    }

    /// The fields of both objects.
    fn united(&mut self, at: &Pointer, mut ours: Fields, theirs: Fields) -> Fields {
        for (property, theirs) in theirs.named {
            match ours.get_mut(&property) {
                Some(ours) => {
                    let schema = std::mem::replace(&mut ours.schema, Lowered::any());
                    ours.schema = self.either_of(&at.join(&property), schema, theirs.schema);
                }
                None => ours.named.push((property, theirs)),
            }
        }
        for (_, field) in &mut ours.named {
            field.required = false;
        }
        ours
    }

    /// The schema for a property that has one schema in one place and another in
    /// another.
    fn either_of(&mut self, at: &Pointer, mut a: Lowered, mut b: Lowered) -> Lowered {
        if a.shape != b.shape {
            for one in [&mut a, &mut b] {
                if matches!(one.shape, Shape::Ref(_)) {
                    let component = self.resolved(one);
                    one.shape = component.shape;
                }
            }
        }
        let mut joined = Lowered::any();
        joined.nullable = a.nullable || b.nullable;
        joined.own = a.own.take().or(b.own.take());
        joined.facts = std::mem::take(&mut a.facts);
        for fact in std::mem::take(&mut b.facts) {
            if !joined.facts.contains(&fact) {
                joined.facts.push(fact);
            }
        }
        joined.extensions = std::mem::take(&mut b.extensions);
        joined.extensions.append(&mut a.extensions);
        joined.shape = match (a.shape, b.shape) {
            (a, b) if a == b => a,
            (Shape::Any | Shape::Null, shape) | (shape, Shape::Any | Shape::Null) => shape,
            (a, b) => self.reconciled(at, a, b),
        };
        joined
    }

    /// One shape for two that differ: see [`reconciled`]. If there is none, the
    /// union of both.
    fn reconciled(&mut self, at: &Pointer, a: Shape, b: Shape) -> Shape {
        let what = (described(&a), described(&b));
        let mut branches: Vec<Lowered> = Vec::new();
        for shape in [a, b] {
            let parts = match shape {
                Shape::OneOf(branches) => branches,
                shape => vec![Lowered::new(shape)],
            };
            for part in parts {
                let twin = branches.iter().enumerate().find_map(|(index, other)| {
                    Some((index, self.one_shape(at, &other.shape, &part.shape)?))
                });
                match twin {
                    Some((index, shape)) => branches[index].shape = shape,
                    None => branches.push(part),
                }
            }
        }
        let shape = match (branches.pop(), branches.is_empty()) {
            (Some(one), true) => one.shape,
            (last, _) => {
                branches.extend(last);
                Shape::OneOf(branches)
            }
        };
        let result = described(&shape);
        if what.0 != what.1 || what.0 != result {
            self.note(at, format!("{} or {}: read as {result}", what.0, what.1));
        }
        shape
    }

    fn one_shape(&mut self, at: &Pointer, a: &Shape, b: &Shape) -> Option<Shape> {
        match (a, b) {
            (Shape::Object(a), Shape::Object(b)) if a.named.is_empty() || b.named.is_empty() => {
                Some(Shape::Object(
                    if a.named.is_empty() { b } else { a }.clone(),
                ))
            }
            (Shape::Object(a), Shape::Object(b)) => {
                Some(Shape::Object(self.united(at, a.clone(), b.clone())))
            }
            (Shape::List(a), Shape::List(b)) => {
                let items = self.either_of(at, (**a).clone(), (**b).clone());
                Some(Shape::List(Box::new(items)))
            }
            _ => reconciled(a, b),
        }
    }

    /// Turns "an object or an empty list" into the object: PHP writes an empty
    /// object as `[]`.
    fn without_empty_list(&mut self, schema: &mut Lowered) {
        if let Shape::OneOf(branches) = &schema.shape
            && branches.iter().any(|one| is_empty_list(&one.shape))
            && branches.iter().any(|one| self.is_object_shape(&one.shape))
        {
            let kept = branches.iter().filter(|one| !is_empty_list(&one.shape));
            let mut kept: Vec<Lowered> = kept.cloned().collect();
            schema.shape = match (kept.pop(), kept.is_empty()) {
                (Some(one), true) => one.shape,
                (last, _) => {
                    kept.extend(last);
                    Shape::OneOf(kept)
                }
            };
        }
    }

    fn is_object_shape(&self, shape: &Shape) -> bool {
        match shape {
            Shape::Object(_) | Shape::Type(_) => true,
            Shape::Ref(name) => match self.components.get(name) {
                Some(Some(component)) => matches!(component.shape, Shape::Object(_)),
                _ => false,
            },
            _ => false,
        }
    }
}

fn is_empty_list(shape: &Shape) -> bool {
    matches!(shape, Shape::List(items) if is_untyped(&items.shape))
}

fn is_untyped(shape: &Shape) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Object(fields) => fields.named.is_empty() && fields.rest == Rest::Unsaid,
        _ => false,
    }
}

/// An entity that is a property of another one.
struct Inner<'t> {
    property: String,
    name: &'t str,
    found: bool,
}

/// The shape that reads the values of both: the decoding converts numbers and
/// texts, 0/1 and booleans, and reads an empty list as an empty object.
fn reconciled(a: &Shape, b: &Shape) -> Option<Shape> {
    if a == b {
        return Some(a.clone());
    }
    one_way(a, b).or_else(|| one_way(b, a))
}

fn one_way(a: &Shape, b: &Shape) -> Option<Shape> {
    use Scalar::{Boolean, Enum, Integer, Number, Text};
    Some(match (a, b) {
        (Shape::Any, other) => other.clone(),
        // PHP writes an empty object as `[]`.
        (Shape::Object(_) | Shape::Type(_), list) if is_empty_list(list) => a.clone(),
        (Shape::Type(_), Shape::Object(fields)) if fields.named.is_empty() => a.clone(),
        (Shape::Scalar(a), Shape::Scalar(b)) => Shape::Scalar(match (a, b) {
            (Number, Integer) => Number,
            (Boolean, Integer | Number) => Boolean,
            // The date types read seconds since 1970 and days too.
            (Text(Some(format)), Text(Some(_))) if format == "date-time" => a.clone(),
            (Text(Some(format)), Text(None) | Integer | Number) if format != "binary" => a.clone(),
            (Enum(ours), Enum(theirs)) => {
                let mut values = ours.clone();
                values.extend(theirs.iter().filter(|value| !ours.contains(value)).cloned());
                Enum(values)
            }
            // Enums of responses are open.
            (Enum(_), Text(None)) => a.clone(),
            // Texts of more digits than a number has, such as coordinates. Those
            // that are no quantities at all are listed in `x-texts`.
            (Text(None), Number) => a.clone(),
            (Integer, Text(None)) => Integer,
            _ => return None,
        }),
        _ => return None,
    })
}

fn described(shape: &Shape) -> String {
    match shape {
        Shape::Any => "any value".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Scalar(Scalar::Text(Some(format))) => format.clone(),
        Shape::Scalar(scalar) => scalar.type_name().to_owned(),
        Shape::Object(_) => "object".to_owned(),
        Shape::List(items) => format!("list of {}", described(&items.shape)),
        Shape::OneOf(branches) => {
            let branches: Vec<String> = branches.iter().map(|one| described(&one.shape)).collect();
            branches.join("/")
        }
        Shape::Ref(name) | Shape::Type(name) => name.clone(),
    }
}

/// Makes a schema without a type the entity `name`, or a list of it.
fn typed(schema: &mut Lowered, name: &str) {
    match &mut schema.shape {
        Shape::List(items) => typed(items, name),
        Shape::Any | Shape::Null => schema.shape = Shape::Type(name.to_owned()),
        Shape::Object(fields) if fields.named.is_empty() => {
            schema.shape = Shape::Type(name.to_owned());
        }
        _ => {}
    }
}

/// A sentence on which of the entity's operations document a property; none if
/// all of them do.
fn documented_by(by: &BTreeSet<String>, all: &BTreeSet<String>) -> Option<String> {
    let others: Vec<&String> = all.difference(by).collect();
    let listed = |operations: &[&String]| {
        let some = operations.iter().take(LISTED);
        let mut some: Vec<String> = some.map(|one| format!("`{one}`")).collect();
        if operations.len() > LISTED {
            some.push(format!("and {} more", operations.len() - LISTED));
        }
        some.join(", ")
    };
    let by: Vec<&String> = by.iter().collect();
    if others.is_empty() {
        None
    } else if others.len() < by.len() {
        Some(format!("Not documented for {}.", listed(&others)))
    } else {
        Some(format!("Documented for {}.", listed(&by)))
    }
}
