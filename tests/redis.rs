//! Tests that four processes share Altegio's limit through a real Redis server while
//! one of them is killed and the server is restarted.
//!
//! The program starts copies of itself as workers, so it does not use the standard
//! test harness. By default, the windows are ten times shorter (5 requests in
//! 100 ms, 200 in 6 s).
//! `REDIS_CALLS=1000 REDIS_SCALE=1 cargo test --features redis --test redis`
//! makes 1,000 calls with Altegio's windows.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use altegio::{Client, ErrorKind, Permit, RateLimit, RateLimiter, RedisStore};

const MARGIN: Duration = Duration::from_millis(50);
const WORKERS: usize = 4;
/// The number of calls that a worker makes at the same time.
const AT_ONCE: usize = 8;

type Test = fn(&tokio::runtime::Runtime);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let [_, worker, store, server, calls] = &arguments[..]
        && worker == "worker"
    {
        runtime.block_on(work(store, server, calls.parse().unwrap()));
        return ExitCode::SUCCESS;
    }
    let has_server = Command::new("redis-server").arg("--version").output();
    if has_server.is_err() {
        eprintln!("redis: NOT TESTED, there is no redis-server: apt-get install redis-server");
        // In CI, a missing server is a failure.
        return ExitCode::from(u8::from(std::env::var_os("CI").is_some()));
    }
    let tests: [(&str, Test); 7] = [
        ("the_windows_are_exact", the_windows_are_exact),
        ("a_pause_holds_every_process", a_pause_holds_every_process),
        ("a_dead_store", a_dead_store),
        ("a_silent_store", a_silent_store),
        ("clones_have_their_own_limits", clones_have_their_own_limits),
        (
            "lost_permits_close_the_windows",
            lost_permits_close_the_windows,
        ),
        ("four_processes_one_killed", four_processes_one_killed),
    ];
    for (test, run) in tests {
        run(&runtime);
        println!("test redis::{test} ... ok");
    }
    println!("{} passed, 0 failed", tests.len());
    ExitCode::SUCCESS
}

fn scale() -> u32 {
    std::env::var("REDIS_SCALE").map_or(10, |scale| scale.parse().unwrap())
}

/// Returns Altegio's windows, scaled and without the margin.
fn altegio() -> [(usize, Duration); 2] {
    let [second, minute] = [1, 60].map(Duration::from_secs);
    [(5, second / scale()), (200, minute / scale())]
}

fn with_margin() -> [(usize, Duration); 2] {
    altegio().map(|(most, length)| (most, length + MARGIN))
}

// ---- the worker --------------------------------------------------------------------------------

async fn work(store: &str, server: &str, calls: usize) {
    let store = RedisStore::new(store, "test").unwrap();
    let store = store.windows(with_margin()).unwrap();
    let client = Client::builder()
        .partner_token("p")
        .server(server.parse().unwrap())
        .rate_limiter(RateLimiter::shared(store))
        .timeout(Duration::from_secs(1200))
        .build()
        .unwrap();
    let left = Arc::new(Mutex::new(calls));
    let tasks = (0..AT_ONCE).map(|_| {
        let (client, left) = (client.clone(), Arc::clone(&left));
        tokio::spawn(async move {
            loop {
                {
                    let mut left = left.lock().unwrap();
                    let Some(less) = left.checked_sub(1) else {
                        return;
                    };
                    *left = less;
                }
                // While the Redis server is unavailable, calls fail and are repeated.
                while let Err(error) = client.request(reqwest::Method::GET, "/ping").send().await {
                    assert_eq!(error.kind(), ErrorKind::Limiter, "{error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

// ---- what the workers use ----------------------------------------------------------------------

/// A Redis server without persistence, on a port of its own.
struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    fn start() -> Self {
        // The port is free again at the end of the statement.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let port = port.unwrap().port();
        let process = Self::spawn(port);
        Self { port, process }
    }

    fn spawn(port: u16) -> Child {
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "no redis-server");
            std::thread::sleep(Duration::from_millis(10));
        }
        process
    }

    fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn restart(&mut self) {
        self.process = Self::spawn(self.port);
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    fn store(&self) -> RedisStore {
        RedisStore::new(&self.url(), "test").unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Some tests have already stopped the process.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a proxy in front of the Redis server. While the flag is set, connections on
/// which the server responds become silent for good, but stay open.
fn proxy(redis: &Redis) -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    let is_silent = Arc::<AtomicBool>::default();
    let (flag, port) = (Arc::clone(&is_silent), redis.port);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (mut requests, mut responses) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut requests, &mut server));
            let flag = Arc::clone(&flag);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = responses.read(&mut buffer)
                    && !flag.load(Ordering::Relaxed)
                    && client.write_all(&buffer[..length]).is_ok()
                {}
            });
        }
    });
    (url, is_silent)
}

/// Starts a server that records when each request arrives.
fn counter() -> (String, Arc<Mutex<Vec<Instant>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let of_server = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let seen = Arc::clone(&of_server);
            std::thread::spawn(move || serve(stream.unwrap(), &seen));
        }
    });
    (url, seen)
}

/// Responds to the requests of one connection until the client disconnects.
fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Instant>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
        if line == "\r\n" {
            seen.lock().unwrap().push(Instant::now());
            let body = r#"{"success":true,"data":{},"meta":[]}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
            let answer = format!("{head}{}\r\n\r\n{body}", body.len());
            // The write fails if the worker has been killed.
            let _ = stream.write_all(answer.as_bytes());
        }
        line.clear();
    }
}

/// Returns the maximum number of the sorted times in any period of this length.
fn most_in(times: &[Instant], length: Duration) -> usize {
    let within = |from: usize| {
        times[from..]
            .iter()
            .take_while(move |at| **at - times[from] < length)
    };
    let counts = (0..times.len()).map(|from| within(from).count());
    counts.max().unwrap_or(0)
}

async fn permit(store: &RedisStore) -> Permit {
    store.try_acquire(Instant::now()).await.unwrap()
}

/// Takes permits until the store has none left. Returns their number and the wait.
async fn exhaust(store: &RedisStore) -> (usize, Duration) {
    let mut granted = 0;
    loop {
        match permit(store).await {
            Permit::Granted => granted += 1,
            Permit::Wait(wait) => return (granted, wait),
        }
    }
}

// ---- the tests ---------------------------------------------------------------------------------

const LONG: Duration = Duration::from_secs(30);

fn the_windows_are_exact(runtime: &tokio::runtime::Runtime) {
    let redis = Redis::start();
    runtime.block_on(async {
        let limits = [(5, Duration::from_millis(400)), (8, LONG)];
        let stores = [0, 1].map(|_| redis.store().windows(limits).unwrap());
        let (granted, wait) = exhaust(&stores[0]).await;
        assert_eq!(granted, 5);
        assert!(wait <= limits[0].1, "{wait:?}");
        // Another process sees the same window.
        assert!(matches!(permit(&stores[1]).await, Permit::Wait(other) if other <= wait));
        tokio::time::sleep(wait + Duration::from_millis(400)).await;
        let (granted, wait) = exhaust(&stores[1]).await;
        assert_eq!(granted, 3, "8 in the longer window");
        assert!(wait > LONG / 2 && wait < LONG, "{wait:?}");
    });
}

fn a_pause_holds_every_process(runtime: &tokio::runtime::Runtime) {
    let redis = Redis::start();
    runtime.block_on(async {
        let (one, other) = (redis.store(), redis.store());
        assert_eq!(permit(&other).await, Permit::Granted);
        one.pause(LONG);
        let start = Instant::now();
        let wait = loop {
            if let (0, wait) = exhaust(&other).await {
                break wait;
            }
            assert!(start.elapsed() < LONG / 2);
        };
        // Until the wait is due to the pause and not to the windows.
        let mut pauses = wait;
        while pauses < LONG / 2 {
            assert!(start.elapsed() < LONG / 2);
            pauses = exhaust(&other).await.1;
        }
        // A shorter pause does not end a longer one.
        one.pause(Duration::from_millis(1));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(matches!(permit(&other).await, Permit::Wait(wait) if wait > LONG / 2));
    });
}

fn a_dead_store(runtime: &tokio::runtime::Runtime) {
    let mut redis = Redis::start();
    let (server, seen) = counter();
    runtime.block_on(async {
        let store = redis.store();
        let shown = format!("{store:?}");
        assert!(!shown.contains(&redis.url()), "{shown}");
        let falling_back = redis.store().fall_back_to([(2, LONG)]).unwrap();
        let client = Client::builder()
            .partner_token("p")
            .server(server.parse().unwrap())
            .rate_limiter(RateLimiter::shared(store))
            .build()
            .unwrap();
        let call = || client.request(reqwest::Method::GET, "/ping").send();
        call().await.unwrap();
        assert_eq!(exhaust(&falling_back).await.0, 4);

        redis.stop();
        let error = call().await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Limiter, 0));
        assert_eq!(seen.lock().unwrap().len(), 1);
        let start = Instant::now();
        assert_eq!(exhaust(&falling_back).await.0, 2);
        assert!(start.elapsed() < Duration::from_secs(5));

        // The Redis server is used again once it is available.
        redis.restart();
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert!(matches!(permit(&falling_back).await, Permit::Wait(wait) if wait > LONG));
    });
}

fn a_silent_store(runtime: &tokio::runtime::Runtime) {
    let redis = Redis::start();
    let (url, is_silent) = proxy(&redis);
    runtime.block_on(async {
        // A connection that has timed out is not used again.
        let store = RedisStore::new(&url, "test").unwrap();
        assert_eq!(permit(&store).await, Permit::Granted);
        is_silent.store(true, Ordering::Relaxed);
        store.try_acquire(Instant::now()).await.unwrap_err();
        is_silent.store(false, Ordering::Relaxed);
        assert_eq!(permit(&store).await, Permit::Granted);

        // The fallback's permit counts from the end of the timeout, and the Redis
        // server is then left alone for a while.
        is_silent.store(true, Ordering::Relaxed);
        let limit = (1, Duration::from_millis(1500));
        let store = store.fall_back_to([limit]).unwrap();
        assert_eq!(permit(&store).await, Permit::Granted);
        let start = Instant::now();
        let Permit::Wait(wait) = permit(&store).await else {
            panic!("the fallback is exhausted");
        };
        assert!(start.elapsed() < Duration::from_millis(500));
        assert!(wait > Duration::from_secs(1), "{wait:?}");
    });
}

fn clones_have_their_own_limits(runtime: &tokio::runtime::Runtime) {
    let mut redis = Redis::start();
    redis.stop();
    runtime.block_on(async {
        let store = redis.store();
        let [one, three] = [1, 3].map(|most| store.clone().fall_back_to([(most, LONG)]).unwrap());
        assert_eq!(exhaust(&one).await.0, 1);
        assert_eq!(exhaust(&three).await.0, 3);
    });
}

fn lost_permits_close_the_windows(runtime: &tokio::runtime::Runtime) {
    let mut redis = Redis::start();
    runtime.block_on(async {
        let limits = [(5, Duration::from_secs(2)), (8, LONG)];
        let store = || redis.store().windows(limits).unwrap();
        let (knows, fresh, other) = (store(), store(), store());
        assert_eq!(permit(&knows).await, Permit::Granted);
        assert_eq!(permit(&other).await, Permit::Granted);
        redis.stop();
        redis.restart();
        // A process without a permit cannot notice the loss. A process that had one
        // notices it and declares the windows full for all.
        assert_eq!(permit(&fresh).await, Permit::Granted);
        let Permit::Wait(wait) = permit(&knows).await else {
            panic!("the store has lost permits");
        };
        assert!(wait > LONG / 2 && wait <= LONG, "{wait:?}");
        // This happens only once: the next process to notice does not extend the wait.
        for store in [&fresh, &other, &knows] {
            assert!(matches!(permit(store).await, Permit::Wait(later) if later <= wait));
        }
    });
}

fn four_processes_one_killed(_runtime: &tokio::runtime::Runtime) {
    let calls: usize = std::env::var("REDIS_CALLS").map_or(300, |calls| calls.parse().unwrap());
    let mut redis = Redis::start();
    let (server, seen) = counter();
    let count = || seen.lock().unwrap().len();
    // The surviving workers make all the calls.
    let each = calls / (WORKERS - 1);
    let mut workers: Vec<Child> = (0..WORKERS)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["worker", &redis.url(), &server, &each.to_string()])
                .spawn()
                .unwrap()
        })
        .collect();
    let start = Instant::now();
    let limit = Duration::from_secs(60) + with_margin()[1].1 * (calls as u32 / 200 + 3);
    let wait_for = |requests: usize| {
        while count() < requests {
            assert!(start.elapsed() < limit, "stuck at {} requests", count());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait_for(calls / 3);
    let mut killed = workers.pop().unwrap();
    // SIGKILL, on Unix.
    killed.kill().unwrap();
    killed.wait().unwrap();
    wait_for(calls / 2);
    redis.stop();
    std::thread::sleep(Duration::from_millis(300));
    redis.restart();
    for mut worker in workers {
        while worker.try_wait().unwrap().is_none() {
            if start.elapsed() > limit {
                worker.kill().unwrap();
                panic!("a worker is stuck; {} requests have come", count());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(worker.wait().unwrap().success());
    }
    let mut times = seen.lock().unwrap().clone();
    times.sort();
    assert!(times.len() >= each * (WORKERS - 1));
    let [(_, second), (_, minute)] = altegio();
    let (in_second, in_minute) = (
        most_in(&times, second - MARGIN),
        most_in(&times, minute - MARGIN),
    );
    println!(
        "redis: {} requests of {WORKERS} processes in {:.1} s; at most {in_second} in {:?} and \
         {in_minute} in {:?}; without the margin {} and {}",
        times.len(),
        start.elapsed().as_secs_f64(),
        second - MARGIN,
        minute - MARGIN,
        most_in(&times, second),
        most_in(&times, minute),
    );
    assert!(in_second <= 5 && in_minute <= 200);
}
