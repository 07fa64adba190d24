//! Docker does what it is asked, and its reply is lost, cut off, or nonsense. What came of it is found out by
//! looking: everything is done once, and nothing is left that nobody knows.

use std::sync::Arc;
use std::time::Duration;

use sd_client::api::{Container, CreateContainer, RemoveMode, Status};

use crate::daemon::{Daemon, eventually, within};
use crate::docker::{docker, image, random};
use crate::fault_proxy::{Fault, FaultProxy, reply};

/// What can become of a reply. Docker has acted in each case.
fn mishaps() -> Vec<(&'static str, Fault)> {
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

/// A failure is one of the engine's, never a bug of ours.
fn assert_is_the_engines<T>(what: &str, answer: &Result<T, sd_client::Error>) {
    if let Err(error) = answer {
        let status = error.problem().map(|problem| problem.status);
        assert!(matches!(status, Some(502..=504)), "{what}: {error}");
    }
}

#[tokio::test]
async fn a_create_is_done_once_or_undone() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let mut made = 0;
    for (number, (what, mishap)) in mishaps().into_iter().enumerate() {
        proxy.once("POST", "/containers/create", mishap);
        let created = daemon.client().create(&CreateContainer::of_image(image())).await;
        assert_is_the_engines(what, &created);
        made += usize::from(created.is_ok());
        // Sooner than everything is looked at anyhow.
        within(
            Duration::from_secs(20),
            &format!("{what}: nothing is left behind"),
            async || (daemon.agrees_with_docker().await.len() == made).then_some(()),
        )
        .await;
        assert_eq!(proxy.count("POST", "/containers/create"), number + 1, "{what}");
    }
    assert!(made >= 2, "a container is found by its label");
}

#[tokio::test]
async fn a_start_is_done_once() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let id = daemon.create().await.container_id;
    for (what, mishap) in mishaps() {
        docker(&["stop", &id]);
        daemon.becomes(&id, Status::Stopped).await;
        proxy.forget();
        proxy.once("POST", "/containers/*/start", mishap);
        assert_is_the_engines(what, &daemon.client().start(&id).await);
        daemon.becomes(&id, Status::Running).await;
        assert_eq!(proxy.count("POST", "/containers/*/start"), 1, "{what}");
    }
    assert_eq!(daemon.agrees_with_docker().await.len(), 1);
}

#[tokio::test]
async fn a_stop_is_done_once() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let id = daemon.create().await.container_id;
    for (what, mishap) in mishaps() {
        proxy.forget();
        proxy.once("POST", "/containers/*/stop", mishap);
        daemon.client().stop(&id).await.expect("it is begun");
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
async fn a_removal_is_done_once() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    for (what, mishap) in mishaps() {
        let id = daemon.create().await.container_id;
        proxy.forget();
        proxy.once("DELETE", "/containers/*", mishap);
        let removed = daemon.client().remove(&id, RemoveMode::Force).await;
        removed.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(proxy.count("DELETE", "/containers/*"), 1, "{what}");
        assert!(daemon.agrees_with_docker().await.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_container_that_is_made_late_is_taken_away() {
    let proxy = FaultProxy::start();
    let daemon = behind(&proxy).await;
    let (key, wanted) = (random(), CreateContainer::of_image(image()));
    proxy.once("POST", "/containers/create", Fault::Late);
    let failed = daemon.client().create_once(&wanted, &key).await;
    let problem = failed.expect_err("nobody knows what becomes of it");
    assert_eq!(
        problem.problem().map(|problem| problem.status),
        Some(503),
        "{problem}"
    );
    // Whoever tries again does not wait for it.
    let again = daemon
        .client()
        .create_once(&wanted, &key)
        .await
        .expect("it is created");
    proxy.let_late_ones_through();
    eventually("the first one is made", async || {
        (proxy.late() == 1).then_some(())
    })
    .await;
    eventually("the first one is taken away", async || {
        daemon
            .log()
            .contains("removing an unfinished creation")
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
