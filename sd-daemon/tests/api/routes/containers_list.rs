//! Reading: images, the list of containers, one container and how it may be called.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use sd_client::api::{Container, ContainerQuery, CreateContainer, Status};
use serde_json::json;

use crate::support::{Answer, IMAGE, START_TEXT, TestDaemon, kind};

#[tokio::test]
async fn images_are_sorted() {
    let daemon = TestDaemon::start();
    let images = daemon.client.images().await.unwrap();
    assert_eq!(images, ["sd-postgres:latest", "sd-quiet:latest", "sd-web:1.2"]);
}

#[tokio::test]
async fn list_without_containers_is_empty() {
    let daemon = TestDaemon::start();
    let answer = Answer::to(daemon.request(Method::GET, "/v1/containers")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "[]"));
}

#[tokio::test]
async fn container_object_has_all_fields() {
    let daemon = TestDaemon::start();
    let id = "2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e";
    daemon.engine.next_id(id.parse().unwrap());
    daemon.create_named("hungry_bell").await;
    let answer = Answer::to(daemon.request(Method::GET, &format!("/v1/containers/{id}"))).await;
    let expected = json!({
        "status": "running",
        "name": "/hungry_bell",
        "active": "0",
        "ssh_port": "49153",
        "image": "sd-postgres",
        "container_id": id,
        "uri": format!("/v1/containers/{id}"),
        "app_port": "49154",
        "ports": { "22/tcp": 49153, "5432/tcp": 49154 },
        "created_at": START_TEXT,
        "started_at": START_TEXT,
        "last_active_at": START_TEXT,
        "idle_timeout": 9000,
        "stops_at": "2026-03-01T16:32:11.250Z",
        "max_lifetime": null,
        "remove_after": null,
        "removes_at": null,
        "stop_reason": null,
    });
    assert_eq!((answer.status, answer.json()), (200, expected.clone()));
    let list = Answer::to(daemon.request(Method::GET, "/v1/containers")).await;
    assert_eq!((list.status, list.json()), (200, json!([expected])));
}

#[tokio::test]
async fn list_is_sorted_newest_first() {
    let daemon = TestDaemon::start();
    for name in ["first", "second", "third"] {
        daemon.create_named(name).await;
        daemon.clock.advance(Duration::from_millis(1));
    }
    let containers = daemon
        .client
        .containers(&ContainerQuery::default())
        .await
        .unwrap();
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
        let answer = Answer::to(daemon.request(Method::GET, &format!("/v1/containers{query}"))).await;
        let containers: Vec<Container> = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(names(&containers), *expected, "{query}");
    }
}

#[tokio::test]
async fn invalid_query_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    for query in ["?colour=red", "?audit=perhaps", "?name=a&name=b", "?force=true"] {
        let answer = Answer::to(daemon.request(Method::GET, &format!("/v1/containers{query}"))).await;
        assert_eq!(answer.kind(), kind(422, "malformed-request"), "{query}");
    }
    assert_eq!(daemon.engine.calls(), []);
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
        let answer = Answer::to(daemon.request(Method::GET, &format!("/v1/containers/{reference}"))).await;
        assert_eq!(answer.status, 200, "{reference}");
        assert_eq!(answer.json()["container_id"], id, "{reference}");
    }
}

#[tokio::test]
async fn unknown_container_is_not_found() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create_named("hungry_bell").await;
    daemon.engine.forget_calls();
    let answer = Answer::to(daemon.request(Method::GET, "/v1/containers/1337")).await;
    let detail = "Container 1337 doesn't exist".to_owned();
    assert_eq!(answer.problem(), (404, "container-not-found".to_owned(), detail));
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
            let answer = Answer::to(request).await;
            assert_eq!(
                answer.kind(),
                kind(404, "container-not-found"),
                "{method} {reference}"
            );
        }
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn non_utf8_path_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    for method in ["GET", "PATCH", "DELETE"] {
        let request = daemon.request(method.parse().unwrap(), "/v1/containers/%ff");
        let answer = Answer::to(request.form(&[("status", "stopped")])).await;
        assert_eq!(answer.kind(), kind(400, "malformed-request"), "{method}");
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
    let answer = Answer::to(daemon.request(Method::GET, "/v1/containers/abcd")).await;
    assert_eq!(answer.kind(), kind(409, "ambiguous-reference"));
    let answer = Answer::to(daemon.request(Method::GET, "/v1/containers/abcd0")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn foreign_containers_are_not_found() {
    let daemon = TestDaemon::without_tasks();
    let foreign = daemon.engine.create_behind_back("somebody_elses", None);
    daemon.engine.start_behind_back(foreign);
    let (id, prefix) = (foreign.to_string(), &foreign.to_string()[..12]);
    for reference in [id.as_str(), prefix, "somebody_elses"] {
        for method in ["GET", "DELETE"] {
            let request = daemon.request(method.parse().unwrap(), &format!("/v1/containers/{reference}"));
            assert_eq!(Answer::to(request).await.kind(), kind(404, "container-not-found"));
        }
        let stop = daemon.request(Method::PATCH, &format!("/v1/containers/{reference}"));
        let answer = Answer::to(stop.form(&[("status", "stopped")])).await;
        assert_eq!(answer.kind(), kind(404, "container-not-found"));
    }
    assert_eq!(daemon.changes(), []);
}

#[tokio::test]
async fn listing_containers_makes_no_engine_call() {
    let daemon = TestDaemon::without_tasks();
    let wanted = CreateContainer::of_image(IMAGE);
    for _ in 0..40 {
        let created = join_all((0..25).map(|_| daemon.client.create(&wanted))).await;
        assert!(created.iter().all(Result::is_ok), "{created:?}");
    }
    daemon
        .until_registry(|snapshot| snapshot.records().count() == 1000)
        .await;
    daemon.engine.disconnect();
    daemon.engine.forget_calls();
    let containers = daemon
        .client
        .containers(&ContainerQuery::default())
        .await
        .unwrap();
    assert_eq!(containers.len(), 1000);
    assert_eq!(daemon.engine.calls(), []);
}

fn names(containers: &[Container]) -> Vec<&str> {
    containers
        .iter()
        .map(|container| container.name.as_str())
        .collect()
}
