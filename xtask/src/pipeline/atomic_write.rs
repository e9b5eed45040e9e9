//! Writing several files as one: all of them, or none.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// Writes the files. Each is written beside its place first and renamed only
/// when all are; if a rename fails, those done are undone.
pub fn write(files: &[(PathBuf, String)]) -> Result<()> {
    let mut staged: Vec<(NamedTempFile, PathBuf, Option<Vec<u8>>)> = Vec::new();
    for (place, text) in files {
        let directory = place.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let mut file = tempfile::Builder::new()
            .prefix(".update-spec-")
            .permissions(permissions())
            .tempfile_in(directory)
            .with_context(|| format!("cannot write beside {}", place.display()))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        let before = match std::fs::read(place) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", place.display()));
            }
        };
        staged.push((file, place.clone(), before));
    }
    let mut done: Vec<(PathBuf, Option<Vec<u8>>)> = Vec::new();
    for (file, place, before) in staged {
        if let Err(error) = file.persist(&place) {
            for (place, before) in done {
                // The first failure is the one to report.
                let _ = match before {
                    Some(bytes) => std::fs::write(&place, bytes),
                    None => std::fs::remove_file(&place),
                };
            }
            return Err(error.error).with_context(|| format!("cannot replace {}", place.display()));
        }
        done.push((place, before));
    }
    Ok(())
}

#[cfg(unix)]
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

#[cfg(not(unix))]
fn permissions() -> std::fs::Permissions {
    // Temporary files are writable there, which is all that is asked for.
    std::fs::metadata(std::env::temp_dir())
        .map(|metadata| metadata.permissions())
        .expect("the temporary directory exists")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_replaced_leaves_all_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::write(path.join("a"), "old").unwrap();
        std::fs::create_dir_all(path.join("c/inside")).unwrap();
        let files = ["a", "b", "c"].map(|name| (path.join(name), "new".to_owned()));
        assert!(write(&files).is_err());
        assert_eq!(std::fs::read_to_string(path.join("a")).unwrap(), "old");
        let left: Vec<_> = std::fs::read_dir(path)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}
