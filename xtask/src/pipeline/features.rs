//! The features in Cargo.toml: one for each tag of the document.

use std::collections::BTreeSet;

use serde_json::Value;

use altegio_openapi::select;

const START: &str =
    "# Written by `cargo xtask update-spec`: a feature for each tag of the document.\n";
const END: &str = "# The end of what `cargo xtask update-spec` writes.\n";

/// Cargo.toml with the features between the two markers regenerated.
pub fn written_into(manifest: &str, document: &Value) -> Result<String, String> {
    let markers = || {
        format!(
            "the lines `{}` and `{}` are missing; put them around the generated features",
            START.trim_end(),
            END.trim_end()
        )
    };
    let (before, rest) = manifest.split_once(START).ok_or_else(markers)?;
    let (_, after) = rest.split_once(END).ok_or_else(markers)?;
    let tags = tags(document);
    let mut names: Vec<String> = tags.iter().map(|tag| select::feature(tag)).collect();
    names.sort();
    for pair in names.windows(2) {
        if pair[0] == pair[1] {
            return Err(format!(
                "two tags of the document give the feature `{}`; rename one in overlay.yaml",
                pair[0]
            ));
        }
    }
    if let Some(name) = names
        .iter()
        .find(|name| name.is_empty() || is_taken(name, before, after))
    {
        return Err(format!(
            "a tag of the document gives the feature `{name}`, which is empty or already taken; rename the tag in overlay.yaml"
        ));
    }
    let all: String = names
        .iter()
        .map(|name| format!("    \"{name}\",\n"))
        .collect();
    let each: String = names.iter().map(|name| format!("{name} = []\n")).collect();
    Ok(format!(
        "{before}{START}b2b-v1 = [\n{all}]\n{each}{END}{after}"
    ))
}

/// The tags of the operations.
pub fn tags(document: &Value) -> BTreeSet<&str> {
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object().into_iter().flatten());
    operations
        .filter_map(|(_, operation)| select::tag(operation))
        .collect()
}

/// Whether Cargo.toml has an entry of this name outside the markers, such as a
/// handwritten feature or a dependency.
fn is_taken(name: &str, before: &str, after: &str) -> bool {
    let lines = before.lines().chain(after.lines());
    let mut names = lines
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name);
    name == "b2b-v1" || names.any(|taken| taken == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(tags: &[&str]) -> Value {
        let operations = tags.iter().map(|tag| {
            (
                format!("/{tag}"),
                serde_json::json!({"get": {"tags": [tag]}}),
            )
        });
        serde_json::json!({"paths": operations.collect::<serde_json::Map<_, _>>()})
    }

    fn manifest(inner: &str) -> String {
        format!("[features]\nrustls = []\n{START}{inner}{END}\n[dependencies]\nbytes = \"1\"\n")
    }

    #[test]
    fn the_features_between_the_markers_are_the_tags() {
        let written = written_into(
            &manifest("old = []\n"),
            &document(&["Tags", "Loyalty & Cards"]),
        );
        let written = written.unwrap();
        let expected =
            "b2b-v1 = [\n    \"loyalty-cards\",\n    \"tags\",\n]\nloyalty-cards = []\ntags = []\n";
        assert_eq!(written, manifest(expected));
        let again = written_into(&written, &document(&["Tags", "Loyalty & Cards"])).unwrap();
        assert_eq!(again, written);
    }

    #[test]
    fn names_that_clash_are_refused() {
        for tags in [
            &["A B", "A-B"][..],
            &["Rustls"],
            &["bytes"],
            &["B2B V1"],
            &["&"],
        ] {
            let error = written_into(&manifest(""), &document(tags)).unwrap_err();
            assert!(error.contains("overlay.yaml"), "{error}");
        }
        assert!(written_into("[features]\n", &document(&["A"])).is_err());
    }
}
