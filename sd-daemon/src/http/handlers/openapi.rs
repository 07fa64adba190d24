//! `/openapi.json`

use axum::Extension;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use sd_client::api::route;

use crate::http::openapi;

/// The OpenAPI document as JSON.
#[derive(Clone)]
pub(in crate::http) struct Document(pub(in crate::http) Bytes);

/// Return the OpenAPI document.
#[utoipa::path(
    get,
    path = route::OPENAPI,
    tag = "daemon",
    operation_id = "getOpenApi",
    responses(
        (status = 200, description = "The document.", body = serde_json::Map<String, serde_json::Value>),
        openapi::CommonProblems,
    ),
)]
pub(in crate::http) async fn show_openapi(
    Extension(Document(document)): Extension<Document>,
) -> ([(HeaderName, HeaderValue); 1], Bytes) {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        document,
    )
}
