//! Sources of the password. The password itself is never printed.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use crate::error::CliError;

/// The password that the daemon accepts on loopback until another one is configured.
const DEFAULT: &str = "spindocker";
/// Readable by group or others.
const READABLE: u32 = 0o044;

/// Where the password comes from.
#[derive(Clone, Debug)]
pub(super) enum PasswordSource {
    /// The password itself.
    Text(SecretString),
    /// A file that contains only the password.
    File(PathBuf),
    /// The default password of the daemon.
    Default,
}

/// A password, and a warning for the user.
pub(super) struct Password {
    pub(super) text: SecretString,
    pub(super) warning: Option<String>,
}

impl PasswordSource {
    /// Returns the password, from its file if necessary.
    pub(super) fn read(self) -> Result<Password, CliError> {
        match self {
            Self::Text(text) => Ok(Password { text, warning: None }),
            Self::Default => Ok(Password {
                text: DEFAULT.into(),
                warning: None,
            }),
            Self::File(path) => read_file(&path),
        }
    }
}

fn read_file(path: &Path) -> Result<Password, CliError> {
    let failed = |reason: &dyn std::fmt::Display| {
        CliError::Usage(format!(
            "failed to read the password file {}: {reason}",
            path.display()
        ))
    };
    let content = fs::read_to_string(path).map_err(|error| failed(&error))?;
    let text = content.strip_suffix('\n').unwrap_or(&content);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(failed(&"it is empty"));
    }
    let warning = fs::metadata(path)
        .ok()
        .and_then(|metadata| exposure_warning(path, &metadata));
    Ok(Password {
        text: text.into(),
        warning,
    })
}

/// The warning if other users can read a file that contains a password.
pub(super) fn exposure_warning(path: &Path, metadata: &Metadata) -> Option<String> {
    (metadata.mode() & READABLE != 0).then(|| {
        let path = path.display();
        format!("other users can read the password in {path}; run `chmod 600 {path}`")
    })
}

/// Deserializes a secret, for fields of the config file.
pub(super) fn deserialize_secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Into::into))
}
