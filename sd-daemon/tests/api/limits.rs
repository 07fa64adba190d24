//! Idle timeout, longest run, removal: who sets them, how they are changed, and what they do.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{
    Activity, Container, CreateContainer, EventKind, PolicySource, Status, StopReason, TimeLimit,
    UpdateContainer,
};
use sd_daemon::domain::{self, Image, ImageRule};
use sd_daemon::engine::fake::Action;
use serde_json::json;

use crate::support::{Answer, GRACE, IDLE_TIMEOUT, IMAGE, Setup, TestDaemon, id};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn after(duration: Duration) -> TimeLimit {
    TimeLimit::After(duration)
}

/// Limits as a label or a rule sets them.
fn set(idle_timeout: Duration, max_lifetime: Duration, remove_after: Duration) -> domain::Limits {
    let after = |duration| Some(domain::TimeLimit::After(duration));
    domain::Limits {
        idle_timeout: after(idle_timeout),
        max_lifetime: after(max_lifetime),
        remove_after: after(remove_after),
    }
}

/// The limits that hold, and who set them.
fn limits(activity: &Activity) -> [(Option<u64>, PolicySource); 3] {
    [
        (activity.idle_timeout, activity.idle_timeout_source.clone()),
        (activity.max_lifetime, activity.max_lifetime_source.clone()),
        (activity.remove_after, activity.remove_after_source.clone()),
    ]
}

fn with_rules(rules: &[(&str, domain::Limits)]) -> TestDaemon {
    let mut setup = Setup::default();
    let rules = rules.iter().map(|(images, limits)| ImageRule {
        images: images.parse().unwrap(),
        limits: *limits,
    });
    setup.policy.image_rules = rules.collect();
    TestDaemon::with_setup(setup)
}

async fn update(daemon: &TestDaemon, container: &Container, update: UpdateContainer) -> Container {
    let updated = daemon.client.update(&container.container_id, &update).await;
    updated.unwrap()
}

async fn whys(daemon: &TestDaemon, container: &Container) -> Vec<String> {
    let history = daemon.activity(container).await.history;
    history
        .into_iter()
        .map(|entry| format!("{}: {}", entry.what, entry.why))
        .collect()
}

#[tokio::test]
async fn whoever_is_more_specific_decides_on_each_limit_by_itself() {
    use PolicySource::{Container, Default, ImageLabel, ImageRule};
    let daemon = with_rules(&[
        ("labelled", set(3 * HOUR, 3 * DAY, 30 * DAY)),
        ("sd-postgres", set(4 * HOUR, 4 * DAY, 40 * DAY)),
    ]);
    let labelled = Image {
        limits: domain::Limits {
            remove_after: None,
            ..set(2 * HOUR, 2 * DAY, DAY)
        },
        ..Image::default()
    };
    daemon.engine.add_image("labelled:latest", labelled);
    let create = async |image: &str, idle_timeout| {
        let wanted = CreateContainer {
            idle_timeout,
            ..CreateContainer::of_image(image)
        };
        let container = daemon.client.create(&wanted).await.unwrap();
        limits(&daemon.activity(&container).await)
    };
    let seconds = |duration: Duration| Some(duration.as_secs());
    assert_eq!(
        create("labelled", Some(after(HOUR))).await,
        [
            (seconds(HOUR), Container),
            (seconds(2 * DAY), ImageLabel),
            (seconds(30 * DAY), ImageRule),
        ]
    );
    assert_eq!(
        create("sd-postgres", Some(TimeLimit::Never)).await,
        [
            (None, Container),
            (seconds(4 * DAY), ImageRule),
            (seconds(40 * DAY), ImageRule),
        ]
    );
    assert_eq!(
        create("sd-web:1.2", None).await,
        [(seconds(IDLE_TIMEOUT), Default), (None, Default), (None, Default)]
    );
}

#[tokio::test]
async fn all_three_are_read_from_forms_and_json() {
    let daemon = TestDaemon::start();
    let request = || daemon.request(Method::POST, "/v1/containers");
    let form = request().form(&[
        ("image", IMAGE),
        ("idle_timeout", "1h"),
        ("max_lifetime", "28800"),
        ("remove_after", "2d"),
    ]);
    let body = json!({ "image": IMAGE, "idle_timeout": 3600, "max_lifetime": "8h", "remove_after": "2days" });
    for request in [form, request().json(&body)] {
        let answer = Answer::to(request).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let container = answer.json();
        assert_eq!(
            (
                &container["idle_timeout"],
                &container["max_lifetime"],
                &container["remove_after"]
            ),
            (&json!(3_600), &json!(28_800), &json!(172_800))
        );
    }
    for field in ["idle_timeout", "max_lifetime", "remove_after"] {
        for method in [Method::POST, Method::PATCH] {
            let container = daemon.create().await;
            let (path, body) = if method == Method::POST {
                ("/v1/containers", json!({ "image": IMAGE, field: "soon" }))
            } else {
                (container.uri.as_str(), json!({ field: "soon" }))
            };
            let (status, suffix, detail) = Answer::to(daemon.request(method, path).json(&body))
                .await
                .problem();
            assert_eq!((status, suffix.as_str()), (422, "malformed-request"));
            assert!(
                detail.starts_with(&format!("{field}: \"soon\" is not allowed")),
                "{detail}"
            );
        }
    }
}

#[tokio::test]
async fn all_three_are_changed_live_and_survive_a_kill() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let changed = update(
        &daemon,
        &container,
        UpdateContainer {
            idle_timeout: Some(after(HOUR)),
            max_lifetime: Some(after(30 * MINUTE)),
            remove_after: Some(after(DAY)),
            ..UpdateContainer::default()
        },
    )
    .await;
    assert_eq!(
        (changed.idle_timeout, changed.max_lifetime, changed.remove_after),
        (Some(3_600), Some(1_800), Some(86_400))
    );
    assert_eq!(changed.stops_at.unwrap().to_string(), "2026-03-01T14:32:11.250Z");
    let lifted = UpdateContainer {
        max_lifetime: Some(TimeLimit::Never),
        ..UpdateContainer::default()
    };
    let lifted = update(&daemon, &container, lifted).await;
    assert_eq!(lifted.stops_at.unwrap().to_string(), "2026-03-01T15:02:11.250Z");
    assert_eq!(
        whys(&daemon, &container).await[2..],
        [
            "changed: idle timeout set to 1h, longest run set to 30m, removal set to 1d after a stop, asked for \
             over the API",
            "changed: longest run set to unlimited, asked for over the API",
        ]
    );
    let daemon = daemon.kill_and_restart().await;
    assert_eq!(daemon.look(&container).await, lifted);
}

#[tokio::test]
async fn a_label_and_a_rule_stop_what_they_are_for() {
    let daemon = with_rules(&[("sd-*", set(20 * MINUTE, DAY, DAY))]);
    let labelled = Image {
        limits: set(30 * MINUTE, DAY, DAY),
        ..Image::default()
    };
    daemon.engine.add_image("labelled:latest", labelled);
    let create = async |image: &str| {
        let wanted = CreateContainer::of_image(image);
        daemon.client.create(&wanted).await.unwrap()
    };
    let (ruled, labelled) = (create(IMAGE).await, create("labelled").await);
    daemon.clock.advance(20 * MINUTE);
    daemon.until_status(&ruled, Status::Stopped).await;
    assert_eq!(daemon.look(&labelled).await.status, Status::Running);
    daemon.clock.advance(10 * MINUTE);
    daemon.until_status(&labelled, Status::Stopped).await;
    for (container, reason) in [
        (
            &ruled,
            "20m, and its idle timeout is 20m (from the daemon's rule for its image)",
        ),
        (
            &labelled,
            "30m, and its idle timeout is 30m (from its image's label)",
        ),
    ] {
        let stopping = format!("stopping: not used for {reason}; the last use was its start");
        let whys = whys(&daemon, container).await;
        assert!(whys.contains(&stopping), "{whys:?}");
    }
}

#[tokio::test]
async fn an_image_with_a_label_that_cannot_be_understood_is_refused() {
    let daemon = TestDaemon::start();
    let reason = "its label spin-docker.idle-timeout=\"soon\" must be a duration";
    let image = Image {
        bad_label: Some(reason.to_owned()),
        ..Image::default()
    };
    daemon.engine.add_image("misled:latest", image);
    let request = daemon.request(Method::POST, "/v1/containers");
    let (status, suffix, detail) = Answer::to(request.form(&[("image", "misled")])).await.problem();
    assert_eq!((status, suffix.as_str()), (422, "malformed-request"));
    assert_eq!(detail, format!("Image misled cannot be used: {reason}"));
    assert_eq!(
        (daemon.calls_of(Action::Create), daemon.open_creations().len()),
        (0, 0)
    );
}

#[tokio::test]
async fn the_longest_run_ends_a_container_however_busy_it_is() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        max_lifetime: Some(after(HOUR)),
        ..CreateContainer::of_image(IMAGE)
    };
    let container = daemon.client.create(&wanted).await.unwrap();
    daemon.clock.advance(30 * MINUTE);
    let report = daemon.check_in_from(daemon.address_of(&container));
    let busy = report.form(&[("active", "9"), ("for", "3h")]);
    assert_eq!(Answer::to(busy).await.status, 204);
    daemon.clock.advance(25 * MINUTE);
    daemon.until_told(&container, EventKind::IdleWarning).await;
    daemon.clock.advance(5 * MINUTE);
    let stopped = daemon.until_told(&container, EventKind::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Expired));
    assert_eq!(
        whys(&daemon, &container).await[2..],
        [
            "extended: it reported that it would be busy for 3h",
            "idle_warning: will be stopped in 5m: a run may last 1h at most (set for this container), however \
             much it is used",
            "stopping: a run may last 1h at most (set for this container), however much it is used",
            "stopped: ",
        ]
    );
    let started = daemon.client.start(&container.container_id).await.unwrap();
    assert_eq!(
        started.stops_at.unwrap().to_string(),
        "2026-03-01T16:02:11.250Z",
        "the next run has an hour as well"
    );
}

#[tokio::test]
async fn what_is_at_rest_is_removed_so_long_after_its_stop_and_what_runs_is_not() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        remove_after: Some(after(HOUR)),
        ..CreateContainer::of_image(IMAGE)
    };
    let container = daemon.client.create(&wanted).await.unwrap();
    assert_eq!(container.removes_at, None);
    daemon.clock.advance(IDLE_TIMEOUT);
    let stopped = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(
        stopped.removes_at.unwrap().to_string(),
        "2026-03-01T17:32:11.250Z"
    );
    let mut stream = daemon.client.events(None).await.unwrap();
    daemon.clock.advance(HOUR);
    daemon.until_gone(&container).await;
    assert_eq!(daemon.engine.containers(), []);
    let removed = stream.next().await.unwrap().unwrap();
    assert_eq!(
        format!("{}: {}", removed.event, removed.why),
        "removed: nobody started it for 1h after its stop, and then it is removed (set for this container)"
    );
}

#[tokio::test]
async fn a_start_takes_the_removal_back() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        remove_after: Some(after(HOUR)),
        ..CreateContainer::of_image(IMAGE)
    };
    let (witness, container) = (
        daemon.client.create(&wanted).await.unwrap(),
        daemon.client.create(&wanted).await.unwrap(),
    );
    for container in [&witness, &container] {
        daemon.client.stop(&container.container_id).await.unwrap();
        daemon.until_status(container, Status::Stopped).await;
    }
    daemon.clock.advance(30 * MINUTE);
    let started = daemon.client.start(&container.container_id).await.unwrap();
    assert_eq!(started.removes_at, None);
    daemon.clock.advance(30 * MINUTE);
    daemon.until_gone(&witness).await;
    assert_eq!(daemon.look(&container).await.status, Status::Running);
    assert_eq!(daemon.engine.containers(), [id(&container)]);
}

#[tokio::test]
async fn after_a_start_of_the_daemon_nothing_is_removed_before_the_grace() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        remove_after: Some(after(HOUR)),
        ..CreateContainer::of_image(IMAGE)
    };
    let container = daemon.client.create(&wanted).await.unwrap();
    daemon.client.stop(&container.container_id).await.unwrap();
    daemon.until_status(&container, Status::Stopped).await;
    let killed = daemon.kill().await;
    killed.clock.advance(DAY);
    let daemon = killed.restart().await;
    let seen = daemon.look(&container).await;
    assert_eq!(seen.removes_at.unwrap().to_string(), "2026-03-02T14:12:11.250Z");
    daemon.clock.advance(GRACE);
    daemon.until_gone(&container).await;
}

#[tokio::test]
async fn limits_that_are_changed_hold_at_once() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(HOUR);
    let change = |body: serde_json::Value| daemon.request(Method::PATCH, &container.uri).json(&body);
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
    daemon.clock.advance(Duration::from_secs(1));
    let stopped = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
    assert!(stopped.removes_at.is_some());
}
