//! Responses: the problem responses as reusable components, sets of them, and successful responses with headers.

use std::collections::BTreeMap;

use sd_client::api::{Container, Event, Problem, Timestamp};
use sd_client::names;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Header, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

type Responses = BTreeMap<String, RefOr<Response>>;

/// A problem response: component name, status code, description.
type Row = (&'static str, u16, &'static str);

const MALFORMED: Row = ("Malformed", 400, "The request is malformed.");
const UNAUTHORIZED: Row = ("Unauthorized", 401, "The credentials are missing or wrong.");
const FORBIDDEN: Row = (
    "Forbidden",
    403,
    "The host or the origin of the request is not allowed.",
);
const NOT_FOUND: Row = (
    "NotFound",
    404,
    "The container or the image does not exist, or the caller is not a container.",
);
const BODY_TIMEOUT: Row = ("BodyTimeout", 408, "The body did not arrive in time.");
const CONFLICT: Row = (
    "Conflict",
    409,
    "The reference is ambiguous, the name is in use, or the container's state does not allow the change.",
);
const TOO_LARGE: Row = (
    "TooLarge",
    413,
    "The body is larger than 64 KiB, or than 1 KiB for a check-in.",
);
const UNSUPPORTED_MEDIA_TYPE: Row = (
    "UnsupportedMediaType",
    415,
    "The body is neither JSON nor a form.",
);
const INVALID_VALUE: Row = (
    "InvalidValue",
    422,
    "The detail names the field and what is allowed.",
);
const LIMIT_REACHED: Row = (
    "LimitReached",
    429,
    "A limit is reached, or the client sends too many requests.",
);
const INTERNAL: Row = (
    "Internal",
    500,
    "Internal error. The log has the cause under the request_id.",
);
const ENGINE_REJECTED: Row = (
    "EngineRejected",
    502,
    "The container engine rejected the request.",
);
const UNAVAILABLE: Row = (
    "Unavailable",
    503,
    "The container engine is unavailable, or the daemon is not ready.",
);
const ENGINE_TIMEOUT: Row = (
    "EngineTimeout",
    504,
    "The container engine did not respond in time.",
);
const REGISTRY_FULL: Row = ("RegistryFull", 507, "The disk is full. Nothing was changed.");

const ALL: [Row; 15] = [
    MALFORMED,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_FOUND,
    BODY_TIMEOUT,
    CONFLICT,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_VALUE,
    LIMIT_REACHED,
    INTERNAL,
    ENGINE_REJECTED,
    UNAVAILABLE,
    ENGINE_TIMEOUT,
    REGISTRY_FULL,
];

/// The problem responses as components.
pub(super) fn components() -> impl Iterator<Item = (&'static str, Response)> {
    ALL.into_iter().map(|row| (row.0, problem(row)))
}

fn problem((_, status, description): Row) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name())));
    let response = ResponseBuilder::new()
        .description(description)
        .content(Problem::MEDIA_TYPE, content.build());
    let response = match status {
        401 => response.header(
            "WWW-Authenticate",
            HeaderBuilder::new()
                .schema(Some(Object::with_type(Type::String)))
                .description(Some("How to authenticate."))
                .build(),
        ),
        429 | 503 => response.header(
            "Retry-After",
            required(
                "Seconds until a retry is useful.",
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some("^[0-9]+$")),
            ),
        ),
        _ => response,
    };
    response.build()
}

/// A header that every such response has. utoipa has no field for that.
fn required(description: &str, schema: ObjectBuilder) -> Header {
    let mut header = HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(description))
        .build();
    header.extensions = Some(Extensions::from_iter([("required", true)]));
    header
}

macro_rules! problem_sets {
    ($($(#[$doc:meta])+ $name:ident: $($row:ident)+;)+) => {$(
        $(#[$doc])+
        pub(in crate::http) struct $name;

        impl IntoResponses for $name {
            fn responses() -> Responses {
                let rows: &[Row] = &[$($row),+];
                let references = rows.iter().map(|(name, status, _)| {
                    (status.to_string(), Ref::from_response_name(*name).into())
                });
                references.collect()
            }
        }
    )+};
}

problem_sets! {
    /// Problems of the health checks, which need no credentials.
    HealthProblems: MALFORMED FORBIDDEN INTERNAL;
    /// Problems of every operation with credentials.
    CommonProblems: MALFORMED UNAUTHORIZED FORBIDDEN LIMIT_REACHED INTERNAL UNAVAILABLE;
    /// The daemon or the engine is not ready.
    Unavailable: UNAVAILABLE;
    /// The caller of a check-in is unknown.
    CallerProblems: NOT_FOUND;
    /// A parameter has a value that is not allowed.
    InvalidValue: INVALID_VALUE;
    /// Problems of operations on one container.
    ReferenceProblems: NOT_FOUND CONFLICT;
    /// Problems of operations with a body.
    BodyProblems: BODY_TIMEOUT TOO_LARGE UNSUPPORTED_MEDIA_TYPE INVALID_VALUE;
    /// Problems of operations that call the engine.
    EngineProblems: ENGINE_REJECTED ENGINE_TIMEOUT;
    /// Problems of operations that change the registry.
    RegistryProblems: REGISTRY_FULL;
}

fn only(status: u16, response: ResponseBuilder) -> Responses {
    BTreeMap::from([(status.to_string(), response.build().into())])
}

/// The response to a create request.
pub(in crate::http) struct ContainerCreated;

impl IntoResponses for ContainerCreated {
    fn responses() -> Responses {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Container::name())));
        let location = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^/v1/containers/[a-z0-9-]{1,128}$"));
        let response = ResponseBuilder::new()
            .description("The container is running.")
            .header("Location", required("The path of the container.", location))
            .content("application/json", content.build());
        only(201, response)
    }
}

/// The response to a check-in.
pub(in crate::http) struct CheckInAccepted;

impl IntoResponses for CheckInAccepted {
    fn responses() -> Responses {
        let idle_timeout = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(never|[0-9]+)$"));
        let keep_until = HeaderBuilder::new()
            .schema(Some(Ref::from_schema_name(Timestamp::name())))
            .description(Some("The time until which a client keeps the container running."));
        let response = ResponseBuilder::new()
            .description("The check-in was recorded.")
            .header(
                names::IDLE_TIMEOUT_HEADER,
                required(
                    "The idle timeout of the container in seconds, or never.",
                    idle_timeout,
                ),
            )
            .header(names::KEEP_UNTIL_HEADER, keep_until.build());
        only(204, response)
    }
}

/// The event stream.
pub(in crate::http) struct EventStream;

impl IntoResponses for EventStream {
    fn responses() -> Responses {
        // The keyword for the items of a stream comes with OpenAPI 3.2. In 3.1 the stream is a string whose content has
        // a schema; utoipa has no field for that.
        let mut stream = Object::with_type(Type::String);
        "text/event-stream".clone_into(&mut stream.content_media_type);
        stream.extensions = Some(Extensions::from_iter([(
            "contentSchema",
            serde_json::json!(Ref::from_schema_name(Event::name())),
        )]));
        let content = ContentBuilder::new().schema(Some(stream));
        let response = ResponseBuilder::new()
            .description("The stream. The data of each event is an `Event` as JSON.")
            .content("text/event-stream", content.build());
        only(200, response)
    }
}
