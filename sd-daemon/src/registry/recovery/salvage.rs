//! Copies the readable rows of a damaged registry into a new one.

use std::path::Path;

use rusqlite::{Connection, Row};

use super::tables::{copy_table, read_row};
use super::{RecoveredTable, Recovery};
use crate::domain::{OperationId, Record};
use crate::registry::rows::columns::parse;
use crate::registry::{rows, schema};

/// The recovered tables, and what their rows are in the report.
const TABLES: [(&str, &str); 4] = [
    ("container", "containers"),
    ("history", "events"),
    ("idempotency_key", "idempotency keys"),
    ("webhook", "webhook cursors"),
];

/// Copies the readable rows into a new registry of the same format, and then migrates it to the newest format.
pub(super) fn salvage(damaged: &Connection, format: u32, new: &Path) -> rusqlite::Result<Recovery> {
    let mut registry = schema::create_with_format(new, format)?;
    let instance = copy_instance(damaged, &registry);
    let mut tables = Vec::new();
    for (table, what) in TABLES {
        let found = copy_table(damaged, &registry, table)?;
        tables.push(RecoveredTable { what, ..found });
    }
    copy_last_event_id(damaged, &registry);
    schema::migrate(&mut registry, format)?;
    for ((table, _), found) in TABLES.iter().zip(&mut tables) {
        let invalid_rows = delete_invalid_rows(&registry, table)?;
        found.kept -= invalid_rows;
        found.invalid_rows += invalid_rows;
    }
    let records = rows::records::load_all(&registry)?;
    registry.close().map_err(|(_, error)| error)?;
    Ok(Recovery {
        instance,
        containers: records.iter().map(Record::id).collect(),
        tables,
        replaced: None,
    })
}

/// Copies the id, the secret and the engine identity. Values that are not readable stay as in a new registry. Returns the
/// id, or `None` if it was not readable.
fn copy_instance(damaged: &Connection, registry: &Connection) -> Option<String> {
    let found = read_row(damaged, "instance", 1).ok().flatten()?;
    let copy = |wanted: &str| {
        let (_, value) = found.iter().find(|(name, _)| name == wanted)?;
        let sql = format!("update instance set {wanted} = ?1");
        registry.execute(&sql, [value]).ok()
    };
    copy("secret");
    copy("engine");
    copy("id")?;
    registry
        .query_row("select id from instance", [], |row| row.get(0))
        .ok()
}

/// Copies the id of the latest event, also if that event is lost. New events then get higher ids, and clients that follow
/// the events resume correctly.
fn copy_last_event_id(damaged: &Connection, registry: &Connection) {
    let select = "select seq from sqlite_sequence where name = 'history'";
    if let Ok(last) = damaged.query_row(select, [], |row| row.get::<_, i64>(0)) {
        let update = "update sqlite_sequence set seq = max(seq, ?1) where name = 'history'";
        // Without such a row there was no event.
        drop(registry.execute(update, [last]));
    }
}

/// Deletes the rows that satisfy the constraints of the schema, but cannot be read as values of the domain.
fn delete_invalid_rows(registry: &Connection, table: &str) -> rusqlite::Result<usize> {
    let read: fn(&Row<'_>) -> rusqlite::Result<()> = match table {
        "container" => |row| rows::records::read(row).map(drop),
        "history" => |row| rows::events::read(row).map(drop),
        "idempotency_key" => |row| parse::<OperationId>(row, "operation").map(drop),
        _ => |_| Ok(()),
    };
    let mut statement = registry.prepare(&format!("select rowid as number, * from {table}"))?;
    let validate = |row: &Row<'_>| Ok((row.get::<_, i64>("number")?, read(row).is_ok()));
    let validated: Vec<_> = statement
        .query_map([], validate)?
        .collect::<rusqlite::Result<_>>()?;
    let invalid: Vec<_> = validated.into_iter().filter(|(_, is_valid)| !is_valid).collect();
    for (number, _) in &invalid {
        registry.execute(&format!("delete from {table} where rowid = ?1"), [number])?;
    }
    Ok(invalid.len())
}
