//! An address moves from one container to another many times, outside the daemon's control. A check-in from it is never
//! credited to the previous holder.

use std::sync::Arc;
use std::time::Duration;

use sd_client::api::Container;
use sd_daemon::clock::Clock;
use sd_daemon::domain::{Record, Signal, Timestamp};
use sd_daemon::engine::Engine;
use sd_daemon::http::ReportRate;

use crate::support::{Setup, TestDaemon, id};

/// Sets how often the address moves; `script/test` uses 10 000.
const ROUNDS: &str = "SPIN_DOCKER_TEST_ADDRESS_ROUNDS";
const DEFAULT_ROUNDS: u32 = 500;

/// In every tenth round, the test waits until the daemon knows the holder, so that the check-in is credited.
const KNOWN_EVERY: u32 = 10;

/// The time between two check-ins.
const INTERVAL: Duration = Duration::from_millis(1);

#[tokio::test]
async fn check_in_never_credits_the_previous_address_holder() {
    let rounds = std::env::var(ROUNDS).map_or(DEFAULT_ROUNDS, |text| text.parse().unwrap());
    let unlimited = ReportRate {
        burst: u32::MAX,
        interval: Duration::from_nanos(1),
    };
    let daemon = TestDaemon::with_setup(Setup {
        report_rate: unlimited,
        ..Setup::default()
    });
    let [mut before, mut now] = [daemon.create_stopped().await, daemon.create().await];
    let address = daemon.address_of(&now);
    let (caller, url) = (crate::support::http_client(address), daemon.check_in_url());
    let (mut credited, mut refused) = (0_u32, 0_u32);
    for round in 1..=rounds {
        std::mem::swap(&mut before, &mut now);
        daemon.engine.stop_externally(id(&before));
        daemon.engine.start_externally(id(&now));
        let is_known = round % KNOWN_EVERY == 0;
        if is_known {
            let seen = daemon.engine.inspect(id(&now)).await.unwrap().unwrap();
            let is_holder =
                |record: &Arc<Record>| record.last_run().is_some_and(|run| seen.holds(address, run));
            daemon
                .until_registry(|snapshot| snapshot.get(id(&now)).is_some_and(is_holder))
                .await;
        }
        daemon.clock.advance(INTERVAL);
        let ([kept, _], time) = (last_check_ins(&daemon, [&before, &now]).await, daemon.clock.now());
        let report = caller.post(&url).form(&[("active", round)]);
        let status = report.send().await.unwrap().status().as_u16();
        let [after, credit] = last_check_ins(&daemon, [&before, &now]).await;
        assert_eq!(
            after, kept,
            "round {round}: the check-in was credited to the previous holder"
        );
        match status {
            204 => credited += 1,
            404 => refused += 1,
            other => panic!("round {round}: {other}"),
        }
        assert_eq!(
            credit == Some(time),
            status == 204,
            "round {round}: {credit:?} at {time:?}"
        );
        assert!(
            !is_known || status == 204,
            "round {round}: the known holder was refused"
        );
    }
    assert!(
        credited >= rounds / KNOWN_EVERY,
        "{credited} credited, {refused} refused"
    );
    assert!(
        refused > 0,
        "the daemon knew every holder in time, so no race was tested"
    );
}

/// The time of the last check-in of each container.
async fn last_check_ins(daemon: &TestDaemon, containers: [&Container; 2]) -> [Option<Timestamp>; 2] {
    let mut times = [None; 2];
    let read = |record: &Arc<Record>| {
        record
            .activity()
            .readings
            .get(&Signal::CheckIn)
            .map(|reading| reading.at)
    };
    daemon
        .until_registry(|snapshot| {
            times = containers.map(|container| snapshot.get(id(container)).and_then(read));
            true
        })
        .await;
    times
}
