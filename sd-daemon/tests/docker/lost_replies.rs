//! Docker executes a request, and its response is lost, cut off or invalid. The daemon inspects the outcome: each
//! operation happens once, and no unknown container remains.

use std::sync::Arc;
use std::time::Duration;

use sd_client::api::{Container, CreateContainer, RemoveMode, Status};

use crate::daemon::{Daemon, eventually, within};
use crate::docker::{docker, image, random};
use crate::fault_proxy::{Fault, FaultProxy, reply};

/// The faults of a response. Docker has executed the request in each case.
fn faults() -> Vec<(&'static str, Fault)> {
    let long = format!("{{\"message\":\"{}\"}}", "x".repeat(10 << 20));
    vec![
        ("lost", Fault::ReplyLost),
        ("cut off", Fault::ReplyCut),
        (
            "no HTTP",
            Fault::ReplyReplaced(Arc::from(&b"\x16\x03\x01 SSH-2.0\r\n\r\n"[..])),
        ),
        ("no JSON", Fault::ReplyReplaced(reply("201 Created", b"<html>"))),
        (
            "half a JSON",
            Fault::ReplyReplaced(reply("201 Created", b"{\"Id\":\"12")),
        ),
        (
            "a refusal",
            Fault::ReplyReplaced(reply("500 Oh", b"{\"message\":\"no\"}")),
        ),
        (
            "ten megabytes",
            Fault::ReplyReplaced(reply("500 Oh", long.as_bytes())),
        ),
    ]
}

async fn behind(proxy: &FaultProxy) -> Daemon {
    let daemon = Daemon::start_at(&proxy.host(), &[]);
    daemon.wait_until_ready().await;
    daemon
}

/// A failure is attributed to the engine.
fn assert_engine_failure<T>(what: &str, answer: &Result<T, sd_client::Error>) {
    if let Err(error) = answer {
        let status = error.problem().map(|problem| problem.status);
        assert!(matches!(status, Some(502..=504)), "{what}: {error}");
    }
}

#[tokio::test]
async fn create_happens_once_or_is_undone() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let mut created_count = 0;
    for (number, (what, fault)) in faults().into_iter().enumerate() {
        proxy.once("POST", "/containers/create", fault);
        let created = daemon.client().create(&CreateContainer::of_image(image())).await;
        assert_engine_failure(what, &created);
        created_count += usize::from(created.is_ok());
        // Shorter than the interval of full reconciles.
        within(
            Duration::from_secs(20),
            &format!("{what}: no unknown container remains"),
            async || (daemon.agrees_with_docker().await.len() == created_count).then_some(()),
        )
        .await;
        assert_eq!(proxy.count("POST", "/containers/create"), number + 1, "{what}");
    }
    assert!(created_count >= 2, "the daemon finds containers by their label");
}

#[tokio::test]
async fn start_happens_once() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let id = daemon.create().await.container_id;
    for (what, fault) in faults() {
        docker(&["stop", &id]);
        daemon.becomes(&id, Status::Stopped).await;
        proxy.forget();
        proxy.once("POST", "/containers/*/start", fault);
        assert_engine_failure(what, &daemon.client().start(&id).await);
        daemon.becomes(&id, Status::Running).await;
        assert_eq!(proxy.count("POST", "/containers/*/start"), 1, "{what}");
    }
    assert_eq!(daemon.agrees_with_docker().await.len(), 1);
}

#[tokio::test]
async fn stop_happens_once() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let id = daemon.create().await.container_id;
    for (what, fault) in faults() {
        proxy.forget();
        proxy.once("POST", "/containers/*/stop", fault);
        daemon.client().stop(&id).await.expect("stop is accepted");
        let stopped = daemon.becomes(&id, Status::Stopped).await;
        assert_eq!(
            stopped.stop_reason,
            Some(sd_client::api::StopReason::Requested),
            "{what}"
        );
        assert_eq!(proxy.count("POST", "/containers/*/stop"), 1, "{what}");
        docker(&["start", &id]);
        daemon.becomes(&id, Status::Running).await;
    }
}

#[tokio::test]
async fn removal_happens_once() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    for (what, fault) in faults() {
        let id = daemon.create().await.container_id;
        proxy.forget();
        proxy.once("DELETE", "/containers/*", fault);
        let removed = daemon.client().remove(&id, RemoveMode::Force).await;
        removed.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(proxy.count("DELETE", "/containers/*"), 1, "{what}");
        assert!(daemon.agrees_with_docker().await.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn container_that_appears_late_is_removed() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let (key, wanted) = (random(), CreateContainer::of_image(image()));
    proxy.once("POST", "/containers/create", Fault::Late);
    let failed = daemon.client().create_once(&wanted, &key).await;
    let problem = failed.expect_err("the outcome is unknown");
    assert_eq!(
        problem.problem().map(|problem| problem.status),
        Some(503),
        "{problem}"
    );
    // A retry does not wait for it.
    let again = daemon
        .client()
        .create_once(&wanted, &key)
        .await
        .expect("create succeeds");
    proxy.let_late_ones_through();
    eventually("Docker creates the first container", async || {
        (proxy.late() == 1).then_some(())
    })
    .await;
    eventually("the daemon removes the first container", async || {
        daemon
            .log()
            .contains("removing the container of an incomplete create")
            .then_some(())
    })
    .await;
    let left = daemon.agrees_with_docker().await;
    assert_eq!(ids(&left), [again.container_id]);
}

fn ids(containers: &[Container]) -> Vec<String> {
    containers
        .iter()
        .map(|container| container.container_id.clone())
        .collect()
}
