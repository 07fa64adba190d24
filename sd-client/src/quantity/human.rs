//! Durations for people.

use std::fmt;
use std::time::Duration;

/// Prints the two largest units of a duration, such as `2h 30m`. The rest is cut off, not rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanDuration(pub Duration);

/// Seconds in a unit and its letter, the largest first.
pub(super) const UNITS: [(u64, char); 4] = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];

impl fmt::Display for HumanDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let largest = UNITS.iter().position(|(size, _)| seconds >= *size);
        let largest = largest.unwrap_or(UNITS.len() - 1);
        let (size, unit) = UNITS[largest];
        let text = match UNITS.get(largest + 1) {
            Some((smaller, smaller_unit)) if seconds % size >= *smaller => {
                format!(
                    "{}{unit} {}{smaller_unit}",
                    seconds / size,
                    seconds % size / smaller
                )
            }
            Some(_) | None => format!("{}{unit}", seconds / size),
        };
        // Unlike `write!`, this honours the width of a table's column.
        formatter.pad(&text)
    }
}
