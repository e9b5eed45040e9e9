//! What a pass over an answer knows and learns: where it is, what it sets aside.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{self, DeserializeSeed};
use serde_json::value::RawValue;

use super::deserializer::Wire;
use super::union::{UNION_MISMATCHES, UNION_UNKNOWN_FIELDS};
use super::{Kind, Mismatch, UnknownField};

/// Nested deeper than this, an answer is an attack.
const DEPTH_LIMIT: usize = 128;

/// What a pass knows and learns. The fast pass only sets `ignored`.
#[derive(Default)]
pub struct Context<'de> {
    pub tracking: bool,
    pub ignored: Cell<bool>,
    /// The last error was about the kind of value, whatever it holds.
    pub wrong_kind: Cell<bool>,
    pub path: RefCell<Vec<Step<'de>>>,
    pub rules: Vec<Rule>,
    pub set_aside: Vec<String>,
    pub mismatches: RefCell<Vec<Mismatch>>,
    pub unknown_fields: RefCell<Vec<UnknownField>>,
}

/// One step of a path, and the value that stands there.
pub struct Step<'de> {
    pub key: StepKey<'de>,
    pub raw: &'de str,
}

#[derive(Clone)]
pub enum StepKey<'de> {
    Field(Cow<'de, str>),
    Index(usize),
}

impl Step<'_> {
    pub fn pattern(&self) -> Option<String> {
        match &self.key {
            StepKey::Field(name) => Some(name.clone().into_owned()),
            StepKey::Index(_) => None,
        }
    }
}

/// Values that failed before: at this path (any index), of this kind or text.
#[derive(PartialEq)]
pub struct Rule {
    pub pattern: Vec<Option<String>>,
    pub value: RuleValue,
    pub expected: String,
}

#[derive(PartialEq)]
pub enum RuleValue {
    Kind(Kind),
    Raw(String),
}

pub fn path_text(path: &[Step<'_>]) -> String {
    use fmt::Write;
    let mut text = "$".to_owned();
    for step in path {
        // Writing into a String cannot fail.
        let _ = match &step.key {
            StepKey::Index(index) => write!(text, "[{index}]"),
            StepKey::Field(name)
                if !name.is_empty()
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') =>
            {
                write!(text, ".{name}")
            }
            StepKey::Field(name) => write!(text, "[{name:?}]"),
        };
    }
    text
}

impl<'de> Context<'de> {
    /// Enters a place. `false`: what stands there is set aside.
    pub fn enter(&self, key: StepKey<'de>, raw: &'de RawValue) -> bool {
        let raw = raw.get();
        self.path.borrow_mut().push(Step { key, raw });
        let path = self.path.borrow();
        if self
            .set_aside
            .iter()
            .any(|set_aside| *set_aside == path_text(&path))
        {
            drop(path);
            self.leave();
            return false;
        }
        let fits = |rule: &&Rule| {
            let value = match &rule.value {
                RuleValue::Kind(kind) => Kind::of(raw) == *kind && !is_empty(raw),
                RuleValue::Raw(text) => text == raw,
            };
            value
                && rule.pattern.len() == path.len()
                && rule.pattern.iter().zip(path.iter()).all(|(pattern, step)| {
                    match (pattern, &step.key) {
                        (None, StepKey::Index(_)) => true,
                        (Some(pattern), StepKey::Field(name)) => pattern == name,
                        _ => false,
                    }
                })
        };
        let Some(rule) = self.rules.iter().find(fits) else {
            return true;
        };
        self.mismatches.borrow_mut().push(Mismatch {
            path: path_text(&path),
            expected: rule.expected.clone(),
            found: Kind::of(raw),
            raw: raw.to_owned(),
        });
        drop(path);
        self.leave();
        false
    }

    pub fn leave(&self) {
        self.path.borrow_mut().pop();
    }

    /// Reads from a place entered. Its path stays behind if that fails.
    pub fn read<S: DeserializeSeed<'de>>(
        &self,
        seed: S,
        raw: &'de RawValue,
    ) -> Result<S::Value, serde_json::Error> {
        if self.path.borrow().len() > DEPTH_LIMIT {
            return Err(de::Error::custom("nested too deeply"));
        }
        let mut json = serde_json::Deserializer::from_slice(raw.get().as_bytes());
        let value = seed.deserialize(Wire {
            inner: &mut json,
            context: self,
        })?;
        self.adopt_from_union();
        self.leave();
        Ok(value)
    }

    /// Takes over what a union at this place did not know or set aside.
    pub fn adopt_from_union(&self) {
        let (unlisted, mismatches) = (UNION_UNKNOWN_FIELDS.take(), UNION_MISMATCHES.take());
        if unlisted.is_empty() && mismatches.is_empty() {
            return;
        }
        let place = path_text(&self.path.borrow());
        let here = |path: &str| format!("{place}{}", &path[1..]);
        let unlisted = unlisted.into_iter().map(|field| UnknownField {
            path: here(&field.path),
            ..field
        });
        self.unknown_fields.borrow_mut().extend(unlisted);
        let mismatches = mismatches.into_iter().map(|mismatch| Mismatch {
            path: here(&mismatch.path),
            ..mismatch
        });
        self.mismatches.borrow_mut().extend(mismatches);
    }

    pub fn note_ignored(&self) {
        self.ignored.set(true);
        if self.tracking {
            let path = self.path.borrow();
            if let Some(step) = path.last() {
                self.unknown_fields.borrow_mut().push(UnknownField {
                    path: path_text(&path),
                    raw: step.raw.to_owned(),
                });
            }
        }
    }
}

pub fn is_empty(raw: &str) -> bool {
    matches!(Kind::of(raw), Kind::Array | Kind::Object) && raw[1..raw.len() - 1].trim().is_empty()
}
