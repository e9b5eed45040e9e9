//! The part that the workspace's build scripts share: parse a document, generate
//! code from it, and write the code to `$OUT_DIR`.

use std::path::Path;
use std::process::exit;
use std::{env, fs};

use serde_json::Value;

/// Parses `text`, the document called `name`, and writes the code that
/// `generate` returns for it to `file` in `$OUT_DIR`.
///
/// On an error, prints it with the document's name as a `cargo::error`, and exits
/// with status 1.
pub fn run(
    name: &str,
    text: &str,
    file: &str,
    generate: impl FnOnce(Value) -> Result<String, String>,
) {
    println!("cargo::rerun-if-changed=build.rs");
    if let Err(error) = make(text, file, generate) {
        print!("{}", directives(name, &error));
        exit(1);
    }
}

/// Returns the lines that make cargo show an error. Cargo reads each line on its own.
fn directives(name: &str, error: &str) -> String {
    let error = format!("{name}: {error}");
    let lines = error.lines();
    lines.map(|line| format!("cargo::error={line}\n")).collect()
}

fn make(
    text: &str,
    file: &str,
    generate: impl FnOnce(Value) -> Result<String, String>,
) -> Result<(), String> {
    let document = serde_json::from_str(text)
        .map_err(|error| format!("{error}; run `cargo xtask update-spec` to generate it"))?;
    let code = generate(document)?;
    write(file, &code)
}

/// Writes generated code to `file` in `$OUT_DIR`.
///
/// # Errors
///
/// Returns an error if the file cannot be written.
pub fn write(file: &str, code: &str) -> Result<(), String> {
    let out = env::var("OUT_DIR").map_err(|error| format!("OUT_DIR: {error}"))?;
    fs::write(Path::new(&out).join(file), code).map_err(|error| format!("{out}: {error}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_of_an_error_is_a_directive() {
        assert_eq!(
            super::directives("b2b-v1", "no builder type for\n{\"type\": 1}"),
            "cargo::error=b2b-v1: no builder type for\ncargo::error={\"type\": 1}\n"
        );
    }
}
