//! An answer of the daemon, byte by byte where that matters.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use sd_client::api::Problem;
use serde_json::Value;

/// An answer that has been read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Sends a request.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self {
            status,
            headers,
            body: response.text().await.unwrap(),
        }
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status, last part of the type, and detail of a problem, which has the shape that all have.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, String, String) {
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
        (problem.status, problem.suffix().to_owned(), problem.detail)
    }

    /// Status and last part of the type of a problem.
    #[track_caller]
    pub(crate) fn kind(&self) -> (u16, String) {
        let (status, kind, _) = self.problem();
        (status, kind)
    }
}

/// What [`Answer::kind`] gives, written down shortly.
pub(crate) fn kind(status: u16, suffix: &str) -> (u16, String) {
    (status, suffix.to_owned())
}
