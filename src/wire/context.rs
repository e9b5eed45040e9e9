//! What a decoding knows and learns.
//!
//! The first pass knows nothing and notes one thing: that a field was unknown.
//! It streams. Where it fails, the salvage pass reads by a [`Tape`], in which
//! every value can be left out: a value that does not fit is marked, and what
//! was being read is read again without it.
//!
//! Who reads again is the nearest place that can: a field of a generated
//! struct (`serde_table.rs`), or the whole body. Other visitors, such as
//! `Vec`'s, end with the first error. So that a list of many values that do
//! not fit is not read again from its start for each of them, the place goes
//! on where it stopped ([`Cursors`]) until it has found them all, and then
//! reads the list once without them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use serde::de;

use super::mismatch::{Mismatch, UnknownField};
use super::tape::{Indexed, Node, Tape};

/// What a pass knows and learns.
#[derive(Default)]
pub struct Context<'de> {
    /// A field was unknown.
    pub ignored: Cell<bool>,
    pub salvage: Option<Salvage<'de>>,
}

/// The state of a salvage pass.
pub struct Salvage<'de> {
    pub tape: Tape<'de>,
    /// The value that is being read.
    pub current: Cell<Node>,
    /// Whether what does not fit may be set aside. Not in strict mode, nor
    /// while a branch of a union is tried for a value that fits it whole.
    pub may_set_aside: Cell<bool>,
    /// The innermost value whose reading failed, until someone deals with it.
    pub failed: Cell<Option<Node>>,
    /// The attempt that failed last was one of [`WHOLE`](super::deserializer::WHOLE).
    pub whole_failed: Cell<bool>,
    /// Where lists and maps go on. `None`: they are read from their start.
    pub cursors: RefCell<Option<Box<Cursors>>>,
    marks: Vec<Cell<Option<Mark>>>,
    misfits: RefCell<Vec<Misfit>>,
    unknown: RefCell<Vec<Node>>,
}

/// Where lists and maps go on.
type Cursors = HashMap<Node, Node>;

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    /// It does not fit the type, and is left out where that is allowed.
    Misfit,
    /// It is left out whatever the type is.
    Unreadable,
    /// It is an object or array that is only read whole.
    Whole,
}

struct Misfit {
    node: Node,
    expected: String,
}

/// What was noted up to a moment.
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
            salvage.leave_out(node, "less nesting");
        }
        for node in indexed.bad_keys {
            salvage.leave_out(node, "UTF-8");
        }
        Self {
            ignored: Cell::new(false),
            salvage: Some(salvage),
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

    /// Forgets what was noted since, by an attempt that failed.
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

    /// Notes that the value being read is of an unknown field.
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

    /// Swaps where lists and maps go on, around the reading of a value that
    /// is read again on its own.
    pub fn swap_cursors(&self, cursors: &mut Option<Box<Cursors>>) {
        std::mem::swap(&mut *self.cursors.borrow_mut(), cursors);
    }

    pub fn set_aside(&self, node: Node, expected: String) {
        self.mark(node).set(Some(Mark::Misfit));
        self.misfits.borrow_mut().push(Misfit { node, expected });
    }

    /// Sets a value aside that fits no type.
    pub fn leave_out(&self, node: Node, expected: &str) {
        self.mark(node).set(Some(Mark::Unreadable));
        let expected = expected.to_owned();
        self.misfits.borrow_mut().push(Misfit { node, expected });
    }

    /// Where reading this list or map goes on.
    pub fn start_of(&self, container: Node) -> Node {
        let cursors = self.cursors.borrow();
        let cursor = cursors
            .as_ref()
            .and_then(|cursors| cursors.get(&container).copied());
        cursor.unwrap_or_else(|| self.tape.first_inside(container))
    }

    /// Where reading it would go on.
    pub fn go_on_at(&self, container: Node, node: Node) {
        if let Some(cursors) = &mut *self.cursors.borrow_mut()
            && self.mark(container).get() != Some(Mark::Whole)
        {
            cursors.insert(container, node);
        }
    }

    /// What was set aside, in the order of the text.
    pub fn mismatches(&self) -> Vec<Mismatch> {
        let mut misfits = self.misfits.borrow_mut();
        misfits.sort_by_key(|misfit| misfit.node);
        let mut found: Vec<Mismatch> = Vec::with_capacity(misfits.len());
        let mut end = 0;
        for Misfit { node, expected } in misfits.iter() {
            // What was set aside inside of it has gone with it.
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

    /// The unknown fields outside of what was set aside, in the order of the text.
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

/// The attempts at reading one value, from a place that can read it again.
#[derive(Default)]
pub struct Attempts {
    failures: usize,
    pub cursors: Option<Box<Cursors>>,
}

/// What to do after an attempt.
pub enum Verdict<T, E> {
    /// The value was read.
    Read(T),
    /// Read it again.
    Again,
    /// It was set aside itself.
    SetAside(E),
    /// It cannot be read, and nothing may be set aside.
    Failed(E),
}

/// After this many failures it is worth reading once more in the end rather
/// than from the start each time.
const PLAIN_ATTEMPTS: usize = 3;

impl Attempts {
    /// Judges the attempt at reading `node`.
    pub fn judge<T, E: de::Error>(
        &mut self,
        salvage: &Salvage<'_>,
        node: Node,
        result: Result<T, E>,
    ) -> Verdict<T, E> {
        let error = match result {
            Ok(value) if self.cursors.is_none() => return Verdict::Read(value),
            Ok(_) => {
                // Everything that does not fit is known by now.
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
            // It may have missed what was read before.
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

/// What an error's text says was expected: serde's "…, expected X" and
/// "missing field `x`", without the position, which the path says better.
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
