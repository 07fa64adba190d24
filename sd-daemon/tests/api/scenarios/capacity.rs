//! Limits on containers, concurrent creates and memory.

use std::net::IpAddr;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::Method;
use sd_client::api::{ContainerQuery, CreateContainer, RemoveMode};
use sd_daemon::engine::fake::{Action, Call, Point};
use sd_daemon::service::Capacity;

use crate::support::{IMAGE, Response, Setup, TestDaemon, assert_response, id, send, with_timeout};

fn with_capacity(containers: u32, memory_bytes: Option<u64>) -> TestDaemon {
    TestDaemon::with_setup(Setup {
        capacity: Capacity {
            containers,
            memory_bytes,
        },
        ..Setup::default()
    })
}

async fn create(daemon: &TestDaemon, key: Option<&str>) -> Response {
    let mut request = daemon
        .request(Method::POST, "/v1/containers")
        .form(&[("image", IMAGE)]);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    send(request).await
}

#[tokio::test]
async fn max_containers_counts_running_and_stopped() {
    let daemon = with_capacity(2, None);
    let (stopped, running) = (daemon.create_stopped().await, create(&daemon, Some("key")).await);
    daemon.engine.clear_calls();
    let refused = create(&daemon, None).await;
    assert_response!(refused);
    assert_eq!(daemon.changes(), []);
    assert_eq!(daemon.open_creations(), []);
    // A repeated create makes no container.
    let repeated = create(&daemon, Some("key")).await;
    assert_eq!((repeated.status, repeated.body), (201, running.body));
    let removed = daemon
        .client
        .remove(&stopped.container_id, RemoveMode::Graceful)
        .await;
    removed.unwrap();
    daemon.create().await;
    assert_eq!(create(&daemon, None).await.kind(), "429 limit-reached");
}

#[tokio::test]
async fn concurrent_creates_respect_max_containers() {
    let daemon = with_capacity(10, None);
    let creates = (0..20).map(|_| create(&daemon, None));
    let responses = with_timeout(futures_util::future::join_all(creates)).await;
    let made = responses.iter().filter(|response| response.status == 201).count();
    let refused = responses.iter().filter(|response| response.status == 429).count();
    assert_eq!((made, refused, daemon.engine.containers().len()), (10, 10, 10));
}

#[tokio::test]
async fn containers_above_a_lowered_limit_are_kept() {
    let daemon = TestDaemon::start();
    let (stopped, running) = (daemon.create_stopped().await, daemon.create().await);
    let mut killed = daemon.kill().await;
    killed.setup.capacity.containers = 1;
    let daemon = killed.restart().await;
    assert_eq!(daemon.get(&running).await.container_id, running.container_id);
    daemon.client.start(&stopped.container_id).await.unwrap();
    assert_eq!(create(&daemon, None).await.kind(), "429 limit-reached");
}

/// Of 64 concurrent creates, some run, some wait for a permit, and the rest is refused without an engine call.
#[tokio::test]
async fn excess_creates_at_a_slow_engine_are_refused() {
    const SENT: usize = 64;
    const ACCEPTED: usize = 32;
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Create));
    let from = |number: usize| IpAddr::from([127, 0, 1, u8::try_from(number % 8).unwrap() + 1]);
    let requests = (0..SENT).map(|number| {
        let request = daemon.request_from(from(number), Method::POST, "/v1/containers");
        send(request.form(&[("image", IMAGE)]))
    });
    let mut responses: FuturesUnordered<_> = requests.collect();
    for _ in ACCEPTED..SENT {
        let refused = with_timeout(responses.next()).await.unwrap();
        assert_eq!(refused.kind(), "429 limit-reached");
        assert_eq!(refused.header("retry-after"), Some("5"));
    }
    // Refusals, reads and removals complete while the engine holds every create.
    let others = with_timeout(async {
        assert_eq!(create(&daemon, None).await.kind(), "429 limit-reached");
        let listed = daemon.client.containers(&ContainerQuery::default()).await;
        assert_eq!(listed.unwrap().len(), 1);
        let removed = daemon.client.remove(&container.container_id, RemoveMode::Force);
        removed.await.unwrap();
    });
    tokio::select! {
        () = others => {}
        early = responses.next() => panic!("a held create was answered: {early:?}"),
    }
    hold.release();
    let made: Vec<_> = with_timeout(responses.collect()).await;
    assert_eq!(made.len(), ACCEPTED);
    assert!(made.iter().all(|response| response.status == 201), "{made:?}");
    assert_eq!(daemon.engine.containers().len(), ACCEPTED);
    daemon.create().await;
}

#[tokio::test]
async fn container_memory_defaults_to_the_setting() {
    let daemon = with_capacity(10, Some(2 << 30));
    daemon.create().await;
    let small = CreateContainer {
        memory: Some("64m".parse().unwrap()),
        ..CreateContainer::of_image(IMAGE)
    };
    let large = CreateContainer {
        memory: Some("8g".parse().unwrap()),
        ..CreateContainer::of_image(IMAGE)
    };
    for wanted in [&small, &large] {
        id(&daemon.client.create(wanted).await.unwrap());
    }
    let memory = daemon.engine.calls().into_iter().filter_map(|call| match call {
        Call::Create(spec) => Some(spec.memory_bytes),
        _ => None,
    });
    assert_eq!(
        memory.collect::<Vec<_>>(),
        [Some(2 << 30), Some(64 << 20), Some(8 << 30)]
    );
}
