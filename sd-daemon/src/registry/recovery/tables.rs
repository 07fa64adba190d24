//! Reads the rows of a damaged table, and inserts them into a new one.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Row, Statement, params_from_iter};

use super::RecoveredTable;

/// The maximum number of row ids that are probed one by one in a damaged table. No registry uses more ids.
const MAX_PROBES: i64 = 1_000_000;

/// A row: its row id, followed by its columns with their names.
type Columns = Vec<(String, Value)>;

/// Copies every readable row.
///
/// A damaged table is read from its start, from its end, and by single row ids in between, so that a damaged page loses
/// as few rows as possible.
pub(super) fn copy_table(
    damaged: &Connection,
    registry: &Connection,
    table: &str,
) -> rusqlite::Result<RecoveredTable> {
    let Scan {
        mut rows,
        is_incomplete,
    } = scan(damaged, table, "asc");
    if is_incomplete {
        let last = |rows: &[Columns]| rows.last().map(|row| row_id(row));
        let low = last(&rows).unwrap_or(0);
        let mut above = scan(damaged, table, "desc").rows;
        above.retain(|row| row_id(row) > low);
        let high = last(&above).unwrap_or_else(|| low.saturating_add(MAX_PROBES));
        let between = low.saturating_add(1)..high.min(low.saturating_add(MAX_PROBES));
        rows.extend(between.filter_map(|id| read_row(damaged, table, id).ok().flatten()));
        rows.extend(above);
    }
    let mut recovered = RecoveredTable {
        is_incomplete,
        ..RecoveredTable::default()
    };
    for row in rows {
        match insert(registry, table, &row) {
            Ok(()) => recovered.kept += 1,
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                recovered.invalid_rows += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(recovered)
}

fn row_id(row: &[(String, Value)]) -> i64 {
    match row.first() {
        Some((_, Value::Integer(id))) => *id,
        _ => 0,
    }
}

/// The rows that were read in one direction.
struct Scan {
    rows: Vec<Columns>,
    /// Whether an error ended the scan before the end of the table.
    is_incomplete: bool,
}

fn scan(damaged: &Connection, table: &str, order: &str) -> Scan {
    let mut found = Vec::new();
    let sql = format!("select rowid as rowid, * from {table} order by rowid {order}");
    let result = damaged.prepare(&sql).and_then(|mut statement| {
        let names = names(&statement);
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found.push(columns(&names, row)?);
        }
        Ok(())
    });
    Scan {
        rows: found,
        is_incomplete: result.is_err(),
    }
}

/// Reads the row with this row id, if there is one.
pub(super) fn read_row(damaged: &Connection, table: &str, id: i64) -> rusqlite::Result<Option<Columns>> {
    let sql = format!("select rowid as rowid, * from {table} where rowid = ?1");
    let mut statement = damaged.prepare_cached(&sql)?;
    let names = names(&statement);
    let mut rows = statement.query([id])?;
    rows.next()?.map(|row| columns(&names, row)).transpose()
}

fn names(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
}

fn columns(names: &[String], row: &Row<'_>) -> rusqlite::Result<Columns> {
    let values = names.iter().enumerate();
    values
        .map(|(index, name)| Ok((name.clone(), row.get(index)?)))
        .collect()
}

/// Inserts a row. The constraints of the schema reject an invalid one.
fn insert(registry: &Connection, table: &str, row: &[(String, Value)]) -> rusqlite::Result<()> {
    // A primary key that is the row id is contained twice.
    let columns: BTreeSet<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
    let values = columns.iter().filter_map(|column| {
        let found = row.iter().find(|(name, _)| name == column);
        found.map(|(_, value)| value)
    });
    let placeholders: Vec<_> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
    let names: Vec<_> = columns.iter().copied().collect();
    let sql = format!(
        "insert into {table} ({}) values ({})",
        names.join(", "),
        placeholders.join(", ")
    );
    registry.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}
