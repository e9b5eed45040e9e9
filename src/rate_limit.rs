//! The rate limit: requests wait here for their place.
//!
//! Altegio allows 200 requests a minute and 5 a second from one address. The
//! limit is kept as the server counts: no second holds more than 5 requests
//! and no minute more than 200, wherever it begins.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;

use crate::error::Error;
use crate::runtime::Runtime;
use crate::transport::deadline::later;

/// The longest that a server's `Retry-After` holds a client back.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Whether a request may go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// The place is taken: send.
    Granted,
    /// No place is free, and none is taken: ask again after this time.
    Wait(Duration),
}

/// Where the count of requests is kept.
///
/// Implement it on a store that several processes behind one address share,
/// and give it to [`RateLimiter::shared`].
///
/// ```
/// use std::time::{Duration, Instant};
/// use altegio::{Permit, RateLimit, RateLimiter};
/// # type Pool = ();
///
/// #[derive(Debug)]
/// struct Redis {
///     pool: Pool,
/// }
///
/// impl RateLimit for Redis {
///     fn try_acquire(
///         &self,
///         _now: Instant,
///     ) -> futures_core::future::BoxFuture<'_, Result<Permit, Box<dyn std::error::Error + Send + Sync>>>
///     {
///         Box::pin(async move {
///             // one script on the server: count this second and this minute
///             Ok(Permit::Granted)
///         })
///     }
/// }
///
/// let client = altegio::Client::builder()
///     .rate_limiter(RateLimiter::shared(Redis { pool: () }))
///     .build()?;
/// # Ok::<(), altegio::Error>(())
/// ```
pub trait RateLimit: Debug + Send + Sync + 'static {
    /// Takes a place for one request, or says when to ask again. A future
    /// that is dropped before it is ready should leave no place taken.
    ///
    /// `now` is the client's own clock; a store with a clock uses that.
    fn try_acquire(
        &self,
        now: Instant,
    ) -> BoxFuture<'_, Result<Permit, Box<dyn std::error::Error + Send + Sync>>>;

    /// The server asked for silence. Clients of this process keep it anyway;
    /// a shared store can tell the others.
    fn pause(&self, _duration: Duration) {}
}

/// The limit that requests wait at; clones share it.
///
/// A client for production has [`RateLimiter::altegio`] of its own. Give one
/// to several clients of a process, since the server counts by address:
///
/// ```
/// use altegio::{Client, RateLimiter};
///
/// let limiter = RateLimiter::altegio();
/// let one = Client::builder().rate_limiter(limiter.clone()).build()?;
/// let other = Client::builder().rate_limiter(limiter).build()?;
/// # Ok::<(), altegio::Error>(())
/// ```
///
/// Requests go in the order in which they asked.
#[derive(Clone, Debug)]
pub struct RateLimiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Option<Box<dyn RateLimit>>,
    paused_until: Mutex<Option<Instant>>,
    /// The request whose turn it is; tokio's lock is fair.
    turn: tokio::sync::Mutex<()>,
}

impl RateLimiter {
    /// Altegio's own limit: 5 requests a second and 200 a minute.
    pub fn altegio() -> Self {
        Self::of(Windows::new(vec![
            (5, Duration::from_secs(1)),
            (200, Duration::from_secs(60)),
        ]))
    }

    /// Limits of one's own: at most so many requests in any window so long.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let half = altegio::RateLimiter::windows([
    ///     (2, Duration::from_secs(1)),
    ///     (100, Duration::from_secs(60)),
    /// ])?;
    /// # Ok::<(), altegio::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A window of no requests or of no length.
    pub fn windows(windows: impl IntoIterator<Item = (usize, Duration)>) -> Result<Self, Error> {
        let windows: Vec<_> = windows.into_iter().collect();
        if windows
            .iter()
            .any(|&(most, length)| most == 0 || length.is_zero())
        {
            return Err(Error::config(
                "rate limit: a window of no requests or no length lets nothing through; \
                 give at least 1 request and a length, or `RateLimiter::off()`",
            ));
        }
        Ok(Self::of(Windows::new(windows)))
    }

    /// A store of one's own, shared by several processes.
    pub fn shared(store: impl RateLimit) -> Self {
        Self::of(store)
    }

    /// No limit. The pauses that the server asks for are kept.
    pub fn off() -> Self {
        Self::new(None)
    }

    fn of(store: impl RateLimit) -> Self {
        Self::new(Some(Box::new(store)))
    }

    fn new(store: Option<Box<dyn RateLimit>>) -> Self {
        Self(Arc::new(Inner {
            store,
            paused_until: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
        }))
    }

    /// Whether a request may have to wait at all.
    pub(crate) fn holds_back(&self) -> bool {
        self.is_limited() || lock(&self.0.paused_until).is_some()
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.0.store.is_some()
    }

    /// Holds every request back for as long as the server asked, within reason.
    pub(crate) fn pause(&self, now: Instant, duration: Duration) {
        let duration = duration.min(LONGEST_PAUSE);
        let until = now + duration;
        let mut paused = lock(&self.0.paused_until);
        if paused.is_none_or(|other| other < until) {
            *paused = Some(until);
        }
        drop(paused);
        if let Some(store) = &self.0.store {
            store.pause(duration);
        }
    }

    /// Waits for a place, as long as it comes before `deadline`.
    ///
    /// A place is taken in the moment in which this is ready, so a caller who
    /// gives up while waiting has taken none.
    pub(crate) async fn place(
        &self,
        runtime: &dyn Runtime,
        deadline: Instant,
    ) -> Result<(), NoPermit> {
        let Some(store) = &self.0.store else {
            while let Some(wait) = self.pause_left(runtime.now()) {
                sleep(runtime, wait, deadline).await?;
            }
            return Ok(());
        };
        let _turn = self.0.turn.lock().await;
        loop {
            let now = runtime.now();
            let wait = match self.pause_left(now) {
                Some(wait) => wait,
                None => match store.try_acquire(now).await.map_err(NoPermit::Broken)? {
                    Permit::Granted => return Ok(()),
                    Permit::Wait(wait) => wait,
                },
            };
            sleep(runtime, wait, deadline).await?;
        }
    }

    fn pause_left(&self, now: Instant) -> Option<Duration> {
        let mut paused = lock(&self.0.paused_until);
        let left = (*paused)?
            .checked_duration_since(now)
            .filter(|left| !left.is_zero());
        if left.is_none() {
            *paused = None;
        }
        left
    }
}

/// Why no place was taken.
#[derive(Debug)]
pub(crate) enum NoPermit {
    /// The next one comes after the deadline, in so long where that is known.
    TooLate(Option<Duration>),
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

async fn sleep(runtime: &dyn Runtime, wait: Duration, deadline: Instant) -> Result<(), NoPermit> {
    if runtime
        .now()
        .checked_add(wait)
        .is_none_or(|then| then > deadline)
    {
        return Err(NoPermit::TooLate(Some(wait)));
    }
    runtime.sleep(wait).await;
    Ok(())
}

/// The moments at which the latest requests went, as many as the largest window holds.
#[derive(Debug)]
struct Windows {
    windows: Vec<(usize, Duration)>,
    latest: Mutex<VecDeque<Instant>>,
}

impl Windows {
    fn new(windows: Vec<(usize, Duration)>) -> Self {
        Self {
            windows,
            latest: Mutex::default(),
        }
    }

    fn try_acquire_at(&self, now: Instant) -> Permit {
        let mut latest = lock(&self.latest);
        let wait = self.windows.iter().filter_map(|&(most, length)| {
            // The window is full as long as the request `most` before this one is in it.
            let index = latest.len().checked_sub(most)?;
            later(latest[index], length).checked_duration_since(now)
        });
        match wait.max() {
            Some(wait) if !wait.is_zero() => Permit::Wait(wait),
            _ => {
                latest.push_back(now);
                let keep = self
                    .windows
                    .iter()
                    .map(|(most, _)| *most)
                    .max()
                    .unwrap_or(0);
                while latest.len() > keep {
                    latest.pop_front();
                }
                Permit::Granted
            }
        }
    }
}

impl RateLimit for Windows {
    fn try_acquire(
        &self,
        now: Instant,
    ) -> BoxFuture<'_, Result<Permit, Box<dyn std::error::Error + Send + Sync>>> {
        Box::pin(std::future::ready(Ok(self.try_acquire_at(now))))
    }
}

/// A panic elsewhere leaves these plain values whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments at which `count` requests go that all ask at once.
    fn moments(windows: &Windows, start: Instant, count: usize) -> Vec<Duration> {
        let mut now = start;
        let mut moments = Vec::new();
        while moments.len() < count {
            match windows.try_acquire_at(now) {
                Permit::Granted => moments.push(now - start),
                Permit::Wait(wait) => now += wait,
            }
        }
        moments
    }

    fn most_in(moments: &[Duration], length: Duration) -> usize {
        let within = |from: Duration| {
            moments
                .iter()
                .filter(|at| **at >= from && **at < from + length)
                .count()
        };
        moments.iter().map(|at| within(*at)).max().unwrap()
    }

    #[test]
    fn no_second_and_no_minute_holds_more_than_is_allowed() {
        let second = Duration::from_secs(1);
        let windows = Windows::new(vec![(5, second), (200, 60 * second)]);
        let moments = moments(&windows, Instant::now(), 1000);
        assert_eq!(most_in(&moments, second), 5);
        assert_eq!(most_in(&moments, 60 * second), 200);
        // Bursts within both: 5 at once, 200 as fast as 5 a second allow.
        assert_eq!(moments[4], Duration::ZERO);
        assert_eq!(moments[199], 39 * second);
        assert_eq!(moments[200], 60 * second);
        assert_eq!(moments[999], 279 * second);
    }

    #[test]
    fn a_window_that_lets_nothing_through_is_refused() {
        let error = RateLimiter::windows([(0, Duration::from_secs(1))]).unwrap_err();
        assert!(error.to_string().contains("rate limit"), "{error}");
        assert!(RateLimiter::windows([(1, Duration::ZERO)]).is_err());
    }
}
