//! The rate limiter, which every request asks for a permit before it is sent.
//!
//! Altegio allows 200 requests per minute and 5 per second from one IP address,
//! and rejects requests that exceed either limit with a 429. The limiter uses
//! sliding windows, as the server does: no period of one second contains more than
//! 5 requests and no period of one minute more than 200, wherever it begins. Bursts
//! within both limits are allowed.
//!
//! Set another limiter if several clients share an address ([`RateLimiter::clone`]
//! within a process, [`RateLimiter::shared`] across processes), or if your
//! contract with Altegio allows a different rate.

mod queue;
#[cfg(feature = "redis")]
mod redis;
mod windows;

use std::fmt::Debug;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;

use crate::error::Error;
use crate::runtime::Runtime;
use crate::transport::deadline::later;
use queue::{Pace, Queue, Turn};
#[cfg(feature = "redis")]
pub use redis::RedisStore;
use windows::Windows;

/// The longest pause that a `Retry-After` of the server can cause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How much longer the windows of [`RateLimiter::altegio`] are than Altegio's.
pub(crate) const MARGIN: Duration = Duration::from_millis(50);

/// The maximum age of a store's permit. A request sent later could fall into
/// another window than the one in which it was counted.
const FRESH: Duration = MARGIN;

/// The error that a [`RateLimit`] returns: any error, or a text converted with
/// `into()`. It is the [`source`](std::error::Error::source) of the call's error.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// Whether a request may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// The request has been counted and may be sent.
    Granted,
    /// The limit is reached and nothing was counted. Ask again after this duration.
    Wait(Duration),
}

/// A store that counts the requests of several processes behind one IP address.
///
/// Implement this trait to share Altegio's limit across processes or machines, and
/// pass the store to [`RateLimiter::shared`].
#[cfg_attr(
    feature = "redis",
    doc = "[`RedisStore`](crate::RedisStore) is an implementation that uses Redis."
)]
#[cfg_attr(
    not(feature = "redis"),
    doc = "The feature `redis` provides an implementation that uses Redis."
)]
///
/// Within a process, the calls wait in a queue, and normally only one of them asks
/// the store at a time. After a [`Permit::Wait`], none of them asks again before
/// the duration has passed.
///
/// # Examples
///
/// A store that counts the requests of this process and grants every permit:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Instant;
///
/// use altegio::{BoxFuture, Client, Permit, RateLimit, RateLimiter, StoreError};
///
/// #[derive(Debug, Default)]
/// struct Counter(AtomicU64);
///
/// impl RateLimit for Counter {
///     fn try_acquire(&self, _now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>> {
///         Box::pin(async move {
///             self.0.fetch_add(1, Ordering::Relaxed);
///             Ok(Permit::Granted)
///         })
///     }
/// }
///
/// let client = Client::builder()
///     .rate_limiter(RateLimiter::shared(Counter::default()))
///     .build()?;
/// # Ok::<(), altegio::Error>(())
/// ```
pub trait RateLimit: Debug + Send + Sync + 'static {
    /// Counts one request if the limit allows it, or returns how long to wait before
    /// asking again. The implementation must not wait for the limit itself.
    ///
    /// `now` is the time of the client's own clock. A store that several processes
    /// share should use a clock that they share as well.
    ///
    /// The future may be dropped before it completes, and a permit may arrive too
    /// late: if the future is not polled for more than 50 ms, the client discards
    /// the permit and asks again. A permit that is lost in this way should cost no
    /// more than its place in the windows.
    ///
    /// # Errors
    ///
    /// If this returns an error, the request is not sent, and the call fails with
    /// [`ErrorKind::Limiter`](crate::ErrorKind::Limiter).
    fn try_acquire(&self, now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>>;

    /// Called when the server has responded with a 429 and a `Retry-After` that
    /// has not passed yet. The duration is never zero.
    ///
    /// The client delays its own requests without the store's help. A store can
    /// inform other processes. This method must return immediately, so spawn a task
    /// for any longer work. The default implementation does nothing.
    fn pause(&self, _duration: Duration) {}
}

/// The limit that requests have to observe. Clones share the same limit.
///
/// Unless you set another limiter, a client for the production server has its own
/// [`RateLimiter::altegio`], and a client for any other server has no limit.
/// Altegio counts requests by IP address, so pass the same limiter to all clients
/// of a process:
///
/// ```
/// use altegio::{Client, RateLimiter};
///
/// let limiter = RateLimiter::altegio();
/// let first = Client::builder().rate_limiter(limiter.clone()).build()?;
/// let second = Client::builder().rate_limiter(limiter).build()?;
/// # Ok::<(), altegio::Error>(())
/// ```
///
/// # Order
///
/// Requests are sent in the order in which their calls began to wait. A call that
/// would get its permit only after its timeout fails immediately, without sending
/// a request. A call that is dropped while it waits gives its place to the calls
/// behind it. A call that is not polled within 100 ms of its turn is passed over,
/// so a stream or a `select!` branch that is no longer polled does not block other
/// calls. When it is polled again, it takes the next free place.
///
/// # What is counted
///
/// A request is counted when it is passed to the HTTP client. It reaches the
/// server later because of network latency and, if no connection is open, the time
/// it takes to open one. The windows of `altegio()` are therefore 50 ms longer than
/// Altegio's, which covers the usual variation from one request to the next. For a
/// larger margin, see [`RateLimiter::altegio_with_margin`]. If a call has its permit
/// but is not polled while its connection opens, its request is sent when the call
/// is polled again. No margin covers that case.
///
/// # After a 429
///
/// When the server responds with a 429 and a `Retry-After`, all requests wait for
/// that time (at most 5 minutes) and are then sent at the limiter's rate. With
/// [`RateLimiter::off`], the requests that were waiting are sent at Altegio's rate.
#[derive(Clone, Debug)]
pub struct RateLimiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: Limit,
    /// The lock is never held across an await point.
    queue: Mutex<Queue>,
}

#[derive(Debug)]
enum Limit {
    /// No limit, except that requests that waited during a pause are then spread
    /// out by the queue's windows.
    Off,
    /// The queue's windows are the limit.
    Windows,
    Store(Box<dyn RateLimit>),
}

impl RateLimiter {
    /// Creates a limiter with Altegio's limits: 5 requests per second and 200 per
    /// minute, with a margin of 50 ms.
    pub fn altegio() -> Self {
        Self::altegio_with_margin(MARGIN)
    }

    /// Creates a limiter with Altegio's limits, in windows that are longer by `margin`.
    ///
    /// The margin allows for requests that take longer to reach the server than
    /// the requests after them. Choose a larger margin if connections are slow to
    /// open or if latency varies by more than 50 ms. Each 10 ms of margin reduces
    /// the maximum rate of 5 requests per second by about 1 %.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let limiter = altegio::RateLimiter::altegio_with_margin(Duration::from_millis(250));
    /// ```
    pub fn altegio_with_margin(margin: Duration) -> Self {
        Self::new(Limit::Windows, Pace::Windows(Windows::altegio(margin)))
    }

    /// Creates a limiter with custom limits. Each item is the maximum number of
    /// requests in any period of the given length. No margin is added.
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
    /// Returns an [`ErrorKind::Config`](crate::ErrorKind::Config) error if
    /// `windows` is empty or contains a window of zero requests or zero length.
    pub fn windows(windows: impl IntoIterator<Item = (usize, Duration)>) -> Result<Self, Error> {
        let windows = Windows::new(windows)?;
        Ok(Self::new(Limit::Windows, Pace::Windows(windows)))
    }

    /// Creates a limiter that counts requests in a store, which several processes
    /// can share.
    pub fn shared(store: impl RateLimit) -> Self {
        Self::new(Limit::Store(Box::new(store)), Pace::Store)
    }

    /// Creates a limiter without a limit. It still observes the pauses that the
    /// server asks for.
    pub fn off() -> Self {
        Self::new(Limit::Off, Pace::Windows(Windows::altegio(MARGIN)))
    }

    fn new(limit: Limit, pace: Pace) -> Self {
        Self(Arc::new(Inner {
            limit,
            queue: Mutex::new(Queue::new(pace)),
        }))
    }

    /// Returns whether a request may have to wait.
    pub(crate) fn holds_back(&self) -> bool {
        self.is_limited() || !self.queue().is_idle()
    }

    pub(crate) fn is_limited(&self) -> bool {
        !matches!(self.0.limit, Limit::Off)
    }

    /// Delays every request by the duration that the server asked for, up to
    /// [`LONGEST_PAUSE`].
    pub(crate) fn pause(&self, now: Instant, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let duration = duration.min(LONGEST_PAUSE);
        self.queue().close(later(now, duration));
        if let Limit::Store(store) = &self.0.limit {
            store.pause(duration);
        }
    }

    /// Waits for a permit, or fails immediately if it would come after `deadline`.
    ///
    /// The request is counted when the future completes. A caller that drops the
    /// future earlier has taken no place in the windows, and a caller that stops
    /// polling it does not block other calls.
    pub(crate) async fn acquire(
        &self,
        runtime: &dyn Runtime,
        deadline: Instant,
    ) -> Result<(), NoPermit> {
        let ticket = Ticket {
            limiter: self,
            runtime,
            number: self.queue().ticket(),
        };
        loop {
            ticket.turn(deadline).await?;
            let Limit::Store(store) = &self.0.limit else {
                return Ok(());
            };
            match ticket.ask(&**store).await.map_err(NoPermit::Broken)? {
                Some(Permit::Granted) => return Ok(()),
                Some(Permit::Wait(wait)) => {
                    // A store that returns zero would be asked in a busy loop.
                    let wait = wait.max(Duration::from_millis(1));
                    self.queue().close(later(runtime.now(), wait));
                }
                None => {}
            }
        }
    }

    /// A poisoned lock is ignored: no operation on the queue panics half-way, so the
    /// queue is always consistent.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reason why a call got no permit.
#[derive(Debug)]
pub(crate) enum NoPermit {
    /// The permit would come after the deadline. Contains the wait, if it is known.
    TooLate(Option<Duration>),
    /// The store failed.
    Broken(StoreError),
}

/// A call's place in the queue. Dropping the ticket gives the place up.
struct Ticket<'a> {
    limiter: &'a RateLimiter,
    runtime: &'a dyn Runtime,
    number: u64,
}

impl Ticket<'_> {
    /// Waits until it is this call's turn.
    async fn turn(&self, deadline: Instant) -> Result<(), NoPermit> {
        let mut alarm: Option<(Instant, BoxFuture<'static, ()>)> = None;
        poll_fn(|context| {
            loop {
                let (turn, now) = {
                    let mut queue = self.limiter.queue();
                    // Read the clock under the lock, so that the queue never sees
                    // time go backward.
                    let now = self.runtime.now();
                    let turn = queue.turn(self.number, now, deadline, context.waker());
                    (turn, now)
                };
                let until = match turn {
                    Turn::Go => return Poll::Ready(Ok(())),
                    Turn::TooLate(wait) => {
                        return Poll::Ready(Err(NoPermit::TooLate(Some(wait))));
                    }
                    Turn::Until(until) => until,
                };
                let set = alarm.take().filter(|(at, _)| *at == until);
                let (_, sleep) = alarm.insert(set.unwrap_or_else(|| {
                    let wait = until.saturating_duration_since(now);
                    (until, self.runtime.sleep(wait))
                }));
                if sleep.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                alarm = None;
            }
        })
        .await
    }

    /// Asks the store. Returns `None` if the permit may be too old to be used,
    /// because this call was not polled for a while.
    async fn ask(&self, store: &dyn RateLimit) -> Result<Option<Permit>, StoreError> {
        let mut answer = store.try_acquire(self.runtime.now());
        // The last time at which the store had not answered yet. The alarm keeps
        // it recent as long as this call is polled at all.
        let mut unanswered = self.runtime.now();
        let mut alarm = None;
        poll_fn(|context| {
            let now = self.runtime.now();
            if let Poll::Ready(permit) = answer.as_mut().poll(context) {
                let age = now.saturating_duration_since(unanswered);
                let permit = permit.map(|permit| match permit {
                    Permit::Granted if age > FRESH => None,
                    permit => Some(permit),
                });
                return Poll::Ready(permit);
            }
            unanswered = now;
            // A slow store is not a reason for the next call to ask it too. A call
            // that is no longer polled is passed over.
            self.limiter.queue().renew(self.number, now);
            let sleep = alarm.get_or_insert_with(|| self.runtime.sleep(FRESH / 2));
            if sleep.as_mut().poll(context).is_ready() {
                alarm = None;
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let now = self.runtime.now();
        let wakers = self.limiter.queue().leave(self.number, now);
        for waker in wakers {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A clock that only the test advances. A sleep ends when the clock reaches its
    /// end and the sleep is polled.
    #[derive(Clone, Debug)]
    struct Clock(Arc<(Instant, Mutex<Duration>)>);

    impl Clock {
        fn new() -> Self {
            Self(Arc::new((Instant::now(), Mutex::default())))
        }

        fn set(&self, elapsed: Duration) {
            *self.0.1.lock().unwrap() = elapsed;
        }
    }

    impl Runtime for Clock {
        fn now(&self) -> Instant {
            self.0.0 + *self.0.1.lock().unwrap()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            let clock = self.clone();
            let end = self.now() + duration;
            Box::pin(poll_fn(move |_| match clock.now() < end {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }))
        }
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A waiting call that is polled by hand.
    struct Call {
        future: Pin<Box<dyn Future<Output = Result<(), NoPermit>>>>,
        wakes: Arc<Wakes>,
    }

    impl Call {
        fn new(limiter: &RateLimiter, clock: &Clock, timeout: Duration) -> Self {
            let (limiter, clock) = (limiter.clone(), clock.clone());
            let deadline = clock.now() + timeout;
            Self {
                future: Box::pin(async move { limiter.acquire(&clock, deadline).await }),
                wakes: Arc::default(),
            }
        }

        fn poll(&mut self) -> Poll<Result<(), NoPermit>> {
            let waker = Waker::from(Arc::clone(&self.wakes));
            self.future.as_mut().poll(&mut Context::from_waker(&waker))
        }

        fn is_granted(&mut self) -> bool {
            match self.poll() {
                Poll::Ready(result) => {
                    result.unwrap();
                    true
                }
                Poll::Pending => false,
            }
        }

        fn wakes(&self) -> usize {
            self.wakes.0.load(Ordering::Relaxed)
        }
    }

    fn exact() -> RateLimiter {
        RateLimiter::windows([(5, SECOND), (200, 60 * SECOND)]).unwrap()
    }

    fn calls(limiter: &RateLimiter, clock: &Clock, count: usize) -> Vec<Call> {
        (0..count)
            .map(|_| Call::new(limiter, clock, 1000 * SECOND))
            .collect()
    }

    /// Polls all calls, removes those that got a permit, and returns their number.
    fn granted(calls: &mut Vec<Call>) -> usize {
        let before = calls.len();
        calls.retain_mut(|call| !call.is_granted());
        before - calls.len()
    }

    #[test]
    fn calls_left_behind_hold_nobody_up() {
        let (limiter, clock) = (exact(), Clock::new());
        let mut left = calls(&limiter, &clock, 10);
        assert_eq!(granted(&mut left), 5);
        // The other five calls are kept but not polled.
        clock.set(SECOND / 2);
        let mut other = calls(&limiter, &clock, 1);
        assert_eq!(granted(&mut other), 0);
        clock.set(SECOND + Duration::from_millis(100));
        assert_eq!(granted(&mut other), 1);
        clock.set(30 * SECOND);
        let mut more = calls(&limiter, &clock, 5);
        assert_eq!(granted(&mut left), 5);
        assert_eq!(granted(&mut more), 0, "never more than 5 in a second");
        clock.set(31 * SECOND);
        assert_eq!(granted(&mut more), 5);
    }

    #[test]
    fn ten_calls_that_are_polled_once_and_then_late_keep_to_the_limit() {
        let (limiter, clock) = (exact(), Clock::new());
        let mut first = calls(&limiter, &clock, 5);
        assert_eq!(granted(&mut first), 5);
        let mut ten = calls(&limiter, &clock, 10);
        assert_eq!(granted(&mut ten), 0);
        clock.set(30 * SECOND);
        assert_eq!(granted(&mut ten), 5);
        assert_eq!(granted(&mut ten), 0);
        clock.set(31 * SECOND);
        assert_eq!(granted(&mut ten), 5);
    }

    #[test]
    fn a_reservation_given_back_goes_to_the_call_that_has_waited_longest() {
        let limiter = RateLimiter::windows([(1, 10 * SECOND)]).unwrap();
        let clock = Clock::new();
        let mut waiting = calls(&limiter, &clock, 4);
        assert_eq!(granted(&mut waiting), 1);
        // The first of three calls is dropped while it waits; the second takes its place.
        drop(waiting.remove(0));
        clock.set(10 * SECOND);
        assert!(!waiting[1].is_granted());
        let wakes = waiting[1].wakes();
        assert!(waiting[0].is_granted());
        assert_eq!(waiting[1].wakes(), wakes, "nothing has changed for it");

        // A call that is dropped when its turn has come wakes the next one.
        let mut next = calls(&limiter, &clock, 1);
        assert_eq!(granted(&mut next), 0);
        clock.set(20 * SECOND);
        assert_eq!(next[0].wakes(), 0);
        drop(waiting.remove(1));
        assert_eq!(next[0].wakes(), 1);
        assert_eq!(granted(&mut next), 1);
    }

    #[test]
    fn a_call_whose_permit_would_come_too_late_fails_at_once() {
        let limiter = RateLimiter::windows([(1, 10 * SECOND)]).unwrap();
        let clock = Clock::new();
        let mut waiting = calls(&limiter, &clock, 6);
        assert_eq!(granted(&mut waiting), 1);
        let mut short = Call::new(&limiter, &clock, 59 * SECOND);
        match short.poll() {
            Poll::Ready(Err(NoPermit::TooLate(Some(wait)))) => assert_eq!(wait, 60 * SECOND),
            other => panic!("{other:?}"),
        }
        let mut long = Call::new(&limiter, &clock, 60 * SECOND);
        assert!(!long.is_granted());
        // The call notices a pause that moves its permit past its deadline.
        limiter.pause(clock.now(), 15 * SECOND);
        clock.set(10 * SECOND);
        match long.poll() {
            Poll::Ready(Err(NoPermit::TooLate(Some(wait)))) => assert_eq!(wait, 55 * SECOND),
            other => panic!("{other:?}"),
        }
        assert_eq!(granted(&mut waiting), 0);
        clock.set(15 * SECOND);
        assert_eq!(granted(&mut waiting), 1);
    }

    #[test]
    fn calls_held_by_a_pause_leave_at_the_windows_pace() {
        for limiter in [RateLimiter::off(), RateLimiter::altegio()] {
            let clock = Clock::new();
            limiter.pause(clock.now(), 30 * SECOND);
            let mut held = calls(&limiter, &clock, 50);
            assert_eq!(granted(&mut held), 0);
            for step in 0..10 {
                clock.set(30 * SECOND + (SECOND + MARGIN) * step);
                assert_eq!(granted(&mut held), 5, "in step {step}");
                assert_eq!(granted(&mut held), 0, "in step {step}");
            }
            assert_eq!(limiter.holds_back(), limiter.is_limited());
        }
    }

    /// A store that answers when the test tells it to.
    #[derive(Clone, Debug, Default)]
    struct Slow {
        asked: Arc<AtomicUsize>,
        answers: Arc<AtomicUsize>,
    }

    impl RateLimit for Slow {
        fn try_acquire(&self, _now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>> {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(poll_fn(move |_| {
                match number < self.answers.load(Ordering::Relaxed) {
                    true => Poll::Ready(Ok(Permit::Granted)),
                    false => Poll::Pending,
                }
            }))
        }
    }

    #[test]
    fn one_call_asks_the_store_and_hands_over_if_it_is_left_behind() {
        let store = Slow::default();
        let (limiter, clock) = (RateLimiter::shared(store.clone()), Clock::new());
        let asked = || store.asked.load(Ordering::Relaxed);
        let mut waiting = calls(&limiter, &clock, 3);
        assert_eq!((granted(&mut waiting), asked()), (0, 1));
        // The store answers, but the call that asked is not polled, so the next one asks.
        store.answers.store(1, Ordering::Relaxed);
        clock.set(Duration::from_millis(99));
        assert!(!waiting[1].is_granted());
        assert_eq!(asked(), 1);
        clock.set(Duration::from_millis(100));
        assert!(!waiting[1].is_granted());
        assert_eq!(asked(), 2);
        // The first call's permit is too old to be used, so it asks again.
        assert!(!waiting[0].is_granted());
        assert_eq!(asked(), 3);
        // A call that gets its permit wakes the next one.
        store.answers.store(3, Ordering::Relaxed);
        assert!(waiting[0].is_granted());
        assert!(waiting[1].is_granted());
        assert_eq!(waiting[2].wakes(), 1);
        assert!(!waiting[2].is_granted());
        assert_eq!(asked(), 4);
    }

    #[test]
    fn a_slow_store_is_asked_by_one_call_only() {
        let store = Slow::default();
        let (limiter, clock) = (RateLimiter::shared(store.clone()), Clock::new());
        let mut waiting = calls(&limiter, &clock, 3);
        for step in 0..60 {
            clock.set(Duration::from_millis(50) * step);
            assert_eq!(granted(&mut waiting), 0);
            assert_eq!(store.asked.load(Ordering::Relaxed), 1, "in step {step}");
        }
        store.answers.store(1, Ordering::Relaxed);
        assert_eq!(granted(&mut waiting), 1);
    }

    #[test]
    fn a_store_is_told_of_no_pause_of_zero() {
        #[derive(Clone, Debug, Default)]
        struct Paused(Arc<Mutex<Vec<Duration>>>);

        impl RateLimit for Paused {
            fn try_acquire(&self, _now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>> {
                Box::pin(std::future::ready(Ok(Permit::Granted)))
            }

            fn pause(&self, duration: Duration) {
                self.0.lock().unwrap().push(duration);
            }
        }

        let store = Paused::default();
        let limiter = RateLimiter::shared(store.clone());
        for duration in [Duration::ZERO, SECOND, 1000 * SECOND] {
            limiter.pause(Clock::new().now(), duration);
        }
        assert_eq!(*store.0.lock().unwrap(), [SECOND, LONGEST_PAUSE]);
    }

    #[test]
    fn a_store_is_not_asked_before_its_time() {
        #[derive(Debug)]
        struct Full(Arc<AtomicUsize>);

        impl RateLimit for Full {
            fn try_acquire(&self, _now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>> {
                self.0.fetch_add(1, Ordering::Relaxed);
                Box::pin(std::future::ready(Ok(Permit::Wait(5 * SECOND))))
            }
        }

        let asked = Arc::<AtomicUsize>::default();
        let (limiter, clock) = (RateLimiter::shared(Full(Arc::clone(&asked))), Clock::new());
        let mut waiting = calls(&limiter, &clock, 20);
        for seconds in [0, 1, 2, 3, 4] {
            clock.set(seconds * SECOND);
            assert_eq!(granted(&mut waiting), 0);
            assert_eq!(asked.load(Ordering::Relaxed), 1);
        }
        clock.set(5 * SECOND);
        assert_eq!(granted(&mut waiting), 0);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        // A call that cannot wait that long fails immediately, without asking the store.
        let mut short = Call::new(&limiter, &clock, 4 * SECOND);
        assert!(matches!(
            short.poll(),
            Poll::Ready(Err(NoPermit::TooLate(Some(wait)))) if wait == 5 * SECOND
        ));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    /// Starts, polls, neglects, and drops calls at random. There are never more
    /// permits than the windows allow, and no place is lost permanently.
    #[test]
    fn the_windows_hold_whatever_the_callers_do() {
        for seed in 0..300 {
            let mut random = fastrand::Rng::with_seed(seed);
            let limits = [(3, SECOND), (10, 8 * SECOND)];
            let (limiter, clock) = (RateLimiter::windows(limits).unwrap(), Clock::new());
            let mut elapsed = Duration::ZERO;
            let mut waiting: Vec<Call> = Vec::new();
            let mut grants = Vec::new();
            for _ in 0..200 {
                match random.u32(0..10) {
                    0..3 => {
                        let timeout = Duration::from_millis(random.u64(0..30_000));
                        waiting.push(Call::new(&limiter, &clock, timeout));
                    }
                    3..8 if !waiting.is_empty() => {
                        let index = random.usize(0..waiting.len());
                        if let Poll::Ready(result) = waiting[index].poll() {
                            waiting.swap_remove(index);
                            grants.extend(result.is_ok().then_some(elapsed));
                        }
                    }
                    8 if !waiting.is_empty() => {
                        waiting.swap_remove(random.usize(0..waiting.len()));
                    }
                    _ => {
                        elapsed += Duration::from_millis(random.u64(0..600));
                        clock.set(elapsed);
                    }
                }
            }
            for (most, length) in limits {
                for (index, first) in grants.iter().enumerate() {
                    let inside = grants[index..]
                        .iter()
                        .take_while(|at| **at < *first + length);
                    assert!(inside.count() <= most, "seed {seed}: {grants:?}");
                }
            }
            // Neglected calls delay a new one by no more than a grace period each.
            let behind = waiting.len();
            let mut other = calls(&limiter, &clock, 1);
            let mut waited = Duration::ZERO;
            while granted(&mut other) == 0 {
                waited += Duration::from_millis(50);
                clock.set(elapsed + waited);
            }
            let most = 8 * SECOND + Duration::from_millis(100) * (behind as u32 + 1);
            assert!(waited <= most, "seed {seed}: {waited:?} behind {behind}");
        }
    }
}
