//! Generates the files of `openapi/<document>/` from the vendor's document.
//!
//! [`make`] is a pure function of texts. File system and network access is in
//! [`atomic_write`] and [`fetch`], which the caller uses around it.

pub mod atomic_write;
mod build;
mod check;
mod complete;
mod distill;
mod entities;
mod extensions;
pub mod features;
pub mod fetch;
mod overlay;
mod target;
pub mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use altegio_openapi::grammar;
use altegio_openapi::pointer::Pointer;
use altegio_openapi::yaml::{Complaint, Document, to_yaml};

use crate::lower::{self, Names};
use crate::report::{Counts, Previous, Report};
use words::Words;

/// The name of the new document in complaints.
const PUBLISHED: &str = "the vendor's document";

pub const UPSTREAM: &str = "upstream.yaml";
pub const OVERLAY: &str = "overlay.yaml";
pub const WORDS: &str = "words.yaml";
pub const INTERFACE: &str = "interface.json";
pub const CLIENT: &str = "client.json";
pub const LOWERING: &str = "lowering.txt";
pub const NAMES: &str = "names.txt";
pub const SOURCE: &str = "source.toml";
pub const MANIFEST: &str = "Cargo.toml";

/// The files before the run; `None` for a file that does not exist.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The document's name, which is that of its folder and its feature.
    pub name: String,
    pub upstream: Option<String>,
    pub overlay: Option<String>,
    pub words: Option<String>,
    pub interface: Option<String>,
    pub client: Option<String>,
    pub lowering: Option<String>,
    pub names: Option<String>,
    pub source: Option<String>,
    /// The Cargo.toml that has a feature for each tag.
    pub manifest: Option<String>,
    /// How many of the previous operations the new document may lack; `None`
    /// allows a tenth of them.
    pub allowed_removals: Option<usize>,
}

/// The document to process.
#[derive(Clone, Debug)]
pub enum Upstream {
    /// The vendor's document as published.
    Published {
        text: String,
        url: String,
        /// Today's date, such as `2026-03-01`.
        date: String,
    },
    /// The committed `upstream.yaml`.
    Committed,
}

/// The result of a run: the files by name, and the report.
#[derive(Debug)]
pub struct Made {
    pub files: Vec<(&'static str, String)>,
    pub report: Report,
}

/// `source.toml`: describes the document that the files were generated from.
#[derive(Debug, Deserialize, Serialize)]
struct Source {
    url: String,
    sha256: String,
    size: usize,
    date: String,
    counts: Counts,
}

/// The URL in a `source.toml`, if it is readable.
pub fn url(source: &str) -> Option<String> {
    let source: Source = toml::from_str(source).ok()?;
    Some(source.url)
}

/// Generates every file from the document.
///
/// # Errors
///
/// Returns all complaints of the first step that fails.
pub fn make(inputs: &Inputs, upstream: Upstream) -> Result<Made, Vec<Complaint>> {
    // An unreadable upstream.yaml is about to be replaced; there is nothing to
    // compare with.
    let old = inputs.upstream.as_deref();
    let old = old.and_then(|text| Document::parse(UPSTREAM, text).ok());
    let old = old.map(|document| document.value);

    let (upstream, source) = take_in(inputs, upstream)?;
    if let Some(old) = &old {
        refuse_half(old, &upstream, inputs.allowed_removals)?;
    }
    let mut completed = upstream.clone();
    let added = complete::complete(&mut completed);
    let mut corrected = correct(inputs.overlay.as_deref(), &completed)?;
    let words = inputs.words.as_deref();
    let words = words.map(|text| Words::parse(WORDS, text)).transpose();
    let words = words.map_err(|complaint| vec![complaint])?;
    words::apply(words.as_slice(), &mut corrected)?;

    let names = Names::parse(inputs.names.as_deref().unwrap_or_default());
    let mut lowered = lower::lower(&corrected, &names).map_err(of_overlay)?;
    lower::dates::apply(&mut lowered.document);
    lower::groups::apply(&mut lowered.document, &corrected);
    lower::ids::apply(&mut lowered.document, &corrected["x-ids"]).map_err(of_overlay)?;
    if let Some(words) = &words {
        words::describe_by_name(words, &mut lowered.document);
    }
    let left_out = build::check(&mut lowered.document)
        .map_err(|error| refuse(CLIENT, Pointer::root(), error))?;
    lowered.notes.extend(added);
    lowered.notes.extend(left_out.iter().map(|out| lower::Note {
        at: out.at.clone(),
        what: format!("the operation `{}` is left out: {}", out.id, out.why),
    }));

    let mut settled = corrected.clone();
    entities::settle(&mut settled).map_err(of_overlay)?;

    // If the previous interface.json is unreadable, compare with upstream.yaml,
    // which lacks the corrections.
    let interface = inputs.interface.as_deref();
    let interface = interface.and_then(|text| serde_json::from_str(text).ok());
    // An unreadable client.json is about to be replaced.
    let client = inputs.client.as_deref();
    let client = client.and_then(|text| serde_json::from_str(text).ok());
    let previous = Previous {
        interface: interface.as_ref().or(old.as_ref()),
        client: client.as_ref(),
        lowering: inputs.lowering.as_deref(),
    };
    let mut report = Report::new(
        &previous,
        &upstream,
        &settled,
        &lowered.document,
        lowered.notes,
        left_out.into_iter().map(|out| out.id).collect(),
    );
    if let Some(before) = &interface {
        report.undescribed = words::coverage::new_places(before, &settled);
    }
    report.add_renamed(&lowered.names.renamed(&names));

    let source = Source {
        counts: report.counts,
        ..source
    };
    let source = toml::to_string(&source)
        .map_err(|error| refuse(SOURCE, Pointer::root(), error.to_string()))?;
    let notes: String = report
        .notes
        .iter()
        .map(|note| format!("{note}\n"))
        .collect();
    let mut files = vec![
        (UPSTREAM, to_yaml(&upstream)),
        (CLIENT, format!("{:#}\n", lowered.document)),
        (INTERFACE, format!("{settled}\n")),
        (LOWERING, notes),
        (NAMES, lowered.names.to_text()),
        (SOURCE, source),
    ];
    if let Some(manifest) = &inputs.manifest {
        let manifest = features::written_into(manifest, &inputs.name, &lowered.document)
            .map_err(|what| refuse(MANIFEST, Pointer::root(), what))?;
        files.push((MANIFEST, manifest));
    }
    Ok(Made { files, report })
}

/// The committed `upstream.yaml` with the overlay's corrections, without words.
///
/// # Errors
///
/// Returns all complaints of the first step that fails.
pub fn corrected(inputs: &Inputs) -> Result<Value, Vec<Complaint>> {
    let (mut upstream, _) = take_in(inputs, Upstream::Committed)?;
    complete::complete(&mut upstream);
    correct(inputs.overlay.as_deref(), &upstream)
}

/// The distilled document and its source.
fn take_in(inputs: &Inputs, upstream: Upstream) -> Result<(Value, Source), Vec<Complaint>> {
    let before = inputs.source.as_deref().map(toml::from_str::<Source>);
    match upstream {
        Upstream::Committed => {
            let missing = |name| {
                let what = "is missing; run `cargo xtask update-spec` without `--check` first";
                refuse(name, Pointer::root(), what)
            };
            let text = inputs.upstream.as_deref();
            let text = text.ok_or_else(|| missing(UPSTREAM))?;
            let source = before
                .ok_or_else(|| missing(SOURCE))?
                .map_err(|error| refuse(SOURCE, Pointer::root(), error.to_string()))?;
            Ok((sound(UPSTREAM, text)?.value, source))
        }
        Upstream::Published { text, url, date } => {
            let value = distill::distill(&sound(PUBLISHED, &text)?.value);
            let mut source = Source {
                url,
                sha256: hex(&Sha256::digest(&text)),
                size: text.len(),
                date,
                counts: Counts::default(),
            };
            if let Some(Ok(before)) = before
                && before.sha256 == source.sha256
            {
                // The document is unchanged, so it keeps its date and URL.
                source.date = before.date;
                source.url = before.url;
            }
            Ok((value, source))
        }
    }
}

/// Refuses a document that lacks too many of the previous operations. A
/// truncated document is often valid YAML; the missing operations reveal it.
fn refuse_half(old: &Value, new: &Value, allowed: Option<usize>) -> Result<(), Vec<Complaint>> {
    let ids = |document| -> BTreeSet<&str> {
        grammar::operations(document)
            .filter_map(|(_, _, operation)| operation["operationId"].as_str())
            .collect()
    };
    let before = ids(old);
    let gone: Vec<&str> = before.difference(&ids(new)).copied().collect();
    if gone.len() <= allowed.unwrap_or(before.len() / 10) {
        return Ok(());
    }
    let mut named = gone[..gone.len().min(5)].join(", ");
    if gone.len() > 5 {
        named.push_str(", …");
    }
    let what = format!(
        "{} of {} operations are gone ({named}): it may be a part of the document; if they are gone for good, allow it with `--allow-removals {0}`",
        gone.len(),
        before.len()
    );
    Err(refuse(PUBLISHED, Pointer::root(), what))
}

/// Applies the overlay's corrections to the document, and checks the result.
fn correct(overlay: Option<&str>, upstream: &Value) -> Result<Value, Vec<Complaint>> {
    let corrected = match overlay {
        Some(text) => {
            let overlay = Document::parse(OVERLAY, text).map_err(|complaint| vec![complaint])?;
            let mut corrected = overlay::apply(&overlay, upstream)?;
            extensions::apply(&mut corrected).map_err(of_overlay)?;
            entities::add_fields(&mut corrected).map_err(of_overlay)?;
            corrected
        }
        None => upstream.clone(),
    };
    sound(
        "upstream.yaml with overlay.yaml applied",
        &to_yaml(&corrected),
    )?;
    Ok(corrected)
}

/// Parses and checks a document.
fn sound(name: &str, text: &str) -> Result<Document, Vec<Complaint>> {
    let document = Document::parse(name, text).map_err(|complaint| vec![complaint])?;
    let complaints = check::check(&document);
    if complaints.is_empty() {
        Ok(document)
    } else {
        Err(complaints)
    }
}

/// Complaints about the overlay as a whole.
fn of_overlay(complaints: Vec<String>) -> Vec<Complaint> {
    let complaints = complaints.into_iter();
    let complain = |what| Complaint::new(OVERLAY, Pointer::root(), what);
    complaints.map(complain).collect()
}

fn refuse(document: &str, at: Pointer, what: impl Into<String>) -> Vec<Complaint> {
    vec![Complaint::new(document, at, what)]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
