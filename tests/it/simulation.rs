//! Simulates networks from seeds: random calls, faults, cancellations, and deadlines,
//! checked against the guarantees of the crate.
//!
//! Each seed determines one scenario: up to two clients that share a rate limiter,
//! up to eight calls and a paginated list, and a server that follows a script. Time
//! is simulated: it stands still while any task can make progress, and then jumps
//! to the next alarm, so a request reaches the server at the time at which it was
//! sent.
//!
//! There are 1,000 scenarios, or 10,000 if `CI` is set, and they are the same in every
//! run. `SIMULATION=100000` runs more, and `SIMULATION_SEED=17` repeats a single one.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use altegio::ids::{AppointmentId, LocationId};
use altegio::{Client, Error, ErrorKind, RateLimiter, Retry};
use fastrand::Rng;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tracing::Level;

use crate::loopback::log::Log;
use crate::loopback::method::Method;
use crate::loopback::server::{self, Request, answer};

const PARTNER: &str = "partner-5ecret";
const USER: &str = "user-5ecret";
const HOST: &str = "simulated.invalid";
const MAX_BODY: usize = 16 << 10;
const ATTEMPTS: u32 = 3;
/// A little more than the longest pause that a client observes.
const PAUSES: Duration = Duration::from_secs(301);

// ---- time --------------------------------------------------------------------------------------

/// A clock that stands still while any task can make progress.
#[derive(Clone, Debug)]
struct Time(Arc<TimeInner>);

#[derive(Debug)]
struct TimeInner {
    start: Instant,
    state: Mutex<TimeState>,
    random: Mutex<Rng>,
    /// Incremented whenever a client or the server does something.
    activity: AtomicU64,
}

#[derive(Debug, Default)]
struct TimeState {
    elapsed: Duration,
    alarms: BTreeMap<(Duration, u64), Waker>,
    next: u64,
}

impl Time {
    fn new(seed: u64) -> Self {
        Self(Arc::new(TimeInner {
            start: Instant::now(),
            state: Mutex::default(),
            random: Mutex::new(Rng::with_seed(seed)),
            activity: AtomicU64::new(0),
        }))
    }

    fn elapsed(&self) -> Duration {
        self.0.state.lock().unwrap().elapsed
    }

    fn note(&self) {
        self.0.activity.fetch_add(1, Ordering::Relaxed);
    }

    fn wait(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        let time = self.clone();
        let mut alarm = Alarm {
            time,
            key: None,
            end: self.elapsed().saturating_add(duration),
        };
        poll_fn(move |context| alarm.poll(context.waker()))
    }

    /// Drives the future, and advances the clock whenever no task makes progress.
    /// Returns `None` if there is no alarm left to advance to.
    async fn drive<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        /// The number of idle rounds of the runtime after which the clock advances. A
        /// request takes three hops between tasks, each of which takes one round.
        const QUIET: u32 = 12;
        let mut future = pin!(future);
        let mut seen = 0;
        let mut quiet = 0;
        loop {
            if let Poll::Ready(output) =
                poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
            {
                return Some(output);
            }
            // The runtime polls the sockets meanwhile.
            tokio::task::yield_now().await;
            let activity = self.0.activity.load(Ordering::Relaxed);
            quiet = if activity == seen { quiet + 1 } else { 0 };
            seen = activity;
            if quiet > QUIET {
                quiet = 0;
                let mut state = self.0.state.lock().unwrap();
                let ((end, _), waker) = state.alarms.pop_first()?;
                state.elapsed = state.elapsed.max(end);
                drop(state);
                waker.wake();
            }
        }
    }
}

struct Alarm {
    time: Time,
    key: Option<(Duration, u64)>,
    end: Duration,
}

impl Alarm {
    fn poll(&mut self, waker: &Waker) -> Poll<()> {
        self.time.note();
        let mut state = self.time.0.state.lock().unwrap();
        if let Some(key) = self.key.take() {
            state.alarms.remove(&key);
        }
        if state.elapsed >= self.end {
            return Poll::Ready(());
        }
        state.next += 1;
        let key = (self.end, state.next);
        state.alarms.insert(key, waker.clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.time.0.state.lock().unwrap().alarms.remove(&key);
        }
    }
}

impl altegio::Runtime for Time {
    fn now(&self) -> Instant {
        self.note();
        self.0.start + self.elapsed()
    }

    fn date(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777) + self.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.wait(duration))
    }

    fn random(&self) -> f64 {
        self.0.random.lock().unwrap().f64()
    }
}

// ---- the server --------------------------------------------------------------------------------

/// What the server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Sends the response, and then closes the connection without notice.
    CloseAfter,
    CloseBeforeHead,
    CloseInBody,
    StallBeforeHead,
    StallInBody,
    Slow(Duration),
    /// A status, and the seconds in its `Retry-After`.
    Status(u16, Option<u64>),
    SuccessFalse,
    CutJson,
    TooLarge,
    RedirectHere,
    RedirectAway,
    /// A 422 whose message contains the tokens.
    Echo,
}

impl Fault {
    fn random(random: &mut Rng) -> Self {
        let retry_after = [None, Some(0), Some(2), Some(40), Some(100_000)];
        match random.u32(0..18) {
            0 => Self::CloseAfter,
            1 => Self::CloseBeforeHead,
            2 => Self::CloseInBody,
            3 => Self::StallBeforeHead,
            4 => Self::StallInBody,
            5 => Self::Slow(Duration::from_millis(random.u64(1..5000))),
            6 | 7 => Self::Status(429, retry_after[random.usize(0..5)]),
            8 | 9 => Self::Status(503, retry_after[random.usize(0..5)]),
            10 => Self::Status([500, 502, 504, 408][random.usize(0..4)], None),
            11 => Self::Status([401, 403, 404, 422][random.usize(0..4)], None),
            12 => Self::SuccessFalse,
            13 => Self::CutJson,
            14 => Self::TooLarge,
            15 => Self::RedirectHere,
            16 => Self::RedirectAway,
            _ => Self::Echo,
        }
    }
}

/// A request that the server received, and how it was handled.
#[derive(Debug)]
struct Seen {
    at: Duration,
    call: usize,
    is_redirected: bool,
    fault: Fault,
    /// Where the request contains a token that it must not contain, if it does.
    leak: Option<String>,
}

struct Server {
    time: Time,
    /// The faults for the requests of each call, in order of arrival. Further
    /// requests succeed.
    scripts: Vec<Vec<Fault>>,
    /// The number of items in the list.
    items: usize,
    seen: Mutex<Vec<Seen>>,
}

impl Server {
    fn start(self: &Arc<Self>, socket: &Path) {
        // An earlier scenario may have left a socket with the same name.
        let _ = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket).unwrap();
        tokio::spawn(Arc::clone(self).accept(listener));
    }

    async fn accept(self: Arc<Self>, listener: UnixListener) {
        while let Ok((stream, _)) = listener.accept().await {
            self.time.note();
            tokio::spawn(Arc::clone(&self).serve(stream));
        }
    }

    async fn serve(self: Arc<Self>, mut stream: UnixStream) {
        while let Some(request) = server::read(&mut stream).await {
            self.time.note();
            let (fault, ok) = self.note(&request);
            let (bytes, goes_on) = match fault {
                Fault::None => (ok, true),
                Fault::CloseAfter => (ok, false),
                Fault::CloseBeforeHead => return,
                Fault::CloseInBody => (ok[..ok.len() - 5].to_vec(), false),
                Fault::StallBeforeHead | Fault::StallInBody => {
                    if fault == Fault::StallInBody {
                        // The client may have disconnected.
                        let _ = stream.write_all(&ok[..ok.len() - 5]).await;
                        self.time.note();
                    }
                    // Wait until the client disconnects.
                    let _ = server::read(&mut stream).await;
                    return;
                }
                Fault::Slow(duration) => {
                    self.time.wait(duration).await;
                    (ok, true)
                }
                Fault::Status(status, retry_after) => {
                    let retry_after = retry_after.map(|seconds| seconds.to_string());
                    let headers = retry_after.as_deref().map(|value| ("Retry-After", value));
                    let body = r#"{"success":false,"data":null,"meta":{"message":"no"}}"#;
                    let status = format!("{status} Simulated");
                    (answer(&status, headers.as_slice(), body), true)
                }
                Fault::SuccessFalse => {
                    let body = r#"{"success":false,"data":null,"meta":{"message":"no"}}"#;
                    (answer("200 OK", &[], body), true)
                }
                Fault::CutJson => (
                    answer("200 OK", &[], r#"{"success":true,"data":{"id":"#),
                    true,
                ),
                Fault::TooLarge => {
                    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(MAX_BODY));
                    (answer("200 OK", &[], body), true)
                }
                Fault::RedirectHere => {
                    let path = request.line.split(' ').nth(1).unwrap();
                    let sign = if path.contains('?') { '&' } else { '?' };
                    let place = format!("http://{HOST}{path}{sign}redirected=1");
                    (answer("302 Found", &[("Location", &place)], ""), true)
                }
                Fault::RedirectAway => {
                    let place = [("Location", "http://elsewhere.invalid/")];
                    (answer("302 Found", &place, ""), true)
                }
                Fault::Echo => {
                    let body = format!(
                        r#"{{"success":false,"data":null,"meta":{{"message":"{} is no good"}}}}"#,
                        request.header("authorization").unwrap_or_default()
                    );
                    (answer("422 Unprocessable Entity", &[], body), true)
                }
            };
            let written = stream.write_all(&bytes).await;
            self.time.note();
            if written.is_err() || !goes_on {
                return;
            }
        }
    }

    /// Records the request, and returns its fault and the normal response.
    fn note(&self, request: &Request) -> (Fault, Vec<u8>) {
        let call = call_of(&request.line);
        let is_redirected = request.line.contains("redirected=");
        let mut leak = None;
        if request.header("host") != Some(HOST) {
            leak = Some(format!("host {:?}", request.header("host")));
        }
        for (name, value) in &request.headers {
            if has_token(value) && !name.eq_ignore_ascii_case("authorization") {
                leak = Some(format!("header {name}"));
            }
        }
        if has_token(&request.line) || has_token(&request.text()) {
            leak = Some("request line or body".to_owned());
        }
        let mut seen = self.seen.lock().unwrap();
        let earlier = seen.iter().filter(|seen| seen.call == call).count();
        let script = self.scripts.get(call).map_or(&[][..], |script| script);
        let mut fault = script.get(earlier).copied().unwrap_or(Fault::None);
        // A redirected request is not redirected again, but may have another fault.
        if is_redirected && fault == Fault::RedirectHere {
            fault = Fault::None;
        }
        seen.push(Seen {
            at: self.time.elapsed(),
            call,
            is_redirected,
            fault,
            leak,
        });
        let body = match call {
            LIST => self.page(&request.line),
            _ => r#"{"success":true,"data":{},"meta":[]}"#.to_owned(),
        };
        (
            fault,
            answer("200 OK", &[("Content-Type", "application/json")], body),
        )
    }

    fn page(&self, line: &str) -> String {
        let number = |name: &str| -> usize {
            let query = line.split(['?', '&', ' ']);
            let mut value = query.filter_map(|part| part.strip_prefix(name));
            value.next().unwrap().parse().unwrap()
        };
        let (page, size) = (number("page="), number("count="));
        let first = (page - 1) * size;
        let items: Vec<String> = (first..self.items.min(first + size))
            .map(|id| format!(r#"{{"id":{id}}}"#))
            .collect();
        let items = items.join(",");
        format!(
            r#"{{"success":true,"data":[{items}],"meta":{{"total_count":{}}}}}"#,
            self.items
        )
    }
}

fn has_token(text: &str) -> bool {
    text.contains(PARTNER) || text.contains(USER)
}

// ---- the calls ---------------------------------------------------------------------------------

/// Each call has its own location id, counted up from this one.
const FIRST: usize = 7_000_000;
/// The calls that probe the limiter at the end.
const PROBE: usize = 90;
/// The call whose response is a list.
const LIST: usize = 99;

async fn make(
    method: Method,
    client: &Client,
    number: usize,
    timeout: Duration,
) -> Result<u32, Error> {
    let location = LocationId((FIRST + number) as i64);
    method
        .call_at(location, &client.b2b_v1().timeout(timeout))
        .await
}

fn call_of(line: &str) -> usize {
    let segments = line.split(['/', '?', ' ']);
    let numbers = segments.filter_map(|segment| segment.parse::<usize>().ok());
    numbers
        .filter_map(|number| number.checked_sub(FIRST))
        .next()
        .unwrap()
}

/// How a caller drives the future of a call.
#[derive(Clone, Copy, Debug)]
enum Care {
    Awaits,
    /// Drops the future after this time.
    GivesUp(Duration),
    /// Polls the future only once per this interval, like a `select!` in a busy loop.
    LeavesBehind(Duration),
}

impl Care {
    fn random(random: &mut Rng) -> Self {
        match random.u32(0..6) {
            0 => Self::GivesUp(Duration::from_millis(random.u64(0..3000))),
            1 => Self::LeavesBehind(Duration::from_millis(random.u64(1..4000))),
            _ => Self::Awaits,
        }
    }

    /// Drives the future. Returns `None` if it was dropped.
    async fn take<T>(self, time: &Time, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        match self {
            Self::Awaits => Some(future.await),
            Self::GivesUp(after) => {
                let mut over = pin!(time.wait(after));
                poll_fn(|context| {
                    if let Poll::Ready(output) = future.as_mut().poll(context) {
                        return Poll::Ready(Some(output));
                    }
                    over.as_mut().poll(context).map(|()| None)
                })
                .await
            }
            Self::LeavesBehind(pause) => loop {
                let poll = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
                if let Poll::Ready(output) = poll {
                    return Some(output);
                }
                time.wait(pause).await;
            },
        }
    }
}

#[derive(Debug)]
struct Call {
    method: Method,
    care: Care,
    client: usize,
    starts: Duration,
    timeout: Duration,
}

/// The outcome of a call.
#[derive(Debug)]
struct Outcome {
    /// `None` if the call was dropped.
    result: Option<Result<u32, (ErrorKind, u32)>>,
    took: Duration,
    leak: bool,
}

/// Returns whether any output of the error contains a token.
fn shows_token(error: &Error) -> bool {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{error} {error:?}");
        source = error.source();
    }
    has_token(&text)
}

// ---- a scenario --------------------------------------------------------------------------------

/// A violated guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    Lost,
    Repeated,
    Leaked,
    Hung,
    /// Too many attempts, or too much time.
    Unbounded,
    /// The rate limit was exceeded, or delayed requests without need.
    Limit,
}

type Findings = Vec<(Wrong, String)>;

struct Scenario {
    limits: Vec<(usize, Duration)>,
    calls: Vec<Call>,
    scripts: Vec<Vec<Fault>>,
    has_list: bool,
    items: usize,
    page_size: i64,
    list_care: Care,
    ahead: usize,
}

impl Scenario {
    fn new(random: &mut Rng) -> Self {
        let limits = match random.u32(0..4) {
            0 => vec![],
            1 => vec![(2, Duration::from_millis(700)), (6, Duration::from_secs(9))],
            _ => vec![(5, Duration::from_secs(1)), (200, Duration::from_secs(60))],
        };
        let script = |random: &mut Rng| {
            let length = random.usize(0..5);
            (0..length)
                .map(|_| Fault::random(random))
                .collect::<Vec<_>>()
        };
        let count = random.usize(1..9);
        let mut scripts: Vec<Vec<Fault>> = (0..count).map(|_| script(random)).collect();
        let calls = (0..count)
            .map(|_| Call {
                method: Method::ALL[random.usize(0..5)],
                care: Care::random(random),
                client: random.usize(0..2),
                starts: Duration::from_millis(random.u64(0..1500)),
                timeout: Duration::from_millis([400, 3000, 20_000, 120_000][random.usize(0..4)]),
            })
            .collect();
        let has_list = random.u32(0..3) == 0;
        scripts.resize(LIST + 1, Vec::new());
        if has_list {
            scripts[LIST] = script(random);
            scripts[LIST].extend(script(random));
        }
        Self {
            limits,
            calls,
            scripts,
            has_list,
            items: random.usize(0..12),
            page_size: random.i64(1..5),
            list_care: Care::random(random),
            ahead: [0, 1, 4, 9][random.usize(0..4)],
        }
    }

    /// Runs the scenario and returns the violated guarantees.
    async fn play(self, seed: u64, socket: &Path) -> Findings {
        let time = Time::new(seed);
        let server = Arc::new(Server {
            time: time.clone(),
            scripts: self.scripts.clone(),
            items: self.items,
            seen: Mutex::default(),
        });
        server.start(socket);
        let limiter = match &self.limits[..] {
            [] => RateLimiter::off(),
            limits => RateLimiter::windows(limits.iter().copied()).unwrap(),
        };
        let clients = [0, 1].map(|_| client(&limiter, &time, socket));
        let outcomes = Arc::new(Mutex::new(BTreeMap::new()));
        let list = Arc::new(Mutex::new((Vec::new(), true)));
        let mut findings = Findings::new();

        let mut tasks = Vec::new();
        for (number, call) in self.calls.iter().enumerate() {
            let client = clients[call.client].clone();
            let (time, outcomes) = (time.clone(), Arc::clone(&outcomes));
            let &Call {
                method,
                care,
                starts,
                timeout,
                ..
            } = call;
            tasks.push(tokio::spawn(async move {
                time.wait(starts).await;
                let began = time.elapsed();
                let result = care
                    .take(&time, make(method, &client, number, timeout))
                    .await;
                let leak = matches!(&result, Some(Err(error)) if shows_token(error));
                let result =
                    result.map(|result| result.map_err(|error| (error.kind(), error.attempts())));
                let took = time.elapsed() - began;
                let outcome = Outcome { result, took, leak };
                outcomes.lock().unwrap().insert(number, outcome);
            }));
        }
        if self.has_list {
            let (client, time, list) = (clients[0].clone(), time.clone(), Arc::clone(&list));
            let (care, page_size, ahead) = (self.list_care, self.page_size, self.ahead);
            tasks.push(tokio::spawn(async move {
                let call = client
                    .b2b_v1()
                    .get_appointment_list(LocationId((FIRST + LIST) as i64));
                let call = call.count(page_size);
                let mut items = call.stream().ahead(ahead);
                let care = match care {
                    Care::GivesUp(after) => Care::GivesUp(after.max(Duration::from_millis(200))),
                    other => other,
                };
                for _ in 0..1000 {
                    // Dropping `next` loses nothing: the next call returns the item.
                    let Some(item) = care.take(&time, items.next()).await else {
                        continue;
                    };
                    match item {
                        Some(Ok(item)) => list.lock().unwrap().0.push(item.id.map(|id| id.0)),
                        Some(Err(error)) => {
                            list.lock().unwrap().1 &= !shows_token(&error);
                            // During a pause, it would fail again immediately.
                            time.wait(Duration::from_secs(5)).await;
                            items.resume();
                        }
                        None => return,
                    }
                }
            }));
        }
        let all = async {
            for task in tasks {
                task.await.unwrap();
            }
        };
        if time.drive(all).await.is_none() {
            findings.push((Wrong::Hung, "nothing goes on".to_owned()));
            return findings;
        }
        self.check_calls(&outcomes.lock().unwrap(), &server, &mut findings);
        if self.has_list {
            let (ids, is_clean) = &*list.lock().unwrap();
            self.check_list(ids, &mut findings);
            if !is_clean {
                findings.push((Wrong::Leaked, "an error of the list".to_owned()));
            }
        }
        self.check_limit(&server, &mut findings);
        self.probe(&clients, &time, &server, &mut findings).await;
        for seen in server.seen.lock().unwrap().iter() {
            if let Some(leak) = &seen.leak {
                findings.push((Wrong::Leaked, format!("call {}: {leak}", seen.call)));
            }
        }
        if clients
            .iter()
            .any(|client| has_token(&format!("{client:?}")))
        {
            findings.push((Wrong::Leaked, "a client's Debug".to_owned()));
        }
        findings
    }

    fn check_calls(
        &self,
        outcomes: &BTreeMap<usize, Outcome>,
        server: &Server,
        findings: &mut Findings,
    ) {
        let all = server.seen.lock().unwrap();
        for (number, call) in self.calls.iter().enumerate() {
            let mut wrong = |wrong, what: &str| {
                findings.push((wrong, format!("call {number}, {call:?}: {what}")));
            };
            let Some(outcome) = outcomes.get(&number) else {
                wrong(Wrong::Hung, "has no outcome");
                continue;
            };
            if outcome.leak {
                wrong(Wrong::Leaked, "its error shows a token");
            }
            let seen: Vec<&Seen> = all.iter().filter(|seen| seen.call == number).collect();
            let attempts = seen.iter().filter(|seen| !seen.is_redirected).count();
            let may_have_acted = |seen: &&&Seen| !matches!(seen.fault, Fault::Status(429, _));
            if call.method.is_unsafe() {
                let earlier = &seen[..seen.len().saturating_sub(1)];
                if earlier.iter().filter(may_have_acted).count() > 0 {
                    wrong(Wrong::Repeated, &format!("was sent again: {seen:?}"));
                }
            }
            if attempts > ATTEMPTS as usize {
                wrong(Wrong::Unbounded, &format!("{attempts} attempts"));
            }
            let told = match outcome.result {
                None => None,
                Some(Ok(attempts) | Err((_, attempts))) => Some(attempts as usize),
            };
            // A request may be lost when a connection closes, but the server receives
            // none that the client does not report.
            if told.is_some_and(|told| attempts > told || told > ATTEMPTS as usize) {
                wrong(
                    Wrong::Repeated,
                    &format!("{attempts} requests came, {told:?} told"),
                );
            }
            let ends_well = seen.last().is_some_and(|last| {
                matches!(last.fault, Fault::None | Fault::CloseAfter | Fault::Slow(_))
            });
            if matches!(outcome.result, Some(Ok(_))) && !ends_well {
                wrong(
                    Wrong::Lost,
                    &format!("a success that the server did not give: {seen:?}"),
                );
            }
            let is_spared = self.scripts[number].is_empty()
                && self.limits.is_empty()
                && !self
                    .scripts
                    .iter()
                    .flatten()
                    .any(|fault| matches!(fault, Fault::Status(..) | Fault::CloseAfter))
                && matches!(call.care, Care::Awaits);
            if is_spared && !matches!(outcome.result, Some(Ok(1))) {
                wrong(
                    Wrong::Lost,
                    &format!("nothing was in its way, and yet {outcome:?}"),
                );
            }
            let slack = match call.care {
                Care::LeavesBehind(pause) => pause,
                _ => Duration::ZERO,
            };
            if outcome.took > call.timeout + slack {
                wrong(Wrong::Unbounded, &format!("took {:?}", outcome.took));
            }
        }
    }

    fn check_list(&self, ids: &[Option<i64>], findings: &mut Findings) {
        let ids: Vec<i64> = ids.iter().map(|id| id.unwrap_or(-1)).collect();
        let expected: Vec<i64> = (0..self.items as i64).collect();
        if ids == expected {
            return;
        }
        let distinct: BTreeSet<i64> = ids.iter().copied().collect();
        let wrong = match distinct.len() < ids.len() {
            true => Wrong::Repeated,
            false => Wrong::Lost,
        };
        findings.push((wrong, format!("the list of {} items: {ids:?}", self.items)));
    }

    /// Checks that no window contains too many requests, wherever it begins. A call
    /// that is not polled while its connection opens is sent later than it was
    /// counted, so such calls are exempt.
    fn check_limit(&self, server: &Server, findings: &mut Findings) {
        let is_late = |call: usize| {
            let care = self
                .calls
                .get(call)
                .map_or(self.list_care, |call| call.care);
            matches!(care, Care::LeavesBehind(_))
        };
        let all = server.seen.lock().unwrap();
        let seen: Vec<&Seen> = all.iter().filter(|seen| !is_late(seen.call)).collect();
        for &(most, length) in &self.limits {
            for first in 0..seen.len() {
                let start = seen[first].at;
                let within = seen[first..]
                    .iter()
                    .take_while(|seen| seen.at < start + length);
                let count = within.count();
                if count > most {
                    let what = format!("{count} requests in {length:?} from {start:?}");
                    findings.push((Wrong::Limit, what));
                    break;
                }
            }
        }
    }

    /// Checks that dropped calls have not changed the limit: a long time later, the
    /// limiter grants exactly the permits that it should.
    async fn probe(
        &self,
        clients: &[Client; 2],
        time: &Time,
        server: &Server,
        findings: &mut Findings,
    ) {
        let longest = self.limits.iter().map(|(_, length)| *length).max();
        let begin = time.elapsed() + PAUSES + longest.unwrap_or_default();
        let (most, length) = self.limits.first().copied().unwrap_or((7, Duration::ZERO));
        let calls = (0..=most).map(|number| {
            let (client, time) = (clients[number % 2].clone(), time.clone());
            tokio::spawn(async move {
                time.wait(begin - time.elapsed()).await;
                make(Method::Post, &client, PROBE, PAUSES).await
            })
        });
        let calls: Vec<_> = calls.collect();
        let all = async {
            let mut succeeded = 0;
            for call in calls {
                succeeded += usize::from(call.await.unwrap().is_ok());
            }
            succeeded
        };
        let succeeded = time.drive(all).await;
        let seen = server.seen.lock().unwrap();
        let probes: Vec<Duration> = seen
            .iter()
            .filter(|seen| seen.call == PROBE)
            .map(|seen| seen.at)
            .collect();
        let mut expected = vec![begin; most];
        expected.push(begin + length);
        if succeeded != Some(most + 1) || probes != expected {
            findings.push((
                Wrong::Limit,
                format!("probes at {probes:?}, not {expected:?}"),
            ));
        }
    }
}

fn client(limiter: &RateLimiter, time: &Time, socket: &Path) -> Client {
    let socket = socket.to_owned();
    Client::builder()
        .partner_token(PARTNER)
        .user_token(USER)
        .server(format!("http://{HOST}").parse().unwrap())
        .allow_plain_http(true)
        .http_client_builder(move |http| {
            // There is no TLS here; this avoids loading the system's certificates.
            http.tls_danger_accept_invalid_certs(true)
                .unix_socket(socket.clone())
        })
        .max_body(MAX_BODY)
        .attempt_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(3))
        .retry(Retry::new().attempts(ATTEMPTS))
        .rate_limiter(limiter.clone())
        .runtime(time.clone())
        .build()
        .unwrap()
}

fn run(seed: u64, socket: &Path) -> Findings {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (log, _guard) = Log::start(Level::DEBUG);
    let scenario = Scenario::new(&mut Rng::with_seed(seed));
    let mut findings = runtime.block_on(scenario.play(seed, socket));
    drop(runtime);
    if has_token(&log.text()) {
        findings.push((Wrong::Leaked, "the log".to_owned()));
    }
    findings
}

// ---- all of them -------------------------------------------------------------------------------

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number")),
    )
}

#[test]
fn what_a_caller_may_count_on_holds_in_any_network() {
    let (first, count) = match number("SIMULATION_SEED") {
        Some(seed) => (seed, 1),
        None => {
            let usual = if std::env::var_os("CI").is_some() {
                10_000
            } else {
                1000
            };
            (0, number("SIMULATION").unwrap_or(usual))
        }
    };
    let directory = Directory::new();
    let next = AtomicU64::new(first);
    let wrong: Mutex<BTreeMap<(Wrong, u64), Vec<String>>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (next, wrong) = (&next, &wrong);
            let socket = directory.0.join(thread.to_string());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    for (kind, what) in run(seed, &socket) {
                        wrong
                            .lock()
                            .unwrap()
                            .entry((kind, seed))
                            .or_default()
                            .push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    let count_of = |kind| wrong.keys().filter(|(other, _)| *other == kind).count();
    println!(
        "simulation: scenarios {count}, lost {}, repeated {}, leaked {}, hung {}, unbounded {}, \
         limit {}; {:.0} s",
        count_of(Wrong::Lost),
        count_of(Wrong::Repeated),
        count_of(Wrong::Leaked),
        count_of(Wrong::Hung),
        count_of(Wrong::Unbounded),
        count_of(Wrong::Limit),
        started.elapsed().as_secs_f64(),
    );
    for ((kind, seed), what) in wrong.iter().take(10) {
        println!("SIMULATION_SEED={seed}: {kind:?}: {}", what.join("; "));
    }
    assert!(wrong.is_empty());
}

/// Reads a list of 50 pages at 800 ms a response and 5 requests a second. Returns how
/// long it takes and the number of requests.
async fn read_a_long_list(socket: &Path, limiter: RateLimiter, ahead: usize) -> (Duration, usize) {
    let time = Time::new(0);
    let mut scripts = vec![Vec::new(); LIST];
    scripts.push(vec![Fault::Slow(Duration::from_millis(800)); 60]);
    let server = Arc::new(Server {
        time: time.clone(),
        scripts,
        items: 500,
        seen: Mutex::default(),
    });
    server.start(socket);
    let client = client(&limiter, &time, socket);
    let call = client
        .b2b_v1()
        .get_appointment_list(LocationId((FIRST + LIST) as i64));
    let call = call.count(10);
    let mut items = call.stream().ahead(ahead);
    let read = async {
        let mut next = 0;
        while let Some(item) = items.next().await {
            assert_eq!(item.unwrap().id, Some(AppointmentId(next)));
            next += 1;
        }
        next
    };
    assert_eq!(time.drive(read).await, Some(500));
    let requests = server.seen.lock().unwrap().len();
    (time.elapsed(), requests)
}

#[tokio::test]
async fn a_long_list_is_read_at_the_limit() {
    let directory = Directory::new();
    let socket = directory.0.join("list");
    let exact = || RateLimiter::windows([(5, Duration::from_secs(1))]).unwrap();
    let seconds = |(took, requests): (Duration, usize)| {
        assert_eq!(requests, 50);
        took.as_secs_f64()
    };
    let one_by_one = seconds(read_a_long_list(&socket, exact(), 0).await);
    let ahead = seconds(read_a_long_list(&socket, exact(), 4).await);
    // The windows of this limit are 50 ms longer.
    let with_margin = seconds(read_a_long_list(&socket, RateLimiter::altegio(), 4).await);
    println!("50 pages: {one_by_one:.1} s, ahead {ahead:.2} s, with a margin {with_margin:.2} s");
    assert!((40.0..40.5).contains(&one_by_one), "{one_by_one}");
    assert!(ahead <= 11.0, "{ahead}");
    assert!(with_margin <= 11.1, "{with_margin}");
}

/// The directory for the sockets, which is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("altegio-simulation-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // If this fails, the files remain in the system's temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
