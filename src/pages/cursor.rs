//! The position in a paged list: the arguments of the next page, and the end of
//! the list.

use std::hash::{DefaultHasher, Hash, Hasher};

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
    /// A hash of each item's id; `None` for an item without one. Empty if the items
    /// have no ids.
    pub ids: Vec<Option<u64>>,
    /// The total number of items according to the response, if it has one.
    pub total: Option<i64>,
    /// A number in the response that counts either the items of the list or those
    /// of the page, if it has one.
    pub count: Option<i64>,
    /// The first and the last day of the next page, if the response has them.
    pub next: (Option<String>, Option<String>),
}

/// Returns a hash of each id. Called by generated code.
pub(crate) fn ids<'a, I: Hash + 'a>(ids: impl Iterator<Item = Option<&'a I>>) -> Vec<Option<u64>> {
    let hash = |id: &I| {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        hasher.finish()
    };
    ids.map(|id| id.map(hash)).collect()
}

/// How far a list has been read, and the arguments that request the next pages.
#[derive(Debug)]
pub(super) enum Position {
    Number(Numbered),
    Period { from: Day, to: Day },
}

/// The position in a list whose pages have numbers.
#[derive(Debug)]
pub(super) struct Numbered {
    place: Place,
    /// The name of the argument for the page number.
    name: &'static str,
    page: i64,
    /// The page size that the call requests.
    size: Option<i64>,
    /// The number of items before the page that the list was started at, if known.
    before: Option<i64>,
    /// The number of items read so far.
    seen: i64,
    /// The number of items on the longest page read so far.
    longest: i64,
    /// The number of pages from `page` on that may be requested ahead.
    open: usize,
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
        position.put(call, 0);
        position
    }

    fn number(place: Place, name: &'static str, page: Option<i64>, size: Option<i64>) -> Self {
        let page = page.unwrap_or(1);
        Self::Number(Numbered {
            place,
            name,
            page,
            size: size.filter(|size| *size > 0),
            before: (page <= 1).then_some(0),
            seen: 0,
            longest: 0,
            // The first page shows whether there are more.
            open: 0,
        })
    }

    pub fn cursor(&self) -> Cursor {
        match self {
            Self::Number(numbered) => Cursor::Page(numbered.page),
            Self::Period { from, to } => Cursor::Period {
                from: from.value.clone(),
                to: to.value.clone(),
            },
        }
    }

    /// Returns how many pages, from this position on, may be requested before they
    /// are needed.
    pub fn open(&self) -> usize {
        match self {
            Self::Number(numbered) => numbered.open,
            // A period is known only from the response to the one before it.
            Self::Period { .. } => 0,
        }
    }

    /// Advances past the page that `facts` describe. Returns `false` if there is
    /// no next page.
    pub fn advance(&mut self, facts: &Facts) -> bool {
        match self {
            Self::Number(numbered) => numbered.advance(facts),
            Self::Period { from, to } => {
                let (first, last) = &facts.next;
                let names_none = first.is_none() && last.is_none();
                if names_none || (*first == from.value && *last == to.value) {
                    return false;
                }
                (from.value, to.value) = (first.clone(), last.clone());
                true
            }
        }
    }

    /// Sets the call's arguments so that it requests the page that is `ahead` pages
    /// after this one.
    pub fn put(&self, call: &mut Call, ahead: usize) {
        match self {
            Self::Number(Numbered {
                place, name, page, ..
            }) => {
                let page = page.saturating_add(count(ahead));
                match place {
                    Place::Query => call.set_number_in_query(name, page),
                    Place::Body => call.set_fields_of_body([(*name, Value::from(page))]),
                }
            }
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
        let is_number = matches!(self, Self::Number(_));
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

impl Numbered {
    fn advance(&mut self, facts: &Facts) -> bool {
        let len = count(facts.len);
        if self.seen == 0 && self.size == Some(len) {
            // The server does not cap the page size, so the pages before the one
            // that the list was started at are as long as this one.
            let pages = self.page.saturating_sub(1);
            self.before = self.before.or(Some(pages.saturating_mul(len)));
        }
        let is_shorter = len < self.longest;
        self.longest = self.longest.max(len);
        self.seen = self.seen.saturating_add(len);
        // A number that is larger than a page counts the list.
        let total = facts.total.or(facts.count.filter(|n| *n > self.longest));
        let read = self.before.map(|before| before.saturating_add(self.seen));
        let left = total
            .zip(read)
            .map(|(total, read)| total.saturating_sub(read));
        // A page with fewer items than requested may still be a full one, because a
        // server may cap the page size. It is the last one if an earlier page was
        // longer, or if a total confirms it.
        let is_short = self.size.is_some_and(|size| len < size);
        let is_last = match (left, facts.total.or(facts.count)) {
            (Some(left), _) if left <= 0 => true,
            (_, Some(total)) => is_short && self.seen >= total,
            (_, None) => self.size.is_some() && is_shorter,
        };
        if len == 0 || is_last || self.page == i64::MAX {
            return false;
        }
        self.page += 1;
        let pages_left = match left {
            Some(left) => (left - 1) / self.longest + 1,
            // This page may be the last one, unless an earlier one was as long.
            None if is_short && self.seen == len => 0,
            None => i64::MAX,
        };
        let numbers_left = i64::MAX - self.page.max(0);
        self.open = usize::try_from(pages_left.min(numbers_left)).unwrap_or(usize::MAX);
        true
    }
}

/// Converts a number of items or pages.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
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

    fn facts(&(len, total): &(usize, Option<i64>)) -> Facts {
        Facts {
            len,
            total,
            ..Facts::default()
        }
    }

    /// Returns the number of these pages after which the list ends, or `None` if
    /// it does not end.
    fn end(mut position: Position, pages: &[(usize, Option<i64>)]) -> Option<usize> {
        let ends = |page: &(usize, Option<i64>)| !position.advance(&facts(page));
        pages.iter().position(ends).map(|index| index + 1)
    }

    /// Returns how many pages may be requested ahead after each of these pages.
    fn open(mut position: Position, pages: &[(usize, Option<i64>)]) -> Vec<usize> {
        let open = |page: &(usize, Option<i64>)| {
            assert!(position.advance(&facts(page)));
            position.open()
        };
        pages.iter().map(open).collect()
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
    fn a_list_ends_with_a_full_page_that_reaches_the_total() {
        let full = [(3, Some(6)), (3, Some(6))];
        assert_eq!(end(start(None, Some(3)), &full), Some(2));
        assert_eq!(end(start(None, None), &full), Some(2));
        assert_eq!(end(start(None, Some(3)), &[(3, Some(3))]), Some(1));
        // A full page shows how many items come before the page that the list was
        // started at.
        assert_eq!(end(start(Some(2), Some(3)), &[(3, Some(6))]), Some(1));
        assert_eq!(end(start(Some(2), None), &[(3, Some(6))]), None);
    }

    #[test]
    fn a_count_may_be_that_of_the_page() {
        let ends = |counts: &[i64]| {
            let mut position = start(None, Some(3));
            let ends = |count: &i64| {
                let count = Some(*count);
                !position.advance(&Facts {
                    len: 3,
                    count,
                    ..Facts::default()
                })
            };
            counts.iter().position(ends)
        };
        assert_eq!(ends(&[3, 3, 3]), None);
        assert_eq!(ends(&[6, 6]), Some(1));
    }

    #[test]
    fn no_page_past_the_total_is_open() {
        let sized = || start(None, Some(10));
        assert_eq!(sized().open(), 0);
        assert_eq!(open(sized(), &[(10, Some(31))]), [3]);
        assert_eq!(open(sized(), &[(10, Some(30)), (10, Some(30))]), [2, 1]);
        // The server caps the page size at 5.
        assert_eq!(open(sized(), &[(5, Some(31))]), [6]);
        assert_eq!(open(start(Some(4), Some(10)), &[(10, Some(60))]), [2]);
    }

    #[test]
    fn without_a_total_a_short_page_may_be_the_last() {
        let sized = || start(None, Some(10));
        let many = usize::try_from(i64::MAX).unwrap() - 2;
        assert_eq!(open(sized(), &[(10, None)]), [many]);
        assert_eq!(open(sized(), &[(5, None), (5, None)]), [0, many - 1]);
        assert_eq!(open(start(None, None), &[(5, None)]), [many]);
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
