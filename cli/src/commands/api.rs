//! `altegio api`: sends a custom request with the tokens and headers that all requests
//! have.

use std::path::PathBuf;

use altegio_cli::Failure;
use clap::{Arg, ArgMatches, value_parser};

use crate::options;
use crate::output;

pub fn command() -> clap::Command {
    clap::Command::new("api")
        .about("Send a custom request with the tokens: altegio api GET /company/1")
        .arg(
            Arg::new("method")
                .required(true)
                .value_parser(["GET", "POST", "PUT", "PATCH", "DELETE"])
                .ignore_case(true),
        )
        .arg(
            Arg::new("path")
                .required(true)
                .help("The path relative to the API's base URL, with the query"),
        )
        .arg(
            Arg::new("data")
                .long("data")
                .value_name("FILE|-")
                .value_parser(value_parser!(PathBuf))
                .help("A file with the body in JSON, or - for standard input"),
        )
}

pub async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let client = options::client_builder(matches)?.build()?;
    let text = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
    let method = text("method").to_ascii_uppercase().parse();
    let method = method.map_err(|_| Failure::usage("unknown method"))?;
    let mut request = client.request(method, text("path"));
    if let Some(path) = matches.get_one::<PathBuf>("data") {
        let source = format!("--data {}", path.display());
        request = request.json(altegio_cli::read_json(path, &source)?);
    }
    let format = options::format(matches);
    match request.send().await {
        Ok(response) => output::print_body(response.body(), format),
        Err(error) => {
            if let Some(body) = error.body() {
                output::print_error_body(body, format);
            }
            Err(error.into())
        }
    }
}
