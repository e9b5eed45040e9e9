//! Finds sentences of the vendor's document in our own texts.

use std::collections::HashSet;

use serde_json::Value;

use altegio_openapi::yaml::Complaint;

use crate::pipeline::words::Words;

/// How many words in a row count as copied.
const RUN: usize = 8;

/// The runs of words in the vendor's prose.
pub struct Vendor(HashSet<Vec<String>>);

impl Vendor {
    /// Reads the prose of a document: the texts of its keys `description`,
    /// `summary` and `title`.
    pub fn read(document: &Value) -> Self {
        let mut runs = HashSet::new();
        add_runs(document, &mut runs);
        Self(runs)
    }

    /// Complains about every text that has a run of the vendor's words.
    pub fn copied_in(&self, file: &Words) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        for (at, text) in file.texts() {
            if let Some(run) = self.first_copied(text) {
                let what = format!("these words are the vendor's: “{run}”");
                complaints.push(file.complaint(&at, what));
            }
        }
        complaints
    }

    fn first_copied(&self, text: &str) -> Option<String> {
        let words = words(text);
        let mut runs = words.windows(RUN);
        runs.find(|run| self.0.contains(*run))
            .map(|run| run.join(" "))
    }
}

fn add_runs(value: &Value, runs: &mut HashSet<Vec<String>>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::String(text)
                        if matches!(key.as_str(), "description" | "summary" | "title") =>
                    {
                        runs.extend(words(text).windows(RUN).map(<[String]>::to_vec));
                    }
                    value => add_runs(value, runs),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                add_runs(item, runs);
            }
        }
        _ => {}
    }
}

/// The words of a text in lower case, without markup, punctuation, code spans
/// and identifiers.
fn words(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(['`', '<']) {
        plain.push_str(&rest[..start]);
        plain.push(' ');
        let close = if rest[start..].starts_with('`') {
            '`'
        } else {
            '>'
        };
        let inside = &rest[start + 1..];
        rest = match inside.find(close) {
            Some(end) => &inside[end + 1..],
            None => inside,
        };
    }
    plain.push_str(rest);
    plain
        .split_whitespace()
        .filter(|token| !is_identifier(token))
        .flat_map(|token| token.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’'))
        .map(|word| word.replace(['\'', '’'], "").to_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Whether a token is a name or a number, and no word of a sentence.
fn is_identifier(token: &str) -> bool {
    let token = token.trim_matches(|c: char| !c.is_alphanumeric());
    let camel = token
        .chars()
        .zip(token.chars().skip(1))
        .any(|(a, b)| a.is_lowercase() && b.is_uppercase());
    camel || token.contains(['_', '{', '=']) || token.chars().any(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn eight_words_in_a_row_are_copied_whatever_their_markup() {
        let vendor = Vendor::read(&json!({"paths": {"/a": {"get": {
            "description": "The **identifier** of the location (`salon_id`) whose clients are counted here.",
        }}}}));
        let copy = "Identifier of the location, whose *clients* are counted, 12.";
        assert_eq!(
            vendor.first_copied(copy).as_deref(),
            Some("identifier of the location whose clients are counted")
        );
        assert_eq!(
            vendor.first_copied("The identifier of the location whose clients."),
            None
        );
    }

    #[test]
    fn a_name_that_is_a_key_of_the_interface_is_no_prose() {
        let vendor = Vendor::read(&json!({"properties": {"title": {"type": "string"},
            "description": {"description": "one two three four five six seven eight"}}}));
        assert!(
            vendor
                .first_copied("One two three four five six seven eight.")
                .is_some()
        );
    }
}
