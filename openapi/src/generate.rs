//! Runs progenitor on client.json and reports which operation it fails on.

use std::panic::{self, AssertUnwindSafe};

use openapiv3::OpenAPI;
use progenitor::{CrateVers, GenerationSettings, Generator, InterfaceStyle, TagStyle, TypeImpl};
use serde_json::Value;

use crate::{grammar, select};

/// Runs `make`, which calls one of progenitor's generators, on `text`, a lowered
/// document. With `with_schemas`, the types implement `schemars::JsonSchema`.
///
/// # Errors
///
/// Returns an error if the document is not OpenAPI 3.0 or if progenitor rejects
/// it. The message names the first operation that progenitor also rejects on its
/// own, if there is one. If progenitor panics, the panic message is also printed
/// to standard error.
pub fn tokens(
    text: &str,
    with_schemas: bool,
    make: impl Fn(&mut Generator, &OpenAPI) -> Result<proc_macro2::TokenStream, progenitor::Error>,
) -> Result<proc_macro2::TokenStream, String> {
    let no_document =
        |error: serde_json::Error| format!("the document is not OpenAPI 3.0: {error}. {REMEDY}");
    let document: OpenAPI = serde_json::from_str(text).map_err(no_document)?;
    run(&document, with_schemas, &make).map_err(|error| {
        let document = serde_json::from_str(text).unwrap_or_default();
        match culprit(&document, with_schemas, &make) {
            Some((operation, error)) => {
                format!("progenitor rejects operation `{operation}`: {error}. {REMEDY}")
            }
            None => format!("progenitor rejects the document: {error}. {REMEDY}"),
        }
    })
}

const REMEDY: &str = "Correct the document in overlay.yaml or the lowering in xtask/src/lower, \
                      then run `cargo xtask update-spec`";

fn settings(with_schemas: bool) -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Separate);
    // `extern crate self as altegio` makes these paths valid in the client crate
    // too, so the same settings serve every crate that is generated.
    for (format, name) in [
        ("date", "altegio::Date"),
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
    // The lowering adds `x-rust-type` extensions, which name types of `altegio`.
    settings.with_crate("altegio", CrateVers::Any, None);
    settings.with_derive("PartialEq");
    if with_schemas {
        settings.with_derive("::schemars::JsonSchema");
    }
    settings
}

/// Returns the schema `{type: string, format: …}`.
fn schema(format: &str) -> schemars_0_8::schema::SchemaObject {
    schemars_0_8::schema::SchemaObject {
        instance_type: Some(schemars_0_8::schema::InstanceType::String.into()),
        format: Some(format.to_owned()),
        ..Default::default()
    }
}

/// A call of one of progenitor's generators.
type Make<'m> =
    &'m dyn Fn(&mut Generator, &OpenAPI) -> Result<proc_macro2::TokenStream, progenitor::Error>;

fn run(
    document: &OpenAPI,
    with_schemas: bool,
    make: Make<'_>,
) -> Result<proc_macro2::TokenStream, String> {
    // progenitor panics on some documents that it does not support.
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        make(&mut Generator::new(&settings(with_schemas)), document)
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
            .unwrap_or_else(|| "progenitor panicked".to_owned())),
    }
}

/// Returns the id of the first operation that fails on its own, and its error.
fn culprit(document: &Value, with_schemas: bool, make: Make<'_>) -> Option<(String, String)> {
    let fails = |document: &Value| {
        let document = serde_json::from_value(document.clone()).ok()?;
        run(&document, with_schemas, make).err()
    };
    let alone = |document: &Value, keep: &dyn Fn(&Value) -> bool| {
        let mut alone = document.clone();
        select::retain(&mut alone, keep);
        alone
    };
    let operations = |document| grammar::operations(document).map(|(_, _, operation)| operation);
    let tags = operations(document).filter_map(select::tag);
    // Searching for the failing tag first keeps the documents that are generated
    // one operation at a time small.
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
