//! Activity measured from the host: which traffic counts, failing probes, and the final probe before an idle stop.

use std::time::Duration;

use sd_client::api::{Activity, Container, SignalKind, SignalState, Status, StopReason};
use sd_daemon::domain::{ByteCount, ConnectionAge, Traffic, TrafficSample};
use sd_daemon::engine::fake::{Action, Point};
use sd_daemon::prober::ProbeError;
use sd_daemon::service::Switch;

use crate::support::{IDLE_TIMEOUT, PROBE_INTERVAL, Setup, TestDaemon, with_timeout};

const HOUR: Duration = Duration::from_secs(3_600);

/// A connection to the database that has received these bytes since the last probe.
fn connection(bytes: u64) -> Traffic {
    let carried = ByteCount {
        bytes,
        segments: u64::from(bytes > 0),
    };
    Traffic {
        port: 5_432,
        peer: "10.0.0.5".parse().unwrap(),
        age: ConnectionAge::Known,
        received: carried,
        sent: ByteCount::default(),
    }
}

fn sample(open: Vec<Traffic>) -> TrafficSample {
    TrafficSample {
        since_last: Some(PROBE_INTERVAL),
        open,
        ..TrafficSample::default()
    }
}

fn in_use() -> TrafficSample {
    sample(vec![connection(0), connection(500)])
}

fn silent() -> TrafficSample {
    sample(vec![connection(0), connection(0)])
}

/// The state of a signal, and the reason if it does not count.
fn state(activity: &Activity, kind: &SignalKind) -> (SignalState, Option<String>) {
    let mut signals = activity.signals.iter();
    let signal = signals.find(|signal| signal.kind == *kind).unwrap();
    (signal.state.clone(), signal.reason.clone())
}

/// Probes a container with this result after half of the idle timeout, and waits until a witness without activity is
/// stopped after the other half.
async fn probe_for_one_idle_timeout(daemon: &TestDaemon, sample: TrafficSample) -> (Activity, Container) {
    let (witness, container) = (daemon.create().await, daemon.create().await);
    daemon.set_probe_result(&container, Ok(sample));
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    let activity = daemon.until_probed(&container).await;
    daemon.set_probe_result(&container, Ok(silent()));
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    daemon.until_status(&witness, Status::Stopped).await;
    (activity, container)
}

#[tokio::test]
async fn transferring_connections_postpone_the_idle_stop() {
    let daemon = TestDaemon::start();
    let (activity, container) = probe_for_one_idle_timeout(&daemon, in_use()).await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    let connections = activity.connections.unwrap();
    assert_eq!((connections.open, connections.bytes_per_minute), (2, 2_000));
    assert_eq!(
        connections.ports.into_iter().collect::<Vec<_>>(),
        [("5432/tcp".to_owned(), 2)]
    );
    assert_eq!(activity.last_active_at, Some(connections.seen_at));
    assert_eq!(activity.last_active_signal, Some(SignalKind::Connections));
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    let stopped = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::Idle));
    let history = daemon.activity(&container).await.history;
    assert!(
        history.iter().any(|entry| entry.why
            == "not used for 2h 30m, and its idle timeout is 2h 30m (the daemon's default); the last use was \
                1 connection in use (measured from the host)"),
        "{history:?}"
    );
}

#[tokio::test]
async fn silent_connections_do_not_postpone_the_idle_stop() {
    let daemon = TestDaemon::start();
    let (activity, container) = probe_for_one_idle_timeout(&daemon, silent()).await;
    let connections = activity.connections.unwrap();
    assert_eq!((connections.open, connections.bytes_per_minute), (2, 0));
    assert_eq!(activity.last_active_signal, Some(SignalKind::Started));
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn short_connections_between_probes_count_as_activity() {
    let daemon = TestDaemon::start();
    let short_lived = TrafficSample {
        ended: vec![Traffic {
            age: ConnectionAge::New,
            ..connection(0)
        }],
        ..sample(Vec::new())
    };
    let (activity, container) = probe_for_one_idle_timeout(&daemon, short_lived).await;
    assert_eq!(activity.connections.unwrap().open, 0);
    assert_eq!(daemon.get(&container).await.status, Status::Running);
}

#[tokio::test]
async fn first_probe_counts_connections_but_no_activity() {
    let daemon = TestDaemon::start();
    let first = TrafficSample {
        since_last: None,
        ..in_use()
    };
    let (activity, container) = probe_for_one_idle_timeout(&daemon, first).await;
    assert_eq!(activity.connections.unwrap().open, 2);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn connections_from_ignored_sources_do_not_count() {
    let mut setup = Setup::default();
    setup.signals.ignored_sources = vec!["10.0.0.0/24".parse().unwrap()];
    let daemon = TestDaemon::with_setup(setup);
    let of_monitor = TrafficSample {
        ended: vec![connection(500)],
        ..in_use()
    };
    let (activity, container) = probe_for_one_idle_timeout(&daemon, of_monitor).await;
    let connections = activity.connections.unwrap();
    assert_eq!((connections.open, connections.bytes_per_minute), (0, 0));
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn cpu_usage_counts_only_above_the_configured_rate() {
    let busy = || TrafficSample {
        processor_time: Some(PROBE_INTERVAL / 4),
        ..silent()
    };
    let mut setup = Setup::default();
    setup.signals.use_rule.cpu_millicores = Some(250);
    let daemon = TestDaemon::with_setup(setup.clone());
    let (activity, container) = probe_for_one_idle_timeout(&daemon, busy()).await;
    assert_eq!(state(&activity, &SignalKind::Cpu), (SignalState::On, None));
    assert_eq!(activity.last_active_signal, Some(SignalKind::Cpu));
    assert_eq!(activity.signals[3].value, Some(250));
    assert_eq!(daemon.get(&container).await.status, Status::Running);

    setup.signals.use_rule.cpu_millicores = Some(251);
    let daemon = TestDaemon::with_setup(setup);
    let (_, container) = probe_for_one_idle_timeout(&daemon, busy()).await;
    daemon.until_status(&container, Status::Stopped).await;

    let daemon = TestDaemon::start();
    let (activity, container) = probe_for_one_idle_timeout(&daemon, busy()).await;
    let off = (
        SignalState::Off,
        Some("disabled in the daemon's settings".to_owned()),
    );
    assert_eq!(state(&activity, &SignalKind::Cpu), off);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn disabled_connection_signal_is_shown_but_does_not_count() {
    let mut setup = Setup::default();
    setup.signals.connections = Switch::Off;
    setup.signals.use_rule.cpu_millicores = Some(100);
    let daemon = TestDaemon::with_setup(setup);
    let (activity, container) = probe_for_one_idle_timeout(&daemon, in_use()).await;
    assert_eq!(activity.connections.as_ref().unwrap().open, 2);
    let (state, reason) = state(&activity, &SignalKind::Connections);
    assert_eq!(
        (state, reason.as_deref()),
        (SignalState::Off, Some("disabled in the daemon's settings"))
    );
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn containers_are_not_probed_when_all_signals_are_off() {
    let mut setup = Setup::default();
    setup.signals.connections = Switch::Off;
    let prober = setup.prober.clone();
    let daemon = TestDaemon::with_setup(setup);
    let container = daemon.create().await;
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(prober.probes(), 0);
}

#[tokio::test]
async fn probe_failure_is_reported_and_check_in_still_works() {
    for (blind, reason) in [
        (
            ProbeError::NotVisible,
            "its processes are not visible: the engine is on another machine, or the daemon runs in a \
             container",
        ),
        (
            ProbeError::Denied,
            "no permission to read the container's network; the daemon needs CAP_SYS_ADMIN",
        ),
        (
            ProbeError::Failed("out of file descriptors".to_owned()),
            "failed to probe the container: out of file descriptors",
        ),
    ] {
        let mut setup = Setup::default();
        setup.signals.use_rule.cpu_millicores = Some(100);
        let daemon = TestDaemon::with_setup(setup);
        let (witness, container) = (daemon.create().await, daemon.create().await);
        for container in [&witness, &container] {
            daemon.set_probe_result(container, Err(blind.clone()));
        }
        daemon.clock.advance(IDLE_TIMEOUT / 2);
        let off = (SignalState::Off, Some(reason.to_owned()));
        let activity = daemon
            .until_activity(&container, |seen| state(seen, &SignalKind::Connections) == off)
            .await;
        assert_eq!(state(&activity, &SignalKind::Cpu), off);
        assert_eq!(state(&activity, &SignalKind::CheckIn), (SignalState::On, None));
        assert_eq!(activity.connections, None);
        assert_eq!(daemon.check_in(&container, 1).await, 204);
        daemon.clock.advance(IDLE_TIMEOUT / 2);
        daemon.until_status(&witness, Status::Stopped).await;
        assert_eq!(daemon.get(&container).await.status, Status::Running);
        daemon.client.ready().await.unwrap();

        daemon.set_probe_result(&container, Ok(in_use()));
        let probed = daemon.until_activity(&container, |seen| {
            // A probe may still be running; the interval starts at its end.
            daemon.clock.advance(PROBE_INTERVAL);
            seen.connections.is_some()
        });
        let probed = probed.await;
        assert_eq!(state(&probed, &SignalKind::Connections), (SignalState::On, None));
    }
}

#[tokio::test]
async fn final_probe_cancels_the_stop_of_an_active_container() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.set_probe_result(&container, Ok(silent()));
    let hold = daemon.engine.hold(Point::Before(Action::Inspect));
    daemon.clock.advance(IDLE_TIMEOUT);
    // The container is due. Its last regular probe shows no activity; activity begins before the final probe.
    with_timeout(hold.reached()).await;
    daemon.until_probed(&container).await;
    daemon.set_probe_result(&container, Ok(in_use()));
    hold.release();
    let now = Some(daemon.now());
    let saved = daemon
        .until_activity(&container, |seen| seen.last_active_at == now)
        .await;
    assert_eq!(
        (saved.status, saved.last_active_signal),
        (Status::Running, Some(SignalKind::Connections))
    );
    assert_eq!(saved.stops_at.unwrap().to_string(), "2026-03-01T19:02:11.250Z");
    assert_eq!(daemon.calls_of(Action::Stop), 0);
}

#[tokio::test]
async fn activity_after_the_stop_began_does_not_count() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let (address, token) = (daemon.address_of(&container), daemon.token_of(&container));
    let hold = daemon.engine.hold(Point::Before(Action::Stop));
    daemon.clock.advance(IDLE_TIMEOUT);
    with_timeout(hold.reached()).await;
    assert_eq!(daemon.get(&container).await.status, Status::Stopping);
    daemon.set_probe_result(&container, Ok(in_use()));
    daemon.clock.advance(PROBE_INTERVAL);
    for report in [
        daemon.check_in_from(address),
        daemon.check_in_from(address).bearer_auth(token),
    ] {
        let response = crate::support::send(report.form(&[("active", "5")])).await;
        assert_eq!(response.kind(), "404 unknown-caller");
    }
    hold.release();
    let stopped = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(
        (stopped.stop_reason, stopped.active, stopped.last_active_at),
        (Some(StopReason::Idle), 0, container.last_active_at)
    );
}

#[tokio::test]
async fn probe_results_do_not_outlive_their_run() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.set_probe_result(&container, Ok(in_use()));
    daemon.clock.advance(HOUR);
    daemon.until_probed(&container).await;
    daemon.client.stop(&container.container_id).await.unwrap();
    daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(daemon.activity(&container).await.connections, None);
    daemon.client.start(&container.container_id).await.unwrap();
    let connections = daemon.activity(&container).await.connections;
    assert!(
        connections.is_none_or(|connections| connections.open == 0),
        "the fake prober kept the connections of the earlier run"
    );
}
