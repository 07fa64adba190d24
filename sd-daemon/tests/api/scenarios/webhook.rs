//! Webhook delivery: order, signatures, retries and restarts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use reqwest::Method;
use sd_client::api::{ContainerQuery, Event, EventKind};
use sd_daemon::server;
use sd_daemon::webhook::{Receiver, SigningKey};
use serde_json::json;
use sha2::Sha256;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::{Setup, TICK, TestDaemon, send, with_timeout};

/// The reaction of the receiver to a delivery.
#[derive(Clone, Copy)]
enum Reaction {
    Response(u16),
    Redirect,
    Never,
}

/// A received delivery.
#[derive(Debug)]
struct Post {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Post {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn id(&self) -> &str {
        self.header("webhook-id").unwrap()
    }

    fn seconds(&self) -> u64 {
        self.header("webhook-timestamp").unwrap().parse().unwrap()
    }

    fn event(&self) -> Event {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A webhook receiver.
struct TestReceiver {
    url: String,
    posts: mpsc::UnboundedReceiver<Post>,
    reactions: Arc<Mutex<Reactions>>,
    /// Serves until the receiver is dropped.
    _serving: JoinSet<()>,
}

/// The next reactions in order, and the reaction after those.
struct Reactions {
    next: VecDeque<Reaction>,
    otherwise: Reaction,
}

#[derive(Clone)]
struct Recorder {
    posts: mpsc::UnboundedSender<Post>,
    reactions: Arc<Mutex<Reactions>>,
}

impl TestReceiver {
    /// Starts a receiver that reacts in these ways, then accepts every delivery.
    async fn with_reactions(reactions: &[Reaction]) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/hook?of=test", listener.local_addr().unwrap());
        let (sender, posts) = mpsc::unbounded_channel();
        let reactions = Arc::new(Mutex::new(Reactions {
            next: reactions.iter().copied().collect(),
            otherwise: Reaction::Response(204),
        }));
        let recorder = Recorder {
            posts: sender,
            reactions: Arc::clone(&reactions),
        };
        let router = Router::new().fallback(record).with_state(recorder);
        let mut serving = JoinSet::new();
        serving.spawn(server::serve(listener, router, CancellationToken::new()));
        Self {
            url,
            posts,
            reactions,
            _serving: serving,
        }
    }

    fn react_with(&self, reaction: Reaction) {
        self.reactions.lock().otherwise = reaction;
    }

    /// Settings of a daemon that delivers to this receiver.
    fn setup(&self, secret: Option<&str>) -> Setup {
        Setup {
            webhook: Some(Receiver {
                url: self.url.parse().unwrap(),
                key: secret.map(|secret| SigningKey::parse(secret).unwrap()),
            }),
            ..Setup::default()
        }
    }

    async fn next(&mut self) -> Post {
        with_timeout(self.posts.recv()).await.unwrap()
    }

    /// Advances the clock until the next delivery arrives.
    async fn next_after_pause(&mut self, daemon: &TestDaemon) -> Post {
        let waiting = async {
            loop {
                if let Ok(post) = tokio::time::timeout(TICK, self.posts.recv()).await {
                    return post.unwrap();
                }
                daemon.clock.advance(Duration::from_secs(1));
            }
        };
        with_timeout(waiting).await
    }
}

async fn record(State(recorder): State<Recorder>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let reaction = {
        let mut reactions = recorder.reactions.lock();
        reactions.next.pop_front().unwrap_or(reactions.otherwise)
    };
    let path = uri.to_string();
    drop(recorder.posts.send(Post { path, headers, body }));
    match reaction {
        Reaction::Response(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reaction::Redirect => (StatusCode::PERMANENT_REDIRECT, [("location", "/elsewhere")]).into_response(),
        Reaction::Never => std::future::pending().await,
    }
}

#[tokio::test]
async fn events_are_posted_in_order() {
    let mut receiver = TestReceiver::with_reactions(&[]).await;
    let daemon = TestDaemon::with_setup(receiver.setup(None));
    let container = daemon.create_stopped().await;
    let expected = [
        EventKind::Created,
        EventKind::Started,
        EventKind::Stopping,
        EventKind::Stopped,
    ];
    let mut last_id = String::new();
    for (number, kind) in (1..).zip(expected) {
        let post = receiver.next().await;
        let event = post.event();
        assert_eq!((event.id, &event.event), (number, &kind));
        assert_eq!(event.container_id, container.container_id);
        assert_ne!(post.id(), last_id);
        assert!(post.id().ends_with(&format!("-{number}")), "{post:?}");
        assert_eq!(post.path, "/hook?of=test");
        assert_eq!(post.header("content-type"), Some("application/json"));
        let agent = concat!("sd-daemon/", env!("CARGO_PKG_VERSION"));
        assert_eq!(post.header("user-agent"), Some(agent));
        assert_eq!(post.seconds(), daemon_seconds(&daemon));
        last_id = post.id().to_owned();
    }
}

#[tokio::test]
async fn posts_are_signed_if_a_secret_is_set() {
    let key = b"thirty-two bytes that are random";
    let secret = format!("whsec_{}", STANDARD.encode(key));
    let mut receiver = TestReceiver::with_reactions(&[]).await;
    let daemon = TestDaemon::with_setup(receiver.setup(Some(&secret)));
    daemon.create().await;
    let post = receiver.next().await;
    let mut code = Hmac::<Sha256>::new_from_slice(key).unwrap();
    code.update(format!("{}.{}.", post.id(), post.seconds()).as_bytes());
    code.update(&post.body);
    let expected = format!("v1,{}", STANDARD.encode(code.finalize().into_bytes()));
    assert_eq!(post.header("webhook-signature"), Some(expected.as_str()));

    let mut receiver = TestReceiver::with_reactions(&[]).await;
    let daemon = TestDaemon::with_setup(receiver.setup(None));
    daemon.create().await;
    assert_eq!(receiver.next().await.header("webhook-signature"), None);
}

#[tokio::test]
async fn failed_delivery_is_retried_before_later_events() {
    let refused = [500, 404, 401, 429, 304].map(Reaction::Response);
    let mut receiver = TestReceiver::with_reactions(&refused).await;
    let daemon = TestDaemon::with_setup(receiver.setup(Some("hush")));
    daemon.create().await;
    let first = receiver.next().await;
    let mut last = first.seconds();
    for _ in refused {
        let again = receiver.next_after_pause(&daemon).await;
        assert_eq!((again.id(), &again.body), (first.id(), &first.body));
        assert!(
            again.seconds() > last,
            "the timestamp is that of the first attempt: {again:?}"
        );
        assert_ne!(
            again.header("webhook-signature"),
            first.header("webhook-signature")
        );
        last = again.seconds();
    }
    assert_eq!(receiver.next().await.event().event, EventKind::Started);
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let mut receiver = TestReceiver::with_reactions(&[Reaction::Redirect]).await;
    let daemon = TestDaemon::with_setup(receiver.setup(None));
    daemon.create().await;
    let first = receiver.next().await;
    let second = receiver.next_after_pause(&daemon).await;
    assert_eq!((second.path.as_str(), second.id()), ("/hook?of=test", first.id()));
}

#[tokio::test]
async fn delivery_answered_with_410_is_not_retried() {
    let mut receiver = TestReceiver::with_reactions(&[Reaction::Response(410)]).await;
    let daemon = TestDaemon::with_setup(receiver.setup(None));
    daemon.create().await;
    assert_eq!(receiver.next().await.event().event, EventKind::Created);
    assert_eq!(receiver.next().await.event().event, EventKind::Started);
}

#[tokio::test]
async fn unresponsive_receiver_blocks_nothing_and_is_retried() {
    let mut receiver = TestReceiver::with_reactions(&[Reaction::Never]).await;
    let daemon = TestDaemon::with_setup(receiver.setup(None));
    let container = daemon.create().await;
    let first = receiver.next().await;
    let started_at = first.seconds();
    // The delivery hangs while the API serves requests.
    let other = with_timeout(daemon.create_stopped()).await;
    with_timeout(daemon.client.stop(&container.container_id))
        .await
        .unwrap();
    let all = with_timeout(daemon.client.containers(&ContainerQuery::default())).await;
    assert_eq!(all.unwrap().len(), 2);
    let again = receiver.next_after_pause(&daemon).await;
    assert_eq!(again.id(), first.id());
    assert!(again.seconds() >= started_at + 10, "{again:?}");
    let mut last = again.event();
    while !(last.event == EventKind::Stopped && last.container_id == other.container_id) {
        let next = receiver.next().await.event();
        assert_eq!(next.id, last.id + 1);
        last = next;
    }
}

#[tokio::test]
async fn delivery_resumes_after_a_crash() {
    let mut receiver =
        TestReceiver::with_reactions(&[Reaction::Response(200), Reaction::Response(200)]).await;
    receiver.react_with(Reaction::Response(503));
    let daemon = TestDaemon::with_setup(receiver.setup(None));
    daemon.create_stopped().await;
    // The third delivery is attempted after the second is recorded.
    let third = loop {
        let post = receiver.next().await;
        if post.event().id == 3 {
            break post;
        }
    };
    let killed = daemon.kill().await;
    receiver.react_with(Reaction::Response(204));
    let daemon = killed.restart().await;
    let again = receiver.next().await;
    assert_eq!((again.id(), &again.body), (third.id(), &third.body));
    assert_eq!(receiver.next().await.event().event, EventKind::Stopped);
    daemon.create().await;
    assert_eq!(receiver.next().await.event().id, 5);
}

#[tokio::test]
async fn new_receiver_gets_events_from_its_first_start() {
    let daemon = TestDaemon::start();
    daemon.create_stopped().await;
    let mut receiver = TestReceiver::with_reactions(&[]).await;
    let mut killed = daemon.kill().await;
    killed.setup = receiver.setup(None);
    let daemon = killed.restart().await;
    let container = daemon.create().await;
    let event = receiver.next().await.event();
    assert_eq!(
        (&event.event, &event.container_id),
        (&EventKind::Created, &container.container_id)
    );
}

#[tokio::test]
async fn events_pruned_during_an_outage_are_skipped() {
    let mut receiver = TestReceiver::with_reactions(&[]).await;
    receiver.react_with(Reaction::Response(502));
    let daemon = TestDaemon::with_setup(receiver.setup(None));
    let container = daemon.create().await;
    assert_eq!(receiver.next().await.event().id, 1);
    // More events than the registry keeps for one container.
    for seconds in 0..120 {
        let request = daemon.request(Method::PATCH, &container.uri);
        let request = request.json(&json!({ "idle_timeout": 10_000 + seconds }));
        assert_eq!(send(request).await.status, 200);
    }
    receiver.react_with(Reaction::Response(204));
    let mut numbers = vec![receiver.next_after_pause(&daemon).await.event().id];
    while numbers.last() != Some(&122) {
        numbers.push(receiver.next().await.event().id);
    }
    numbers.retain(|number| *number > 1);
    assert_eq!(numbers, (23..=122).collect::<Vec<_>>());
}

fn daemon_seconds(daemon: &TestDaemon) -> u64 {
    use sd_daemon::clock::Clock;
    daemon.clock.now().as_millis() / 1000
}
