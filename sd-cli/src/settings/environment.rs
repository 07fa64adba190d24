//! The settings in environment variables.

use std::env;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::error::CliError;

/// The settings in the environment. An empty variable counts as unset.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) url: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) server: Option<String>,
    pub(super) format: Option<String>,
}

impl Environment {
    /// Reads the environment of this process.
    pub(super) fn read() -> Result<Self, CliError> {
        Ok(Self {
            url: text("SD_URL")?,
            user: text("SD_USER")?,
            password: text("SD_PASSWORD")?.map(Into::into),
            password_file: path("SD_PASSWORD_FILE"),
            server: text("SD_SERVER")?,
            format: text("SD_FORMAT")?,
        })
    }
}

/// Reads a variable. A variable that is not UTF-8 is an error: the default could be another server or
/// another password.
fn text(name: &str) -> Result<Option<String>, CliError> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(CliError::Usage(format!("failed to read {name}: not UTF-8")))
        }
    }
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
