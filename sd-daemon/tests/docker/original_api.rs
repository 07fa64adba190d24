//! The curl commands in the documentation of the original program, with another port and image.

use std::process::Command;

use sd_client::api::Status;
use serde_json::{Value, json};

use crate::daemon::{Daemon, eventually, runs_inside};
use crate::docker::image;

/// Runs a command line of the documentation, and returns the status code and the body of the response.
fn curl(daemon: &Daemon, line: &str) -> (u16, Value) {
    let line = line
        .replace("localhost:8080", daemon.address())
        .replace("atbaker/sd-postgres", image());
    let script = format!("{line} --silent --show-error --write-out '\n%{{http_code}}'");
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("sh is installed");
    let text = String::from_utf8(output.stdout).expect("the response is text");
    let (body, status) = text.rsplit_once('\n').expect("curl writes the status");
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    (status.parse().expect("the status code is a number"), body)
}

const CREATE: &str =
    r#"curl http://localhost:8080/v1/containers -X POST -u admin:spindocker -d "image=atbaker/sd-postgres""#;

fn id_of(container: &Value) -> &str {
    container["container_id"].as_str().expect("a container has an id")
}

#[tokio::test]
async fn images_are_listed() {
    let daemon = Daemon::start(&[]).await;
    let (status, images) = curl(
        &daemon,
        "curl http://localhost:8080/v1/images -u admin:spindocker",
    );
    assert_eq!(status, 200);
    assert!(
        images
            .as_array()
            .expect("the body is a list")
            .contains(&json!(image())),
        "{images}"
    );
}

#[tokio::test]
async fn container_lifecycle_matches_the_documentation() {
    let daemon = Daemon::start(&[]).await;

    let (status, created) = curl(&daemon, CREATE);
    assert_eq!(status, 201);
    let id = id_of(&created).to_owned();
    let uri = format!("/v1/containers/{id}");
    assert_eq!(
        (
            &created["status"],
            &created["active"],
            &created["image"],
            &created["uri"]
        ),
        (&json!("running"), &json!("0"), &json!(image()), &json!(uri))
    );
    assert!(created["name"].as_str().is_some_and(|name| name.starts_with('/')));
    for port in ["ssh_port", "app_port"] {
        let number = created[port].as_str().expect("ports are strings").parse::<u16>();
        assert!(number.is_ok(), "{port}: {}", created[port]);
    }

    let list = curl(
        &daemon,
        "curl http://localhost:8080/v1/containers -u admin:spindocker",
    );
    assert_eq!(list, (200, json!([created])));
    let one = curl(
        &daemon,
        &format!("curl http://localhost:8080{uri} -u admin:spindocker"),
    );
    assert_eq!(one, (200, created.clone()));

    let patch = |status: &str| {
        format!("curl http://localhost:8080{uri} -X PATCH -u admin:spindocker -d status={status}")
    };
    let (status, stopping) = curl(&daemon, &patch("stopped"));
    assert_eq!((status, &stopping["status"]), (200, &json!("stopping")));
    assert_eq!(stopping["ssh_port"], created["ssh_port"]);
    daemon.becomes(&id, Status::Stopped).await;
    let (_, stopped) = curl(
        &daemon,
        &format!("curl http://localhost:8080{uri} -u admin:spindocker"),
    );
    assert_eq!(
        (
            &stopped["status"],
            &stopped["ssh_port"],
            &stopped["app_port"],
            &stopped["active"]
        ),
        (&json!("stopped"), &json!(""), &json!(""), &json!("0"))
    );

    let (status, started) = curl(&daemon, &patch("running"));
    assert_eq!((status, &started["status"]), (200, &json!("running")));
    assert_ne!(started["ssh_port"], json!(""));

    let delete = format!("curl http://localhost:8080{uri} -X DELETE -u admin:spindocker");
    assert_eq!(curl(&daemon, &delete), (204, Value::Null));
    let (status, gone) = curl(
        &daemon,
        &format!("curl http://localhost:8080{uri} -u admin:spindocker"),
    );
    assert_eq!(
        (status, &gone["message"]),
        (404, &json!(format!("Container {id} doesn't exist")))
    );
}

#[tokio::test]
async fn check_in_at_the_gateway_is_credited() {
    let daemon = Daemon::start(&[]).await;
    let id = id_of(&curl(&daemon, CREATE).1).to_owned();
    let report = r#"/bin/busybox wget -O - --post-data "active-connections=1" $SD_CHECK_IN_URL"#;
    // The listener on the gateway starts shortly after the API.
    eventually("the check-in is credited", async || {
        runs_inside(&id, report).then_some(())
    })
    .await;
    assert_eq!(daemon.show(&id).await.active, 1);
    let api = "/bin/busybox wget -O - ${SD_CHECK_IN_URL%check-in}containers";
    assert!(
        !runs_inside(&id, api),
        "the gateway listener serves only check-ins"
    );
}

#[tokio::test]
async fn requests_without_credentials_are_rejected() {
    let daemon = Daemon::start(&[]).await;
    for line in [
        "curl http://localhost:8080/v1/containers",
        "curl http://localhost:8080/v1/containers -u wrong:user",
        "curl http://localhost:8080/nowhere",
    ] {
        assert_eq!(curl(&daemon, line).0, 401, "{line}");
    }
}

#[tokio::test]
async fn missing_image_is_named_in_the_error() {
    let daemon = Daemon::start(&[]).await;
    let line = r#"curl http://localhost:8080/v1/containers -X POST -u admin:spindocker -d "image=badimage""#;
    let (status, problem) = curl(&daemon, line);
    assert_eq!(
        (status, &problem["message"]),
        (404, &json!("Image badimage not found on this server"))
    );
    assert_eq!(daemon.list().await, []);
}
