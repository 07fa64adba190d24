//! Who may ask what.

use reqwest::Method;
use sd_client::api::route;

use crate::support::{Answer, Setup, TestDaemon, kind};

/// What wants credentials, and paths that lead nowhere.
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

/// Every path that the API has, as its table names them, and some that it has not.
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
            // Each from an address of its own: too many wrong passwords are another answer.
            let request = daemon.anonymous_from([127, 1, number, last]);
            for header in headers {
                let mut request = request(method.parse().unwrap(), path);
                if let Some(header) = header {
                    request = request.header("authorization", header);
                }
                let answer = Answer::to(request).await;
                assert_eq!(answer.status, 401, "{method} {path} {header:?}");
                if method != "HEAD" {
                    assert_eq!(answer.kind(), kind(401, "unauthorized"));
                }
                assert_eq!(
                    answer.header("www-authenticate"),
                    Some(r#"Basic realm="spin-docker""#)
                );
            }
            // This is refused before anybody looks at the path.
            let endless = "A".repeat(64 * 1024);
            let request = request(method.parse().unwrap(), path).header("authorization", endless);
            // Its end may be on its way still when the answer is there, and the connection gone.
            let status = request.send().await.map(|response| response.status().as_u16());
            assert!(matches!(status, Ok(431) | Err(_)), "{method} {path}: {status:?}");
        }
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn failed_logins_are_limited_per_address() {
    let daemon = TestDaemon::start();
    let guess = daemon.anonymous_from([127, 0, 0, 7]);
    let mut wrong = 0;
    for number in 0..1000 {
        let request = guess(Method::GET, "/v1/containers").basic_auth("admin", Some(number));
        // Whoever says that it is somebody else is believed by nobody.
        let elsewhere = format!("10.{}.{}.1", number / 250, number % 250);
        let answer = Answer::to(
            request
                .header("x-forwarded-for", &elsewhere)
                .header("x-real-ip", &elsewhere)
                .header("forwarded", format!("for={elsewhere}")),
        )
        .await;
        if answer.status == 401 {
            wrong += 1;
            continue;
        }
        assert_eq!(answer.kind(), kind(429, "limit-reached"));
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=6).contains(&wait), "{wait}");
    }
    assert!((10..50).contains(&wrong), "{wrong} guesses were looked at");
    // Not even the right one is told apart now.
    let mut is_blocked = false;
    for _ in 0..3 {
        drop(Answer::to(guess(Method::GET, "/v1/containers").basic_auth("admin", Some("wrong"))).await);
        let right = guess(Method::GET, "/v1/containers").basic_auth("admin", Some("spindocker"));
        is_blocked |= Answer::to(right).await.status == 429;
    }
    assert!(is_blocked);
    // One address in thousands is counted together with the one that guesses.
    let mut is_let_in = false;
    for last in 8..=10 {
        let elsewhere = daemon.request_from([127, 0, 0, last].into(), Method::GET, "/v1/containers");
        is_let_in |= Answer::to(elsewhere).await.status == 200;
    }
    assert!(is_let_in);
    // Nobody guesses who presents nothing.
    assert_eq!(Answer::to(guess(Method::GET, "/v1/containers")).await.status, 401);
    assert_eq!(Answer::to(guess(Method::GET, "/healthz")).await.status, 200);
}

/// The proxy appends who came to it; what stands before that its client has written.
#[tokio::test]
async fn failed_logins_are_limited_per_client_of_a_proxy() {
    let mut setup = Setup::default();
    setup.access.proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let daemon = TestDaemon::with_setup(setup);
    let ask = async |way: &str, password: &str| {
        let request = daemon.anonymous(Method::GET, "/v1/containers");
        let request = request.header("x-forwarded-for", way);
        Answer::to(request.basic_auth("admin", Some(password)))
            .await
            .status
    };
    let mut refused = 0;
    for number in 0..100 {
        let status = ask(&format!("10.0.0.{number}, 192.0.2.7"), "wrong").await;
        refused += usize::from(status == 429);
    }
    assert!(refused > 50, "{refused} were refused");
    let mut is_let_in = false;
    for last in 8..=10 {
        is_let_in |= ask(&format!("192.0.2.7, 192.0.2.{last}"), "spindocker").await == 200;
    }
    assert!(is_let_in);
}

#[tokio::test]
async fn unknown_path_returns_404_with_credentials() {
    let daemon = TestDaemon::start();
    let answer = Answer::to(daemon.request(Method::GET, "/v2/containers")).await;
    assert_eq!(answer.kind(), kind(404, "unknown-path"));
}

#[tokio::test]
async fn unsupported_method_returns_405() {
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
async fn health_and_check_in_require_no_credentials() {
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
async fn check_in_listener_serves_only_check_in() {
    let daemon = TestDaemon::without_tasks();
    for (method, path) in GUARDED {
        let request = daemon.to_check_in_listener(method.parse().unwrap(), path);
        let answer = Answer::to(request.basic_auth("admin", Some("spindocker"))).await;
        assert_eq!(answer.kind(), kind(404, "unknown-path"), "{method} {path}");
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn every_response_has_a_unique_request_id() {
    let daemon = TestDaemon::start();
    let first = Answer::to(daemon.request(Method::GET, "/v1/containers")).await;
    let second = Answer::to(daemon.request(Method::GET, "/v1/containers")).await;
    assert!(first.header("x-request-id").is_some());
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}
