//! Errors of the registry.

use std::path::Path;

/// Why an operation of the registry failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The disk is full. Nothing was changed.
    #[error("the disk that holds the registry is full")]
    Full,
    /// Another process, such as a backup, holds the lock of the database. Nothing was changed.
    #[error("the registry is busy: another process has locked its file")]
    Busy,
    /// The state of the database on disk is unknown, or the registry is closed. The process is about to exit.
    #[error("the registry is unavailable: {0}")]
    Unavailable(String),
}

/// Why a registry could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon has locked the directory.
    #[error(
        "failed to lock the state directory {directory}: another sd-daemon uses it; stop that one, or give this one \
         another --state-dir"
    )]
    InUse {
        /// The state directory.
        directory: String,
    },
    /// The directory or a file in it cannot be accessed. The content may be intact.
    #[error(
        "failed to access {path}: {reason}; check its permissions and the free disk space, or give another --state-dir"
    )]
    Inaccessible {
        /// The directory or file.
        path: String,
        /// The error of the operating system or of SQLite.
        reason: std::io::Error,
    },
    /// Other users can write to the directory, and so could have any container on the host stopped and removed.
    #[error(
        "refused to use the state directory {directory}: other users can write to it; run chmod go-w {directory}, or \
         give another --state-dir"
    )]
    WritableByOthers {
        /// The state directory.
        directory: String,
    },
    /// The file was written by a newer version.
    #[error(
        "failed to open the registry {file}: it was written by a newer sd-daemon (format {found}, this version \
         supports up to {supported}); install that version again"
    )]
    Newer {
        /// The registry file.
        file: String,
        /// The format of the file.
        found: u32,
        /// The newest format that this version supports.
        supported: u32,
    },
    /// The file cannot be read as a registry.
    #[error(
        "failed to open the registry {file}: it is damaged ({reason}); restore a backup, or run sd-daemon recover to \
         keep what is readable; nothing was changed"
    )]
    Damaged {
        /// The registry file.
        file: String,
        /// The problem with it.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn inaccessible(path: &Path, reason: std::io::Error) -> Self {
        Self::Inaccessible {
            path: path.display().to_string(),
            reason,
        }
    }

    /// Joins the lines of a report of SQLite, which may list several problems, to one line.
    pub(super) fn damaged(file: &Path, reason: &str) -> Self {
        let lines = reason.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("***"));
        Self::Damaged {
            file: file.display().to_string(),
            reason: lines.collect::<Vec<_>>().join("; "),
        }
    }
}
