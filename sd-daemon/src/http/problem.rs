//! The one table from what went wrong to what the caller is told.

use std::any::Any;
use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use sd_client::api;

use super::middleware::request_id;
use crate::engine::EngineError;
use crate::registry::RegistryError;
use crate::service::ServiceError;

/// Why a request was not carried out, as the caller is told.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    /// After how many seconds the caller may try again, where that is known.
    wait: Option<u64>,
}

/// What sort of problem: everything about it but the details.
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
    TooSlow,
    LimitReached,
    TooOften,
    EngineUnavailable,
    EngineTimeout,
    EngineRejected,
    RegistryFull,
    NotReady,
    Internal,
}

impl Kind {
    /// Status, last part of the type, title.
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Unauthorized => (
                S::UNAUTHORIZED,
                "unauthorized",
                "Credentials are missing or wrong",
            ),
            Self::Forbidden => (
                S::FORBIDDEN,
                "forbidden",
                "The request comes from where it may not",
            ),
            Self::UnknownPath => (S::NOT_FOUND, "unknown-path", "There is nothing at this path"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::ContainerNotFound => (S::NOT_FOUND, "container-not-found", "No such container"),
            Self::AmbiguousReference => (S::CONFLICT, "ambiguous-reference", "Several containers match"),
            Self::NameInUse => (S::CONFLICT, "name-in-use", "The name is in use"),
            Self::WrongState => (
                S::CONFLICT,
                "wrong-state",
                "The container's state does not allow it",
            ),
            Self::KeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "key-reused",
                "The idempotency key is taken",
            ),
            Self::ImageNotFound => (S::NOT_FOUND, "image-not-found", "No such image"),
            Self::UnknownCaller => (S::NOT_FOUND, "unknown-caller", "The caller is not a container"),
            Self::UnknownToken => (
                S::UNAUTHORIZED,
                "unknown-token",
                "The token is not one of this daemon",
            ),
            Self::Malformed => (S::BAD_REQUEST, "malformed-request", "The request cannot be read"),
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "malformed-request",
                "The body is of a type that is not read",
            ),
            Self::InvalidValue => (
                S::UNPROCESSABLE_ENTITY,
                "malformed-request",
                "The request contains a wrong value",
            ),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The request is too large"),
            Self::TooSlow => (
                S::REQUEST_TIMEOUT,
                "too-slow",
                "The request took too long to arrive",
            ),
            Self::LimitReached => (S::TOO_MANY_REQUESTS, "limit-reached", "There is no room for more"),
            Self::TooOften => (S::TOO_MANY_REQUESTS, "limit-reached", "Too many requests"),
            Self::EngineUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "engine-unavailable",
                "The Docker engine cannot be reached",
            ),
            Self::EngineTimeout => (
                S::GATEWAY_TIMEOUT,
                "engine-timeout",
                "The Docker engine is too slow",
            ),
            Self::EngineRejected => (S::BAD_GATEWAY, "engine-rejected", "The Docker engine refused"),
            Self::RegistryFull => (S::INSUFFICIENT_STORAGE, "registry-full", "The disk is full"),
            Self::NotReady => (
                S::SERVICE_UNAVAILABLE,
                "not-ready",
                "The daemon cannot do its work now",
            ),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "A bug in sd-daemon"),
        }
    }
}

impl Problem {
    fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            wait: None,
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(
            Kind::Unauthorized,
            "this request needs the daemon's user and password, by HTTP basic authentication",
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
            "the body is JSON but says that it is a form: send it with the header content-type: application/json",
        )
    }

    /// A value that is not allowed: which field, and what would be.
    pub(super) fn invalid(field: &str, allowed: impl std::fmt::Display) -> Self {
        Self::new(Kind::InvalidValue, format!("{field}: {allowed}"))
    }

    /// The request was made by whom, or under a name, that it must not be.
    pub(super) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Forbidden, detail)
    }

    pub(super) fn too_slow() -> Self {
        Self::new(Kind::TooSlow, "the body did not arrive in time")
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(Kind::TooLarge, format!("the body may have {limit} bytes"))
    }

    /// The caller did something more often than it may.
    pub(super) fn too_often(what: &str, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self {
            wait: Some(seconds),
            ..Self::new(Kind::TooOften, format!("{what}: try again in {seconds} s"))
        }
    }

    /// There are as many of something as there may be.
    pub(super) fn limit_reached(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::LimitReached, detail)
    }

    /// Whatever keeps the daemon from its work, the answer to "are you ready" is 503.
    pub(super) fn not_ready(error: ServiceError) -> Self {
        Self {
            kind: Kind::NotReady,
            ..error.into()
        }
    }

    fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "something went wrong inside sd-daemon; its log has the cause under this request_id",
        )
    }

    /// How the caller may say who it is, where that is what is missing.
    fn challenge(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Unauthorized => Some("Basic realm=\"spin-docker\""),
            Kind::UnknownToken => Some("Bearer realm=\"spin-docker\", error=\"invalid_token\""),
            _ => None,
        }
    }

    /// Whether the caller may simply try again.
    fn retry_after(&self) -> Option<HeaderValue> {
        if let Some(seconds) = self.wait {
            return Some(HeaderValue::from(seconds));
        }
        let is_passing = matches!(
            self.kind,
            Kind::EngineUnavailable | Kind::NotReady | Kind::LimitReached
        );
        is_passing.then(|| HeaderValue::from_static("5"))
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
                let advice = "start it, and see that sd-daemon may use its socket";
                return Self::new(Kind::EngineUnavailable, format!("{detail}: {advice}"));
            }
            ServiceError::Engine(EngineError::Another { .. }) => Kind::EngineUnavailable,
            ServiceError::Engine(EngineError::TimedOut(_)) => Kind::EngineTimeout,
            ServiceError::Engine(
                EngineError::Rejected(_) | EngineError::NoSuchImage | EngineError::NameInUse,
            ) => Kind::EngineRejected,
            ServiceError::Registry(RegistryError::Full) => Kind::RegistryFull,
            // Out of use means that the process is about to end; its log says why, and the next one can go on.
            ServiceError::Busy(_)
            | ServiceError::Engine(EngineError::NoNetwork(_) | EngineError::Unrecognised(_))
            | ServiceError::Registry(RegistryError::Busy | RegistryError::Unavailable(_)) => Kind::NotReady,
            ServiceError::Bug(_) => {
                tracing::error!(error = %detail, "failed to serve a request");
                return Self::internal();
            }
        };
        Self::new(kind, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, suffix, title) = self.kind.row();
        let body = api::Problem {
            kind: format!("{}{suffix}", api::Problem::URN),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.to_string(),
            message: self.detail.to_string(),
            request_id: request_id::current(),
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
    Problem::new(Kind::UnknownPath, format!("there is nothing at {}", uri.path()))
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        format!("{method} is not allowed at {}", uri.path()),
    )
}

/// The answer to a request whose handler panicked. The panic itself is in the log.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}
