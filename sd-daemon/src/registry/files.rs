//! The files of the registry: making the first one, and noticing that somebody took them away.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::domain::Timestamp;

/// What SQLite puts beside a database; whoever moves one moves these as well.
pub(super) const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];

/// What is put behind the name of the registry when a daemon saves what it knew.
const RESCUED: &str = ".rescued-";
/// What is put behind its name when a recovery puts another one in its place.
pub(super) const PUT_ASIDE: &str = ".before-";

/// The name of a file with more at its end.
pub(super) fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(more);
    PathBuf::from(name)
}

/// A database that is complete and not in its place yet.
pub(super) struct Written {
    new: PathBuf,
    place: PathBuf,
}

/// Writes a database beside its place. It gets there at once or not at all: a crash leaves no half of one that looks
/// like a damaged registry.
pub(super) fn write_aside<T>(
    place: &Path,
    write: impl FnOnce(&Path) -> rusqlite::Result<T>,
) -> Result<(Written, T), PlacingError> {
    let written = Written {
        new: beside(place, ".new"),
        place: place.to_owned(),
    };
    written.delete()?;
    // SQLite gives its side files the mode of this one.
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&written.new)?;
    let value = write(&written.new)?;
    file.sync_all()?;
    Ok((written, value))
}

impl Written {
    /// Nobody else puts anything there: whoever writes has the directory for itself.
    pub(super) fn put_in_place(self) -> io::Result<()> {
        fs::rename(&self.new, &self.place)?;
        let folder = self.place.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }

    fn delete(&self) -> io::Result<()> {
        for more in ["", "-journal", "-wal", "-shm"] {
            match fs::remove_file(beside(&self.new, more)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // What stays is replaced by the next one.
        drop(self.delete());
    }
}

/// Why a database was not put in its place.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlacingError {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

/// Something that shows that there was a registry where none is now.
pub(super) fn trace_of_another(path: &Path) -> Option<PathBuf> {
    let journal = beside(path, "-wal");
    if journal.exists() {
        return Some(journal);
    }
    let name = path.file_name()?.as_encoded_bytes();
    let is_trace = |found: &PathBuf| {
        let found = found.file_name().unwrap_or_default().as_encoded_bytes();
        let more = found.strip_prefix(name);
        more.is_some_and(|more| {
            more.starts_with(RESCUED.as_bytes()) || more.starts_with(PUT_ASIDE.as_bytes())
        })
    };
    let entries = fs::read_dir(path.parent()?).ok()?;
    let traces = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_trace);
    traces.max()
}

/// A time as part of a file's name.
pub(super) fn time_in_name(time: Timestamp) -> String {
    humantime::format_rfc3339_seconds(time.into())
        .to_string()
        .replace(':', "")
}

/// Makes an empty file for what a daemon knew when its registry is taken away.
pub(super) fn make_rescued(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let rescued = beside(path, &format!("{RESCUED}{}", time_in_name(now)));
    // The directory may have gone as well.
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

/// The files that are open, as they were when they were opened.
pub(super) struct OpenFiles {
    files: Vec<(PathBuf, Identity)>,
}

/// The same for as long as a file exists; what is put in its place has another.
type Identity = (u64, u64);

impl OpenFiles {
    /// What there is room for on their disk, in bytes, where it tells.
    pub(super) fn room(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(self.path()).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// The database at a path and the log that SQLite writes first. Both must be there.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let files = ["", "-wal"].map(|more| {
            let file = beside(path, more);
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

    /// A file that is not any more what the next start would find under its name.
    pub(super) fn first_lost(&self) -> Option<&Path> {
        let is_lost = |(file, known): &&(PathBuf, Identity)| match identity(file) {
            Ok(found) => found != *known,
            // Anything else tells nothing about the file.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        self.files.iter().find(is_lost).map(|(file, _)| file.as_path())
    }
}

fn identity(file: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(file)?;
    Ok((metadata.dev(), metadata.ino()))
}
