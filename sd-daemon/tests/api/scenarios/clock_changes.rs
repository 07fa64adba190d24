//! Wrong wall clocks and wall-clock changes: no container is stopped early, and every deadline still comes.

use std::time::{Duration, SystemTime};

use sd_client::api::{Container, CreateContainer, Status, TimeLimit};
use sd_daemon::domain::Timestamp;

use crate::support::{GRACE, IDLE_TIMEOUT, IMAGE, START, TestDaemon, id};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The time of a machine without a battery-backed clock.
const EPOCH: Timestamp = Timestamp::from_millis(1_000);

#[tokio::test]
async fn clock_set_back_restarts_the_idle_timeout() {
    for now in [START.before(DAY), EPOCH] {
        let daemon = TestDaemon::start();
        let (container, used) = (daemon.create().await, daemon.create().await);
        let mut killed = daemon.kill().await;
        killed.set_clock(now);
        let daemon = killed.restart().await;
        daemon.clock.advance(IDLE_TIMEOUT / 2);
        assert_eq!(daemon.get(&container).await.status, Status::Running);
        assert_eq!(daemon.check_in(&used, 1).await, 204);
        daemon.clock.advance(IDLE_TIMEOUT / 2);
        daemon.until_status(&container, Status::Stopped).await;
        assert_eq!(daemon.get(&used).await.status, Status::Running);
    }
}

#[tokio::test]
async fn clock_set_forward_grants_the_restart_grace() {
    let daemon = TestDaemon::start();
    let (container, used) = (daemon.create().await, daemon.create().await);
    let mut killed = daemon.kill().await;
    killed.set_clock(START.after(DAY));
    let daemon = killed.restart().await;
    assert_eq!(daemon.check_in(&used, 1).await, 204);
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    daemon.clock.advance(GRACE);
    daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(daemon.get(&used).await.status, Status::Running);
}

/// Activity recorded between a start at the epoch and a start with the correct time appears to be fifty years old.
#[tokio::test]
async fn clock_corrected_after_the_epoch_grants_the_grace() {
    let daemon = TestDaemon::start();
    let mut killed = daemon.kill().await;
    killed.set_clock(EPOCH);
    let daemon = killed.restart().await;
    let container = daemon.create().await;
    let mut killed = daemon.kill().await;
    killed.set_clock(START);
    let daemon = killed.restart().await;
    assert_eq!(daemon.check_in(&container, 1).await, 204);
    daemon.clock.advance(GRACE);
    daemon
        .clock
        .advance(IDLE_TIMEOUT.saturating_sub(GRACE + Duration::from_secs(60)));
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    daemon.clock.advance(Duration::from_secs(60));
    daemon.until_status(&container, Status::Stopped).await;
}

/// Within one boot, the boot clock measures elapsed time independently of the wall clock.
#[tokio::test]
async fn clock_changes_within_a_boot_do_not_change_ages() {
    let mut daemon = TestDaemon::start();
    let [running, stopped] = with_limits(&daemon).await;
    let once = daemon.client.create_once(&limited(), "a key").await.unwrap();
    for date in [START.after(DAY), START.before(DAY), START, START.after(DAY)] {
        daemon.clock.advance(HOUR / 2);
        let mut killed = daemon.kill().await;
        killed.set_date(date);
        daemon = killed.restart().await;
    }
    let repeated = daemon.client.create_once(&limited(), "a key").await.unwrap();
    assert_eq!(repeated.container_id, once.container_id);
    let created_at = daemon.get(&running).await.created_at;
    let two_hours_ago = SystemTime::from(START.after(DAY).before(2 * HOUR));
    assert_eq!(created_at, Some(two_hours_ago.into()));
    daemon.clock.advance(59 * MINUTE);
    assert_eq!(daemon.get(&running).await.status, Status::Running);
    assert_eq!(daemon.get(&stopped).await.status, Status::Stopped);
    daemon.clock.advance(MINUTE);
    daemon.until_status(&running, Status::Stopped).await;
    daemon
        .until_registry(|snapshot| snapshot.get(id(&stopped)).is_none())
        .await;
}

/// Times before the epoch are lost, so deadlines move later, never earlier.
#[tokio::test]
async fn clock_lost_and_restored_stops_nothing_early() {
    let mut daemon = TestDaemon::start();
    let containers = with_limits(&daemon).await;
    for date in [EPOCH, START.after(DAY)] {
        let mut killed = daemon.kill().await;
        killed.set_date(date);
        daemon = killed.restart().await;
    }
    daemon.clock.advance(179 * MINUTE);
    for (container, status) in containers.iter().zip([Status::Running, Status::Stopped]) {
        assert_eq!(daemon.get(container).await.status, status);
    }
    daemon.clock.advance(2 * MINUTE);
    daemon.until_status(&containers[0], Status::Stopped).await;
}

fn limited() -> CreateContainer {
    CreateContainer {
        idle_timeout: Some(TimeLimit::Never),
        max_lifetime: Some(TimeLimit::After(3 * HOUR)),
        remove_after: Some(TimeLimit::After(3 * HOUR)),
        ..CreateContainer::of_image(IMAGE)
    }
}

/// Creates a running and a stopped container, each limited to three hours.
async fn with_limits(daemon: &TestDaemon) -> [Container; 2] {
    let running = daemon.client.create(&limited()).await.unwrap();
    let stopped = daemon.client.create(&limited()).await.unwrap();
    daemon.client.stop(&stopped.container_id).await.unwrap();
    let stopped = daemon.until_status(&stopped, Status::Stopped).await;
    [running, stopped]
}
