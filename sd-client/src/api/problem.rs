//! Errors on the wire: RFC 9457 `application/problem+json`.

use serde::{Deserialize, Serialize};

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:spin-docker:problem:` and a word that a program can branch on.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words, the same for every occurrence.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// What happened, to what, and what to do about it.
    pub detail: String,
    /// Equal to `detail`, for clients of the original API.
    #[serde(default)]
    pub message: String,
    /// Finds the request in the daemon's log.
    #[serde(default)]
    pub request_id: String,
}

impl Problem {
    /// The media type of a problem.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";
    /// What every `type` begins with.
    pub const URN: &'static str = "urn:spin-docker:problem:";

    /// The last part of the type: `container-not-found`.
    pub fn suffix(&self) -> &str {
        self.kind.strip_prefix(Self::URN).unwrap_or(&self.kind)
    }
}
