//! Formats a report as text, Markdown or JSON.

use std::collections::BTreeMap;

use serde_json::json;

use super::Report;
use super::compare::{Change, Severity};

/// The output format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Markdown,
    Json,
}

pub fn write(report: &Report, format: Format) -> String {
    match format {
        Format::Json => as_json(report),
        Format::Text | Format::Markdown => as_text(report, format == Format::Markdown),
    }
}

fn as_json(report: &Report) -> String {
    let notes: Vec<_> = report
        .notes
        .iter()
        .map(|note| json!({"at": note.at.as_str(), "what": note.what}))
        .collect();
    let value = json!({
        "counts": report.counts,
        "changes": report.changes,
        "open": report.open,
        "not_expressed": notes,
        "newly_not_expressed": report.new_notes,
        "left_out": report.left_out,
        "undescribed": report.undescribed,
    });
    format!("{value:#}\n")
}

fn as_text(report: &Report, markdown: bool) -> String {
    let counts = report.counts;
    let mut text = format!(
        "{} operations ({} deprecated) on {} paths, {} tags, {} schemas, {} fields; {} places not expressed (lowering.txt)\n",
        counts.operations,
        counts.deprecated,
        counts.paths,
        counts.tags,
        counts.schemas,
        counts.fields,
        report.notes.len()
    );
    if !report.left_out.is_empty() {
        text += &format!(
            "{} operations left out (lowering.txt says why): {}\n",
            report.left_out.len(),
            report.left_out.join(", ")
        );
    }
    text += &open(report, markdown);
    match &report.changes {
        None => {}
        Some(changes) if changes.is_empty() => text += "no change to the interface\n",
        Some(changes) => {
            for (severity, title) in [
                (Severity::Breaking, "breaking"),
                (Severity::Compatible, "compatible"),
            ] {
                let changes: Vec<&Change> = changes
                    .iter()
                    .filter(|change| change.severity == severity)
                    .collect();
                if !changes.is_empty() {
                    text += &heading(&format!("{} {title}", changes.len()), markdown);
                    text.extend(changes.iter().map(|change| line(change, markdown)));
                }
            }
        }
    }
    if !report.new_notes.is_empty() {
        let title = format!("{} newly not expressed", report.new_notes.len());
        text += &heading(&title, markdown);
        let start = if markdown { "- " } else { "  " };
        let lines = report.new_notes.iter();
        text.extend(lines.map(|note| format!("{start}{note}\n")));
    }
    if !report.undescribed.is_empty() {
        let title = format!("{} new places without words", report.undescribed.len());
        text += &heading(&title, markdown);
        let start = if markdown { "- " } else { "  " };
        let places = report.undescribed.iter();
        text.extend(places.map(|place| format!("{start}{place}\n")));
    }
    text
}

/// Formats the number of places without a type, by reason.
fn open(report: &Report, markdown: bool) -> String {
    let mut by_reason: BTreeMap<&str, usize> = BTreeMap::new();
    for open in &report.open {
        *by_reason.entry(open.why).or_default() += 1;
    }
    let mut text = format!(
        "{} places without a type{}\n",
        report.open.len(),
        if by_reason.is_empty() { "" } else { ":" }
    );
    let start = if markdown { "- " } else { "  " };
    text.extend(
        by_reason
            .iter()
            .map(|(why, count)| format!("{start}{count} {why}\n")),
    );
    text
}

fn heading(text: &str, markdown: bool) -> String {
    if markdown {
        format!("\n### {text}\n\n")
    } else {
        format!("\n{text}\n")
    }
}

fn line(change: &Change, markdown: bool) -> String {
    let (start, quote) = if markdown { ("- ", "`") } else { ("  ", "") };
    let place = match &change.place {
        Some(place) => format!(" {quote}{place}{quote}"),
        None => String::new(),
    };
    format!(
        "{start}{quote}{}{quote}{place}: {}\n",
        change.operation, change.what
    )
}
