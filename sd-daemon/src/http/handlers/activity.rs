//! `/v1/containers/{ref}/activity`

use axum::Json;
use axum::extract::State;
use sd_client::api::{self, route};

use crate::http::openapi;
use crate::http::payload::ContainerRef;
use crate::http::problem::Problem;
use crate::service::Service;
use crate::wire;

/// Show the activity of a container.
///
/// Its latest activity, its limits and where they come from, its deadlines, and its history.
#[utoipa::path(
    get,
    path = route::ACTIVITY,
    tag = "activity",
    operation_id = "getActivity",
    params(openapi::ContainerRef),
    responses(
        (status = 200, description = "The activity.", body = api::Activity),
        openapi::CommonProblems,
        openapi::ReferenceProblems,
    ),
)]
pub(in crate::http) async fn show_activity(
    State(service): State<Service>,
    ContainerRef(reference): ContainerRef,
) -> Result<Json<api::Activity>, Problem> {
    let report = service.activity(&reference)?;
    Ok(Json(wire::activity(&report, service.signals())))
}
