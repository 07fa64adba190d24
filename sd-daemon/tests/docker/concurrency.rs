//! Many changes of one container at once, on the real engine: they end as if they had come one after the other.

use futures_util::future::join_all;
use sd_client::api::{Container, CreateContainer, RemoveMode, Status};

use crate::daemon::Daemon;
use crate::derived::derived;
use crate::docker::docker;

const AT_ONCE: usize = 50;

/// The status of what was refused.
fn refusal<T>(answer: &Result<T, sd_client::Error>) -> Option<u16> {
    let error = answer.as_ref().err()?;
    Some(error.problem().unwrap_or_else(|| panic!("{error}")).status)
}

/// One that has just been started may not listen to the usual signal yet, and would be given ten seconds.
async fn quick_to_stop(daemon: &Daemon) -> String {
    let wanted = CreateContainer::of_image(derived("STOPSIGNAL SIGKILL"));
    let created = daemon.client().create(&wanted).await;
    created.expect("it is created").container_id
}

async fn change(daemon: &Daemon, id: &str, to: Status) -> Result<Container, sd_client::Error> {
    match to {
        Status::Running => daemon.client().start(id).await,
        _ => daemon.client().stop(id).await,
    }
}

#[tokio::test]
async fn fifty_starts_and_stops_end_in_some_order() {
    let daemon = Daemon::start(&[]).await;
    let id = &quick_to_stop(&daemon).await;
    let changes = (0..AT_ONCE).map(|number| {
        // Some after each other may find that it is done already.
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
    // Whatever came last, it can still be asked for the other.
    for status in [Status::Stopped, Status::Running, Status::Stopped] {
        let answer = change(&daemon, id, status.clone()).await;
        answer.expect("it does as it is told");
        daemon.becomes(id, status).await;
    }
}

#[tokio::test]
async fn a_deletion_among_fifty_changes_wins() {
    let daemon = Daemon::start(&[]).await;
    let id = &quick_to_stop(&daemon).await;
    let changes = (0..AT_ONCE).map(|number| {
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
    let is_fair = |answer: &Option<u16>| matches!(answer, None | Some(404 | 409 | 503));
    assert!(answers.iter().all(is_fair), "{answers:?}");
    assert!(daemon.agrees_with_docker().await.is_empty());
    let gone = daemon.client().container(id).await;
    assert_eq!(refusal(&gone), Some(404));
}

/// Whatever somebody has just done to it with the engine itself, a deletion deletes.
#[tokio::test]
async fn a_deletion_after_anything_behind_its_back_is_no_error_of_ours() {
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
