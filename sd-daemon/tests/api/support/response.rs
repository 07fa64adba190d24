//! Responses of the daemon, as they arrive on the wire.

use std::fmt::Write;

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use sd_client::api::Problem;
use serde_json::{Map, Value, json};

/// Headers that differ from run to run, or follow from the body.
const VOLATILE_HEADERS: [&str; 3] = ["content-length", "date", "x-request-id"];
/// Length of the container ids that the fake engine assigns.
const ID_LENGTH: usize = 64;

/// A response whose body has been read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Sends a request and reads the response to its end.
pub(crate) async fn send(request: RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Response {
        status,
        headers,
        body: response.text().await.unwrap(),
    }
}

impl Response {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status, type and detail of a problem, such as `409 wrong-state: Container 1337 is paused`.
    ///
    /// Checks the shape that all problems have.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        let problem: Problem =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert!(
            problem.kind.starts_with("urn:spin-docker:problem:"),
            "{problem:?}"
        );
        assert_eq!(problem.status, self.status);
        assert_eq!(problem.message, problem.detail);
        assert_eq!(self.header("x-request-id"), Some(problem.request_id.as_str()));
        assert!(
            !problem.request_id.is_empty() && !problem.title.is_empty(),
            "{problem:?}"
        );
        format!("{} {}: {}", problem.status, problem.suffix(), problem.detail)
    }

    /// Status and type of a problem, such as `409 wrong-state`.
    #[track_caller]
    pub(crate) fn kind(&self) -> String {
        let problem = self.problem();
        problem.split(':').next().unwrap_or_default().to_owned()
    }

    /// Status, headers and body for a snapshot. Container ids are replaced by `[id 1]`, `[id 2]` and so on, in
    /// the order in which they appear.
    pub(crate) fn snapshot(&self) -> Value {
        let headers = self.headers.iter();
        let stable = headers.filter(|(name, _)| !VOLATILE_HEADERS.contains(&name.as_str()));
        let headers: Map<String, Value> = stable
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
            .collect();
        let body = serde_json::from_str(&self.body).unwrap_or_else(|_| Value::from(self.body.as_str()));
        let response = json!({ "status": self.status, "headers": headers, "body": body });
        redacted(&response)
    }
}

/// A value with every container id replaced by `[id 1]`, `[id 2]` and so on, in the order in which they appear.
pub(crate) fn redacted(value: &Value) -> Value {
    serde_json::from_str(&redacted_text(&value.to_string())).unwrap()
}

/// The same for text.
pub(crate) fn redacted_text(text: &str) -> String {
    let mut redacted = String::new();
    let mut ids = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|char: char| char.is_ascii_hexdigit()) {
        let (before, at_digit) = rest.split_at(start);
        let length = at_digit.find(|char: char| !char.is_ascii_hexdigit());
        let (digits, after) = at_digit.split_at(length.unwrap_or(at_digit.len()));
        redacted.push_str(before);
        if digits.len() == ID_LENGTH {
            let known = ids.iter().position(|id| *id == digits);
            let index = known.unwrap_or(ids.len());
            if known.is_none() {
                ids.push(digits);
            }
            write!(redacted, "[id {}]", index + 1).unwrap();
        } else {
            redacted.push_str(digits);
        }
        rest = after;
    }
    redacted + rest
}

/// Where the snapshots of this suite are: `tests/api/snapshots`.
pub(crate) fn snapshot_settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_omit_expression(true);
    settings
}

/// Compares a whole response with the snapshot that has the name of the test.
macro_rules! assert_response {
    ($response:expr) => {{
        let response = $response.snapshot();
        crate::support::snapshot_settings().bind(|| {
            insta::assert_json_snapshot!(response, { ".body.request_id" => "[request id]", ".body.tasks" => "[tasks]" });
        });
    }};
}

/// Compares a JSON value with the snapshot that has the name of the test.
macro_rules! assert_json {
    ($value:expr) => {{
        let value = crate::support::redacted(&serde_json::to_value(&$value).unwrap());
        crate::support::snapshot_settings().bind(|| insta::assert_json_snapshot!(value));
    }};
}

/// Compares lines of text with the snapshot that has the name of the test.
macro_rules! assert_lines {
    ($lines:expr) => {{
        let lines = $lines.join("\n");
        crate::support::snapshot_settings().bind(|| insta::assert_snapshot!(lines));
    }};
}

pub(crate) use {assert_json, assert_lines, assert_response};
