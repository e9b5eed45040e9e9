//! client.json → the generated client in `$OUT_DIR`, for the enabled features.

#[path = "build/finish.rs"]
mod finish;
#[path = "build/generate.rs"]
mod generate;
#[path = "build/objects.rs"]
mod objects;
#[path = "build/prune.rs"]
mod prune;
#[path = "build/select.rs"]
mod select;

use std::path::Path;
use std::process::exit;
use std::{env, fs};

const DOCUMENT: &str = "openapi/b2b-v1/client.json";

fn main() {
    for input in [DOCUMENT, "build.rs", "build"] {
        println!("cargo::rerun-if-changed={input}");
    }
    if let Err(error) = generate() {
        println!("cargo::error={error}");
        exit(1);
    }
}

fn generate() -> Result<(), String> {
    let read = |error| format!("{DOCUMENT}: {error}; run `cargo xtask update-spec` to make it");
    let text = fs::read_to_string(DOCUMENT).map_err(read)?;
    let mut document =
        serde_json::from_str(&text).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    select::select(&mut document, is_enabled);
    let tokens = generate::tokens(DOCUMENT, &document.to_string(), |generator, document| {
        generator.generate_tokens(document)
    })?;
    let code = finish::finish(tokens, &document).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let out = env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
    fs::write(Path::new(&out).join("b2b_v1.rs"), code).map_err(|error| format!("{out}: {error}"))
}

fn is_enabled(tag: &str) -> bool {
    let name = select::feature(tag).replace('-', "_").to_ascii_uppercase();
    env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
}
