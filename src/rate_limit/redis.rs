//! A limit that several processes share through a Redis server.
//!
//! Altegio counts requests by address, so workers behind one address have to
//! count together. Each permit is one run of a script on the server, which
//! makes it atomic and lets a single clock decide: the server's.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, RedisError, Script};
use futures_core::future::BoxFuture;

use super::windows::{Opening, Windows};
use super::{MARGIN, Permit, RateLimit, RateLimiter, StoreError};
use crate::error::Error;

/// How long connecting to the server, and one run of a script, may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long a store with a fallback is left alone after it has failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Counts a request, if the windows have room for it.
///
/// `KEYS`: the times of the latest requests, a sorted set of microseconds since
/// 1970, as many as the largest window holds; the end of a pause; the time at
/// which the history was last declared full. `ARGV`: the time of the caller's
/// latest permit or 0, then the most requests and the length of each window.
/// Returns the microseconds to wait, and the time of the permit.
///
/// A permit that its owner remembers and the set does not know has been lost,
/// with others perhaps: by a restart without persistence, a failover to a
/// replica that was behind, a flush. All windows count as full then. So they
/// do when the server's clock has been set back.
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

/// Makes all processes wait. `KEYS`: the end of the pause. `ARGV`: its length
/// in microseconds.
const PAUSE: &str = r"
local clock = redis.call('TIME')
local pause_end = clock[1] * 1000000 + clock[2] + ARGV[1]
if pause_end > tonumber(redis.call('GET', KEYS[1]) or 0) then
    redis.call('SET', KEYS[1], string.format('%.0f', pause_end), 'PX', math.ceil(ARGV[1] / 1000))
end
";

impl RateLimiter {
    /// Altegio's limit, shared by all processes that use the same Redis server
    /// and `key`: 5 requests a second and 200 a minute, with a margin of 50 ms.
    ///
    /// For other windows, or to keep working while the server is away, see
    /// [`RedisStore`].
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
    /// `url` is not a Redis URL or `key` is empty. The server is not contacted
    /// before the first call.
    pub fn redis(url: &str, key: &str) -> Result<Self, Error> {
        Ok(Self::shared(RedisStore::new(url, key)?))
    }
}

/// A store for [`RateLimiter::shared`] on a Redis server (5.0 or later).
///
/// The windows are exact at the server's clock. A process that dies holds no
/// permit, and a pause that Altegio asks one process for holds all of them.
///
/// When the server cannot be reached, calls fail with
/// [`ErrorKind::Limiter`](crate::ErrorKind::Limiter), unsent, unless
/// [`fall_back_to`](Self::fall_back_to) says otherwise. When the server has
/// lost permits (it was restarted without persistence, say), the windows count
/// as full, so the next request waits for the longest of them.
///
/// All processes must use the same windows under a key.
///
/// ```
/// use std::time::Duration;
///
/// use altegio::{RateLimiter, RedisStore};
///
/// // Four workers: while Redis is away, each keeps to less than a quarter.
/// let store = RedisStore::new("redis://127.0.0.1/", "altegio")?.fall_back_to([
///     (1, Duration::from_secs(1)),
///     (45, Duration::from_secs(60)),
/// ])?;
/// let limiter = RateLimiter::shared(store);
/// # Ok::<(), altegio::Error>(())
/// ```
///
/// TLS (`rediss://`) comes with the features `rustls` and `native-tls`. With
/// rustls, a program that enables several of its cryptography providers has to
/// install one as the process's default.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    client: ::redis::Client,
    /// The requests, the pause, and when the history was declared full.
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
    /// The server's time of this process's latest permit.
    latest: i64,
    /// Before this, the fallback is used without asking the server.
    down_until: Option<Instant>,
    /// Requests that the fallback let through.
    fallback: Option<Windows>,
}

impl RedisStore {
    /// A store with Altegio's windows, each longer by a margin of 50 ms.
    ///
    /// `url` is `redis://[user][:password@]host[:port][/database]`, or
    /// `rediss://…` for TLS. `key` begins the names of the three keys that the
    /// store uses.
    ///
    /// # Errors
    ///
    /// Returns an [`ErrorKind::Config`](crate::ErrorKind::Config) error if
    /// `url` is not a Redis URL or `key` is empty. The server is not contacted.
    pub fn new(url: &str, key: &str) -> Result<Self, Error> {
        if key.is_empty() {
            return Err(Error::config(
                "rate limit: the Redis key is empty; give the name that all processes share",
            ));
        }
        let client = ::redis::Client::open(url).map_err(|error| {
            Error::config(format!(
                "rate limit: the Redis URL cannot be used ({error}); \
                 give one like redis://127.0.0.1:6379/"
            ))
        })?;
        // One hash tag, so that a cluster keeps the keys together.
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

    /// Altegio's windows, each longer by `margin`. See
    /// [`RateLimiter::altegio_with_margin`].
    #[must_use]
    pub fn altegio_with_margin(mut self, margin: Duration) -> Self {
        Arc::make_mut(&mut self.0).windows = Windows::altegio(margin);
        self
    }

    /// Other limits: at most so many requests in any span so long. The spans
    /// are kept as they are given, without a margin.
    ///
    /// # Errors
    ///
    /// Returns an [`ErrorKind::Config`](crate::ErrorKind::Config) error if
    /// there is no window, or one of no requests or of no length.
    pub fn windows(
        mut self,
        windows: impl IntoIterator<Item = (usize, Duration)>,
    ) -> Result<Self, Error> {
        Arc::make_mut(&mut self.0).windows = Windows::new(windows)?;
        Ok(self)
    }

    /// This process's own limits while the server cannot be reached, in place
    /// of an error. Give each process its share. The server is tried again
    /// every second.
    ///
    /// # Errors
    ///
    /// Returns an [`ErrorKind::Config`](crate::ErrorKind::Config) error if
    /// there is no window, or one of no requests or of no length.
    pub fn fall_back_to(
        mut self,
        windows: impl IntoIterator<Item = (usize, Duration)>,
    ) -> Result<Self, Error> {
        Arc::make_mut(&mut self.0).fallback = Some(Windows::new(windows)?);
        Ok(self)
    }
}

impl RateLimit for RedisStore {
    fn try_acquire(&self, now: Instant) -> BoxFuture<'_, Result<Permit, StoreError>> {
        Box::pin(async move {
            let Some(fallback) = &self.0.fallback else {
                return Ok(self.0.acquire().await?);
            };
            let is_down = self.0.state().down_until.is_some_and(|until| now < until);
            if !is_down {
                match self.0.acquire().await {
                    Ok(permit) => return Ok(permit),
                    Err(error) => {
                        tracing::warn!(
                            error = %error,
                            "the rate limit's Redis server failed; this process falls back to \
                             limits of its own"
                        );
                        self.0.state().down_until = now.checked_add(RETRY_AFTER);
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
        // Without a runtime there is no HTTP client either.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let inner = Arc::clone(&self.0);
        runtime.spawn(async move {
            if let Err(error) = inner.pause(duration).await {
                tracing::warn!(
                    error = %error,
                    "the rate limit's Redis server failed; other processes do not know of the \
                     pause that Altegio has asked for"
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

    /// Runs a script; once more on a new connection if the old one is broken.
    async fn run<T: ::redis::FromRedisValue>(
        &self,
        run: &::redis::ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        let kept = self.state().connection.clone();
        if let Some(mut connection) = kept {
            match run.invoke_async(&mut connection).await {
                Err(error) if error.is_io_error() && !error.is_timeout() => {}
                result => return result,
            }
        }
        self.state().connection = None;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT));
        let mut connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        self.state().connection = Some(connection.clone());
        run.invoke_async(&mut connection).await
    }

    /// Never locked across an await. A panic elsewhere leaves it whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As the scripts count; a day and longer are the same to them.
fn microseconds(duration: Duration) -> u64 {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    u64::try_from(duration.min(DAY).as_micros()).unwrap_or(u64::MAX)
}

/// Shows neither the URL, which may hold a password, nor the connection.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("keys", &self.0.keys)
            .field("limits", &self.0.windows.limits())
            .finish_non_exhaustive()
    }
}
