//! The steps of a recovery: copy the source, salvage its rows, replace the registry.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rusqlite::Connection;

use super::salvage::salvage;
use super::{Recovery, RecoveryError, RecoveryMode};
use crate::domain::Timestamp;
use crate::registry::files::{self, ALL_FILES, FILE_NAME, PlacementError, REPLACED, SIDE_FILES, with_suffix};
use crate::registry::{StateDirectory, schema};

/// Recovers a registry from `source`, or from the registry of the directory if `source` is `None`.
///
/// # Errors
///
/// Fails if nothing in the source is readable, or if the new registry cannot be written.
pub fn recover(
    directory: &StateDirectory,
    source: Option<&Path>,
    mode: RecoveryMode,
    now: Timestamp,
) -> Result<Recovery, RecoveryError> {
    let path = directory.path().join(FILE_NAME);
    let source = source.unwrap_or(&path);
    let copy = SourceCopy::create(source, &with_suffix(&path, ".copy"))?;
    let unreadable = |error: &dyn std::fmt::Display| RecoveryError::Unreadable {
        file: source.display().to_string(),
        reason: error.to_string(),
    };
    let damaged =
        Connection::open_with_flags(&copy.path, schema::FLAGS).map_err(|error| unreadable(&error))?;
    let format = schema::format(&damaged).map_err(|error| unreadable(&error))?;
    if format == 0 || format > schema::newest_format() {
        return Err(unreadable(&"it is not a registry that this version supports"));
    }
    let write_error = |error: PlacementError| RecoveryError::Write(error.to_string());
    let write = |new: &Path| salvage(&damaged, format, new);
    let (database, mut recovery) = files::stage(&path, write).map_err(write_error)?;
    if mode == RecoveryMode::Replace {
        recovery.replaced = rename_existing(&path, now).map_err(|error| write_error(error.into()))?;
        database.place().map_err(|error| write_error(error.into()))?;
    }
    Ok(recovery)
}

/// A copy of the source. SQLite may write to a database that it reads, for example to merge its write-ahead log.
struct SourceCopy {
    path: PathBuf,
}

impl SourceCopy {
    fn create(source: &Path, path: &Path) -> Result<Self, RecoveryError> {
        let inaccessible = |reason| RecoveryError::Inaccessible {
            file: source.display().to_string(),
            reason,
        };
        let copy = Self {
            path: path.to_owned(),
        };
        copy.delete();
        fs::copy(source, path).map_err(inaccessible)?;
        let log = with_suffix(source, "-wal");
        if log.exists() {
            fs::copy(log, with_suffix(path, "-wal")).map_err(inaccessible)?;
        }
        Ok(copy)
    }

    fn delete(&self) {
        for suffix in ALL_FILES {
            // The next recovery overwrites what remains.
            drop(fs::remove_file(with_suffix(&self.path, suffix)));
        }
    }
}

impl Drop for SourceCopy {
    fn drop(&mut self) {
        self.delete();
    }
}

/// Renames the existing registry to an unused name. Returns `None` if there is no registry.
fn rename_existing(path: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let time = files::time_in_name(now);
    let mut candidates = (0_u32..).map(|number| match number {
        0 => with_suffix(path, &format!("{REPLACED}{time}")),
        number => with_suffix(path, &format!("{REPLACED}{time}-{number}")),
    });
    let is_unused = |name: &PathBuf| {
        !["", "-wal", "-shm"]
            .iter()
            .any(|suffix| with_suffix(name, suffix).exists())
    };
    let new_name = candidates.find(is_unused).unwrap_or_default();
    let mut renamed = None;
    for suffix in SIDE_FILES.iter().chain(&[""]) {
        match fs::rename(with_suffix(path, suffix), with_suffix(&new_name, suffix)) {
            Ok(()) => renamed = Some(new_name.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(renamed)
}
