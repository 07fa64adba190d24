//! Names of headers and environment variables that the daemon, the client and programs in containers agree on.
//!
//! The labels of images are in the daemon's `engine::labels`, because nothing else reads them.

/// Environment variable in containers: the URL for check-ins.
pub const CHECK_IN_URL_VARIABLE: &str = "SD_CHECK_IN_URL";

/// Environment variable in containers: the token that identifies the container, for `Authorization: Bearer TOKEN`.
///
/// A container needs it only if its source address does not identify it.
pub const CHECK_IN_TOKEN_VARIABLE: &str = "SD_CHECK_IN_TOKEN";

/// Request header of a create that is safe to repeat.
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";

/// Response header of a check-in: the idle timeout of the container in seconds, or `never`.
pub const IDLE_TIMEOUT_HEADER: &str = "sd-idle-timeout";

/// Response header of a check-in: the time before which the container is not stopped, if a client extended it.
pub const KEEP_UNTIL_HEADER: &str = "sd-keep-until";

/// Request header of the event stream: the id of the last event that the client has received.
pub const LAST_EVENT_ID_HEADER: &str = "last-event-id";
