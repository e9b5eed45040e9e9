//! Pages → a stream of items.
//!
//! Which operations page, by which parameters, and where their items stand,
//! the build reads from the document ([`Operation::paging`]).
//!
//! [`Operation::paging`]: crate::Operation

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use serde_json::Value;

use crate::call::Call;
use crate::error::Error;
use crate::operation::Paging;
use crate::response::{Answer, Response};
use crate::transport::Exchange;

/// The pages of a list, one answer each, asked for one by one as they are
/// wanted. From `pages()` of an operation that pages; [`Items`] are the same
/// pages, item by item.
///
/// It ends after a page that is empty or shorter than the page size that the
/// call asks for (unless the answer's own total says that there is more), or
/// that repeats the one before; without a page size only an empty page ends
/// it. Date cursors end where the answer names no next period.
///
/// An error takes the place of its page and ends the stream;
/// [`resume`](Self::resume) goes on at that page, and
/// [`cursor`](Self::cursor) says which one it is, for another process to
/// start from.
#[must_use = "nothing is sent until it is polled"]
pub struct Pages<A> {
    state: State,
    facts: fn(&A) -> Facts,
    progress: Option<Progress>,
    previous: Option<Bytes>,
}

/// The items of a list, page after page. From `stream()` of an operation that
/// pages.
///
/// ```no_run
/// use altegio::b2b_v1::prelude::*;
///
/// # async fn run(client: &altegio::Client) -> Result<(), altegio::Error> {
/// let mut appointments = client
///     .b2b_v1()
///     .get_appointment_list()
///     .location_id(123)
///     .count(200)
///     .stream();
/// while let Some(appointment) = appointments.next().await {
///     println!("{:?}", appointment?.id);
/// }
/// # Ok(())
/// # }
/// ```
///
/// It is also a [`Stream`](futures_core::Stream). It ends, and goes on after
/// an error, as [`Pages`] do: after [`resume`](Self::resume) with the first
/// item of the page that failed.
#[must_use = "nothing is sent until it is polled"]
pub struct Items<A, T> {
    pages: Pages<A>,
    take: fn(A) -> Vec<T>,
    page: std::vec::IntoIter<T>,
}

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

/// What the end of a list is seen by. Made by the build.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Facts {
    pub len: usize,
    /// The answer's own count of all items, where it has one.
    pub total: Option<i64>,
    /// The first and the last day of the next page.
    pub next: (Option<String>, Option<String>),
}

enum State {
    /// The arguments are unusable.
    Unusable(Error),
    Ready(Box<Call>),
    Asking(BoxFuture<'static, (Box<Call>, Result<Exchange, Error>)>),
    Failed(Box<Call>),
    Ended,
}

struct Progress {
    paging: Paging,
    cursor: Cursor,
    /// The page size that the call asks for.
    size: Option<i64>,
    /// Items up to here, those of earlier pages included.
    seen: i64,
}

impl<A> Pages<A> {
    pub(crate) fn new(mut call: Call, paging: Paging, facts: fn(&A) -> Facts) -> Self {
        let (state, progress) = match call.usable() {
            Ok(()) => {
                let progress = Progress::start(&mut call, paging);
                (State::Ready(Box::new(call)), Some(progress))
            }
            Err(error) => (State::Unusable(error), None),
        };
        Self {
            state,
            facts,
            progress,
            previous: None,
        }
    }

    pub(crate) fn items<T>(self, take: fn(A) -> Vec<T>) -> Items<A, T> {
        Items {
            pages: self,
            take,
            page: Vec::new().into_iter(),
        }
    }

    /// The page that is asked for next, or that failed; `None` at the end.
    pub fn cursor(&self) -> Option<&Cursor> {
        match self.state {
            State::Ended | State::Unusable(_) => None,
            _ => self.progress.as_ref().map(|progress| &progress.cursor),
        }
    }

    /// After an error: goes on at the page that failed. Otherwise nothing changes.
    pub fn resume(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Ended) {
            State::Failed(call) => State::Ready(call),
            other => other,
        };
    }
}

impl<A: Answer> Pages<A> {
    /// The next page; `None` after the last one, or after an error. Dropping
    /// the future loses nothing: the page comes with the next call.
    pub async fn next(&mut self) -> Option<Result<Response<A>, Error>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Response<A>, Error>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Unusable(error) => return Poll::Ready(Some(Err(error))),
                State::Ready(call) => {
                    self.state = State::Asking(Box::pin(async move {
                        let result = call.send().await;
                        (call, result)
                    }));
                }
                State::Asking(mut asking) => {
                    let Poll::Ready((call, result)) = asking.as_mut().poll(context) else {
                        self.state = State::Asking(asking);
                        return Poll::Pending;
                    };
                    let page = result.and_then(|exchange| exchange.json::<A>());
                    return Poll::Ready(match page {
                        Ok(page) => self.go_on(call, page).map(Ok),
                        Err(error) => {
                            self.state = State::Failed(call);
                            Some(Err(error))
                        }
                    });
                }
                State::Failed(call) => {
                    self.state = State::Failed(call);
                    return Poll::Ready(None);
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    /// Sees whether there is a next page, and makes the call ready for it.
    fn go_on(&mut self, mut call: Box<Call>, page: Response<A>) -> Option<Response<A>> {
        let progress = self.progress.as_mut()?;
        let body = page.body();
        if self.previous.as_ref() == Some(body) {
            tracing::warn!(
                operation = call.route.id,
                "the server repeats its page: the list ends here"
            );
            return None;
        }
        self.previous = Some(body.clone());
        if progress.advance(&mut call, (self.facts)(&page)) {
            self.state = State::Ready(call);
        }
        Some(page)
    }
}

impl<A, T> Items<A, T> {
    /// The page that is asked for next, or that failed; `None` at the end.
    /// Items of the page before may still be to come.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.pages.cursor()
    }

    /// After an error: goes on at the page that failed.
    pub fn resume(&mut self) {
        self.pages.resume();
    }
}

impl<A: Answer, T> Items<A, T> {
    /// The next item; `None` after the last one, or after an error.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        loop {
            if let Some(item) = self.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match std::task::ready!(self.pages.poll(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(page)) => self.page = (self.take)(page.into_inner()).into_iter(),
            }
        }
    }
}

impl<A: Answer> Stream for Pages<A> {
    type Item = Result<Response<A>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl<A> Unpin for Pages<A> {}

impl<A: Answer, T> Stream for Items<A, T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl<A, T> Unpin for Items<A, T> {}

impl<A> fmt::Debug for Pages<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("cursor", &self.cursor())
            .finish_non_exhaustive()
    }
}

impl<A, T> fmt::Debug for Items<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("cursor", &self.cursor())
            .field("left_of_page", &self.page.len())
            .finish_non_exhaustive()
    }
}

impl Progress {
    /// Reads where the call's own arguments start; an absent page is the first.
    fn start(call: &mut Call, paging: Paging) -> Self {
        let number = |call: &Call, name| match &paging {
            Paging::Query { .. } => call.number_in_query(name),
            _ => call.field_of_body(name)?.as_i64(),
        };
        let (cursor, size) = match &paging {
            Paging::Query { page, size } | Paging::Body { page, size } => {
                let size = size.and_then(|size| number(call, size));
                let page = number(call, page).unwrap_or(1);
                (Cursor::Page(page), size.filter(|size| *size > 0))
            }
            Paging::Dates { from, to } => {
                let day = |name| call.field_of_body(name)?.as_str().map(str::to_owned);
                let (from, to) = (day(from), day(to));
                (Cursor::Period { from, to }, None)
            }
        };
        let before = match (&cursor, size) {
            (Cursor::Page(page), Some(size)) => (page - 1).max(0).saturating_mul(size),
            _ => 0,
        };
        let progress = Self {
            paging,
            cursor,
            size,
            seen: before,
        };
        progress.put(call);
        progress
    }

    /// Whether there is a next page; the call asks for it then.
    fn advance(&mut self, call: &mut Call, facts: Facts) -> bool {
        let len = i64::try_from(facts.len).unwrap_or(i64::MAX);
        self.seen = self.seen.saturating_add(len);
        let next = match &self.cursor {
            Cursor::Page(page) => {
                let short = self.size.is_some_and(|size| len < size);
                let more = facts.total.is_some_and(|total| self.seen < total);
                if len == 0 || (short && !more) {
                    return false;
                }
                Cursor::Page(page.saturating_add(1))
            }
            Cursor::Period { .. } => {
                let (from, to) = facts.next;
                if from.is_none() && to.is_none() {
                    return false;
                }
                Cursor::Period { from, to }
            }
        };
        if next == self.cursor {
            return false;
        }
        self.cursor = next;
        self.put(call);
        true
    }

    fn put(&self, call: &mut Call) {
        match (&self.paging, &self.cursor) {
            (Paging::Query { page, .. }, Cursor::Page(number)) => {
                call.set_number_in_query(page, *number);
            }
            (Paging::Body { page, .. }, Cursor::Page(number)) => {
                call.set_fields_of_body([(*page, Value::from(*number))]);
            }
            (
                Paging::Dates { from, to },
                Cursor::Period {
                    from: first,
                    to: last,
                },
            ) => {
                let days = [(*from, first), (*to, last)];
                call.set_fields_of_body(days.map(|(name, day)| (name, day.as_deref().into())));
            }
            // `start` makes the position that the paging has.
            _ => {}
        }
    }
}
