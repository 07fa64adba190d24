//! `/v1/check-in`

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use sd_client::api::CheckIn;

use crate::domain::{Record, Report, TimeLimit};
use crate::http::middleware::rate_limit::RateLimiter;
use crate::http::payload::Payload;
use crate::http::problem::Problem;
use crate::server::Peer;
use crate::service::Service;
use crate::wire;

/// Credits the container that calls, and tells it how it stands. Who that is, its token tells, or else its
/// address; other headers could be forged.
pub(in crate::http) async fn report(
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
        busy_for: body.busy_for.map(sd_client::api::Span::duration),
        ..Report::default()
    };
    let record = match token(&headers) {
        Some(token) => service.check_in_by_token(token, report).await?,
        None => service.check_in(peer.address(), report).await?,
    };
    Ok((StatusCode::NO_CONTENT, receipt(&service, &record)))
}

/// How many reports may come from one address.
#[derive(Clone, Copy, Debug)]
pub struct ReportRate {
    /// So many at once.
    pub burst: u32,
    /// After this long one more.
    pub interval: Duration,
}

/// Many at once, because many containers may have one address to the outside.
impl Default for ReportRate {
    fn default() -> Self {
        Self {
            burst: 60,
            interval: Duration::from_millis(100),
        }
    }
}

/// Lets a report pass unless there were too many from where it comes. Each costs a question to the engine.
pub(in crate::http) async fn bound(
    State(buckets): State<Arc<RateLimiter>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match buckets.take(peer.address(), Instant::now()) {
        Ok(()) => Ok(next.run(request).await),
        Err(wait) => Err(Problem::too_often(
            "too many reports come from this address",
            wait,
        )),
    }
}

/// What stands behind `Authorization: Bearer`. Where nothing does, that is a token too, and a wrong one.
fn token(headers: &HeaderMap) -> Option<&str> {
    let credentials = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = credentials.split_once(' ').unwrap_or((credentials, ""));
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// How the container stands: what a reporter has to know to report often enough.
fn receipt(service: &Service, record: &Record) -> HeaderMap {
    let idle_timeout = match service.policy().idle_timeout(record).limit {
        TimeLimit::Never => "never".to_owned(),
        TimeLimit::After(timeout) => timeout.as_secs().to_string(),
    };
    let keep_until = record.activity().keep_until;
    let keep_until = keep_until.map(|at| wire::wire_time(at).to_string());
    let lines = [
        (CheckIn::IDLE_TIMEOUT_HEADER, Some(idle_timeout)),
        (CheckIn::KEEP_UNTIL_HEADER, keep_until),
    ];
    let lines = lines.into_iter().filter_map(|(name, text)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&text?).ok()?))
    });
    lines.collect()
}
