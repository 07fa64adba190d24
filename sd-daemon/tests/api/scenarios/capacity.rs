//! How much the daemon takes on, and what it says when that is reached.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::Method;
use sd_client::api::{ContainerQuery, CreateContainer, RemoveMode};
use sd_daemon::engine::fake::{Action, Call, Point};
use sd_daemon::service::Capacity;

use crate::support::{Answer, IMAGE, Setup, TestDaemon, id, in_time, kind};

fn with_capacity(containers: u32, memory_bytes: Option<u64>) -> TestDaemon {
    TestDaemon::with_setup(Setup {
        capacity: Capacity {
            containers,
            memory_bytes,
        },
        ..Setup::default()
    })
}

async fn create(daemon: &TestDaemon, key: Option<&str>) -> Answer {
    let mut request = daemon
        .request(Method::POST, "/v1/containers")
        .form(&[("image", IMAGE)]);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    Answer::to(request).await
}

#[tokio::test]
async fn max_containers_counts_running_and_stopped() {
    let daemon = with_capacity(2, None);
    let (stopped, running) = (daemon.create_stopped().await, create(&daemon, Some("key")).await);
    daemon.engine.forget_calls();
    let refused = create(&daemon, None).await;
    let (status, suffix, detail) = refused.problem();
    assert_eq!((status, suffix.as_str()), (429, "limit-reached"));
    assert_eq!(
        detail,
        "there are 2 containers, the maximum set by max_containers: remove one first"
    );
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(daemon.changes(), []);
    assert_eq!(daemon.open_creations(), []);
    // A repetition is not one more.
    let repeated = create(&daemon, Some("key")).await;
    assert_eq!((repeated.status, repeated.body), (201, running.body));
    let removed = daemon
        .client
        .remove(&stopped.container_id, RemoveMode::Graceful)
        .await;
    removed.unwrap();
    daemon.create().await;
    assert_eq!(create(&daemon, None).await.kind(), kind(429, "limit-reached"));
}

#[tokio::test]
async fn concurrent_creates_respect_max_containers() {
    let daemon = with_capacity(10, None);
    let creates = (0..20).map(|_| create(&daemon, None));
    let answers = in_time(futures_util::future::join_all(creates)).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((made, refused, daemon.engine.containers().len()), (10, 10, 10));
}

#[tokio::test]
async fn containers_above_a_lowered_limit_are_kept() {
    let daemon = TestDaemon::start();
    let (stopped, running) = (daemon.create_stopped().await, daemon.create().await);
    let mut killed = daemon.kill().await;
    killed.setup.capacity.containers = 1;
    let daemon = killed.restart().await;
    assert_eq!(daemon.look(&running).await.container_id, running.container_id);
    daemon.client.start(&stopped.container_id).await.unwrap();
    assert_eq!(create(&daemon, None).await.kind(), kind(429, "limit-reached"));
}

/// How long a refusal and a list take, the best of ten each.
async fn quickest(daemon: &TestDaemon) -> [Duration; 2] {
    let mut best = [Duration::MAX; 2];
    for _ in 0..10 {
        let begin = Instant::now();
        assert_eq!(create(daemon, None).await.kind(), kind(429, "limit-reached"));
        let refused = begin.elapsed();
        let listed = daemon.client.containers(&ContainerQuery::default()).await;
        assert_eq!(listed.unwrap().len(), 1);
        let listed = begin.elapsed().saturating_sub(refused);
        best = [best[0].min(refused), best[1].min(listed)];
    }
    best
}

/// 64 at once: some are worked on, some wait for their turn, and the rest is sent away before anything is done.
#[tokio::test]
async fn excess_creates_at_a_slow_engine_are_refused() {
    const SENT: usize = 64;
    const TAKEN: usize = 32;
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Create));
    let from = |number: usize| IpAddr::from([127, 0, 1, u8::try_from(number % 8).unwrap() + 1]);
    let requests = (0..SENT).map(|number| {
        let request = daemon.request_from(from(number), Method::POST, "/v1/containers");
        Answer::to(request.form(&[("image", IMAGE)]))
    });
    let mut answers: FuturesUnordered<_> = requests.collect();
    for _ in TAKEN..SENT {
        let refused = in_time(answers.next()).await.unwrap();
        assert_eq!(refused.kind(), kind(429, "limit-reached"));
        assert_eq!(refused.header("retry-after"), Some("5"));
    }
    // Whoever only reads notices nothing, and neither does whoever stops something.
    let best = tokio::select! {
        best = quickest(&daemon) => best,
        early = answers.next() => panic!("the engine has made nothing yet: {early:?}"),
    };
    assert!(best.iter().all(|best| *best < Duration::from_secs(1)), "{best:?}");
    let reads = tokio::time::timeout(Duration::from_secs(20), async {
        let listed = daemon.client.containers(&ContainerQuery::default()).await;
        assert_eq!(listed.unwrap().len(), 1);
        daemon
            .client
            .remove(&container.container_id, RemoveMode::Force)
            .await
            .unwrap();
    });
    tokio::select! {
        done = reads => done.expect("they do not wait for creates"),
        early = answers.next() => panic!("the engine has made nothing yet: {early:?}"),
    }
    hold.release();
    let made: Vec<_> = in_time(answers.collect()).await;
    assert_eq!(made.len(), TAKEN);
    assert!(made.iter().all(|answer| answer.status == 201), "{made:?}");
    assert_eq!(daemon.engine.containers().len(), TAKEN);
    daemon.create().await;
}

#[tokio::test]
async fn container_memory_defaults_to_the_setting() {
    let daemon = with_capacity(10, Some(2 << 30));
    daemon.create().await;
    let modest = CreateContainer {
        memory: Some("64m".parse().unwrap()),
        ..CreateContainer::of_image(IMAGE)
    };
    let greedy = CreateContainer {
        memory: Some("8g".parse().unwrap()),
        ..CreateContainer::of_image(IMAGE)
    };
    for wanted in [&modest, &greedy] {
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
