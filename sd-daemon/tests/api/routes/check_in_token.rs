//! `POST /v1/check-in`, identified by token: for networks that hide the source address of a container.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use reqwest::RequestBuilder;
use sd_client::Client;
use sd_client::api::{CheckIn, Container, RemoveMode, Status, TimeLimit};
use sd_daemon::engine::fake::{Action, Call, Point};

use crate::support::{
    BUSY_LIMIT, IDLE_TIMEOUT, TestDaemon, assert_lines, assert_response, id, send, with_timeout,
};

/// A source address that belongs to no container.
const FOREIGN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 99, 0, 1));

fn report(daemon: &TestDaemon, from: IpAddr, token: &str) -> RequestBuilder {
    let request = daemon.check_in_from(from).bearer_auth(token);
    request.form(&[("active", "5")])
}

async fn active_counts(daemon: &TestDaemon, containers: &[&Container]) -> Vec<u32> {
    let mut counts = Vec::new();
    for container in containers {
        counts.push(daemon.get(container).await.active);
    }
    counts
}

#[tokio::test]
async fn token_identifies_its_container_from_any_address() {
    let daemon = TestDaemon::start();
    let (container, other) = (daemon.create().await, daemon.create().await);
    let token = daemon.token_of(&container);
    assert_ne!(token, daemon.token_of(&other));
    assert_eq!(send(report(&daemon, FOREIGN, &token)).await.status, 204);
    assert_eq!(active_counts(&daemon, &[&container, &other]).await, [5, 0]);
    let from_other = report(&daemon, daemon.address_of(&other), &daemon.token_of(&container));
    assert_eq!(send(from_other).await.status, 204);
    assert_eq!(daemon.get(&other).await, other);
}

#[tokio::test]
async fn invalid_token_is_rejected() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let token = daemon.token_of(&container);
    let (operation, seal) = token.split_once('.').unwrap();
    let elsewhere = TestDaemon::start();
    let foreign = elsewhere.token_of(&elsewhere.create().await);
    let invalid = [
        String::new(),
        operation.to_owned(),
        format!("{operation}."),
        format!("{operation}.{}", "0".repeat(seal.len())),
        format!("{token}0"),
        foreign,
    ];
    let mut responses = BTreeSet::new();
    for token in &invalid {
        for from in [FOREIGN, daemon.address_of(&container)] {
            let response = send(report(&daemon, from, token)).await;
            let challenge = response.header("www-authenticate").unwrap_or_default();
            responses.insert(format!("{}\nwww-authenticate: {challenge}", response.problem()));
        }
    }
    assert_lines!(Vec::from_iter(responses));
    assert_eq!(daemon.get(&container).await, container);
}

#[tokio::test]
async fn token_of_a_stopped_container_is_rejected() {
    let daemon = TestDaemon::start();
    let (stopped, removed) = (daemon.create_stopped().await, daemon.create().await);
    let tokens = [&stopped, &removed].map(|container| daemon.token_of(container));
    let removal = daemon.client.remove(&removed.container_id, RemoveMode::Force);
    removal.await.unwrap();
    for token in &tokens {
        assert_response!(send(report(&daemon, FOREIGN, token)).await);
    }
    assert_eq!(daemon.get(&stopped).await, stopped);
    daemon.client.start(&stopped.container_id).await.unwrap();
    assert_eq!(
        send(report(&daemon, FOREIGN, &tokens[0])).await.status,
        204,
        "the token is valid for every run"
    );
}

#[tokio::test]
async fn token_survives_a_restart_without_the_engine() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let token = daemon.token_of(&container);
    let daemon = daemon.kill_and_restart().await;
    daemon.engine.disconnect();
    daemon.engine.clear_calls();
    assert_eq!(send(report(&daemon, FOREIGN, &token)).await.status, 204);
    assert_eq!(daemon.get(&container).await.active, 5);
}

#[tokio::test]
async fn report_before_the_start_completes_is_credited() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::After(Action::Start));
    let (container, response) = tokio::join!(daemon.create(), async {
        with_timeout(hold.reached()).await;
        // The container runs, but its start has not been recorded.
        let mut specs = daemon.engine.calls().into_iter().filter_map(|call| match call {
            Call::Create(spec) => Some(spec),
            _ => None,
        });
        let variables = specs.next().unwrap().environment;
        let token = variables
            .iter()
            .find_map(|variable| variable.strip_prefix("SD_CHECK_IN_TOKEN="));
        let report = send(report(&daemon, FOREIGN, token.unwrap()));
        let (response, ()) = tokio::join!(report, async { hold.release() });
        response
    });
    assert_eq!(response.status, 204);
    assert_eq!(daemon.get(&container).await.active, 5);
}

#[tokio::test]
async fn client_sends_its_token_and_reads_the_response() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let client = Client::new(&daemon.check_in_url().replace("/v1/check-in", ""))
        .unwrap()
        .with_token(daemon.token_of(&container));
    let response = client.check_in(&CheckIn::connections(2)).await.unwrap();
    assert_eq!(response.idle_timeout, Some(TimeLimit::After(IDLE_TIMEOUT)));
    assert_eq!(response.keep_until, None);
    let busy = CheckIn {
        active_connections: None,
        busy_for: Some((2 * BUSY_LIMIT).try_into().unwrap()),
    };
    let response = client.check_in(&busy).await.unwrap();
    assert_eq!(response.keep_until, daemon.activity(&container).await.keep_until);
    assert_eq!(
        response.keep_until.unwrap().to_string(),
        "2026-03-01T18:02:11.250Z",
        "capped at the busy limit"
    );
    daemon.clock.advance(Duration::from_secs(1));
    assert_eq!(
        daemon.get(&container).await.active,
        2,
        "a report without connections keeps the last count"
    );
}

#[tokio::test]
async fn basic_credentials_are_ignored() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let by_address = daemon
        .check_in_from(daemon.address_of(&container))
        .basic_auth("admin", Some("wrong"))
        .form(&[("active", "5")]);
    assert_eq!(send(by_address).await.status, 204);
    let foreign = daemon
        .check_in_from(FOREIGN)
        .basic_auth("admin", Some("spindocker"))
        .form(&[("active", "5")]);
    assert_eq!(send(foreign).await.kind(), "404 unknown-caller");
}

#[tokio::test]
async fn report_by_token_postpones_the_idle_stop() {
    let daemon = TestDaemon::start();
    let (witness, container) = (daemon.create().await, daemon.create().await);
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    let token = daemon.token_of(&container);
    assert_eq!(send(report(&daemon, FOREIGN, &token)).await.status, 204);
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    let stops = daemon.engine.calls().into_iter().filter_map(|call| match call {
        Call::Stop(id, _) => Some(id),
        _ => None,
    });
    assert_eq!(stops.collect::<Vec<_>>(), [id(&witness)]);
}
