//! The daemon connects to a different engine than the one that runs its containers: their records are kept.

use reqwest::Method;
use sd_client::api::Status;
use sd_daemon::engine::fake::Call;

use crate::support::{PROBE_INTERVAL, Response, TICK, TestDaemon, id, send, with_timeout};

/// Waits until `/readyz` responds with this status code.
async fn until_ready(daemon: &TestDaemon, status: u16) -> Response {
    with_timeout(async {
        loop {
            let response = send(daemon.anonymous(Method::GET, "/readyz")).await;
            if response.status == status {
                return response;
            }
            tokio::time::sleep(TICK).await;
        }
    })
    .await
}

/// The number of engine calls that change something.
fn changes(daemon: &TestDaemon) -> usize {
    let calls = daemon.engine.calls();
    let is_change = |call: &&Call| {
        matches!(
            call,
            Call::Create(_) | Call::Start(_) | Call::Stop(..) | Call::Remove(_)
        )
    };
    calls.iter().filter(is_change).count()
}

#[tokio::test]
async fn different_engine_changes_nothing() {
    let daemon = TestDaemon::start();
    let (container, stopped) = (daemon.create().await, daemon.create_stopped().await);
    let former = daemon.engine.replace_engine("the second engine");
    let before = changes(&daemon);
    daemon.engine.reconnect();

    let problem = until_ready(&daemon, 503).await.problem();
    assert!(
        problem.contains("different engine (the second engine"),
        "{problem}"
    );
    assert!(problem.contains("DOCKER_HOST"), "no advice in {problem}");
    for request in daemon.requests_that_need_the_engine(&container, &stopped) {
        assert_eq!(send(request).await.kind(), "503 engine-unavailable");
    }
    daemon.clock.advance(PROBE_INTERVAL * 20);
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    assert_eq!(daemon.get(&stopped).await.status, Status::Stopped);
    assert_eq!(changes(&daemon), before);

    daemon.engine.restore_engine(former);
    daemon.engine.reconnect();
    until_ready(&daemon, 200).await;
    daemon.client.stop(&container.container_id).await.unwrap();
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn different_engine_is_detected_after_a_restart() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let killed = daemon.kill().await;
    let _former = killed.engine.replace_engine("the second engine");
    let daemon = killed.restart().await;
    until_ready(&daemon, 503).await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
}

#[tokio::test]
async fn different_engine_is_accepted_without_containers() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon
        .client
        .remove(&container.container_id, sd_client::api::RemoveMode::Force)
        .await
        .unwrap();
    let _former = daemon.engine.replace_engine("the second engine");
    daemon.engine.reconnect();
    let container = daemon.create().await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    until_ready(&daemon, 200).await;
}

#[tokio::test]
async fn engine_without_stable_identity_is_accepted() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.randomize_identity();
    daemon.engine.reconnect();
    daemon.engine.remove_externally(id(&container));
    daemon.until_gone(&container).await;
    until_ready(&daemon, 200).await;
}
