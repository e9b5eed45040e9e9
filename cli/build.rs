//! client.json → a command for each operation, in `$OUT_DIR`.

#[path = "build/finish.rs"]
mod finish;
#[path = "../build/generate.rs"]
mod generate;
#[path = "build/names.rs"]
mod names;
#[path = "../build/script.rs"]
mod script;
#[path = "build/template.rs"]
mod template;

const DOCUMENT: &str = "../openapi/b2b-v1/client.json";

fn main() {
    let inputs = ["build", "../build/generate.rs", "../build/script.rs"];
    script::run(DOCUMENT, &inputs, "commands.rs", |document| {
        let text = document.to_string();
        let tokens = generate::tokens(DOCUMENT, &text, |generator, document| {
            generator.cli(document, "altegio::b2b_v1")
        })?;
        finish::finish(tokens, &document).map_err(|error| format!("{DOCUMENT}: {error}"))
    });
}
