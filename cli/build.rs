//! client.json → a command for each operation, in `$OUT_DIR`.

#[path = "build/finish.rs"]
mod finish;
#[path = "../build/generate.rs"]
mod generate;
#[path = "build/names.rs"]
mod names;
#[path = "build/template.rs"]
mod template;

use std::path::Path;
use std::process::exit;
use std::{env, fs};

use serde_json::Value;

const DOCUMENT: &str = "../openapi/b2b-v1/client.json";

fn main() {
    for input in [DOCUMENT, "build.rs", "build", "../build/generate.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    if let Err(error) = generate() {
        println!("cargo::error={error}");
        exit(1);
    }
}

fn generate() -> Result<(), String> {
    let text = fs::read_to_string(DOCUMENT).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let document: Value =
        serde_json::from_str(&text).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let tokens = generate::tokens(DOCUMENT, &text, |generator, document| {
        generator.cli(document, "altegio::b2b_v1")
    })?;
    let code = finish::finish(tokens, &document).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let out = env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
    fs::write(Path::new(&out).join("commands.rs"), code).map_err(|error| format!("{out}: {error}"))
}
