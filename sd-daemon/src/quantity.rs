//! Conversions between quantities in settings and requests and the domain's types.
//!
//! The domain uses the standard library only, so the conversions are here.

use sd_client::quantity;

use crate::domain;

impl From<quantity::TimeLimit> for domain::TimeLimit {
    fn from(limit: quantity::TimeLimit) -> Self {
        match limit {
            quantity::TimeLimit::Never => Self::Never,
            quantity::TimeLimit::After(duration) => Self::After(duration),
        }
    }
}
