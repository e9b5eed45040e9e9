//! When a call is sent again, and after how long.
//!
//! What may be sent again is no matter of configuration: see
//! [`Error::is_retryable`](crate::Error::is_retryable).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// How often a call is tried and how long it waits in between.
///
/// Three attempts by default. Before the second it waits a random part of
/// half a second, and twice as long before each further one, up to ten
/// seconds; a `Retry-After` of the server is kept beside that.
///
/// ```
/// use std::time::Duration;
/// use altegio::{Client, Retry};
///
/// let patient = Retry::new()
///     .attempts(5)
///     .backoff(Duration::from_secs(1), Duration::from_secs(30));
/// let client = Client::builder().retry(patient).build()?;
///
/// // Once only, for the calls through this handle:
/// let careful = client.b2b_v1().retry(Retry::off());
/// # Ok::<(), altegio::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    attempts: u32,
    first: Duration,
    longest: Duration,
}

impl Retry {
    /// Three attempts, half a second growing to ten.
    pub const fn new() -> Self {
        Self {
            attempts: 3,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(10),
        }
    }

    /// One attempt.
    pub const fn off() -> Self {
        Self::new().attempts(1)
    }

    /// At most so many attempts, the first one counted; 0 counts as 1.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// The longest wait before the second attempt, and before any; more than
    /// a day counts as a day.
    #[must_use]
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest;
        self
    }

    /// The bounds of the waits, one for each attempt after the first. The
    /// jitter is the transport's: a random part of the whole wait, where
    /// backon's own only adds to it.
    pub(crate) fn waits(&self) -> ExponentialBackoff {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        ExponentialBuilder::new()
            .with_min_delay(self.first.min(DAY))
            .with_max_delay(self.longest.min(DAY))
            .with_factor(2.0)
            .with_max_times(self.attempts.saturating_sub(1) as usize)
            .build()
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

/// Retries in reserve, so that an outage is not multiplied: each retry takes
/// one, each call that succeeds gives back a fifth of one.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicU32,
    most: u32,
}

/// What a success gives back is 1, and a retry takes this.
const RETRY: u32 = 5;

impl Budget {
    pub const DEFAULT: u32 = 20;

    pub fn new(retries: u32) -> Self {
        let most = retries.saturating_mul(RETRY);
        Self {
            left: AtomicU32::new(most),
            most,
        }
    }

    /// Whether a retry is left; it is taken then.
    pub fn take(&self) -> bool {
        let take = |left: u32| left.checked_sub(RETRY);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    pub fn give_back(&self) {
        let give = |left| (left < self.most).then_some(left + 1);
        // At the most there is nothing to give.
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, give);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_attempts() {
        let retry = Retry::new()
            .attempts(6)
            .backoff(Duration::from_secs(1), Duration::from_secs(5));
        let waits: Vec<u64> = retry.waits().map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        let endless = Retry::new().backoff(Duration::MAX, Duration::MAX);
        assert!(endless.waits().all(|wait| wait.as_secs() == 86_400));
        assert_eq!(Retry::off().waits().count(), 0);
        assert_eq!(Retry::new().attempts(0).waits().count(), 0);
    }

    #[test]
    fn a_budget_runs_out_and_successes_refill_it() {
        let budget = Budget::new(2);
        assert!(budget.take() && budget.take() && !budget.take());
        for _ in 0..4 {
            budget.give_back();
        }
        assert!(!budget.take());
        budget.give_back();
        assert!(budget.take());
        for _ in 0..100 {
            budget.give_back();
        }
        assert!(budget.take() && budget.take() && !budget.take());
    }
}
