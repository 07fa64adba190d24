//! `GET /v1/containers/{ref}/activity`: signals, limits, deadlines and history of a container.

use reqwest::Method;
use sd_client::api::{ContainerQuery, Status};

use crate::support::{IDLE_TIMEOUT, TestDaemon, assert_response, send};

#[tokio::test]
async fn activity_explains_an_idle_stop() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("one").await;
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&container, Status::Stopped).await;
    let request = daemon.request(Method::GET, &format!("{}/activity", container.uri));
    assert_response!(send(request).await);
}

#[tokio::test]
async fn activity_describes_a_running_container() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("one").await;
    let request = daemon.request(Method::GET, &format!("{}/activity", container.uri));
    assert_response!(send(request).await);
}

#[tokio::test]
async fn reads_do_not_count_as_activity() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    let audit = ContainerQuery {
        audit: true,
        ..ContainerQuery::default()
    };
    daemon.client.containers(&audit).await.unwrap();
    daemon
        .client
        .containers(&ContainerQuery::default())
        .await
        .unwrap();
    daemon.activity(&container).await;
    drop(daemon.client.events(Some(0)).await.unwrap());
    let shown = daemon.get(&container).await;
    assert_eq!(shown.last_active_at, container.last_active_at);
    assert_eq!(shown.stops_at, container.stops_at);
    daemon.clock.advance(IDLE_TIMEOUT / 2);
    daemon.until_status(&container, Status::Stopped).await;
}
