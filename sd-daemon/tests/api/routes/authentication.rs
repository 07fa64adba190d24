//! Credentials, the limit of failed logins, and the routes of each listener.

use reqwest::Method;
use sd_client::api::route;

use crate::support::{Setup, TestDaemon, assert_response, send};

/// Routes that require credentials, and paths without a route.
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

/// Every path of the route table that requires credentials, and some paths without a route.
fn guarded_paths() -> Vec<String> {
    let table = include_str!("../../../../sd-client/src/api/route.rs");
    let quoted = table.lines().filter_map(|line| {
        let (_, value) = line.strip_prefix("pub const ")?.split_once(": &str = \"/")?;
        Some(format!("/{}", value.trim_end_matches("\";")))
    });
    let open = [route::CHECK_IN, route::HEALTHZ, route::READYZ];
    let routes: Vec<_> = quoted.filter(|path| !open.contains(&path.as_str())).collect();
    assert!(
        routes.len() >= 7 && routes.iter().any(|path| path == route::EVENTS),
        "{routes:?}"
    );
    let named = routes
        .iter()
        .map(|path| path.replace(route::REFERENCE, "hungry_bell"));
    named
        .chain(["/", "/v1/unknown", "/v1/containers/a/b", "/V1/images"].map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn every_route_requires_valid_credentials() {
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
        Some("Digest username=admin"),
        Some(long.as_str()),
    ];
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE",
    ];
    for (path, number) in guarded_paths().iter().zip(1_u8..) {
        for (method, last) in methods.into_iter().zip(1_u8..) {
            // A separate address each: the limit of failed logins would answer 429.
            let request = daemon.anonymous_from([127, 1, number, last]);
            for header in headers {
                let mut request = request(method.parse().unwrap(), path);
                if let Some(header) = header {
                    request = request.header("authorization", header);
                }
                let response = send(request).await;
                assert_eq!(response.status, 401, "{method} {path} {header:?}");
                if method != "HEAD" {
                    assert_eq!(response.kind(), "401 unauthorized");
                }
                assert_eq!(
                    response.header("www-authenticate"),
                    Some(r#"Basic realm="spin-docker""#)
                );
            }
            // An oversized header is rejected before routing.
            let endless = "A".repeat(64 * 1024);
            let request = request(method.parse().unwrap(), path).header("authorization", endless);
            // The daemon may close the connection before it has read the whole header.
            let status = request.send().await.map(|response| response.status().as_u16());
            assert!(matches!(status, Ok(431) | Err(_)), "{method} {path}: {status:?}");
        }
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn failed_logins_are_limited_per_address() {
    let daemon = TestDaemon::start();
    let request_from_attacker = daemon.anonymous_from([127, 0, 0, 7]);
    let mut wrong = 0;
    for number in 0..1000 {
        let request = request_from_attacker(Method::GET, "/v1/containers").basic_auth("admin", Some(number));
        // Forwarding headers of an untrusted peer do not count as another address.
        let elsewhere = format!("10.{}.{}.1", number / 250, number % 250);
        let response = send(
            request
                .header("x-forwarded-for", &elsewhere)
                .header("x-real-ip", &elsewhere)
                .header("forwarded", format!("for={elsewhere}")),
        )
        .await;
        if response.status == 401 {
            wrong += 1;
            continue;
        }
        assert_eq!(response.kind(), "429 limit-reached");
        let wait: u64 = response.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=6).contains(&wait), "{wait}");
    }
    // Ten at once, then one every six seconds: 50 would take four minutes.
    assert!((10..50).contains(&wrong), "{wrong} logins were checked");
    // Correct credentials get 429 too, so that a correct guess cannot be distinguished.
    let mut is_blocked = false;
    for _ in 0..3 {
        drop(
            send(request_from_attacker(Method::GET, "/v1/containers").basic_auth("admin", Some("wrong")))
                .await,
        );
        let right =
            request_from_attacker(Method::GET, "/v1/containers").basic_auth("admin", Some("spindocker"));
        is_blocked |= send(right).await.status == 429;
    }
    assert!(is_blocked);
    // Few addresses share a counter with the blocked one; one of three is certain to have its own.
    let mut is_accepted = false;
    for last in 8..=10 {
        let elsewhere = daemon.request_from([127, 0, 0, last].into(), Method::GET, "/v1/containers");
        is_accepted |= send(elsewhere).await.status == 200;
    }
    assert!(is_accepted);
    // A request without credentials is not counted as a failed login.
    assert_eq!(
        send(request_from_attacker(Method::GET, "/v1/containers"))
            .await
            .status,
        401
    );
    assert_eq!(
        send(request_from_attacker(Method::GET, "/healthz")).await.status,
        200
    );
}

/// A trusted proxy appends the address of its client; earlier entries come from the client itself.
#[tokio::test]
async fn failed_logins_are_limited_per_client_of_a_proxy() {
    let mut setup = Setup::default();
    setup.access.proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let daemon = TestDaemon::with_setup(setup);
    let log_in = async |forwarded_for: &str, password: &str| {
        let request = daemon.anonymous(Method::GET, "/v1/containers");
        let request = request.header("x-forwarded-for", forwarded_for);
        send(request.basic_auth("admin", Some(password))).await.status
    };
    let mut refused = 0;
    for number in 0..100 {
        let status = log_in(&format!("10.0.0.{number}, 192.0.2.7"), "wrong").await;
        refused += usize::from(status == 429);
    }
    assert!(refused > 50, "{refused} were refused");
    let mut is_accepted = false;
    for last in 8..=10 {
        is_accepted |= log_in(&format!("192.0.2.7, 192.0.2.{last}"), "spindocker").await == 200;
    }
    assert!(is_accepted);
}

#[tokio::test]
async fn unknown_path_returns_404_with_credentials() {
    let daemon = TestDaemon::start();
    assert_response!(send(daemon.request(Method::GET, "/v2/containers")).await);
}

#[tokio::test]
async fn unsupported_method_returns_405() {
    let daemon = TestDaemon::start();
    for (method, path) in [
        ("DELETE", "/v1/containers"),
        ("POST", "/v1/images"),
        ("PUT", "/v1/containers/ab"),
    ] {
        assert_response!(send(daemon.request(method.parse().unwrap(), path)).await);
    }
    assert_response!(send(daemon.anonymous(Method::GET, "/v1/check-in")).await);
}

#[tokio::test]
async fn health_and_check_in_require_no_credentials() {
    let daemon = TestDaemon::start();
    assert_eq!(send(daemon.anonymous(Method::GET, "/healthz")).await.status, 200);
    let report = daemon
        .anonymous(Method::POST, "/v1/check-in")
        .form(&[("active", "1")]);
    assert_eq!(send(report).await.kind(), "404 unknown-caller");
}

#[tokio::test]
async fn check_in_listener_serves_only_check_in() {
    let daemon = TestDaemon::without_tasks();
    for (method, path) in GUARDED {
        let request = daemon.to_check_in_listener(method.parse().unwrap(), path);
        let response = send(request.basic_auth("admin", Some("spindocker"))).await;
        assert_eq!(response.kind(), "404 unknown-path", "{method} {path}");
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn every_response_has_a_unique_request_id() {
    let daemon = TestDaemon::start();
    let first = send(daemon.request(Method::GET, "/v1/containers")).await;
    let second = send(daemon.request(Method::GET, "/v1/containers")).await;
    assert!(first.header("x-request-id").is_some());
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}
