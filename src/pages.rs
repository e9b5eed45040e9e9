//! Pagination: paged lists as streams of pages and of items.
//!
//! The document defines which operations are paged, by which arguments, and
//! where the items are ([`Operation::paging`](crate::Operation)).

mod cursor;

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::operation::Paging;
use crate::response::{Response, Unread};
use crate::transport::Transport;
use crate::wire::{self, Mismatch, UnknownField};
use cursor::Position;
pub(crate) use cursor::ids;
pub use cursor::{Cursor, Facts};

/// How many pages are requested ahead unless [`Pages::ahead`] sets another number.
const AHEAD: usize = 4;

/// If the caller takes longer than this for a page or an item, the requests in progress
/// may fail because they were not polled meanwhile.
const LEFT: Duration = Duration::from_secs(1);

/// A stream of the pages of a list, each of which is one response.
///
/// Created by the `pages()` method of a paged operation. [`Items`] streams the
/// same list item by item.
///
/// # Requests
///
/// Nothing is requested before the stream is polled. Once the first page has
/// arrived, the next pages are requested ahead, so that a long list is read at the
/// pace of the rate limit and not one page per round trip; [`ahead`](Self::ahead)
/// sets how many. If the response has a total, no page past it is requested. A list
/// that is paged by dates is read one page at a time. Requests make progress only
/// while the stream is polled, and hold up no other call when it is not.
///
/// # End
///
/// The stream ends after an empty page and, if the response has a total, after the
/// page that reaches it. If the call sets a page size, it also ends after a page
/// that is shorter than an earlier one. A page that is merely shorter than the page
/// size does not end it, because the server may cap the size. A page with the same
/// items as the one before is not returned and also ends the stream. A list that is
/// paged by dates ends when the response has no next period.
///
/// # Errors
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
    call: Call,
    /// The position of the first page that has not been returned.
    position: Position,
    ahead: usize,
    state: State,
    /// The requests in progress, for successive pages.
    requests: FuturesOrdered<BoxFuture<'static, Result<Response<A>, Error>>>,
    /// The pages that have arrived and were not returned yet. They come before those
    /// of `requests`.
    arrived: VecDeque<Result<Response<A>, Error>>,
    /// When the stream last returned something while requests were in progress.
    returned: Option<Instant>,
    /// Whether the caller has left requests unpolled for longer than [`LEFT`].
    was_left: bool,
    /// Decodes a page.
    read: fn(Unread) -> Result<Response<A>, Error>,
    facts: fn(&A) -> Facts,
    /// The identity of the previous page, to recognize a repeated one.
    previous: Option<Identity>,
    /// Hashes of the ids of all items so far.
    ids: HashSet<u64>,
    repeated: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// The last page failed, and its error has been returned.
    Failed,
    Ended,
}

/// What a page has in common with another one only if it is the same page.
#[derive(PartialEq, Eq)]
enum Identity {
    /// The hashes of the items' ids.
    Ids(Vec<Option<u64>>),
    /// A part of the body.
    Bytes(Bytes),
}

/// A stream of the items of a list, across all pages. Created by the `stream()`
/// method of a paged operation.
///
/// ```no_run
/// use altegio::ids::LocationId;
///
/// # async fn run(client: &altegio::Client) -> Result<(), altegio::Error> {
/// let mut appointments = client
///     .b2b_v1()
///     .get_appointment_list(LocationId(123))
///     .count(200)
///     .stream();
/// while let Some(appointment) = appointments.next().await {
///     println!("{:?}", appointment?.id);
/// }
/// # Ok(())
/// # }
/// ```
///
/// It implements [`Stream`](crate::Stream). It requests pages ahead, ends, and can
/// be resumed after an error, like [`Pages`]: [`resume`](Self::resume) continues
/// with the first item of the page that failed.
///
/// A function can be generic over the list:
///
/// ```
/// use altegio::{Error, Items};
///
/// /// Returns the first `most` items.
/// async fn first<A: Send + 'static, T>(
///     mut items: Items<A, T>,
///     most: usize,
/// ) -> Result<Vec<T>, Error> {
///     let mut found = Vec::new();
///     while found.len() < most
///         && let Some(item) = items.next().await
///     {
///         found.push(item?);
///     }
///     Ok(found)
/// }
/// # #[cfg(feature = "b2b-v1-appointments")] {
/// use altegio::ids::LocationId;
///
/// let client = altegio::Client::builder().build()?;
/// let appointments = client.b2b_v1().get_appointment_list(LocationId(123));
/// let ten = first(appointments.count(10).stream().ahead(0), 10);
/// # }
/// # Ok::<(), Error>(())
/// ```
#[must_use = "nothing is sent until it is polled"]
pub struct Items<A, T> {
    pages: Pages<A>,
    take: fn(A) -> Vec<T>,
    /// The items of the current page that were not returned yet.
    left: std::vec::IntoIter<T>,
    page: Option<Page>,
}

/// What decoding reports about a page besides its items.
struct Page {
    mismatches: Vec<Mismatch>,
    has_unknown_fields: bool,
    body: Bytes,
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
            call,
            ahead: AHEAD,
            state: State::Reading,
            requests: FuturesOrdered::new(),
            arrived: VecDeque::new(),
            returned: None,
            was_left: false,
            read,
            facts,
            previous: None,
            ids: HashSet::new(),
            repeated: Vec::new(),
        }
    }

    pub(crate) fn items<T>(self, take: fn(A) -> Vec<T>) -> Items<A, T> {
        Items {
            pages: self,
            take,
            left: Vec::new().into_iter(),
            page: None,
        }
    }

    /// Sets how many pages are requested before they are needed; 4 by default, so
    /// that up to five requests are in progress while the stream is waited for.
    ///
    /// At Altegio's limit of 5 requests per second, 4 suffices for responses that
    /// take up to a second. With 0, a page is requested only when the stream is
    /// polled for it. If the list has no total, up to `pages` requests past its end
    /// are sent.
    pub fn ahead(mut self, pages: usize) -> Self {
        self.ahead = pages;
        self
    }

    /// Returns the position of the first page that has not been returned, whether it
    /// failed or has already been requested; `None` at the end of the list.
    pub fn cursor(&self) -> Option<Cursor> {
        (self.state != State::Ended).then(|| self.position.cursor())
    }

    /// Returns which items of the page that was returned last have the id of an item
    /// on an earlier page, as positions in the page's list of items.
    ///
    /// Items that are added to or removed from a list while it is read move others
    /// from one page to another. Such a list may also lack items, which cannot be
    /// detected.
    pub fn repeated(&self) -> &[usize] {
        &self.repeated
    }

    /// Continues with the page that failed. Does nothing unless an error has
    /// ended the stream.
    pub fn resume(&mut self) {
        if self.state == State::Failed {
            self.state = State::Reading;
        }
    }

    /// Drops the requests in progress and the pages that have arrived.
    fn discard(&mut self) {
        self.requests = FuturesOrdered::new();
        self.arrived.clear();
        self.was_left = false;
    }
}

impl<A: Send + 'static> Pages<A> {
    /// Returns the next page; `None` after the last one or after an error. This
    /// is cancel safe: if the future is dropped, the next call returns the page.
    pub async fn next(&mut self) -> Option<Result<Response<A>, Error>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Response<A>, Error>>> {
        loop {
            if self.state != State::Reading {
                return Poll::Ready(None);
            }
            self.request(1, self.ahead.saturating_add(1));
            self.progress(context);
            match self.arrived.pop_front() {
                None => return Poll::Pending,
                Some(Ok(page)) => {
                    let page = self.accept(page);
                    if self.state == State::Reading {
                        // The next pages are under way while the caller works on
                        // this one.
                        self.request(0, self.ahead);
                        self.progress(context);
                        self.leave();
                    }
                    return Poll::Ready(page.map(Ok));
                }
                // The request may have failed because nobody polled it.
                Some(Err(error)) if self.was_left && is_from_leaving(&error) => self.discard(),
                Some(Err(error)) => {
                    self.discard();
                    // The same arguments would be invalid again.
                    self.state = match error.kind() {
                        ErrorKind::Argument => State::Ended,
                        _ => State::Failed,
                    };
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    /// Requests pages, so that at least `least` and at most `most` of them are in
    /// progress or have arrived.
    fn request(&mut self, least: usize, most: usize) {
        let wanted = self.position.open().min(most).max(least);
        for place in self.arrived.len() + self.requests.len()..wanted {
            let mut call = self.call.clone();
            self.position.put(&mut call, place);
            let (transport, read) = (self.transport.clone(), self.read);
            self.requests.push_back(Box::pin(async move {
                transport.send(&call).await?.decode(read).await
            }));
        }
    }

    /// Polls the requests in progress.
    fn progress(&mut self, context: &mut Context<'_>) {
        if let Some(returned) = self.returned.take() {
            let left = self.transport.now().saturating_duration_since(returned);
            self.was_left |= left > LEFT;
        }
        let mut requests = Pin::new(&mut self.requests);
        while let Poll::Ready(Some(page)) = requests.as_mut().poll_next(context) {
            self.arrived.push_back(page);
        }
    }

    /// Notes that the stream returns something to the caller.
    fn leave(&mut self) {
        if !self.requests.is_empty() {
            self.returned = Some(self.transport.now());
        }
    }

    /// Advances to the next page, if there is one. Returns `None` if this page
    /// repeats the previous one.
    fn accept(&mut self, page: Response<A>) -> Option<Response<A>> {
        let facts = (self.facts)(&page);
        let has_ids = !facts.ids.is_empty() && facts.ids.iter().all(Option::is_some);
        let identity = match has_ids {
            true => Identity::Ids(facts.ids.clone()),
            false => Identity::Bytes(self.position.identity(page.body())),
        };
        if self.previous.as_ref() == Some(&identity) {
            tracing::warn!(
                operation = self.call.route.id,
                "the server returned the same page again; the list ends here"
            );
            self.end();
            return None;
        }
        self.previous = Some(identity);
        let ids = facts.ids.iter().enumerate();
        let is_known = |id: &Option<u64>| id.is_some_and(|id| self.ids.contains(&id));
        let repeated = ids.filter(|(_, id)| is_known(id)).map(|(place, _)| place);
        self.repeated = repeated.collect();
        self.ids.extend(facts.ids.iter().flatten());
        if !self.position.advance(&facts) {
            self.end();
        }
        Some(page)
    }

    fn end(&mut self) {
        self.discard();
        self.state = State::Ended;
    }
}

/// Returns whether a request may fail with this error because it was not polled: its
/// timeouts passed, or the server closed the connection.
fn is_from_leaving(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Transport) && error.is_retryable()
}

impl<A, T> Items<A, T> {
    /// Sets how many pages are requested before they are needed; 4 by default. See
    /// [`Pages::ahead`].
    pub fn ahead(mut self, pages: usize) -> Self {
        self.pages = self.pages.ahead(pages);
        self
    }

    /// Returns the position of the first page whose items have not been returned,
    /// whether it failed or has already been requested; `None` after the last page.
    /// The stream may still have to return items of the page before it.
    pub fn cursor(&self) -> Option<Cursor> {
        self.pages.cursor()
    }

    /// Returns the values of the current page that did not fit the document's types
    /// and were set aside, each with its path and raw value. The current page is the
    /// one of the item that was returned last or, if the list has ended, the last one.
    ///
    /// ```no_run
    /// # #[cfg(feature = "b2b-v1-appointments")]
    /// # async fn run(client: &altegio::Client) -> Result<(), altegio::Error> {
    /// use altegio::ids::LocationId;
    ///
    /// let mut appointments = client.b2b_v1().get_appointment_list(LocationId(123)).stream();
    /// while let Some(appointment) = appointments.next().await {
    ///     let appointment = appointment?;
    ///     if appointments.mismatches().is_empty() {
    ///         println!("{:?}", appointment.id);
    ///     } else {
    ///         println!("{:?}, which may lack values", appointment.id);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn mismatches(&self) -> &[Mismatch] {
        let page = self.page.as_ref();
        page.map_or(&[], |page| page.mismatches.as_slice())
    }

    /// Continues with the page that failed. Does nothing unless an error has
    /// ended the stream.
    pub fn resume(&mut self) {
        self.pages.resume();
    }
}

impl<A: DeserializeOwned, T> Items<A, T> {
    /// Returns the fields of the current page that the document does not list, each
    /// with its path and raw value. Reads the page's body again if there are any. For
    /// the current page, see [`mismatches`](Self::mismatches).
    pub fn unknown_fields(&self) -> Vec<UnknownField> {
        match &self.page {
            Some(page) if page.has_unknown_fields => wire::unknown_fields::<A>(&page.body),
            _ => Vec::new(),
        }
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
            if let Some(item) = self.left.next() {
                // The next pages make progress while the caller works on the items.
                self.pages.progress(context);
                self.pages.leave();
                return Poll::Ready(Some(Ok(item)));
            }
            match self.pages.poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(page))) => {
                    self.page = Some(Page {
                        mismatches: page.mismatches,
                        has_unknown_fields: page.has_unknown_fields,
                        body: page.head.body,
                    });
                    self.left = (self.take)(page.value).into_iter();
                }
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
            .field("left_of_page", &self.left.len())
            .finish_non_exhaustive()
    }
}
