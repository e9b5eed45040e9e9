//! `altegio api`: a request of one's own, with the tokens and headers that all
//! requests have.

use std::io::{self, Write};
use std::path::PathBuf;

use altegio::Server;
use clap::{Arg, ArgMatches, value_parser};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, redirect};

use altegio_cli::Failure;

use crate::profile;

pub fn command() -> clap::Command {
    clap::Command::new("api")
        .about("Send a request of one's own, with the tokens: altegio api GET /company/1")
        .arg(
            Arg::new("method")
                .required(true)
                .value_parser(["GET", "POST", "PUT", "PATCH", "DELETE"])
                .ignore_case(true),
        )
        .arg(
            Arg::new("path")
                .required(true)
                .help("From the API's root, with the query"),
        )
        .arg(
            Arg::new("data")
                .long("data")
                .value_name("FILE|-")
                .value_parser(value_parser!(PathBuf))
                .help("The body in JSON"),
        )
}

pub async fn run(matches: &ArgMatches, server: &Server) -> Result<(), Failure> {
    let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let path = text("path");
    // With a host of its own the tokens would go there.
    if !path.starts_with('/') || path.starts_with("//") {
        return Err(Failure::usage(format!(
            "`{path}`: a path from the API's root expected, such as /company/1"
        )));
    }
    let base = server.url();
    let address = format!("{}{path}", base.as_str().trim_end_matches('/'));
    let tokens = profile::tokens()?;
    let no_token = || Failure::tokens("no partner token");
    let partner = tokens.partner_token.ok_or_else(no_token)?;
    let user = tokens.user_token.map(|user| format!(", User {user}"));
    let mut authorization =
        HeaderValue::from_str(&format!("Bearer {partner}{}", user.unwrap_or_default()))
            .map_err(|_| Failure::usage("a token has characters that no header can hold"))?;
    authorization.set_sensitive(true);
    let method = Method::from_bytes(text("method").to_ascii_uppercase().as_bytes())
        .map_err(|error| Failure::usage(error.to_string()))?;
    let unsent = |error: reqwest::Error| Failure::other(error.without_url().to_string());
    let http = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .build()
        .map_err(unsent)?;
    let mut request = http
        .request(method, address)
        .header(AUTHORIZATION, authorization)
        .header(ACCEPT, "application/vnd.api.v2+json");
    if let Some(path) = matches.get_one::<PathBuf>("data") {
        let body = altegio_cli::read(path)
            .map_err(|error| Failure::usage(format!("--data {}: {error}", path.display())))?;
        request = request.header(CONTENT_TYPE, "application/json").body(body);
    }
    let answer = request.send().await.map_err(unsent)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(unsent)?;
    let mut out = io::stdout().lock();
    out.write_all(&body)?;
    out.flush()?;
    drop(out);
    if status.is_success() {
        return Ok(());
    }
    Err(Failure::Other {
        code: altegio_cli::code(status.as_u16()),
        message: format!("the server answered {status}"),
    })
}
