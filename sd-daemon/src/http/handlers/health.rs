//! `/healthz` and `/readyz`

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use sd_client::api::{self, route};

use crate::http::openapi;
use crate::http::problem::Problem;
use crate::service::Service;
use crate::task_status::TaskStatuses;
use crate::wire;

/// Check that the process is alive.
#[utoipa::path(
    get,
    path = route::HEALTHZ,
    tag = "daemon",
    operation_id = "checkLiveness",
    security(),
    responses((status = 200, description = "The process is alive."), openapi::HealthProblems),
)]
pub(in crate::http) async fn check_liveness() -> StatusCode {
    StatusCode::OK
}

/// Check that the registry is writable and that the engine has responded recently.
///
/// The response lists the background tasks, in the problem of a 503 as well.
#[utoipa::path(
    get,
    path = route::READYZ,
    tag = "daemon",
    operation_id = "checkReadiness",
    security(),
    responses(
        (status = 200, description = "The daemon is ready.", body = api::Readiness),
        openapi::HealthProblems,
        openapi::Unavailable,
    ),
)]
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
