//! The table `idempotency_key`: which request used a key, and the operation that it started.

use rusqlite::{Connection, OptionalExtension};

use super::columns::{millis, parse};
use crate::domain::{IdempotencyKey, OperationId, Timestamp};

/// Finds the request and the operation of a key.
pub(in crate::registry) fn find(
    connection: &Connection,
    key: &str,
) -> rusqlite::Result<Option<(String, OperationId)>> {
    connection
        .prepare_cached(
            "select request, operation
             from idempotency_key
             where key = ?1",
        )?
        .query_row([key], |row| Ok((row.get(0)?, parse(row, "operation")?)))
        .optional()
}

/// Reads every key, so that an invalid one is detected at start and not when it is used.
pub(in crate::registry) fn validate_all(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("select operation from idempotency_key")?;
    let mut operations = statement.query_map([], |row| parse::<OperationId>(row, "operation"))?;
    operations.try_for_each(|operation| operation.map(drop))
}

/// Saves the key of a new creation.
pub(super) fn save(
    connection: &Connection,
    IdempotencyKey { key, request }: &IdempotencyKey,
    operation: OperationId,
    opened_at: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("insert into idempotency_key values (?1, ?2, ?3, ?4)")?
        .execute((key, request, operation.to_string(), millis(opened_at)))?;
    Ok(())
}

/// Deletes the key of an operation, if it has one.
pub(in crate::registry) fn delete_of(
    connection: &Connection,
    operation: OperationId,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from idempotency_key where operation = ?1")?
        .execute([operation.to_string()])?;
    Ok(())
}

/// Whether there are keys that were used before a point in time.
pub(in crate::registry) fn exist_before(connection: &Connection, time: Timestamp) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("select exists (select 1 from idempotency_key where opened_at < ?1)")?
        .query_row([millis(time)], |row| row.get(0))
}

/// Deletes the keys that were used before a point in time.
pub(in crate::registry) fn delete_before(connection: &Connection, time: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from idempotency_key where opened_at < ?1")?
        .execute([millis(time)])?;
    Ok(())
}

/// Adds `by` milliseconds to the time of every key.
pub(in crate::registry) fn shift_clock(connection: &Connection, by: i64) -> rusqlite::Result<()> {
    connection
        .execute(
            "update idempotency_key set opened_at = max(opened_at + ?1, 0)",
            [by],
        )
        .map(drop)
}
