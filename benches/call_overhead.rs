//! Measures the CPU time of a call with this crate and with reqwest and
//! hand-written serde structs, against the same server on the loopback interface.
//!
//! `cargo bench --bench call_overhead`
//!
//! The server is a separate process, so that its CPU time is not counted. Both
//! clients send the same bytes, each over its own connection pool, one call at a
//! time and 32 at a time. There is no rate limit, which is the default for custom
//! servers.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use altegio::ids::{ClientId, LocationId};
use cpu_time::ProcessTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkId, Criterion};
use futures_util::future::join_all;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const SERVER: &str = "ALTEGIO_BENCH_SERVER";
const CREATED: &str = r#"{"success":true,"data":{"id":7,"salon_id":1,"custom_field":{"id":9,"type":{"code":"text","title":"Text"},"code":"allergies","title":"Allergies","show_in_ui":true,"user_can_edit":true}},"meta":[]}"#;
const CLIENT: &str = r#"{"success":true,"data":{"id":7,"name":"Ada","surname":"L","phone":"13155550184","email":"ada@example.org","card":"123","birth_date":"1990-01-01","comment":"prefers mornings","discount":10,"visits":12,"importance_id":1,"categories":[{"id":1,"title":"regular","color":"red"}]},"meta":[]}"#;

fn main() {
    if env::var_os(SERVER).is_some() {
        return serve();
    }
    let mut server = Command::new(env::current_exe().expect("the bench's own path"))
        .env(SERVER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a server process");
    let mut url = String::new();
    let stdout = server.stdout.take().expect("its output");
    BufReader::new(stdout)
        .read_line(&mut url)
        .expect("its address");
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .configure_from_args();
    bench(&mut criterion, url.trim());
    criterion.final_summary();
    server.kill().expect("the server ends");
    server.wait().expect("the server ended");
}

fn bench(criterion: &mut Criterion<CpuTime>, url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let client = altegio::Client::builder()
        .partner_token("partner-token")
        .user_token("user-token")
        .server(url.parse().expect("an address"))
        .build()
        .expect("a client");
    let plain = Plain::new(url);
    for in_flight in [1, 32] {
        let mut group = criterion.benchmark_group(format!("{in_flight} in flight"));
        group.throughput(criterion::Throughput::Elements(in_flight));
        group
            .sample_size(60)
            .measurement_time(Duration::from_secs(10));
        let mut pair = |method: &str, ours: &dyn Fn(), theirs: &dyn Fn()| {
            let name = BenchmarkId::from_parameter(format!("{method}, altegio"));
            group.bench_function(name, |bench| {
                bench.iter_custom(|count| turns(count, ours, theirs))
            });
            let name = BenchmarkId::from_parameter(format!("{method}, reqwest and serde"));
            group.bench_function(name, |bench| {
                bench.iter_custom(|count| turns(count, theirs, ours))
            });
        };
        let all = 0..in_flight;
        pair(
            "GET",
            &|| drop(runtime.block_on(join_all(all.clone().map(|_| get(&client))))),
            &|| drop(runtime.block_on(join_all(all.clone().map(|_| plain.get())))),
        );
        pair(
            "POST",
            &|| drop(runtime.block_on(join_all(all.clone().map(|_| post(&client))))),
            &|| drop(runtime.block_on(join_all(all.clone().map(|_| plain.post())))),
        );
        group.finish();
    }
}

/// Returns the time of `count` runs of `measured`. The runs alternate with those of
/// `other`, so that both see the same conditions: the speed of a shared machine
/// varies by more than the two differ.
fn turns(count: u64, measured: &dyn Fn(), other: &dyn Fn()) -> Duration {
    const TURN: u64 = 16;
    let mut total = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let turn = left.min(TURN);
        let start = ProcessTime::now();
        (0..turn).for_each(|_| measured());
        total += start.elapsed();
        (0..turn).for_each(|_| other());
        left -= turn;
    }
    total
}

async fn get(client: &altegio::Client) -> i64 {
    let call = client.b2b_v1().get_client(LocationId(1), ClientId(7));
    let answer = call.send().await.expect("an answer");
    // A mismatch would add the time of the salvage pass.
    assert!(answer.mismatches().is_empty());
    answer.into_data().expect("data").id.expect("an id").0
}

async fn post(client: &altegio::Client) -> i64 {
    let call = client.b2b_v1().create_custom_field("record", LocationId(1));
    let call = call.body_map(|body| {
        let body = body.type_("text").code("allergies").title("Allergies");
        body.user_can_edit(true).show_in_ui(true)
    });
    let answer = call.send().await.expect("an answer");
    // A mismatch would add the time of the salvage pass.
    assert!(answer.mismatches().is_empty());
    answer.into_data().expect("data").id.expect("an id")
}

/// A hand-written client for these two calls.
struct Plain {
    http: reqwest::Client,
    url: String,
}

#[derive(Deserialize)]
struct Answer<T> {
    success: bool,
    data: Option<T>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Client {
    id: i64,
    name: Option<String>,
    surname: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    card: Option<String>,
    birth_date: Option<String>,
    comment: Option<String>,
    discount: Option<f64>,
    visits: Option<i64>,
    importance_id: Option<i64>,
    categories: Option<Vec<Category>>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Category {
    id: i64,
    title: Option<String>,
    color: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Created {
    id: i64,
    salon_id: Option<i64>,
    custom_field: Option<CreatedField>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct CreatedField {
    id: Option<i64>,
    r#type: Option<FieldType>,
    code: Option<String>,
    title: Option<String>,
    show_in_ui: Option<bool>,
    user_can_edit: Option<bool>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct FieldType {
    code: Option<String>,
    title: Option<String>,
}

#[derive(Serialize)]
struct CustomField {
    r#type: &'static str,
    code: &'static str,
    title: &'static str,
    user_can_edit: bool,
    show_in_ui: bool,
}

impl Plain {
    fn new(url: &str) -> Self {
        let mut headers = HeaderMap::new();
        let tokens = HeaderValue::from_static("Bearer partner-token, User user-token");
        headers.insert(AUTHORIZATION, tokens);
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/vnd.api.v2+json"),
        );
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent("plain")
            .timeout(Duration::from_secs(60))
            .connect_timeout(Duration::from_secs(10))
            .build()
            .expect("a client");
        Self {
            http,
            url: url.to_owned(),
        }
    }

    async fn get(&self) -> i64 {
        let url = format!("{}/client/{}/{}", self.url, 1, 7);
        let answer = self.http.get(url).send().await.expect("an answer");
        read::<Client>(answer).await.id
    }

    async fn post(&self) -> i64 {
        let url = format!("{}/custom_fields/{}/{}", self.url, "record", 1);
        let field = CustomField {
            r#type: "text",
            code: "allergies",
            title: "Allergies",
            user_can_edit: true,
            show_in_ui: true,
        };
        let body = serde_json::to_vec(&field).expect("JSON");
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let answer = request.send().await.expect("an answer");
        read::<Created>(answer).await.id
    }
}

async fn read<T: DeserializeOwned>(answer: reqwest::Response) -> T {
    let answer = answer.error_for_status().expect("200");
    let body = answer.bytes().await.expect("a body");
    let answer: Answer<T> = serde_json::from_slice(&body).expect("JSON");
    assert!(answer.success);
    answer.data.expect("data")
}

/// The user and system time of all threads of this process.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = ProcessTime;
    type Value = Duration;

    fn start(&self) -> ProcessTime {
        ProcessTime::now()
    }

    fn end(&self, start: ProcessTime) -> Duration {
        start.elapsed()
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Responds to every GET with a client and to every POST with a custom field.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("http://{}", listener.local_addr().expect("its address"));
    for stream in listener.incoming() {
        std::thread::spawn(move || answer_all(stream.expect("a connection")));
    }
}

fn answer(body: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn answer_all(mut stream: TcpStream) {
    let (client, created) = (answer(CLIENT), answer(CREATED));
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let whole = request_end(&bytes);
        if let Some(end) = whole.filter(|end| *end <= bytes.len()) {
            let answer = if bytes.starts_with(b"POST") {
                &created
            } else {
                &client
            };
            bytes.drain(..end);
            if stream.write_all(answer).is_err() {
                return;
            }
            continue;
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
}

/// Returns where the first request in `bytes` ends, or `None` if its head is not
/// complete.
fn request_end(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    Some(head + length.unwrap_or(0))
}
