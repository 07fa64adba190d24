//! Why settings cannot be used.

use std::io;
use std::path::Path;

/// Why the settings cannot be used. Each variant names the key.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("{key}: failed to read {file}: {source}")]
    Unreadable {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// The settings file is not valid TOML.
    #[error("config: failed to parse {file}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, and what is wrong with it.
        reason: String,
    },
    /// The value of a setting is not allowed.
    #[error("{key}: {reason}")]
    Invalid {
        /// The key, or the path to a value inside it.
        key: String,
        /// The problem, and how to resolve it.
        reason: String,
    },
}

impl SettingsError {
    pub(super) fn invalid(key: &str, reason: impl Into<String>) -> Self {
        Self::Invalid {
            key: key.to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn unreadable(key: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Unreadable {
            key,
            file: path.display().to_string(),
            source,
        }
    }
}
