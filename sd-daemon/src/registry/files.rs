//! The files of the registry: atomic creation, and detection of files that were deleted or replaced.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::domain::Timestamp;

/// The name of the database in the state directory.
pub(super) const FILE_NAME: &str = "registry.sqlite3";

/// The suffixes of the files that SQLite keeps beside a database in WAL mode. They belong to the database.
pub(super) const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];

/// The suffixes of all files that a database can consist of.
pub(super) const ALL_FILES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// The suffix of the copy that a daemon saves when its registry is deleted.
const RESCUED: &str = ".rescued-";

/// The suffix of a registry that a recovery has replaced.
pub(super) const REPLACED: &str = ".before-";

/// Appends a suffix to the name of a file.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// A complete database that is not yet at its final path. Deleted on drop unless it was placed.
pub(super) struct StagedDatabase {
    staged: PathBuf,
    target: PathBuf,
}

/// Writes a database beside its final path. [`StagedDatabase::place`] then renames it, so that a crash leaves either no
/// database or a complete one.
pub(super) fn stage<T>(
    target: &Path,
    write: impl FnOnce(&Path) -> rusqlite::Result<T>,
) -> Result<(StagedDatabase, T), PlacementError> {
    let database = StagedDatabase {
        staged: with_suffix(target, ".new"),
        target: target.to_owned(),
    };
    database.delete()?;
    // SQLite gives the side files the mode of this file.
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&database.staged)?;
    let value = write(&database.staged)?;
    file.sync_all()?;
    Ok((database, value))
}

impl StagedDatabase {
    /// Renames the database to its final path. No other process writes there, because the directory is locked.
    pub(super) fn place(self) -> io::Result<()> {
        fs::rename(&self.staged, &self.target)?;
        let directory = self.target.parent().unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }

    fn delete(&self) -> io::Result<()> {
        for suffix in ALL_FILES {
            match fs::remove_file(with_suffix(&self.staged, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for StagedDatabase {
    fn drop(&mut self) {
        // The next call of `stage` deletes what remains.
        drop(self.delete());
    }
}

/// Why a database could not be written to its final path.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlacementError {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

/// Returns a file that shows that there was a registry at `path`, if there is one.
pub(super) fn trace_of_deleted(path: &Path) -> Option<PathBuf> {
    let log = with_suffix(path, "-wal");
    if log.exists() {
        return Some(log);
    }
    let name = path.file_name()?.as_encoded_bytes();
    let is_trace = |found: &PathBuf| {
        let found = found.file_name().unwrap_or_default().as_encoded_bytes();
        let suffix = found.strip_prefix(name);
        suffix.is_some_and(|suffix| {
            suffix.starts_with(RESCUED.as_bytes()) || suffix.starts_with(REPLACED.as_bytes())
        })
    };
    let entries = fs::read_dir(path.parent()?).ok()?;
    let traces = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_trace);
    traces.max()
}

/// A point in time in a form that is usable in file names.
pub(super) fn time_in_name(time: Timestamp) -> String {
    humantime::format_rfc3339_seconds(time.into())
        .to_string()
        .replace(':', "")
}

/// Creates an empty file for the content of a registry that was deleted while it was open.
pub(super) fn create_rescued(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let rescued = with_suffix(path, &format!("{RESCUED}{}", time_in_name(now)));
    // The directory may have been deleted as well.
    if let Some(directory) = rescued.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&rescued)?;
    Ok(rescued)
}

/// The open files of the database, with their identities at the time they were opened.
pub(super) struct OpenFiles {
    files: Vec<(PathBuf, Identity)>,
}

/// Device and inode. A file that replaces another one has a different identity.
type Identity = (u64, u64);

impl OpenFiles {
    /// Records the identities of a database and its write-ahead log. Both must exist.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let files = ["", "-wal"].map(|suffix| {
            let file = with_suffix(path, suffix);
            let identity = identity(&file)?;
            Ok((file, identity))
        });
        Ok(Self {
            files: files.into_iter().collect::<io::Result<_>>()?,
        })
    }

    /// The database.
    pub(super) fn path(&self) -> &Path {
        &self.files[0].0
    }

    /// The free space on the disk of the database in bytes, if the file system reports it.
    pub(super) fn free_space(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(self.path()).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Returns a file that was deleted or replaced, so that the next start would not find its content.
    pub(super) fn first_missing(&self) -> Option<&Path> {
        let is_missing = |(file, known): &&(PathBuf, Identity)| match identity(file) {
            Ok(found) => found != *known,
            // Any other error does not show that the file is missing.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        self.files.iter().find(is_missing).map(|(file, _)| file.as_path())
    }
}

fn identity(file: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(file)?;
    Ok((metadata.dev(), metadata.ino()))
}
