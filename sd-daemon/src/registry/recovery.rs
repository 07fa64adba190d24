//! Keeping what can be read of a damaged registry, or putting back one that was saved.
//!
//! Nothing is written to the file that is read: a copy is. What was in its place is renamed and never deleted.
//!
//! Creates that had no container yet are left out. The right to remove what carries their label ends with the
//! file that they were written in: in a copy of it they may be open although their container has long been given
//! to somebody.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Row, params_from_iter};

use super::files::{self, PUT_ASIDE, PlacingError, SIDE_FILES, beside};
use super::{FILE_NAME, StateDirectory, history, row, schema};
use crate::domain::{ContainerId, OperationId, Record, Timestamp};

/// What is read, and under which name people know it.
const TABLES: [(&str, &str); 4] = [
    ("container", "containers"),
    ("history", "events"),
    ("idempotency_key", "keys of creates"),
    ("webhook", "positions of the webhook"),
];

/// Rows that are looked for one by one where the way from row to row is broken. More numbers than a registry gives.
const MOST_PROBES: i64 = 1_000_000;

/// What a recovery found, and what became of it.
#[derive(Debug)]
pub struct Recovery {
    /// Whose containers these are; nothing when that could not be read, and the new registry has a new identity.
    pub instance: Option<String>,
    /// The containers that are known again.
    pub containers: BTreeSet<ContainerId>,
    /// What was found of each kind of thing.
    pub salvaged: Vec<RecoveredTable>,
    /// Where the registry is now that was there before, when it was replaced.
    pub put_aside: Option<PathBuf>,
}

/// What was found of one kind of thing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RecoveredTable {
    /// What it is.
    pub what: &'static str,
    /// How many can be kept.
    pub kept: usize,
    /// How many were found and make no sense.
    pub invalid_rows: usize,
    /// Whether some could not even be found.
    pub is_incomplete: bool,
}

/// What to do with what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recover {
    /// Only say it.
    DryRun,
    /// Make a registry of it, in place of the one that is there.
    Replace,
}

/// Why nothing was recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// There is nothing to read.
    #[error("failed to read {file}: {source}: name a backup, or what was saved, with --from")]
    Missing {
        /// What should be read.
        file: String,
        /// Why it is not.
        source: io::Error,
    },
    /// Not even the list of its tables can be read, or it is something else.
    #[error(
        "nothing can be read in {file} ({reason}): restore a backup with sd-daemon recover --from BACKUP"
    )]
    Hopeless {
        /// What was read.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// What was read could not be written.
    #[error("failed to write the new registry: {0}")]
    Writing(String),
}

/// Reads what can be read in a file, the registry of a directory when none is named, and makes a registry of it.
pub fn recover(
    directory: &StateDirectory,
    source: Option<&Path>,
    what_for: Recover,
    now: Timestamp,
) -> Result<Recovery, RecoverError> {
    let path = directory.path().join(FILE_NAME);
    let source = source.unwrap_or(&path);
    let copy = Copy::of(source, &beside(&path, ".copy"))?;
    let hopeless = |error: &dyn std::fmt::Display| RecoverError::Hopeless {
        file: source.display().to_string(),
        reason: error.to_string(),
    };
    let damaged = Connection::open_with_flags(&copy.path, schema::FLAGS).map_err(|error| hopeless(&error))?;
    let format = schema::format(&damaged).map_err(|error| hopeless(&error))?;
    if format == 0 || format > schema::newest_format() {
        return Err(hopeless(&"it is no registry that this version knows"));
    }
    let writing = |error: PlacingError| RecoverError::Writing(error.to_string());
    let write = |new: &Path| salvage(&damaged, format, new);
    let (written, mut recovery) = files::write_aside(&path, write).map_err(writing)?;
    if what_for == Recover::Replace {
        recovery.put_aside = put_aside(&path, now).map_err(|error| writing(error.into()))?;
        written.put_in_place().map_err(|error| writing(error.into()))?;
    }
    Ok(recovery)
}

/// Copies what can be read into a new registry of the same format, and brings that up to date.
fn salvage(damaged: &Connection, format: u32, new: &Path) -> rusqlite::Result<Recovery> {
    let mut registry = schema::begin_at(new, format)?;
    let instance = copy_instance(damaged, &registry);
    let mut salvaged = Vec::new();
    for (table, what) in TABLES {
        let found = copy_table(damaged, &registry, table)?;
        salvaged.push(RecoveredTable { what, ..found });
    }
    copy_last_event(damaged, &registry);
    schema::migrate(&mut registry, format)?;
    for ((table, _), found) in TABLES.iter().zip(&mut salvaged) {
        let invalid_rows = delete_unreadable(&registry, table)?;
        found.kept -= invalid_rows;
        found.invalid_rows += invalid_rows;
    }
    let records = row::load_records(&registry)?;
    registry.close().map_err(|(_, error)| error)?;
    Ok(Recovery {
        instance,
        containers: records.iter().map(Record::id).collect(),
        salvaged,
        put_aside: None,
    })
}

/// Takes over whose containers these are, and the secret that their tokens are made of. What cannot be taken over
/// stays as it is in a new registry.
fn copy_instance(damaged: &Connection, registry: &Connection) -> Option<String> {
    let found = read_row(damaged, "instance", 1).ok().flatten()?;
    let take = |wanted: &str| {
        let (_, value) = found.iter().find(|(name, _)| name == wanted)?;
        let sql = format!("update instance set {wanted} = ?1");
        registry.execute(&sql, [value]).ok()
    };
    take("secret");
    take("engine");
    take("id")?;
    registry
        .query_row("select id from instance", [], |row| row.get(0))
        .ok()
}

/// Events that come later have numbers of their own, also when the last ones are lost: whoever follows them goes on
/// after the last one seen.
fn copy_last_event(damaged: &Connection, registry: &Connection) {
    let sql = "select seq from sqlite_sequence where name = 'history'";
    if let Ok(last) = damaged.query_row(sql, [], |row| row.get::<_, i64>(0)) {
        let sql = "update sqlite_sequence set seq = max(seq, ?1) where name = 'history'";
        // Where there is no such row there was no event.
        drop(registry.execute(sql, [last]));
    }
}

/// Deletes the rows that the schema accepts and this program cannot read.
fn delete_unreadable(registry: &Connection, table: &str) -> rusqlite::Result<usize> {
    let read: fn(&Row<'_>) -> rusqlite::Result<()> = match table {
        "container" => |row| row::read_record(row).map(drop),
        "history" => |row| history::read_event(row).map(drop),
        "idempotency_key" => |row| row::parse::<OperationId>(row, "operation").map(drop),
        _ => |_| Ok(()),
    };
    let mut statement = registry.prepare(&format!("select rowid as number, * from {table}"))?;
    let judge = |row: &Row<'_>| Ok((row.get::<_, i64>("number")?, read(row).is_err()));
    let judged: Vec<_> = statement.query_map([], judge)?.collect::<rusqlite::Result<_>>()?;
    let unreadable: Vec<_> = judged
        .into_iter()
        .filter(|(_, is_unreadable)| *is_unreadable)
        .collect();
    for (number, _) in &unreadable {
        registry.execute(&format!("delete from {table} where rowid = ?1"), [number])?;
    }
    Ok(unreadable.len())
}

/// Copies every row that can be found. Rows are found from the first on, from the last back, and between them by
/// their numbers: a page that cannot be read takes no more with it than it must.
fn copy_table(damaged: &Connection, registry: &Connection, table: &str) -> rusqlite::Result<RecoveredTable> {
    let Walk {
        mut rows,
        is_incomplete,
    } = walk(damaged, table, "asc");
    if is_incomplete {
        let last = |rows: &[Columns]| rows.last().map(|row| number(row));
        let low = last(&rows).unwrap_or(0);
        let mut above = walk(damaged, table, "desc").rows;
        above.retain(|row| number(row) > low);
        let high = last(&above).unwrap_or_else(|| low.saturating_add(MOST_PROBES));
        let between = low.saturating_add(1)..high.min(low.saturating_add(MOST_PROBES));
        rows.extend(between.filter_map(|rowid| read_row(damaged, table, rowid).ok().flatten()));
        rows.extend(above);
    }
    let mut salvaged = RecoveredTable {
        is_incomplete,
        ..RecoveredTable::default()
    };
    for row in rows {
        match insert(registry, table, &row) {
            Ok(()) => salvaged.kept += 1,
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                salvaged.invalid_rows += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(salvaged)
}

/// A row: its columns by name, the number of the row first.
type Columns = Vec<(String, Value)>;

fn number(row: &[(String, Value)]) -> i64 {
    match row.first() {
        Some((_, Value::Integer(number))) => *number,
        _ => 0,
    }
}

/// The rows on one way through a table.
struct Walk {
    rows: Vec<Columns>,
    /// Whether it ended before the end of the table.
    is_incomplete: bool,
}

fn walk(damaged: &Connection, table: &str, order: &str) -> Walk {
    let mut found = Vec::new();
    let sql = format!("select rowid as rowid, * from {table} order by rowid {order}");
    let walked = damaged.prepare(&sql).and_then(|mut statement| {
        let names = names(&statement);
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found.push(columns(&names, row)?);
        }
        Ok(())
    });
    Walk {
        rows: found,
        is_incomplete: walked.is_err(),
    }
}

fn read_row(damaged: &Connection, table: &str, rowid: i64) -> rusqlite::Result<Option<Columns>> {
    let sql = format!("select rowid as rowid, * from {table} where rowid = ?1");
    let mut statement = damaged.prepare_cached(&sql)?;
    let names = names(&statement);
    let mut rows = statement.query([rowid])?;
    rows.next()?.map(|row| columns(&names, row)).transpose()
}

fn names(statement: &rusqlite::Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
}

fn columns(names: &[String], row: &Row<'_>) -> rusqlite::Result<Columns> {
    let values = names.iter().enumerate();
    values
        .map(|(index, name)| Ok((name.clone(), row.get(index)?)))
        .collect()
}

/// Writes a row; the schema refuses what cannot be one.
fn insert(registry: &Connection, table: &str, row: &[(String, Value)]) -> rusqlite::Result<()> {
    // A number that has a name among the columns is there twice.
    let columns: BTreeSet<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
    let values = columns.iter().filter_map(|column| {
        let found = row.iter().find(|(name, _)| name == column);
        found.map(|(_, value)| value)
    });
    let places: Vec<_> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
    let names: Vec<_> = columns.iter().copied().collect();
    let sql = format!(
        "insert into {table} ({}) values ({})",
        names.join(", "),
        places.join(", ")
    );
    registry.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// A copy to read in: SQLite may have to write to what it reads, such as to take in its log.
struct Copy {
    path: PathBuf,
}

impl Copy {
    fn of(source: &Path, path: &Path) -> Result<Self, RecoverError> {
        let missing = |error| RecoverError::Missing {
            file: source.display().to_string(),
            source: error,
        };
        let copy = Self {
            path: path.to_owned(),
        };
        copy.delete();
        fs::copy(source, path).map_err(missing)?;
        let log = beside(source, "-wal");
        if log.exists() {
            fs::copy(log, beside(path, "-wal")).map_err(missing)?;
        }
        Ok(copy)
    }

    fn delete(&self) {
        for more in ["", "-wal", "-shm", "-journal"] {
            // What is left is overwritten the next time.
            drop(fs::remove_file(beside(&self.path, more)));
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.delete();
    }
}

/// Gives what is in the place of the registry another name, which nothing else has.
fn put_aside(path: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let time = files::time_in_name(now);
    let aside = (0_u32..).map(|number| match number {
        0 => beside(path, &format!("{PUT_ASIDE}{time}")),
        number => beside(path, &format!("{PUT_ASIDE}{time}-{number}")),
    });
    let is_free = |aside: &PathBuf| {
        !["", "-wal", "-shm"]
            .iter()
            .any(|more| beside(aside, more).exists())
    };
    let mut candidates = aside;
    let aside = candidates.find(is_free).unwrap_or_default();
    let mut shift_clock = None;
    for more in SIDE_FILES.iter().chain(&[""]) {
        match fs::rename(beside(path, more), beside(&aside, more)) {
            Ok(()) => shift_clock = Some(aside.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(shift_clock)
}
