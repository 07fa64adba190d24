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
use axum::routing::{get, post};
use ipnet::IpNet;
use sd_client::api::route;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use url::Host;

use super::handlers::{activity, check_in, containers, events, health, images, openapi};
use super::middleware::auth::{self, Credentials};
use super::middleware::client_address::Proxies;
use super::middleware::host_check::{self, Names};
use super::middleware::rate_limit::RateLimiter;
use super::middleware::request_id;
use super::payload::{LARGEST_BODY, LARGEST_REPORT};
use super::problem;
use crate::service::Service;
use check_in::ReportRate;

/// Whom the API lets in.
#[derive(Clone)]
pub struct ApiAccess {
    /// Who may use it.
    pub credentials: Credentials,
    /// Names by which it may be called, besides its addresses and `localhost`.
    pub hosts: Vec<Host>,
    /// Proxies that are believed when they say who their clients are.
    pub proxies: Vec<IpNet>,
}

/// Everything the API serves.
///
/// Answers that go on for as long as somebody listens end at `shutdown`.
pub fn api(service: Service, access: ApiAccess, shutdown: CancellationToken) -> Router {
    let container = || {
        get(containers::show)
            .patch(containers::update)
            .delete(containers::remove)
    };
    let authenticated = Router::new()
        .route(route::IMAGES, get(images::list))
        .route(route::CONTAINERS, get(containers::list).post(containers::create))
        .route(route::CONTAINER, container())
        .route(route::CONTAINER_BY_SLASHED_NAME, container())
        .route(route::EXTEND, post(containers::extend))
        .route(route::ACTIVITY, get(activity::show))
        .route(
            route::EVENTS,
            get(events::follow).layer(Extension(events::Streams::until(shutdown))),
        )
        .route(route::OPENAPI, get(openapi::show))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::unknown_path)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(
            (access.credentials, Proxies::new(&access.proxies)),
            auth::require,
        ))
        .with_state(service.clone());
    let open = Router::new()
        .route(route::HEALTHZ, get(health::alive))
        .route(route::READYZ, get(health::ready))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(service.clone());
    let names = Names::of_api(&access.hosts);
    with_common_layers(
        authenticated
            .merge(open)
            .merge(reports(service, ReportRate::default())),
        names,
    )
}

/// What containers can reach: check-in, by any address and by these names.
pub fn check_in(service: Service, hosts: &[Host], rate: ReportRate) -> Router {
    let names = Names::of_check_in(hosts);
    with_common_layers(reports(service, rate).fallback(problem::unknown_path), names)
}

/// The address at which containers check in on a listener.
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

fn reports(service: Service, rate: ReportRate) -> Router {
    Router::new()
        .route(route::CHECK_IN, post(check_in::report))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_REPORT))
        .layer(middleware::from_fn_with_state(
            Arc::new(RateLimiter::new(rate.burst, rate.interval)),
            check_in::bound,
        ))
        .with_state(service)
}

/// What every request meets first and every answer last.
fn with_common_layers(routes: Router, names: Names) -> Router {
    routes.layer(
        ServiceBuilder::new()
            .layer(middleware::from_fn(request_id::assign))
            .layer(CatchPanicLayer::custom(problem::panicked))
            .layer(middleware::from_fn_with_state(names, host_check::require)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_to_check_in_at_names_a_port_only_when_it_has_to() {
        let url = |listener: &str| check_in_url(listener.parse().unwrap());
        assert_eq!(url("172.17.0.1:80"), "http://172.17.0.1/v1/check-in");
        assert_eq!(url("172.17.0.1:10080"), "http://172.17.0.1:10080/v1/check-in");
        assert_eq!(url("[fd00::1]:80"), "http://[fd00::1]/v1/check-in");
    }
}
