//! Writes several files as one transaction: after a failure or a kill, either
//! all files are unchanged or all are new, at the latest once the next run has
//! called [`recover`].
//!
//! The new files and backups of those they replace are first written to a staging
//! folder in the workspace. The journal, which lists the destinations, is written
//! last: without it, the folder contains only leftovers; with it, the new files
//! are moved into place, by this run or by the next one. If a file cannot be
//! moved, the journal is renamed, and the backups are moved back instead, again by
//! this run or by the next one.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// The staging folder, under the workspace's `openapi/`.
const STAGE: &str = ".update-spec";
/// The journal of a transaction whose new files are being moved into place.
const JOURNAL: &str = "journal.json";
/// The journal of a transaction that is being rolled back.
const ROLLBACK: &str = "rollback.json";

#[derive(Deserialize, Serialize)]
struct Journal {
    /// The file at index `i` is staged as `i`, and its backup as `i.old`.
    files: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
struct Entry {
    destination: PathBuf,
    /// Whether there was a file at the destination, and so whether there is a
    /// backup.
    existed: bool,
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
    if stage.join(ROLLBACK).exists() {
        roll_back(root)
    } else if stage.join(JOURNAL).exists() {
        finish(root)
    } else if stage.exists() {
        remove(&stage)
    } else {
        Ok(())
    }
}

/// Returns an error if a transaction is pending, without completing it.
pub fn refuse_pending(root: &Path) -> Result<()> {
    let stage = stage_of(root);
    if stage.join(ROLLBACK).exists() || stage.join(JOURNAL).exists() {
        bail!(
            "an earlier run was interrupted while it replaced files (see {}); run `cargo xtask update-spec` without `--check` and `--dry-run` to complete it",
            stage.display()
        );
    }
    Ok(())
}

fn stage_of(root: &Path) -> PathBuf {
    root.join("openapi").join(STAGE)
}

fn stage(root: &Path, files: &[(PathBuf, String)]) -> Result<()> {
    recover(root)?;
    let stage = stage_of(root);
    fs::create_dir_all(&stage).with_context(|| format!("cannot create {}", stage.display()))?;
    let put = |name: &str, bytes: &[u8]| -> Result<()> {
        let path = stage.join(name);
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    };
    let mut entries = Vec::new();
    for (index, (destination, text)) in files.iter().enumerate() {
        if let Some(directory) = destination.parent() {
            fs::create_dir_all(directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
        }
        let existed = match fs::read(destination) {
            Ok(bytes) => {
                put(&backup(index), &bytes)?;
                true
            }
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot replace {}", destination.display()));
            }
        };
        put(&index.to_string(), text.as_bytes())?;
        entries.push(Entry {
            destination: destination.clone(),
            existed,
        });
    }
    let journal = serde_json::to_vec(&Journal { files: entries });
    let journal = journal.context("cannot serialize the journal")?;
    put("journal.new", &journal)?;
    // The rename commits the transaction.
    fs::rename(stage.join("journal.new"), stage.join(JOURNAL))
        .with_context(|| format!("cannot write {}", stage.join(JOURNAL).display()))
}

/// Moves the staged files into place. If one cannot be moved, restores all files,
/// including those that an earlier run replaced before it was killed.
fn finish(root: &Path) -> Result<()> {
    let stage = stage_of(root);
    for (index, entry) in read(&stage.join(JOURNAL))?.files.iter().enumerate() {
        let staged = stage.join(index.to_string());
        if !staged.exists() {
            continue; // moved before the kill
        }
        if let Err(error) = fs::rename(&staged, &entry.destination) {
            let what = format!("cannot replace {}", entry.destination.display());
            let error = anyhow::Error::new(error).context(what);
            // The rename commits the rollback.
            return match fs::rename(stage.join(JOURNAL), stage.join(ROLLBACK))
                .context("cannot start to restore the files")
                .and_then(|()| roll_back(root))
            {
                Ok(()) => Err(error),
                Err(second) => Err(error.context(format!(
                    "{second:#}; correct the cause and run again, which restores the other files"
                ))),
            };
        }
    }
    end(&stage, JOURNAL)
}

/// Restores the files that were replaced.
fn roll_back(root: &Path) -> Result<()> {
    let stage = stage_of(root);
    for (index, entry) in read(&stage.join(ROLLBACK))?.files.iter().enumerate() {
        if stage.join(index.to_string()).exists() {
            continue; // not replaced
        }
        let backup = stage.join(backup(index));
        let restored = match entry.existed {
            // Without its backup, the file was restored before a kill.
            true if !backup.exists() => Ok(()),
            true => fs::rename(&backup, &entry.destination),
            false => match fs::remove_file(&entry.destination) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                result => result,
            },
        };
        restored.with_context(|| format!("cannot restore {}", entry.destination.display()))?;
    }
    end(&stage, ROLLBACK)
}

fn backup(index: usize) -> String {
    format!("{index}.old")
}

fn read(journal: &Path) -> Result<Journal> {
    let text = fs::read(journal).with_context(|| format!("cannot read {}", journal.display()))?;
    serde_json::from_slice(&text).with_context(|| {
        format!(
            "cannot parse {}; remove its folder and run again",
            journal.display()
        )
    })
}

/// Ends the transaction: removes its journal first, so that after a kill the rest
/// counts as leftovers.
fn end(stage: &Path, journal: &str) -> Result<()> {
    let journal = stage.join(journal);
    fs::remove_file(&journal).with_context(|| format!("cannot remove {}", journal.display()))?;
    remove(stage)
}

fn remove(stage: &Path) -> Result<()> {
    fs::remove_dir_all(stage).with_context(|| format!("cannot remove {}", stage.display()))
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
    fn a_kill_while_files_are_restored_leaves_the_old_tree_to_the_next_run() {
        for restored in 0..=3 {
            let (root, mut files) = tree();
            let fresh = root.path().join("openapi/e/fresh");
            files.push((fresh.clone(), "new".to_owned()));
            stage(root.path(), &files).unwrap();
            let stage = stage_of(root.path());
            for (index, (place, _)) in files.iter().enumerate() {
                fs::rename(stage.join(index.to_string()), place).unwrap();
            }
            fs::rename(stage.join(JOURNAL), stage.join(ROLLBACK)).unwrap();
            for (index, (place, _)) in files.iter().enumerate().take(restored) {
                fs::rename(stage.join(backup(index)), place).unwrap();
            }
            assert!(refuse_pending(root.path()).is_err());
            recover(root.path()).unwrap();
            assert_eq!(texts(&files[..3]), ["old"; 3], "{restored}");
            assert!(!fresh.exists());
            assert!(!stage.exists());
        }
    }

    #[test]
    fn a_file_that_cannot_be_replaced_after_a_kill_leaves_all_as_they_were() {
        for renamed in 0..=3 {
            let (root, mut files) = tree();
            let folder = root.path().join("openapi/d/c");
            files.push((folder.clone(), "new".to_owned()));
            stage(root.path(), &files).unwrap();
            for (index, (place, _)) in files.iter().enumerate().take(renamed) {
                fs::rename(stage_of(root.path()).join(index.to_string()), place).unwrap();
            }
            fs::create_dir_all(folder.join("inside")).unwrap();
            let error = recover(root.path()).unwrap_err().to_string();
            assert!(error.contains("cannot replace"), "{error}");
            assert_eq!(texts(&files[..3]), ["old"; 3], "{renamed}");
            assert!(!stage_of(root.path()).exists());
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_leaves_all_as_they_were() {
        let (root, mut files) = tree();
        let folder = root.path().join("openapi/d/c");
        fs::create_dir_all(&folder).unwrap();
        files.push((folder, "new".to_owned()));
        let error = write(root.path(), &files).unwrap_err().to_string();
        assert!(error.contains("cannot replace"), "{error}");
        assert_eq!(texts(&files[..3]), ["old"; 3]);
        recover(root.path()).unwrap();
        assert!(!stage_of(root.path()).exists());
    }
}
