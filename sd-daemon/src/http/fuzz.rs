//! The part of [`crate::fuzz`] that is about requests.

use std::fmt;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use sd_client::api::{CheckIn, CreateContainer, ExtendContainer, UpdateContainer};
use serde::Serialize;

use super::middleware::auth;
use super::payload;
use super::payload::Body;

/// A body is refused, or it is a request that is read again from what would be sent for it. The first byte says of
/// which type it is and how it is encoded.
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
        0 => read_twice::<CreateContainer>(media_type, body),
        1 => read_twice::<UpdateContainer>(media_type, body),
        2 => read_twice::<ExtendContainer>(media_type, body),
        _ => read_twice::<CheckIn>(media_type, body),
    }
}

fn read_twice<T: Body + Serialize + PartialEq + fmt::Debug>(media_type: &str, body: &[u8]) {
    let Ok(request) = payload::parse::<T>(Some(media_type), body) else {
        return;
    };
    let sent = serde_json::to_vec(&request).expect("a request can be sent");
    let read = payload::parse::<T>(Some("application/json"), &sent);
    assert_eq!(read.ok().as_ref(), Some(&request));
}

/// A header is refused, or it holds a user without a colon, and a password.
pub fn credentials(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    if let Some((user, _)) = auth::presented(&HeaderMap::from_iter([(AUTHORIZATION, value)])) {
        assert!(!user.contains(':'), "{user:?}");
    }
}
