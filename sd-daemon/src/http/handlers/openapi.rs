//! `/openapi.json`
//!
//! The document is written by hand, beside the code. That it is true is asked from outside: `tests/api/openapi.rs`
//! compares it with the routes and the wire types, `script/conformance` has the API tried against it.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};

/// The document of this API.
const OPENAPI: &str = include_str!("../openapi.json");

/// What the API is, for programs.
pub(in crate::http) async fn show() -> ([(HeaderName, HeaderValue); 1], &'static str) {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        OPENAPI,
    )
}
