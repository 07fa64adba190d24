//! The paths of the API. No other module spells one out.

/// The placeholder of a container reference in path patterns: an id, a prefix of an id, or a name.
pub const REFERENCE: &str = "{ref}";

/// The images of the server.
pub const IMAGES: &str = "/v1/images";
/// All containers.
pub const CONTAINERS: &str = "/v1/containers";
/// One container, as a pattern. [`container`] makes a path of it.
pub const CONTAINER: &str = "/v1/containers/{ref}";
/// The same with a name that has its leading slash.
pub const CONTAINER_BY_SLASHED_NAME: &str = "/v1/containers//{ref}";
/// Postpones the stop of a container, as a pattern.
pub const EXTEND: &str = "/v1/containers/{ref}/extend";
/// The activity of a container, as a pattern.
pub const ACTIVITY: &str = "/v1/containers/{ref}/activity";
/// The stream of events.
pub const EVENTS: &str = "/v1/events";
/// Check-ins of containers.
pub const CHECK_IN: &str = "/v1/check-in";
/// The liveness check.
pub const HEALTHZ: &str = "/healthz";
/// The readiness check.
pub const READYZ: &str = "/readyz";

/// The OpenAPI document.
pub const OPENAPI: &str = "/openapi.json";

/// The path of the container with this id.
pub fn container(id: &str) -> String {
    format!("{CONTAINERS}/{id}")
}
