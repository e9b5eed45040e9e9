//! Pagination: paged lists as streams of pages and of items.
//!
//! The document defines which operations are paged, by which arguments, and
//! where the items are ([`Operation::paging`](crate::Operation)).

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

/// A stream of the pages of a list, each of which is one response. A page is
/// requested when the stream is polled for it.
///
/// Created by the `pages()` method of a paged operation. [`Items`] streams the
/// same list item by item.
///
/// The stream ends after an empty page. If the call sets a page size, it also
/// ends after a page that is shorter than an earlier one or, if the response has
/// a total, after a page that is shorter than the page size and reaches the
/// total. A page that is merely shorter than the page size does not end it,
/// because the server may cap the size. A page with the same items as the one before is not returned and
/// also ends the stream. A list that is paged by dates ends when the response
/// has no next period.
///
/// If a page fails, the stream returns the error instead of the page, and ends.
/// [`resume`](Self::resume) continues with the page that failed.
/// [`cursor`](Self::cursor) returns its position, so that another process can
/// start from there. After an error of kind
/// [`ErrorKind::Argument`](crate::ErrorKind::Argument), which would occur
/// again, the stream cannot be resumed.
#[must_use = "nothing is sent until it is polled"]
pub struct Pages<A> {
    transport: Transport,
    call: Arc<Call>,
    position: Position,
    state: State<A>,
    /// Decodes a page.
    read: fn(Unread) -> Result<Response<A>, Error>,
    facts: fn(&A) -> Facts,
    /// The identity of the previous page, to recognize a repeated one.
    previous: Option<Bytes>,
}

enum State<A> {
    /// No request is in progress. The next poll requests the next page.
    Idle,
    Asking(BoxFuture<'static, Result<Response<A>, Error>>),
    /// The last page failed, and its error has been returned.
    Failed,
    Ended,
}

/// A stream of the items of a list, across all pages. Created by the `stream()`
/// method of a paged operation.
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
/// It implements [`Stream`](futures_core::Stream). It ends, and can be resumed
/// after an error, like [`Pages`]: [`resume`](Self::resume) continues with the
/// first item of the page that failed.
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

    /// Returns the position of the page that is requested next or that failed;
    /// `None` at the end of the list.
    pub fn cursor(&self) -> Option<Cursor> {
        match self.state {
            State::Ended => None,
            _ => Some(self.position.cursor()),
        }
    }

    /// Continues with the page that failed. Does nothing unless an error has
    /// ended the stream.
    pub fn resume(&mut self) {
        if matches!(self.state, State::Failed) {
            self.state = State::Idle;
        }
    }
}

impl<A: Send + 'static> Pages<A> {
    /// Returns the next page; `None` after the last one or after an error. This
    /// is cancel safe: if the future is dropped, the next call returns the page.
    pub async fn next(&mut self) -> Option<Result<Response<A>, Error>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Response<A>, Error>>> {
        let result = loop {
            match &mut self.state {
                State::Idle => {
                    let (transport, call) = (self.transport.clone(), Arc::clone(&self.call));
                    let read = self.read;
                    self.state = State::Asking(Box::pin(async move {
                        transport.send(&call).await?.decode(read).await
                    }));
                }
                State::Asking(asking) => break ready!(asking.as_mut().poll(context)),
                State::Failed | State::Ended => return Poll::Ready(None),
            }
        };
        self.state = State::Ended;
        Poll::Ready(match result {
            Ok(page) => self.accept(page).map(Ok),
            Err(error) => {
                // The same arguments would be invalid again.
                if error.kind() != ErrorKind::Argument {
                    self.state = State::Failed;
                }
                Some(Err(error))
            }
        })
    }

    /// Advances to the next page, if there is one. Returns `None` if this page
    /// repeats the previous one.
    fn accept(&mut self, page: Response<A>) -> Option<Response<A>> {
        let identity = self.position.identity(page.body());
        if self.previous.as_ref() == Some(&identity) {
            tracing::warn!(
                operation = self.call.route.id,
                "the server returned the same page again; the list ends here"
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
    /// Returns the position of the page that is requested next or that failed;
    /// `None` after the last page. The stream may still have to return items of
    /// the page before it.
    pub fn cursor(&self) -> Option<Cursor> {
        self.pages.cursor()
    }

    /// Continues with the page that failed. Does nothing unless an error has
    /// ended the stream.
    pub fn resume(&mut self) {
        self.pages.resume();
    }
}

impl<A: Send + 'static, T> Items<A, T> {
    /// Returns the next item; `None` after the last one or after an error. This
    /// is cancel safe: if the future is dropped, no item is lost.
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

impl<A: Send + 'static> Stream for Pages<A> {
    type Item = Result<Response<A>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl<A> Unpin for Pages<A> {}

impl<A: Send + 'static, T> Stream for Items<A, T> {
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
