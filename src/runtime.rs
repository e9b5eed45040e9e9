//! Time and chance: what the transport takes from its surroundings, so that
//! tests need not wait.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime};

use futures_core::future::BoxFuture;

/// The clock, the alarm and the dice of a client. Each method has the
/// machine's own behind it; a test takes the place of those it needs.
///
/// ```
/// /// Dice that always fall the same.
/// #[derive(Debug)]
/// struct Loaded;
///
/// impl altegio::Runtime for Loaded {
///     fn random(&self) -> f64 {
///         0.0 // no backoff between attempts
///     }
/// }
///
/// let client = altegio::Client::builder().runtime(Loaded).build()?;
/// # Ok::<(), altegio::Error>(())
/// ```
pub trait Runtime: Debug + Send + Sync + 'static {
    /// A clock that never goes back: limits, timeouts and pauses are kept by it.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// The time of day, which a `Retry-After` date is held against.
    fn date(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Waits. Dropping the future ends the wait.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    /// A number from 0 up to 1, for the jitter between attempts.
    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// The machine's own clock and dice, and tokio's timer.
#[derive(Debug)]
pub(crate) struct System;

impl Runtime for System {}
