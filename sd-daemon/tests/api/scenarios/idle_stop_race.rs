//! Activity between the idle deadline and the stop.

use sd_client::api::{ExtendContainer, Span, Status, StopReason};
use sd_daemon::engine::fake::{Action, Point};

use crate::support::{IDLE_TIMEOUT, TestDaemon, send, with_timeout};

#[tokio::test]
async fn activity_between_deadline_and_stop_cancels_the_stop() {
    let daemon = TestDaemon::start();
    let by_address = daemon.create().await;
    let [by_token, extended, unused] = [
        daemon.create().await,
        daemon.create().await,
        daemon.create().await,
    ];
    let (address, token) = (daemon.address_of(&by_address), daemon.token_of(&by_token));
    let final_inspect = daemon.engine.hold(Point::Before(Action::Inspect));
    daemon.clock.advance(IDLE_TIMEOUT);
    // All four are due, and none has had its final inspect.
    with_timeout(final_inspect.reached_by(4)).await;
    for report in [
        daemon.check_in_from(address),
        daemon.check_in_from(address).bearer_auth(token),
    ] {
        assert_eq!(send(report.form(&[("active", "1")])).await.status, 204);
    }
    let an_hour = ExtendContainer::by("1h".parse::<Span>().unwrap());
    let pushed = daemon.client.extend(&extended.container_id, &an_hour).await;
    pushed.unwrap();
    final_inspect.release();
    let stopped = daemon.until_status(&unused, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
    for used in [&by_address, &by_token, &extended] {
        assert_eq!(daemon.get(used).await.status, Status::Running);
    }
    assert_eq!(daemon.calls_of(Action::Stop), 1);
}
