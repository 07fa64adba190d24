//! Idle timeout, maximum lifetime and automatic removal: which source decides, and when they apply.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{ContainerQuery, CreateContainer, Status, StopReason, TimeLimit};
use sd_daemon::domain::{Image, ImageRule, Limits, TimeLimit as Limit};
use serde_json::json;

use crate::support::{IDLE_TIMEOUT, IMAGE, Setup, TestDaemon, assert_lines, assert_response, id, send};

const HOUR: Duration = Duration::from_secs(3_600);
/// The longest pause between two scans for due containers.
const SCAN_INTERVAL: Duration = Duration::from_secs(1);

fn hours(hours: u32) -> TimeLimit {
    TimeLimit::After(hours * HOUR)
}

#[tokio::test]
async fn most_specific_source_decides_each_limit() {
    let mut setup = Setup::default();
    setup.policy.image_rules = [ImageRule {
        images: "sd-lab*".parse().unwrap(),
        limits: Limits {
            idle_timeout: Some(Limit::After(3 * HOUR)),
            max_lifetime: Some(Limit::After(30 * HOUR)),
            remove_after: Some(Limit::After(300 * HOUR)),
        },
    }]
    .into();
    let daemon = TestDaemon::with_setup(setup);
    let labelled = Image {
        limits: Limits {
            idle_timeout: Some(Limit::After(2 * HOUR)),
            max_lifetime: Some(Limit::After(20 * HOUR)),
            remove_after: None,
        },
        ..Image::default()
    };
    daemon.engine.add_image("sd-labelled:latest", labelled);
    let wanted = CreateContainer {
        name: Some("labelled".to_owned()),
        idle_timeout: Some(hours(1)),
        ..CreateContainer::of_image("sd-labelled")
    };
    let container = daemon.client.create(&wanted).await.unwrap();
    let request = daemon.request(Method::GET, &format!("{}/activity", container.uri));
    assert_response!(send(request).await);
}

#[tokio::test]
async fn invalid_image_label_is_rejected_by_name() {
    let daemon = TestDaemon::start();
    let labelled = Image {
        bad_label: Some("its label spin-docker.idle-timeout=\"soon\" must be a duration".to_owned()),
        ..Image::default()
    };
    daemon.engine.add_image("sd-labelled:latest", labelled);
    let request = daemon.request(Method::POST, "/v1/containers");
    assert_response!(send(request.form(&[("image", "sd-labelled")])).await);
    let all = ContainerQuery::default();
    assert!(daemon.client.containers(&all).await.unwrap().is_empty());
}

#[tokio::test]
async fn max_lifetime_stops_an_active_container() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        max_lifetime: Some(hours(3)),
        ..CreateContainer::of_image(IMAGE)
    };
    let container = daemon.client.create(&wanted).await.unwrap();
    daemon.clock.advance(2 * HOUR);
    assert_eq!(daemon.check_in(&container, 7).await, 204);
    daemon.clock.advance(Duration::from_millis(3_599_999));
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    daemon.clock.advance(SCAN_INTERVAL);
    let stopped = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Expired));
    let mut history = daemon.history(&container).await;
    // The daemon may see the time one millisecond before the deadline, and then also records a warning.
    history.retain(|line| line.starts_with("stopping"));
    assert_lines!(history);
}

#[tokio::test]
async fn remove_after_counts_from_the_stop() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        remove_after: Some(hours(24)),
        ..CreateContainer::of_image(IMAGE)
    };
    let (kept, removed) = (
        daemon.create().await,
        daemon.client.create(&wanted).await.unwrap(),
    );
    daemon.clock.advance(IDLE_TIMEOUT);
    for container in [&kept, &removed] {
        daemon.until_status(container, Status::Stopped).await;
    }
    daemon.clock.advance(23 * HOUR + Duration::from_millis(3_599_999));
    assert_eq!(daemon.get(&removed).await.status, Status::Stopped);
    daemon.clock.advance(SCAN_INTERVAL);
    daemon
        .until_registry(|snapshot| snapshot.get(id(&removed)).is_none())
        .await;
    assert_eq!(daemon.get(&kept).await.status, Status::Stopped);
}

#[tokio::test]
async fn changed_limits_apply_immediately() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(HOUR);
    let change = |body: serde_json::Value| {
        let path = format!("/v1/containers/{}", container.container_id);
        daemon.request(Method::PATCH, &path).json(&body)
    };
    let changed = send(change(json!({"max_lifetime": "2h", "remove_after": "1h"}))).await;
    assert_eq!(changed.status, 200);
    let shown = daemon.get(&container).await;
    assert_eq!(
        (shown.max_lifetime, shown.remove_after),
        (Some(7_200), Some(3_600))
    );
    assert_eq!(shown.stops_at.unwrap().to_string(), "2026-03-01T16:02:11.250Z");
    // The new idle timeout has already passed.
    assert_eq!(send(change(json!({"idle_timeout": 3_600}))).await.status, 200);
    daemon.clock.advance(SCAN_INTERVAL);
    let stopped = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
    assert!(stopped.removes_at.is_some());
    let refused = send(change(json!({"max_lifetime": "soon"}))).await;
    assert_eq!(refused.kind(), "422 malformed-request");
    assert_lines!(daemon.history(&container).await);
}
