//! Every operation through the typed client, against the mock: what is sent is
//! what was meant and what the document allows, and each response is read as
//! what it is. `cargo xtask conformance` runs it.

mod calls;
mod check_request;
mod check_response;
mod clients;
mod differ;
mod explained;
mod prism;
mod received;
mod report;
mod requests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use altegio_cli::{COMMANDS, Command};
use altegio_mock::{Document, MockServer};
use altegio_openapi::api::Operation;
use anyhow::{Result, bail};
use calls::{Arguments, BodyBy, Case, Preferred};
use check_request::check_request;
use check_response::{check_failure, check_response};
use clap::Parser;
use clients::Clients;
use explained::Explained;
use prism::Prism;
use received::Received;
use report::Counts;

/// How many failures of an operation are printed, unless it is run alone.
const SHOWN: usize = 3;

/// Run every operation against the mock
#[derive(Parser, Debug)]
#[command(name = "altegio-conformance")]
struct Cli {
    /// Run only the operation of this id, and print all its failures
    #[arg(long, value_name = "ID")]
    operation: Option<String>,
    /// Run against Stoplight Prism on the vendor's own document instead of the
    /// mock; docs/conformance.md must explain each failure, by its text
    #[arg(long)]
    prism: bool,
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

/// Runs the operations. Returns whether all are as they should be.
async fn run(cli: &Cli) -> Result<bool> {
    // Requests are made by the mock's document, whichever server responds.
    let mock = MockServer::start().await?;
    let document = mock.document();
    let mut asked = document.api().operations.iter().collect::<Vec<_>>();
    if let Some(id) = &cli.operation {
        asked.retain(|operation| operation.id == *id);
        if asked.is_empty() {
            bail!("the document has no operation `{id}`");
        }
    }
    let server = match cli.prism {
        false => Server::Mock(&mock),
        true => Server::Prism(Prism::start(&specification()).await?),
    };
    let explained = match cli.prism {
        false => Explained::default(),
        true => Explained::read()?,
    };
    let mut runner = Runner {
        document,
        commands: COMMANDS.iter().map(|c| (c.id, c)).collect(),
        clients: Clients::new(server.url()),
        server,
        directory: tempfile::tempdir()?,
    };
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    for operation in &asked {
        let count = counts.entry(&operation.tag).or_default();
        count.operations += 1;
        let mut failures = runner.run(operation, count).await?;
        let before = failures.len();
        failures.retain(|failure| !explained.explains(&operation.id, failure));
        if failures.len() < before {
            count.explained += 1;
        } else if explained.names(&operation.id) {
            // Prism chooses at random, so this may be chance.
            eprintln!("{}: explained, and did not differ", operation.id);
        }
        if !failures.is_empty() {
            count.failures += 1;
            let most = cli.operation.as_ref().map_or(SHOWN, |_| usize::MAX);
            print_failures(operation, failures, most);
        }
    }
    report::print(&counts);
    let failed = counts.values().map(|count| count.failures).sum::<usize>();
    let total = asked.len();
    println!(
        "{} of {total} operations, {failed} failures",
        total - failed
    );
    // An operation that only the crate has would be made up.
    let ids = runner.commands.keys();
    let made_up: Vec<&&str> = ids
        .filter(|id| document.api().operation(id).is_none())
        .collect();
    for id in &made_up {
        eprintln!("{id}: the document has no such operation");
    }
    Ok(failed == 0 && made_up.is_empty() && total > 0)
}

fn print_failures(operation: &Operation, mut failures: Vec<String>, most: usize) {
    let Operation {
        id, method, path, ..
    } = operation;
    eprintln!("{id} ({method} {path})");
    failures.sort();
    failures.dedup();
    for failure in failures.iter().take(most) {
        eprintln!("  {failure}");
    }
}

/// The server that responds.
enum Server<'m> {
    Mock(&'m MockServer),
    Prism(Prism),
}

impl Server<'_> {
    fn url(&self) -> String {
        match self {
            Self::Mock(mock) => mock.url(),
            Self::Prism(prism) => prism.url(),
        }
    }

    /// The requests since the last call.
    fn take_requests(&self) -> Vec<Received> {
        match self {
            Self::Mock(mock) => {
                let requests = mock.take_requests().into_iter();
                requests.map(Received::from).collect()
            }
            Self::Prism(prism) => prism.take(),
        }
    }
}

/// Runs operations.
struct Runner<'m> {
    document: &'m Document,
    /// By operation id.
    commands: BTreeMap<&'static str, &'static Command>,
    clients: Clients,
    server: Server<'m>,
    /// Where files for requests are written.
    directory: tempfile::TempDir,
}

impl Runner<'_> {
    /// Makes every call of an operation, and returns what is wrong with them.
    async fn run(&mut self, operation: &Operation, count: &mut Counts) -> Result<Vec<String>> {
        let Some(command) = self.commands.get(operation.id.as_str()) else {
            return Ok(vec!["the command line has no such operation".to_owned()]);
        };
        let is_prism = matches!(self.server, Server::Prism(_));
        let requests = requests::requests(self.document, operation);
        let mut failures = Vec::new();
        for case in &cases(operation, &requests, is_prism) {
            match case.preferred {
                Preferred::Success => count.requests += 1,
                Preferred::Documented { .. } | Preferred::Failure => count.responses += 1,
            }
            let client = self.clients.preferring(case.preferred)?;
            let outcome = calls::call(command, &client, case, self.directory.path()).await;
            let received = self.server.take_requests();
            let is_refused = received.iter().any(|request| !request.refusals.is_empty());
            if !is_refused {
                let success = operation.success().map_or(200, |response| response.status);
                failures.extend(match case.preferred {
                    Preferred::Success => check_response(success, outcome, is_prism),
                    Preferred::Documented { status, .. } => {
                        check_response(status, outcome, is_prism)
                    }
                    Preferred::Failure => check_failure(outcome),
                });
            }
            let sent = check_request(self.document, operation, case.arguments, &received);
            failures.extend(sent.await);
        }
        Ok(failures)
    }
}

/// The calls of an operation: every request, a body both from a file and by
/// flags; then every documented response, and a failure with a 200 unless
/// the server is Prism, which has none.
fn cases<'a>(operation: &Operation, requests: &'a [Arguments], is_prism: bool) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for arguments in requests {
        let ways: &[BodyBy] = match arguments.body {
            Some(_) => &[BodyBy::File, BodyBy::Flags],
            None => &[BodyBy::Flags],
        };
        cases.extend(ways.iter().map(|body_by| Case {
            arguments,
            body_by: *body_by,
            preferred: Preferred::Success,
        }));
    }
    let prefer = |arguments, preferred| Case {
        arguments,
        body_by: BodyBy::File,
        preferred,
    };
    for response in &operation.responses {
        let status = response.status;
        for arguments in requests.iter().take(3) {
            let documented = [false, true]
                .map(|dynamic| prefer(arguments, Preferred::Documented { status, dynamic }));
            cases.extend(documented);
        }
    }
    let failing = requests.first().filter(|_| !is_prism);
    cases.extend(failing.map(|arguments| prefer(arguments, Preferred::Failure)));
    cases
}

/// The vendor's document, where the other checks look for it.
fn specification() -> PathBuf {
    let directory = std::env::var_os("ALTEGIO_SPEC_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/altegio"),
        PathBuf::from,
    );
    directory.join("b2b-v1.openapi.yaml")
}
