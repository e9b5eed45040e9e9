//! The report of an update-spec run: the size of the document, its schemas
//! without a type, and the changes that callers see.

mod compare;
mod counts;
mod interface;
#[cfg(test)]
mod mutations;
mod text;

use serde_json::Value;

use crate::lower::Note;
use compare::Change;
use counts::Open;

pub use counts::Counts;
pub use text::Format;

/// The report of one run.
#[derive(Debug)]
pub struct Report {
    pub counts: Counts,
    /// `None` on the first run, when there is nothing to compare with.
    pub changes: Option<Vec<Change>>,
    /// The schemas for which the client has no type.
    pub open: Vec<Open>,
    /// The parts of the document that the lowered one does not express.
    pub notes: Vec<Note>,
}

impl Report {
    /// Counts the elements of the vendor's document, `upstream`, and compares
    /// the corrected document with the one of the previous run, `old`: a
    /// correction changes the client too.
    pub fn new(
        old: Option<&Value>,
        upstream: &Value,
        corrected: &Value,
        lowered: &Value,
        notes: Vec<Note>,
    ) -> Self {
        Self {
            counts: Counts::of(upstream),
            changes: old.map(|old| compare::compare(old, corrected)),
            open: counts::open_places(lowered),
            notes,
        }
    }

    pub fn write(&self, format: Format) -> String {
        text::write(self, format)
    }
}
