//! Check-in by token, where the source address does not tell who calls.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use reqwest::RequestBuilder;
use sd_client::Client;
use sd_client::api::{CheckIn, Container, RemoveMode, Status, TimeLimit};
use sd_daemon::engine::fake::{Action, Call, Point};

use crate::support::{Answer, BUSY_LIMIT, IDLE_TIMEOUT, TestDaemon, id, in_time, kind};

/// An address that no container has.
const FOREIGN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 99, 0, 1));

fn report(daemon: &TestDaemon, from: IpAddr, token: &str) -> RequestBuilder {
    let request = daemon.check_in_from(from).bearer_auth(token);
    request.form(&[("active", "5")])
}

async fn actives(daemon: &TestDaemon, containers: &[&Container]) -> Vec<u32> {
    let mut actives = Vec::new();
    for container in containers {
        actives.push(daemon.look(container).await.active);
    }
    actives
}

#[tokio::test]
async fn token_identifies_its_container_from_any_address() {
    let daemon = TestDaemon::start();
    let (container, other) = (daemon.create().await, daemon.create().await);
    let token = daemon.token_of(&container);
    assert_ne!(token, daemon.token_of(&other));
    assert_eq!(Answer::to(report(&daemon, FOREIGN, &token)).await.status, 204);
    assert_eq!(actives(&daemon, &[&container, &other]).await, [5, 0]);
    let from_other = report(&daemon, daemon.address_of(&other), &daemon.token_of(&container));
    assert_eq!(Answer::to(from_other).await.status, 204);
    assert_eq!(daemon.look(&other).await, other);
}

#[tokio::test]
async fn invalid_token_is_rejected() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let token = daemon.token_of(&container);
    let (operation, seal) = token.split_once('.').unwrap();
    let elsewhere = TestDaemon::start();
    let foreign = elsewhere.token_of(&elsewhere.create().await);
    for wrong in [
        String::new(),
        operation.to_owned(),
        format!("{operation}."),
        format!("{operation}.{}", "0".repeat(seal.len())),
        format!("{token}0"),
        foreign,
    ] {
        for from in [FOREIGN, daemon.address_of(&container)] {
            let answer = Answer::to(report(&daemon, from, &wrong)).await;
            let (status, suffix, detail) = answer.problem();
            assert_eq!((status, suffix.as_str()), (401, "unknown-token"), "{wrong:?}");
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(challenge.starts_with("Bearer "), "{challenge}");
            assert_eq!(
                detail,
                "the check-in token is invalid: containers get theirs in SD_CHECK_IN_TOKEN"
            );
        }
    }
    assert_eq!(daemon.look(&container).await, container);
}

#[tokio::test]
async fn token_of_a_stopped_container_is_rejected() {
    let daemon = TestDaemon::start();
    let (stopped, removed) = (daemon.create_stopped().await, daemon.create().await);
    let tokens = [&stopped, &removed].map(|container| daemon.token_of(container));
    let removal = daemon.client.remove(&removed.container_id, RemoveMode::Force);
    removal.await.unwrap();
    for token in &tokens {
        let (status, suffix, detail) = Answer::to(report(&daemon, FOREIGN, token)).await.problem();
        assert_eq!((status, suffix.as_str()), (404, "unknown-caller"));
        assert_eq!(
            detail,
            "the container that this token was issued to is not running"
        );
    }
    assert_eq!(daemon.look(&stopped).await, stopped);
    daemon.client.start(&stopped.container_id).await.unwrap();
    assert_eq!(
        Answer::to(report(&daemon, FOREIGN, &tokens[0])).await.status,
        204,
        "it is good for every run"
    );
}

#[tokio::test]
async fn token_survives_a_restart_without_the_engine() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let token = daemon.token_of(&container);
    let daemon = daemon.kill_and_restart().await;
    daemon.engine.disconnect();
    daemon.engine.forget_calls();
    assert_eq!(Answer::to(report(&daemon, FOREIGN, &token)).await.status, 204);
    assert_eq!(daemon.look(&container).await.active, 5);
}

#[tokio::test]
async fn report_before_the_start_completes_is_credited() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::After(Action::Start));
    let (container, answer) = tokio::join!(daemon.create(), async {
        in_time(hold.reached()).await;
        // It runs, and nobody has been told yet.
        let mut specs = daemon.engine.calls().into_iter().filter_map(|call| match call {
            Call::Create(spec) => Some(spec),
            _ => None,
        });
        let variables = specs.next().unwrap().environment;
        let token = variables
            .iter()
            .find_map(|variable| variable.strip_prefix("SD_CHECK_IN_TOKEN="));
        let report = Answer::to(report(&daemon, FOREIGN, token.unwrap()));
        let (answer, ()) = tokio::join!(report, async { hold.release() });
        answer
    });
    assert_eq!(answer.status, 204);
    assert_eq!(daemon.look(&container).await.active, 5);
}

#[tokio::test]
async fn client_sends_its_token_and_reads_the_response() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let client = Client::new(&daemon.check_in_url().replace("/v1/check-in", ""))
        .unwrap()
        .with_token(daemon.token_of(&container));
    let receipt = client.check_in(&CheckIn::connections(2)).await.unwrap();
    assert_eq!(receipt.idle_timeout, Some(TimeLimit::After(IDLE_TIMEOUT)));
    assert_eq!(receipt.keep_until, None);
    let busy = CheckIn {
        active_connections: None,
        busy_for: Some((2 * BUSY_LIMIT).try_into().unwrap()),
    };
    let receipt = client.check_in(&busy).await.unwrap();
    assert_eq!(receipt.keep_until, daemon.activity(&container).await.keep_until);
    assert_eq!(
        receipt.keep_until.unwrap().to_string(),
        "2026-03-01T18:02:11.250Z",
        "no longer than a container may ask for"
    );
    daemon.clock.advance(Duration::from_secs(1));
    assert_eq!(
        daemon.look(&container).await.active,
        2,
        "it was not told otherwise"
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
    assert_eq!(Answer::to(by_address).await.status, 204);
    let foreign = daemon
        .check_in_from(FOREIGN)
        .basic_auth("admin", Some("spindocker"))
        .form(&[("active", "5")]);
    assert_eq!(Answer::to(foreign).await.kind(), kind(404, "unknown-caller"));
}

#[tokio::test]
async fn report_by_token_postpones_the_idle_stop() {
    let daemon = TestDaemon::start();
    let (witness, container) = (daemon.create().await, daemon.create().await);
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    let token = daemon.token_of(&container);
    assert_eq!(Answer::to(report(&daemon, FOREIGN, &token)).await.status, 204);
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.look(&container).await.status, Status::Running);
    let stops = daemon.engine.calls().into_iter().filter_map(|call| match call {
        Call::Stop(id, _) => Some(id),
        _ => None,
    });
    assert_eq!(stops.collect::<Vec<_>>(), [id(&witness)]);
}
