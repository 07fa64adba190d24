//! The machine's clock is wrong when the daemon starts: nothing is stopped early for it, and nothing stays for ever.

use std::time::Duration;

use sd_client::api::Status;
use sd_daemon::domain::Timestamp;

use crate::support::{GRACE, IDLE_TIMEOUT, START, TestDaemon};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// What a machine shows that has lost the time.
const EPOCH: Timestamp = Timestamp::from_millis(1_000);

#[tokio::test]
async fn set_back_the_idle_timeout_counts_from_the_start() {
    for now in [START.before(DAY), EPOCH] {
        let daemon = TestDaemon::start();
        let (container, used) = (daemon.create().await, daemon.create().await);
        let mut killed = daemon.kill().await;
        killed.set_clock(now);
        let daemon = killed.restart().await;
        daemon.clock.advance(IDLE_TIMEOUT / 2);
        assert_eq!(daemon.look(&container).await.status, Status::Running);
        assert_eq!(daemon.check_in(&used, 1).await, 204);
        daemon.clock.advance(IDLE_TIMEOUT / 2);
        daemon.until_status(&container, Status::Stopped).await;
        assert_eq!(daemon.look(&used).await.status, Status::Running);
    }
}

#[tokio::test]
async fn set_forward_nothing_is_stopped_before_reporters_could_speak() {
    let daemon = TestDaemon::start();
    let (container, used) = (daemon.create().await, daemon.create().await);
    let mut killed = daemon.kill().await;
    killed.set_clock(START.after(DAY));
    let daemon = killed.restart().await;
    assert_eq!(daemon.check_in(&used, 1).await, 204);
    assert_eq!(daemon.look(&container).await.status, Status::Running);
    daemon.clock.advance(GRACE);
    daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(daemon.look(&used).await.status, Status::Running);
}

/// A start without the time, and a later one with it: what was noted in between looks fifty years old.
#[tokio::test]
async fn found_again_it_does_not_stop_everything_at_once() {
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
    assert_eq!(daemon.look(&container).await.status, Status::Running);
    daemon.clock.advance(Duration::from_secs(60));
    daemon.until_status(&container, Status::Stopped).await;
}
