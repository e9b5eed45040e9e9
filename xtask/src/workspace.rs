//! The paths of this workspace's files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The document that bench-build and words use, by its folder under `openapi/`.
pub const B2B_V1: &str = "b2b-v1";

/// The root of the workspace in which this program was built.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// The names of the documents that have a `source.toml`, sorted.
pub fn documents(root: &Path) -> Result<Vec<String>> {
    let directory = root.join("openapi");
    let read = || -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.path().join("source.toml").is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    };
    read().with_context(|| {
        format!(
            "cannot list {}; pass the workspace directory as `--root`",
            directory.display()
        )
    })
}

/// The folder that holds the files of one document.
pub fn document(root: &Path, name: &str) -> PathBuf {
    root.join("openapi").join(name)
}

/// The client's Cargo.toml, which has a feature for each tag.
pub fn manifest(root: &Path) -> PathBuf {
    root.join("Cargo.toml")
}
