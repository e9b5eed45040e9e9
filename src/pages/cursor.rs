//! The position in a paged list: the arguments of the next page, and the end of
//! the list.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::operation::Paging;

/// The position of a page, as arguments of the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cursor {
    /// The page number; the first page is 1.
    Page(i64),
    /// The days that the page covers, such as `2026-03-31`, if they are set.
    Period {
        /// The first day.
        from: Option<String>,
        /// The last day.
        to: Option<String>,
    },
}

/// The facts about a page that show whether the list has ended. Created by
/// generated code.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Facts {
    /// The number of items on the page.
    pub len: usize,
    /// The total number of items according to the response, if it has one.
    pub total: Option<i64>,
    /// The first and the last day of the next page, if the response has them.
    pub next: (Option<String>, Option<String>),
}

/// How far a list has been read, and the arguments that request the next page.
#[derive(Debug)]
pub(super) enum Position {
    Number {
        place: Place,
        /// The name of the argument for the page number.
        name: &'static str,
        page: i64,
        /// The page size that the call requests.
        size: Option<i64>,
        /// The number of items read so far, including those on pages before the
        /// first one requested.
        seen: i64,
    },
    Period {
        from: Day,
        to: Day,
    },
}

/// Where the argument is in the request.
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
    /// Returns the position that the call's arguments select. Without a page
    /// number, it is the first page.
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

    /// Advances past the page that `facts` describe. Returns `false` if there is
    /// no next page.
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

    /// Sets the call's arguments so that it requests this page.
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

    /// Returns the part of a page's body that is equal in two successive pages
    /// only if the server repeats itself.
    ///
    /// For page numbers this is `data`: a server that ignores the page number
    /// returns the same items, but the rest of the response may differ, such as
    /// a time or the requested number. For periods it is the whole body, because
    /// successive periods without items have the same `data`, but the list
    /// continues after them.
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
