//! Conversion between columns and values of the domain.

use std::str::FromStr;
use std::time::Duration;

use rusqlite::Row;
use rusqlite::types::Type;

use crate::domain::{Limits, TimeLimit, Timestamp};

/// A point in time as milliseconds since the Unix epoch.
pub(in crate::registry) fn millis(timestamp: Timestamp) -> i64 {
    i64::try_from(timestamp.as_millis()).unwrap_or(i64::MAX)
}

/// Reads a point in time.
pub(in crate::registry) fn timestamp(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// Reads a point in time, or `None` if the column is null.
pub(in crate::registry) fn optional_timestamp(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<Timestamp>> {
    let millis: Option<u64> = row.get(column)?;
    Ok(millis.map(Timestamp::from_millis))
}

/// Parses a text.
pub(in crate::registry) fn parse<T: FromStr<Err: ToString>>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|error: T::Err| invalid(row, column, &error.to_string()))
}

/// Parses a text, or returns `None` if the column is null.
pub(super) fn parse_optional<T: FromStr<Err: ToString>>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)?.data_type() {
        Type::Null => Ok(None),
        _ => parse(row, column).map(Some),
    }
}

/// Reads the values of a column that holds several, separated by spaces.
pub(super) fn list<T, E: ToString, C: FromIterator<T>>(
    row: &Row<'_>,
    column: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> rusqlite::Result<C> {
    let text: String = row.get(column)?;
    let values = text
        .split_ascii_whitespace()
        .map(|value| parse(value).map_err(|error| error.to_string()));
    values
        .collect::<Result<C, _>>()
        .map_err(|reason| invalid(row, column, &reason))
}

/// The name under which a value is stored.
pub(in crate::registry) fn name_of<T: PartialEq + Copy>(
    names: &[(&'static str, T)],
    value: T,
) -> Option<&'static str> {
    names
        .iter()
        .find(|(_, named)| *named == value)
        .map(|(name, _)| *name)
}

/// Reads a value that is stored under a name.
pub(in crate::registry) fn value_of<T: Copy>(
    names: &[(&'static str, T)],
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let value = names
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value);
    value.ok_or_else(|| invalid(row, column, &format!("unknown value {text:?}")))
}

/// A time limit in seconds. 0 means that there is no limit.
pub(super) fn limit_seconds(limit: TimeLimit) -> u64 {
    match limit {
        TimeLimit::Never => 0,
        TimeLimit::After(duration) => duration.as_secs(),
    }
}

/// The time limit of this many seconds. 0 means that there is no limit.
pub(super) fn limit_from_seconds(seconds: u64) -> TimeLimit {
    match seconds {
        0 => TimeLimit::Never,
        _ => TimeLimit::After(Duration::from_secs(seconds)),
    }
}

/// Reads the three time limits of a container. Null means that the limit is not set.
pub(super) fn limits(
    row: &Row<'_>,
    [idle_timeout, max_lifetime, remove_after]: [&str; 3],
) -> rusqlite::Result<Limits> {
    let limit = |column| -> rusqlite::Result<Option<TimeLimit>> {
        let seconds: Option<u64> = row.get(column)?;
        Ok(seconds.map(limit_from_seconds))
    };
    Ok(Limits {
        idle_timeout: limit(idle_timeout)?,
        max_lifetime: limit(max_lifetime)?,
        remove_after: limit(remove_after)?,
    })
}

/// The error for a column with a value that the domain does not accept.
pub(in crate::registry) fn invalid(row: &Row<'_>, column: &str, reason: &str) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    let reason = format!("column {column}: {reason}");
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, reason.into())
}
