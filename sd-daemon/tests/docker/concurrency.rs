//! Concurrent changes of one container on the real engine. Their result is that of some sequential order.

use futures_util::future::join_all;
use sd_client::api::{Container, CreateContainer, RemoveMode, Status};

use crate::daemon::Daemon;
use crate::derived_images::derived_image;
use crate::docker::docker;

const CONCURRENT: usize = 50;

/// The status code of a rejected request.
fn refusal<T>(answer: &Result<T, sd_client::Error>) -> Option<u16> {
    let error = answer.as_ref().err()?;
    Some(error.problem().unwrap_or_else(|| panic!("{error}")).status)
}

/// A container that is stopped by SIGKILL. One that has just started may not handle SIGTERM yet, and its stop would take
/// ten seconds.
async fn quick_to_stop(daemon: &Daemon) -> String {
    let wanted = CreateContainer::of_image(derived_image("STOPSIGNAL SIGKILL"));
    let created = daemon.client().create(&wanted).await;
    created.expect("the create succeeds").container_id
}

async fn change(daemon: &Daemon, id: &str, to: Status) -> Result<Container, sd_client::Error> {
    match to {
        Status::Running => daemon.client().start(id).await,
        _ => daemon.client().stop(id).await,
    }
}

#[tokio::test]
async fn concurrent_starts_and_stops_are_serialized() {
    let daemon = Daemon::start(&[]).await;
    let id = &quick_to_stop(&daemon).await;
    let changes = (0..CONCURRENT).map(|number| {
        // Consecutive requests for the same status: the later ones find that it is reached already.
        let to = if number % 10 < 5 {
            Status::Stopped
        } else {
            Status::Running
        };
        change(&daemon, id, to)
    });
    let answers = join_all(changes).await;
    let refused: Vec<_> = answers.iter().filter_map(refusal).collect();
    assert_eq!(refused, [0_u16; 0]);
    assert_eq!(daemon.agrees_with_docker().await.len(), 1);
    // Later requests work as usual, whichever request was the last one.
    for status in [Status::Stopped, Status::Running, Status::Stopped] {
        let answer = change(&daemon, id, status.clone()).await;
        answer.expect("the request succeeds");
        daemon.becomes(id, status).await;
    }
}

#[tokio::test]
async fn delete_wins_over_concurrent_changes() {
    let daemon = Daemon::start(&[]).await;
    let id = &quick_to_stop(&daemon).await;
    let changes = (0..CONCURRENT).map(|number| {
        let daemon = &daemon;
        async move {
            match number % 10 {
                7 => refusal(&daemon.client().remove(id, RemoveMode::Graceful).await),
                9 => refusal(&daemon.client().remove(id, RemoveMode::Force).await),
                even if even % 2 == 0 => refusal(&change(daemon, id, Status::Stopped).await),
                _ => refusal(&change(daemon, id, Status::Running).await),
            }
        }
    });
    let answers: Vec<_> = join_all(changes).await;
    let is_allowed = |answer: &Option<u16>| matches!(answer, None | Some(404 | 409 | 503));
    assert!(answers.iter().all(is_allowed), "{answers:?}");
    assert!(daemon.agrees_with_docker().await.is_empty());
    let gone = daemon.client().container(id).await;
    assert_eq!(refusal(&gone), Some(404));
}

#[tokio::test]
async fn delete_right_after_an_external_change_succeeds() {
    let daemon = Daemon::start(&[]).await;
    for command in [
        &["stop"][..],
        &["kill"],
        &["kill", "--signal", "TERM"],
        &["pause"],
        &["restart"],
        &["rm", "--force"],
    ] {
        let id = &daemon.create().await.container_id;
        docker(&[command, &[id]].concat());
        let removed = daemon.client().remove(id, RemoveMode::Graceful).await;
        assert!(
            matches!(refusal(&removed), None | Some(404)),
            "{command:?}: {removed:?}"
        );
        assert!(daemon.agrees_with_docker().await.is_empty(), "{command:?}");
        assert_eq!(
            refusal(&daemon.client().container(id).await),
            Some(404),
            "{command:?}"
        );
    }
}
