//! `/v1/events`

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream, StreamExt};
use sd_client::api::route;
use sd_client::names::LAST_EVENT_ID_HEADER;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::RecordedEvent;
use crate::http::openapi;
use crate::http::problem::Problem;
use crate::service::{History, Service};
use crate::wire;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static(LAST_EVENT_ID_HEADER);
/// Interval of keep-alive comments, by which both ends detect a dead connection.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Events read from the history at a time.
const BATCH: usize = 256;
/// Open streams. A quarter of the connections of the listener, so that abandoned streams cannot exhaust it.
const MAX_STREAMS: usize = 128;

/// The permits of the event streams, and the signal that ends them.
#[derive(Clone)]
pub(in crate::http) struct EventStreams {
    permits: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl EventStreams {
    pub(in crate::http) fn new(shutdown: CancellationToken) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MAX_STREAMS)),
            shutdown,
        }
    }
}

/// Stream the events of all containers.
///
/// Server-sent events. Each has an `id`, an `event` and, as `data`, an `Event` as JSON. The first one has an `id` only,
/// from which a client can resume. The stream ends when the daemon shuts down.
#[utoipa::path(
    get,
    path = route::EVENTS,
    tag = "activity",
    operation_id = "streamEvents",
    params(openapi::LastEventId),
    responses(openapi::EventStream, openapi::CommonProblems, openapi::InvalidValue),
)]
pub(in crate::http) async fn stream_events(
    State(service): State<Service>,
    Extension(streams): Extension<EventStreams>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let history = service.history().clone();
    let latest = history.follow();
    let newest = *latest.borrow();
    let last_id = match headers.get(LAST_EVENT_ID) {
        Some(id) => id
            .to_str()
            .ok()
            .and_then(|id| id.trim().parse().ok())
            .ok_or_else(|| Problem::invalid("Last-Event-ID", "must be the id of an event, a whole number"))?,
        None => newest,
    };
    // An id above the newest one belongs to an earlier registry. All events of this one are new to the client.
    let last_id = if last_id > newest { 0 } else { last_id };
    let Ok(permit) = streams.permits.try_acquire_owned() else {
        return Err(Problem::limit_reached(format!(
            "all {MAX_STREAMS} event streams are in use: close unused ones"
        )));
    };
    let reader = HistoryReader {
        _permit: permit,
        history,
        latest,
        last_id,
        batch: VecDeque::new(),
        shutdown: streams.shutdown,
    };
    // A client that loses the connection before the first event resumes from this id.
    let first = Event::default().id(last_id.to_string());
    let events = stream::unfold(reader, |mut reader| async {
        let event = reader.next().await?;
        Some((Ok(sse_event(&event)), reader))
    });
    let events = stream::once(async { Ok(first) }).chain(events);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)))
}

/// Reads the history for one stream.
struct HistoryReader {
    /// Released when the stream ends.
    _permit: OwnedSemaphorePermit,
    history: History,
    latest: watch::Receiver<u64>,
    last_id: u64,
    batch: VecDeque<RecordedEvent>,
    shutdown: CancellationToken,
}

impl HistoryReader {
    /// Waits for the next event. Returns `None` when the daemon shuts down.
    async fn next(&mut self) -> Option<RecordedEvent> {
        loop {
            if let Some(event) = self.batch.pop_front() {
                self.last_id = event.id;
                return Some(event);
            }
            self.latest.mark_unchanged();
            self.batch.extend(self.history.after(self.last_id, BATCH));
            if !self.batch.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                changed = self.latest.changed() => changed.ok()?,
            }
        }
    }
}

fn sse_event(event: &RecordedEvent) -> Event {
    let body = wire::event(event);
    let frame = Event::default()
        .id(body.id.to_string())
        .event(body.event.to_string());
    // Strings and numbers always serialize to JSON.
    frame.json_data(body).unwrap_or_default()
}
