//! The paths of this workspace's files.

use std::path::{Path, PathBuf};

/// The document that update-spec processes, by its folder under `openapi/`.
pub const B2B_V1: &str = "b2b-v1";

/// The root of the workspace in which this program was built.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// The folder that holds the files of one document.
pub fn document(root: &Path, name: &str) -> PathBuf {
    root.join("openapi").join(name)
}

/// The client's Cargo.toml, which has a feature for each tag.
pub fn manifest(root: &Path) -> PathBuf {
    root.join("Cargo.toml")
}
