//! An address goes from one container to another, again and again, behind the daemon's back. What the one that has it
//! reports never counts for the one that had it.

use std::sync::Arc;
use std::time::Duration;

use sd_client::api::Container;
use sd_daemon::clock::Clock;
use sd_daemon::domain::{Record, Signal, Timestamp};
use sd_daemon::engine::Engine;
use sd_daemon::http::ReportRate;

use crate::support::{Setup, TestDaemon, id, in_time};

/// How often the address is passed on.
const ROUNDS: &str = "SPIN_DOCKER_TEST_ADDRESS_ROUNDS";
const DEFAULT_ROUNDS: u32 = 10_000;

/// Every so often it is waited until the daemon knows who has the address: the report counts then.
const KNOWN_EVERY: u32 = 10;

/// Two reports are not at one time.
const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn check_in_never_credits_the_previous_address_holder() {
    let rounds = std::env::var(ROUNDS).map_or(DEFAULT_ROUNDS, |text| text.parse().unwrap());
    let as_many_as_you_like = ReportRate {
        burst: u32::MAX,
        interval: Duration::from_nanos(1),
    };
    let daemon = TestDaemon::with_setup(Setup {
        report_rate: as_many_as_you_like,
        ..Setup::default()
    });
    let [mut before, mut now] = [daemon.create_stopped().await, daemon.create().await];
    let address = daemon.address_of(&now);
    let (caller, url) = (crate::support::http_client(address), daemon.check_in_url());
    let (mut credited, mut refused) = (0_u32, 0_u32);
    for round in 1..=rounds {
        std::mem::swap(&mut before, &mut now);
        daemon.engine.stop_behind_back(id(&before));
        daemon.engine.start_behind_back(id(&now));
        let is_known = round % KNOWN_EVERY == 0;
        if is_known {
            let seen = daemon.engine.inspect(id(&now)).await.unwrap().unwrap();
            let is_so = |record: &Arc<Record>| record.last_run().is_some_and(|run| seen.holds(address, run));
            in_time(daemon.until_registry(|snapshot| snapshot.get(id(&now)).is_some_and(is_so))).await;
        }
        daemon.clock.advance(MOMENT);
        let ([kept, _], time) = (reports(&daemon, [&before, &now]).await, daemon.clock.now());
        let report = caller.post(&url).form(&[("active", round)]);
        let status = report.send().await.unwrap().status().as_u16();
        let [after, credit] = reports(&daemon, [&before, &now]).await;
        assert_eq!(
            after, kept,
            "round {round}: it was credited to who had the address before"
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
        assert!(!is_known || status == 204, "round {round}: it has the address");
    }
    assert!(
        credited >= rounds / KNOWN_EVERY,
        "{credited} credited, {refused} refused"
    );
    assert!(refused > 0, "the daemon always knew in time: that proves little");
}

/// When each of the two has last reported.
async fn reports(daemon: &TestDaemon, containers: [&Container; 2]) -> [Option<Timestamp>; 2] {
    let mut reports = [None; 2];
    let read = |record: &Arc<Record>| {
        record
            .activity()
            .readings
            .get(&Signal::CheckIn)
            .map(|evidence| evidence.at)
    };
    daemon
        .until_registry(|snapshot| {
            reports = containers.map(|container| snapshot.get(id(container)).and_then(read));
            true
        })
        .await;
    reports
}
