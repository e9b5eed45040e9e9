//! The tokens: from the environment, or from the file that `altegio login`
//! writes, by server, which nobody else may read. They are no arguments: those
//! show in every list of processes.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use altegio::Server;
use altegio_cli::Failure;

/// The tokens that calls are made with.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Tokens {
    /// The partner's.
    pub partner_token: Option<String>,
    /// The user's.
    pub user_token: Option<String>,
}

/// Where the profile is: `ALTEGIO_PROFILE`, or `altegio/profile.toml` among the
/// user's settings.
pub fn path() -> Result<PathBuf, Failure> {
    if let Some(path) = env::var_os("ALTEGIO_PROFILE") {
        return Ok(path.into());
    }
    let places = etcetera::choose_base_strategy()
        .map_err(|error| Failure::other(format!("{error}; set ALTEGIO_PROFILE to a file")))?;
    Ok(places.config_dir().join("altegio").join("profile.toml"))
}

/// By the server's address: one's tokens are no other's business.
type Profile = BTreeMap<String, Tokens>;

/// The environment's tokens; the profile's of this server for those that it lacks.
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
    let profile = profile.remove(server.url().as_str()).unwrap_or_default();
    Ok(Tokens {
        partner_token: partner.or(profile.partner_token),
        user_token: user.or(profile.user_token),
    })
}

fn read(path: &Path) -> Result<Profile, Failure> {
    let name = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Profile::default()),
        Err(error) => return Err(Failure::other(format!("{name}: {error}"))),
    };
    refuse_open(path)?;
    // toml's own message shows the line, which may be a token.
    toml::from_str(&text).map_err(|_| {
        Failure::usage(format!(
            "{name}: partner_token = \"…\" and user_token = \"…\" under a server's address expected; \
             remove it and run `altegio login`"
        ))
    })
}

/// A file that others can read is no place for tokens.
#[cfg(unix)]
fn refuse_open(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        let name = path.display();
        return Err(Failure::usage(format!(
            "{name}: others can read it (mode {:o}); run `chmod 600 {name}`",
            mode & 0o777
        )));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_open(_: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Writes a server's tokens into the profile, whole or not at all, readable by
/// its owner alone.
pub fn write(server: &Server, tokens: Tokens) -> Result<PathBuf, Failure> {
    let path = path()?;
    let mut profile = read(&path)?;
    profile.insert(server.url().to_string(), tokens);
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    // A temporary file is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    let text = toml::to_string(&profile).map_err(|error| Failure::other(error.to_string()))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path)
        .map_err(|error| Failure::from(error.error))?;
    Ok(path)
}
