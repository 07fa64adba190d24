//! `POST /v1/containers`: what is asked for, what is made, and what is left when it cannot be made.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{Container, ContainerQuery, CreateContainer, Status, StopReason};
use sd_daemon::domain::ContainerId;
use sd_daemon::engine::fake::{Action, Call, FakeEngine, Point};
use sd_daemon::engine::{ContainerSpec, EngineError};
use sd_daemon::service::CheckInAddress;
use serde_json::{Value, json};

use crate::support::{Answer, TestDaemon, in_time, kind};

const LATE: EngineError = EngineError::TimedOut(Duration::from_secs(60));

#[tokio::test]
async fn form_creates_a_running_container() {
    let daemon = TestDaemon::start();
    let answer = create_by_form(&daemon, &[("image", "sd-postgres")]).await;
    let container: Container = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), Some(container.uri.as_str()));
    assert_eq!(daemon.look(&container).await, container);
    assert_eq!(
        (container.ssh_port, container.app_port),
        (Some(49153), Some(49154))
    );
}

#[tokio::test]
async fn json_creates_a_running_container() {
    let daemon = TestDaemon::start();
    let answer = create_by_json(&daemon, &json!({ "image": "sd-postgres" })).await;
    assert_eq!(
        (answer.status, answer.json()["status"].as_str()),
        (201, Some("running"))
    );
}

fn is_token(variable: &str) -> bool {
    variable.starts_with("SD_CHECK_IN_TOKEN=")
}

#[tokio::test]
async fn all_fields_reach_the_engine() {
    let daemon = TestDaemon::start();
    let wanted = json!({
        "image": "sd-web:1.2", "name": "/hungry_bell", "env": { "A": "1", "SD_CHECK_IN_URL": "mine" },
        "cmd": ["serve", "--fast"], "memory": "512m", "cpus": "0.5", "idle_timeout": "6h",
    });
    let answer = create_by_json(&daemon, &wanted).await;
    assert_eq!(
        (answer.status, &answer.json()["idle_timeout"]),
        (201, &json!(21_600))
    );
    let spec = created(&daemon);
    assert_eq!(spec.name, Some("hungry_bell".parse().unwrap()));
    let chosen: Vec<_> = spec.environment.iter().filter(|one| !is_token(one)).collect();
    assert_eq!(chosen, ["A=1", "SD_CHECK_IN_URL=mine"]);
    assert_eq!(spec.command, ["serve", "--fast"]);
    assert_eq!(
        (spec.memory_bytes, spec.nano_cpus),
        (Some(512 << 20), Some(500_000_000))
    );
    assert_eq!(
        spec.ports.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["22/tcp", "8080/tcp", "80/tcp"]
    );
}

#[tokio::test]
async fn container_gets_check_in_url_and_token() {
    let daemon = TestDaemon::start();
    daemon.create().await;
    let environment = created(&daemon).environment;
    let url = format!("SD_CHECK_IN_URL={}", daemon.check_in_url());
    assert!(environment.contains(&url), "{environment:?}");
    assert!(environment.iter().any(|one| is_token(one)), "{environment:?}");
    assert_eq!(environment.len(), 2);
}

#[tokio::test]
async fn create_waits_for_the_check_in_address() {
    let daemon = TestDaemon::start();
    daemon.service.set_check_in(CheckInAddress::Pending);
    let hold = daemon.engine.hold(Point::After(Action::Image));
    let place_becomes_known = async {
        in_time(hold.reached()).await;
        hold.release();
        // Time enough to make one without.
        for _ in 0..10 {
            daemon.client.ready().await.unwrap();
            assert_eq!(daemon.engine.containers(), []);
        }
        daemon.service.set_check_in(CheckInAddress::Available(
            "http://192.0.2.1/v1/check-in".to_owned(),
        ));
    };
    tokio::join!(daemon.create(), place_becomes_known);
    let environment = created(&daemon).environment;
    let url = "SD_CHECK_IN_URL=http://192.0.2.1/v1/check-in".to_owned();
    assert!(environment.contains(&url), "{environment:?}");
}

#[tokio::test]
async fn image_label_selects_the_app_port() {
    let daemon = TestDaemon::start();
    let container = daemon
        .client
        .create(&CreateContainer::of_image("sd-web:1.2"))
        .await
        .unwrap();
    assert_eq!(container.app_port, Some(container.ports["8080/tcp"]));
    assert_eq!(container.ports.len(), 3);
}

#[tokio::test]
async fn image_without_ports_publishes_none() {
    let daemon = TestDaemon::start();
    let answer = create_by_form(&daemon, &[("image", "sd-quiet")]).await.json();
    assert_eq!(
        (&answer["status"], &answer["ports"]),
        (&json!("running"), &json!({}))
    );
    assert_eq!(
        (&answer["ssh_port"], &answer["app_port"]),
        (&json!(""), &json!(""))
    );
}

#[tokio::test]
async fn missing_image_is_reported_by_name() {
    let daemon = TestDaemon::start();
    let answer = create_by_form(&daemon, &[("image", "badimage")]).await;
    let detail = "Image badimage not found on this server".to_owned();
    assert_eq!(answer.problem(), (404, "image-not-found".to_owned(), detail));
    assert_nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn name_of_a_foreign_container_is_rejected() {
    let daemon = TestDaemon::start();
    daemon.engine.create_behind_back("somebody_elses", None);
    let answer = create_by_form(&daemon, &[("image", "sd-postgres"), ("name", "somebody_elses")]).await;
    assert_eq!(answer.kind(), kind(409, "name-in-use"));
    assert_eq!(
        daemon
            .client
            .containers(&ContainerQuery::default())
            .await
            .unwrap(),
        []
    );
    assert_eq!(daemon.open_creations(), []);
}

#[tokio::test]
async fn invalid_value_is_rejected_with_the_field_name() {
    let daemon = TestDaemon::without_tasks();
    let cases = [
        (json!({}), "image"),
        (json!({ "image": "" }), "image"),
        (json!({ "image": 5 }), "image"),
        (json!({ "image": "../containers" }), "image"),
        (json!({ "image": "a?b" }), "image"),
        (json!({ "image": "a".repeat(256) }), "image"),
        (json!({ "image": "sd-postgres", "name": "a b" }), "name"),
        (json!({ "image": "sd-postgres", "name": "ab".repeat(32) }), "name"),
        (
            json!({ "image": "sd-postgres", "name": format!("/{}", "ab".repeat(32)) }),
            "name",
        ),
        (json!({ "image": "sd-postgres", "name": "\u{1b}[31m" }), "name"),
        (json!({ "image": "sd-postgres", "env": ["A"] }), "env"),
        (json!({ "image": "sd-postgres", "env": { "": "1" } }), "env"),
        (json!({ "image": "sd-postgres", "env": { "A": "\0" } }), "env"),
        (json!({ "image": "sd-postgres", "cmd": "ls" }), "cmd"),
        (json!({ "image": "sd-postgres", "cmd": ["\0"] }), "cmd"),
        (json!({ "image": "sd-postgres", "memory": "lots" }), "memory"),
        (json!({ "image": "sd-postgres", "memory": 1 }), "memory"),
        (json!({ "image": "sd-postgres", "memory": -1 }), "memory"),
        (json!({ "image": "sd-postgres", "cpus": 0 }), "cpus"),
        (
            json!({ "image": "sd-postgres", "idle_timeout": "soon" }),
            "idle_timeout",
        ),
        (
            json!({ "image": "sd-postgres", "idle_timeout": -5 }),
            "idle_timeout",
        ),
        (
            json!({ "image": "sd-postgres", "HostConfig": { "Privileged": true } }),
            "HostConfig",
        ),
        (json!({ "image": "sd-postgres", "Image": "sd-web:1.2" }), "Image"),
        (
            json!({ "image": "sd-postgres", "privileged": true }),
            "privileged",
        ),
    ];
    for (body, field) in cases {
        let (status, suffix, detail) = create_by_json(&daemon, &body).await.problem();
        assert_eq!((status, suffix.as_str()), (422, "malformed-request"), "{body}");
        assert!(detail.contains(field), "{body}: {detail}");
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn unparsable_body_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    for body in [
        "",
        "{",
        "[]",
        "null",
        r#""sd-postgres""#,
        "{\"image\":\"sd-postgres\"}}",
        "image=sd-postgres",
    ] {
        let request = daemon
            .request(Method::POST, "/v1/containers")
            .header("content-type", "application/json");
        let answer = Answer::to(request.body(body)).await;
        assert_eq!(answer.kind(), kind(400, "malformed-request"), "{body}");
    }
    let deep = "[".repeat(20_000);
    let request = daemon
        .request(Method::POST, "/v1/containers")
        .header("content-type", "application/json");
    assert_eq!(
        Answer::to(request.body(deep)).await.kind(),
        kind(400, "malformed-request")
    );
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn unsupported_media_type_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    for media_type in [
        Some("text/plain"),
        Some("multipart/form-data"),
        Some("application/jsonx"),
        Some(""),
        None,
    ] {
        let mut request = daemon
            .request(Method::POST, "/v1/containers")
            .body(r#"{"image":"sd-postgres"}"#);
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        assert_eq!(
            Answer::to(request).await.kind(),
            kind(415, "malformed-request"),
            "{media_type:?}"
        );
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn json_sent_as_a_form_gets_a_hint() {
    let daemon = TestDaemon::without_tasks();
    let request = daemon
        .request(Method::POST, "/v1/containers")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(r#"{"image":"sd-postgres"}"#);
    let (status, _, detail) = Answer::to(request).await.problem();
    assert_eq!(status, 415);
    assert!(detail.contains("content-type: application/json"), "{detail}");
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn media_type_allows_parameters_and_any_case() {
    let daemon = TestDaemon::start();
    let request = daemon
        .request(Method::POST, "/v1/containers")
        .body(r#"{"image":"sd-postgres"}"#);
    let answer = Answer::to(request.header("content-type", "Application/JSON; charset=utf-8")).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn missing_body_is_rejected_with_the_field_name() {
    let daemon = TestDaemon::without_tasks();
    let (status, _, detail) = Answer::to(daemon.request(Method::POST, "/v1/containers"))
        .await
        .problem();
    assert_eq!((status, detail.contains("image")), (422, true), "{detail}");
}

#[tokio::test]
async fn oversized_body_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    let body = json!({ "image": "sd-postgres", "cmd": ["x".repeat(65 * 1024)] });
    assert_eq!(
        create_by_json(&daemon, &body).await.kind(),
        kind(413, "too-large")
    );
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn unexecutable_command_leaves_no_container() {
    let daemon = TestDaemon::start();
    let wanted = json!({ "image": "sd-postgres", "cmd": [FakeEngine::MISSING_PROGRAM] });
    let (status, suffix, detail) = create_by_json(&daemon, &wanted).await.problem();
    assert_eq!((status, suffix.as_str()), (502, "engine-rejected"));
    assert!(detail.contains(FakeEngine::MISSING_PROGRAM), "{detail}");
    assert_nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn engine_rejection_leaves_no_container() {
    let daemon = TestDaemon::start();
    daemon.engine.fail_next(
        Point::Before(Action::Create),
        EngineError::Rejected("no room".to_owned()),
    );
    let answer = create_by_form(&daemon, &[("image", "sd-postgres")]).await;
    assert_eq!(answer.kind(), kind(502, "engine-rejected"));
    assert_nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn container_that_exits_immediately_is_created() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::After(Action::Start));
    let wanted = CreateContainer::of_image("sd-postgres");
    let (created, ()) = tokio::join!(daemon.client.create(&wanted), async {
        hold.reached().await;
        daemon.engine.exit(daemon.engine.containers()[0]);
        hold.release();
    });
    let created = created.unwrap();
    assert_eq!(
        (created.status, created.stop_reason),
        (Status::Stopped, Some(StopReason::Exited))
    );
}

#[tokio::test]
async fn create_with_a_lost_response_makes_one_container() {
    let daemon = TestDaemon::start();
    daemon.engine.fail_next(Point::After(Action::Create), LATE);
    let container = daemon.create().await;
    assert_eq!(container.status, Status::Running);
    assert_eq!(daemon.changes(), [Action::Create, Action::Start]);
}

#[tokio::test]
async fn start_with_a_lost_response_succeeds() {
    let daemon = TestDaemon::start();
    daemon.engine.fail_next(Point::After(Action::Start), LATE);
    let container = daemon.create().await;
    assert_eq!(container.status, Status::Running);
    assert_eq!(daemon.changes(), [Action::Create, Action::Start]);
}

#[tokio::test]
async fn timed_out_create_is_removed_when_it_appears() {
    let daemon = TestDaemon::start();
    daemon.engine.fail_next(Point::Before(Action::Create), LATE);
    let answer = create_by_form(&daemon, &[("image", "sd-postgres")]).await;
    assert_eq!(answer.kind(), kind(504, "engine-timeout"));
    let operation = daemon.open_creations()[0];
    daemon.engine.create_behind_back("late", Some(operation));
    daemon
        .until_registry(|snapshot| snapshot.creations().next().is_none())
        .await;
    assert_nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn timed_out_create_expires() {
    let daemon = TestDaemon::start();
    daemon.engine.fail_next(Point::Before(Action::Create), LATE);
    create_by_form(&daemon, &[("image", "sd-postgres")]).await;
    assert_eq!(daemon.open_creations().len(), 1);
    daemon.clock.advance(Duration::from_secs(180));
    daemon
        .until_registry(|snapshot| snapshot.creations().next().is_none())
        .await;
    assert_nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn create_without_the_engine_is_refused() {
    let daemon = TestDaemon::start();
    daemon.engine.disconnect();
    let answer = create_by_form(&daemon, &[("image", "sd-postgres")]).await;
    assert_eq!(answer.kind(), kind(503, "engine-unavailable"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_nothing_is_left(&daemon).await;
}

#[tokio::test]
async fn create_completes_after_the_client_disconnects() {
    for point in [
        Point::Before(Action::Create),
        Point::After(Action::Create),
        Point::Before(Action::Start),
    ] {
        let daemon = TestDaemon::start();
        let hold = daemon.engine.hold(point);
        let wanted = CreateContainer::of_image("sd-postgres");
        tokio::select! {
            created = daemon.client.create(&wanted) => panic!("it was answered: {created:?}"),
            () = in_time(hold.reached()) => {}
        }
        // The daemon has heard of the end of that connection before it answers on another one.
        for _ in 0..2 {
            let query = ContainerQuery::default();
            daemon.client.containers(&query).await.unwrap();
        }
        hold.release();
        daemon
            .until_registry(|snapshot| snapshot.records().any(|record| !record.addresses().is_empty()))
            .await;
        let containers = daemon
            .client
            .containers(&ContainerQuery::default())
            .await
            .unwrap();
        assert_eq!(containers.len(), 1, "{point:?}");
        assert_eq!(ids(&containers), daemon.engine.containers(), "{point:?}");
    }
}

async fn create_by_form(daemon: &TestDaemon, form: &[(&str, &str)]) -> Answer {
    Answer::to(daemon.request(Method::POST, "/v1/containers").form(form)).await
}

async fn create_by_json(daemon: &TestDaemon, body: &Value) -> Answer {
    Answer::to(daemon.request(Method::POST, "/v1/containers").json(body)).await
}

/// What the engine was asked to make.
fn created(daemon: &TestDaemon) -> ContainerSpec {
    let specs = daemon.engine.calls().into_iter().filter_map(|call| match call {
        Call::Create(spec) => Some(spec),
        _ => None,
    });
    let specs: Vec<_> = specs.collect();
    assert_eq!(specs.len(), 1, "{specs:?}");
    specs[0].clone()
}

async fn assert_nothing_is_left(daemon: &TestDaemon) {
    assert_eq!(
        daemon
            .client
            .containers(&ContainerQuery::default())
            .await
            .unwrap(),
        []
    );
    assert_eq!(daemon.open_creations(), []);
    assert_eq!(daemon.engine.containers(), []);
}

fn ids(containers: &[Container]) -> Vec<ContainerId> {
    containers.iter().map(crate::support::id).collect()
}
