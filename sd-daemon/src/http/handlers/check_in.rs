//! `/v1/check-in`

use axum::Extension;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sd_client::api::{CheckIn, Span, route};
use sd_client::names;

use crate::domain::{Record, Report, TimeLimit};
use crate::http::openapi;
use crate::http::payload::Payload;
use crate::http::problem::Problem;
use crate::server::Peer;
use crate::service::Service;
use crate::wire;

/// Report the activity of the calling container.
///
/// The daemon identifies the container by its source address, or by its token if it sends one. The body may be sent as a
/// form as well.
#[utoipa::path(
    post,
    path = route::CHECK_IN,
    tag = "activity",
    operation_id = "checkIn",
    security((), ("checkInToken" = [])),
    request_body = CheckIn,
    responses(
        openapi::CheckInAccepted,
        openapi::CommonProblems,
        openapi::CallerProblems,
        openapi::BodyProblems,
        openapi::EngineProblems,
        openapi::RegistryProblems,
    ),
)]
pub(in crate::http) async fn check_in(
    State(service): State<Service>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Payload(body): Payload<CheckIn>,
) -> Result<(StatusCode, HeaderMap), Problem> {
    if body.active_connections.is_none() && body.busy_for.is_none() {
        return Err(Problem::invalid(
            "body",
            "nothing to report: give active-connections, or for",
        ));
    }
    let report = Report {
        connections: body.active_connections,
        busy_for: body.busy_for.map(Span::duration),
        ..Report::default()
    };
    // The address of the connection, never one of a header: a container could forge it.
    let record = match bearer_token(&headers) {
        Some(token) => service.check_in_by_token(token, report).await?,
        None => service.check_in(peer.address(), report).await?,
    };
    Ok((StatusCode::NO_CONTENT, response_headers(&service, &record)))
}

/// The token after `Authorization: Bearer`. A missing token is an empty one, which is wrong.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let credentials = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = credentials.split_once(' ').unwrap_or((credentials, ""));
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The limits of the container, from which it decides how often to check in.
fn response_headers(service: &Service, record: &Record) -> HeaderMap {
    let idle_timeout = match service.policy().idle_timeout(record).limit {
        TimeLimit::Never => "never".to_owned(),
        TimeLimit::After(timeout) => timeout.as_secs().to_string(),
    };
    let keep_until = record.activity().keep_until;
    let keep_until = keep_until.map(|at| wire::timestamp(at).to_string());
    let headers = [
        (names::IDLE_TIMEOUT_HEADER, Some(idle_timeout)),
        (names::KEEP_UNTIL_HEADER, keep_until),
    ];
    let headers = headers.into_iter().filter_map(|(name, text)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&text?).ok()?))
    });
    headers.collect()
}
