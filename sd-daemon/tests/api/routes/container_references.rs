//! References to containers in paths: only the full id of a managed container reaches the engine.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sd_client::api::Container;
use sd_daemon::engine::fake::Call;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{TestDaemon, id, with_timeout};

/// The number of random references; each is tried with every request.
const CASES: usize = 150;

/// `admin:spindocker`
const CREDENTIALS: &str = "YWRtaW46c3BpbmRvY2tlcg==";

/// Every request about one container: method, path after the reference, body.
const REQUESTS: [(&str, &str, &str); 7] = [
    ("GET", "", ""),
    ("GET", "/activity", ""),
    ("PATCH", "", "status=running"),
    ("PATCH", "", "status=stopped"),
    ("POST", "/extend", "by=60"),
    ("DELETE", "", ""),
    ("DELETE", "?force=true", ""),
];

/// Sends a path byte by byte, because an HTTP client would normalize it, and returns the status code.
async fn send(daemon: &TestDaemon, method: &str, path: &str, body: &str) -> u16 {
    let api = daemon.api();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {api}\r\nAuthorization: Basic {CREDENTIALS}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(api).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await.unwrap();
    let response = String::from_utf8_lossy(&response);
    let status = response.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    status
        .unwrap_or_else(|| panic!("{path:?}: {response}"))
        .parse()
        .unwrap()
}

/// Percent-encodes every byte, so that the text is one path segment.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        write!(path, "%{byte:02X}").unwrap();
        path
    })
}

/// Random text from all of Unicode, and text with a meaning in paths, URLs and the Docker API.
fn references(container: &Container) -> impl Strategy<Value = String> {
    let (id, name) = (container.container_id.clone(), container.name.clone());
    let special = prop::sample::select(vec![
        "..",
        ".",
        "/",
        "json?all=1",
        "?force=true",
        "#",
        "%2e%2e",
        "%2F",
        "\0",
        "\r\n",
        "images",
        "version",
        "containers",
        "start",
        "ffff",
        " ",
        "\u{feff}",
        "*",
    ]);
    let near = (0..65usize, "[0-9a-f]{1,4}")
        .prop_map(move |(length, more)| format!("{}{more}x", &id[..length.min(64)]));
    let upper = Just(
        container
            .container_id
            .to_uppercase()
            .replace(|char: char| char.is_ascii_digit(), "A"),
    );
    let far = Just(format!("{name}/../../images"));
    prop_oneof![
        any::<String>(),
        "[ -~]{0,80}",
        "[0-9a-f]{1,64}",
        prop::collection::vec(special, 1..6).prop_map(|pieces| pieces.concat()),
        near,
        upper,
        far,
    ]
}

/// Whether a reference is valid for the container: its name, its id, or a prefix of at least four characters.
fn is_reference_to(reference: &str, container: &Container) -> bool {
    let is_prefix = reference.len() >= 4 && container.container_id.starts_with(reference);
    is_prefix || reference.trim_start_matches('/') == container.name.trim_start_matches('/')
}

#[tokio::test]
async fn invalid_reference_never_reaches_the_engine() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    daemon.engine.clear_calls();
    let (mut runner, strategy) = (TestRunner::default(), references(&container));
    for _ in 0..CASES {
        let reference = strategy.new_tree(&mut runner).unwrap().current();
        if is_reference_to(&reference, &container) {
            continue;
        }
        let mut paths = vec![encoded(&reference)];
        // Unencoded as well, if every character is allowed in a request line.
        if reference.bytes().all(|byte| byte.is_ascii_graphic()) {
            paths.push(reference.clone());
        }
        for (method, rest, body) in REQUESTS {
            for path in &paths {
                // An empty reference, or one that ends the path early, addresses the list of containers.
                let path = format!("/v1/containers/{path}{rest}");
                let status = with_timeout(send(&daemon, method, &path, body)).await;
                assert!(
                    (400..500).contains(&status),
                    "{method} {path:?} ({reference:?}): {status}"
                );
            }
        }
        let calls = daemon.engine.calls();
        assert!(calls.is_empty(), "{reference:?} caused {calls:?}");
    }
}

#[tokio::test]
async fn valid_reference_reaches_the_engine_as_a_full_id() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    daemon.engine.clear_calls();
    let name = container.name.trim_start_matches('/');
    let slashed = format!("/{name}");
    let references = [
        &container.container_id,
        &container.container_id[..4],
        &container.container_id[..63],
        name,
        &slashed,
    ];
    for reference in references {
        for (method, rest, body) in &REQUESTS[..5] {
            let path = format!("/v1/containers/{}{rest}", encoded(reference));
            let status = with_timeout(send(&daemon, method, &path, body)).await;
            assert!([200, 409].contains(&status), "{method} {path}: {status}");
        }
    }
    let last = format!("/v1/containers/{}?force=true", encoded(&slashed));
    assert_eq!(with_timeout(send(&daemon, "DELETE", &last, "")).await, 204);
    let expected = id(&container);
    for call in daemon.engine.calls() {
        let (Call::Start(target) | Call::Stop(target, _) | Call::Remove(target) | Call::Inspect(target)) =
            call
        else {
            panic!("unexpected engine call: {call:?}")
        };
        assert_eq!(target, expected);
    }
}

#[tokio::test]
async fn opaque_id_is_found_by_id_prefix_and_name() {
    let daemon = TestDaemon::without_tasks();
    for id in ["pod-7-web", "pod-8-web"] {
        daemon.engine.next_id(id.parse().unwrap());
    }
    let (container, other) = (daemon.create().await, daemon.create().await);
    assert_eq!(
        (container.container_id.as_str(), other.container_id.as_str()),
        ("pod-7-web", "pod-8-web")
    );
    for reference in ["pod-7-web", "pod-7", &container.name] {
        let path = format!("/v1/containers/{}", encoded(reference));
        assert_eq!(
            with_timeout(send(&daemon, "GET", &path, "")).await,
            200,
            "{reference}"
        );
    }
    for (reference, status) in [("pod-", 409), ("pod", 404), ("7-web", 404)] {
        let path = format!("/v1/containers/{reference}");
        assert_eq!(
            with_timeout(send(&daemon, "GET", &path, "")).await,
            status,
            "{reference}"
        );
    }
}
