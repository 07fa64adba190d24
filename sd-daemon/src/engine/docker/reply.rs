//! Interprets responses of the engine. Pure.
//!
//! Whether a container is missing is decided by the status, the headers and the shape of the body, never by the text
//! of the message, which differs between Docker and Podman.

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use serde::Deserialize;

use super::error::{CallError, one_line};
use crate::engine::EngineError;

/// A complete response.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The body of every error response of an engine. Podman adds other fields.
#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

impl Reply {
    /// Returns the body of a successful response, or `None` if the engine does not have the object.
    pub(super) fn found(self) -> Result<Option<Bytes>, CallError> {
        match self.status {
            200..=299 => Ok(Some(self.body)),
            404 if self.engine_error().is_some() => Ok(None),
            _ => Err(self.refusal()),
        }
    }

    /// Returns the error that an unsuccessful response means. A 404 counts only if the engine itself sent it.
    pub(super) fn refusal(&self) -> CallError {
        let message = match self.engine_error() {
            Some(message) => message,
            None if self.status == 404 => {
                return CallError::Failed(EngineError::Unavailable(
                    "another program responds at the engine's address".to_owned(),
                ));
            }
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        CallError::Answer {
            status: self.status,
            message: one_line(&message),
        }
    }

    /// Returns the message of an error response that the engine itself sent.
    ///
    /// Docker and Podman send the API version in a header and a JSON object with a message. Docker's own reply to
    /// an unknown path has no version header.
    fn engine_error(&self) -> Option<String> {
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let is_versioned = header("api-version").is_some_and(|version| !version.is_empty());
        let is_json = header(CONTENT_TYPE.as_str())
            .is_some_and(|media_type| media_type.starts_with("application/json"));
        if !is_versioned || !is_json {
            return None;
        }
        serde_json::from_slice::<ErrorBody>(&self.body)
            .ok()
            .map(|error| error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKER: &[(&str, &str)] = &[
        ("api-version", "1.41"),
        ("content-type", "application/json"),
        ("server", "Docker/20.10.24+dfsg1 (linux)"),
    ];
    const PODMAN: &[(&str, &str)] = &[
        ("api-version", "1.41"),
        ("libpod-api-version", "5.4.2"),
        ("content-type", "application/json"),
        ("server", "Libpod/5.4.2 (linux)"),
    ];
    const NO_HEADERS: &[(&str, &str)] = &[];
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    const HTML: &[(&str, &str)] = &[("content-type", "text/html"), ("server", "nginx")];

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Reply {
        let header = |(name, value): &(&'static str, &'static str)| {
            (
                name.parse().unwrap(),
                hyper::header::HeaderValue::from_static(value),
            )
        };
        Reply {
            status,
            headers: headers.iter().map(header).collect(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn absence_is_a_404_of_the_engine_itself() {
        let absent = [
            // Docker 20.10, 26 and 28.
            (DOCKER, r#"{"message":"No such container: 2cd8a1b037d8"}"#),
            // Podman 4.3 and 5.4.
            (
                PODMAN,
                r#"{"cause":"no such container","message":"no container with name or ID \"2cd8\" found: no such container","response":404}"#,
            ),
            (
                PODMAN,
                r#"{"cause":"no such container","message":"no container with ID or name \"2cd8\" found: no such container","response":404}"#,
            ),
        ];
        for (headers, body) in absent {
            assert_eq!(reply(404, headers, body).found().unwrap(), None, "{body}");
        }
        let other = [
            // Docker has no such path.
            (404_u16, JSON, r#"{"message":"page not found"}"#),
            (404, HTML, "<html><h1>404 Not Found</h1></html>"),
            (404, HTML, "No such container: 2cd8a1b037d8"),
            (404, DOCKER, "No such container: 2cd8a1b037d8"),
            (404, DOCKER, r#"{"error":"No such container: 2cd8a1b037d8"}"#),
            (404, DOCKER, ""),
            (
                404,
                NO_HEADERS,
                r#"{"message":"No such container: 2cd8a1b037d8"}"#,
            ),
            (500, DOCKER, r#"{"message":"No such container: 2cd8a1b037d8"}"#),
        ];
        for (status, headers, body) in other {
            assert!(reply(status, headers, body).found().is_err(), "{status} {body}");
        }
    }

    #[test]
    fn reply_of_another_program_is_unavailable() {
        let Err(CallError::Failed(error)) = reply(404, HTML, "not found").found() else {
            panic!("must be an error")
        };
        assert!(matches!(error, EngineError::Unavailable(_)), "{error}");
    }

    #[test]
    fn refusal_has_the_message_of_the_engine_in_one_line() {
        let refused = reply(409, DOCKER, "{\"message\":\"Conflict.\\nTry again\"}").found();
        let Err(CallError::Answer { status, message }) = refused else {
            panic!("must be refused")
        };
        assert_eq!((status, message.as_str()), (409, "Conflict. Try again"));
    }
}
