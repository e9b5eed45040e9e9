//! Reads the tokens from the environment or from the profile, the file that
//! `altegio login` writes. Tokens are not command-line arguments, since those are
//! visible in process lists.
//!
//! The profile stores the tokens of each server separately, so they are never sent to
//! another server. On Unix, it is only used if nobody else can read or replace it.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use altegio::Server;
use altegio_cli::Failure;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// The tokens that requests are sent with.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Tokens {
    /// The partner token.
    pub partner_token: Option<String>,
    /// The user token.
    pub user_token: Option<String>,
}

/// The tokens, by the server's address.
type Profile = BTreeMap<String, Tokens>;

/// Returns the tokens from the environment, or from the profile for those that are
/// not set there.
pub fn tokens(server: &Server) -> Result<Tokens, Failure> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let (partner, user) = (
        variable("ALTEGIO_PARTNER_TOKEN"),
        variable("ALTEGIO_USER_TOKEN"),
    );
    if partner.is_some() && user.is_some() {
        return Ok(Tokens {
            partner_token: partner,
            user_token: user,
        });
    }
    let mut profile = read(&path()?)?;
    let profile = profile.remove(&server.to_string()).unwrap_or_default();
    Ok(Tokens {
        partner_token: partner.or(profile.partner_token),
        user_token: user.or(profile.user_token),
    })
}

/// A pending update of the profile: the profile has been read, and the file that will
/// replace it exists.
pub struct Update {
    path: PathBuf,
    profile: Profile,
    file: NamedTempFile,
}

impl Update {
    /// Reads the profile and creates the file that will replace it.
    ///
    /// # Errors
    ///
    /// Returns an error if the profile cannot be read or is unsafe, or if its
    /// directory is not writable.
    pub fn begin() -> Result<Self, Failure> {
        let path = path()?;
        let directory = directory(&path);
        create_directory(directory)
            .map_err(|error| Failure::usage(format!("{}: {error}", directory.display())))?;
        refuse_shared_directory(directory)?;
        let profile = read(&path)?;
        // A temporary file has mode 0600.
        let file = NamedTempFile::new_in(directory)
            .map_err(|error| Failure::usage(format!("{}: {error}", directory.display())))?;
        Ok(Self {
            path,
            profile,
            file,
        })
    }

    /// Adds a server's tokens and writes the profile atomically.
    pub fn commit(mut self, server: &Server, tokens: Tokens) -> Result<PathBuf, Failure> {
        self.profile.insert(server.to_string(), tokens);
        let text = toml::to_string(&self.profile);
        let text = text.map_err(|error| Failure::other(error.to_string()))?;
        self.file.write_all(text.as_bytes())?;
        self.file.as_file().sync_all()?;
        let persisted = self.file.persist(&self.path);
        persisted.map_err(|error| Failure::from(error.error))?;
        Ok(self.path)
    }
}

/// Returns the path of the profile: `ALTEGIO_PROFILE`, or `altegio/profile.toml` in
/// the user's configuration directory.
fn path() -> Result<PathBuf, Failure> {
    if let Some(path) = env::var_os("ALTEGIO_PROFILE") {
        return Ok(path.into());
    }
    let places = etcetera::choose_base_strategy()
        .map_err(|error| Failure::other(format!("{error}; set ALTEGIO_PROFILE to a file")))?;
    Ok(places.config_dir().join("altegio").join("profile.toml"))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    }
}

/// Reads the profile, which is empty if the file does not exist.
fn read(path: &Path) -> Result<Profile, Failure> {
    let name = path.display();
    let unreadable = |error: io::Error| Failure::usage(format!("{name}: {error}"));
    // Check before opening the file, since opening a pipe waits for its other end.
    match fs::symlink_metadata(path) {
        Ok(metadata) => refuse_unsafe(path, &metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Profile::default()),
        Err(error) => return Err(unreadable(error)),
    }
    refuse_shared_directory(directory(path))?;
    let mut file = File::open(path).map_err(unreadable)?;
    // Check again, since the file may have been replaced in between.
    refuse_unsafe(path, &file.metadata().map_err(unreadable)?)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    // toml's own message shows the line, which may contain a token.
    toml::from_str(&text).map_err(|_| {
        Failure::usage(format!(
            "{name}: expected partner_token = \"…\" and user_token = \"…\" under a server's address; \
             remove it and run `altegio login`"
        ))
    })
}

/// Returns an error unless the profile is a regular file. On Unix, it must also belong
/// to the user, and others must have no access to it.
fn refuse_unsafe(path: &Path, metadata: &Metadata) -> Result<(), Failure> {
    if !metadata.is_file() {
        return Err(Failure::usage(format!(
            "{}: the profile must be a regular file, not a link, a pipe, or a directory; \
             set ALTEGIO_PROFILE to a regular file",
            path.display()
        )));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        refuse_other_owner(path, metadata)?;
        if metadata.mode() & 0o077 != 0 {
            let name = path.display();
            return Err(Failure::usage(format!(
                "{name}: others can access it (mode {:o}); run `chmod 600 {name}`",
                metadata.mode() & 0o777
            )));
        }
    }
    Ok(())
}

/// Returns an error for a directory in which others could replace the profile.
#[cfg(unix)]
fn refuse_shared_directory(directory: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let name = directory.display();
    let metadata = fs::metadata(directory);
    let metadata = metadata.map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    // root could replace the profile anyway.
    if metadata.uid() != 0 {
        refuse_other_owner(directory, &metadata)?;
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(Failure::usage(format!(
            "{name}: others can write in it (mode {:o}) and replace the profile; \
             run `chmod go-w {name}`, or set ALTEGIO_PROFILE to a file elsewhere",
            metadata.mode() & 0o777
        )));
    }
    Ok(())
}

#[cfg(unix)]
fn refuse_other_owner(path: &Path, metadata: &Metadata) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() == user {
        return Ok(());
    }
    let name = path.display();
    Err(Failure::usage(format!(
        "{name}: it belongs to another user (uid {}, yours is {user}); \
         set ALTEGIO_PROFILE to a file of your own",
        metadata.uid()
    )))
}

#[cfg(not(unix))]
fn refuse_shared_directory(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Creates the directory if it does not exist. On Unix, only its owner can access it.
fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(directory)
}
