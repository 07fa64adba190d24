//! The report of a container on its own activity.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The largest number of connections a report may name.
pub const MAX_ACTIVE_CONNECTIONS: u32 = 1_000_000;

/// How many connections the reporting container is serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckIn {
    /// On the wire `active-connections`; `active` and `active_connections` are read as well.
    #[serde(
        rename = "active-connections",
        alias = "active",
        alias = "active_connections",
        deserialize_with = "count"
    )]
    pub active_connections: u32,
}

/// A form has only text, a script may quote its numbers: both are counts.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
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

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u32, E> {
            match text.trim().parse() {
                Ok(number) => self.visit_u64(number),
                Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
            }
        }
    }

    deserializer.deserialize_any(Count)
}
