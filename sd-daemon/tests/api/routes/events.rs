//! `GET /v1/events`: what happens, as it happens, without loss and without repetition.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use sd_client::api::{Event, EventKind, RemoveMode, Status};
use sd_client::{Error, EventStream};

use crate::support::{Answer, IDLE_TIMEOUT, START_TEXT, TestDaemon, WARNING, id, in_time, kind};

async fn next(stream: &mut EventStream) -> Event {
    in_time(stream.next()).await.unwrap().unwrap()
}

async fn take(stream: &mut EventStream, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(next(stream).await);
    }
    events
}

/// What happened to whom.
fn words(events: &[Event]) -> Vec<String> {
    let words = events
        .iter()
        .map(|event| format!("{} {}", event.event, event.name));
    words.collect()
}

fn ids(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.id).collect()
}

/// A container is created, stopped and removed; which makes five events.
async fn come_and_go(daemon: &TestDaemon, name: &str) -> [String; 5] {
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
    come_and_go(&daemon, "before").await;
    let mut stream = daemon.client.events(None).await.unwrap();
    let mut expected = Vec::new();
    for name in ["one", "two"] {
        expected.extend(come_and_go(&daemon, name).await);
    }
    let events = take(&mut stream, 10).await;
    assert_eq!(words(&events), expected);
    assert!(ids(&events).is_sorted_by(|one, next| one < next), "{events:?}");
    assert_eq!(stream.last_id(), events.last().map(|event| event.id));
}

#[tokio::test]
async fn event_has_container_time_and_reason() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("hungry_bell").await;
    let mut stream = daemon.client.events(Some(0)).await.unwrap();
    let event = next(&mut stream).await;
    let expected = Event {
        id: 1,
        event: EventKind::Created,
        at: START_TEXT.parse().unwrap(),
        container_id: container.container_id,
        name: "/hungry_bell".to_owned(),
        image: "sd-postgres".to_owned(),
        why: "asked for over the API".to_owned(),
        stops_at: None,
    };
    assert_eq!(event, expected);
}

#[tokio::test]
async fn frames_follow_the_event_stream_format() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("one").await;
    let request = daemon
        .request(Method::GET, "/v1/events")
        .header("last-event-id", "1");
    let mut response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let data = format!(
        "{{\"id\":2,\"event\":\"started\",\"at\":\"{START_TEXT}\",\"container_id\":\"{}\",\"name\":\"/one\",\
         \"image\":\"sd-postgres\",\"why\":\"asked for over the API\",\"stops_at\":null}}",
        container.container_id
    );
    // Where it begins comes first, for those who are cut off before the first event.
    let expected = format!("id: 1\n\nid: 2\nevent: started\ndata: {data}\n\n");
    let mut frames = Vec::new();
    while frames.len() < expected.len() {
        frames.extend(in_time(response.chunk()).await.unwrap().unwrap());
    }
    assert_eq!(String::from_utf8(frames).unwrap(), expected);
}

#[tokio::test]
async fn resumed_stream_has_no_gap_and_no_duplicate() {
    let daemon = TestDaemon::start();
    let mut stream = daemon.client.events(None).await.unwrap();
    let mut expected = come_and_go(&daemon, "one").await.to_vec();
    let mut events = take(&mut stream, 3).await;
    let last_seen = stream.last_id();
    drop(stream);
    expected.extend(come_and_go(&daemon, "two").await);
    let mut stream = daemon.client.events(last_seen).await.unwrap();
    expected.extend(come_and_go(&daemon, "three").await);
    events.extend(take(&mut stream, 12).await);
    assert_eq!(words(&events), expected);
    assert_eq!(ids(&events), (1..=15).collect::<Vec<_>>());
}

/// The registry is another one than the event was told from: a new one, or an older copy.
#[tokio::test]
async fn last_event_id_from_the_future_replays_everything() {
    let daemon = TestDaemon::start();
    let expected = come_and_go(&daemon, "one").await.to_vec();
    let mut stream = daemon.client.events(Some(u64::MAX)).await.unwrap();
    assert_eq!(words(&take(&mut stream, expected.len()).await), expected);
}

#[tokio::test]
async fn resumed_stream_spans_a_daemon_restart() {
    let daemon = TestDaemon::start();
    let mut stream = daemon.client.events(None).await.unwrap();
    let mut expected = come_and_go(&daemon, "one").await.to_vec();
    let (kept, mut events) = (daemon.create_named("kept").await, take(&mut stream, 4).await);
    expected.extend(["created /kept", "started /kept"].map(str::to_owned));
    let killed = daemon.kill().await;
    killed.engine.stop_behind_back(id(&kept));
    let daemon = killed.restart().await;
    let last_seen = stream.last_id();
    // What was on its way when it was killed may still come, or the end of the connection.
    while let Some(Ok(event)) = in_time(stream.next()).await {
        events.push(event);
    }
    let last_seen = last_seen.max(stream.last_id());
    daemon.until_status(&kept, Status::Stopped).await;
    expected.push("stopped /kept".to_owned());
    let mut stream = daemon.client.events(last_seen).await.unwrap();
    expected.extend(come_and_go(&daemon, "two").await);
    let missing = expected.len() - events.len();
    events.extend(take(&mut stream, missing).await);
    assert_eq!(words(&events), expected);
    assert_eq!(ids(&events), (1..=13).collect::<Vec<_>>());
}

#[tokio::test]
async fn event_ids_continue_after_a_restart() {
    let daemon = TestDaemon::start();
    come_and_go(&daemon, "one").await;
    let daemon = daemon.kill_and_restart().await;
    let mut stream = daemon.client.events(None).await.unwrap();
    daemon.create().await;
    assert_eq!(next(&mut stream).await.id, 6);
}

#[tokio::test]
async fn invalid_last_event_id_is_rejected() {
    let daemon = TestDaemon::start();
    for wrong in ["", "x", "-1", "1.5", "1 2", "99999999999999999999"] {
        let request = daemon.request(Method::GET, "/v1/events");
        let answer = Answer::to(request.header("last-event-id", wrong)).await;
        let (status, suffix, detail) = answer.problem();
        assert_eq!((status, suffix.as_str()), (422, "malformed-request"), "{wrong:?}");
        assert_eq!(
            detail,
            "Last-Event-ID: must be the id of an event, a whole number"
        );
    }
    let anonymous = Answer::to(daemon.anonymous(Method::GET, "/v1/events")).await;
    assert_eq!(anonymous.kind(), kind(401, "unauthorized"));
}

#[tokio::test]
async fn idle_stop_is_announced_with_its_time() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("db").await;
    let mut stream = daemon.client.events(Some(2)).await.unwrap();
    daemon.clock.advance(IDLE_TIMEOUT.saturating_sub(WARNING));
    let warning = next(&mut stream).await;
    assert_eq!(
        (&warning.event, warning.stops_at),
        (&EventKind::IdleWarning, container.stops_at)
    );
    assert_eq!(
        warning.why,
        "will be stopped in 5m: not used for 2h 25m, and its idle timeout is 2h 30m (the daemon's default); \
         the last use was its start"
    );
    assert_eq!(daemon.look(&container).await.status, Status::Running);
    daemon.clock.advance(WARNING);
    let stop = take(&mut stream, 2).await;
    assert_eq!(words(&stop), ["stopping /db", "stopped /db"]);
    assert_eq!(
        stop[0].why,
        "not used for 2h 30m, and its idle timeout is 2h 30m (the daemon's default); the last use was its start"
    );
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
    daemon.until_looked_at(&container).await;
    daemon.clock.advance(to_warning.saturating_sub(WARNING));
    let again = next(&mut stream).await;
    assert_eq!(
        (again.event, again.stops_at),
        (EventKind::IdleWarning, daemon.look(&container).await.stops_at)
    );
    assert_eq!(daemon.look(&container).await.status, Status::Running);
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
        assert!(in_time(stream.next()).await.is_none());
    }
}

#[tokio::test]
async fn stream_limit_is_enforced() {
    const MOST: usize = 128;
    let daemon = TestDaemon::start();
    let mut streams = Vec::new();
    for _ in 0..MOST {
        streams.push(daemon.client.events(None).await.unwrap());
    }
    let request = daemon.request(Method::GET, "/v1/events");
    let refused = Answer::to(request).await;
    assert_eq!(refused.kind(), kind(429, "limit-reached"));
    assert_eq!(refused.header("retry-after"), Some("5"));
    daemon.client.ready().await.unwrap();
    drop(streams.pop());
    let again = async {
        while daemon.client.events(None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    in_time(again).await;
}

#[tokio::test]
async fn fifty_streams_deliver_the_same_events() {
    let daemon = TestDaemon::start();
    let streams = (0..50).map(|_| daemon.client.events(None));
    let streams: Result<Vec<_>, Error> = join_all(streams).await.into_iter().collect();
    let mut expected = Vec::new();
    for number in 0..5 {
        expected.extend(come_and_go(&daemon, &format!("c{number}")).await);
    }
    let heard = join_all(
        streams
            .unwrap()
            .into_iter()
            .map(async |mut stream| take(&mut stream, 25).await),
    );
    for events in heard.await {
        assert_eq!(words(&events), expected);
    }
    // They keep nobody else from being served.
    let limited = daemon
        .client
        .clone()
        .with_response_timeout(Duration::from_secs(20));
    limited.ready().await.unwrap();
}
