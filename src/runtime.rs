//! The runtime: the source of time and randomness, which tests can replace so
//! that they do not have to wait.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime};

use futures_core::future::BoxFuture;

/// The clock, the timer and the source of randomness of a client. The default
/// methods use the system's; a test overrides the ones it needs.
///
/// ```
/// /// Makes the wait between attempts zero.
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
    /// Returns the time of the monotonic clock, which measures rate limits,
    /// timeouts and pauses.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Returns the wall-clock time. A date in `Retry-After` is compared with it
    /// if the response has no `Date` header.
    fn date(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Returns a future that completes after `duration`. Dropping the future
    /// cancels the wait.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    /// Returns a random number from 0 up to 1, for the jitter of retries.
    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// The system's clock and randomness, and tokio's timer.
#[derive(Debug)]
pub(crate) struct System;

impl Runtime for System {}
