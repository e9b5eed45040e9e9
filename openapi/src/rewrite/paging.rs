//! Generates `pages()` and `stream()` for the operations that have a [`Paging`].

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{Ident, ImplItem, ImplItemFn, Item, Type, parse_quote};

use super::envelopes::Parts;
use super::operations::paged_by;
use super::syntax::{generic_argument, is_option, is_string_enum, is_vec, last_ident, wire_name};
use crate::api::{PagedBy, Paging};
use crate::pointer::Pointer;

/// The contents of the generated types, by name.
pub struct Shapes {
    types: BTreeMap<String, Shape>,
    envelopes: BTreeMap<String, Parts>,
}

/// The contents of a type: the fields of a struct by their names on the wire, or
/// the branches of a union.
enum Shape {
    Fields(BTreeMap<String, (Ident, Type)>),
    Branches(Vec<(Ident, Type)>),
    Other,
}

impl Shapes {
    /// Reads the items of the module `types`. `envelopes` are the types that
    /// `Envelope` replaces.
    pub fn read(types: &[Item], envelopes: BTreeMap<String, Parts>) -> Result<Self, String> {
        let mut shapes = BTreeMap::new();
        for item in types {
            if let Some(name) = name(item) {
                let shape = shape(item).map_err(|error| format!("type `{name}`: {error}"))?;
                shapes.insert(name, shape);
            }
        }
        for (name, Parts { data, meta }) in &envelopes {
            let field = |name: &str, ty: &Type| {
                let ident = format_ident!("{name}");
                (name.to_owned(), (ident, parse_quote!(Option<#ty>)))
            };
            let fields = [field("data", data), field("meta", meta)];
            shapes.insert(name.clone(), Shape::Fields(fields.into()));
        }
        Ok(Self {
            types: shapes,
            envelopes,
        })
    }

    /// Returns the names of the types that are objects on the wire.
    pub fn objects(&self) -> BTreeSet<String> {
        let is_object =
            |shape: &Shape| matches!(shape, Shape::Fields(fields) if !fields.is_empty());
        let objects = self.types.iter().filter(|(_, shape)| is_object(shape));
        objects.map(|(name, _)| name.clone()).collect()
    }

    fn of(&self, ty: &Type) -> Option<&Shape> {
        self.types.get(&last_ident(ty)?)
    }

    /// Returns the parts of a type if it is an envelope.
    pub fn envelope(&self, name: &str) -> Option<&Parts> {
        self.envelopes.get(name)
    }
}

fn name(item: &Item) -> Option<String> {
    match item {
        Item::Struct(item) => Some(item.ident.to_string()),
        Item::Enum(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

fn shape(item: &Item) -> Result<Shape, String> {
    Ok(match item {
        Item::Struct(item) => {
            let mut fields = BTreeMap::new();
            for field in &item.fields {
                if let Some(ident) = &field.ident {
                    fields.insert(wire_name(field)?, (ident.clone(), field.ty.clone()));
                }
            }
            Shape::Fields(fields)
        }
        Item::Enum(item) if !is_string_enum(item) => {
            let branches = item.variants.iter().filter_map(|variant| {
                let ty = variant.fields.iter().next()?.ty.clone();
                Some((variant.ident.clone(), ty))
            });
            Shape::Branches(branches.collect())
        }
        _ => Shape::Other,
    })
}

/// Generates `pages()` and `stream()` for an operation.
///
/// `named` is the type of the response, with paths relative to the module `types`.
/// `response` is the type that the function `read` of `Unread` returns.
pub fn pages(
    paging: &Paging,
    named: &Type,
    response: &TokenStream,
    read: &Ident,
    shapes: &Shapes,
) -> Result<[ImplItem; 2], String> {
    let at = &paging.items;
    let list = match shapes.of(named) {
        Some(Shape::Branches(branches)) => items_of_branches(response, branches, at, shapes)?,
        _ => items_of(named, at, shapes)?,
    };
    let ItemsOf {
        len,
        ids,
        items,
        mut item,
    } = list;
    let ids = ids.map(|ids| quote!(ids: #ids,));
    let first = |locations: &[Pointer]| {
        let mut leaves = locations.iter().map(|at| follow(named, at, shapes));
        leaves.find_map(|leaf| Some(leaf.ok()?.by_reference))
    };
    let total = match (first(&paging.totals), first(&paging.counts)) {
        (Some(total), _) => Some(quote!(total: #total.copied(),)),
        (None, Some(count)) => Some(quote!(count: #count.copied(),)),
        (None, None) => None,
    };
    let next = match &paging.by {
        PagedBy::Query { .. } | PagedBy::Body { .. } => None,
        PagedBy::Dates { from, to, next } => {
            let period = follow(named, next, shapes)?;
            let day = |name| {
                let day = follow(&period.ty, &Pointer::root().join(name), shapes);
                day.map(|leaf| leaf.by_reference)
            };
            let (period, from, to) = (period.by_reference, day(from)?, day(to)?);
            Some(quote! {
                next: #period.map_or((None, None), |value| {
                    (#from.map(ToString::to_string), #to.map(ToString::to_string))
                }),
            })
        }
    };
    Qualified("types", shapes).visit_type_mut(&mut item);
    let by = paged_by(paging);
    let pages: ImplItemFn = parse_quote! {
        /// Returns the pages of the list, one response each. They start at the
        /// requested page or period, or at the first page by default.
        pub fn pages(self) -> Pages<#response> {
            let (transport, call) = self.into_call();
            Pages::new(transport, call, #by, Unread::#read, |value: &#response| Facts {
                len: #len,
                #ids
                #total
                #next
                ..Default::default()
            })
        }
    };
    let stream: ImplItemFn = parse_quote! {
        /// Returns the items of the list, fetching page after page. They start at
        /// the requested page or period, or at the first page by default.
        pub fn stream(self) -> Items<#response, #item> {
            self.pages().items(|value: #response| #items)
        }
    };
    Ok([ImplItem::Fn(pages), ImplItem::Fn(stream)])
}

/// Expressions for the items in `value`.
struct ItemsOf {
    /// The number of items.
    len: TokenStream,
    /// The hashes of the items' ids, if they have ids.
    ids: Option<TokenStream>,
    items: TokenStream,
    /// The type of an item.
    item: Type,
}

/// Returns the items at a location in a type. A value that is not a list counts as
/// a single item.
fn items_of(ty: &Type, at: &Pointer, shapes: &Shapes) -> Result<ItemsOf, String> {
    let Leaf {
        by_reference,
        by_value,
        ty,
    } = follow(ty, at, shapes)?;
    Ok(match generic_argument(&ty).filter(|_| is_vec(&ty)) {
        Some(item) => ItemsOf {
            len: quote!(#by_reference.map_or(0, Vec::len)),
            ids: id_of(&item, shapes).map(
                |id| quote!(crate::codegen::ids(#by_reference.into_iter().flatten().map(|item| #id))),
            ),
            items: quote!(#by_value.unwrap_or_default()),
            item,
        },
        None => ItemsOf {
            len: quote!(#by_reference.into_iter().count()),
            ids: None,
            items: quote!(#by_value.into_iter().collect()),
            item: ty,
        },
    })
}

/// Returns the expression of type `Option` for the id of `item`, if it has one that
/// identifies it.
fn id_of(item: &Type, shapes: &Shapes) -> Option<TokenStream> {
    let Some(Shape::Fields(fields)) = shapes.of(item) else {
        return None;
    };
    let (ident, ty) = fields.get("id")?;
    let inner = generic_argument(ty).filter(|_| is_option(ty));
    let name = last_ident(inner.as_ref().unwrap_or(ty))?;
    let is_identity = matches!(name.as_str(), "i64" | "String") || name.ends_with("Id");
    is_identity.then(|| match inner {
        Some(_) => quote!(item.#ident.as_ref()),
        None => quote!(Some(&item.#ident)),
    })
}

/// Returns the items at a location in a union. A branch that is a list contains
/// several responses.
fn items_of_branches(
    response: &TokenStream,
    branches: &[(Ident, Type)],
    at: &Pointer,
    shapes: &Shapes,
) -> Result<ItemsOf, String> {
    let (mut counts, mut takes, mut item_type) = (Vec::new(), Vec::new(), None);
    let mut ids = Some(Vec::new());
    for (variant, ty) in branches {
        let listed = generic_argument(ty).filter(|_| is_vec(ty));
        let branch = items_of(listed.as_ref().unwrap_or(ty), at, shapes)?;
        if *item_type.get_or_insert_with(|| branch.item.clone()) != branch.item {
            return Err("the branches of the response have items of different types".to_owned());
        }
        let ItemsOf { len, items, .. } = branch;
        let of_branch = if listed.is_some() {
            counts.push(quote!(#response::#variant(list) => list.iter().map(|value| #len).sum(),));
            takes.push(quote!(#response::#variant(list) => list.into_iter().flat_map(|value| #items).collect(),));
            branch
                .ids
                .map(|ids| quote!(list.iter().flat_map(|value| #ids).collect()))
                .map(|ids| quote!(#response::#variant(list) => #ids,))
        } else {
            counts.push(quote!(#response::#variant(value) => #len,));
            takes.push(quote!(#response::#variant(value) => #items,));
            branch
                .ids
                .map(|ids| quote!(#response::#variant(value) => #ids,))
        };
        ids = ids.zip(of_branch).map(|(mut ids, branch)| {
            ids.push(branch);
            ids
        });
    }
    Ok(ItemsOf {
        len: quote!(match value { #(#counts)* }),
        ids: ids.map(|ids| quote!(match value { #(#ids)* })),
        items: quote!(match value { #(#takes)* }),
        item: item_type.ok_or("the response has no branches")?,
    })
}

/// Qualifies the names of types with a module: `Client` becomes `types::Client`.
pub struct Qualified<'a>(pub &'static str, pub &'a Shapes);

impl VisitMut for Qualified<'_> {
    fn visit_path_mut(&mut self, node: &mut syn::Path) {
        visit_mut::visit_path_mut(self, node);
        if let Some(name) = node.get_ident()
            && self.1.types.contains_key(&name.to_string())
        {
            let module = format_ident!("{}", self.0);
            *node = parse_quote!(#module::#name);
        }
    }
}

/// A location inside `value`: expressions of type `Option` for it, and its type.
struct Leaf {
    by_reference: TokenStream,
    by_value: TokenStream,
    ty: Type,
}

/// Finds the location `at`, such as `/meta/dateCursor/next`, inside a type.
fn follow(ty: &Type, at: &Pointer, shapes: &Shapes) -> Result<Leaf, String> {
    let mut leaf = Leaf {
        by_reference: quote!(Some(value)),
        by_value: quote!(Some(value)),
        ty: ty.clone(),
    };
    for name in at.keys() {
        let Some(Shape::Fields(fields)) = shapes.of(&leaf.ty) else {
            return Err(format!("`{at}`: the parent of `{name}` is not an object"));
        };
        let (ident, ty) = fields
            .get(&name)
            .ok_or_else(|| format!("`{at}`: the response has no `{name}`"))?;
        let Leaf {
            by_reference,
            by_value,
            ..
        } = leaf;
        leaf = match generic_argument(ty).filter(|_| is_option(ty)) {
            Some(inner) => Leaf {
                by_reference: quote!(#by_reference.and_then(|value| value.#ident.as_ref())),
                by_value: quote!(#by_value.and_then(|value| value.#ident)),
                ty: inner,
            },
            None => Leaf {
                by_reference: quote!(#by_reference.map(|value| &value.#ident)),
                by_value: quote!(#by_value.map(|value| value.#ident)),
                ty: ty.clone(),
            },
        };
    }
    Ok(leaf)
}
