//! `/v1/images`

use axum::Json;
use axum::extract::State;
use sd_client::api::route;

use crate::http::openapi;
use crate::http::problem::Problem;
use crate::service::Service;

/// List the images.
///
/// The tagged images of the server, sorted. Each can be used to create a container.
#[utoipa::path(
    get,
    path = route::IMAGES,
    tag = "images",
    operation_id = "listImages",
    responses(
        (status = 200, description = "The images.", body = Vec<String>, example = json!(["sd-postgres:latest"])),
        openapi::CommonProblems,
        openapi::EngineProblems,
    ),
)]
pub(in crate::http) async fn list_images(
    State(service): State<Service>,
) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(service.images().await?))
}
