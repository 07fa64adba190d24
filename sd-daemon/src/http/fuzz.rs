//! Doors for [`crate::fuzz`] to what is nobody's else.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

pub(crate) use super::payload::Body;
use super::{auth, payload};

/// A body as a request carries it; nothing where it is refused.
pub(crate) fn body<T: Body>(media_type: &str, body: &[u8]) -> Option<T> {
    payload::parse(Some(media_type), body).ok()
}

/// The user and the password of a header; nothing where there are none.
pub(crate) fn credentials(header: &[u8]) -> Option<(String, String)> {
    let value = HeaderValue::from_bytes(header).ok()?;
    auth::presented(&HeaderMap::from_iter([(AUTHORIZATION, value)]))
}
