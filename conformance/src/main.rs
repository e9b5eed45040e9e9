//! Every operation through the typed client, against the mock: what goes out
//! is what was meant and what the document allows; what comes back is read as
//! what it is. `cargo xtask conformance` runs it.

mod calls;
mod prism;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use altegio::{Client, ClientBuilder, ErrorKind, RateLimiter, Retry};
use altegio_cli::{Answer, COMMANDS, Command, Failure};
use altegio_mock::{MockServer, Operation, Recorded, Tokens};
use anyhow::{Context, Result};
use calls::{Arguments, BodyBy, Case, plain};
use clap::Parser;
use percent_encoding::percent_decode_str;
use prism::Prism;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

const PARTNER: &str = "partner-token-of-conformance";
const USER: &str = "user-token-of-conformance";

/// Run every operation against the mock
#[derive(Parser, Debug)]
struct Cli {
    /// Only the operation of this id; prints every failure
    #[arg(long, value_name = "ID")]
    operation: Option<String>,
    /// Against Stoplight Prism on the vendor's own document, in place of the
    /// mock; each operation that differs has to be explained in
    /// docs/conformance.md
    #[arg(long)]
    prism: bool,
}

/// A request as it came to a server.
struct Came {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    /// What the server says is wrong with it.
    refusals: Vec<String>,
}

impl From<Recorded> for Came {
    fn from(recorded: Recorded) -> Self {
        let refusals = recorded.problems.iter();
        Self {
            refusals: refusals
                .map(|problem| format!("{}: {}", problem.pointer, problem.message))
                .collect(),
            method: recorded.method,
            path: recorded.path,
            query: recorded.query,
            headers: recorded.headers,
            body: recorded.body,
        }
    }
}

/// Who answers.
enum Server {
    Mock,
    Prism(Prism),
}

/// What was counted of a tag.
#[derive(Default)]
struct Counts {
    operations: usize,
    requests: usize,
    answers: usize,
    /// Operations that differ as docs/conformance.md explains.
    explained: usize,
    failures: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<bool> {
    // Its document is what the requests are made of, whoever answers.
    let mock = MockServer::start().await?;
    let document = mock.document();
    let server = match cli.prism {
        false => Server::Mock,
        true => Server::Prism(Prism::start(&specification()).await?),
    };
    let take = || -> Vec<Came> {
        match &server {
            Server::Mock => mock.take_requests().into_iter().map(Came::from).collect(),
            Server::Prism(prism) => prism.take(),
        }
    };
    let explained = explained(cli.prism)?;
    let directory = tempfile::tempdir()?;
    let commands: BTreeMap<&str, &Command> = COMMANDS.iter().map(|c| (c.id, c)).collect();
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut failed = 0;
    let mut clients = Clients {
        url: match &server {
            Server::Mock => mock.url(),
            Server::Prism(prism) => prism.url(),
        },
        made: BTreeMap::new(),
    };
    let asked = document
        .operations
        .iter()
        .filter(|operation| cli.operation.as_ref().is_none_or(|id| *id == operation.id));
    for operation in asked {
        let count = counts.entry(&operation.tag).or_default();
        count.operations += 1;
        let mut failures = Vec::new();
        match commands.get(operation.id.as_str()) {
            None => failures.push("the command line has no such operation".to_owned()),
            Some(command) => {
                let requests = requests::requests(document, operation);
                let cases = cases(operation, &requests);
                for case in &cases {
                    let (status, client) = match case.preferred {
                        None => (operation.success(), clients.plain()?),
                        Some((status, dynamic)) => (status, clients.preferring(status, dynamic)?),
                    };
                    match case.preferred {
                        None => count.requests += 1,
                        Some(_) => count.answers += 1,
                    }
                    let outcome = calls::call(command, &client, case, directory.path()).await;
                    let came = take();
                    if !refused(&came) {
                        failures.extend(answer(status, outcome, cli.prism));
                    }
                    failures.extend(request(operation, case.arguments, &came));
                }
            }
        }
        if explained.contains(&operation.id) && !failures.is_empty() {
            count.explained += 1;
            failures.retain(|_| cli.operation.is_some());
        } else if explained.contains(&operation.id) {
            // Prism rolls dice, so this may be chance.
            eprintln!("{}: explained, and did not differ", operation.id);
        }
        if !failures.is_empty() {
            count.failures += 1;
            failed += 1;
            eprintln!("{} ({} {})", operation.id, operation.method, operation.path);
            let shown = if cli.operation.is_some() {
                usize::MAX
            } else {
                3
            };
            failures.sort();
            failures.dedup();
            for failure in failures.iter().take(shown) {
                eprintln!("  {failure}");
            }
        }
    }
    let total = counts.values().map(|count| count.operations).sum::<usize>();
    print(&counts);
    println!(
        "{} of {total} operations, {failed} failures",
        total - failed
    );
    // An operation that only the crate has would be made up.
    let made_up: Vec<&&str> = commands
        .keys()
        .filter(|id| document.operation(id).is_none())
        .collect();
    for id in &made_up {
        eprintln!("{id}: the document has no such operation");
    }
    Ok(failed == 0 && made_up.is_empty() && total > 0)
}

/// Every request, a body by file and by flags; then every documented answer.
fn cases<'a>(operation: &Operation, requests: &'a [Arguments]) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for arguments in requests {
        let ways: &[BodyBy] = match arguments.body {
            Some(_) => &[BodyBy::File, BodyBy::Flags],
            None => &[BodyBy::Flags],
        };
        cases.extend(ways.iter().map(|body_by| Case {
            arguments,
            body_by: *body_by,
            preferred: None,
        }));
    }
    for status in operation.responses.keys() {
        for arguments in requests.iter().take(3) {
            cases.extend([false, true].map(|dynamic| Case {
                arguments,
                body_by: BodyBy::File,
                preferred: Some((*status, dynamic)),
            }));
        }
    }
    cases
}

/// The vendor's document, as the other checks find it.
fn specification() -> PathBuf {
    let directory = std::env::var_os("ALTEGIO_SPEC_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/altegio"),
        PathBuf::from,
    );
    directory.join("b2b-v1.openapi.yaml")
}

/// The operations that docs/conformance.md says to differ on Prism: the first
/// word in code of each line of its list.
fn explained(prism: bool) -> Result<BTreeSet<String>> {
    if !prism {
        return Ok(BTreeSet::new());
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().filter_map(|line| line.strip_prefix("- `"));
    Ok(lines
        .filter_map(|line| Some(line.split_once('`')?.0.to_owned()))
        .collect())
}

fn print(counts: &BTreeMap<&str, Counts>) {
    println!(
        "{:<30} {:>10} {:>9} {:>8} {:>9} {:>9}",
        "tag", "operations", "requests", "answers", "explained", "failures"
    );
    let mut sum = Counts::default();
    for (tag, count) in counts {
        print_row(tag, count);
        sum.operations += count.operations;
        sum.requests += count.requests;
        sum.answers += count.answers;
        sum.explained += count.explained;
        sum.failures += count.failures;
    }
    print_row("all", &sum);
}

fn print_row(tag: &str, count: &Counts) {
    println!(
        "{tag:<30} {:>10} {:>9} {:>8} {:>9} {:>9}",
        count.operations, count.requests, count.answers, count.explained, count.failures
    );
}

/// A client for each thing that is preferred.
struct Clients {
    url: String,
    made: BTreeMap<String, Client>,
}

impl Clients {
    fn plain(&mut self) -> Result<Client> {
        self.with(String::new())
    }

    fn preferring(&mut self, status: u16, dynamic: bool) -> Result<Client> {
        self.with(format!("code={status}, dynamic={dynamic}"))
    }

    fn with(&mut self, prefer: String) -> Result<Client> {
        if let Some(client) = self.made.get(&prefer) {
            return Ok(client.clone());
        }
        let mut headers = HeaderMap::new();
        if !prefer.is_empty() {
            let value = HeaderValue::from_str(&prefer)?;
            headers.insert(HeaderName::from_static("prefer"), value);
        }
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let client = ClientBuilder::default()
            .partner_token(PARTNER)
            .user_token(USER)
            .server(self.url.parse()?)
            .retry(Retry::off())
            .rate_limiter(RateLimiter::off())
            .http_client(http)
            .build()?;
        self.made.insert(prefer, client.clone());
        Ok(client)
    }
}

/// Whether the server did not come to answering.
fn refused(came: &[Came]) -> bool {
    came.iter().any(|came| !came.refusals.is_empty())
}

/// How what arrived differs from what was meant, and what is wrong with it.
fn request(operation: &Operation, arguments: &Arguments, came: &[Came]) -> Vec<String> {
    let [came] = came else {
        return vec![format!("{} requests arrived", came.len())];
    };
    let refusals = came.refusals.iter();
    let mut failures: Vec<String> = refusals
        .map(|refusal| format!("the server refuses it: {refusal}"))
        .collect();
    failures.extend(differences(operation, arguments, came));
    failures
}

/// How a request differs from the one that was meant.
fn differences(operation: &Operation, arguments: &Arguments, recorded: &Came) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, meant: String, came: String| {
        if meant != came {
            differences.push(format!("{what}: meant {meant}, came {came}"));
        }
    };
    compare("method", operation.method.clone(), recorded.method.clone());
    let mut values = arguments.path.values();
    let meant: Vec<String> = operation
        .path
        .split('/')
        .map(|part| match part.starts_with('{') {
            true => values.next().map(plain).unwrap_or_default(),
            false => part.to_owned(),
        })
        .collect();
    let came = recorded.path.split('/').map(decode).collect::<Vec<_>>();
    compare("path", format!("{meant:?}"), format!("{came:?}"));

    let mut meant = Vec::new();
    for (name, value) in &arguments.query {
        let parameters = operation.parameters.iter();
        let exploded = parameters
            .filter(|parameter| parameter.place == "query" && parameter.name == *name)
            .any(|parameter| parameter.explode);
        match value {
            Value::Array(items) if exploded => {
                meant.extend(items.iter().map(|item| (name.clone(), plain(item))));
            }
            Value::Array(items) if items.is_empty() => {}
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(plain).collect();
                meant.push((name.clone(), items.join(",")));
            }
            Value::Null => {}
            value => meant.push((name.clone(), plain(value))),
        }
    }
    let mut came: Vec<(String, String)> = recorded
        .query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    meant.sort();
    came.sort();
    compare("query", format!("{meant:?}"), format!("{came:?}"));

    let header = |name: &str| recorded.headers.get(name).cloned().unwrap_or_default();
    let authorization = match operation.tokens {
        Tokens::PartnerAndUser => format!("Bearer {PARTNER}, User {USER}"),
        _ => format!("Bearer {PARTNER}"),
    };
    compare("authorization", authorization, header("authorization"));
    compare(
        "accept",
        "application/vnd.api.v2+json".to_owned(),
        header("accept"),
    );
    match (&operation.body, &arguments.body) {
        (Some(body), Some(value)) if !body.media_type.starts_with("multipart/") => {
            compare(
                "content-type",
                "application/json".to_owned(),
                header("content-type"),
            );
            let came = serde_json::from_slice(&recorded.body).unwrap_or(Value::Null);
            let mut places = Vec::new();
            differ(value, &came, false, "/body", &mut places);
            differences.extend(places);
        }
        (Some(body), _) => {
            // The mock read the form; that it is one is what is left to see.
            let came = header("content-type");
            let came = came.split(';').next().unwrap_or_default().to_owned();
            compare("content-type", body.media_type.clone(), came);
        }
        (None, _) => compare("body", String::new(), decode_bytes(&recorded.body)),
    }
    differences
}

/// Whether an answer of this status was read as what it is.
///
/// Prism makes answers up from schemas alone: an id that is declared a number
/// is a fraction, `success` of an answer of success is false. What counts there
/// is that the answer is read, whatever is set aside of it.
fn answer(status: u16, outcome: Result<Answer, Failure>, prism: bool) -> Vec<String> {
    let is_success = (200..300).contains(&status);
    let mut failures = Vec::new();
    match outcome {
        Err(Failure::Other { message, .. }) => failures.push(message),
        Ok(Answer {
            status: came,
            body,
            value: again,
            mismatches,
            unlisted,
        }) => {
            if !is_success || came != status {
                failures.push(format!("{status} was read as an answer of {came}"));
            }
            if prism {
                return failures;
            }
            failures.extend(mismatches.iter().map(|mismatch| {
                format!(
                    "{status}: {}: {} expected, {}",
                    mismatch.path, mismatch.expected, mismatch.raw
                )
            }));
            failures.extend(
                unlisted
                    .iter()
                    .map(|path| format!("{status}: {path} has no field")),
            );
            if let Some(again) = again {
                let sent = serde_json::from_slice(&body).unwrap_or(Value::Null);
                differ(&sent, &again, true, &status.to_string(), &mut failures);
            }
        }
        Err(Failure::Call(error)) => {
            let came = error.status().map(|status| status.as_u16());
            if prism && is_success && came == Some(status) && error.kind() == ErrorKind::Api {
                return failures;
            }
            if is_success || came != Some(status) {
                failures.push(format!("{status} was read as an error: {error}"));
            }
            let kinds = [
                (status == 401, error.is_auth(), "is_auth"),
                (status == 404, error.is_not_found(), "is_not_found"),
                (status == 429, error.is_rate_limited(), "is_rate_limited"),
            ];
            for (meant, is, name) in kinds {
                // 403 is about tokens too.
                if meant != is && !(name == "is_auth" && status == 403) {
                    failures.push(format!("{status}: {name}() is {is}"));
                }
            }
            let says = error
                .body()
                .map(|body| decode_bytes(body))
                .unwrap_or_default();
            if [PARTNER, USER]
                .iter()
                .any(|token| error.to_string().contains(token))
            {
                failures.push(format!("{status}: the error names a token: {says}"));
            }
        }
    }
    failures
}

/// Where two values differ. A whole number may be written either way; where
/// `null_is_absent`, so may null.
fn differ(meant: &Value, came: &Value, null_is_absent: bool, at: &str, places: &mut Vec<String>) {
    match (meant, came) {
        (Value::Object(meant), Value::Object(came)) => {
            let names = meant
                .keys()
                .chain(came.keys().filter(|name| !meant.contains_key(*name)));
            for name in names {
                let at = format!("{at}/{name}");
                match (meant.get(name), came.get(name)) {
                    (Some(meant), Some(came)) => differ(meant, came, null_is_absent, &at, places),
                    (Some(Value::Null), None) | (None, Some(Value::Null)) if null_is_absent => {}
                    (Some(meant), None) => places.push(format!("{at}: {meant} is missing")),
                    (_, Some(came)) => places.push(format!("{at}: {came} was not meant")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(meant), Value::Array(came)) if meant.len() == came.len() => {
            for (index, (meant, came)) in meant.iter().zip(came).enumerate() {
                differ(
                    meant,
                    came,
                    null_is_absent,
                    &format!("{at}/{index}"),
                    places,
                );
            }
        }
        (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
        // PHP has one empty value for all kinds of collection.
        (meant, came) if null_is_absent && is_empty(meant) && is_empty(came) => {}
        (meant, came) if meant == came => {}
        (meant, came) => places.push(format!("{at}: meant {meant}, came {came}")),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn decode_bytes(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
