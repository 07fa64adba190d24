//! Adjusts the stored times when the wall clock was changed between two starts of the daemon.
//!
//! Stored times are wall-clock times. If the wall clock was wrong at one start and is correct at the next, every
//! container seems to be days or years older, and all those with a limit would be stopped or removed at once. Within one
//! boot of the machine, the boot clock shows how much time has really passed. The stored times are then shifted by the
//! same amount as the wall clock.

use rusqlite::{Connection, TransactionBehavior};

use super::rows;
use crate::clock::ClockReference;

/// Smaller changes of the wall clock, such as those of NTP, are ignored.
const MIN_CHANGE_MILLIS: u64 = 10_000;

/// Shifts the stored times if the wall clock was changed since the last start, and saves the new clock reference. Returns
/// the change in milliseconds, or `None` if there was none.
pub(super) fn apply(connection: &mut Connection, now: &ClockReference) -> rusqlite::Result<Option<i64>> {
    // Immediate: a lock of another process is detected before anything is changed.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let changed_by = match rows::instance::load_clock_reference(&transaction)? {
        Some(before) if before.boot_id == now.boot_id => {
            let changed_by = now.wall_minus_boot.saturating_sub(before.wall_minus_boot);
            if changed_by.unsigned_abs() < MIN_CHANGE_MILLIS {
                return Ok(None);
            }
            shift_all(&transaction, changed_by)?;
            Some(changed_by)
        }
        _ => None,
    };
    rows::instance::save_clock_reference(&transaction, now)?;
    transaction.commit()?;
    Ok(changed_by)
}

fn shift_all(connection: &Connection, by: i64) -> rusqlite::Result<()> {
    for record in rows::records::load_all(connection)? {
        // Deleted first, because saving an existing record does not update the time of its creation.
        rows::records::delete(connection, record.id())?;
        rows::records::save(connection, &record.shift_clock(by))?;
    }
    rows::creations::shift_clock(connection, by)?;
    rows::keys::shift_clock(connection, by)?;
    rows::events::shift_clock(connection, by)
}
