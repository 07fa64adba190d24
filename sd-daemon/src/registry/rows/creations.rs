//! The table `creation`: creates that have no container yet.

use rusqlite::{Connection, Row, named_params};

use super::columns::{limit_seconds, limits, millis, parse, parse_optional, timestamp};
use super::{keys, reasons};
use crate::domain::{Actor, Caller, Creation, IdempotencyKey, Name, OperationId};

/// Reads every creation.
pub(in crate::registry) fn load_all(connection: &Connection) -> rusqlite::Result<Vec<Creation>> {
    let mut statement = connection.prepare(
        "select creation.*, key, request
         from creation
         left join idempotency_key using (operation)",
    )?;
    statement.query_map([], read)?.collect()
}

/// Saves a new creation and its idempotency key.
pub(in crate::registry) fn save(connection: &Connection, creation: &Creation) -> rusqlite::Result<()> {
    let (limits, labels) = (&creation.limits, &creation.label_limits);
    connection
        .prepare_cached(
            "insert into creation values (
                 :operation, :image, :name, :idle_timeout, :opened_at, :max_lifetime, :remove_after,
                 :label_idle_timeout, :label_max_lifetime, :label_remove_after, :requested_by
             )",
        )?
        .execute(named_params! {
            ":operation": creation.operation.to_string(),
            ":image": creation.image.as_str(),
            ":name": creation.name.as_ref().map(Name::as_str),
            ":idle_timeout": limits.idle_timeout.map(limit_seconds),
            ":opened_at": millis(creation.opened_at),
            ":max_lifetime": limits.max_lifetime.map(limit_seconds),
            ":remove_after": limits.remove_after.map(limit_seconds),
            ":label_idle_timeout": labels.idle_timeout.map(limit_seconds),
            ":label_max_lifetime": labels.max_lifetime.map(limit_seconds),
            ":label_remove_after": labels.remove_after.map(limit_seconds),
            ":requested_by": reasons::actor_column(&Actor::from(creation.requested_by.clone()))?,
        })?;
    match &creation.key {
        Some(key) => keys::save(connection, key, creation.operation, creation.opened_at),
        None => Ok(()),
    }
}

/// Deletes a creation.
pub(in crate::registry) fn delete(connection: &Connection, operation: OperationId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("delete from creation where operation = ?1")?
        .execute([operation.to_string()])?;
    Ok(())
}

/// Adds `by` milliseconds to the times of every creation.
pub(in crate::registry) fn shift_clock(connection: &Connection, by: i64) -> rusqlite::Result<()> {
    connection
        .execute("update creation set opened_at = max(opened_at + ?1, 0)", [by])
        .map(drop)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Creation> {
    let key: Option<String> = row.get("key")?;
    let request: Option<String> = row.get("request")?;
    Ok(Creation {
        operation: parse(row, "operation")?,
        image: parse(row, "image")?,
        name: parse_optional(row, "name")?,
        limits: limits(row, ["idle_timeout", "max_lifetime", "remove_after"])?,
        label_limits: limits(
            row,
            ["label_idle_timeout", "label_max_lifetime", "label_remove_after"],
        )?,
        key: key
            .zip(request)
            .map(|(key, request)| IdempotencyKey { key, request }),
        opened_at: timestamp(row, "opened_at")?,
        requested_by: match reasons::actor(row, "requested_by")? {
            Some(Actor::Caller(caller)) => Caller::clone(&caller),
            // An older version opened the creation.
            Some(Actor::Daemon | Actor::Container | Actor::Outside) | None => Caller::unidentified(),
        },
    })
}
