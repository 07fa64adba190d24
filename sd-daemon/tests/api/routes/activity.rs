//! `GET …/activity`: who uses a container, and why it is up or not.

use reqwest::Method;
use sd_client::api::{ContainerQuery, Status};
use serde_json::json;

use crate::support::{Answer, IDLE_TIMEOUT, START_TEXT, TestDaemon};

#[tokio::test]
async fn activity_explains_an_idle_stop() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("one").await;
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&container, Status::Stopped).await;
    let request = daemon.request(Method::GET, &format!("{}/activity", container.uri));
    let mut activity = Answer::to(request).await.json();
    let history = activity["history"].take();
    assert_eq!(
        activity,
        json!({
            "container_id": container.container_id,
            "name": "/one",
            "image": "sd-postgres",
            "status": "stopped",
            "at": "2026-03-01T16:32:11.250Z",
            "created_at": START_TEXT,
            "started_at": null,
            "stopped_at": "2026-03-01T16:32:11.250Z",
            "stop_reason": "idle",
            "last_active_at": START_TEXT,
            "last_active_signal": "started",
            "idle_timeout": 9000,
            "idle_timeout_source": "default",
            "max_lifetime": null,
            "max_lifetime_source": "default",
            "remove_after": null,
            "remove_after_source": "default",
            "stops_at": null,
            "stops_because": null,
            "removes_at": null,
            "keep_until": null,
            "connections": null,
            "signals": [
                {"kind": "started", "state": "on", "reason": null, "at": START_TEXT, "value": null},
                {"kind": "check-in", "state": "on", "reason": null, "at": null, "value": null},
                {"kind": "connections", "state": "on", "reason": null, "at": null, "value": null},
                {
                    "kind": "cpu",
                    "state": "off",
                    "reason": "the daemon's settings leave it out",
                    "at": null,
                    "value": null,
                },
            ],
            "history": null,
        })
    );
    let told: Vec<(&str, &str)> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["what"].as_str().unwrap(), entry["why"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("created", "asked for over the API"),
            ("started", "asked for over the API"),
            (
                "stopping",
                "not used for 2h 30m, and its idle timeout is 2h 30m (the daemon's default); the last use was its start"
            ),
            ("stopped", ""),
        ]
    );
}

#[tokio::test]
async fn reads_are_no_activity() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    let audit = ContainerQuery {
        audit: true,
        ..ContainerQuery::default()
    };
    daemon.client.containers(&audit).await.unwrap();
    daemon
        .client
        .containers(&ContainerQuery::default())
        .await
        .unwrap();
    daemon.activity(&container).await;
    drop(daemon.client.events(Some(0)).await.unwrap());
    let shown = daemon.look(&container).await;
    assert_eq!(shown.last_active_at, container.last_active_at);
    assert_eq!(shown.stops_at, container.stops_at);
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    daemon.until_status(&container, Status::Stopped).await;
}
