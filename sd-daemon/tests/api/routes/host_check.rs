//! Host and origin checks: a web page in a browser of an operator cannot use the API.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use sd_daemon::engine::fake::Action;

use crate::support::{IMAGE, Setup, TestDaemon, assert_lines, send};

/// Every request that can change something, with valid credentials: a browser that stores them sends them along.
fn changes(daemon: &TestDaemon, id: &str) -> Vec<RequestBuilder> {
    let container = format!("/v1/containers/{id}");
    vec![
        daemon
            .request(Method::POST, "/v1/containers")
            .form(&[("image", IMAGE)]),
        daemon
            .request(Method::PATCH, &container)
            .form(&[("status", "stopped")]),
        daemon.request(Method::DELETE, &container),
        daemon
            .request(Method::POST, &format!("{container}/extend"))
            .form(&[("by", "2h")]),
        daemon
            .anonymous(Method::POST, "/v1/check-in")
            .form(&[("active", "1")]),
        daemon
            .to_check_in_listener(Method::POST, "/v1/check-in")
            .form(&[("active", "1")]),
    ]
}

#[tokio::test]
async fn cross_site_request_changes_nothing() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    let calls = daemon.engine.calls().len();
    let mut lines = BTreeSet::new();
    for (name, value) in [
        ("origin", "http://127.0.0.1:3000"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for change in changes(&daemon, &container.container_id) {
            let response = send(change.header(name, value)).await;
            lines.insert(format!("{name}: {value} -> {}", response.problem()));
        }
    }
    assert_lines!(Vec::from_iter(lines));
    assert_eq!(daemon.engine.calls().len(), calls);
    assert_eq!(daemon.get(&container).await.stops_at, container.stops_at);
}

#[tokio::test]
async fn unknown_host_name_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    let mut lines = Vec::new();
    for path in [
        "/v1/images",
        "/v1/containers",
        "/v1/events",
        "/healthz",
        "/nowhere",
    ] {
        let request = daemon.request(Method::GET, path);
        let response = send(request.header("host", "rebound.evil.example:8080")).await;
        lines.push(format!("{path} -> {}", response.problem()));
    }
    assert_lines!(lines);
    let report = daemon.to_check_in_listener(Method::POST, "/v1/check-in");
    let report = report
        .header("host", "rebound.evil.example")
        .form(&[("active", "1")]);
    assert_eq!(send(report).await.kind(), "403 forbidden");
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn allowed_host_accepts_same_origin_requests() {
    let mut setup = Setup::default();
    setup.access.hosts = vec![url::Host::parse("sd.example.org").unwrap()];
    let daemon = TestDaemon::with_setup(setup);
    let create = daemon
        .request(Method::POST, "/v1/containers")
        .form(&[("image", IMAGE)]);
    let create = create
        .header("host", "sd.example.org")
        .header("origin", "https://sd.example.org")
        .header("sec-fetch-site", "same-origin");
    assert_eq!(send(create).await.status, 201);
    let read = daemon.request(Method::GET, "/v1/containers");
    let read = send(
        read.header("host", "localhost")
            .header("sec-fetch-site", "cross-site"),
    );
    assert_eq!(read.await.status, 200);
    assert_eq!(daemon.calls_of(Action::Create), 1);
}

#[tokio::test]
async fn responses_have_no_cors_headers() {
    let daemon = TestDaemon::start();
    for method in [Method::OPTIONS, Method::GET] {
        for path in ["/v1/containers", "/v1/check-in", "/healthz", "/nowhere"] {
            let preflight = daemon
                .anonymous(method.clone(), path)
                .header("origin", "http://evil.example")
                .header("access-control-request-method", "DELETE")
                .header("access-control-request-headers", "authorization");
            let response = send(preflight).await;
            let cors = response
                .headers
                .keys()
                .find(|name| name.as_str().starts_with("access-control-"));
            assert_eq!(cors, None, "{method} {path}");
        }
    }
}
