//! Clients that disconnect during a create.

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::Method;
use sd_client::api::{ContainerQuery, Status};
use sd_daemon::engine::fake::{Action, Point};

use crate::support::{IMAGE, TestDaemon, id, send, with_timeout};

const WAVES: usize = 13;
/// Half of the create permits: creates of the previous wave may still hold theirs.
const CLIENTS: usize = 16;

/// The progress of each create when its client disconnects.
const POINTS: [Point; 4] = [
    Point::Before(Action::Create),
    Point::After(Action::Create),
    Point::Before(Action::Start),
    Point::After(Action::Start),
];

#[tokio::test]
async fn creates_complete_after_their_clients_disconnect() {
    let daemon = TestDaemon::start();
    for wave in 0..WAVES {
        let hold = daemon.engine.hold(POINTS[wave % POINTS.len()]);
        let requests = (0..CLIENTS).map(|client| {
            let source = IpAddr::from([127, 0, 2, u8::try_from(client).unwrap() + 1]);
            let request = daemon.request_from(source, Method::POST, "/v1/containers");
            send(request.form(&[("image", IMAGE)]))
        });
        let mut responses: FuturesUnordered<_> = requests.collect();
        // Every create is recorded: some are at the engine, the others wait for a permit.
        tokio::select! {
            early = responses.next() => panic!("a held create was answered: {early:?}"),
            () = daemon.until_registry(|snapshot| {
                snapshot.creations().count() + snapshot.records().count() == (wave + 1) * CLIENTS
            }) => {}
        }
        with_timeout(hold.reached()).await;
        drop(responses);
        hold.release();
        daemon
            .until_registry(|snapshot| {
                let running = snapshot.records().filter(|record| !record.addresses().is_empty());
                running.count() == (wave + 1) * CLIENTS
            })
            .await;
    }
    assert_eq!(daemon.open_creations(), []);
    let listed = daemon
        .client
        .containers(&ContainerQuery::default())
        .await
        .unwrap();
    assert!(listed.iter().all(|container| container.status == Status::Running));
    let listed: BTreeSet<_> = listed.iter().map(id).collect();
    assert_eq!(listed.len(), WAVES * CLIENTS);
    assert_eq!(listed, daemon.engine.containers().into_iter().collect());
    assert_eq!(daemon.calls_of(Action::Create), WAVES * CLIENTS);
}
