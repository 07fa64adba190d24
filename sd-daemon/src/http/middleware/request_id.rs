//! A number for each request, by which it is found in the log.

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

/// The id of the request that is being answered.
pub(in crate::http) fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// Gives a request its id, and writes one line about it.
pub(in crate::http) async fn assign(request: Request, next: Next) -> Response {
    let id = new_id();
    let header = HeaderValue::from_str(&id);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // Of the highest level, so that it is there whatever the log leaves out: every line about a request
    // carries its id.
    let span = tracing::error_span!("request", id, %method, path = ?path);
    let began = Instant::now();
    let answer = async {
        let response = next.run(request).await;
        let millis = began.elapsed().as_millis();
        tracing::debug!(status = response.status().as_u16(), millis, "answered");
        response
    };
    let mut response = CURRENT.scope(id, answer.instrument(span)).await;
    if let Ok(header) = header {
        response.headers_mut().insert(HEADER, header);
    }
    response
}

/// Ids need to differ, and nothing more: should there be no random numbers, they are all zero.
fn new_id() -> String {
    let mut bytes = [0; 8];
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}
