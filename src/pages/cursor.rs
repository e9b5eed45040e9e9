//! The position in a paged list: the arguments of the next page, and the end of
//! the list.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::Call;
use crate::operation::Paging;
use crate::wire;

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
        /// The number of items read so far.
        seen: i64,
        /// The number of items on the longest page read so far.
        longest: i64,
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
        Self::Number {
            place,
            name,
            page: page.unwrap_or(1),
            size: size.filter(|size| *size > 0),
            seen: 0,
            longest: 0,
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
                page,
                size,
                seen,
                longest,
                ..
            } => {
                let len = i64::try_from(facts.len).unwrap_or(i64::MAX);
                *seen = seen.saturating_add(len);
                // A page with fewer items than requested may still be a full
                // one, because a server may cap the page size. It is the last
                // one if an earlier page was longer, or if a total confirms it.
                let is_last = match facts.total {
                    Some(total) => size.is_some_and(|size| len < size) && *seen >= total,
                    None => size.is_some() && len < *longest,
                };
                *longest = len.max(*longest);
                if len == 0 || is_last || *page == i64::MAX {
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
    /// continues after them. Text around the JSON, such as a PHP notice, is
    /// ignored.
    pub fn identity(&self, body: &Bytes) -> Bytes {
        let is_number = matches!(self, Self::Number { .. });
        if is_number && let Some(data) = data(body) {
            return body.slice_ref(data);
        }
        let Ok(located) = wire::locate(body) else {
            return body.clone();
        };
        let json = located.json.as_bytes();
        let part = if is_number { data(json) } else { None };
        Bytes::copy_from_slice(part.unwrap_or(json))
    }
}

/// Returns the `data` of a JSON object; `None` if it has none, or if there is
/// other text around it.
fn data(body: &[u8]) -> Option<&[u8]> {
    #[derive(Deserialize)]
    struct Response<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    // serde would also accept a list, with the fields in order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let response: Response = serde_json::from_slice(body).ok()?;
    Some(response.data.get().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(page: Option<i64>, size: Option<i64>) -> Position {
        Position::number(Place::Query, "page", page, size)
    }

    /// Returns the number of these pages after which the list ends, or `None` if
    /// it does not end.
    fn end(mut position: Position, pages: &[(usize, Option<i64>)]) -> Option<usize> {
        let ends = |(len, total): &(usize, Option<i64>)| {
            let facts = Facts {
                len: *len,
                total: *total,
                ..Facts::default()
            };
            !position.advance(facts)
        };
        pages.iter().position(ends).map(|index| index + 1)
    }

    #[test]
    fn a_capped_page_size_ends_no_list_early() {
        let asked = || start(None, Some(1000));
        assert_eq!(end(asked(), &[(200, None), (200, None)]), None);
        assert_eq!(
            end(asked(), &[(200, None), (200, None), (7, None)]),
            Some(3)
        );
        assert_eq!(end(asked(), &[(7, None), (0, None)]), Some(2));
        assert_eq!(end(asked(), &[(7, Some(7))]), Some(1));
        let capped = [(200, Some(407)), (200, Some(407)), (7, Some(407))];
        assert_eq!(end(asked(), &capped), Some(3));
        // Page 3 starts after 400 items, not after the 2000 requested.
        let third = || start(Some(3), Some(1000));
        assert_eq!(end(third(), &[(200, Some(700)), (100, Some(700))]), None);
        assert_eq!(end(third(), &[(7, Some(407)), (0, Some(407))]), Some(2));
    }

    #[test]
    fn extreme_page_numbers_do_not_overflow() {
        let page = [(1, None)];
        assert_eq!(end(start(Some(i64::MIN), Some(i64::MAX)), &page), None);
        assert_eq!(end(start(Some(i64::MAX), Some(1)), &page), Some(1));
    }

    #[test]
    fn text_around_the_json_is_no_part_of_a_pages_identity() {
        let number = start(None, None);
        let identity = |position: &Position, body: &str| {
            position.identity(&Bytes::copy_from_slice(body.as_bytes()))
        };
        for body in [
            r#"{"data":[1],"meta":2}"#,
            "\u{feff}{\"data\":[1],\"meta\":3}",
            "<br />Notice: 4 on line 4<br />\n{\"data\":[1]}",
            "{\"data\":[1]}<br />Notice: 5 on line 5",
        ] {
            assert_eq!(identity(&number, body), "[1]", "{body}");
        }
        assert_eq!(identity(&number, "Notice: 6 on line 6\n[[1]]"), "[[1]]");
        let day = |name| Day { name, value: None };
        let period = Position::Period {
            from: day("from"),
            to: day("to"),
        };
        let body = "Notice: 7 on line 7\n{\"data\":[]}";
        assert_eq!(identity(&period, body), r#"{"data":[]}"#);
    }
}
