//! Combines schemas: into one that accepts what any of them accepts (`join`),
//! or into one that has the fields of all of them (`all_of`).

use super::lowered::{Field, Fields, Lowered, Rest, Shape};
use super::{Lowering, component_at};
use altegio_openapi::pointer::Pointer;

impl Lowering<'_> {
    /// The schema that accepts whatever any of `parts` accepts.
    pub(super) fn join_all(&mut self, parts: impl IntoIterator<Item = Lowered>) -> Lowered {
        let joined = parts.into_iter().reduce(|a, b| self.join(a, b));
        joined.unwrap_or_else(Lowered::any)
    }

    /// Like [`Self::join_all`], but for the branches of one schema: here, a list
    /// of any values next to an object is a list, and not PHP's empty object.
    pub(super) fn join_branches(&mut self, at: &Pointer, branches: Vec<Lowered>) -> Lowered {
        self.joining_at = at.clone();
        let (lists, others): (Vec<_>, Vec<_>) = branches.into_iter().partition(is_open_list);
        if others.is_empty() {
            return self.join_all(lists);
        }
        let joined = self.join_all(others);
        let Some(list) = lists.into_iter().next() else {
            return joined;
        };
        let nullable = joined.nullable || list.nullable;
        let mut branches = branches_of(joined);
        self.add_branch(&mut branches, list);
        let mut joined = Lowered::new(Shape::OneOf(branches));
        joined.nullable = nullable;
        joined
    }

    /// The schema that accepts whatever either schema accepts.
    pub(super) fn join(&mut self, a: Lowered, b: Lowered) -> Lowered {
        let nullable = a.nullable || b.nullable;
        let mut joined = match (&a.shape, &b.shape) {
            (Shape::Null, _) => b,
            (_, Shape::Null) => a,
            (a_shape, b_shape) if a_shape == b_shape => with_extensions(a, &b),
            _ => self.join_different(a, b),
        };
        joined.nullable = nullable;
        joined
    }

    fn join_different(&mut self, a: Lowered, b: Lowered) -> Lowered {
        let ((Shape::Ref(name), _) | (_, Shape::Ref(name))) = (&a.shape, &b.shape) else {
            return self.join_resolved(a, b);
        };
        let at = component_at(name);
        // Recursive types reach this point again with the same pair.
        let pair = (a.shape.clone(), b.shape.clone());
        if self.joining.contains(&pair) {
            let what = "combined with another type that holds itself: read as any value there";
            self.note(&at, what);
            return Lowered::any();
        }
        self.joining.push(pair);
        let joined = self.join_resolved(a, b);
        self.joining.pop();
        joined
    }

    fn join_resolved(&mut self, a: Lowered, b: Lowered) -> Lowered {
        let a_full = self.resolved(&a);
        let b_full = self.resolved(&b);
        match (&a_full.shape, &b_full.shape) {
            (Shape::Any, _) | (_, Shape::Any) => Lowered::any(),
            (a_shape, b_shape) if a_shape == b_shape => with_extensions(a, &b),
            (Shape::Object(ours), Shape::Object(theirs)) => {
                let fields = self.join_fields(ours.clone(), theirs.clone());
                let mut joined = with_extensions(a_full, &b_full);
                joined.shape = Shape::Object(fields);
                joined
            }
            (Shape::List(ours), Shape::List(theirs)) => {
                let items = self.join((**ours).clone(), (**theirs).clone());
                let mut joined = Lowered::new(Shape::List(Box::new(items)));
                joined.extensions = with_extensions(a_full, &b_full).extensions;
                joined
            }
            // PHP writes an empty object as `[]`; the wire layer decodes it as one.
            (Shape::Object(_), _) if is_open_list(&b_full) => a,
            (_, Shape::Object(_)) if is_open_list(&a_full) => b,
            _ => {
                let mut branches = branches_of(a);
                for branch in branches_of(b) {
                    self.add_branch(&mut branches, branch);
                }
                Lowered::new(Shape::OneOf(branches))
            }
        }
    }

    /// Adds a branch to a union, which has at most one branch for objects and
    /// one for lists.
    fn add_branch(&mut self, branches: &mut Vec<Lowered>, branch: Lowered) {
        let full = self.resolved(&branch);
        let twin = branches.iter().position(|other| {
            let other = self.resolved(other);
            match (&other.shape, &full.shape) {
                (Shape::Object(_), Shape::Object(_)) | (Shape::List(_), Shape::List(_)) => true,
                (a, b) => a == b,
            }
        });
        match twin {
            Some(index) => branches[index] = self.join(branches[index].clone(), branch),
            None => branches.push(branch),
        }
    }

    fn join_fields(&mut self, a: Fields, b: Fields) -> Fields {
        if a.named.is_empty() != b.named.is_empty() {
            // An object without named fields adds nothing to one with named
            // fields, unless it is declared open: then any field is allowed.
            let (mut named, open) = if a.named.is_empty() { (b, a) } else { (a, b) };
            if open.rest != Rest::Unsaid {
                let at = self.joining_at.clone();
                let names: Vec<&str> = named.named.iter().map(|(name, _)| name.as_str()).collect();
                let what = "combined with an object of any fields: not typed";
                self.note(&at, format!("`{}` {what}", names.join("`, `")));
                return Fields {
                    named: Vec::new(),
                    rest: Rest::Any,
                };
            }
            for (_, field) in &mut named.named {
                field.required = false;
            }
            return named;
        }
        let both_require: Vec<String> = required(&a)
            .filter(|name| required(&b).any(|other| other == *name))
            .map(str::to_owned)
            .collect();
        let rest = match (a.rest, b.rest) {
            (Rest::Of(ours), Rest::Of(theirs)) => Rest::Of(Box::new(self.join(*ours, *theirs))),
            (ours, theirs) if ours == theirs => ours,
            (Rest::Unsaid, Rest::Unsaid) => Rest::Unsaid,
            _ => Rest::Any,
        };
        let mut named = a.named;
        for (name, field) in &mut named {
            field.required = both_require.contains(name);
        }
        for (name, theirs) in b.named {
            match named.iter_mut().find(|(other, _)| *other == name) {
                Some((_, ours)) => {
                    let schema = std::mem::replace(&mut ours.schema, Lowered::any());
                    ours.schema = self.join(schema, theirs.schema);
                }
                None => named.push((
                    name,
                    Field {
                        required: false,
                        schema: theirs.schema,
                    },
                )),
            }
        }
        Fields { named, rest }
    }

    /// The schema that satisfies all of `parts`: an object with the fields of all
    /// objects.
    pub(super) fn all_of(&mut self, at: &Pointer, parts: Vec<Lowered>) -> Lowered {
        let mut joined = Lowered::any();
        for part in parts {
            let part = self.resolved(&part);
            joined.extensions.extend(part.extensions);
            joined.shape = match (joined.shape, part.shape) {
                (shape, Shape::Any) | (Shape::Any, shape) => shape,
                (Shape::Object(ours), Shape::Object(theirs)) => {
                    Shape::Object(self.both_fields(at, ours, theirs))
                }
                (ours, theirs) => {
                    if ours != theirs {
                        self.note(at, "two types at once: the later holds");
                    }
                    theirs
                }
            };
        }
        joined
    }

    fn both_fields(&mut self, at: &Pointer, mut ours: Fields, theirs: Fields) -> Fields {
        for (name, field) in theirs.named {
            match ours.get_mut(&name) {
                Some(before) => {
                    if before.schema != field.schema {
                        self.note(at, format!("`{name}` is said twice: the later holds"));
                    }
                    before.schema = field.schema;
                    before.required |= field.required;
                }
                None => ours.named.push((name, field)),
            }
        }
        if theirs.rest != Rest::Unsaid {
            ours.rest = theirs.rest;
        }
        ours
    }

    /// The schema, with a reference replaced by the component; any value if the
    /// component would have to contain itself.
    pub(super) fn resolved(&mut self, schema: &Lowered) -> Lowered {
        let Shape::Ref(name) = &schema.shape else {
            return schema.clone();
        };
        self.component(name).unwrap_or_else(Lowered::any)
    }
}

fn required(fields: &Fields) -> impl Iterator<Item = &str> {
    let named = fields.named.iter();
    named
        .filter(|(_, field)| field.required)
        .map(|(name, _)| name.as_str())
}

fn branches_of(schema: Lowered) -> Vec<Lowered> {
    match schema.shape {
        Shape::OneOf(branches) => branches,
        _ => vec![Lowered {
            nullable: false,
            ..schema
        }],
    }
}

fn with_extensions(mut schema: Lowered, other: &Lowered) -> Lowered {
    for (key, value) in &other.extensions {
        schema
            .extensions
            .entry(key.clone())
            .or_insert_with(|| value.clone());
    }
    schema
}

fn is_open_list(schema: &Lowered) -> bool {
    matches!(&schema.shape, Shape::List(items) if items.shape == Shape::Any)
}
