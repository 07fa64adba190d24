//! `DOCKER_HOST` names another engine than the one that the containers are on, by mistake.

use sd_client::api::{CreateContainer, RemoveMode, Status};

use crate::daemon::{Daemon, eventually};
use crate::docker::{docker, image};
use crate::private_engine::PrivateEngine;

#[tokio::test]
async fn nothing_is_forgotten_or_made_there_and_with_the_right_one_it_goes_on() {
    let other = PrivateEngine::start(&[]);
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    assert_eq!(daemon.terminate(), Some(0));

    daemon.restart_at(Some(other.host()));
    let refusal = eventually("it knows the engine for another one", async || {
        let error = daemon.client().ready().await.err()?.to_string();
        error.contains("connected to a different engine").then_some(error)
    })
    .await;
    assert!(refusal.contains("DOCKER_HOST"), "it says what to do: {refusal}");
    assert_eq!(
        daemon.show(&id).await.status,
        Status::Running,
        "it is not taken for gone"
    );
    let client = daemon.client();
    client.stop(&id).await.expect_err("nobody knows whether it runs");
    client
        .remove(&id, RemoveMode::Force)
        .await
        .expect_err("nor whether it is there");
    let wanted = CreateContainer::of_image(image());
    client
        .create(&wanted)
        .await
        .expect_err("it would be on another engine");
    assert_eq!(docker(&["--host", &other.host(), "ps", "--all", "--quiet"]), "");
    assert_eq!(daemon.terminate(), Some(0));

    daemon.restart_at(None);
    let found = daemon.agrees_with_docker().await;
    assert_eq!((found.len(), found[0].container_id.as_str()), (1, id.as_str()));
    assert_eq!(found[0].status, Status::Running);
}
