//! Where a password comes from, and keeping it out of everything that is printed.

use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::CliError;

/// What the daemon accepts from its own machine until somebody sets a password.
const DEFAULT: &str = "spindocker";
/// Readable for group or others.
const READABLE: u32 = 0o044;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Where the password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Given as it is.
    Text(Secret),
    /// In a file, alone.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

/// A password, and what there is to warn of.
pub(super) struct Password {
    pub(super) text: String,
    pub(super) warning: Option<String>,
}

impl Source {
    pub(super) fn read(self) -> Result<Password, CliError> {
        match self {
            Self::Text(secret) => Ok(Password {
                text: secret.0,
                warning: None,
            }),
            Self::Default => Ok(Password {
                text: DEFAULT.to_owned(),
                warning: None,
            }),
            Self::File(path) => read_file(&path),
        }
    }
}

fn read_file(path: &Path) -> Result<Password, CliError> {
    let content = fs::read_to_string(path).map_err(|error| {
        CliError::Usage(format!(
            "cannot read the password file {}: {error}",
            path.display()
        ))
    })?;
    let text = content.strip_suffix('\n').unwrap_or(&content);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(CliError::Usage(format!(
            "the password file {} is empty",
            path.display()
        )));
    }
    let warning = fs::metadata(path)
        .ok()
        .and_then(|metadata| exposure(path, &metadata));
    Ok(Password {
        text: text.to_owned(),
        warning,
    })
}

/// The warning about a file with a password in it that is open to others.
pub(super) fn exposure(path: &Path, metadata: &Metadata) -> Option<String> {
    (metadata.mode() & READABLE != 0).then(|| {
        let path = path.display();
        format!("others can read the password in {path}: run `chmod 600 {path}`")
    })
}
