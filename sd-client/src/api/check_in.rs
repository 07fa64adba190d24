//! The check-in of a container, which reports its own activity.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::Span;

/// The largest number of connections that a check-in may report.
pub const MAX_ACTIVE_CONNECTIONS: u32 = 1_000_000;

/// Body of `POST /v1/check-in`: the number of active connections, a duration for which the container is busy, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(min_properties = 1))]
pub struct CheckIn {
    /// The number of connections that the container is serving. `active` and `active_connections` are accepted as
    /// other names of the field.
    #[cfg_attr(feature = "openapi", schema(nullable = false, maximum = 1_000_000))]
    #[serde(
        rename = "active-connections",
        alias = "active",
        alias = "active_connections",
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "count"
    )]
    pub active_connections: Option<u32>,
    /// The container is busy for this duration and must not be stopped for idleness.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub busy_for: Option<Span>,
}

impl CheckIn {
    /// Reports `count` connections.
    pub fn connections(count: u32) -> Self {
        Self {
            active_connections: Some(count),
            busy_for: None,
        }
    }
}

/// Parses a count from a number or a text: a form has only text, and scripts may quote numbers.
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

        /// Some JSON libraries write whole numbers with a decimal point.
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
