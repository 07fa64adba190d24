//! What happens when the machine's date was set while no daemon ran.
//!
//! Everything here is as old as dates say. A date that was a day ahead at one start, or fifty years behind, would make
//! every container a day or fifty years old at the next, and those that may live or rest no longer than that would all
//! end at once. Within one boot of the machine the boot clock tells how much time has really passed, and what is
//! written down is moved to where the new date puts it.

use rusqlite::{Connection, TransactionBehavior, named_params};

use super::row;
use crate::clock::ClockReference;

/// A date that is adjusted by less is as good as the same.
const NOTABLE_MILLIS: u64 = 10_000;

/// Moves what is written down along with the date, and notes how the date hangs on the boot clock now. Says by how many
/// milliseconds the date was set, if it was.
pub(super) fn follow(connection: &mut Connection, now: &ClockReference) -> rusqlite::Result<Option<i64>> {
    // Immediate: whether somebody else holds the database is known before anything is changed.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = transaction.query_row("select boot, ahead_of_boot from instance", [], |row| {
        Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let set_by = match before {
        (Some(boot), Some(ahead)) if boot == now.boot_id => {
            let set_by = now.wall_minus_boot.saturating_sub(ahead);
            if set_by.unsigned_abs() < NOTABLE_MILLIS {
                return Ok(None);
            }
            move_all(&transaction, set_by)?;
            Some(set_by)
        }
        _ => None,
    };
    transaction.execute(
        "update instance set boot = ?1, ahead_of_boot = ?2",
        (&now.boot_id, now.wall_minus_boot),
    )?;
    transaction.commit()?;
    Ok(set_by)
}

fn move_all(connection: &Connection, by: i64) -> rusqlite::Result<()> {
    for record in row::load_records(connection)? {
        row::delete_record(connection, record.id())?;
        row::save_record(connection, &record.shift_clock(by))?;
    }
    for moving in [
        "update creation set opened_at = max(opened_at + :by, 0)",
        "update idempotency_key set opened_at = max(opened_at + :by, 0)",
        "update history set at = max(at + :by, 0), stops_at = max(stops_at + :by, 0)",
    ] {
        connection.execute(moving, named_params! { ":by": by })?;
    }
    Ok(())
}
