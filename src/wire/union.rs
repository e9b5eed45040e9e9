//! A union's value: one of its branches, by the kind of value that stands there.

use std::cell::{Cell, RefCell};

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer};
use serde_json::value::RawValue;

use super::context::Context;
use super::{Kind, Mismatch, Mode, UnknownField, run, salvage, unknown_fields};

thread_local! {
    /// What the branch chosen of a union did not know, with paths from the
    /// union. Whoever reads the place that holds the union takes it over.
    pub static UNION_UNKNOWN_FIELDS: RefCell<Vec<UnknownField>> = const { RefCell::new(Vec::new()) };

    /// What was set aside inside of it, the same way.
    pub static UNION_MISMATCHES: RefCell<Vec<Mismatch>> = const { RefCell::new(Vec::new()) };

    /// Whether a union may set aside what does not fit inside of it.
    pub static UNION_SALVAGES: Cell<bool> = const { Cell::new(false) };
}

/// Lets unions set aside, or not, until this is dropped.
pub struct UnionSalvages(bool);

impl UnionSalvages {
    pub fn set(salvages: bool) -> Self {
        Self(UNION_SALVAGES.replace(salvages))
    }
}

impl Drop for UnionSalvages {
    fn drop(&mut self) {
        UNION_SALVAGES.set(self.0);
    }
}

/// One branch of a union: the kind of value that it is made for, and how it is read.
pub(crate) type Branch<E> = (Option<Kind>, fn(&RawValue) -> Result<E, serde_json::Error>);

/// Reads a union: the branches made for the kind of value that stands there
/// first, then any that can be converted to.
pub(crate) fn read_union<'de, D: Deserializer<'de>, E>(
    deserializer: D,
    branches: &[Branch<E>],
) -> Result<E, D::Error> {
    let raw = <Box<RawValue>>::deserialize(deserializer)?;
    let kind = Kind::of(raw.get());
    let made_for = || branches.iter().filter(|branch| branch.0 == Some(kind));
    let others = branches.iter().filter(|branch| branch.0 != Some(kind));
    let salvages = UNION_SALVAGES.get();
    let whole = UnionSalvages::set(false);
    for (_, read) in made_for().chain(others) {
        if let Ok(value) = read(&raw) {
            return Ok(value);
        }
    }
    drop(whole);
    // No branch fits whole: the first that is made for such a value and reads
    // with something in it set aside.
    for (_, read) in made_for().filter(|_| salvages) {
        if let Ok(value) = read(&raw) {
            return Ok(value);
        }
    }
    Err(de::Error::custom(
        "invalid value, expected one of the kinds that the document lists",
    ))
}

/// Reads one branch of a union.
pub(crate) fn read_branch<T: DeserializeOwned>(raw: &RawValue) -> Result<T, serde_json::Error> {
    let body = raw.get().as_bytes();
    let (unlisted_before, mismatches_before) =
        (UNION_UNKNOWN_FIELDS.take(), UNION_MISMATCHES.take());
    let context = Context::default();
    // Nothing would take over what a union in it sets aside.
    let whole = UnionSalvages::set(false);
    let mut result = run(body, &context);
    drop(whole);
    let mut has_unknown_fields = context.ignored.get() || !UNION_UNKNOWN_FIELDS.take().is_empty();
    let mut mismatches = Vec::new();
    if UNION_SALVAGES.get()
        && let Err(error) = result
    {
        result = match salvage(body, Mode::Salvage) {
            Ok(decoded) => {
                (mismatches, has_unknown_fields) = (decoded.mismatches, decoded.has_unknown_fields);
                Ok(decoded.value)
            }
            Err(_) => Err(error),
        };
    }
    let found = match result.is_ok() && has_unknown_fields {
        true => unknown_fields::<T>(body, &mismatches),
        false => Vec::new(),
    };
    UNION_UNKNOWN_FIELDS.set(unlisted_before);
    UNION_MISMATCHES.set(mismatches_before);
    if result.is_ok() {
        UNION_UNKNOWN_FIELDS.with_borrow_mut(|unlisted| unlisted.extend(found));
        UNION_MISMATCHES.with_borrow_mut(|before| before.extend(mismatches));
    }
    result
}
