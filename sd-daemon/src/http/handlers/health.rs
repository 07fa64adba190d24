//! `/healthz` and `/readyz`

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use sd_client::api;

use crate::http::problem::Problem;
use crate::service::Service;
use crate::task_status::TaskStatuses;
use crate::wire;

/// Checks that the process is alive.
pub(in crate::http) async fn check_liveness() -> StatusCode {
    StatusCode::OK
}

/// Checks that the registry is writable and that the engine has responded recently. The response lists the
/// background tasks either way.
pub(in crate::http) async fn check_readiness(
    State(service): State<Service>,
    Extension(tasks): Extension<TaskStatuses>,
) -> Result<Json<api::Readiness>, Problem> {
    let readiness = service.is_ready().await;
    let tasks = tasks.all().into_iter().map(wire::task_status).collect();
    match readiness {
        Ok(()) => Ok(Json(api::Readiness { tasks })),
        Err(error) => Err(Problem::not_ready(error, tasks)),
    }
}
