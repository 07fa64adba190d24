//! `/v1/containers/{ref}/activity`

use axum::Json;
use axum::extract::State;
use sd_client::api;

use crate::http::payload::Reference;
use crate::http::problem::Problem;
use crate::service::Service;
use crate::wire;

/// Who uses a container, and why it is up or not.
pub(in crate::http) async fn show(
    State(service): State<Service>,
    Reference(reference): Reference,
) -> Result<Json<api::Activity>, Problem> {
    let report = service.activity(&reference)?;
    Ok(Json(wire::activity(&report, service.signals())))
}
