//! The report of an update-spec run: the size of the document, its schemas
//! without a type, and the changes that callers see.

mod compare;
mod counts;
mod interface;
#[cfg(test)]
mod mutations;
mod text;

use std::collections::BTreeSet;

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
    /// Those of them that the previous run did not have, as text.
    pub new_notes: Vec<String>,
    /// The ids of the operations that the client does not have, since no code can
    /// be generated for them. The notes say why.
    pub left_out: Vec<String>,
    /// The places that are new in the document and that words.yaml does not
    /// describe.
    pub undescribed: Vec<String>,
}

/// What the previous run has written, as far as it is readable.
#[derive(Debug, Default)]
pub struct Previous<'p> {
    /// The corrected document, or the vendor's if that is all there is.
    pub interface: Option<&'p Value>,
    /// The lowered document.
    pub client: Option<&'p Value>,
    /// The text of lowering.txt.
    pub lowering: Option<&'p str>,
}

impl Report {
    /// Counts the elements of the vendor's document, `upstream`, and compares
    /// the corrected and the lowered document with those of the previous run: a
    /// correction changes the client too, and so does another lowering.
    pub fn new(
        previous: &Previous<'_>,
        upstream: &Value,
        corrected: &Value,
        lowered: &Value,
        notes: Vec<Note>,
        left_out: Vec<String>,
    ) -> Self {
        let mut changes = previous
            .interface
            .map(|old| compare::compare(old, corrected));
        if let (Some(changes), Some(old)) = (&mut changes, previous.client) {
            compare::compare_types(old, lowered, changes);
        }
        let new_notes = previous.lowering.map(|old| {
            let old: BTreeSet<&str> = old.lines().collect();
            let lines = notes.iter().map(ToString::to_string);
            lines.filter(|line| !old.contains(line.as_str())).collect()
        });
        Self {
            counts: Counts::of(upstream),
            changes,
            open: counts::open_places(lowered),
            notes,
            new_notes: new_notes.unwrap_or_default(),
            left_out,
            undescribed: Vec::new(),
        }
    }

    /// Adds the types that have another name now, each with the new name.
    pub fn add_renamed(&mut self, renamed: &[(String, String)]) {
        let changes = renamed.iter().map(|(old, new)| Change {
            severity: compare::Severity::Breaking,
            operation: format!("types::{old}"),
            place: None,
            what: format!("renamed to `types::{new}`"),
        });
        if let Some(list) = &mut self.changes {
            list.extend(changes);
            list.sort();
        }
    }

    pub fn write(&self, format: Format) -> String {
        text::write(self, format)
    }
}
