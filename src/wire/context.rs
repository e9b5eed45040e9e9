//! The shared state of a decoding pass.
//!
//! The first pass streams, and records only whether there was an unknown field.
//! If it fails, the salvage pass decodes from a [`Tape`], in which any value can
//! be skipped: a value that does not fit its type is marked, and the enclosing
//! value is decoded again without it.
//!
//! The retry happens at the nearest point that supports it: a field of a
//! generated struct (`serde_table.rs`), a branch of a union (`union.rs`), or the
//! whole body. Other visitors, such as that of `Vec`, stop at the first error.
//! Decoding a list again from its start for each of many misfits would take
//! quadratic time. Therefore, after a few failures, each attempt resumes where
//! the one before it stopped ([`Cursors`]) until all misfits are found, and then
//! the list is decoded once without them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use serde::de;

use super::mismatch::{Mismatch, UnknownField};
use super::tape::{Indexed, Node, Tape};

/// The state of a pass.
#[derive(Default)]
pub struct Context<'de> {
    /// Whether a field was unknown.
    pub ignored: Cell<bool>,
    /// Whether the first pass read a number that is written with a fraction or an
    /// exponent as zero.
    pub zero: Cell<bool>,
    /// `None` in the first pass.
    pub salvage: Option<Salvage<'de>>,
}

/// The state of a salvage pass.
pub struct Salvage<'de> {
    pub tape: Tape<'de>,
    /// The value that is being decoded.
    pub current: Cell<Node>,
    /// Whether values that do not fit may be set aside. This is false in strict
    /// mode and while a union tries whether a value fits a branch as a whole.
    pub may_set_aside: Cell<bool>,
    /// The innermost value that could not be decoded, until the failure is handled.
    pub failed: Cell<Option<Node>>,
    /// Whether the last failed attempt was of kind [`WHOLE`](super::deserializer::WHOLE).
    pub whole_failed: Cell<bool>,
    /// Where lists and maps resume. If `None`, they are decoded from their start.
    pub cursors: RefCell<Option<Box<Cursors>>>,
    marks: Vec<Cell<Option<Mark>>>,
    misfits: RefCell<Vec<Misfit>>,
    unknown: RefCell<Vec<Node>>,
}

/// For each list or map, the value at which decoding resumes.
type Cursors = HashMap<Node, Node>;

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    /// The value does not fit its type, and is skipped where that is allowed.
    Misfit,
    /// The value fits no type, and is always skipped.
    Unreadable,
    /// The value is an object or array that must be decoded from its start.
    Whole,
}

struct Misfit {
    node: Node,
    expected: String,
}

/// A snapshot of how much was recorded up to some point.
pub struct Noted {
    ignored: bool,
    misfits: usize,
    unknown: usize,
}

impl<'de> Context<'de> {
    pub fn salvaging(indexed: Indexed<'de>, may_set_aside: bool) -> Self {
        let marks = (0..indexed.tape.len()).map(|_| Cell::new(None)).collect();
        let salvage = Salvage {
            tape: indexed.tape,
            current: Cell::new(Tape::ROOT),
            may_set_aside: Cell::new(may_set_aside),
            failed: Cell::new(None),
            whole_failed: Cell::new(false),
            cursors: RefCell::new(None),
            marks,
            misfits: RefCell::new(Vec::new()),
            unknown: RefCell::new(Vec::new()),
        };
        for node in indexed.too_deep {
            salvage.leave_out(node, "less deep nesting");
        }
        for node in indexed.bad_keys {
            salvage.leave_out(node, "UTF-8");
        }
        Self {
            salvage: Some(salvage),
            ..Self::default()
        }
    }

    pub fn noted(&self) -> Noted {
        let salvage = self.salvage.as_ref();
        Noted {
            ignored: self.ignored.get(),
            misfits: salvage.map_or(0, |salvage| salvage.misfits.borrow().len()),
            unknown: salvage.map_or(0, |salvage| salvage.unknown.borrow().len()),
        }
    }

    /// Discards what a failed attempt recorded after the snapshot was taken.
    pub fn forget_since(&self, noted: &Noted) {
        self.ignored.set(noted.ignored);
        let Some(salvage) = &self.salvage else {
            return;
        };
        salvage.failed.set(None);
        salvage.unknown.borrow_mut().truncate(noted.unknown);
        for misfit in salvage.misfits.borrow_mut().drain(noted.misfits..) {
            salvage.marks[misfit.node as usize].set(None);
        }
    }

    /// Records that the current value belongs to an unknown field.
    pub fn note_ignored(&self) {
        self.ignored.set(true);
        if let Some(salvage) = &self.salvage {
            let current = salvage.current.get();
            salvage.unknown.borrow_mut().push(current);
        }
    }
}

impl Salvage<'_> {
    fn mark(&self, node: Node) -> &Cell<Option<Mark>> {
        &self.marks[node as usize]
    }

    pub fn is_left_out(&self, node: Node) -> bool {
        match self.mark(node).get() {
            Some(Mark::Unreadable) => true,
            Some(Mark::Misfit) => self.may_set_aside.get(),
            Some(Mark::Whole) | None => false,
        }
    }

    /// Swaps in the cursors of one value that is retried on its own. Called before
    /// and after each attempt.
    pub fn swap_cursors(&self, cursors: &mut Option<Box<Cursors>>) {
        std::mem::swap(&mut *self.cursors.borrow_mut(), cursors);
    }

    pub fn set_aside(&self, node: Node, expected: String) {
        self.mark(node).set(Some(Mark::Misfit));
        self.misfits.borrow_mut().push(Misfit { node, expected });
    }

    /// Sets aside a value that fits no type.
    pub fn leave_out(&self, node: Node, expected: &str) {
        self.mark(node).set(Some(Mark::Unreadable));
        let expected = expected.to_owned();
        self.misfits.borrow_mut().push(Misfit { node, expected });
    }

    /// Returns the value at which decoding this list or map starts or resumes.
    pub fn start_of(&self, container: Node) -> Node {
        let cursors = self.cursors.borrow();
        let cursor = cursors
            .as_ref()
            .and_then(|cursors| cursors.get(&container).copied());
        cursor.unwrap_or_else(|| self.tape.first_inside(container))
    }

    /// Records where the next attempt at decoding this list or map resumes.
    pub fn go_on_at(&self, container: Node, node: Node) {
        if let Some(cursors) = &mut *self.cursors.borrow_mut()
            && self.mark(container).get() != Some(Mark::Whole)
        {
            cursors.insert(container, node);
        }
    }

    /// Returns the values that were set aside, in the order of the text.
    pub fn mismatches(&self) -> Vec<Mismatch> {
        let mut misfits = self.misfits.borrow_mut();
        misfits.sort_by_key(|misfit| misfit.node);
        let mut found: Vec<Mismatch> = Vec::with_capacity(misfits.len());
        let mut end = 0;
        for Misfit { node, expected } in misfits.iter() {
            // This value is inside one that was set aside as a whole.
            if *node < end {
                continue;
            }
            end = self.tape.after(*node);
            found.push(Mismatch {
                path: self.tape.path(*node),
                expected: expected.clone(),
                found: self.tape.kind(*node),
                raw: self.tape.raw(*node).to_owned(),
            });
        }
        found
    }

    /// Returns the unknown fields that are not inside values that were set aside,
    /// in the order of the text.
    pub fn unknown_fields(&self) -> Vec<UnknownField> {
        let mut aside: Vec<Node> = self.misfits.borrow().iter().map(|m| m.node).collect();
        aside.sort_unstable();
        let mut aside = aside.into_iter().peekable();
        let mut unknown = self.unknown.borrow_mut();
        unknown.sort_unstable();
        unknown.dedup();
        let mut end = 0;
        let outside = unknown.iter().filter(|&&node| {
            while let Some(aside) = aside.next_if(|&aside| aside <= node) {
                end = end.max(self.tape.after(aside));
            }
            node >= end
        });
        outside
            .map(|&node| UnknownField {
                path: self.tape.path(node),
                raw: self.tape.raw(node).to_owned(),
            })
            .collect()
    }
}

/// The attempts at decoding one value, at a point that can retry.
#[derive(Default)]
pub struct Attempts {
    failures: usize,
    pub cursors: Option<Box<Cursors>>,
}

/// What to do after an attempt.
pub enum Verdict<T, E> {
    /// The value was decoded.
    Read(T),
    /// Decode the value again.
    Again,
    /// The value itself was set aside.
    SetAside(E),
    /// The value cannot be decoded, and nothing may be set aside.
    Failed(E),
}

/// After this many failures, resuming each attempt where the last one stopped
/// is worth the additional attempt from the start that it needs at the end.
const PLAIN_ATTEMPTS: usize = 3;

impl Attempts {
    /// Decides what to do after an attempt at decoding `node`.
    pub fn judge<T, E: de::Error>(
        &mut self,
        salvage: &Salvage<'_>,
        node: Node,
        result: Result<T, E>,
    ) -> Verdict<T, E> {
        let error = match result {
            Ok(value) if self.cursors.is_none() => return Verdict::Read(value),
            Ok(_) => {
                // All misfits have been found; decode once more from the start.
                self.cursors = None;
                return Verdict::Again;
            }
            Err(error) => error,
        };
        let failed = salvage.failed.take().unwrap_or(node);
        if !salvage.may_set_aside.get() {
            salvage.failed.set(Some(failed));
            return Verdict::Failed(error);
        }
        if let Some(cursors) = &mut self.cursors
            && cursors.remove(&failed).is_some()
        {
            // The failure may be due to the values that the resumed attempt
            // skipped, so this container has to be decoded from its start.
            salvage.mark(failed).set(Some(Mark::Whole));
            return Verdict::Again;
        }
        salvage.set_aside(failed, expected(&error));
        self.failures += 1;
        if self.failures > PLAIN_ATTEMPTS && self.cursors.is_none() {
            self.cursors = Some(Box::default());
        }
        if failed == node {
            Verdict::SetAside(error)
        } else {
            Verdict::Again
        }
    }
}

/// Extracts from an error's text what was expected. It understands serde's
/// "…, expected X" and "missing field `x`", and drops the position, which the
/// path describes better.
pub fn expected(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    match text.split_once(", expected ") {
        Some((_, expected)) => expected.to_owned(),
        None => match text.strip_prefix("missing field ") {
            Some(field) => format!("the field {field}"),
            None if text == "invalid unicode code point" => "UTF-8".to_owned(),
            None => text.to_owned(),
        },
    }
}
