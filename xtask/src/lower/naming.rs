//! Gives every object, enum, and union a name of its own: each becomes a
//! component, and so one type in Rust.
//!
//! The vendor's components are dissolved into the places that refer to them.
//! Then equal shapes become one type, whose name is made from the places that
//! use it:
//!
//! | place | name |
//! |-------|------|
//! | an entity (`x-entities`) | the entity's name |
//! | a request body | `<OperationId>Body` |
//! | a response without an envelope, its items | `<OperationId>Response`, `<OperationId>Item` |
//! | `data` of an envelope, its items | `<OperationId>Data`, `<OperationId>Item` |
//! | a property | `<Owner><Property>`, in the singular for the items of a list |
//!
//! A type that several owners use under one property is named after the
//! property, and a small one after its fields or branches (`IdAndTitle`,
//! `TextOrNumber`). A name of the previous run is kept for its place, and
//! `x-names` replaces names by better ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use altegio_openapi::grammar::VALUES;
use altegio_openapi::names::{pascal, singular, snake};

use super::Lowering;
use super::lowered::{Fields, Lowered, Rest, Scalar, Shape};
use super::names::Names;
use super::operations::Operation;
use super::responses::Content;

/// The extension of a component for further names of the same type.
const ALIASES: &str = "x-aliases";

/// A name that is longer is used only if there is no shorter one.
const LONG: usize = 40;

/// Properties that say too little to name a type on their own.
const VAGUE: [&str; 16] = [
    "data", "entity", "id", "info", "item", "kind", "list", "meta", "name", "option", "params",
    "result", "settings", "status", "type", "value",
];

/// What the naming takes from the previous run and from the overlay.
pub(super) struct Wishes<'a> {
    /// The names of the previous run.
    pub before: &'a Names,
    /// Better names by generated ones (`x-names`).
    pub better: BTreeMap<String, String>,
}

/// A type that has its name already.
pub(super) struct Pinned {
    pub name: String,
    pub schema: Lowered,
}

impl Lowering<'_> {
    /// Replaces the components by named types, which the operations then refer
    /// to. Returns the names of those that callers see.
    ///
    /// # Errors
    ///
    /// Returns a complaint for every better name that is not used or not free.
    pub(super) fn name_types(
        &mut self,
        operations: &mut [Operation],
        pinned: Vec<Pinned>,
        wishes: &Wishes<'_>,
    ) -> Result<Names, Vec<String>> {
        let components = std::mem::take(&mut self.components);
        let components: BTreeMap<String, Lowered> = components
            .into_iter()
            .filter_map(|(name, schema)| Some((name, schema?)))
            .collect();
        let mut types = Types::new(&components, pinned);
        for operation in operations.iter_mut() {
            types.add_operation(operation);
        }
        let chosen = Chooser::new(&types.list, wishes).choose()?;

        let rename = |schema: &mut Lowered| rename(schema, &chosen);
        operations.iter_mut().for_each(|operation| {
            roots(operation, &mut |_, schema| rename(schema));
        });
        let mut names = Names::default();
        let mut list: Vec<(&Name, Type)> = chosen.iter().zip(types.list).collect();
        list.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        self.order.clear();
        for (name, mut found) in list {
            if !found.is_envelope {
                for one in &found.uses {
                    names.add(name.for_use(one), one.place(&chosen));
                }
            }
            rename(&mut found.schema);
            if !name.aliases.is_empty() {
                let aliases: Vec<String> = name.aliases.values().cloned().collect();
                found
                    .schema
                    .extensions
                    .insert(ALIASES.into(), aliases.into());
            }
            self.components
                .insert(name.name.clone(), Some(found.schema));
            self.order.push(name.name.clone());
        }
        Ok(names)
    }
}

/// Calls `change` for every schema that an operation consists of, with the label
/// of its place.
fn roots(operation: &mut Operation, change: &mut dyn FnMut(&str, &mut Lowered)) {
    for parameter in &mut operation.parameters {
        let label = format!("{}.{}", parameter.location(), parameter.name);
        change(&label, &mut parameter.schema);
    }
    if let Some(body) = &mut operation.body {
        change("body", &mut body.schema);
    }
    if let Content::Json(schema) = &mut operation.responses.content {
        change("response", schema);
    }
}

// ---- the types -------------------------------------------------------------------

/// A type and the places that use it.
struct Type {
    schema: Lowered,
    uses: Vec<Use>,
    /// The name that it has already.
    pinned: Option<String>,
    /// Whether it is the `{success, data, meta}` of a response. Callers do not
    /// see it: they get the generic `Envelope`.
    is_envelope: bool,
}

/// A place that uses a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    owner: Owner,
    /// The place in its owner: `services[]`, or `|object` for a union's branch.
    label: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// The operation with this id.
    Operation(String),
    /// The type with this index.
    Type(usize),
}

impl Use {
    fn place(&self, names: &[Name]) -> String {
        let owner = match &self.owner {
            Owner::Operation(id) => id,
            Owner::Type(index) => &names[*index].name,
        };
        let dot = if self.label.starts_with('|') { "" } else { "." };
        format!("{owner}{dot}{}", self.label)
    }

    /// The property, in the singular if the type is that of its items.
    fn property(&self) -> String {
        let label = self.label.trim_start_matches('|');
        let ends = [label.find("[]"), label.find(".*")];
        let end = ends.into_iter().flatten().min();
        let name = end.map_or(label, |end| &label[..end]);
        let name = name.rsplit('.').next().unwrap_or(name);
        match end {
            Some(_) => singular(name),
            None => name.to_owned(),
        }
    }
}

/// The types that were found so far. While they have no names, they refer to
/// each other by index ([`indexed`]).
struct Types<'c> {
    components: &'c BTreeMap<String, Lowered>,
    /// The components that hold themselves. Each is one type and is not
    /// dissolved.
    circular: BTreeMap<String, Option<usize>>,
    by_key: HashMap<String, usize>,
    pinned: BTreeMap<String, usize>,
    list: Vec<Type>,
}

/// A type that is found in a schema: its index and the label of its place.
type Found = Vec<(usize, String)>;

impl<'c> Types<'c> {
    fn new(components: &'c BTreeMap<String, Lowered>, pinned: Vec<Pinned>) -> Self {
        let circular = components
            .keys()
            .filter(|name| is_circular(components, name));
        let mut types = Self {
            components,
            circular: circular.map(|name| (name.clone(), None)).collect(),
            by_key: HashMap::new(),
            pinned: BTreeMap::new(),
            list: Vec::new(),
        };
        // All of them first, since they refer to each other.
        for (index, Pinned { name, .. }) in pinned.iter().enumerate() {
            types.pinned.insert(name.clone(), index);
            types.list.push(Type {
                schema: Lowered::any(),
                uses: Vec::new(),
                pinned: Some(name.clone()),
                is_envelope: false,
            });
        }
        for (index, Pinned { schema, .. }) in pinned.into_iter().enumerate() {
            types.list[index].schema = schema;
            types.add_children(index);
        }
        types
    }

    fn add_operation(&mut self, operation: &mut Operation) {
        let mut found = Found::new();
        roots(operation, &mut |label, schema| {
            if label == "response" {
                self.add_response(schema, &mut found);
            } else {
                self.add(schema, label, &mut found);
            }
        });
        self.use_in(&Owner::Operation(operation.id.clone()), found);
    }

    fn add_response(&mut self, schema: &mut Lowered, found: &mut Found) {
        self.dissolve(schema);
        let Shape::Object(fields) = &mut schema.shape else {
            return self.add(schema, "response", found);
        };
        if !is_envelope(fields) {
            return self.add(schema, "response", found);
        }
        for (name, field) in &mut fields.named {
            self.add(&mut field.schema, name, found);
        }
        let key = format!("envelope {}", key(&schema.shape));
        let index = self.with_key(key, schema.shape.clone());
        self.list[index].is_envelope = true;
        schema.shape = indexed(index);
        found.push((index, "response".to_owned()));
    }

    fn use_in(&mut self, owner: &Owner, found: Found) {
        for (index, label) in found {
            let one = Use {
                owner: owner.clone(),
                label,
            };
            if !self.list[index].uses.contains(&one) {
                self.list[index].uses.push(one);
            }
        }
    }

    /// Turns a reference to a component that does not hold itself into the
    /// component.
    fn dissolve(&mut self, schema: &mut Lowered) {
        while let Shape::Ref(name) = &schema.shape {
            if self.circular.contains_key(name) {
                return;
            }
            let component = self.components.get(name).cloned();
            let component = component.unwrap_or_else(Lowered::any);
            schema.shape = component.shape;
            schema.own = schema.own.take().or(component.own);
            if schema.facts.is_empty() {
                schema.facts = component.facts;
            }
            for (key, value) in component.extensions {
                schema.extensions.entry(key).or_insert(value);
            }
        }
    }

    /// Finds the types in a schema, and replaces them by references.
    fn add(&mut self, schema: &mut Lowered, label: &str, found: &mut Found) {
        self.dissolve(schema);
        let index = match &mut schema.shape {
            Shape::Any | Shape::Null => return,
            Shape::List(items) => return self.add(items, &format!("{label}[]"), found),
            Shape::Object(fields) if fields.named.is_empty() => {
                if let Rest::Of(values) = &mut fields.rest {
                    self.add(values, &format!("{label}.*"), found);
                }
                return;
            }
            Shape::Scalar(scalar) if !matches!(scalar, Scalar::Enum(_)) => return,
            Shape::Type(name) => match self.pinned.get(name) {
                Some(index) => *index,
                None => return,
            },
            Shape::Ref(name) => {
                let name = name.clone();
                self.circular_type(&name)
            }
            Shape::Object(_) | Shape::OneOf(_) | Shape::Scalar(_) => {
                let mut shape = std::mem::replace(&mut schema.shape, Shape::Any);
                sort_scalars(&mut shape);
                let children = self.children(&mut shape);
                let before = self.list.len();
                let index = self.with_key(key(&shape), shape);
                if index == before {
                    self.use_in(&Owner::Type(index), children);
                }
                index
            }
        };
        schema.shape = indexed(index);
        found.push((index, label.to_owned()));
    }

    /// The type with this key, which is `shape` if it is new.
    fn with_key(&mut self, key: String, shape: Shape) -> usize {
        if let Some(index) = self.by_key.get(&key) {
            agree(&mut self.list[*index].schema.shape, &shape);
            return *index;
        }
        let index = self.list.len();
        self.by_key.insert(key, index);
        self.list.push(Type {
            schema: Lowered::new(shape),
            uses: Vec::new(),
            pinned: None,
            is_envelope: false,
        });
        index
    }

    fn circular_type(&mut self, name: &str) -> usize {
        if let Some(Some(index)) = self.circular.get(name) {
            return *index;
        }
        let index = self.list.len();
        self.circular.insert(name.to_owned(), Some(index));
        let component = self.components.get(name).cloned();
        self.list.push(Type {
            schema: component.unwrap_or_else(Lowered::any),
            uses: Vec::new(),
            pinned: None,
            is_envelope: false,
        });
        self.add_children(index);
        index
    }

    fn add_children(&mut self, index: usize) {
        let mut shape = std::mem::replace(&mut self.list[index].schema.shape, Shape::Any);
        let children = self.children(&mut shape);
        self.list[index].schema.shape = shape;
        self.use_in(&Owner::Type(index), children);
    }

    fn children(&mut self, shape: &mut Shape) -> Found {
        let mut found = Found::new();
        match shape {
            Shape::Object(fields) => {
                for (name, field) in &mut fields.named {
                    self.add(&mut field.schema, name, &mut found);
                }
                if let Rest::Of(values) = &mut fields.rest {
                    self.add(values, "value", &mut found);
                }
            }
            Shape::List(items) => self.add(items, "item", &mut found),
            Shape::OneOf(branches) => {
                for branch in branches {
                    let label = match &branch.shape {
                        Shape::Scalar(scalar) => scalar.type_name(),
                        Shape::List(_) => "list",
                        _ => "object",
                    };
                    self.add(branch, &format!("|{label}"), &mut found);
                }
            }
            _ => {}
        }
        found
    }
}

/// A reference to a type that has no name yet.
fn indexed(index: usize) -> Shape {
    Shape::Type(format!("#{index}"))
}

fn rename(schema: &mut Lowered, names: &[Name]) {
    match &mut schema.shape {
        Shape::Type(name) => {
            let index = name.strip_prefix('#').and_then(|index| index.parse().ok());
            if let Some(found) = index.and_then(|index: usize| names.get(index)) {
                name.clone_from(&found.name);
            }
        }
        Shape::Object(fields) => {
            for (_, field) in &mut fields.named {
                rename(&mut field.schema, names);
            }
            if let Rest::Of(values) = &mut fields.rest {
                rename(values, names);
            }
        }
        Shape::List(items) => rename(items, names),
        Shape::OneOf(branches) => branches.iter_mut().for_each(|one| rename(one, names)),
        Shape::Any | Shape::Null | Shape::Scalar(_) | Shape::Ref(_) => {}
    }
}

/// Whether the fields are those that the generic `Envelope` has.
fn is_envelope(fields: &Fields) -> bool {
    fields.get("data").is_some()
        && fields
            .named
            .iter()
            .all(|(name, field)| match name.as_str() {
                "data" | "meta" => true,
                "success" => field.schema.shape == Shape::Scalar(Scalar::Boolean),
                _ => false,
            })
}

fn is_circular(components: &BTreeMap<String, Lowered>, name: &str) -> bool {
    let mut reached = BTreeSet::new();
    let mut open = BTreeSet::from([name.to_owned()]);
    while let Some(next) = open.pop_first() {
        let mut found = BTreeSet::new();
        if let Some(schema) = components.get(&next) {
            schema.references(&mut found);
        }
        for one in found {
            if one == name {
                return true;
            }
            if reached.insert(one.clone()) {
                open.insert(one);
            }
        }
    }
    false
}

/// A text that is the same for shapes that differ in their descriptions only.
fn key(shape: &Shape) -> String {
    let mut shape = shape.clone();
    forget_descriptions(&mut shape);
    format!("{shape:?}")
}

fn forget_descriptions(shape: &mut Shape) {
    each_child(shape, &mut |child| {
        child.own = None;
        child.extensions.shift_remove(VALUES);
        forget_descriptions(&mut child.shape);
    });
}

fn each_child(shape: &mut Shape, change: &mut dyn FnMut(&mut Lowered)) {
    match shape {
        Shape::Object(fields) => {
            for (_, field) in &mut fields.named {
                change(&mut field.schema);
            }
            if let Rest::Of(values) = &mut fields.rest {
                change(values);
            }
        }
        Shape::List(items) => change(items),
        Shape::OneOf(branches) => branches.iter_mut().for_each(change),
        _ => {}
    }
}

/// Keeps the descriptions that two places of one type agree on. A description
/// that differs becomes empty, so that no later one replaces it.
fn agree(ours: &mut Shape, theirs: &Shape) {
    let (Shape::Object(ours), Shape::Object(theirs)) = (ours, theirs) else {
        return;
    };
    for ((_, ours), (_, theirs)) in ours.named.iter_mut().zip(&theirs.named) {
        match (&mut ours.schema.own, &theirs.schema.own) {
            (Some(a), Some(b)) if a != b => a.clear(),
            (a @ None, Some(b)) => *a = Some(b.clone()),
            _ => {}
        }
        let values = theirs.schema.extensions.get(VALUES);
        match (ours.schema.extensions.get(VALUES), values) {
            (Some(a), Some(b)) if a != b => {
                ours.schema.extensions.shift_remove(VALUES);
            }
            (None, Some(b)) => {
                ours.schema.extensions.insert(VALUES.into(), b.clone());
            }
            _ => {}
        }
    }
}

// ---- the names -------------------------------------------------------------------

/// The name that a type gets.
#[derive(Clone, Debug, Default)]
struct Name {
    name: String,
    /// The names of the bodies of further operations, by operation.
    aliases: BTreeMap<String, String>,
    /// What the names of the types in it start with.
    stem: String,
    /// The stem of the entity or the operation that it belongs to.
    root: String,
}

impl Name {
    fn for_use(&self, one: &Use) -> &str {
        let alias = match &one.owner {
            Owner::Operation(id) if one.label == "body" => self.aliases.get(id),
            _ => None,
        };
        alias.unwrap_or(&self.name)
    }
}

/// A possible name for a type.
struct Candidate {
    name: String,
    stem: String,
    root: String,
}

struct Chooser<'t> {
    types: &'t [Type],
    wishes: &'t Wishes<'t>,
    /// The types that are named after a property.
    by_property: BTreeMap<usize, String>,
    taken: BTreeSet<String>,
    chosen: Vec<Option<Name>>,
    /// The generated names that got a better one.
    bettered: BTreeSet<String>,
    complaints: Vec<String>,
}

impl<'t> Chooser<'t> {
    fn new(types: &'t [Type], wishes: &'t Wishes<'t>) -> Self {
        Self {
            types,
            wishes,
            by_property: by_property(types),
            taken: types.iter().filter_map(|one| one.pinned.clone()).collect(),
            chosen: vec![None; types.len()],
            bettered: BTreeSet::new(),
            complaints: Vec::new(),
        }
    }

    fn choose(mut self) -> Result<Vec<Name>, Vec<String>> {
        for index in 0..self.types.len() {
            if let Some(name) = &self.types[index].pinned {
                self.chosen[index] = Some(Name {
                    name: name.clone(),
                    aliases: BTreeMap::new(),
                    stem: name.clone(),
                    root: name.clone(),
                });
            }
        }
        // Owners first. If all that are left hold each other, one that has a
        // named owner goes first.
        loop {
            let open = || (0..self.types.len()).filter(|index| self.chosen[*index].is_none());
            let mut ready: Vec<usize> = open()
                .filter(|index| self.types[*index].uses.iter().all(|one| self.is_named(one)))
                .collect();
            if ready.is_empty() {
                let has_owner =
                    |index: &usize| self.types[*index].uses.iter().any(|one| self.is_named(one));
                ready.extend(open().find(has_owner).or_else(|| open().next()));
            }
            if ready.is_empty() {
                break;
            }
            for index in ready {
                self.name(index);
            }
        }
        for name in self.wishes.better.keys() {
            if !self.bettered.contains(name) {
                self.complaints.push(format!(
                    "`x-names`: `{name}` is the name of no type; take it out"
                ));
            }
        }
        if self.complaints.is_empty() {
            Ok(self.chosen.into_iter().flatten().collect())
        } else {
            Err(self.complaints)
        }
    }

    fn is_named(&self, one: &Use) -> bool {
        match one.owner {
            Owner::Operation(_) => true,
            Owner::Type(index) => self.chosen[index].is_some(),
        }
    }

    fn name(&mut self, index: usize) {
        let kept = self.kept(index);
        let reserved = &self.wishes.before;
        let is_free = |name: &str| {
            !self.taken.contains(name)
                && (kept.as_deref() == Some(name) || !reserved.contains(name))
        };
        let candidates = self.candidates(index);
        let candidate = candidates.iter().find(|one| is_free(&one.name));
        let Some(last) = candidates.last() else {
            return;
        };
        let (generated, stem, root) = match candidate {
            Some(one) => (one.name.clone(), one.stem.clone(), one.root.clone()),
            None => {
                let mut numbers = 2..;
                let numbered = numbers.find_map(|number| {
                    let name = format!("{}{number}", last.name);
                    is_free(&name).then_some(name)
                });
                let name = numbered.unwrap_or_default();
                (name.clone(), name, last.root.clone())
            }
        };
        let mut name = kept.unwrap_or_else(|| generated.clone());
        if let Some(better) = self.wishes.better.get(&generated) {
            self.bettered.insert(generated.clone());
            name.clone_from(better);
        }
        let stem = if name == generated {
            stem
        } else {
            name.clone()
        };
        if !self.taken.insert(name.clone()) {
            let what = format!("`x-names`: `{name}`, for `{generated}`, is another type's name");
            self.complaints.push(what);
        }
        let aliases = self.bodies(index);
        let aliases = aliases.filter(|(_, alias)| *alias != name).collect();
        self.chosen[index] = Some(Name {
            name,
            aliases,
            stem,
            root,
        });
    }

    /// The names of the bodies that have this type, by operation.
    fn bodies(&self, index: usize) -> impl Iterator<Item = (String, String)> + use<'t> {
        let types = self.types;
        types[index].uses.iter().filter_map(|one| match &one.owner {
            Owner::Operation(id) if one.label == "body" => {
                Some((id.clone(), format!("{}Body", pascal(id))))
            }
            _ => None,
        })
    }

    /// The name that most of the type's places had before, if it is free.
    fn kept(&self, index: usize) -> Option<String> {
        let chosen: Vec<Name> = self
            .chosen
            .iter()
            .map(|name| name.clone().unwrap_or_default())
            .collect();
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for one in &self.types[index].uses {
            if let Some(name) = self.wishes.before.at(&one.place(&chosen)) {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes
            .into_iter()
            .max_by_key(|(name, count)| (*count, std::cmp::Reverse(*name)));
        let kept = most.map(|(name, _)| name.to_owned());
        kept.filter(|name| !self.taken.contains(name))
    }

    /// The possible names, best first.
    fn candidates(&self, index: usize) -> Vec<Candidate> {
        let found = &self.types[index];
        let mut own: Vec<Candidate> = Vec::new();
        let mut long: Vec<Candidate> = Vec::new();
        for one in &found.uses {
            let property = one.property();
            match &one.owner {
                Owner::Operation(id) => own.push(of_operation(id, one, &found.schema.shape)),
                Owner::Type(owner) => {
                    let Some(owner) = &self.chosen[*owner] else {
                        continue;
                    };
                    let candidate = |stem: &str| {
                        let name = joined(stem, &property);
                        Candidate {
                            stem: name.clone(),
                            name,
                            root: owner.root.clone(),
                        }
                    };
                    own.push(candidate(&owner.stem));
                    long.push(candidate(&owner.root));
                    long.push(candidate(&owner.name));
                }
            }
        }
        // A type that responses use too is not named after a request.
        let rank = |one: &Candidate| (one.name.ends_with("Body"), one.name.len(), one.name.clone());
        own.sort_by_key(rank);
        long.sort_by_key(rank);
        // Skip what lies between if that makes the name short enough.
        own.extend(long);
        own.sort_by_key(|one| one.name.len() > LONG);
        let root = own.first().map(|one| one.root.clone()).unwrap_or_default();
        let general = by_shape(found).or_else(|| self.by_property.get(&index).cloned());
        let general = general.map(|name| Candidate {
            stem: name.clone(),
            name,
            root,
        });
        general.into_iter().chain(own).collect()
    }
}

/// The candidate for a place in an operation.
fn of_operation(id: &str, one: &Use, shape: &Shape) -> Candidate {
    let operation = pascal(id);
    let mut stem = operation.clone();
    for verb in ["Get", "List", "Search"] {
        if let Some(rest) = operation.strip_prefix(verb)
            && rest.starts_with(|c: char| c.is_ascii_uppercase())
        {
            rest.clone_into(&mut stem);
        }
    }
    let name = match one.label.as_str() {
        "body" => format!("{operation}Body"),
        "response" => format!("{operation}Response"),
        "data" => format!("{operation}Data"),
        "meta" => match fields_name(shape) {
            Some(fields) => format!("{fields}Meta"),
            None => format!("{stem}Meta"),
        },
        label if label.starts_with("body") => format!("{operation}BodyItem"),
        label if label.starts_with("response") || label.starts_with("data") => {
            format!("{operation}Item")
        }
        _ => joined(&stem, &one.property()),
    };
    Candidate {
        name,
        stem: stem.clone(),
        root: stem,
    }
}

/// `AppointmentRecordLabel` for `Appointment` and `record_label`; words that the
/// stem ends with are not repeated.
fn joined(stem: &str, property: &str) -> String {
    let words = |text: &str| -> Vec<String> {
        snake(text)
            .split('_')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (stem, property) = (words(stem), words(property));
    let same =
        |a: &[String], b: &[String]| a.iter().zip(b).all(|(a, b)| singular(a) == singular(b));
    let most = stem.len().min(property.len());
    let repeated = (1..=most)
        .rev()
        .find(|count| same(&stem[stem.len() - count..], &property[..*count]))
        .filter(|count| *count < property.len())
        .unwrap_or(0);
    pascal(
        &[&stem[..stem.len() - repeated], &property[..]]
            .concat()
            .join("_"),
    )
}

/// The types that several owners use under one property, which no other such
/// type is used under, with that property.
fn by_property(types: &[Type]) -> BTreeMap<usize, String> {
    let mut shared: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, found) in types.iter().enumerate() {
        let properties: BTreeSet<String> = found.uses.iter().map(Use::property).collect();
        let owners: BTreeSet<&Owner> = found.uses.iter().map(|one| &one.owner).collect();
        if let (Some(property), 1) = (properties.first(), properties.len())
            && owners.len() > 1
            && !VAGUE.contains(&property.as_str())
            && !matches!(property.as_str(), "body" | "response" | "object")
        {
            shared.entry(pascal(property)).or_default().push(index);
        }
    }
    let single = shared.into_iter().filter(|(_, types)| types.len() == 1);
    single.map(|(name, types)| (types[0], name)).collect()
}

/// A name made of the branches of a union of scalars, or of the fields of a
/// small object that is used under several properties.
fn by_shape(found: &Type) -> Option<String> {
    if let Shape::OneOf(branches) = &found.schema.shape {
        let names: Option<Vec<&str>> = branches.iter().map(|one| scalar_name(&one.shape)).collect();
        return Some(names?.join("Or"));
    }
    let properties: BTreeSet<String> = found.uses.iter().map(Use::property).collect();
    let named = match &found.schema.shape {
        Shape::Object(fields) => fields.named.len(),
        _ => 0,
    };
    (properties.len() > 1 && found.uses.len() > 2 && named == 2)
        .then(|| fields_name(&found.schema.shape))
        .flatten()
}

/// `IdAndTitle` for an object of at most two scalar fields.
fn fields_name(shape: &Shape) -> Option<String> {
    let Shape::Object(fields) = shape else {
        return None;
    };
    let scalars = fields.named.iter().all(|(_, field)| {
        matches!(
            &field.schema.shape,
            Shape::Any | Shape::Null | Shape::Scalar(_)
        )
    });
    let names: Vec<String> = fields.named.iter().map(|(name, _)| pascal(name)).collect();
    (scalars && names.len() <= 2).then(|| names.join("And"))
}

/// Sorts the branches of a union of scalars, which differ in their type on the
/// wire, so that the same branches are one type.
fn sort_scalars(shape: &mut Shape) {
    let rank = |one: &Lowered| match scalar_name(&one.shape)? {
        "Text" => Some(0),
        "Integer" => Some(1),
        "Number" => Some(2),
        "Boolean" => Some(3),
        _ => None,
    };
    if let Shape::OneOf(branches) = shape
        && branches.iter().all(|one| rank(one).is_some())
    {
        branches.sort_by_key(rank);
    }
}

fn scalar_name(shape: &Shape) -> Option<&'static str> {
    Some(match shape {
        Shape::Scalar(Scalar::Boolean) => "Boolean",
        Shape::Scalar(Scalar::Integer) => "Integer",
        Shape::Scalar(Scalar::Number) => "Number",
        Shape::Scalar(Scalar::Text(None)) => "Text",
        Shape::Scalar(Scalar::Text(Some(format))) => match format.as_str() {
            "date" => "Date",
            "date-time" => "DateTime",
            _ => "File",
        },
        Shape::List(items) => match scalar_name(&items.shape)? {
            "Text" => "Texts",
            "Integer" => "Integers",
            "Number" => "Numbers",
            _ => return None,
        },
        _ => return None,
    })
}
