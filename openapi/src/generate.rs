//! client.json → progenitor's token stream, with failures that name a place.

use std::panic::{self, AssertUnwindSafe};

use openapiv3::OpenAPI;
use progenitor::{CrateVers, GenerationSettings, Generator, InterfaceStyle, TagStyle, TypeImpl};
use serde_json::Value;

use crate::{grammar, select};

/// Runs one of progenitor's generators, `make`, over the lowered document
/// `text`; `name` is what errors call it.
///
/// # Errors
///
/// The document is not OpenAPI 3.0, or progenitor refuses it. The text names
/// the operation that it refuses. If progenitor panics, the panic's own
/// message goes to standard error besides.
pub fn tokens(
    name: &str,
    text: &str,
    make: impl Fn(&mut Generator, &OpenAPI) -> Result<proc_macro2::TokenStream, progenitor::Error>,
) -> Result<proc_macro2::TokenStream, String> {
    let no_document = |error: serde_json::Error| {
        format!("{name} is not an OpenAPI 3.0 document: {error}. {REMEDY}")
    };
    let document: OpenAPI = serde_json::from_str(text).map_err(no_document)?;
    run(&document, &make).map_err(|error| {
        let document = serde_json::from_str(text).unwrap_or_default();
        match culprit(&document, &make) {
            Some((operation, error)) => {
                format!("{name}: progenitor refuses operation `{operation}`: {error}. {REMEDY}")
            }
            None => format!("{name}: progenitor refuses it: {error}. {REMEDY}"),
        }
    })
}

const REMEDY: &str = "Correct the place in overlay.yaml, or the lowering in xtask/src/lower, \
                      then run `cargo xtask update-spec`";

fn settings() -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Separate);
    // The crate calls itself by its name too (`extern crate self as altegio`), so
    // what is made of it elsewhere needs no other.
    for (format, name) in [
        ("date-time", "altegio::DateTime"),
        ("binary", "altegio::File"),
    ] {
        let schema = schema(format);
        settings.with_conversion(
            schema,
            name,
            [TypeImpl::Display, TypeImpl::FromStr].into_iter(),
        );
    }
    // `x-rust-type` names it; the lowering says where.
    settings.with_crate("altegio", CrateVers::Any, None);
    if std::env::var_os("CARGO_FEATURE_SCHEMARS").is_some() {
        settings.with_derive("::schemars::JsonSchema");
    }
    settings
}

/// `{type: string, format: …}`
fn schema(format: &str) -> schemars_0_8::schema::SchemaObject {
    schemars_0_8::schema::SchemaObject {
        instance_type: Some(schemars_0_8::schema::InstanceType::String.into()),
        format: Some(format.to_owned()),
        ..Default::default()
    }
}

/// One of progenitor's generators.
type Make<'m> =
    &'m dyn Fn(&mut Generator, &OpenAPI) -> Result<proc_macro2::TokenStream, progenitor::Error>;

fn run(document: &OpenAPI, make: Make<'_>) -> Result<proc_macro2::TokenStream, String> {
    // progenitor panics on some documents that it does not support.
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        make(&mut Generator::new(&settings()), document)
    }));
    match result {
        Ok(Ok(tokens)) => Ok(tokens),
        Ok(Err(error)) => Err(error.to_string()),
        Err(payload) => Err(payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| {
                payload
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
            })
            .unwrap_or_else(|| "it panicked".to_owned())),
    }
}

/// The first operation that fails by itself, and how.
fn culprit(document: &Value, make: Make<'_>) -> Option<(String, String)> {
    let fails = |document: &Value| {
        let document = serde_json::from_value(document.clone()).ok()?;
        run(&document, make).err()
    };
    let alone = |document: &Value, keep: &dyn Fn(&Value) -> bool| {
        let mut alone = document.clone();
        select::retain(&mut alone, keep);
        alone
    };
    let operations = |document| grammar::operations(document).map(|(_, _, operation)| operation);
    let tags = operations(document).filter_map(select::tag);
    // A tag's operations are few, and so are the schemas that they reach.
    let document = tags
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .map(|tag| alone(document, &|operation| select::tag(operation) == Some(tag)))
        .find(|document| fails(document).is_some())?;
    operations(&document).find_map(|operation| {
        let error = fails(&alone(&document, &|other| other == operation))?;
        Some((operation["operationId"].as_str()?.to_owned(), error))
    })
}
