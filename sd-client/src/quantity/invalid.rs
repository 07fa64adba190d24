//! The error for a text that is not a valid quantity.

use std::fmt;

/// A text that cannot be read as a quantity, with what is allowed instead.
///
/// The name of the field is added by the reader: the path in an API body, the flag, the setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidQuantity {
    text: String,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    /// It is written in another way.
    Malformed {
        quantity: &'static str,
        expected: &'static str,
    },
    /// It is too small or too large.
    OutOfRange { range: &'static str },
    /// It is a number where a unit is required.
    NoUnit,
}

impl InvalidQuantity {
    pub(super) fn malformed(text: &str, quantity: &'static str, expected: &'static str) -> Self {
        let reason = Reason::Malformed { quantity, expected };
        Self::new(text, reason)
    }

    pub(super) fn out_of_range(text: &str, range: &'static str) -> Self {
        Self::new(text, Reason::OutOfRange { range })
    }

    pub(super) fn no_unit(text: &str) -> Self {
        Self::new(text, Reason::NoUnit)
    }

    fn new(text: &str, reason: Reason) -> Self {
        Self {
            text: text.to_owned(),
            reason,
        }
    }
}

impl fmt::Display for InvalidQuantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        match self.reason {
            Reason::Malformed { quantity, expected } => {
                write!(formatter, "{text:?} is not {quantity}: expected {expected}")
            }
            Reason::OutOfRange { range } => {
                write!(formatter, "{text:?} is out of range: expected {range}")
            }
            Reason::NoUnit => {
                write!(
                    formatter,
                    "{text:?} has no unit: write {text}s, {text}m or {text}h"
                )
            }
        }
    }
}

impl std::error::Error for InvalidQuantity {}
