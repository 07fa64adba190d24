//! `/v1/check-in`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use sd_client::api::CheckIn;

use super::payload::Payload;
use super::problem::Problem;
use super::serve::Peer;
use crate::service::Service;

/// Credits the container that calls. Who that is, only its address tells: headers could be forged.
pub(super) async fn report(
    State(service): State<Service>,
    Extension(peer): Extension<Peer>,
    Payload(report): Payload<CheckIn>,
) -> Result<StatusCode, Problem> {
    service
        .check_in(peer.address(), report.active_connections.unwrap_or_default())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
