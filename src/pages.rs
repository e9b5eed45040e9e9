//! Lists that come in pages, as streams of pages and of items.
//!
//! Which operations page, by which arguments, and where their items are is in
//! the document ([`Operation::paging`](crate::Operation)).

mod cursor;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::operation::Paging;
use crate::response::{Response, Unread};
use crate::transport::Transport;
use cursor::Position;
pub use cursor::{Cursor, Facts};

/// The pages of a list, one response each, requested one by one as they are
/// polled for. From `pages()` of an operation that pages; [`Items`] are the
/// same pages, item by item.
///
/// It ends after a page that is empty or shorter than the page size that the
/// call asks for (unless the response's own total says that there is more), or
/// that has the same items as the one before; without a page size only an
/// empty or repeated page ends it. Date cursors end where the response names
/// no next period.
///
/// An error takes the place of its page and ends the stream;
/// [`resume`](Self::resume) goes on at the page that failed, and
/// [`cursor`](Self::cursor) says which one it is, for another process to
/// start from.
#[must_use = "nothing is sent until it is polled"]
pub struct Pages<A> {
    transport: Transport,
    call: Arc<Call>,
    position: Position,
    state: State,
    /// Reads a page.
    read: fn(Unread) -> Result<Response<A>, Error>,
    facts: fn(&A) -> Facts,
    /// What a repeated page is recognized by.
    previous: Option<Bytes>,
}

enum State {
    /// Nothing is under way; the next page is requested when it is polled for.
    Idle,
    Asking(BoxFuture<'static, Result<Unread, Error>>),
    /// The page's error has been returned.
    Failed,
    Ended,
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

impl<A> Pages<A> {
    pub(crate) fn new(
        transport: Transport,
        mut call: Call,
        paging: Paging,
        read: fn(Unread) -> Result<Response<A>, Error>,
        facts: fn(&A) -> Facts,
    ) -> Self {
        Self {
            transport,
            position: Position::start(&mut call, paging),
            call: Arc::new(call),
            state: State::Idle,
            read,
            facts,
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
    pub fn cursor(&self) -> Option<Cursor> {
        match self.state {
            State::Ended => None,
            _ => Some(self.position.cursor()),
        }
    }

    /// After an error: goes on at the page that failed. Otherwise nothing changes.
    pub fn resume(&mut self) {
        if matches!(self.state, State::Failed) {
            self.state = State::Idle;
        }
    }
}

impl<A> Pages<A> {
    /// The next page; `None` after the last one, or after an error. Dropping
    /// the future loses nothing: the page comes with the next call.
    pub async fn next(&mut self) -> Option<Result<Response<A>, Error>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Response<A>, Error>>> {
        let result = loop {
            match &mut self.state {
                State::Idle => {
                    let (transport, call) = (self.transport.clone(), Arc::clone(&self.call));
                    self.state =
                        State::Asking(Box::pin(async move { transport.send(&call).await }));
                }
                State::Asking(asking) => break ready!(asking.as_mut().poll(context)),
                State::Failed | State::Ended => return Poll::Ready(None),
            }
        };
        self.state = State::Ended;
        Poll::Ready(match result.and_then(self.read) {
            Ok(page) => self.accept(page).map(Ok),
            Err(error) => {
                // The same arguments will be as unusable the next time.
                if error.kind() != ErrorKind::Argument {
                    self.state = State::Failed;
                }
                Some(Err(error))
            }
        })
    }

    /// Moves on to the next page, if there is one.
    fn accept(&mut self, page: Response<A>) -> Option<Response<A>> {
        let identity = self.position.identity(page.body());
        if self.previous.as_ref() == Some(&identity) {
            tracing::warn!(
                operation = self.call.route.id,
                "the server repeats its page: the list ends here"
            );
            return None;
        }
        self.previous = Some(identity);
        if self.position.advance((self.facts)(&page)) {
            self.position.put(Arc::make_mut(&mut self.call));
            self.state = State::Idle;
        }
        Some(page)
    }
}

impl<A, T> Items<A, T> {
    /// The page that is asked for next, or that failed; `None` at the end.
    /// Items of the page before may still be to come.
    pub fn cursor(&self) -> Option<Cursor> {
        self.pages.cursor()
    }

    /// After an error: goes on at the page that failed.
    pub fn resume(&mut self) {
        self.pages.resume();
    }
}

impl<A, T> Items<A, T> {
    /// The next item; `None` after the last one, or after an error.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        loop {
            if let Some(item) = self.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.pages.poll(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(page)) => self.page = (self.take)(page.into_inner()).into_iter(),
            }
        }
    }
}

impl<A> Stream for Pages<A> {
    type Item = Result<Response<A>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl<A> Unpin for Pages<A> {}

impl<A, T> Stream for Items<A, T> {
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
