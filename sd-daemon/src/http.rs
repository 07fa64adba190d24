//! The REST API: its routes, the middleware around every request, and the handlers.
//!
//! A handler reads its request, calls the service once and maps the result. Status codes are decided in `problem`,
//! representations in `wire`, paths in `routes`.

#[cfg(feature = "test-support")]
pub mod fuzz;
mod handlers;
mod middleware;
mod openapi;
mod payload;
mod problem;
mod request_id;
mod routes;

pub use axum::Router;
pub use middleware::auth::Credentials;
pub use middleware::rate_limit::ReportRate;
pub use problem::Problem;
pub use routes::{ApiAccess, api, check_in, check_in_url, openapi_document};
