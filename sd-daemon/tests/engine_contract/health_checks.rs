//! Health checks make Docker send many events; the daemon must not receive them.

use std::time::Duration;

use futures_util::StreamExt;
use sd_daemon::domain::ContainerId;
use sd_daemon::engine::EngineEvent;

use crate::docker::{docker, image};
use crate::harness::{Docker, Harness};

const LIMIT: Duration = Duration::from_secs(60);

/// The interval between two reads of the number of checks. Docker has no call that waits for them.
const POLL: Duration = Duration::from_millis(20);

/// More events than a container causes that is created, started and removed, and fewer than one for each check.
const MAX_EVENTS: usize = 12;

#[tokio::test]
async fn health_checks_cause_no_events() {
    let harness = Docker::new();
    let mut events = harness.engine().events();
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    let id = run_with_health_checks(&harness);
    let checks = async {
        // Docker keeps the results of the last five checks.
        while docker(&[
            "inspect",
            "--format",
            "{{len .State.Health.Log}}",
            &id.to_string(),
        ]) != "5"
        {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(LIMIT, checks)
        .await
        .expect("Docker checks the container");
    harness.remove(id);
    let count = async {
        let mut count = 0;
        while let Some(event) = events.next().await {
            count += usize::from(event == EngineEvent::Changed(id));
            if harness.engine().inspect(id).await == Ok(None) {
                break;
            }
        }
        count
    };
    let count = tokio::time::timeout(LIMIT, count)
        .await
        .expect("the removal is an event");
    assert!((1..=MAX_EVENTS).contains(&count), "{count} events");
}

/// Runs a container with the label of this registry and a health check every millisecond.
fn run_with_health_checks(harness: &Docker) -> ContainerId {
    let label = format!("spin-docker.instance={}", harness.instance());
    let health = ["--health-cmd", "true", "--health-interval", "1ms"];
    let mut arguments = vec!["run", "--detach", "--label", &label];
    arguments.extend(health);
    arguments.push(image());
    docker(&arguments).parse().unwrap()
}
