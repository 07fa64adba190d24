//! `/v1/images`

use axum::Json;
use axum::extract::State;

use crate::http::problem::Problem;
use crate::service::Service;

/// Lists the tagged images of the server, sorted.
pub(in crate::http) async fn list_images(
    State(service): State<Service>,
) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(service.images().await?))
}
