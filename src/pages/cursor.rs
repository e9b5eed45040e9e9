//! Which page of a list is asked for: its arguments, and when there is no next one.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::operation::Paging;

/// The page that is asked for next, as arguments of the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cursor {
    /// The page's number; the first is 1.
    Page(i64),
    /// The days that the page covers (`2026-03-31`), where any are named.
    Period {
        /// The first day.
        from: Option<String>,
        /// The last day.
        to: Option<String>,
    },
}

/// What the end of a list is recognized by. Made by the build.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Facts {
    pub len: usize,
    /// The response's own count of all items, where it has one.
    pub total: Option<i64>,
    /// The first and the last day of the next page.
    pub next: (Option<String>, Option<String>),
}

/// How far a list has been read, together with the arguments that say so to
/// the server.
#[derive(Debug)]
pub(super) enum Position {
    Number {
        place: Place,
        /// The argument that holds the page's number.
        name: &'static str,
        page: i64,
        /// The page size that the call asks for.
        size: Option<i64>,
        /// Items up to here, those of earlier pages included.
        seen: i64,
    },
    Period {
        from: Day,
        to: Day,
    },
}

/// Where the argument stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Query,
    Body,
}

#[derive(Debug)]
pub(super) struct Day {
    name: &'static str,
    value: Option<String>,
}

impl Position {
    /// Where the call's own arguments start; an absent page is the first.
    pub fn start(call: &mut Call, paging: Paging) -> Self {
        let position = match paging {
            Paging::Query { page, size } => {
                let number = |name: &str| call.number_in_query(name);
                Self::number(Place::Query, page, number(page), size.and_then(number))
            }
            Paging::Body { page, size } => {
                let number = |name: &str| call.field_of_body(name)?.as_i64();
                Self::number(Place::Body, page, number(page), size.and_then(number))
            }
            Paging::Dates { from, to } => {
                let day = |name| Day {
                    name,
                    value: match call.field_of_body(name) {
                        Some(Value::String(day)) => Some(day),
                        _ => None,
                    },
                };
                Self::Period {
                    from: day(from),
                    to: day(to),
                }
            }
        };
        position.put(call);
        position
    }

    fn number(place: Place, name: &'static str, page: Option<i64>, size: Option<i64>) -> Self {
        let page = page.unwrap_or(1);
        let size = size.filter(|size| *size > 0);
        Self::Number {
            place,
            name,
            page,
            size,
            seen: (page - 1).max(0).saturating_mul(size.unwrap_or(0)),
        }
    }

    pub fn cursor(&self) -> Cursor {
        match self {
            Self::Number { page, .. } => Cursor::Page(*page),
            Self::Period { from, to } => Cursor::Period {
                from: from.value.clone(),
                to: to.value.clone(),
            },
        }
    }

    /// Moves on to the next page, after one of which `facts` are known;
    /// `false` where there is none.
    pub fn advance(&mut self, facts: Facts) -> bool {
        match self {
            Self::Number {
                page, size, seen, ..
            } => {
                let len = i64::try_from(facts.len).unwrap_or(i64::MAX);
                *seen = seen.saturating_add(len);
                let is_short = size.is_some_and(|size| len < size);
                let has_more = facts.total.is_some_and(|total| *seen < total);
                if len == 0 || (is_short && !has_more) || *page == i64::MAX {
                    return false;
                }
                *page += 1;
                true
            }
            Self::Period { from, to } => {
                let (first, last) = facts.next;
                let names_none = first.is_none() && last.is_none();
                if names_none || (first == from.value && last == to.value) {
                    return false;
                }
                (from.value, to.value) = (first, last);
                true
            }
        }
    }

    /// Makes the call ask for this page.
    pub fn put(&self, call: &mut Call) {
        match self {
            Self::Number {
                place, name, page, ..
            } => match place {
                Place::Query => call.set_number_in_query(name, *page),
                Place::Body => call.set_fields_of_body([(*name, Value::from(*page))]),
            },
            Self::Period { from, to } => {
                let days = [from, to].map(|day| (day.name, day.value.as_deref().into()));
                call.set_fields_of_body(days);
            }
        }
    }

    /// What two pages have in common only if the server repeats itself.
    ///
    /// A server that ignores the page's number sends the same items, but the
    /// rest of the response may differ (a time, the number that was asked
    /// for). Periods without items are alike and go on, so there it is the
    /// whole response.
    pub fn identity(&self, body: &Bytes) -> Bytes {
        #[derive(Deserialize)]
        struct Response<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let is_number = matches!(self, Self::Number { .. });
        if is_number && body.trim_ascii_start().starts_with(b"{") {
            match serde_json::from_slice::<Response>(body) {
                Ok(response) => return body.slice_ref(response.data.get().as_bytes()),
                Err(_) => return body.clone(),
            }
        }
        body.clone()
    }
}
