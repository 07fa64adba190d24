//! The document without the paths and schemas that the routes add.

use sd_client::api::{Event, Problem};
use utoipa::openapi::info::LicenseBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement, Server};
use utoipa::{PartialSchema, ToSchema};

use super::responses;

/// The security scheme of the API.
pub(in crate::http) const PASSWORD: &str = "password";
/// The security scheme of check-ins, besides the source address.
pub(in crate::http) const CHECK_IN_TOKEN: &str = "checkInToken";

/// The document before the routes add their paths and schemas.
pub(in crate::http) fn base() -> OpenApi {
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

/// The components that no path refers to directly: the schemas of problems and events, and the security schemes.
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
pub(in crate::http) fn to_json(document: &OpenApi) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("the document has string keys only");
    text.push('\n');
    text
}
