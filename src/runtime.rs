//! Time and randomness: what the transport takes from its surroundings, so
//! that tests need not wait.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime};

use futures_core::future::BoxFuture;

/// The clock, the timer and the random numbers of a client. Each method is the
/// machine's by default; a test overrides those it needs.
///
/// ```
/// /// No wait between attempts.
/// #[derive(Debug)]
/// struct NoJitter;
///
/// impl altegio::Runtime for NoJitter {
///     fn random(&self) -> f64 {
///         0.0
///     }
/// }
///
/// let client = altegio::Client::builder().runtime(NoJitter).build()?;
/// # Ok::<(), altegio::Error>(())
/// ```
pub trait Runtime: Debug + Send + Sync + 'static {
    /// The monotonic clock that limits, timeouts and pauses are measured with.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// The time of day. A `Retry-After` date counts from it where the response
    /// has no `Date` of its own.
    fn date(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Completes after `duration`. Dropping the future ends the wait.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    /// A number from 0 up to 1, for the jitter between attempts.
    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// The machine's clock and random numbers, and tokio's timer.
#[derive(Debug)]
pub(crate) struct System;

impl Runtime for System {}
