//! Idle timeout, longest run and removal: who decides, and that they hold.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{
    ContainerQuery, CreateContainer, EventKind, PolicySource, Status, StopReason, TimeLimit,
};
use sd_daemon::domain::{Image, ImageRule, Limits, TimeLimit as Limit};
use serde_json::json;

use crate::support::{Answer, IDLE_TIMEOUT, IMAGE, Setup, TestDaemon, id, kind};

const HOUR: Duration = Duration::from_secs(3_600);
/// Nothing waits for longer than this between two sweeps.
const SWEEP: Duration = Duration::from_secs(1);

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
        idle_timeout: Some(hours(1)),
        ..CreateContainer::of_image("sd-labelled")
    };
    let container = daemon.client.create(&wanted).await.unwrap();
    let activity = daemon.activity(&container).await;
    assert_eq!(
        (activity.idle_timeout, activity.idle_timeout_source),
        (Some(3_600), PolicySource::Container)
    );
    assert_eq!(
        (activity.max_lifetime, activity.max_lifetime_source),
        (Some(72_000), PolicySource::ImageLabel)
    );
    assert_eq!(
        (activity.remove_after, activity.remove_after_source),
        (Some(1_080_000), PolicySource::ImageRule)
    );
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
    let (status, _, detail) = Answer::to(request.form(&[("image", "sd-labelled")]))
        .await
        .problem();
    assert_eq!(status, 422);
    assert!(detail.contains("spin-docker.idle-timeout"), "{detail}");
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
    assert_eq!(daemon.look(&container).await.status, Status::Running);
    daemon.clock.advance(SWEEP);
    let stopped = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Expired));
    let history = daemon.activity(&container).await.history;
    let stop = history
        .iter()
        .find(|entry| entry.what == EventKind::Stopping)
        .unwrap();
    assert_eq!(
        stop.why,
        "a run may last 3h at most (set for this container), however much it is used"
    );
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
    assert_eq!(daemon.look(&removed).await.status, Status::Stopped);
    daemon.clock.advance(SWEEP);
    daemon
        .until_registry(|snapshot| snapshot.get(id(&removed)).is_none())
        .await;
    assert_eq!(daemon.look(&kept).await.status, Status::Stopped);
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
    let changed = Answer::to(change(json!({"max_lifetime": "2h", "remove_after": "1h"}))).await;
    assert_eq!(changed.status, 200);
    let shown = daemon.look(&container).await;
    assert_eq!(
        (shown.max_lifetime, shown.remove_after),
        (Some(7_200), Some(3_600))
    );
    assert_eq!(shown.stops_at.unwrap().to_string(), "2026-03-01T16:02:11.250Z");
    // An hour without use is over already.
    assert_eq!(
        Answer::to(change(json!({"idle_timeout": 3_600}))).await.status,
        200
    );
    daemon.clock.advance(SWEEP);
    let stopped = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
    assert!(stopped.removes_at.is_some());
    let refused = Answer::to(change(json!({"max_lifetime": "soon"}))).await;
    assert_eq!(refused.kind(), kind(422, "malformed-request"));
    let told = daemon.activity(&container).await.history;
    let told = told.iter().filter(|entry| entry.what == EventKind::Changed);
    let words: Vec<&str> = told.map(|entry| entry.why.as_str()).collect();
    assert_eq!(
        words,
        [
            "longest run set to 2h, removal set to 1h after a stop, asked for over the API",
            "idle timeout set to 1h, asked for over the API"
        ]
    );
}
