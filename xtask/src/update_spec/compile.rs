//! Compiles the crates that are generated from the documents, in a copy of the
//! workspace that has the new files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The crates whose build scripts read the documents.
const PACKAGES: [&str; 3] = ["altegio", "altegio-cli", "altegio-httpmock"];

/// The folders that no build reads.
const SKIPPED: [&str; 4] = ["target", ".git", "node_modules", ".update-spec"];

/// Runs `cargo check` with the new files. The copy is in the workspace's target
/// folder and shares it, so that dependencies are compiled only once.
///
/// # Errors
///
/// Returns an error if the workspace cannot be copied or does not compile, which
/// cargo has printed.
pub fn check(root: &Path, texts: &[(PathBuf, String)]) -> Result<()> {
    let target = root.join("target");
    let copy = target.join("update-spec");
    if copy.exists() {
        fs::remove_dir_all(&copy).with_context(|| format!("cannot remove {}", copy.display()))?;
    }
    copy_folder(root, &copy)?;
    for (path, text) in texts {
        let path = copy.join(path.strip_prefix(root).unwrap_or(path));
        let write = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, text)
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
    }
    eprintln!("compiling {}", PACKAGES.join(", "));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["check", "--quiet", "--locked", "--target-dir"])
        .arg(&target)
        .args(PACKAGES.iter().flat_map(|package| ["--package", package]))
        .current_dir(&copy)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!(
            "the crates do not compile with the new files; nothing was written, and the copy of \
             the workspace that shows it is {}",
            copy.display()
        );
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot list {}", from.display()))?
            .path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if SKIPPED.iter().any(|skipped| name == OsStr::new(skipped)) {
            continue;
        }
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))
                .with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}
