//! `/v1/containers/{ref}/activity`

use axum::Json;
use axum::extract::State;
use sd_client::api;

use crate::http::payload::ContainerRef;
use crate::http::problem::Problem;
use crate::service::Service;
use crate::wire;

/// Shows the activity, the limits and the history of a container.
pub(in crate::http) async fn show_activity(
    State(service): State<Service>,
    ContainerRef(reference): ContainerRef,
) -> Result<Json<api::Activity>, Problem> {
    let report = service.activity(&reference)?;
    Ok(Json(wire::activity(&report, service.signals())))
}
