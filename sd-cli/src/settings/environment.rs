//! The environment, read once.

use std::env;
use std::path::PathBuf;

use super::password::Secret;
use crate::error::CliError;

/// What the environment says about the daemon. An empty variable says nothing.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) url: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) server: Option<String>,
    pub(super) format: Option<String>,
}

impl Environment {
    /// The environment of this process.
    pub(super) fn read() -> Result<Self, CliError> {
        Ok(Self {
            url: text("SD_URL")?,
            user: text("SD_USER")?,
            password: text("SD_PASSWORD")?.map(Secret::new),
            password_file: path("SD_PASSWORD_FILE"),
            server: text("SD_SERVER")?,
            format: text("SD_FORMAT")?,
        })
    }
}

/// A variable that is text. One that is not must not be taken for absent: its default may be another
/// server or another password.
fn text(name: &str) -> Result<Option<String>, CliError> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(CliError::Usage(format!("{name} is not UTF-8"))),
    }
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
