//! The table `instance`: the identity of the registry, its secret, its engine and its clock reference. It has one row.

use rusqlite::Connection;

use crate::clock::ClockReference;

/// The identity of a registry.
pub(in crate::registry) struct Instance {
    /// The id that containers, networks and tokens of this registry carry.
    pub(in crate::registry) id: String,
    /// The random secret from which tokens of containers are derived.
    pub(in crate::registry) secret: String,
}

/// Reads the identity and the secret.
pub(in crate::registry) fn load(connection: &Connection) -> rusqlite::Result<Instance> {
    connection.query_row("select id, secret from instance", [], |row| {
        Ok(Instance {
            id: row.get(0)?,
            secret: row.get(1)?,
        })
    })
}

/// Writes the row without changing it, to test that the disk accepts changes.
pub(in crate::registry) fn rewrite(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("update instance set id = id", []).map(drop)
}

/// The identity of the engine that the containers are on, if it is known.
pub(in crate::registry) fn load_engine(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("select engine from instance", [], |row| row.get(0))
}

/// Saves the identity of the engine that the containers are on.
pub(in crate::registry) fn save_engine(connection: &Connection, engine: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("update instance set engine = ?1")?
        .execute([engine])?;
    Ok(())
}

/// The clock reference of the last start, if it was known.
pub(in crate::registry) fn load_clock_reference(
    connection: &Connection,
) -> rusqlite::Result<Option<ClockReference>> {
    connection.query_row("select boot, ahead_of_boot from instance", [], |row| {
        let boot_id: Option<String> = row.get(0)?;
        let wall_minus_boot: Option<i64> = row.get(1)?;
        Ok(boot_id
            .zip(wall_minus_boot)
            .map(|(boot_id, wall_minus_boot)| ClockReference {
                boot_id,
                wall_minus_boot,
            }))
    })
}

/// Saves the clock reference of this start.
pub(in crate::registry) fn save_clock_reference(
    connection: &Connection,
    reference: &ClockReference,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "update instance set boot = ?1, ahead_of_boot = ?2",
            (&reference.boot_id, reference.wall_minus_boot),
        )
        .map(drop)
}
