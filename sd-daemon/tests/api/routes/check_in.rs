//! `POST /v1/check-in`, identified by source address: the field, the credited container, and rejected reports.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use reqwest::RequestBuilder;
use sd_client::api::Status;
use sd_daemon::engine::fake::{Action, Point};
use serde_json::json;

use crate::support::{TestDaemon, assert_lines, assert_response, id, send, with_timeout};

#[tokio::test]
async fn reported_connections_are_recorded() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(Duration::from_secs(60));
    assert_eq!(daemon.check_in(&container, 3).await, 204);
    let seen = daemon.get(&container).await;
    assert_eq!(seen.active, 3);
    assert_eq!(
        seen.last_active_at.unwrap().to_string(),
        "2026-03-01T14:03:11.250Z"
    );
}

#[tokio::test]
async fn all_field_names_work_in_forms_and_json() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    for (name, connections) in [
        ("active-connections", 1),
        ("active", 2),
        ("active_connections", 3),
    ] {
        let report = from(&daemon, &container);
        assert_eq!(
            send(report.form(&[(name, connections)])).await.status,
            204,
            "{name}"
        );
        assert_eq!(daemon.get(&container).await.active, connections);
        let report = from(&daemon, &container);
        assert_eq!(
            send(report.json(&json!({ name: connections + 10 }))).await.status,
            204,
            "{name}"
        );
        assert_eq!(daemon.get(&container).await.active, connections + 10);
        let report = from(&daemon, &container);
        let text = (connections + 20).to_string();
        assert_eq!(
            send(report.json(&json!({ name: text }))).await.status,
            204,
            "{name}"
        );
        assert_eq!(daemon.get(&container).await.active, connections + 20);
    }
}

#[tokio::test]
async fn report_of_zero_connections_does_not_count_as_activity() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(Duration::from_secs(60));
    assert_eq!(daemon.check_in(&container, 0).await, 204);
    let seen = daemon.get(&container).await;
    assert_eq!((seen.active, seen.last_active_at), (0, container.last_active_at));
    assert_eq!(seen.stops_at, container.stops_at);
}

#[tokio::test]
async fn report_from_an_unknown_address_is_rejected() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 17, 0, 99)] {
        let report = daemon.check_in_from(address.into()).form(&[("active", "5")]);
        assert_response!(send(report).await);
    }
    assert_eq!(daemon.get(&container).await, container);
}

#[tokio::test]
async fn forwarding_headers_are_ignored() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let claimed = daemon.address_of(&container).to_string();
    for header in ["x-forwarded-for", "x-real-ip", "forwarded", "client-ip", "host"] {
        let report = daemon
            .check_in_from(Ipv4Addr::LOCALHOST.into())
            .form(&[("active", "5")]);
        let response = send(report.header(header, &claimed)).await;
        assert_eq!(response.kind(), "404 unknown-caller", "{header}");
    }
    assert_eq!(daemon.get(&container).await, container);
}

#[tokio::test]
async fn source_address_wins_over_forwarding_headers() {
    let daemon = TestDaemon::start();
    let (container, other) = (daemon.create().await, daemon.create().await);
    let report = from(&daemon, &container).header("x-forwarded-for", daemon.address_of(&other).to_string());
    assert_eq!(send(report.form(&[("active", "5")])).await.status, 204);
    assert_eq!(daemon.get(&container).await.active, 5);
    assert_eq!(daemon.get(&other).await, other);
}

#[tokio::test]
async fn invalid_report_changes_nothing() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    daemon.engine.clear_calls();
    let bodies = [
        "",
        "active=-1",
        "active=1000001",
        "active=many",
        "active=1.5",
        "active=",
        "active=1&active=2",
        "active=1&active_connections=1",
        "connections=1",
        "active=1&colour=red",
    ];
    let mut lines = Vec::new();
    for body in bodies {
        let report = from(&daemon, &container).header("content-type", "application/x-www-form-urlencoded");
        lines.push(format!("{body} -> {}", send(report.body(body)).await.problem()));
    }
    assert_lines!(lines);
    let json = from(&daemon, &container).json(&json!([1]));
    assert_eq!(send(json).await.kind(), "400 malformed-request");
    let untyped = from(&daemon, &container).body("active=1");
    assert_eq!(send(untyped).await.kind(), "415 malformed-request");
    let large = from(&daemon, &container).form(&[("active", "1".repeat(1024))]);
    assert_eq!(send(large).await.kind(), "413 too-large");
    assert_eq!(daemon.get(&container).await, container);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn reused_address_credits_the_new_container() {
    let daemon = TestDaemon::start();
    let first = daemon.create().await;
    let address = daemon.address_of(&first);
    daemon.client.stop(&first.container_id).await.unwrap();
    daemon.until_status(&first, Status::Stopped).await;
    let second = daemon.create().await;
    assert_eq!(daemon.address_of(&second), address);
    assert_eq!(daemon.check_in(&second, 7).await, 204);
    assert_eq!(
        (daemon.get(&second).await.active, daemon.get(&first).await.active),
        (7, 0)
    );
}

#[tokio::test]
async fn address_reused_without_an_event_is_rejected() {
    let daemon = TestDaemon::start();
    daemon.engine.suppress_events();
    let (first, second) = (daemon.create_stopped().await, daemon.create().await);
    let address = daemon.address_of(&second);
    // The address of the second container goes to the first one, without an event.
    daemon.engine.stop_externally(id(&second));
    daemon.engine.start_externally(id(&first));
    let report = daemon.check_in_from(address).form(&[("active", "7")]);
    assert_eq!(send(report).await.kind(), "404 unknown-caller");
    assert_eq!(
        (daemon.get(&second).await.active, daemon.get(&first).await.active),
        (0, 0)
    );
}

#[tokio::test]
async fn report_of_an_earlier_run_is_rejected() {
    let daemon = TestDaemon::start();
    daemon.engine.suppress_events();
    let container = daemon.create().await;
    let address = daemon.address_of(&container);
    daemon.engine.stop_externally(id(&container));
    daemon.engine.start_externally(id(&container));
    let report = daemon.check_in_from(address).form(&[("active", "7")]);
    assert_eq!(send(report).await.kind(), "404 unknown-caller");
    assert_eq!(daemon.get(&container).await.active, 0);
}

#[tokio::test]
async fn report_verified_after_a_stop_began_is_rejected() {
    // Without background tasks, the only inspect comes from the report.
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::After(Action::Inspect));
    let address = daemon.address_of(&container);
    let report = send(daemon.check_in_from(address).form(&[("active", "7")]));
    let stopping = async {
        with_timeout(hold.reached()).await;
        hold.close();
        daemon.client.stop(&container.container_id).await.unwrap();
        hold.release();
    };
    let (response, ()) = tokio::join!(report, stopping);
    assert_eq!(response.kind(), "404 unknown-caller");
    let seen = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(seen.active, 0);
}

#[tokio::test]
async fn report_without_the_engine_credits_the_known_holder() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.disconnect();
    assert_eq!(daemon.check_in(&container, 7).await, 204);
    assert_eq!(daemon.get(&container).await.active, 7);
}

#[tokio::test]
async fn report_before_the_start_completes_is_credited() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::After(Action::Start));
    let (container, response) = tokio::join!(daemon.create(), async {
        hold.reached().await;
        // The first address of the network: the container runs, but its start has not been recorded.
        let report = daemon
            .check_in_from(IpAddr::from([127, 17, 0, 2]))
            .form(&[("active", "7")]);
        let (response, ()) = tokio::join!(send(report), async { hold.release() });
        response
    });
    assert_eq!(response.status, 204);
    assert_eq!(daemon.get(&container).await.active, 7);
}

#[tokio::test]
async fn client_checks_in_by_address() {
    let daemon = TestDaemon::start();
    daemon.create().await;
    let report = sd_client::api::CheckIn::connections(1);
    let error = daemon.client.check_in(&report).await.unwrap_err();
    assert_eq!(error.problem().unwrap().suffix(), "unknown-caller");
}

fn from(daemon: &TestDaemon, container: &sd_client::api::Container) -> RequestBuilder {
    daemon.check_in_from(daemon.address_of(container))
}
