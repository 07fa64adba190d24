//! The router: which path leads to which handler, and the layers around them.
//!
//! There are two listeners. The API's listener serves everything. The check-in listener, on the network of the
//! containers, serves check-in only, whatever credentials a container presents.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use ipnet::IpNet;
use sd_client::api::route;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use url::Host;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::handlers::events::EventStreams;
use super::handlers::openapi::{self as document, Document};
use super::handlers::{activity, check_in, containers, events, health, images};
use super::middleware::auth::{Credentials, require_credentials};
use super::middleware::client_address::TrustedProxies;
use super::middleware::host_check::{AllowedHosts, check_host_and_origin};
use super::middleware::rate_limit::{RateLimiter, ReportRate, limit_check_ins};
use super::payload::{MAX_BODY, MAX_CHECK_IN};
use super::{openapi, problem, request_id};
use crate::service::Service;
use crate::task_status::TaskStatuses;

/// Access to the API.
#[derive(Clone)]
pub struct ApiAccess {
    /// The credentials of its user.
    pub credentials: Credentials,
    /// Hosts that requests may name, besides the listener's address and `localhost`.
    pub hosts: Vec<Host>,
    /// Networks of the proxies whose `X-Forwarded-For` is read.
    pub proxies: Vec<IpNet>,
}

/// The router of the API listener.
///
/// Event streams end at `shutdown`.
pub fn api(service: Service, access: ApiAccess, tasks: TaskStatuses, shutdown: CancellationToken) -> Router {
    let authenticated = Router::from(authenticated_routes())
        // The path of a container whose name is appended with its leading slash. The document omits it: users type
        // this path, and generators cannot express it.
        .route(
            route::CONTAINER_BY_SLASHED_NAME,
            get(containers::show_container)
                .patch(containers::update_container)
                .delete(containers::remove_container),
        )
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::unknown_path)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(Extension(EventStreams::new(shutdown)))
        .layer(Extension(Document(openapi_document().into())))
        .layer(middleware::from_fn_with_state(
            (access.credentials, TrustedProxies::new(&access.proxies)),
            require_credentials,
        ))
        .with_state(service.clone());
    let health = Router::from(health_routes())
        .layer(Extension(tasks))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(service.clone());
    let hosts = AllowedHosts::for_api(&access.hosts);
    with_common_layers(
        authenticated
            .merge(health)
            .merge(check_in_router(service, ReportRate::default())),
        hosts,
    )
}

/// The OpenAPI document of the API, as JSON.
pub fn openapi_document() -> String {
    let routes = OpenApiRouter::with_openapi(openapi::base())
        .merge(authenticated_routes())
        .merge(check_in_routes())
        .merge(health_routes());
    openapi::to_json(routes.get_openapi())
}

fn authenticated_routes() -> OpenApiRouter<Service> {
    OpenApiRouter::default()
        .routes(routes!(images::list_images))
        .routes(routes!(containers::list_containers, containers::create_container))
        .routes(routes!(
            containers::show_container,
            containers::update_container,
            containers::remove_container
        ))
        .routes(routes!(containers::extend_container))
        .routes(routes!(activity::show_activity))
        .routes(routes!(events::stream_events))
        .routes(routes!(document::show_openapi))
}

fn health_routes() -> OpenApiRouter<Service> {
    OpenApiRouter::default()
        .routes(routes!(health::check_liveness))
        .routes(routes!(health::check_readiness))
}

fn check_in_routes() -> OpenApiRouter<Service> {
    OpenApiRouter::default().routes(routes!(check_in::check_in))
}

/// The router of the check-in listener. `hosts` are allowed besides any IP address.
pub fn check_in(service: Service, hosts: &[Host], rate: ReportRate) -> Router {
    let routes = check_in_router(service, rate).fallback(problem::unknown_path);
    with_common_layers(routes, AllowedHosts::for_check_in(hosts))
}

/// The URL for check-ins at a listener.
pub fn check_in_url(listener: SocketAddr) -> String {
    match listener.port() {
        80 => format!("http://{}{}", host(listener), route::CHECK_IN),
        port => format!("http://{}:{port}{}", host(listener), route::CHECK_IN),
    }
}

fn host(listener: SocketAddr) -> String {
    match listener {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

fn check_in_router(service: Service, rate: ReportRate) -> Router {
    Router::from(check_in_routes())
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_CHECK_IN))
        .layer(middleware::from_fn_with_state(
            Arc::new(RateLimiter::new(rate.burst, rate.interval)),
            limit_check_ins,
        ))
        .with_state(service)
}

/// The outermost layers of both listeners.
fn with_common_layers(routes: Router, hosts: AllowedHosts) -> Router {
    routes.layer(
        ServiceBuilder::new()
            .layer(middleware::from_fn(request_id::assign))
            .layer(CatchPanicLayer::custom(problem::panicked))
            .layer(middleware::from_fn_with_state(hosts, check_host_and_origin)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_in_url_omits_the_default_port() {
        let url = |listener: &str| check_in_url(listener.parse().unwrap());
        assert_eq!(url("172.17.0.1:80"), "http://172.17.0.1/v1/check-in");
        assert_eq!(url("172.17.0.1:10080"), "http://172.17.0.1:10080/v1/check-in");
        assert_eq!(url("[fd00::1]:80"), "http://[fd00::1]/v1/check-in");
    }
}
