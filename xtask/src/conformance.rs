//! `cargo xtask conformance`: builds and starts the conformance program. It is a
//! separate program because it depends on the `altegio` crate, and xtask must
//! work even if that crate does not build.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const PROGRAM: &str = "altegio-conformance";

/// Run every operation through its typed call, against altegio-mock
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Arguments for the conformance program; `-- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(options: &Options) -> Result<()> {
    // The program is built through its integration test: with `cargo run
    // --package` or `cargo build`, its dependencies would have different features
    // than with `cargo test --workspace`, and would be built a second time.
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

/// The path where `cargo test` puts the program: in the same target directory
/// as xtask, under `debug`.
fn program() -> Result<PathBuf> {
    let this = env::current_exe().context("cannot determine the path of xtask")?;
    let target = this.parent().and_then(Path::parent);
    let target = target.context("xtask is not in a target directory")?;
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
