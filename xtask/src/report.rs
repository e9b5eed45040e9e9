//! What a run of update-spec tells: the document's size, its open places, and
//! what it changes for a caller.

mod compare;
mod counts;
mod interface;
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
    /// What the client has no type for.
    pub open: Vec<Open>,
    /// What the lowered document does not express.
    pub notes: Vec<Note>,
}

impl Report {
    /// Counts the vendor's document, and compares the corrected one with that
    /// of the run before, `old`: a correction changes the client too.
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
