//! The failures that docs/conformance.md explains: differences between Prism,
//! which has the vendor's own document, and the corrected document.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The section of the page that has the explanations.
const SECTION: &str = "\n## Against Stoplight Prism\n";

/// The texts of explained failures.
#[derive(Debug, Default)]
pub struct Explained {
    /// In any operation.
    general: Vec<Text>,
    /// By operation id.
    particular: BTreeMap<String, Vec<Text>>,
}

/// A text in which `…` stands for any characters.
#[derive(Debug, PartialEq)]
struct Text(Vec<String>);

impl Explained {
    /// Reads the page.
    pub fn read() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
        let page = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&page).with_context(|| format!("{}", path.display()))
    }

    /// Parses the items of the section's lists. They start with the failure's
    /// text in code, or with an operation id in code and then one or more texts.
    fn parse(page: &str) -> Result<Self> {
        let start = page.find(SECTION).context("has no section about Prism")?;
        let section = &page[start + SECTION.len()..];
        let section = section.split("\n## ").next().unwrap_or_default();
        let mut explained = Self::default();
        for item in section.lines().filter_map(|line| line.strip_prefix("- `")) {
            // Text and code alternate.
            let codes: Vec<&str> = item.split('`').step_by(2).collect();
            let is_id = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            match codes.as_slice() {
                [id, texts @ ..] if is_id(id) => {
                    if texts.is_empty() {
                        bail!("`{id}` has no text of a failure");
                    }
                    let texts = texts.iter().map(|text| Text::parse(text));
                    let of_id = explained.particular.entry((*id).to_owned());
                    of_id.or_default().extend(texts);
                }
                [text, ..] => explained.general.push(Text::parse(text)),
                [] => {}
            }
        }
        Ok(explained)
    }

    /// Whether this failure of an operation is explained.
    pub fn explains(&self, operation: &str, failure: &str) -> bool {
        let particular = self.particular.get(operation).into_iter().flatten();
        let mut texts = self.general.iter().chain(particular);
        texts.any(|text| text.is_in(failure))
    }

    /// Whether this operation has an explanation of its own.
    pub fn names(&self, operation: &str) -> bool {
        self.particular.contains_key(operation)
    }
}

impl Text {
    fn parse(text: &str) -> Self {
        Self(text.split('…').map(str::to_owned).collect())
    }

    /// Whether `failure` contains the parts in this order.
    fn is_in(&self, failure: &str) -> bool {
        let mut rest = Some(failure);
        for part in &self.0 {
            rest = rest.and_then(|rest| Some(rest.split_once(part.as_str())?.1));
        }
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_explained_by_its_text_and_an_id_only_with_one() {
        let page = "# Page\n- `other`: `text`\n\n## Against Stoplight Prism\n\n\
            - `missing items…in /`: in any operation\n\
            - `create_client`: `[\"body\",\"a\"]…must be object`, `not found`: a reason\n\
            \n## Next\n\n- `update_client`: `text`\n";
        let explained = Explained::parse(page).unwrap();
        for (operation, failure, expected) in [
            (
                "get_client",
                "500: missing items for {} in /properties",
                true,
            ),
            ("get_client", "500: missing properties", false),
            ("get_client", "in / are missing items", false),
            (
                "create_client",
                "refused: [\"body\",\"a\"]: it must be object",
                true,
            ),
            ("create_client", "404: not found", true),
            (
                "create_client",
                "refused: [\"body\",\"b\"]: it must be object",
                false,
            ),
            ("get_client", "404: not found", false),
            ("update_client", "text", false),
        ] {
            assert_eq!(
                explained.explains(operation, failure),
                expected,
                "{failure}"
            );
        }
        assert!(explained.names("create_client") && !explained.names("other"));
        let without = page.replace(
            "`create_client`: `[\"body\",\"a\"]…must be object`, `not found`",
            "`create_client`",
        );
        assert!(Explained::parse(&without).is_err());
        assert!(Explained::parse("# Page\n").is_err());
        let committed = Explained::read().unwrap();
        let refusal = r#"500: "missing items for {\n  \"type\": \"array\"\n} in /properties/meta""#;
        assert!(committed.explains("get_position_list", refusal));
    }
}
