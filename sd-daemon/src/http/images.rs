//! `/v1/images`

use axum::Json;
use axum::extract::State;

use super::problem::Problem;
use crate::service::Service;

/// The tagged images of the server.
pub(super) async fn list(State(service): State<Service>) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(service.images().await?))
}
