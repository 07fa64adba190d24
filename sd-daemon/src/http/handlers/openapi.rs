//! `/openapi.json`

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};

/// The OpenAPI document.
const OPENAPI: &str = include_str!("../openapi.json");

/// Returns the OpenAPI document.
pub(in crate::http) async fn show_openapi() -> ([(HeaderName, HeaderValue); 1], &'static str) {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        OPENAPI,
    )
}
