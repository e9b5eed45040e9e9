//! Builds and starts the conformance run. It is a program of its own, since it
//! is built from the crate, and xtask must work when the crate does not build.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const PROGRAM: &str = "altegio-conformance";

/// Run every operation through its typed call, against altegio-mock
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Arguments of the run; `-- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(options: &Options) -> Result<()> {
    // Built by way of its test: with `cargo run --package` or `cargo build`, its
    // dependencies would have other features than `cargo test --workspace` gives
    // them, and all of them would be built a second time.
    let build = [
        "test",
        "--quiet",
        "--workspace",
        "--test",
        "run",
        "--no-run",
    ];
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    start(&cargo, &build)?;
    start(program()?.as_os_str(), &options.arguments)
}

/// Where `cargo test` puts the program: this one is in a folder beside.
fn program() -> Result<PathBuf> {
    let this = env::current_exe().context("cannot tell where xtask is")?;
    let target = this.parent().and_then(Path::parent);
    let target = target.context("xtask is in no target directory")?;
    let name = format!("{PROGRAM}{}", env::consts::EXE_SUFFIX);
    Ok(target.join("debug").join(name))
}

fn start(program: &OsStr, arguments: &[impl AsRef<OsStr>]) -> Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    if !status.success() {
        bail!("{}: {status}", program.display());
    }
    Ok(())
}
