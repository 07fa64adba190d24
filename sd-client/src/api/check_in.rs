//! The report of a container on its own activity.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::Span;

/// The largest number of connections a report may name.
pub const MAX_ACTIVE_CONNECTIONS: u32 = 1_000_000;

/// What a container says of itself: how many connections it is serving, for how long it will be busy,
/// or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckIn {
    /// On the wire `active-connections`; `active` and `active_connections` are read as well.
    #[serde(
        rename = "active-connections",
        alias = "active",
        alias = "active_connections",
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "count"
    )]
    pub active_connections: Option<u32>,
    /// On the wire `for`: it is busy, and not to be stopped for this long.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub busy_for: Option<Span>,
}

impl CheckIn {
    /// It serves this many connections.
    pub fn connections(count: u32) -> Self {
        Self {
            active_connections: Some(count),
            busy_for: None,
        }
    }
}

/// A form has only text, a script may quote its numbers: both are counts.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    struct Count;

    impl de::Visitor<'_> for Count {
        type Value = u32;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "a whole number from 0 to {MAX_ACTIVE_CONNECTIONS}")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u32, E> {
            u32::try_from(number)
                .ok()
                .filter(|count| *count <= MAX_ACTIVE_CONNECTIONS)
                .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
        }

        /// JSON knows one sort of numbers, and some programs write each of them with a point.
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<u32, E> {
            if number.fract() == 0.0 && (0.0..=f64::from(MAX_ACTIVE_CONNECTIONS)).contains(&number) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a whole number in the range of a count"
                )]
                return Ok(number as u32);
            }
            Err(E::invalid_value(de::Unexpected::Float(number), &self))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u32, E> {
            match text.trim().parse() {
                Ok(number) => self.visit_u64(number),
                Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
            }
        }
    }

    deserializer.deserialize_any(Count).map(Some)
}
