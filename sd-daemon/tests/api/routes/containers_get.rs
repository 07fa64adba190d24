//! `GET /v1/containers/{ref}`: the container object and the references that find it.

use reqwest::Method;

use crate::support::{TestDaemon, assert_response, send};

#[tokio::test]
async fn container_object_has_all_fields() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("hungry_bell").await;
    assert_response!(send(daemon.request(Method::GET, &container.uri)).await);
}

#[tokio::test]
async fn container_is_found_by_id_prefix_and_name() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("hungry_bell").await;
    let id = container.container_id.as_str();
    for reference in [
        id,
        &id[..12],
        &id[..4],
        "hungry_bell",
        "%2Fhungry_bell",
        "/hungry_bell",
    ] {
        let response = send(daemon.request(Method::GET, &format!("/v1/containers/{reference}"))).await;
        assert_eq!(response.status, 200, "{reference}");
        assert_eq!(response.json()["container_id"], id, "{reference}");
    }
}

#[tokio::test]
async fn unknown_container_is_not_found() {
    let daemon = TestDaemon::without_tasks();
    assert_response!(send(daemon.request(Method::GET, "/v1/containers/1337")).await);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn incomplete_reference_is_not_found() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create_named("hungry_bell").await;
    daemon.engine.clear_calls();
    let too_short = &container.container_id[..3];
    let too_long = format!("{}0", container.container_id);
    for reference in [
        too_short,
        &too_long,
        "hungry",
        "hungry_bell2",
        "json%3Fall=1",
        "..%2Fimages",
        "%00",
        "%0a",
    ] {
        for method in ["GET", "DELETE"] {
            let request = daemon.request(method.parse().unwrap(), &format!("/v1/containers/{reference}"));
            let response = send(request).await;
            assert_eq!(response.kind(), "404 container-not-found", "{method} {reference}");
        }
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn non_utf8_path_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    for method in ["GET", "PATCH", "DELETE"] {
        let request = daemon.request(method.parse().unwrap(), "/v1/containers/%ff");
        let response = send(request.form(&[("status", "stopped")])).await;
        assert_eq!(response.kind(), "400 malformed-request", "{method}");
    }
}

#[tokio::test]
async fn ambiguous_prefix_is_rejected() {
    let daemon = TestDaemon::start();
    for rest in ["0", "1"] {
        daemon
            .engine
            .next_id(format!("abcd{}", rest.repeat(60)).parse().unwrap());
        daemon.create().await;
    }
    assert_response!(send(daemon.request(Method::GET, "/v1/containers/abcd")).await);
    let unique = send(daemon.request(Method::GET, "/v1/containers/abcd0")).await;
    assert_eq!(unique.status, 200);
}

#[tokio::test]
async fn foreign_containers_are_not_found() {
    let daemon = TestDaemon::without_tasks();
    let foreign = daemon.engine.create_externally("foreign", None);
    daemon.engine.start_externally(foreign);
    let (id, prefix) = (foreign.to_string(), &foreign.to_string()[..12]);
    for reference in [id.as_str(), prefix, "foreign"] {
        let path = format!("/v1/containers/{reference}");
        for method in ["GET", "DELETE"] {
            let request = daemon.request(method.parse().unwrap(), &path);
            assert_eq!(send(request).await.kind(), "404 container-not-found");
        }
        let stop = daemon.request(Method::PATCH, &path);
        let response = send(stop.form(&[("status", "stopped")])).await;
        assert_eq!(response.kind(), "404 container-not-found");
    }
    assert_eq!(daemon.changes(), []);
}
