//! The rate limit: every request waits here for its permit.
//!
//! Altegio allows 200 requests a minute and 5 a second from one address, and
//! refuses what exceeds either with a 429. The limiter counts as the server
//! does: no span of a second holds more than 5 requests and no span of a
//! minute more than 200, wherever it begins; bursts within both are allowed.
//!
//! Change it when several clients share an address ([`RateLimiter::clone`]
//! within a process, [`RateLimiter::shared`] between processes), or when your
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

/// The longest that a server's `Retry-After` holds a client back.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// By how much the windows of [`RateLimiter::altegio`] are longer than Altegio's.
pub(crate) const MARGIN: Duration = Duration::from_millis(50);

/// A store's permit that is older than this is not used: too much later, the
/// request would fall into another window than the one it was counted in.
const FRESH: Duration = MARGIN;

/// What a store reports instead of a permit when it fails.
type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// Whether a request may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// The request is counted: send it.
    Granted,
    /// The limit is reached and nothing was counted: ask again after this time.
    Wait(Duration),
}

/// A store that counts requests for several processes behind one address.
///
/// Implement it to share Altegio's limit between machines, and pass the store
/// to [`RateLimiter::shared`].
#[cfg_attr(
    feature = "redis",
    doc = "[`RedisStore`](crate::RedisStore) is an implementation on Redis."
)]
#[cfg_attr(
    not(feature = "redis"),
    doc = "The feature `redis` has an implementation on Redis."
)]
///
/// The calls of a client do not crowd around the store: they queue in the
/// process, and one at a time asks. After [`Permit::Wait`] none of them asks
/// before the time is up.
///
/// # Examples
///
/// A store that only counts the requests of this process, and never refuses:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Instant;
///
/// use altegio::{Client, Permit, RateLimit, RateLimiter};
/// use futures_core::future::BoxFuture;
///
/// #[derive(Debug, Default)]
/// struct Counter(AtomicU64);
///
/// impl RateLimit for Counter {
///     fn try_acquire(
///         &self,
///         _now: Instant,
///     ) -> BoxFuture<'_, Result<Permit, Box<dyn std::error::Error + Send + Sync>>> {
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
    /// Counts one request if the limit allows it, or says when to ask again.
    /// It must not wait for the limit itself.
    ///
    /// `now` is the client's own clock; a store that several processes share
    /// should count by a clock that they share, too.
    ///
    /// The future may be dropped before it is ready, and a permit may come too
    /// late to be used (when the future is not polled for 50 ms after the
    /// store has answered, the client asks again). A permit that is lost this
    /// way should cost no more than its place in the windows.
    ///
    /// # Errors
    ///
    /// An error fails the call with [`ErrorKind::Limiter`](crate::ErrorKind::Limiter);
    /// the request is not sent.
    fn try_acquire(&self, now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>>;

    /// Called when the server has answered with a 429 and a `Retry-After`. The
    /// client holds its own requests back without the store's help; a store
    /// can tell other processes. This must return at once: do the work in a
    /// task of its own.
    fn pause(&self, _duration: Duration) {}
}

/// The limit at which requests wait for their permits. Clones share it.
///
/// A client for production has a [`RateLimiter::altegio`] of its own unless
/// you set another one. Altegio counts by address, so give the same limiter to
/// all clients of a process:
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
/// Requests go in the order in which their calls began to wait. A call whose
/// permit would come after its timeout fails at once, unsent. A call that is
/// dropped while it waits gives its place to the calls behind it, and a call
/// that is not polled when its turn has come is passed over after 100 ms, so a
/// stream or a `select!` branch that is left behind holds nobody up; polled
/// again, it takes the next free place.
///
/// # What is counted
///
/// A request is counted when it is handed to the HTTP client. It reaches the
/// server later: by the time on the network, and by the time of opening a
/// connection where none is open yet. The windows of `altegio()` are therefore
/// 50 ms longer than Altegio's, which covers the usual differences between one
/// request and the next; see [`RateLimiter::altegio_with_margin`] for more. A call
/// that has its permit and is left unpolled while its connection opens is sent
/// when it is polled again; no margin covers that.
///
/// # After a 429
///
/// When the server answers 429 with a `Retry-After`, all requests wait for as
/// long (at most 5 minutes), and then leave at the limiter's pace. With
/// [`RateLimiter::off`], those that have been waiting leave at Altegio's.
#[derive(Clone, Debug)]
pub struct RateLimiter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: Limit,
    /// Never locked across an await.
    queue: Mutex<Queue>,
}

#[derive(Debug)]
enum Limit {
    /// Only what waited during a pause is held back, by the queue's windows.
    Off,
    /// The queue's windows.
    Windows,
    Store(Box<dyn RateLimit>),
}

impl RateLimiter {
    /// Altegio's limit: 5 requests a second and 200 a minute, with a margin of
    /// 50 ms.
    pub fn altegio() -> Self {
        Self::altegio_with_margin(MARGIN)
    }

    /// Altegio's limit in windows that are longer by `margin`.
    ///
    /// The margin is for requests that take longer to reach the server than
    /// the ones after them. Choose a larger one where connections are slow to
    /// open or latency varies by more than 50 ms. Each 10 ms cost 1 % of the
    /// requests that 5 a second allow.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let limiter = altegio::RateLimiter::altegio_with_margin(Duration::from_millis(250));
    /// ```
    pub fn altegio_with_margin(margin: Duration) -> Self {
        Self::new(Limit::Windows, Pace::Windows(Windows::altegio(margin)))
    }

    /// Limits of your own: at most so many requests in any span so long. The
    /// spans are kept as they are given, without a margin.
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
    /// there is no window, or one of no requests or of no length.
    pub fn windows(windows: impl IntoIterator<Item = (usize, Duration)>) -> Result<Self, Error> {
        let windows = Windows::new(windows)?;
        Ok(Self::new(Limit::Windows, Pace::Windows(windows)))
    }

    /// A limit that is counted in a store, which several processes can share.
    pub fn shared(store: impl RateLimit) -> Self {
        Self::new(Limit::Store(Box::new(store)), Pace::Store)
    }

    /// No limit. The pauses that the server asks for are kept.
    pub fn off() -> Self {
        Self::new(Limit::Off, Pace::Windows(Windows::altegio(MARGIN)))
    }

    fn new(limit: Limit, pace: Pace) -> Self {
        Self(Arc::new(Inner {
            limit,
            queue: Mutex::new(Queue::new(pace)),
        }))
    }

    /// Whether a request may have to wait at all.
    pub(crate) fn holds_back(&self) -> bool {
        self.is_limited() || !self.queue().is_idle()
    }

    pub(crate) fn is_limited(&self) -> bool {
        !matches!(self.0.limit, Limit::Off)
    }

    /// Holds every request back for as long as the server asked, within reason.
    pub(crate) fn pause(&self, now: Instant, duration: Duration) {
        let duration = duration.min(LONGEST_PAUSE);
        self.queue().close(later(now, duration));
        if let Limit::Store(store) = &self.0.limit {
            store.pause(duration);
        }
    }

    /// Waits for a permit; fails at once if it would come after `deadline`.
    ///
    /// The request is counted when this is ready. A caller that drops it
    /// earlier has taken nothing, and one that stops polling it blocks nobody.
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
                    // A store that says zero would be asked without end.
                    let wait = wait.max(Duration::from_millis(1));
                    self.queue().close(later(runtime.now(), wait));
                }
                None => {}
            }
        }
    }

    /// A panic elsewhere leaves the queue whole: nothing in it panics half-way.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why no permit was given.
#[derive(Debug)]
pub(crate) enum NoPermit {
    /// The next one comes after the deadline, in so long where that is known.
    TooLate(Option<Duration>),
    Broken(StoreError),
}

/// A call's reservation; dropping it gives it back.
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
                    // Under the lock, so that the queue sees no time before another.
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

    /// Asks the store. `None` if its answer came so long ago that a permit can
    /// no longer be used, because this call was not polled meanwhile.
    async fn ask(&self, store: &dyn RateLimit) -> Result<Option<Permit>, StoreError> {
        let mut answer = store.try_acquire(self.runtime.now());
        // The latest time at which the answer was not there yet. The alarm
        // keeps it recent as long as this call is polled at all.
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

    /// A clock that only the test turns; sleeps end when it has come so far.
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

    /// A call that waits, polled by hand.
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

    /// Polls all calls; those that are granted go.
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
        // The other five are kept, but not polled.
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
        // The first of three goes away while it waits; the second takes its place.
        drop(waiting.remove(0));
        clock.set(10 * SECOND);
        assert!(!waiting[1].is_granted());
        let wakes = waiting[1].wakes();
        assert!(waiting[0].is_granted());
        assert_eq!(waiting[1].wakes(), wakes, "nothing has changed for it");

        // A call that goes away when its turn has come wakes the next one.
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
        // A pause that moves its permit past its deadline is noticed.
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

    /// A store of which the test says when it answers.
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
        // The store answers, but the call that asked is not polled; the next one asks.
        store.answers.store(1, Ordering::Relaxed);
        clock.set(Duration::from_millis(99));
        assert!(!waiting[1].is_granted());
        assert_eq!(asked(), 1);
        clock.set(Duration::from_millis(100));
        assert!(!waiting[1].is_granted());
        assert_eq!(asked(), 2);
        // Its permit is too old to be used: it asks again.
        assert!(!waiting[0].is_granted());
        assert_eq!(asked(), 3);
        // A call that is answered wakes the next one.
        store.answers.store(3, Ordering::Relaxed);
        assert!(waiting[0].is_granted());
        assert!(waiting[1].is_granted());
        assert_eq!(waiting[2].wakes(), 1);
        assert!(!waiting[2].is_granted());
        assert_eq!(asked(), 4);
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
        // What cannot wait so long fails at once, and the store is not asked.
        let mut short = Call::new(&limiter, &clock, 4 * SECOND);
        assert!(matches!(
            short.poll(),
            Poll::Ready(Err(NoPermit::TooLate(Some(wait)))) if wait == 5 * SECOND
        ));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    /// Calls that come, are polled, left behind and dropped at random: never
    /// more than the windows allow, and no place is lost for good.
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
            // What is left behind holds the next ones up for no longer than a
            // grace for each window of them.
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
