//! The retry policy: how often a call is retried, and after how long a wait.
//!
//! Which errors are retried is not configurable: see
//! [`Error::is_retryable`](crate::Error::is_retryable).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// A retry policy: how often a call is attempted, and how long it waits between
/// attempts.
///
/// The default is three attempts with exponential backoff and full jitter: the
/// wait before the second attempt is random, up to half a second, and the upper
/// bound doubles for each further attempt, up to ten seconds. If the server
/// sends `Retry-After`, the wait is at least that long.
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
/// // A single attempt for calls through this view:
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
    /// Returns the default policy: three attempts, with upper bounds for the
    /// wait from half a second to ten seconds.
    pub const fn new() -> Self {
        Self {
            attempts: 3,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(10),
        }
    }

    /// Returns a policy without retries: a single attempt.
    pub const fn off() -> Self {
        Self::new().attempts(1)
    }

    /// Sets the maximum number of attempts, including the first one; 0 is
    /// treated as 1.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// Sets the upper bounds for the wait: `first` before the second attempt,
    /// `longest` before any attempt. Each is limited to one day.
    #[must_use]
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest;
        self
    }

    /// Returns the upper bounds of the waits, one for each attempt after the
    /// first. The transport applies the jitter itself, by waiting a random part
    /// of the bound, because backon's jitter only lengthens the wait.
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

/// Returns the wait that a response requests with `Retry-After`, in seconds or
/// as a date. A date is compared with the response's own `Date`, so that a
/// wrong local clock does not matter, or with `now` if the response has none. A
/// date in the past means no wait.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.trim());
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let sent = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    Some(then.duration_since(sent.unwrap_or(now)).unwrap_or_default())
}

/// A retry budget, so that retries do not multiply the load of an outage: each
/// retry takes one, and each call that succeeds gives back a fifth of one.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicU32,
    most: u32,
}

/// The units that a retry takes. A successful call gives back one unit.
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

    /// Takes a retry out of the budget, if one is left.
    pub fn take(&self) -> Option<Withdrawal<'_>> {
        let take = |left: u32| left.checked_sub(RETRY);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .ok()?;
        Some(Withdrawal {
            budget: self,
            is_spent: false,
        })
    }

    /// Gives back one unit, because a call has succeeded.
    pub fn refill(&self) {
        self.add(1);
    }

    fn add(&self, amount: u32) {
        let add =
            |left: u32| (left < self.most).then(|| left.saturating_add(amount).min(self.most));
        // The update fails if the budget is full, which is fine.
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

/// A retry taken out of the budget. Dropping it without spending it gives it
/// back, for example when the caller cancels the call during the wait.
#[derive(Debug)]
pub(crate) struct Withdrawal<'b> {
    budget: &'b Budget,
    is_spent: bool,
}

impl Withdrawal<'_> {
    /// Keeps the retry out of the budget, because it is sent now.
    pub fn spend(mut self) {
        self.is_spent = true;
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if !self.is_spent {
            self.budget.add(RETRY);
        }
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
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |value: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(read("7", None), Some(7));
        assert_eq!(read(" 0 ", None), Some(0));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:07 GMT", None), Some(30));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT", None), Some(0));
        for absurd in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(read(absurd, None), None, "{absurd}");
        }
        // The clocks differ by an hour; then the response's `Date` is invalid.
        let date = Some("Sun, 06 Nov 1994 07:50:00 GMT");
        assert_eq!(read("Sun, 06 Nov 1994 07:50:07 GMT", date), Some(7));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:07 GMT", Some("now")), Some(30));
    }

    #[test]
    fn a_budget_runs_out_and_successes_refill_it() {
        let budget = Budget::new(2);
        let spend = || budget.take().map(Withdrawal::spend).is_some();
        assert!(spend() && spend() && !spend());
        for _ in 0..4 {
            budget.refill();
        }
        assert!(!spend());
        budget.refill();
        assert!(spend());
        for _ in 0..100 {
            budget.refill();
        }
        assert!(spend() && spend() && !spend());
    }

    #[test]
    fn the_largest_budget_does_not_overflow() {
        let budget = Budget::new(u32::MAX);
        assert!(budget.take().is_some());
        if let Some(retry) = budget.take() {
            retry.spend();
        }
        budget.add(1);
        let held = budget.take();
        budget.add(RETRY);
        drop(held);
        assert_eq!(budget.left.into_inner(), u32::MAX);
    }

    #[test]
    fn a_retry_that_is_not_sent_goes_back_into_the_budget() {
        let budget = Budget::new(1);
        for _ in 0..10 {
            assert!(budget.take().is_some());
        }
        let held = budget.take();
        assert!(held.is_some() && budget.take().is_none());
    }
}
