//! Timeouts: of a call, of an attempt and between two chunks of a response's
//! body.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::runtime::Runtime;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// From the first wait for the rate limit to the last byte of the response.
    pub call: Duration,
    /// From sending a request to the last byte of its response.
    pub attempt: Duration,
    /// From one chunk of a response's body to the next.
    pub read: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(120),
            attempt: Duration::from_secs(60),
            read: Duration::from_secs(30),
        }
    }
}

/// Returns `start` plus `length`. A sum that the clock cannot represent is
/// replaced by `start` plus 30 years.
pub(crate) fn later(start: Instant, length: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    start.checked_add(length).unwrap_or_else(|| start + FAR)
}

/// Returns the future's output. If the future takes longer than the duration
/// that `limit` returns, the error is the other value that `limit` returns. If
/// the future is ready immediately, `limit` is not called and no timer is set.
pub(crate) async fn within<F: Future, L>(
    runtime: &dyn Runtime,
    limit: impl FnOnce() -> (Duration, L),
    mut future: Pin<&mut F>,
) -> Result<F::Output, L> {
    let mut limit = Some(limit);
    let mut timer = None;
    let mut too_late = None;
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        if let Some(limit) = limit.take() {
            let (length, error) = limit();
            timer = Some(runtime.sleep(length));
            too_late = Some(error);
        }
        let over = timer.as_mut().map(|timer| timer.as_mut().poll(context));
        match (over, too_late.take()) {
            (Some(Poll::Ready(())), Some(error)) => Poll::Ready(Err(error)),
            (_, error) => {
                too_late = error;
                Poll::Pending
            }
        }
    })
    .await
}
