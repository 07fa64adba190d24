//! Who may ask what.

use reqwest::Method;

use crate::support::{Answer, TestDaemon, kind};

/// Everything that wants credentials, and paths that lead nowhere.
const GUARDED: [(&str, &str); 10] = [
    ("GET", "/v1/images"),
    ("GET", "/v1/containers"),
    ("POST", "/v1/containers"),
    ("GET", "/v1/containers/hungry_bell"),
    ("PATCH", "/v1/containers/hungry_bell"),
    ("DELETE", "/v1/containers/hungry_bell"),
    ("PUT", "/v1/containers"),
    ("GET", "/"),
    ("GET", "/v1/unknown"),
    ("GET", "/v1/containers/a/b"),
];

#[tokio::test]
async fn nothing_is_answered_without_the_right_credentials() {
    let daemon = TestDaemon::without_tasks();
    let long = format!("Basic {}", "A".repeat(12 * 1024));
    let headers = [
        None,
        Some("Basic YWRtaW46d3Jvbmc="),     // admin:wrong
        Some("Basic cm9vdDpzcGluZG9ja2Vy"), // root:spindocker
        Some("Basic YWRtaW4="),             // no colon
        Some("Basic !!!"),
        Some("Basic"),
        Some(""),
        Some("Bearer YWRtaW46c3BpbmRvY2tlcg=="),
        Some(long.as_str()),
    ];
    for (method, path) in GUARDED {
        for header in headers {
            let mut request = daemon.anonymous(method.parse().unwrap(), path);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let answer = Answer::to(request).await;
            assert_eq!(
                answer.kind(),
                kind(401, "unauthorized"),
                "{method} {path} {header:?}"
            );
            assert_eq!(
                answer.header("www-authenticate"),
                Some(r#"Basic realm="spin-docker""#)
            );
        }
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn an_unknown_path_is_not_found_with_credentials() {
    let daemon = TestDaemon::start();
    let answer = Answer::to(daemon.request(Method::GET, "/v2/containers")).await;
    assert_eq!(answer.kind(), kind(404, "unknown-path"));
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_not_allowed() {
    let daemon = TestDaemon::start();
    for (method, path) in [
        ("DELETE", "/v1/containers"),
        ("POST", "/v1/images"),
        ("PUT", "/v1/containers/ab"),
    ] {
        let answer = Answer::to(daemon.request(method.parse().unwrap(), path)).await;
        assert_eq!(answer.kind(), kind(405, "method-not-allowed"), "{method} {path}");
    }
    let answer = Answer::to(daemon.anonymous(Method::GET, "/v1/check-in")).await;
    assert_eq!(answer.kind(), kind(405, "method-not-allowed"));
}

#[tokio::test]
async fn health_and_check_in_need_no_credentials() {
    let daemon = TestDaemon::start();
    assert_eq!(
        Answer::to(daemon.anonymous(Method::GET, "/healthz")).await.status,
        200
    );
    let report = daemon
        .anonymous(Method::POST, "/v1/check-in")
        .form(&[("active", "1")]);
    assert_eq!(Answer::to(report).await.kind(), kind(404, "unknown-caller"));
}

#[tokio::test]
async fn containers_reach_check_in_and_nothing_else_whatever_credentials_they_have() {
    let daemon = TestDaemon::without_tasks();
    for (method, path) in GUARDED {
        let request = daemon.to_check_in_listener(method.parse().unwrap(), path);
        let answer = Answer::to(request.basic_auth("admin", Some("spindocker"))).await;
        assert_eq!(answer.kind(), kind(404, "unknown-path"), "{method} {path}");
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn every_answer_carries_an_id_of_its_request() {
    let daemon = TestDaemon::start();
    let first = Answer::to(daemon.request(Method::GET, "/v1/containers")).await;
    let second = Answer::to(daemon.request(Method::GET, "/v1/containers")).await;
    assert!(first.header("x-request-id").is_some());
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}
