//! `/v1/containers/{ref}/activity`

use axum::Json;
use axum::extract::State;
use sd_client::api;

use super::payload::Reference;
use super::problem::Problem;
use super::view;
use crate::service::Service;

/// Who uses a container, and why it is up or not.
pub(super) async fn show(
    State(service): State<Service>,
    Reference(reference): Reference,
) -> Result<Json<api::Activity>, Problem> {
    let report = service.activity(&reference)?;
    Ok(Json(view::activity(&report, service.signals())))
}
