//! `/v1/images`

use axum::Json;
use axum::extract::State;

use crate::http::problem::Problem;
use crate::service::Service;

/// The tagged images of the server.
pub(in crate::http) async fn list(State(service): State<Service>) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(service.images().await?))
}
