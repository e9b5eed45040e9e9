//! A clock that tests control, so that no test waits in real time.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

/// Shorter waits, which are those of the rate limit and of retries, end immediately
/// and advance the clock. Longer waits are timeouts, which end only when
/// [`Clock::set_on`] advances the clock.
pub const TIMEOUT: Duration = Duration::from_secs(1000);

#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    state: Mutex<State>,
    set: Notify,
}

#[derive(Debug, Default)]
struct State {
    gone: Duration,
    waiting: Vec<Waker>,
    /// The values of the source of randomness. When none are left, it returns 1.
    random: VecDeque<f64>,
    waits: Vec<Duration>,
    /// The lengths of the timeouts that were set.
    alarms: Vec<Duration>,
    holds_waits: bool,
}

impl Clock {
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            start: Instant::now(),
            state: Mutex::default(),
            set: Notify::new(),
        }))
    }

    /// Waits until a timeout of this length is set. Each timeout is reported once.
    #[allow(dead_code)] // not used by every test file
    pub async fn alarm(&self, length: Duration) {
        loop {
            let set = self.0.set.notified();
            {
                let alarms = &mut self.0.state.lock().unwrap().alarms;
                if let Some(index) = alarms.iter().position(|alarm| *alarm == length) {
                    alarms.swap_remove(index);
                    return;
                }
            }
            set.await;
        }
    }

    /// Returns the elapsed time.
    pub fn gone(&self) -> Duration {
        self.0.state.lock().unwrap().gone
    }

    /// Returns the waits that ended immediately.
    #[allow(dead_code)]
    pub fn waits(&self) -> Vec<Duration> {
        self.0.state.lock().unwrap().waits.clone()
    }

    pub fn set_on(&self, by: Duration) {
        let mut state = self.0.state.lock().unwrap();
        state.gone += by;
        for waker in state.waiting.drain(..) {
            waker.wake();
        }
    }

    /// From now on, short waits also end only when [`Clock::set_on`] is called.
    #[allow(dead_code)]
    pub fn hold_waits(&self) {
        self.0.state.lock().unwrap().holds_waits = true;
    }

    #[allow(dead_code)]
    pub fn throw(&self, random: f64) {
        self.0.state.lock().unwrap().random.push_back(random);
    }
}

impl altegio::Runtime for Clock {
    fn now(&self) -> Instant {
        self.0.start + self.gone()
    }

    fn date(&self) -> SystemTime {
        // Sun, 06 Nov 1994 08:49:37 GMT, the date in the examples of RFC 9110.
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777) + self.gone()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let end = self.gone() + duration;
        let clock = self.clone();
        let mut is_set = false;
        Box::pin(poll_fn(move |context| {
            let mut state = clock.0.state.lock().unwrap();
            if state.gone >= end {
                return Poll::Ready(());
            }
            if duration < TIMEOUT && !state.holds_waits {
                state.gone = end;
                state.waits.push(duration);
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            if !std::mem::replace(&mut is_set, true) {
                state.alarms.push(duration);
                clock.0.set.notify_one();
            }
            Poll::Pending
        }))
    }

    fn random(&self) -> f64 {
        self.0
            .state
            .lock()
            .unwrap()
            .random
            .pop_front()
            .unwrap_or(1.0)
    }
}
