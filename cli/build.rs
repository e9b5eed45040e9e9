//! client.json → a command for each operation, in `$OUT_DIR`.

#[path = "build/finish.rs"]
mod finish;
#[path = "build/names.rs"]
mod names;
#[path = "build/template.rs"]
mod template;

use altegio_openapi::documents::B2B_V1;
use altegio_openapi::{build_script, generate};

fn main() {
    println!("cargo::rerun-if-changed=build");
    build_script::run(B2B_V1.name, B2B_V1.client, "commands.rs", |document| {
        let text = document.to_string();
        let tokens = generate::tokens(B2B_V1.name, &text, |generator, document| {
            generator.cli(document, "altegio::b2b_v1")
        })?;
        finish::finish(tokens, &document).map_err(|error| format!("{}: {error}", B2B_V1.name))
    });
}
