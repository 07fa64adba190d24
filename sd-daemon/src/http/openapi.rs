//! The OpenAPI document, generated from the routes, the handlers and the wire types.
//!
//! `docs/openapi.json` is the committed copy; the test `generated` compares it. `script/conformance` tests the API against
//! the document, and generates clients from it.
//!
//! Bodies are described as JSON only. The API accepts forms as well, but generators make broken clients of an operation
//! with two content types.

mod parameters;
mod responses;

use sd_client::api::{Event, Problem};
use utoipa::openapi::info::LicenseBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement, Server};
use utoipa::{PartialSchema, ToSchema};

pub(super) use parameters::{ContainerRef, IdempotencyKey, LastEventId};
pub(super) use responses::{
    BodyProblems, CallerProblems, CheckInAccepted, CommonProblems, ContainerCreated, EngineProblems,
    EventStream, HealthProblems, InvalidValue, ReferenceProblems, RegistryProblems, Unavailable,
};

/// The security scheme of the API.
pub(super) const PASSWORD: &str = "password";
/// The security scheme of check-ins, besides the source address.
pub(super) const CHECK_IN_TOKEN: &str = "checkInToken";

/// Everything in the document but the paths and the schemas, which the routes add.
pub(super) fn base() -> OpenApi {
    let license = LicenseBuilder::new().name("MIT").identifier(Some("MIT"));
    let info = InfoBuilder::new()
        .title("spin-docker")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Containers on demand over the Docker engine, stopped and removed when idle.",
        ))
        .license(Some(license.build()));
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([Server::new("/")]))
        .security(Some([SecurityRequirement::new(PASSWORD, Vec::<String>::new())]))
        .components(Some(components().build()))
        .build()
}

/// Components that no path refers to directly: what a problem response and the event stream contain.
fn components() -> ComponentsBuilder {
    let mut schemas = vec![
        (Problem::name().into_owned(), Problem::schema()),
        (Event::name().into_owned(), Event::schema()),
    ];
    Event::schemas(&mut schemas);
    let scheme = |scheme, description: &str| {
        let mut http = Http::new(scheme);
        http.description = Some(description.to_owned());
        SecurityScheme::Http(http)
    };
    ComponentsBuilder::new()
        .security_scheme(PASSWORD, scheme(HttpAuthScheme::Basic, "The user is `admin`."))
        .security_scheme(
            CHECK_IN_TOKEN,
            scheme(
                HttpAuthScheme::Bearer,
                "The token that a container has in its environment variable `SD_CHECK_IN_TOKEN`.",
            ),
        )
        .schemas_from_iter(schemas)
        .responses_from_iter(responses::components())
}

/// The document as it is served and committed.
pub(super) fn to_json(document: &OpenApi) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("the document has string keys only");
    text.push('\n');
    text
}
