//! What every build script here does: read client.json, make code of it, write
//! that to `$OUT_DIR`.

use std::path::Path;
use std::process::exit;
use std::{env, fs};

use serde_json::Value;

/// Makes `file` of the document by `make`, whose code belongs to `inputs`.
pub fn run(
    document: &str,
    inputs: &[&str],
    file: &str,
    make: impl FnOnce(Value) -> Result<String, String>,
) {
    for input in [&[document, "build.rs"], inputs].concat() {
        println!("cargo::rerun-if-changed={input}");
    }
    if let Err(error) = write(document, file, make) {
        println!("cargo::error={error}");
        exit(1);
    }
}

fn write(
    document: &str,
    file: &str,
    make: impl FnOnce(Value) -> Result<String, String>,
) -> Result<(), String> {
    let unreadable = |why: String| format!("{document}: {why}; `cargo xtask update-spec` makes it");
    let text = fs::read_to_string(document).map_err(|error| unreadable(error.to_string()))?;
    let value = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    let code = make(value)?;
    let out = env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
    fs::write(Path::new(&out).join(file), code).map_err(|error| format!("{out}: {error}"))
}
