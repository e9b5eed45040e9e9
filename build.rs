//! client.json → the generated client in `$OUT_DIR`, for the enabled features.

#[path = "build/finish/mod.rs"]
mod finish;
#[path = "build/generate.rs"]
mod generate;
#[path = "build/script.rs"]
mod script;
#[path = "build/select.rs"]
mod select;

use std::env;

const DOCUMENT: &str = "openapi/b2b-v1/client.json";

fn main() {
    script::run(DOCUMENT, &["build"], "b2b_v1.rs", |mut document| {
        select::select(&mut document, is_enabled);
        let text = document.to_string();
        let tokens = generate::tokens(DOCUMENT, &text, |generator, document| {
            generator.generate_tokens(document)
        })?;
        finish::finish(tokens, &document).map_err(|error| format!("{DOCUMENT}: {error}"))
    });
}

fn is_enabled(tag: &str) -> bool {
    let name = select::feature(tag).replace('-', "_").to_ascii_uppercase();
    env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
}
