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
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::domain;
use crate::http::problem::Problem;
use crate::service::{History, Service};
use crate::wire;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A line that says nothing is sent this often, so that both ends notice when the other has gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that are taken from the history at once.
const BATCH: usize = 256;

/// Streams at once: a quarter of the connections that the API takes on, so that whoever forgets to end theirs keeps nobody
/// else out.
const STREAMS: usize = 128;

/// Every stream there is.
#[derive(Clone)]
pub(in crate::http) struct Streams {
    places: Arc<Semaphore>,
    /// Ends them.
    end: CancellationToken,
}

impl Streams {
    /// Streams that end at `end`.
    pub(in crate::http) fn until(end: CancellationToken) -> Self {
        Self {
            places: Arc::new(Semaphore::new(STREAMS)),
            end,
        }
    }
}

/// What happens to containers, as it happens; after the event that `Last-Event-ID` names, where that is given.
pub(in crate::http) async fn follow(
    State(service): State<Service>,
    Extension(streams): Extension<Streams>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let history = service.history().clone();
    let latest = history.follow();
    let newest = *latest.borrow();
    let from = match headers.get(LAST_EVENT_ID) {
        Some(id) => id
            .to_str()
            .ok()
            .and_then(|id| id.trim().parse().ok())
            .ok_or_else(|| Problem::invalid("Last-Event-ID", "must be the id of an event, a whole number"))?,
        None => newest,
    };
    // What has not happened yet was not seen here: the registry is another one, and all that it tells is new.
    let from = if from > newest { 0 } else { from };
    let Ok(place) = streams.places.try_acquire_owned() else {
        return Err(Problem::limit_reached(format!(
            "{STREAMS} streams of events are open, as many as there may be: end those that nobody reads"
        )));
    };
    let listener = Listener {
        _place: place,
        history,
        latest,
        last: from,
        waiting: VecDeque::new(),
        end: streams.end,
    };
    // Whoever loses the connection before the first event can resume as well.
    let beginning = Event::default().id(from.to_string());
    let events = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok(frame(&event)), listener))
    });
    let events = stream::once(async { Ok(beginning) }).chain(events);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Somebody who listens.
struct Listener {
    /// Free for somebody else when the stream ends.
    _place: OwnedSemaphorePermit,
    history: History,
    latest: watch::Receiver<u64>,
    last: u64,
    waiting: VecDeque<domain::RecordedEvent>,
    end: CancellationToken,
}

impl Listener {
    /// The next event; nothing when the daemon ends.
    async fn next(&mut self) -> Option<domain::RecordedEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.last = event.id;
                return Some(event);
            }
            self.latest.mark_unchanged();
            self.waiting.extend(self.history.after(self.last, BATCH));
            if !self.waiting.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.end.cancelled() => return None,
                changed = self.latest.changed() => changed.ok()?,
            }
        }
    }
}

fn frame(event: &domain::RecordedEvent) -> Event {
    let body = wire::event(event);
    let frame = Event::default()
        .id(body.id.to_string())
        .event(body.event.to_string());
    // Words and numbers can always be written as JSON.
    frame.json_data(body).unwrap_or_default()
}
