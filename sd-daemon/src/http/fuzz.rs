//! Fuzz targets for requests; see [`crate::fuzz`].

use std::fmt;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use sd_client::api::{CheckIn, CreateContainer, ExtendContainer, UpdateContainer};
use serde::Serialize;

use super::middleware::auth;
use super::payload;
use super::payload::Body;

/// A body is rejected, or the parsed request survives serialization and parsing. The first byte selects its type and
/// encoding.
pub fn body(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    let media_type = if kind & 1 == 0 {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    match (kind >> 1) % 4 {
        0 => round_trip::<CreateContainer>(media_type, body),
        1 => round_trip::<UpdateContainer>(media_type, body),
        2 => round_trip::<ExtendContainer>(media_type, body),
        _ => round_trip::<CheckIn>(media_type, body),
    }
}

fn round_trip<T: Body + Serialize + PartialEq + fmt::Debug>(media_type: &str, body: &[u8]) {
    let Ok(request) = payload::parse::<T>(Some(media_type), body) else {
        return;
    };
    let serialized = serde_json::to_vec(&request).expect("requests serialize to JSON");
    let parsed = payload::parse::<T>(Some("application/json"), &serialized);
    assert_eq!(parsed.ok().as_ref(), Some(&request));
}

/// A header is rejected, or it contains a user without a colon and a password.
pub fn credentials(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    if let Some((user, _)) = auth::basic_credentials(&HeaderMap::from_iter([(AUTHORIZATION, value)])) {
        assert!(!user.contains(':'), "{user:?}");
    }
}
