//! The table `webhook`: the position of the webhook in the history.

use rusqlite::{Connection, OptionalExtension};

/// The id of the last event delivered to the webhook, if any.
pub(in crate::registry) fn load_cursor(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("select delivered from webhook")?
        .query_row([], |row| row.get(0))
        .optional()
}

/// Saves the id of the last event delivered to the webhook.
pub(in crate::registry) fn save_cursor(connection: &Connection, id: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert into webhook
             values (1, ?1)
             on conflict (only_row) do update set delivered = excluded.delivered",
        )?
        .execute([id])?;
    Ok(())
}
