//! The operations that docs/conformance.md says to differ under Prism.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

/// Reads the ids: the first word in code of each item of the page's lists.
pub fn read() -> Result<BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let items = text.lines().filter_map(|line| line.strip_prefix("- `"));
    Ok(items
        .filter_map(|item| Some(item.split_once('`')?.0.to_owned()))
        .collect())
}
