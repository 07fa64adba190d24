//! Error responses: RFC 9457 `application/problem+json`.

use serde::{Deserialize, Serialize};

/// The reason why a request failed (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// The problem type: `urn:spin-docker:problem:` and a suffix that programs can branch on.
    #[cfg_attr(feature = "openapi", schema(pattern = "^urn:spin-docker:problem:[a-z-]+$"))]
    #[serde(rename = "type")]
    pub kind: String,
    /// The problem type as text.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// The failure, and how to resolve it.
    pub detail: String,
    /// The same text as `detail`, for clients of the original API.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub message: String,
    /// The id of the request in the daemon's log.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    #[serde(default)]
    pub request_id: String,
}

impl Problem {
    /// The media type of a problem.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";
    /// The prefix of every `type`.
    pub const URN: &'static str = "urn:spin-docker:problem:";

    /// The suffix of the type, such as `container-not-found`.
    pub fn suffix(&self) -> &str {
        self.kind.strip_prefix(Self::URN).unwrap_or(&self.kind)
    }
}
