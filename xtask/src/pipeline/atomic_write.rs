//! Writes several files as one transaction: after a failure or a kill, either
//! all files are unchanged or all are new, at the latest once the next run has
//! called [`recover`].
//!
//! The new files are first written to a staging folder in the workspace. The
//! journal, which lists their destinations, is written last: without it, the
//! staged files are leftovers; with it, they are moved into place, by this run
//! or by the next one.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The staging folder, under the workspace's `openapi/`.
const STAGE: &str = ".update-spec";
const JOURNAL: &str = "journal.json";

#[derive(Deserialize, Serialize)]
struct Journal {
    /// The destinations; the staged file of each is named by its index here.
    places: Vec<PathBuf>,
}

/// Writes the files, whose paths are all under `root`.
pub fn write(root: &Path, files: &[(PathBuf, String)]) -> Result<()> {
    stage(root, files)?;
    finish(root)
}

/// Completes the transaction of a run that was killed, or removes its
/// leftovers.
pub fn recover(root: &Path) -> Result<()> {
    let stage = stage_of(root);
    if stage.join(JOURNAL).exists() {
        finish(root)
    } else if stage.exists() {
        fs::remove_dir_all(&stage).with_context(|| format!("cannot remove {}", stage.display()))
    } else {
        Ok(())
    }
}

fn stage_of(root: &Path) -> PathBuf {
    root.join("openapi").join(STAGE)
}

fn stage(root: &Path, files: &[(PathBuf, String)]) -> Result<()> {
    recover(root)?;
    let stage = stage_of(root);
    fs::create_dir_all(&stage).with_context(|| format!("cannot create {}", stage.display()))?;
    let put = |name: &str, text: &str| -> Result<()> {
        let path = stage.join(name);
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    };
    for (index, (place, text)) in files.iter().enumerate() {
        if let Some(directory) = place.parent() {
            fs::create_dir_all(directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
        }
        put(&index.to_string(), text)?;
    }
    let places = files.iter().map(|(place, _)| place.clone()).collect();
    let journal =
        serde_json::to_string(&Journal { places }).context("cannot serialize the journal")?;
    put("journal.new", &journal)?;
    // The rename commits the transaction.
    fs::rename(stage.join("journal.new"), stage.join(JOURNAL))
        .with_context(|| format!("cannot write {}", stage.join(JOURNAL).display()))
}

/// Moves the staged files into place. If one cannot be moved, restores the
/// files that were already replaced.
fn finish(root: &Path) -> Result<()> {
    let stage = stage_of(root);
    let path = stage.join(JOURNAL);
    let journal = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let journal: Journal = serde_json::from_slice(&journal).with_context(|| {
        format!(
            "cannot parse {}; remove its folder and run again",
            path.display()
        )
    })?;
    let mut done: Vec<(&Path, Option<Vec<u8>>)> = Vec::new();
    for (index, place) in journal.places.iter().enumerate() {
        let staged = stage.join(index.to_string());
        if !staged.exists() {
            continue; // moved before the kill
        }
        match put_into_place(&staged, place) {
            Ok(before) => done.push((place, before)),
            Err(error) => {
                for (place, before) in done {
                    // The first failure is the one to report.
                    let _ = match before {
                        Some(bytes) => fs::write(place, bytes),
                        None => fs::remove_file(place),
                    };
                }
                let _ = fs::remove_dir_all(&stage);
                return Err(error).with_context(|| format!("cannot replace {}", place.display()));
            }
        }
    }
    fs::remove_dir_all(&stage).with_context(|| format!("cannot remove {}", stage.display()))
}

/// Moves one file into place, and returns the previous contents.
fn put_into_place(staged: &Path, place: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let before = match fs::read(place) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    fs::rename(staged, place)?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, Vec<(PathBuf, String)>) {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("openapi/d")).unwrap();
        let files = ["Cargo.toml", "openapi/d/a", "openapi/d/b"].map(|name| {
            let place = root.path().join(name);
            fs::write(&place, "old").unwrap();
            (place, "new".to_owned())
        });
        (root, files.into())
    }

    fn texts(files: &[(PathBuf, String)]) -> Vec<String> {
        let read = |place: &PathBuf| fs::read_to_string(place).unwrap();
        files.iter().map(|(place, _)| read(place)).collect()
    }

    #[test]
    fn files_are_written_and_nothing_else_is_left() {
        let (root, mut files) = tree();
        files.push((root.path().join("openapi/e/fresh"), "new".to_owned()));
        write(root.path(), &files).unwrap();
        assert_eq!(texts(&files), ["new"; 4]);
        assert!(!stage_of(root.path()).exists());
    }

    #[test]
    fn a_kill_while_files_are_staged_leaves_the_old_tree() {
        let (root, files) = tree();
        stage(root.path(), &files).unwrap();
        // The run was killed just before it wrote the journal.
        fs::remove_file(stage_of(root.path()).join(JOURNAL)).unwrap();
        recover(root.path()).unwrap();
        assert_eq!(texts(&files), ["old"; 3]);
        assert!(!stage_of(root.path()).exists());
    }

    #[test]
    fn a_kill_between_two_renames_leaves_the_new_tree_to_the_next_run() {
        for renamed in 0..=3 {
            let (root, files) = tree();
            stage(root.path(), &files).unwrap();
            for (index, (place, _)) in files.iter().enumerate().take(renamed) {
                fs::rename(stage_of(root.path()).join(index.to_string()), place).unwrap();
            }
            recover(root.path()).unwrap();
            assert_eq!(texts(&files), ["new"; 3], "{renamed}");
            assert!(!stage_of(root.path()).exists());
        }
    }

    #[test]
    fn a_file_that_cannot_be_replaced_leaves_all_as_they_were() {
        let (root, mut files) = tree();
        let folder = root.path().join("openapi/d/c");
        fs::create_dir_all(folder.join("inside")).unwrap();
        files.push((folder, "new".to_owned()));
        let error = write(root.path(), &files).unwrap_err().to_string();
        assert!(error.contains("cannot replace"), "{error}");
        assert_eq!(texts(&files[..3]), ["old"; 3]);
        assert!(!stage_of(root.path()).exists());
    }
}
