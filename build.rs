//! Generates the client in `$OUT_DIR` from client.json, for the enabled features.

use std::env;

use altegio_openapi::api::Api;
use altegio_openapi::documents::B2B_V1;
use altegio_openapi::{build_script, generate, rewrite, select};

fn main() {
    build_script::run(B2B_V1.name, B2B_V1.client, "b2b_v1.rs", |mut document| {
        let ids = rewrite::ids(&document);
        build_script::write("ids.rs", &ids)?;
        select::select(&mut document, |tag| {
            is_enabled(&select::feature(B2B_V1.name, tag))
        });
        let text = document.to_string();
        let with_schemas = env::var_os("CARGO_FEATURE_SCHEMARS").is_some();
        let tokens = generate::tokens(&text, with_schemas, |generator, document| {
            generator.generate_tokens(document)
        })?;
        let api = Api::read(document)?;
        let examples = rewrite::examples(B2B_V1.name, &api);
        build_script::write("b2b_v1_examples.rs", &examples)?;
        rewrite::rewrite(B2B_V1.name, &api, tokens)
    });
}

fn is_enabled(feature: &str) -> bool {
    let name = feature.replace('-', "_").to_ascii_uppercase();
    env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
}
