//! A rate limit that several processes share through a Redis server.
//!
//! Altegio counts requests by IP address, so processes behind one address have to
//! share a count. Each permit is granted by one execution of a script on the Redis
//! server, which is atomic and uses a single clock: that of the Redis server.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, RedisError, Script};
use futures_core::future::BoxFuture;

use super::windows::{Opening, Windows};
use super::{MARGIN, Permit, RateLimit, RateLimiter, StoreError};
use crate::error::Error;
use crate::transport::deadline::later;

/// The timeout for connecting to the server and for one execution of a script.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long the fallback is used after a failure before the server is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Counts a request if the windows have room for it. All times are in microseconds.
///
/// `KEYS` are the times of the latest requests (a sorted set of times since 1970,
/// with at most as many members as the largest window has requests), the end of the
/// current pause, and the time at which the windows were last declared full. `ARGV`
/// is the time of the caller's latest permit or 0, followed by the maximum number of
/// requests and the length of each window. The result is the time to wait, and the
/// time of the permit.
///
/// If the caller remembers a recent permit that is not in the set, the permit has
/// been lost, perhaps with others, for example by a restart without persistence, a
/// failover to a replica that was behind, or a flush. The script then declares all
/// windows full. It does the same if the server's clock has been set back.
const ACQUIRE: &str = r"
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local most, longest = 0, 0
for i = 2, #ARGV, 2 do
    most = math.max(most, tonumber(ARGV[i]))
    longest = math.max(longest, tonumber(ARGV[i + 1]))
end
local function number(value)
    return tonumber(value or 0)
end
local function text(value)
    return string.format('%.0f', value)
end
local keep = math.ceil(longest / 1000) + 1000

local newest = number(redis.call('ZREVRANGE', KEYS[1], 0, 0)[1])
local own = number(ARGV[1])
local is_lost = own <= now and own > now - longest
    and own > number(redis.call('GET', KEYS[3]))
    and not redis.call('ZSCORE', KEYS[1], ARGV[1])
if is_lost or newest > now + 1000 then
    redis.call('DEL', KEYS[1])
    for i = 0, most - 1 do
        redis.call('ZADD', KEYS[1], text(now - i), text(now - i))
    end
    redis.call('PEXPIRE', KEYS[1], keep)
    redis.call('SET', KEYS[3], text(now), 'PX', keep)
    newest = now
end

local wait = number(redis.call('GET', KEYS[2])) - now
for i = 2, #ARGV, 2 do
    local index = tonumber(ARGV[i]) - 1
    local first = redis.call('ZREVRANGE', KEYS[1], index, index)[1]
    if first then
        wait = math.max(wait, first + ARGV[i + 1] - now)
    end
end
if wait > 0 then
    return {wait, 0}
end
local at = math.max(now, newest + 1)
redis.call('ZADD', KEYS[1], text(at), text(at))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - most)
redis.call('PEXPIRE', KEYS[1], keep)
return {0, at}
";

/// Makes all processes wait. `KEYS` is the end of the pause, and `ARGV` is its length
/// in microseconds.
const PAUSE: &str = r"
local clock = redis.call('TIME')
local pause_end = clock[1] * 1000000 + clock[2] + ARGV[1]
if pause_end > tonumber(redis.call('GET', KEYS[1]) or 0) then
    redis.call('SET', KEYS[1], string.format('%.0f', pause_end), 'PX', math.ceil(ARGV[1] / 1000))
end
";

impl RateLimiter {
    /// Creates a limiter with Altegio's limits, shared by all processes that use the
    /// same Redis server and `key`: 5 requests per second and 200 per minute, with a
    /// margin of 50 ms.
    ///
    /// To set other windows, or to continue working while the Redis server is
    /// unavailable, see [`RedisStore`].
    ///
    /// ```
    /// use altegio::{Client, RateLimiter};
    ///
    /// let client = Client::builder()
    ///     .rate_limiter(RateLimiter::redis("redis://127.0.0.1/", "altegio")?)
    ///     .build()?;
    /// # Ok::<(), altegio::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an [`ErrorKind::Config`](crate::ErrorKind::Config) error if
    /// `url` is not a Redis URL or `key` is empty. No connection is opened before
    /// the first call.
    pub fn redis(url: &str, key: &str) -> Result<Self, Error> {
        Ok(Self::shared(RedisStore::new(url, key)?))
    }
}

/// A store for [`RateLimiter::shared`] that uses a Redis server (5.0 or later).
///
/// The windows are exact by the Redis server's clock. A process that dies does not
/// keep any permits, and a pause that Altegio asks one process for applies to all
/// of them.
///
/// While the Redis server is unavailable, calls fail with
/// [`ErrorKind::Limiter`](crate::ErrorKind::Limiter) without sending their requests,
/// unless limits are set with [`fall_back_to`](Self::fall_back_to). When a process
/// notices that the Redis server has lost its latest permit (for example because it
/// was restarted without persistence), the windows are declared full, so the next
/// request waits for the longest window.
///
/// All processes that use the same key must use the same windows.
///
/// ```
/// use std::time::Duration;
///
/// use altegio::{RateLimiter, RedisStore};
///
/// // Four processes: while Redis is unavailable, each has less than a quarter of the limit.
/// let store = RedisStore::new("redis://127.0.0.1/", "altegio")?.fall_back_to([
///     (1, Duration::from_secs(1)),
///     (45, Duration::from_secs(60)),
/// ])?;
/// let limiter = RateLimiter::shared(store);
/// # Ok::<(), altegio::Error>(())
/// ```
///
/// TLS (`rediss://`) requires the feature `rustls` or `native-tls`. With rustls, a
/// program that enables several of its cryptography providers has to install one of
/// them as the default for the process.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    client: ::redis::Client,
    /// The keys of the requests, of the pause, and of the time at which the windows
    /// were declared full.
    keys: [String; 3],
    windows: Windows,
    fallback: Option<Windows>,
    acquire: Script,
    pause: Script,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    /// The time of this process's latest permit, by the Redis server's clock.
    latest: i64,
    /// Until this time, the fallback is used without asking the server.
    down_until: Option<Instant>,
    /// The requests that the fallback has allowed.
    fallback: Option<Windows>,
}

impl RedisStore {
    /// Creates a store with Altegio's windows, each longer by a margin of 50 ms.
    ///
    /// `url` is `redis://[user][:password@]host[:port][/database]`, or
    /// `rediss://…` for TLS. For a `key` of `altegio`, the store uses the three Redis
    /// keys `{altegio}:sent`, `{altegio}:pause`, and `{altegio}:full`.
    ///
    /// # Errors
    ///
    /// Returns an [`ErrorKind::Config`](crate::ErrorKind::Config) error if
    /// `url` is not a Redis URL or `key` is empty. No connection is opened.
    pub fn new(url: &str, key: &str) -> Result<Self, Error> {
        if key.is_empty() {
            return Err(Error::config(
                "rate limit: the Redis key is empty; pass the name that all processes share",
            ));
        }
        let client = ::redis::Client::open(url).map_err(|error| {
            Error::config(format!(
                "rate limit: the Redis URL is invalid ({error}); \
                 pass a URL such as redis://127.0.0.1:6379/"
            ))
        })?;
        // The hash tag in braces assigns all keys to the same slot of a cluster.
        let keys = ["sent", "pause", "full"].map(|name| format!("{{{key}}}:{name}"));
        Ok(Self(Arc::new(Inner {
            client,
            keys,
            windows: Windows::altegio(MARGIN),
            fallback: None,
            acquire: Script::new(ACQUIRE),
            pause: Script::new(PAUSE),
            state: Arc::default(),
        })))
    }

    /// Sets Altegio's windows, each longer by `margin`. See
    /// [`RateLimiter::altegio_with_margin`].
    #[must_use]
    pub fn altegio_with_margin(mut self, margin: Duration) -> Self {
        self.change().windows = Windows::altegio(margin);
        self
    }

    /// Sets custom limits. Each item is the maximum number of requests in any period
    /// of the given length. No margin is added.
    ///
    /// # Errors
    ///
    /// Returns an [`ErrorKind::Config`](crate::ErrorKind::Config) error if
    /// `windows` is empty or contains a window of zero requests or zero length.
    pub fn windows(
        mut self,
        windows: impl IntoIterator<Item = (usize, Duration)>,
    ) -> Result<Self, Error> {
        self.change().windows = Windows::new(windows)?;
        Ok(self)
    }

    /// Sets limits for this process alone, which are used while the Redis server
    /// fails. Without them, calls fail. Assign each process its share of the limit.
    /// The Redis server is tried again one second after each failure.
    ///
    /// # Errors
    ///
    /// Returns an [`ErrorKind::Config`](crate::ErrorKind::Config) error if
    /// `windows` is empty or contains a window of zero requests or zero length.
    pub fn fall_back_to(
        mut self,
        windows: impl IntoIterator<Item = (usize, Duration)>,
    ) -> Result<Self, Error> {
        self.change().fallback = Some(Windows::new(windows)?);
        Ok(self)
    }

    /// Returns the settings to be changed. Clones of the store keep theirs, and the
    /// state that belongs to them.
    fn change(&mut self) -> &mut Inner {
        let inner = Arc::make_mut(&mut self.0);
        inner.state = Arc::default();
        inner
    }
}

impl RateLimit for RedisStore {
    fn try_acquire(&self, now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>> {
        Box::pin(async move {
            let Some(fallback) = &self.0.fallback else {
                return Ok(self.0.acquire().await?);
            };
            let mut now = now;
            let is_down = self.0.state().down_until.is_some_and(|until| now < until);
            if !is_down {
                let start = Instant::now();
                match self.0.acquire().await {
                    Ok(permit) => return Ok(permit),
                    Err(error) => {
                        tracing::warn!(
                            error = %error,
                            "the rate limit's Redis server failed; this process uses its \
                             fallback limits"
                        );
                        // A failure may take as long as the timeout.
                        now = later(now, start.elapsed());
                        self.0.state().down_until = Some(later(now, RETRY_AFTER));
                    }
                }
            }
            let mut state = self.0.state();
            let windows = state.fallback.get_or_insert_with(|| fallback.clone());
            Ok(match windows.opening(0) {
                Opening::At(at) if at > now => Permit::Wait(at - now),
                _ => {
                    windows.record(now);
                    Permit::Granted
                }
            })
        })
    }

    fn pause(&self, duration: Duration) {
        // The HTTP client needs a Tokio runtime too, so there normally is one.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let inner = Arc::clone(&self.0);
        runtime.spawn(async move {
            if let Err(error) = inner.pause(duration).await {
                tracing::warn!(
                    error = %error,
                    "the rate limit's Redis server failed; other processes were not informed \
                     of the pause that Altegio has asked for"
                );
            }
        });
    }
}

impl Inner {
    async fn acquire(&self) -> Result<Permit, RedisError> {
        let latest = self.state().latest;
        let mut run = self.acquire.prepare_invoke();
        for key in &self.keys {
            run.key(key);
        }
        run.arg(latest);
        for &(most, length) in self.windows.limits() {
            run.arg(most).arg(microseconds(length));
        }
        let (wait, at): (u64, i64) = self.run(&run).await?;
        if wait > 0 {
            return Ok(Permit::Wait(Duration::from_micros(wait)));
        }
        let mut state = self.state();
        state.latest = state.latest.max(at);
        state.down_until = None;
        Ok(Permit::Granted)
    }

    async fn pause(&self, duration: Duration) -> Result<(), RedisError> {
        let mut run = self.pause.prepare_invoke();
        run.key(&self.keys[1]).arg(microseconds(duration));
        self.run(&run).await
    }

    /// Runs a script. If the connection is broken, runs it again on a new connection.
    async fn run<T: ::redis::FromRedisValue>(
        &self,
        run: &::redis::ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        let kept = self.state().connection.clone();
        if let Some(connection) = kept {
            match self.invoke(run, connection).await {
                Err(error) if error.is_io_error() && !error.is_timeout() => {}
                result => return result,
            }
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT));
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        self.state().connection = Some(connection.clone());
        self.invoke(run, connection).await
    }

    /// Runs a script on this connection. If the connection is broken or times out,
    /// the next call opens a new one.
    async fn invoke<T: ::redis::FromRedisValue>(
        &self,
        run: &::redis::ScriptInvocation<'_>,
        mut connection: MultiplexedConnection,
    ) -> Result<T, RedisError> {
        let result = run.invoke_async(&mut connection).await;
        if let Err(error) = &result
            && (error.is_io_error() || error.is_timeout())
        {
            self.state().connection = None;
        }
        result
    }

    /// The lock is never held across an await point. A poisoned lock is ignored,
    /// because no code panics while the state is inconsistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Converts a duration to the unit of the scripts, with a maximum of one day.
fn microseconds(duration: Duration) -> u64 {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    u64::try_from(duration.min(DAY).as_micros()).unwrap_or(u64::MAX)
}

/// The output contains neither the URL, which may contain a password, nor the
/// connection.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("keys", &self.0.keys)
            .field("limits", &self.0.windows.limits())
            .finish_non_exhaustive()
    }
}
