//! The program: serves Altegio's API on loopback until it is interrupted.

use std::process::ExitCode;

use altegio_mock::{Faults, MockServer};
use clap::Parser;

/// Serves every operation of Altegio's document on 127.0.0.1, without an account
#[derive(Parser, Debug)]
#[command(version)]
struct Cli {
    /// The port; 0 chooses a free one, which is printed
    #[arg(long, default_value_t = 4010)]
    port: u16,
    /// What the values of responses are derived from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Keep what requests create, change and delete
    #[arg(long)]
    state: bool,
    /// Inject faults, at rates from 0 to 1: 429=0.1,500=0.05,cut=0.02,latency=200ms
    #[arg(long, value_name = "RATES")]
    faults: Option<Faults>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut builder = MockServer::builder()
        .port(cli.port)
        .seed(cli.seed)
        .state(cli.state)
        // Nobody would look at them.
        .keep_requests(0)
        .print(true);
    if let Some(faults) = cli.faults {
        builder = builder.faults(faults);
    }
    match builder.start().await {
        Ok(server) => {
            println!("{}", server.url());
            // If interrupts cannot be listened for, there is nothing to wait for.
            let _ = tokio::signal::ctrl_c().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!(
                "error: port {}: {error}; choose another with --port",
                cli.port
            );
            ExitCode::FAILURE
        }
    }
}
