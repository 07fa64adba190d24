//! The formats of the file, and the migrations between them.

use std::path::Path;

use rusqlite::Connection;

use super::FLAGS;

/// Each entry migrates the format before it to the next. The number of entries is the newest format.
///
/// The constraints repeat those of the types, so that every row that can be written can be read. A released migration is
/// never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/1_create_tables.sql"),
    include_str!("migrations/2_add_limits_and_history.sql"),
    include_str!("migrations/3_add_engine.sql"),
    include_str!("migrations/4_add_clock_reference.sql"),
    include_str!("migrations/5_relax_container_ids.sql"),
    include_str!("migrations/6_add_reasons_and_actors.sql"),
];

/// The format of a file. 0 means that it is not a registry.
pub(in crate::registry) fn format(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("pragma user_version", [], |row| row.get(0))
}

/// The newest format, which this version writes.
pub(in crate::registry) fn newest_format() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Creates an empty registry of a format in an existing empty file. It is not durable before the file is synced.
pub(in crate::registry) fn create_with_format(path: &Path, format: u32) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_with_flags(path, FLAGS)?;
    connection.pragma_update(None, "journal_mode", "memory")?;
    connection.pragma_update(None, "synchronous", "off")?;
    migrate_between(&mut connection, 0, format)?;
    Ok(connection)
}

/// Migrates a file of an older format to the newest one.
pub(in crate::registry) fn migrate(connection: &mut Connection, found: u32) -> rusqlite::Result<()> {
    migrate_between(connection, found, newest_format())
}

fn migrate_between(connection: &mut Connection, found: u32, wanted: u32) -> rusqlite::Result<()> {
    let wanted = MIGRATIONS.iter().zip(1_u32..).take(wanted as usize);
    for (migration, format) in wanted.skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", format)?;
        transaction.commit()?;
    }
    Ok(())
}
