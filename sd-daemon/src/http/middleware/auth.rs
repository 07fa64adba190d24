//! HTTP basic authentication.
//!
//! Every route behind it returns 401 without credentials, unknown paths included. A request that passes carries a
//! [`Caller`](crate::domain::Caller), which the handlers pass on to the service.

mod credentials;
mod hash_verification_pool;
mod require_credentials;

pub use credentials::Credentials;
#[cfg(feature = "test-support")]
pub(in crate::http) use require_credentials::basic_credentials;
pub(in crate::http) use require_credentials::require_credentials;
