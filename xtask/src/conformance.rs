//! Starts the conformance run: a program of its own, since it is built of the
//! crate, and these commands must work when the crate does not build.

use std::env;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Run every operation through its typed call, against altegio-mock
#[derive(clap::Args, Debug)]
pub struct Options {
    /// What the run is given; `--help` lists it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(options: &Options) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--package", "altegio-conformance", "--"])
        .args(&options.arguments)
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("the run failed: {status}");
    }
    Ok(())
}
