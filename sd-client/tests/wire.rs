//! Round trips of the JSON bodies in the documentation of the original API.

use std::collections::BTreeSet;

use sd_client::api::{
    CheckIn, Container, CreateContainer, DesiredStatus, Problem, Status, StopReason, TimeLimit,
    UpdateContainer,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const HUNGRY_BELL: &str = "2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e";

/// Fields that the original container object does not have.
const ADDITIONS: [&str; 10] = [
    "ports",
    "created_at",
    "started_at",
    "last_active_at",
    "idle_timeout",
    "stops_at",
    "max_lifetime",
    "remove_after",
    "removes_at",
    "stop_reason",
];

fn container(status: &str, active: &str, ssh_port: &str, app_port: &str) -> Value {
    json!({
        "status": status,
        "name": "/hungry_bell",
        "active": active,
        "ssh_port": ssh_port,
        "image": "atbaker/sd-postgres",
        "container_id": HUNGRY_BELL,
        "uri": format!("/v1/containers/{HUNGRY_BELL}"),
        "app_port": app_port,
    })
}

fn round_trip<T: DeserializeOwned + Serialize>(body: &Value) -> Value {
    let value: T = serde_json::from_value(body.clone()).expect("readable body");
    serde_json::to_value(value).expect("writable value")
}

#[test]
fn original_container_fields_survive_a_round_trip() {
    let bodies = [
        container("running", "0", "49155", "49156"),
        container("running", "1", "49157", "49158"),
        container("stopping", "0", "49155", "49156"),
        container("stopped", "0", "", ""),
    ];
    for body in bodies {
        let Value::Object(written) = round_trip::<Container>(&body) else {
            panic!("not an object")
        };
        for (field, value) in body.as_object().expect("an object") {
            assert_eq!(written.get(field), Some(value), "{field}");
        }
        let known: BTreeSet<_> = body
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        let added: BTreeSet<_> = written
            .keys()
            .map(String::as_str)
            .filter(|key| !known.contains(key))
            .collect();
        assert!(added.iter().all(|field| ADDITIONS.contains(field)), "{added:?}");
    }
}

#[test]
fn lists_of_containers_and_images_are_read() {
    let list = json!([
        container("running", "0", "49155", "49156"),
        container("stopped", "0", "", "")
    ]);
    let containers: Vec<Container> = serde_json::from_value(list).expect("readable list");
    assert_eq!(containers.len(), 2);
    assert_eq!(
        (containers[0].ssh_port, containers[0].app_port),
        (Some(49155), Some(49156))
    );
    assert_eq!(
        (containers[1].ssh_port, containers[1].status.clone()),
        (None, Status::Stopped)
    );
    let images = json!(["atbaker/sd-mongo:latest", "phusion/baseimage:0.9.8"]);
    assert_eq!(round_trip::<Vec<String>>(&images), images);
}

#[test]
fn original_requests_survive_a_round_trip() {
    let create = json!({ "image": "atbaker/sd-postgres" });
    assert_eq!(round_trip::<CreateContainer>(&create), create);
    for status in ["stopped", "running"] {
        let update = json!({ "status": status });
        assert_eq!(round_trip::<UpdateContainer>(&update), update);
    }
    let report = json!({ "active-connections": 1 });
    assert_eq!(round_trip::<CheckIn>(&report), report);
}

#[test]
fn additional_fields_survive_a_round_trip() {
    let mut body = container("stopped", "0", "", "");
    let additions = json!({
        "ports": { "22/tcp": 49155, "8000/tcp": 49156 },
        "created_at": "2026-03-01T14:02:11.250Z",
        "started_at": null,
        "last_active_at": "2026-03-01T15:02:11.000Z",
        "idle_timeout": 9000,
        "stops_at": null,
        "max_lifetime": 86400,
        "remove_after": null,
        "removes_at": null,
        "stop_reason": "idle",
    });
    body.as_object_mut()
        .expect("an object")
        .extend(additions.as_object().expect("an object").clone());
    assert_eq!(round_trip::<Container>(&body), body);
}

#[test]
fn unknown_enum_values_are_kept() {
    let mut body = container("hibernating", "0", "", "");
    body["stop_reason"] = json!("quota");
    let read: Container = serde_json::from_value(body).expect("readable body");
    assert_eq!(read.status, Status::Other("hibernating".to_owned()));
    assert_eq!(read.stop_reason, Some(StopReason::Other("quota".to_owned())));
    assert_eq!(
        serde_json::to_value(&read).expect("written")["status"],
        "hibernating"
    );
}

#[test]
fn unknown_request_fields_are_refused() {
    for body in [
        json!({ "image": "web", "privileged": true }),
        json!({ "image": "web", "HostConfig": {} }),
    ] {
        assert!(serde_json::from_value::<CreateContainer>(body).is_err());
    }
    assert!(serde_json::from_value::<UpdateContainer>(json!({ "state": "stopped" })).is_err());
    assert!(serde_json::from_value::<CheckIn>(json!({ "active": 1, "container": HUNGRY_BELL })).is_err());
}

#[test]
fn update_reads_status_and_idle_timeout() {
    let update: UpdateContainer =
        serde_json::from_value(json!({ "status": "running", "idle_timeout": "6h" })).expect("readable body");
    assert_eq!(update.status, Some(DesiredStatus::Running));
    assert_eq!(update.idle_timeout.map(TimeLimit::as_secs), Some(21_600));
}

#[test]
fn problem_survives_a_round_trip() {
    let body = json!({
        "type": "urn:spin-docker:problem:image-not-found",
        "title": "No such image",
        "status": 404,
        "detail": "Image badimage not found on this server",
        "message": "Image badimage not found on this server",
        "request_id": "69c915ecddc76300",
    });
    assert_eq!(round_trip::<Problem>(&body), body);
    let problem: Problem = serde_json::from_value(body).expect("readable body");
    assert_eq!(problem.suffix(), "image-not-found");
}
