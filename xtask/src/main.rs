//! Maintainer commands; `cargo xtask --help` lists them.

#![forbid(unsafe_code)]

mod bench_build;
mod conformance;
mod entity_table;
mod lower;
mod pipeline;
mod report;
mod update_spec;
mod words;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use update_spec::Outcome;

/// Maintainer commands for the altegio crate.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    UpdateSpec(update_spec::Options),
    BenchBuild(bench_build::Options),
    Conformance(conformance::Options),
    Words(words::Options),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
    // Files are written in one synchronous step at the end, so an interrupt
    // takes effect before that step and never during it.
    let result = match &cli.command {
        Command::BenchBuild(options) => bench_build::run(options).map(complete),
        Command::Conformance(options) => conformance::run(options).map(complete),
        Command::Words(options) => words::run(options).map(complete),
        Command::UpdateSpec(options) => tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted; nothing was written")),
            result = update_spec::run(options, &today) => result,
        },
    };
    match result {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::LeftOut) => {
            eprintln!("operations were left out; `--allow-left-out` accepts that");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn complete((): ()) -> Outcome {
    Outcome::Complete
}
