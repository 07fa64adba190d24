//! Idle containers are stopped at their deadlines.
//!
//! A witness proves that a container is not stopped: another container whose deadline is the time in question. When the
//! witness has been stopped, the daemon has processed every deadline up to that time.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{Container, CreateContainer, Status, StopReason, TimeLimit};
use sd_daemon::domain::ContainerId;
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Call, Point};
use serde_json::json;

use crate::support::{GRACE, IDLE_TIMEOUT, IMAGE, TestDaemon, id, send, with_timeout};

const MILLISECOND: Duration = Duration::from_millis(1);
/// One millisecond before the idle timeout or the grace ends, and one hour before.
const JUST_BEFORE_IDLE: Duration = IDLE_TIMEOUT.saturating_sub(MILLISECOND);
const JUST_BEFORE_GRACE: Duration = GRACE.saturating_sub(MILLISECOND);
const HOUR_BEFORE_IDLE: Duration = IDLE_TIMEOUT.saturating_sub(HOUR);
/// The shortest time between two scans for due containers.
const SCAN_INTERVAL: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn idle_container_is_stopped_at_its_deadline() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(IDLE_TIMEOUT);
    let seen = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(seen.stop_reason, Some(StopReason::Idle));
    assert_eq!((seen.ports.len(), seen.stops_at), (0, None));
}

#[tokio::test]
async fn idle_container_is_not_stopped_before_its_deadline() {
    let daemon = TestDaemon::start();
    let witness = daemon.create().await;
    daemon.clock.advance(MILLISECOND);
    let container = daemon.create().await;
    daemon.clock.advance(JUST_BEFORE_IDLE);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.get(&container).await, container);
    assert_eq!(stopped(&daemon), [&witness].map(id));
}

#[tokio::test]
async fn reported_connections_postpone_the_deadline() {
    let daemon = TestDaemon::start();
    let (witness, container) = (daemon.create().await, daemon.create().await);
    daemon.clock.advance(HOUR);
    assert_eq!(daemon.check_in(&container, 1).await, 204);
    assert_eq!(
        daemon.get(&container).await.stops_at.unwrap().to_string(),
        "2026-03-01T17:32:11.250Z"
    );
    daemon.clock.advance(HOUR_BEFORE_IDLE);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    daemon.clock.advance(HOUR);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn reports_of_zero_connections_do_not_postpone_it() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(JUST_BEFORE_IDLE);
    assert_eq!(daemon.check_in(&container, 0).await, 204);
    daemon.clock.advance(SCAN_INTERVAL);
    daemon.until_status(&container, Status::Stopped).await;
}

/// The original program used the last report regardless of its age.
#[tokio::test]
async fn container_that_stops_reporting_is_stopped() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    assert_eq!(daemon.check_in(&container, 5).await, 204);
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn container_without_idle_timeout_is_never_stopped() {
    let daemon = TestDaemon::start();
    let (witness, pinned) = (daemon.create().await, create_with(&daemon, "0").await);
    assert_eq!((pinned.idle_timeout, pinned.stops_at), (None, None));
    daemon.clock.advance(Duration::from_secs(365 * 24 * 3600));
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.get(&pinned).await.status, Status::Running);
    assert_eq!(stopped(&daemon), [&witness].map(id));
}

#[tokio::test]
async fn container_idle_timeout_overrides_the_default() {
    let daemon = TestDaemon::start();
    daemon.clock.advance(GRACE);
    let (other, container) = (daemon.create().await, create_with(&daemon, "90s").await);
    daemon.clock.advance(Duration::from_secs(90));
    daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(daemon.get(&other).await.status, Status::Running);
}

#[tokio::test]
async fn shorter_timeout_counts_from_the_last_activity() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(HOUR);
    let request = daemon
        .request(Method::PATCH, &container.uri)
        .json(&json!({ "idle_timeout": 60 }));
    let response = send(request).await;
    assert_eq!(response.json()["stops_at"], "2026-03-01T14:03:11.250Z");
    daemon.clock.advance(SCAN_INTERVAL);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn longer_timeout_applies_immediately() {
    let daemon = TestDaemon::start();
    let (witness, container) = (daemon.create().await, daemon.create().await);
    let request = daemon
        .request(Method::PATCH, &container.uri)
        .json(&json!({ "idle_timeout": "never" }));
    assert_eq!(send(request).await.status, 200);
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
}

#[tokio::test]
async fn paused_container_is_not_idle() {
    let daemon = TestDaemon::start();
    let (witness, paused) = (daemon.create().await, daemon.create().await);
    daemon.engine.pause_externally(id(&paused));
    daemon.until_status(&paused, Status::Paused).await;
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.get(&paused).await.status, Status::Paused);
    daemon.engine.unpause_externally(id(&paused));
    let unpaused = daemon.until_status(&paused, Status::Running).await;
    assert_eq!(
        unpaused.stops_at.unwrap().to_string(),
        "2026-03-01T19:02:11.250Z",
        "the idle timeout starts again"
    );
}

/// The original program never cancelled the timer of an earlier run.
#[tokio::test]
async fn deadline_of_an_earlier_run_is_discarded() {
    let daemon = TestDaemon::start();
    let (witness, container) = (daemon.create().await, daemon.create_stopped().await);
    daemon.clock.advance(HOUR);
    daemon.client.start(&container.container_id).await.unwrap();
    daemon.clock.advance(HOUR_BEFORE_IDLE);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    daemon.clock.advance(HOUR);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn restart_grants_a_grace_before_idle_stops() {
    let daemon = TestDaemon::start();
    let (container, silent) = (daemon.create().await, daemon.create().await);
    let killed = daemon.kill().await;
    killed.clock.advance(Duration::from_secs(5 * 3600));
    let daemon = killed.restart().await;
    let expected = "2026-03-01T19:12:11.250Z";
    assert_eq!(daemon.get(&silent).await.stops_at.unwrap().to_string(), expected);
    daemon.clock.advance(JUST_BEFORE_GRACE);
    assert_eq!(daemon.check_in(&container, 1).await, 204);
    daemon.clock.advance(SCAN_INTERVAL);
    daemon.until_status(&silent, Status::Stopped).await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    assert_eq!(stopped(&daemon), [&silent].map(id));
}

#[tokio::test]
async fn resume_from_suspend_grants_the_grace() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.suspend(3 * HOUR);
    let seen = daemon
        .until(&container, |seen| seen.stops_at != container.stops_at)
        .await;
    assert_eq!(seen.stops_at.unwrap().to_string(), "2026-03-01T17:12:11.250Z");
    daemon.clock.advance(GRACE);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn wall_clock_change_stops_nothing_early() {
    let daemon = TestDaemon::start();
    let first_witness = daemon.create().await;
    daemon.clock.advance(SCAN_INTERVAL);
    let second_witness = daemon.create().await;
    daemon.clock.advance(HOUR);
    let container = daemon.create().await;
    daemon.clock.set_wall_clock_forward(24 * HOUR);
    daemon.clock.advance(HOUR_BEFORE_IDLE);
    daemon.until_status(&first_witness, Status::Stopped).await;
    daemon.until_status(&second_witness, Status::Stopped).await;
    let seen = daemon.get(&container).await;
    assert_eq!(
        (seen.status, seen.stops_at),
        (Status::Running, container.stops_at)
    );
    // Both were due at the same time, in any order.
    let order = |mut ids: Vec<ContainerId>| {
        ids.sort();
        ids
    };
    let witnesses = [&first_witness, &second_witness].map(id);
    assert_eq!(order(stopped(&daemon)), order(witnesses.into()));
}

#[tokio::test]
async fn idle_stop_waits_until_the_engine_is_back() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.disconnect();
    daemon.clock.advance(IDLE_TIMEOUT);
    // An attempt begins after the previous one has failed.
    for _ in 0..3 {
        let attempt = daemon.engine.hold(Point::Before(Action::Inspect));
        daemon.advance_until_held(&attempt).await;
        assert_eq!(daemon.get(&container).await.status, Status::Running);
        attempt.release();
    }
    daemon.engine.reconnect();
    daemon
        .advance_until(|snapshot| snapshot.get(id(&container)).unwrap().addresses().is_empty())
        .await;
    let seen = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(seen.stop_reason, Some(StopReason::Idle));
    assert_eq!(stopped(&daemon), [&container].map(id));
}

#[tokio::test]
async fn failed_idle_stop_is_retried() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    for _ in 0..3 {
        daemon.engine.fail_next(
            Point::Before(Action::Stop),
            EngineError::Rejected("busy".to_owned()),
        );
    }
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&container, Status::Stopping).await;
    daemon
        .advance_until(|snapshot| !snapshot.get(id(&container)).unwrap().lifecycle().is_unfinished())
        .await;
    let seen = daemon.get(&container).await;
    assert_eq!(
        (seen.status, seen.stop_reason),
        (Status::Stopped, Some(StopReason::Idle))
    );
    assert_eq!(daemon.calls_of(Action::Stop), 4);
}

#[tokio::test]
async fn at_most_eight_idle_containers_are_stopped_at_once() {
    const CONTAINERS: usize = 40;
    let daemon = TestDaemon::start();
    let wanted = CreateContainer::of_image(IMAGE);
    for _ in 0..CONTAINERS / 20 {
        let created = futures_util::future::join_all((0..20).map(|_| daemon.client.create(&wanted))).await;
        assert!(created.iter().all(Result::is_ok));
    }
    let hold = daemon.engine.hold(Point::Before(Action::Stop));
    daemon.clock.advance(IDLE_TIMEOUT);
    with_timeout(hold.reached_by(8)).await;
    daemon.clock.advance(Duration::from_secs(1));
    let stopping = |status: &str| {
        let request = daemon.request(Method::GET, &format!("/v1/containers?status={status}"));
        async { send(request).await.json().as_array().unwrap().len() }
    };
    assert_eq!(
        (stopping("stopping").await, stopping("running").await),
        (8, CONTAINERS - 8)
    );
    assert_eq!(hold.arrivals(), 8);
    hold.release();
    daemon
        .advance_until(|snapshot| {
            snapshot
                .records()
                .all(|record| record.lifecycle().endpoints().is_none())
        })
        .await;
    assert_eq!(
        (stopping("stopped").await, daemon.calls_of(Action::Stop)),
        (CONTAINERS, CONTAINERS)
    );
}

#[tokio::test]
async fn requested_stop_before_the_deadline_keeps_its_reason() {
    let daemon = TestDaemon::start();
    let (witness, container) = (daemon.create().await, daemon.create().await);
    daemon.client.stop(&container.container_id).await.unwrap();
    daemon.until_status(&container, Status::Stopped).await;
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(
        daemon.get(&container).await.stop_reason,
        Some(StopReason::Requested)
    );
}

async fn create_with(daemon: &TestDaemon, idle_timeout: &str) -> Container {
    let idle_timeout: TimeLimit = idle_timeout.parse().unwrap();
    let wanted = CreateContainer {
        idle_timeout: Some(idle_timeout),
        ..CreateContainer::of_image(IMAGE)
    };
    daemon.client.create(&wanted).await.unwrap()
}

/// The stop calls at the engine, in order.
fn stopped(daemon: &TestDaemon) -> Vec<ContainerId> {
    let stops = daemon.engine.calls().into_iter().filter_map(|call| match call {
        Call::Stop(id, _) => Some(id),
        _ => None,
    });
    stops.collect()
}
