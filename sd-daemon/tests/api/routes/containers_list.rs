//! `GET /v1/containers`: order, filters and cost.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use sd_client::api::{Container, ContainerQuery, CreateContainer, Status};

use crate::support::{IMAGE, TestDaemon, assert_lines, assert_response, send};

#[tokio::test]
async fn list_without_containers_is_empty() {
    let daemon = TestDaemon::start();
    let response = send(daemon.request(Method::GET, "/v1/containers")).await;
    assert_eq!((response.status, response.body.as_str()), (200, "[]"));
}

#[tokio::test]
async fn list_contains_complete_container_objects() {
    let daemon = TestDaemon::start();
    daemon.create_named("hungry_bell").await;
    assert_response!(send(daemon.request(Method::GET, "/v1/containers")).await);
}

#[tokio::test]
async fn list_is_sorted_newest_first() {
    let daemon = TestDaemon::start();
    for name in ["first", "second", "third"] {
        daemon.create_named(name).await;
        daemon.clock.advance(Duration::from_millis(1));
    }
    let all = ContainerQuery::default();
    let containers = daemon.client.containers(&all).await.unwrap();
    assert_eq!(names(&containers), ["/third", "/second", "/first"]);
}

#[tokio::test]
async fn list_can_be_filtered() {
    let daemon = TestDaemon::start();
    let stopped = daemon.create_named("first").await;
    daemon.client.stop(&stopped.container_id).await.unwrap();
    daemon.until_status(&stopped, Status::Stopped).await;
    daemon.clock.advance(Duration::from_millis(1));
    let web = CreateContainer {
        name: Some("second".to_owned()),
        ..CreateContainer::of_image("sd-web:1.2")
    };
    daemon.client.create(&web).await.unwrap();
    let cases: [(&str, &[&str]); 9] = [
        ("", &["/second", "/first"]),
        ("?status=running", &["/second"]),
        ("?status=stopped", &["/first"]),
        ("?status=paused", &[]),
        ("?image=sd-postgres", &["/first"]),
        ("?name=second", &["/second"]),
        ("?name=%2Fsecond", &["/second"]),
        ("?name=second&status=stopped", &[]),
        ("?name=secon", &[]),
    ];
    for (query, expected) in cases {
        let response = send(daemon.request(Method::GET, &format!("/v1/containers{query}"))).await;
        let containers: Vec<Container> = serde_json::from_str(&response.body).unwrap();
        assert_eq!(names(&containers), *expected, "{query}");
    }
}

#[tokio::test]
async fn invalid_query_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    let mut lines = Vec::new();
    for query in ["?colour=red", "?audit=perhaps", "?name=a&name=b", "?force=true"] {
        let response = send(daemon.request(Method::GET, &format!("/v1/containers{query}"))).await;
        lines.push(format!("{query} -> {}", response.problem()));
    }
    assert_lines!(lines);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn listing_containers_makes_no_engine_call() {
    const CONTAINERS: usize = 100;
    let daemon = TestDaemon::without_tasks();
    let request = CreateContainer::of_image(IMAGE);
    for _ in 0..CONTAINERS / 25 {
        let created = join_all((0..25).map(|_| daemon.client.create(&request))).await;
        assert!(created.iter().all(Result::is_ok), "{created:?}");
    }
    daemon.engine.disconnect();
    daemon.engine.clear_calls();
    let all = ContainerQuery::default();
    let containers = daemon.client.containers(&all).await.unwrap();
    assert_eq!(containers.len(), CONTAINERS);
    assert_eq!(daemon.engine.calls(), []);
}

fn names(containers: &[Container]) -> Vec<&str> {
    containers
        .iter()
        .map(|container| container.name.as_str())
        .collect()
}
