//! The result of a recovery.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use crate::domain::ContainerId;

/// The result of a recovery.
#[derive(Debug)]
pub struct Recovery {
    /// The id of the registry, or `None` if it was not readable and the new registry has a new id.
    pub instance: Option<String>,
    /// The recovered containers.
    pub containers: BTreeSet<ContainerId>,
    /// The result for each table.
    pub tables: Vec<RecoveredTable>,
    /// The new path of the registry that was replaced, if any.
    pub replaced: Option<PathBuf>,
}

/// The result for one table.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RecoveredTable {
    /// The name of the rows, in the plural.
    pub what: &'static str,
    /// The number of rows that were recovered.
    pub kept: usize,
    /// The number of rows that were readable, but not valid.
    pub invalid_rows: usize,
    /// Whether a part of the table was not readable, so that rows may be missing.
    pub is_incomplete: bool,
}

/// How to use the recovered rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryMode {
    /// Only report them.
    DryRun,
    /// Replace the registry by them.
    Replace,
}

/// Why a recovery failed. The registry is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The source does not exist or cannot be accessed.
    #[error("failed to read {file}: {reason}; name a backup or a rescued registry with --from")]
    Inaccessible {
        /// The source.
        file: String,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The source is not a registry, or not even its list of tables is readable.
    #[error("failed to recover {file}: {reason}; restore a backup with sd-daemon recover --from BACKUP")]
    Unreadable {
        /// The source.
        file: String,
        /// The problem with it.
        reason: String,
    },
    /// The new registry could not be written.
    #[error("failed to write the new registry: {0}")]
    Write(String),
}
