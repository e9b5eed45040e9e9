//! The program `altegio`: Altegio's API on the command line.

#![forbid(unsafe_code)]

mod commands {
    pub mod api;
    pub mod completion;
    pub mod login;
    pub mod spec;
}
mod options;
mod output;
mod profile;
mod root;
mod run;
mod secret;

use std::process::ExitCode;

use altegio_cli::{COMMANDS, Failure};
use clap::ArgMatches;
use commands::{api, completion, login, spec};

#[tokio::main]
async fn main() -> ExitCode {
    // clap prints its errors to standard error and exits with 2.
    let matches = root::root().get_matches();
    match dispatch(&matches).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", output::escaped(&failure.to_string()));
            failure.code().into()
        }
    }
}

async fn dispatch(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((group, inner)) = matches.subcommand() else {
        return Err(Failure::usage("no command"));
    };
    match group {
        "login" => login::run(inner).await,
        "completion" => completion::run(inner, root::root()),
        "spec" => spec::run(inner),
        "api" => api::run(inner).await,
        group => {
            let Some((name, arguments)) = inner.subcommand() else {
                return Err(Failure::usage("no command"));
            };
            let command = COMMANDS
                .iter()
                .find(|command| command.group == group && command.name == name)
                .ok_or_else(|| Failure::usage(format!("no command `{group} {name}`")))?;
            run::run(command, arguments).await
        }
    }
}
