//! The paths of the API. Nothing else in the workspace spells one out.

/// What stands for a container in the patterns of routes: its id, the beginning of that, or its name.
pub const REFERENCE: &str = "{ref}";

/// Images that the server can run.
pub const IMAGES: &str = "/v1/images";
/// All containers.
pub const CONTAINERS: &str = "/v1/containers";
/// One container, as a route pattern; [`container`] fills it in.
pub const CONTAINER: &str = "/v1/containers/{ref}";
/// The same, for those who append a name as it is shown, with its slash.
pub const CONTAINER_BY_SLASHED_NAME: &str = "/v1/containers//{ref}";
/// Pushes the deadline of a container, as a route pattern.
pub const EXTEND: &str = "/v1/containers/{ref}/extend";
/// Who uses a container, and why it is up, as a route pattern.
pub const ACTIVITY: &str = "/v1/containers/{ref}/activity";
/// What happens to containers, as it happens.
pub const EVENTS: &str = "/v1/events";
/// Reports of containers on their activity.
pub const CHECK_IN: &str = "/v1/check-in";
/// Answers as long as the process lives.
pub const HEALTHZ: &str = "/healthz";
/// Answers 200 when the daemon can do its work.
pub const READYZ: &str = "/readyz";

/// The description of all this, for programs.
pub const OPENAPI: &str = "/openapi.json";

/// The path of the container with this id.
pub fn container(id: &str) -> String {
    format!("{CONTAINERS}/{id}")
}
