//! The features in Cargo.toml: one for each document and one for each of its tags.

use std::collections::BTreeSet;

use serde_json::Value;

use altegio_openapi::{names, select};

/// Returns Cargo.toml with the features of the document `name` regenerated, which are
/// between two marker lines.
pub fn written_into(manifest: &str, name: &str, document: &Value) -> Result<String, String> {
    let [start, end] = markers(name);
    let missing = || {
        format!(
            "the lines `{}` and `{}` are missing; put them around the generated features",
            start.trim_end(),
            end.trim_end()
        )
    };
    let (before, rest) = manifest.split_once(&start).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    let tags = tags(document);
    if let Some(tag) = tags.iter().find(|tag| names::slug(tag).is_empty()) {
        return Err(format!(
            "the tag `{tag}` has no letters or digits, which the name of its feature needs; rename the tag in overlay.yaml"
        ));
    }
    let mut names: Vec<String> = tags.iter().map(|tag| select::feature(name, tag)).collect();
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
    if let Some(name) = names.iter().find(|name| taken.contains(*name)) {
        return Err(format!(
            "a tag of the document gives the feature `{name}`, which is already taken; rename the tag in overlay.yaml"
        ));
    }
    let all: String = names
        .iter()
        .map(|name| format!("    \"{name}\",\n"))
        .collect();
    let each: String = names.iter().map(|name| format!("{name} = []\n")).collect();
    Ok(format!(
        "{before}{start}{name} = [\n{all}]\n{each}{end}{after}"
    ))
}

/// The lines before and after the features of the document `name`.
fn markers(name: &str) -> [String; 2] {
    [
        format!(
            "# Written by `cargo xtask update-spec`: the features of {name}, one for each tag.\n"
        ),
        format!("# The end of the features of {name}.\n"),
    ]
}

/// The tags of the operations.
pub fn tags(document: &Value) -> BTreeSet<&str> {
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object().into_iter().flatten());
    operations
        .filter_map(|(_, operation)| select::tag(operation))
        .collect()
}

/// The names that a feature of a tag cannot have: those of the other features and of
/// the dependencies.
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
    Ok(tables.flat_map(|table| table.keys().cloned()).collect())
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
        let [start, end] = markers("v1");
        format!("[features]\nrustls = []\n{start}{inner}{end}\n[dependencies]\nbytes = \"1\"\n")
    }

    #[test]
    fn the_features_between_the_markers_are_the_tags() {
        let document = document(&["Tags", "Loyalty & Cards"]);
        let written = written_into(&manifest("old = []\n"), "v1", &document).unwrap();
        let expected = "v1 = [\n    \"v1-loyalty-cards\",\n    \"v1-tags\",\n]\n\
                        v1-loyalty-cards = []\nv1-tags = []\n";
        assert_eq!(written, manifest(expected));
        assert_eq!(written_into(&written, "v1", &document).unwrap(), written);
    }

    #[test]
    fn names_that_clash_are_refused() {
        let manifest = manifest("").replace("bytes", "v1-bytes");
        for tags in [&["A B", "A-B"][..], &["bytes"], &["&"]] {
            let error = written_into(&manifest, "v1", &document(tags)).unwrap_err();
            assert!(error.contains("overlay.yaml"), "{error}");
        }
        assert!(written_into("[features]\n", "v1", &document(&["A"])).is_err());
    }

    #[test]
    fn the_names_of_features_and_dependencies_are_taken_however_they_are_written() {
        let [start, end] = markers("v1");
        let manifest = format!(
            "[package]\nv1-name = \"x\"\n[features]\nv1-redis={{}}\n{start}{end}\"v1-tls\"  = []\n\
             [dependencies.v1-bytes]\nversion = \"1\"\n\
             [target.'cfg(unix)'.dependencies]\nv1-nix=\"1\"\n"
        );
        for tag in ["redis", "tls", "bytes", "nix"] {
            let error = written_into(&manifest, "v1", &document(&[tag])).unwrap_err();
            assert!(error.contains(&format!("`v1-{tag}`")), "{error}");
        }
        assert!(written_into(&manifest, "v1", &document(&["name"])).is_ok());
    }
}
