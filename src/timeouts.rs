//! How long a call, an attempt and a server's silence may last.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::runtime::Runtime;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// From the first wait for the rate limit to the last byte of the answer.
    pub call: Duration,
    /// From the sending of a request to the last byte of its answer.
    pub attempt: Duration,
    /// From one part of an answer's body to the next.
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

/// The future's output; `None` if it takes longer than `limit`. No alarm is
/// set for a future that is ready at once.
pub(crate) async fn within<F: Future>(
    runtime: &dyn Runtime,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut alarm = None;
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        alarm
            .get_or_insert_with(|| runtime.sleep(limit))
            .as_mut()
            .poll(context)
            .map(|()| None)
    })
    .await
}
