//! What Docker makes much noise about is not passed on.

use std::time::Duration;

use futures_util::StreamExt;
use sd_daemon::domain::ContainerId;
use sd_daemon::engine::EngineEvent;

use crate::docker::{docker, image};
use crate::harness::{Docker, Harness};

const PATIENCE: Duration = Duration::from_secs(60);

/// What a container goes through that is made, started and removed: some events, and not one for each check.
const MOST_EVENTS: usize = 12;

#[tokio::test]
async fn a_thousand_health_checks_a_second_are_no_events() {
    let harness = Docker::new();
    let mut events = harness.engine().events();
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    let id = checked_without_end(&harness);
    let checks = async {
        // Docker keeps the last five.
        while docker(&[
            "inspect",
            "--format",
            "{{len .State.Health.Log}}",
            &id.to_string(),
        ]) != "5"
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, checks)
        .await
        .expect("it is checked");
    harness.remove(id);
    let told = async {
        let mut told = 0;
        while let Some(event) = events.next().await {
            told += usize::from(event == EngineEvent::Changed(id));
            if harness.engine().inspect(id).await == Ok(None) {
                break;
            }
        }
        told
    };
    let told = tokio::time::timeout(PATIENCE, told)
        .await
        .expect("the removal is told");
    assert!((1..=MOST_EVENTS).contains(&told), "{told} events");
}

/// A container of this registry, by its label, that somebody has made by hand.
fn checked_without_end(harness: &Docker) -> ContainerId {
    let label = format!("spin-docker.instance={}", harness.instance());
    let health = ["--health-cmd", "true", "--health-interval", "1ms"];
    let mut arguments = vec!["run", "--detach", "--label", &label];
    arguments.extend(health);
    arguments.push(image());
    docker(&arguments).parse().unwrap()
}
