//! `POST /v1/containers`: accepted bodies, the created container, and the state after a failure.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{Container, ContainerQuery, CreateContainer, Status, StopReason};
use sd_daemon::domain::ContainerId;
use sd_daemon::engine::fake::{Action, Call, FakeEngine, Point};
use sd_daemon::engine::{ContainerSpec, EngineError};
use sd_daemon::service::CheckInAddress;
use serde_json::{Value, json};

use crate::support::{Response, TestDaemon, assert_lines, assert_response, send, with_timeout};

const TIMED_OUT: EngineError = EngineError::TimedOut(Duration::from_secs(60));

#[tokio::test]
async fn form_creates_a_running_container() {
    let daemon = TestDaemon::start();
    let response = create_by_form(&daemon, &[("image", "sd-postgres"), ("name", "hungry_bell")]).await;
    assert_response!(response);
    let container: Container = serde_json::from_str(&response.body).unwrap();
    assert_eq!(daemon.get(&container).await, container);
}

#[tokio::test]
async fn json_creates_a_running_container() {
    let daemon = TestDaemon::start();
    let body = json!({ "image": "sd-postgres", "name": "hungry_bell" });
    assert_response!(create_by_json(&daemon, &body).await);
}

#[tokio::test]
async fn all_fields_reach_the_engine() {
    let daemon = TestDaemon::start();
    let body = json!({
        "image": "sd-web:1.2", "name": "/hungry_bell", "env": { "A": "1", "SD_CHECK_IN_URL": "mine" },
        "cmd": ["serve", "--fast"], "memory": "512m", "cpus": "0.5", "idle_timeout": "6h",
    });
    assert_response!(create_by_json(&daemon, &body).await);
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

/// A create that does not wait makes a container without the URL.
#[tokio::test]
async fn create_waits_for_the_check_in_address() {
    let daemon = TestDaemon::start();
    daemon.service.set_check_in(CheckInAddress::Pending);
    let hold = daemon.engine.hold(Point::After(Action::Image));
    let address_becomes_known = async {
        with_timeout(hold.reached()).await;
        hold.release();
        // The daemon has one worker thread: the create has run to its next wait before this is answered.
        daemon.client.ready().await.unwrap();
        daemon.service.set_check_in(CheckInAddress::Available(
            "http://192.0.2.1/v1/check-in".to_owned(),
        ));
    };
    tokio::join!(daemon.create(), address_becomes_known);
    let environment = created(&daemon).environment;
    let url = "SD_CHECK_IN_URL=http://192.0.2.1/v1/check-in".to_owned();
    assert!(environment.contains(&url), "{environment:?}");
}

#[tokio::test]
async fn image_label_selects_the_app_port() {
    let daemon = TestDaemon::start();
    assert_response!(create_by_form(&daemon, &[("image", "sd-web:1.2"), ("name", "web")]).await);
}

#[tokio::test]
async fn image_without_ports_publishes_none() {
    let daemon = TestDaemon::start();
    assert_response!(create_by_form(&daemon, &[("image", "sd-quiet"), ("name", "quiet")]).await);
}

#[tokio::test]
async fn missing_image_is_reported_by_name() {
    let daemon = TestDaemon::start();
    assert_response!(create_by_form(&daemon, &[("image", "badimage")]).await);
    assert_no_container_is_left(&daemon).await;
}

#[tokio::test]
async fn name_of_a_foreign_container_is_rejected() {
    let daemon = TestDaemon::start();
    daemon.engine.create_externally("foreign", None);
    assert_response!(create_by_form(&daemon, &[("image", "sd-postgres"), ("name", "foreign")]).await);
    let all = ContainerQuery::default();
    assert_eq!(daemon.client.containers(&all).await.unwrap(), []);
    assert_eq!(daemon.open_creations(), []);
}

#[tokio::test]
async fn invalid_value_is_rejected_with_the_field_name() {
    let daemon = TestDaemon::without_tasks();
    let fields = [
        json!({}),
        json!({ "image": "" }),
        json!({ "image": 5 }),
        json!({ "image": "../containers" }),
        json!({ "image": "a?b" }),
        json!({ "image": "a".repeat(256) }),
        json!({ "name": "a b" }),
        json!({ "name": "ab".repeat(32) }),
        json!({ "name": format!("/{}", "ab".repeat(32)) }),
        json!({ "name": "\u{1b}[31m" }),
        json!({ "env": ["A"] }),
        json!({ "env": { "": "1" } }),
        json!({ "env": { "A": "\0" } }),
        json!({ "cmd": "ls" }),
        json!({ "cmd": ["\0"] }),
        json!({ "memory": "lots" }),
        json!({ "memory": 1 }),
        json!({ "memory": -1 }),
        json!({ "cpus": 0 }),
        json!({ "idle_timeout": "soon" }),
        json!({ "idle_timeout": -5 }),
        json!({ "HostConfig": { "Privileged": true } }),
        json!({ "Image": "sd-web:1.2" }),
        json!({ "privileged": true }),
    ];
    let mut lines = Vec::new();
    for (index, invalid) in fields.into_iter().enumerate() {
        let mut body = invalid.clone();
        // The first cases are about the image itself.
        if index > 5 {
            body["image"] = "sd-postgres".into();
        }
        let response = create_by_json(&daemon, &body).await;
        assert_eq!(response.kind(), "422 malformed-request", "{body}");
        let shown: String = invalid.to_string().chars().take(60).collect();
        lines.push(format!("{shown} -> {}", response.problem()));
    }
    assert_lines!(lines);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn unparsable_body_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    let deep = "[".repeat(20_000);
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        r#""sd-postgres""#,
        "{\"image\":\"sd-postgres\"}}",
        "image=sd-postgres",
        &deep,
    ];
    for body in bodies {
        let request = daemon
            .request(Method::POST, "/v1/containers")
            .header("content-type", "application/json");
        let response = send(request.body(body.to_owned())).await;
        assert_eq!(response.kind(), "400 malformed-request", "{body}");
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn unsupported_media_type_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    let mut lines = Vec::new();
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
        lines.push(format!("{media_type:?} -> {}", send(request).await.problem()));
    }
    assert_lines!(lines);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn json_sent_as_a_form_gets_a_hint() {
    let daemon = TestDaemon::without_tasks();
    let request = daemon
        .request(Method::POST, "/v1/containers")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(r#"{"image":"sd-postgres"}"#);
    assert_response!(send(request).await);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn media_type_allows_parameters_and_any_case() {
    let daemon = TestDaemon::start();
    let request = daemon
        .request(Method::POST, "/v1/containers")
        .body(r#"{"image":"sd-postgres"}"#);
    let response = send(request.header("content-type", "Application/JSON; charset=utf-8")).await;
    assert_eq!(response.status, 201);
}

#[tokio::test]
async fn missing_body_is_rejected_with_the_field_name() {
    let daemon = TestDaemon::without_tasks();
    assert_response!(send(daemon.request(Method::POST, "/v1/containers")).await);
}

#[tokio::test]
async fn oversized_body_is_rejected() {
    let daemon = TestDaemon::without_tasks();
    let body = json!({ "image": "sd-postgres", "cmd": ["x".repeat(65 * 1024)] });
    assert_response!(create_by_json(&daemon, &body).await);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn unexecutable_command_leaves_no_container() {
    let daemon = TestDaemon::start();
    let body = json!({ "image": "sd-postgres", "cmd": [FakeEngine::MISSING_PROGRAM] });
    assert_response!(create_by_json(&daemon, &body).await);
    assert_no_container_is_left(&daemon).await;
}

#[tokio::test]
async fn engine_rejection_leaves_no_container() {
    let daemon = TestDaemon::start();
    daemon.engine.fail_next(
        Point::Before(Action::Create),
        EngineError::Rejected("no space left on device".to_owned()),
    );
    assert_response!(create_by_form(&daemon, &[("image", "sd-postgres")]).await);
    assert_no_container_is_left(&daemon).await;
}

#[tokio::test]
async fn container_that_exits_immediately_is_created() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::After(Action::Start));
    let request = CreateContainer::of_image("sd-postgres");
    let (created, ()) = tokio::join!(daemon.client.create(&request), async {
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
    daemon.engine.fail_next(Point::After(Action::Create), TIMED_OUT);
    let container = daemon.create().await;
    assert_eq!(container.status, Status::Running);
    assert_eq!(daemon.changes(), [Action::Create, Action::Start]);
}

#[tokio::test]
async fn start_with_a_lost_response_succeeds() {
    let daemon = TestDaemon::start();
    daemon.engine.fail_next(Point::After(Action::Start), TIMED_OUT);
    let container = daemon.create().await;
    assert_eq!(container.status, Status::Running);
    assert_eq!(daemon.changes(), [Action::Create, Action::Start]);
}

#[tokio::test]
async fn timed_out_create_is_removed_when_it_appears() {
    let daemon = TestDaemon::start();
    daemon.engine.fail_next(Point::Before(Action::Create), TIMED_OUT);
    assert_response!(create_by_form(&daemon, &[("image", "sd-postgres")]).await);
    let operation = daemon.open_creations()[0];
    daemon.engine.create_externally("late", Some(operation));
    daemon
        .until_registry(|snapshot| snapshot.creations().next().is_none())
        .await;
    assert_no_container_is_left(&daemon).await;
}

#[tokio::test]
async fn timed_out_create_expires() {
    let daemon = TestDaemon::start();
    daemon.engine.fail_next(Point::Before(Action::Create), TIMED_OUT);
    create_by_form(&daemon, &[("image", "sd-postgres")]).await;
    assert_eq!(daemon.open_creations().len(), 1);
    daemon.clock.advance(Duration::from_secs(180));
    daemon
        .until_registry(|snapshot| snapshot.creations().next().is_none())
        .await;
    assert_no_container_is_left(&daemon).await;
}

#[tokio::test]
async fn create_without_the_engine_is_refused() {
    let daemon = TestDaemon::start();
    daemon.engine.disconnect();
    assert_response!(create_by_form(&daemon, &[("image", "sd-postgres")]).await);
    assert_no_container_is_left(&daemon).await;
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
        let request = CreateContainer::of_image("sd-postgres");
        tokio::select! {
            created = daemon.client.create(&request) => panic!("the create was answered: {created:?}"),
            () = with_timeout(hold.reached()) => {}
        }
        // The daemon has read the end of that connection before it answers on another one.
        for _ in 0..2 {
            let query = ContainerQuery::default();
            daemon.client.containers(&query).await.unwrap();
        }
        hold.release();
        daemon
            .until_registry(|snapshot| snapshot.records().any(|record| !record.addresses().is_empty()))
            .await;
        let all = ContainerQuery::default();
        let containers = daemon.client.containers(&all).await.unwrap();
        assert_eq!(containers.len(), 1, "{point:?}");
        assert_eq!(ids(&containers), daemon.engine.containers(), "{point:?}");
    }
}

async fn create_by_form(daemon: &TestDaemon, form: &[(&str, &str)]) -> Response {
    send(daemon.request(Method::POST, "/v1/containers").form(form)).await
}

async fn create_by_json(daemon: &TestDaemon, body: &Value) -> Response {
    send(daemon.request(Method::POST, "/v1/containers").json(body)).await
}

/// The only create that the engine received.
fn created(daemon: &TestDaemon) -> ContainerSpec {
    let specs = daemon.engine.calls().into_iter().filter_map(|call| match call {
        Call::Create(spec) => Some(spec),
        _ => None,
    });
    let specs: Vec<_> = specs.collect();
    assert_eq!(specs.len(), 1, "{specs:?}");
    specs[0].clone()
}

async fn assert_no_container_is_left(daemon: &TestDaemon) {
    let all = ContainerQuery::default();
    assert_eq!(daemon.client.containers(&all).await.unwrap(), []);
    assert_eq!(daemon.open_creations(), []);
    assert_eq!(daemon.engine.containers(), []);
}

fn is_token(variable: &str) -> bool {
    variable.starts_with("SD_CHECK_IN_TOKEN=")
}

fn ids(containers: &[Container]) -> Vec<ContainerId> {
    containers.iter().map(crate::support::id).collect()
}
