//! Parameters that the handlers read from paths and headers.

use utoipa::IntoParams;

/// The container of a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct ContainerRef {
    /// The full id, a unique prefix of at least four characters, or the name. Only containers of this daemon are found.
    #[param(rename = "ref", min_length = 1)]
    container: String,
}

/// The key of a create request.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct IdempotencyKey {
    /// A retry with the same key and the same body returns the same container, for 24 hours.
    #[param(rename = "Idempotency-Key", nullable = false, pattern = "^[!-~]{1,255}$")]
    key: Option<String>,
}

/// The position in the event stream.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its schema is used")]
pub(in crate::http) struct LastEventId {
    /// Start after this event, as far back as the history reaches.
    #[param(rename = "Last-Event-ID", nullable = false, pattern = "^[0-9]{1,18}$")]
    id: Option<String>,
}
