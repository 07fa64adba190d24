//! Opens the file: checks it, configures the connection and migrates it.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::migrations::{create_with_format, format, migrate, newest_format};
use crate::registry::OpenError;
use crate::registry::files::{self, PlacementError};

/// SQLite does not create missing files, and does not interpret the path as a URI.
pub(in crate::registry) const FLAGS: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// How long a change waits for a lock of another process, such as an operator's `sqlite3`.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The page cache of SQLite in KiB. Small, because readers use the records in memory.
const CACHE_KIB: i64 = 512;

/// Opens the registry, or creates an empty one if there is no file.
///
/// A file that cannot be read is never replaced, because its content may be recoverable.
pub(in crate::registry) fn open(path: &Path) -> Result<Connection, OpenError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(OpenError::damaged(path, "it is a directory")),
        Ok(found) if found.len() == 0 => return Err(OpenError::damaged(path, "it is empty")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path)?,
        Err(error) => return Err(OpenError::inaccessible(path, error)),
    }
    let failed = |error| open_error(path, error);
    let mut connection = Connection::open_with_flags(path, FLAGS).map_err(failed)?;
    connection.busy_timeout(LOCK_TIMEOUT).map_err(failed)?;
    let found = format(&connection).map_err(failed)?;
    let supported = newest_format();
    if found > supported {
        return Err(OpenError::Newer {
            file: path.display().to_string(),
            found,
            supported,
        });
    }
    if found == 0 {
        return Err(OpenError::damaged(path, "it is not a registry of sd-daemon"));
    }
    if let Some(problem) = check_integrity(&connection).map_err(failed)? {
        return Err(OpenError::damaged(path, &problem));
    }
    configure(&connection).map_err(failed)?;
    migrate(&mut connection, found).map_err(failed)?;
    Ok(connection)
}

/// Creates an empty registry, unless other files show that there was one before.
fn create(path: &Path) -> Result<(), OpenError> {
    if let Some(trace) = files::trace_of_deleted(path) {
        let reason = format!("it is missing, although {} exists", trace.display());
        return Err(OpenError::damaged(path, &reason));
    }
    tracing::info!(file = %path.display(), "creating a new registry");
    let placed = files::stage(path, |new| create_with_format(new, newest_format()))
        .and_then(|(database, _)| Ok(database.place()?));
    placed.map_err(|error| match error {
        PlacementError::File(source) => OpenError::inaccessible(path, source),
        PlacementError::Database(error) => open_error(path, error),
    })
}

/// Distinguishes damage from faults that leave the content intact, such as a full disk or a lock.
pub(in crate::registry) fn open_error(path: &Path, error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        None
        | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
            OpenError::damaged(path, &error.to_string())
        }
        Some(_) => OpenError::inaccessible(path, io::Error::other(error)),
    }
}

/// Returns the first problem of the file, if any.
///
/// SQLite reads every page, including those that are only needed later. It also compares each table with its indexes: a
/// flipped bit in an id makes another valid id, which no other check detects.
fn check_integrity(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let result: String = connection.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
    Ok((result != "ok").then_some(result))
}

/// Makes commits durable, and creates the write-ahead log.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A negative size is in KiB, a positive one in pages.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Creates the log, so that its deletion can be detected from now on.
    connection.execute_batch("begin immediate; commit")
}
