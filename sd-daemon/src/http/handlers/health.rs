//! `/healthz` and `/readyz`

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::problem::Problem;
use crate::service::Service;

/// The process lives. Nothing is asked.
pub(in crate::http) async fn alive() -> StatusCode {
    StatusCode::OK
}

/// The registry can be written, and the engine answered lately.
pub(in crate::http) async fn ready(State(service): State<Service>) -> Result<StatusCode, Problem> {
    service.is_ready().await.map_err(Problem::not_ready)?;
    Ok(StatusCode::OK)
}
