//! `DOCKER_HOST` points to a different engine than the one with the containers.

use sd_client::api::{CreateContainer, RemoveMode, Status};

use crate::daemon::{Daemon, eventually};
use crate::docker::{docker, image};
use crate::private_engine::PrivateEngine;

#[tokio::test]
async fn different_engine_is_refused_until_the_original_returns() {
    let other = PrivateEngine::start(&[]);
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    assert_eq!(daemon.terminate(), Some(0));

    daemon.restart_at(Some(other.host()));
    let refusal = eventually("the daemon detects the different engine", async || {
        let error = daemon.client().ready().await.err()?.to_string();
        error.contains("connected to a different engine").then_some(error)
    })
    .await;
    assert!(
        refusal.contains("DOCKER_HOST"),
        "the error has a remedy: {refusal}"
    );
    assert_eq!(
        daemon.show(&id).await.status,
        Status::Running,
        "an unknown container is not gone"
    );
    let client = daemon.client();
    client.stop(&id).await.expect_err("the engine is refused");
    client
        .remove(&id, RemoveMode::Force)
        .await
        .expect_err("the engine is refused");
    let wanted = CreateContainer::of_image(image());
    client.create(&wanted).await.expect_err("the engine is refused");
    assert_eq!(docker(&["--host", &other.host(), "ps", "--all", "--quiet"]), "");
    assert_eq!(daemon.terminate(), Some(0));

    daemon.restart_at(None);
    let found = daemon.agrees_with_docker().await;
    assert_eq!((found.len(), found[0].container_id.as_str()), (1, id.as_str()));
    assert_eq!(found[0].status, Status::Running);
}
