//! Assigns an id to each request, which the log and every problem response carry.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the current request. Empty outside of a request.
pub(super) fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// Assigns an id to a request and logs its outcome.
pub(super) async fn assign(request: Request, next: Next) -> Response {
    let id = new_id();
    let header = HeaderValue::from_str(&id);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // The span has the highest level, so that every log line of a request carries its id at any log level.
    let span = tracing::error_span!("request", id, %method, path = ?path);
    let started_at = Instant::now();
    let respond = async {
        let response = next.run(request).await;
        let millis = started_at.elapsed().as_millis();
        tracing::debug!(status = response.status().as_u16(), millis, "responded");
        response
    };
    let mut response = CURRENT.scope(id, respond.instrument(span)).await;
    if let Ok(header) = header {
        response.headers_mut().insert(HEADER, header);
    }
    response
}

/// A random id, or zero if the kernel has no random numbers: then the log cannot distinguish requests.
fn new_id() -> String {
    let mut bytes = [0; 8];
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}
