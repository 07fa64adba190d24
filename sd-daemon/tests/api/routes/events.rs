//! `GET /v1/events`: live events, resumed streams and limits.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use sd_client::api::{Event, EventKind, RemoveMode, Status};
use sd_client::{Error, EventStream};

use crate::support::{
    IDLE_TIMEOUT, TestDaemon, WARNING, assert_json, assert_lines, assert_response, id, redacted_text, send,
    with_timeout,
};

async fn next(stream: &mut EventStream) -> Event {
    with_timeout(stream.next()).await.unwrap().unwrap()
}

async fn take(stream: &mut EventStream, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(next(stream).await);
    }
    events
}

/// Kind and container name of each event.
fn kinds_and_names(events: &[Event]) -> Vec<String> {
    let lines = events
        .iter()
        .map(|event| format!("{} {}", event.event, event.name));
    lines.collect()
}

fn ids(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.id).collect()
}

/// Creates, stops and removes a container. Returns kind and name of the five events.
async fn create_and_remove(daemon: &TestDaemon, name: &str) -> [String; 5] {
    let container = daemon.create_named(name).await;
    daemon.client.stop(&container.container_id).await.unwrap();
    daemon.until_status(&container, Status::Stopped).await;
    let removal = daemon
        .client
        .remove(&container.container_id, RemoveMode::Graceful);
    removal.await.unwrap();
    ["created", "started", "stopping", "stopped", "removed"].map(|what| format!("{what} /{name}"))
}

#[tokio::test]
async fn stream_delivers_new_events_in_order() {
    let daemon = TestDaemon::start();
    create_and_remove(&daemon, "before").await;
    let mut stream = daemon.client.events(None).await.unwrap();
    let mut expected = Vec::new();
    for name in ["one", "two"] {
        expected.extend(create_and_remove(&daemon, name).await);
    }
    let events = take(&mut stream, 10).await;
    assert_eq!(kinds_and_names(&events), expected);
    assert!(ids(&events).is_sorted_by(|one, next| one < next), "{events:?}");
    assert_eq!(stream.last_id(), events.last().map(|event| event.id));
}

#[tokio::test]
async fn event_has_container_time_and_reason() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("hungry_bell").await;
    let mut stream = daemon.client.events(Some(0)).await.unwrap();
    let event = next(&mut stream).await;
    assert_eq!(event.container_id, container.container_id);
    assert_json!(event);
}

#[tokio::test]
async fn frames_follow_the_event_stream_format() {
    let daemon = TestDaemon::start();
    daemon.create_named("one").await;
    let request = daemon
        .request(Method::GET, "/v1/events")
        .header("last-event-id", "1");
    let mut response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    // The first frame repeats the id that the stream resumes from, for clients that are cut off before the first event.
    let mut frames = String::new();
    while frames.matches("\n\n").count() < 2 {
        let chunk = with_timeout(response.chunk()).await.unwrap().unwrap();
        frames.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert_lines!([redacted_text(&frames)]);
}

#[tokio::test]
async fn resumed_stream_has_no_gap_and_no_duplicate() {
    let daemon = TestDaemon::start();
    let mut stream = daemon.client.events(None).await.unwrap();
    let mut expected = create_and_remove(&daemon, "one").await.to_vec();
    let mut events = take(&mut stream, 3).await;
    let last_seen = stream.last_id();
    drop(stream);
    expected.extend(create_and_remove(&daemon, "two").await);
    let mut stream = daemon.client.events(last_seen).await.unwrap();
    expected.extend(create_and_remove(&daemon, "three").await);
    events.extend(take(&mut stream, 12).await);
    assert_eq!(kinds_and_names(&events), expected);
    assert_eq!(ids(&events), (1..=15).collect::<Vec<_>>());
}

/// The client has seen events of a registry that was replaced by a new one or by an older copy.
#[tokio::test]
async fn last_event_id_above_the_newest_replays_everything() {
    let daemon = TestDaemon::start();
    let expected = create_and_remove(&daemon, "one").await.to_vec();
    let mut stream = daemon.client.events(Some(u64::MAX)).await.unwrap();
    assert_eq!(
        kinds_and_names(&take(&mut stream, expected.len()).await),
        expected
    );
}

#[tokio::test]
async fn resumed_stream_spans_a_daemon_restart() {
    let daemon = TestDaemon::start();
    let mut stream = daemon.client.events(None).await.unwrap();
    let mut expected = create_and_remove(&daemon, "one").await.to_vec();
    let (kept, mut events) = (daemon.create_named("kept").await, take(&mut stream, 4).await);
    expected.extend(["created /kept", "started /kept"].map(str::to_owned));
    let killed = daemon.kill().await;
    killed.engine.stop_externally(id(&kept));
    let daemon = killed.restart().await;
    let last_seen = stream.last_id();
    // Events that were in flight when the daemon was killed may still arrive.
    while let Some(Ok(event)) = with_timeout(stream.next()).await {
        events.push(event);
    }
    let last_seen = last_seen.max(stream.last_id());
    daemon.until_status(&kept, Status::Stopped).await;
    expected.push("stopped /kept".to_owned());
    let mut stream = daemon.client.events(last_seen).await.unwrap();
    expected.extend(create_and_remove(&daemon, "two").await);
    let missing = expected.len() - events.len();
    events.extend(take(&mut stream, missing).await);
    assert_eq!(kinds_and_names(&events), expected);
    assert_eq!(ids(&events), (1..=13).collect::<Vec<_>>());
}

#[tokio::test]
async fn event_ids_continue_after_a_restart() {
    let daemon = TestDaemon::start();
    create_and_remove(&daemon, "one").await;
    let daemon = daemon.kill_and_restart().await;
    let mut stream = daemon.client.events(None).await.unwrap();
    daemon.create().await;
    assert_eq!(next(&mut stream).await.id, 6);
}

#[tokio::test]
async fn invalid_last_event_id_is_rejected() {
    let daemon = TestDaemon::start();
    let mut lines = Vec::new();
    for invalid in ["", "x", "-1", "1.5", "1 2", "99999999999999999999"] {
        let request = daemon.request(Method::GET, "/v1/events");
        let response = send(request.header("last-event-id", invalid)).await;
        lines.push(format!("{invalid:?} -> {}", response.problem()));
    }
    assert_lines!(lines);
    let anonymous = send(daemon.anonymous(Method::GET, "/v1/events")).await;
    assert_eq!(anonymous.kind(), "401 unauthorized");
}

#[tokio::test]
async fn idle_stop_is_announced_with_its_time() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("db").await;
    let mut stream = daemon.client.events(Some(2)).await.unwrap();
    daemon.clock.advance(IDLE_TIMEOUT.saturating_sub(WARNING));
    let warning = next(&mut stream).await;
    assert_eq!(warning.stops_at, container.stops_at);
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    daemon.clock.advance(WARNING);
    let mut events = vec![warning];
    events.extend(take(&mut stream, 2).await);
    assert_json!(events);
}

#[tokio::test]
async fn activity_after_a_warning_leads_to_a_new_warning() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("db").await;
    let mut stream = daemon.client.events(Some(2)).await.unwrap();
    let to_warning = IDLE_TIMEOUT.saturating_sub(WARNING);
    daemon.clock.advance(to_warning);
    assert_eq!(next(&mut stream).await.event, EventKind::IdleWarning);
    assert_eq!(daemon.check_in(&container, 1).await, 204);
    daemon.clock.advance(WARNING);
    daemon.until_probed(&container).await;
    daemon.clock.advance(to_warning.saturating_sub(WARNING));
    let again = next(&mut stream).await;
    assert_eq!(
        (again.event, again.stops_at),
        (EventKind::IdleWarning, daemon.get(&container).await.stops_at)
    );
    assert_eq!(daemon.get(&container).await.status, Status::Running);
}

#[tokio::test]
async fn shutdown_ends_the_stream() {
    let daemon = TestDaemon::start();
    let mut streams = [
        daemon.client.events(None).await.unwrap(),
        daemon.client.events(Some(0)).await.unwrap(),
    ];
    daemon.create().await;
    for stream in &mut streams {
        take(stream, 2).await;
    }
    daemon.shut_down();
    for stream in &mut streams {
        assert!(with_timeout(stream.next()).await.is_none());
    }
}

#[tokio::test]
async fn stream_limit_is_enforced() {
    const LIMIT: usize = 128;
    let daemon = TestDaemon::start();
    let mut streams = Vec::new();
    for _ in 0..LIMIT {
        streams.push(daemon.client.events(None).await.unwrap());
    }
    let request = daemon.request(Method::GET, "/v1/events");
    assert_response!(send(request).await);
    daemon.client.ready().await.unwrap();
    drop(streams.pop());
    let again = async {
        while daemon.client.events(None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    with_timeout(again).await;
}

#[tokio::test]
async fn fifty_streams_deliver_the_same_events() {
    let daemon = TestDaemon::start();
    let streams = (0..50).map(|_| daemon.client.events(None));
    let streams: Result<Vec<_>, Error> = join_all(streams).await.into_iter().collect();
    let mut expected = Vec::new();
    for number in 0..5 {
        expected.extend(create_and_remove(&daemon, &format!("c{number}")).await);
    }
    let delivered = join_all(
        streams
            .unwrap()
            .into_iter()
            .map(async |mut stream| take(&mut stream, 25).await),
    );
    for events in delivered.await {
        assert_eq!(kinds_and_names(&events), expected);
    }
    // The streams leave connections for other requests.
    let limited = daemon
        .client
        .clone()
        .with_response_timeout(Duration::from_secs(20));
    limited.ready().await.unwrap();
}
