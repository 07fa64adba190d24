//! Concurrent requests have the same result as some sequential order.

use futures_util::future::join_all;
use reqwest::Method;
use sd_client::api::{ContainerQuery, CreateContainer, Status};
use sd_daemon::domain::{LiveState, ObservedState};
use sd_daemon::engine::Engine;

use crate::support::{IMAGE, TestDaemon, id, send, with_timeout};

#[tokio::test]
async fn concurrent_starts_and_stops_all_succeed() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let requests = (0..50).map(|number| {
        let request = match number % 5 {
            0 | 1 => daemon
                .request(Method::PATCH, &container.uri)
                .form(&[("status", "stopped")]),
            2 | 3 => daemon
                .request(Method::PATCH, &container.uri)
                .form(&[("status", "running")]),
            _ => daemon.request(Method::GET, "/v1/containers?audit=true"),
        };
        send(request)
    });
    let responses = with_timeout(join_all(requests)).await;
    assert!(
        responses.iter().all(|response| response.status == 200),
        "{responses:?}"
    );
    let seen = daemon
        .until(&container, |seen| {
            matches!(seen.status, Status::Running | Status::Stopped)
        })
        .await;
    let engine = daemon.engine.inspect(id(&container)).await.unwrap().unwrap();
    match engine.state {
        ObservedState::Live {
            state: LiveState::Running,
            endpoints,
            ..
        } => {
            assert_eq!((seen.status, seen.ssh_port), (Status::Running, endpoints.ssh()));
        }
        _ => assert_eq!((seen.status, seen.ports.len()), (Status::Stopped, 0)),
    }
}

#[tokio::test]
async fn removal_wins_over_concurrent_requests() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let requests = (0..50).map(|number| {
        let request = match number % 5 {
            0 => daemon
                .request(Method::PATCH, &container.uri)
                .form(&[("status", "stopped")]),
            1 => daemon
                .request(Method::PATCH, &container.uri)
                .form(&[("status", "running")]),
            2 => daemon
                .request(Method::PATCH, &container.uri)
                .form(&[("idle_timeout", "1h")]),
            3 => daemon.request(Method::GET, "/v1/containers?audit=true"),
            _ => daemon.request(Method::DELETE, &container.uri),
        };
        send(request)
    });
    let responses = with_timeout(join_all(requests)).await;
    let statuses: Vec<_> = responses.iter().map(|response| response.status).collect();
    assert!(
        statuses
            .iter()
            .all(|status| [200, 204, 404, 409].contains(status)),
        "{responses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 204).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        send(daemon.request(Method::GET, &container.uri)).await.status,
        404
    );
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn concurrent_creates_with_one_name_make_one_container() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        name: Some("hungry_bell".to_owned()),
        ..CreateContainer::of_image(IMAGE)
    };
    let created = with_timeout(join_all((0..20).map(|_| daemon.client.create(&wanted)))).await;
    let refused: Vec<_> = created
        .iter()
        .filter_map(|created| created.as_ref().err())
        .collect();
    assert_eq!(refused.len(), 19);
    assert!(
        refused
            .iter()
            .all(|error| error.problem().unwrap().suffix() == "name-in-use"),
        "{refused:?}"
    );
    assert_eq!(daemon.engine.containers().len(), 1);
}

#[tokio::test]
async fn concurrent_creates_and_removals_leave_acknowledged_state() {
    let daemon = TestDaemon::start();
    let lives = (0..30).map(|number| {
        let daemon = &daemon;
        async move {
            let container = daemon.create().await;
            if number % 2 == 0 {
                let response = send(daemon.request(Method::DELETE, &container.uri)).await;
                assert_eq!(response.status, 204);
            }
        }
    });
    with_timeout(join_all(lives)).await;
    let listed = daemon
        .client
        .containers(&ContainerQuery::default())
        .await
        .unwrap();
    let mut listed: Vec<_> = listed.iter().map(id).collect();
    listed.sort_unstable();
    assert_eq!((listed.len(), listed), (15, daemon.engine.containers()));
    assert_eq!(daemon.open_creations(), []);
}
