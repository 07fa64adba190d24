//! `/healthz` and `/readyz`

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::problem::Problem;
use crate::service::Service;

/// Checks that the process is alive.
pub(in crate::http) async fn check_liveness() -> StatusCode {
    StatusCode::OK
}

/// Checks that the registry is writable and that the engine has responded recently.
pub(in crate::http) async fn check_readiness(State(service): State<Service>) -> Result<StatusCode, Problem> {
    service.is_ready().await.map_err(Problem::not_ready)?;
    Ok(StatusCode::OK)
}
