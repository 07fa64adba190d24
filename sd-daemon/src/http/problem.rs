//! The one table from errors to HTTP problem responses: status codes, problem types and titles.

use std::any::Any;
use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use sd_client::api;

use super::request_id;
use crate::engine::EngineError;
use crate::registry::RegistryError;
use crate::service::ServiceError;

/// The response to a request that failed (RFC 9457).
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    /// Seconds after which the client may retry, if they are known.
    retry_after: Option<u64>,
    /// The background tasks, in the response to a readiness check.
    tasks: Option<Vec<api::TaskStatus>>,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unauthorized,
    Forbidden,
    UnknownPath,
    MethodNotAllowed,
    ContainerNotFound,
    AmbiguousReference,
    NameInUse,
    WrongState,
    KeyReused,
    ImageNotFound,
    UnknownCaller,
    UnknownToken,
    Malformed,
    UnsupportedMediaType,
    InvalidValue,
    TooLarge,
    BodyTimeout,
    LimitReached,
    RateLimited,
    EngineUnavailable,
    EngineTimeout,
    EngineRejected,
    RegistryFull,
    NotReady,
    Internal,
}

impl Kind {
    /// Status code, suffix of the problem type, title.
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "Authentication required"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "Request origin not allowed"),
            Self::UnknownPath => (S::NOT_FOUND, "unknown-path", "Path not found"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::ContainerNotFound => (S::NOT_FOUND, "container-not-found", "Container not found"),
            Self::AmbiguousReference => (
                S::CONFLICT,
                "ambiguous-reference",
                "Ambiguous container reference",
            ),
            Self::NameInUse => (S::CONFLICT, "name-in-use", "Name already in use"),
            Self::WrongState => (S::CONFLICT, "wrong-state", "Container state does not allow it"),
            Self::KeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "key-reused",
                "Idempotency key already used",
            ),
            Self::ImageNotFound => (S::NOT_FOUND, "image-not-found", "Image not found"),
            Self::UnknownCaller => (
                S::NOT_FOUND,
                "unknown-caller",
                "Caller is not a running container",
            ),
            Self::UnknownToken => (S::UNAUTHORIZED, "unknown-token", "Unknown token"),
            Self::Malformed => (S::BAD_REQUEST, "malformed-request", "Malformed request"),
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "malformed-request",
                "Unsupported media type",
            ),
            Self::InvalidValue => (S::UNPROCESSABLE_ENTITY, "malformed-request", "Invalid value"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "Request too large"),
            Self::BodyTimeout => (S::REQUEST_TIMEOUT, "too-slow", "Request timeout"),
            Self::LimitReached => (S::TOO_MANY_REQUESTS, "limit-reached", "Limit reached"),
            Self::RateLimited => (S::TOO_MANY_REQUESTS, "limit-reached", "Too many requests"),
            Self::EngineUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "engine-unavailable",
                "Container engine unavailable",
            ),
            Self::EngineTimeout => (S::GATEWAY_TIMEOUT, "engine-timeout", "Container engine timeout"),
            Self::EngineRejected => (
                S::BAD_GATEWAY,
                "engine-rejected",
                "Container engine rejected the request",
            ),
            Self::RegistryFull => (S::INSUFFICIENT_STORAGE, "registry-full", "Disk full"),
            Self::NotReady => (S::SERVICE_UNAVAILABLE, "not-ready", "Daemon not ready"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }
}

impl Problem {
    fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            retry_after: None,
            tasks: None,
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(
            Kind::Unauthorized,
            "the daemon's user and password are required, as HTTP basic authentication",
        )
    }

    pub(super) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Malformed, detail)
    }

    pub(super) fn unsupported_media_type() -> Self {
        Self::new(
            Kind::UnsupportedMediaType,
            "send the body as application/json or application/x-www-form-urlencoded",
        )
    }

    pub(super) fn mislabelled_json() -> Self {
        Self::new(
            Kind::UnsupportedMediaType,
            "the body is JSON but is labelled as a form: set the header content-type: application/json",
        )
    }

    /// A field has a value that is not allowed. The detail names the field and what is allowed.
    pub(super) fn invalid(field: &str, allowed: impl std::fmt::Display) -> Self {
        Self::new(Kind::InvalidValue, format!("{field}: {allowed}"))
    }

    /// The host or the origin of the request is not allowed.
    pub(super) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Forbidden, detail)
    }

    pub(super) fn body_timeout() -> Self {
        Self::new(Kind::BodyTimeout, "the body did not arrive in time")
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(Kind::TooLarge, format!("the body is larger than {limit} bytes"))
    }

    /// The client exceeded a rate limit.
    pub(super) fn rate_limited(reason: &str, retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        Self {
            retry_after: Some(seconds),
            ..Self::new(Kind::RateLimited, format!("{reason}: retry in {seconds} s"))
        }
    }

    /// The number of something has reached its maximum.
    pub(super) fn limit_reached(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::LimitReached, detail)
    }

    /// A readiness check failed. Its status code is 503 for every cause.
    pub(super) fn not_ready(error: ServiceError, tasks: Vec<api::TaskStatus>) -> Self {
        Self {
            kind: Kind::NotReady,
            tasks: Some(tasks),
            ..error.into()
        }
    }

    fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "internal error; the daemon's log has the cause under this request_id",
        )
    }

    /// The `WWW-Authenticate` header of a 401.
    fn challenge(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Unauthorized => Some("Basic realm=\"spin-docker\""),
            Kind::UnknownToken => Some("Bearer realm=\"spin-docker\", error=\"invalid_token\""),
            _ => None, // no other kind is a 401
        }
    }

    /// The `Retry-After` header, for conditions that pass by themselves.
    fn retry_after(&self) -> Option<HeaderValue> {
        if let Some(seconds) = self.retry_after {
            return Some(HeaderValue::from(seconds));
        }
        let is_transient = matches!(
            self.kind,
            Kind::EngineUnavailable | Kind::NotReady | Kind::LimitReached
        );
        is_transient.then(|| HeaderValue::from_static("5"))
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        let kind = match error {
            ServiceError::NotFound(_) | ServiceError::CreatedAndRemoved => Kind::ContainerNotFound,
            ServiceError::Ambiguous(_) => Kind::AmbiguousReference,
            ServiceError::Refused(..) => Kind::WrongState,
            ServiceError::ImageNotFound(_) => Kind::ImageNotFound,
            ServiceError::NameInUse(_) => Kind::NameInUse,
            ServiceError::KeyReused => Kind::KeyReused,
            ServiceError::TooManyContainers(_) | ServiceError::TooManyCreates => Kind::LimitReached,
            ServiceError::UnknownCaller(_) | ServiceError::TokenContainerNotRunning => Kind::UnknownCaller,
            ServiceError::UnknownToken => Kind::UnknownToken,
            ServiceError::UnusableImage { .. } => Kind::InvalidValue,
            ServiceError::Engine(EngineError::Unavailable(_)) => {
                let advice = "start it and check that the daemon may use its socket";
                return Self::new(Kind::EngineUnavailable, format!("{detail}; {advice}"));
            }
            ServiceError::Engine(EngineError::WrongEngine { .. }) => Kind::EngineUnavailable,
            ServiceError::Engine(EngineError::TimedOut(_)) => Kind::EngineTimeout,
            ServiceError::Engine(
                EngineError::Rejected(_)
                | EngineError::NoSuchImage
                | EngineError::NoSuchContainer
                | EngineError::NotRunning
                | EngineError::Unsupported(_)
                | EngineError::NameInUse,
            ) => Kind::EngineRejected,
            ServiceError::Registry(RegistryError::Full) => Kind::RegistryFull,
            // After `Unavailable` the process exits and is restarted; its log has the cause.
            ServiceError::Busy(_)
            | ServiceError::Engine(EngineError::NoNetwork(_) | EngineError::UnverifiedEngine(_))
            | ServiceError::Registry(RegistryError::Busy | RegistryError::Unavailable(_)) => Kind::NotReady,
            ServiceError::Bug(_) => {
                tracing::error!(error = %detail, "failed to serve a request");
                return Self::internal();
            }
        };
        Self::new(kind, detail)
    }
}

/// A problem, with the extension member of `not-ready`.
#[derive(serde::Serialize)]
struct Body {
    #[serde(flatten)]
    problem: api::Problem,
    #[serde(skip_serializing_if = "Option::is_none")]
    tasks: Option<Vec<api::TaskStatus>>,
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let (status, suffix, title) = self.kind.row();
        let problem = api::Problem {
            kind: format!("{}{suffix}", api::Problem::URN),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.to_string(),
            message: self.detail.to_string(),
            request_id: request_id::current(),
        };
        let body = Body {
            problem,
            tasks: self.tasks.take(),
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(api::Problem::MEDIA_TYPE));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(retry_after) = self.retry_after() {
            headers.insert(RETRY_AFTER, retry_after);
        }
        response
    }
}

pub(super) async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(Kind::UnknownPath, format!("no route for {}", uri.path()))
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        format!("{method} is not allowed at {}", uri.path()),
    )
}

/// The response to a request whose handler panicked. The panic itself is in the log.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}
