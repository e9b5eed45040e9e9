//! Generates the table of commands in `$OUT_DIR` from client.json.

#[path = "build/commands.rs"]
mod commands;
#[path = "build/names.rs"]
mod names;
#[path = "build/template.rs"]
mod template;

use altegio_openapi::api::Api;
use altegio_openapi::build_script;
use altegio_openapi::documents::B2B_V1;

fn main() {
    println!("cargo::rerun-if-changed=build");
    build_script::run(B2B_V1.name, B2B_V1.client, "commands.rs", |document| {
        let api = Api::read(document)?;
        commands::commands(&api)
    });
}
