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
    let taken = taken(&format!("{before}{after}"))?;
    if let Some(name) = names
        .iter()
        .find(|name| name.is_empty() || taken.contains(*name))
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

/// The names that a feature of a tag cannot have: the handwritten features, the
/// dependencies, and the feature of all tags.
fn taken(manifest: &str) -> Result<BTreeSet<String>, String> {
    let manifest: toml::Table = manifest.parse().map_err(|error| format!("{error}"))?;
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flatten();
    let tables = std::iter::once(&manifest)
        .chain(targets.filter_map(|(_, target)| target.as_table()))
        .flat_map(|table| {
            [
                "features",
                "dependencies",
                "build-dependencies",
                "dev-dependencies",
            ]
            .into_iter()
            .filter_map(|key| table.get(key)?.as_table())
        });
    let mut taken: BTreeSet<String> = tables.flat_map(|table| table.keys().cloned()).collect();
    taken.insert("b2b-v1".to_owned());
    Ok(taken)
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

    #[test]
    fn the_names_of_features_and_dependencies_are_taken_however_they_are_written() {
        let manifest = format!(
            "[package]\nname = \"x\"\n[features]\nredis={{}}\n{START}{END}\"tls\"  = []\n\
             [dependencies.bytes]\nversion = \"1\"\n[target.'cfg(unix)'.dependencies]\nnix=\"1\"\n"
        );
        for tag in ["redis", "tls", "bytes", "nix"] {
            let error = written_into(&manifest, &document(&[tag])).unwrap_err();
            assert!(error.contains(&format!("`{tag}`")), "{error}");
        }
        for tag in ["name", "version"] {
            assert!(written_into(&manifest, &document(&[tag])).is_ok(), "{tag}");
        }
    }
}
