//! The options that all commands share: the server and the output format.

use altegio::{ClientBuilder, Server};
use altegio_cli::Failure;
use clap::{Arg, ArgMatches, value_parser};

use crate::output::Format;
use crate::profile;

/// Returns the clap definitions of the options.
pub fn arguments() -> [Arg; 2] {
    // This is a string instead of a `Server` because clap's error would show the
    // value, and an address can contain a password.
    let server = Arg::new("server")
        .long("server")
        .env("ALTEGIO_SERVER")
        .hide_env_values(true)
        .global(true)
        .help("production, local, mock, or an address [default: production]");
    let output = Arg::new("output")
        .long("output")
        .global(true)
        .value_parser(value_parser!(Format))
        .default_value("json")
        // Keeps the help at one line per option.
        .hide_possible_values(true)
        .help("json (the server's own), yaml, or table (of `data`, without nested values)");
    [server, output].map(|arg| arg.help_heading("Options of every command"))
}

/// Returns the selected server, which is production by default.
pub fn server(matches: &ArgMatches) -> Result<Server, Failure> {
    let Some(text) = matches.get_one::<String>("server") else {
        return Ok(Server::default());
    };
    // This error does not show the text.
    text.parse()
        .map_err(|error: altegio::Error| Failure::usage(format!("--server: {error}")))
}

/// Returns the selected output format.
pub fn format(matches: &ArgMatches) -> Format {
    let format = matches.get_one::<Format>("output");
    format.copied().unwrap_or_default()
}

/// Returns a client builder with the server and the tokens.
pub fn client_builder(matches: &ArgMatches) -> Result<ClientBuilder, Failure> {
    let server = server(matches)?;
    let tokens = profile::tokens(&server)?;
    let mut builder = ClientBuilder::default().server(server);
    if let Some(token) = tokens.partner_token {
        builder = builder.partner_token(token);
    }
    if let Some(token) = tokens.user_token {
        builder = builder.user_token(token);
    }
    Ok(builder)
}
