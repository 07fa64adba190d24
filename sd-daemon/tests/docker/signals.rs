//! SIGTERM at the worst moments: the program ends within its limit, containers keep running, and what was begun is
//! finished, if not by this program then by the next.

use std::time::{Duration, Instant};

use sd_client::api::{CreateContainer, Status};

use crate::daemon::{Daemon, eventually};
use crate::docker::{docker, image};

/// A container that does not end when it is asked to: it is killed after ten seconds.
async fn create_stubborn(daemon: &Daemon) -> String {
    let command = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"];
    let wanted = CreateContainer {
        cmd: command.map(str::to_owned).to_vec(),
        ..CreateContainer::of_image(image())
    };
    daemon
        .client()
        .create(&wanted)
        .await
        .expect("it is created")
        .container_id
}

fn docker_status(id: &str) -> String {
    docker(&["inspect", "--format", "{{.State.Status}}", id])
}

#[tokio::test]
async fn with_nothing_to_do_it_ends_and_containers_keep_running() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(docker_status(&id), "running");
    daemon.restart().await;
    assert_eq!(daemon.agrees_with_docker().await[0].status, Status::Running);
}

#[tokio::test]
async fn during_a_stop_of_ten_seconds_it_waits_for_that() {
    let mut daemon = Daemon::start(&[]).await;
    let id = create_stubborn(&daemon).await;
    assert_eq!(
        daemon.client().stop(&id).await.expect("it begins").status,
        Status::Stopping
    );
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(docker_status(&id), "exited", "it was not left half done");
    daemon.restart().await;
    assert_eq!(daemon.agrees_with_docker().await[0].status, Status::Stopped);
}

#[tokio::test]
async fn a_second_one_ends_it_at_once_and_the_next_start_finishes() {
    let mut daemon = Daemon::start(&[]).await;
    let id = create_stubborn(&daemon).await;
    let begun = Instant::now();
    daemon.client().stop(&id).await.expect("it begins");
    daemon.signal("TERM");
    eventually("it has heard the first one", async || {
        daemon
            .log()
            .contains("stopping; containers keep running")
            .then_some(())
    })
    .await;
    assert_eq!(daemon.terminate(), Some(1));
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "it did not wait for the ten seconds"
    );
    daemon.restart().await;
    daemon.becomes(&id, Status::Stopped).await;
    daemon.agrees_with_docker().await;
}

#[tokio::test]
async fn during_a_create_it_answers_that_or_undoes_it() {
    for millis in [0, 20, 80] {
        let mut daemon = Daemon::start(&[]).await;
        let client = daemon.client();
        let wanted = CreateContainer::of_image(image());
        let create = client.create(&wanted);
        let ended = async {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            daemon.signal("TERM");
        };
        let (created, ()) = tokio::join!(create, ended);
        assert_eq!(daemon.ends().await, Some(0));
        daemon.restart().await;
        let found = daemon.agrees_with_docker().await;
        if let Ok(created) = created {
            assert_eq!(found.len(), 1, "it was acknowledged after {millis} ms");
            assert_eq!(found[0].container_id, created.container_id);
        }
    }
}
