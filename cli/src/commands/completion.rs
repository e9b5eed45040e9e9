//! `altegio completion`: prints a shell completion script.

use altegio_cli::Failure;
use clap::{Arg, ArgMatches, value_parser};
use clap_complete::Shell;

use crate::output;

pub fn command() -> clap::Command {
    clap::Command::new("completion")
        .about("Print a shell completion script")
        .arg(
            Arg::new("shell")
                .required(true)
                .value_parser(value_parser!(Shell)),
        )
}

pub fn run(matches: &ArgMatches, mut root: clap::Command) -> Result<(), Failure> {
    if let Some(shell) = matches.get_one::<Shell>("shell") {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut root, "altegio", &mut script);
        output::write(&script)?;
    }
    Ok(())
}
