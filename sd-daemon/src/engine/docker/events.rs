//! What happens at the engine, as a stream that never ends.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bollard::errors::Error;
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::time::Instant;

use super::{Connection, Network, policy};
use crate::domain::ContainerId;
use crate::engine::{EngineError, EngineEvent};

/// What may change a container. Everything else, such as the commands of a health check, would only
/// make noise, and is left out by the engine.
const ACTIONS: [&str; 9] = [
    "create", "start", "die", "stop", "kill", "pause", "unpause", "rename", "destroy",
];

/// The first pause before connecting again; it doubles up to [`LONGEST_PAUSE`]. There is no jitter: one
/// daemon waits for one engine.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Short, because a change behind our back is to be seen within five seconds of the engine's return.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A connection that lived this long was a good one: the next pause is short again.
const GOOD_CONNECTION: Duration = Duration::from_secs(10);
/// An engine that does not say what time it is within this long is not there.
const PATIENCE: Duration = Duration::from_secs(10);
/// A stream that tells nothing for this long is asked for anew: there may be nobody at its other end any more.
const SILENCE: Duration = Duration::from_secs(20);

type Messages = BoxStream<'static, Result<EventMessage, Error>>;

/// A point in time by the engine's own clock, in nanoseconds.
type EngineTime = u64;

struct Follower {
    connection: Arc<Connection>,
    network: Arc<Network>,
    instance: Arc<str>,
    signalled: Arc<Mutex<HashSet<ContainerId>>>,
    told: Option<Told>,
    pause: Duration,
    is_first: bool,
}

/// A stream of events, and how far it has told.
struct Told {
    messages: Messages,
    since: Instant,
    until: EngineTime,
    /// When the stream was asked for in the place of a silent one. What happened before that and is told only
    /// now, the silent one has kept.
    renewed: Option<EngineTime>,
}

/// Follows the containers of one registry.
pub(super) fn follow(
    connection: Arc<Connection>,
    network: Arc<Network>,
    instance: Arc<str>,
    signalled: Arc<Mutex<HashSet<ContainerId>>>,
) -> impl Stream<Item = EngineEvent> + Send + 'static {
    let follower = Follower {
        connection,
        network,
        instance,
        signalled,
        told: None,
        pause: Duration::ZERO,
        is_first: true,
    };
    stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await;
        Some((event, follower))
    })
}

impl Follower {
    async fn next(&mut self) -> EngineEvent {
        loop {
            let Some(told) = &mut self.told else {
                tokio::time::sleep(self.pause).await;
                if self.connect().await {
                    return EngineEvent::Resync;
                }
                continue;
            };
            match tokio::time::timeout(SILENCE, told.messages.next()).await {
                Ok(Some(Ok(message))) => {
                    let was_kept = told.note(&message);
                    if let Some(id) = container_of(&message) {
                        self.note_signal(id, message.action.as_deref());
                        return if was_kept {
                            EngineEvent::Resync
                        } else {
                            EngineEvent::Changed(id)
                        };
                    }
                }
                Ok(Some(Err(_)) | None) => self.lose(),
                Err(_) => self.renew().await,
            }
        }
    }

    /// Says whether there is a stream of events now.
    async fn connect(&mut self) -> bool {
        match ask_from_now_on(&self.connection, &self.network, &self.instance).await {
            Ok(told) => {
                self.is_first = false;
                // What was missed meanwhile may have ended the runs these were about.
                self.signalled
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clear();
                self.told = Some(told);
                true
            }
            Err(error) => {
                if std::mem::take(&mut self.is_first) {
                    tracing::warn!(%error, "waiting for the Docker engine");
                }
                self.lengthen_pause();
                false
            }
        }
    }

    /// Puts another stream in the place of one that has been silent. It goes on where that one ended, so that
    /// nothing is looked at when nothing has happened.
    async fn renew(&mut self) {
        let now = engine_time(&self.connection).await;
        let Some(told) = &mut self.told else { return };
        let asked = now.and_then(|now| {
            let after = told.until.saturating_add(1);
            Ok((now, ask(&self.connection, &self.instance, after)?))
        });
        match asked {
            Ok((now, messages)) => {
                told.messages = messages;
                told.renewed = Some(now);
            }
            Err(_) => self.lose(),
        }
    }

    fn lose(&mut self) {
        tracing::warn!("lost the connection to the Docker engine");
        let told = self.told.take();
        if told.is_some_and(|told| told.since.elapsed() >= GOOD_CONNECTION) {
            self.pause = Duration::ZERO;
        }
        self.lengthen_pause();
    }

    fn lengthen_pause(&mut self) {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
    }

    /// Remembers who was sent a signal, until the next run. This is all that is ever kept of an event,
    /// and decides nothing but the word for the reason of a stop.
    fn note_signal(&self, id: ContainerId, action: Option<&str>) {
        let mut signalled = self.signalled.lock().unwrap_or_else(PoisonError::into_inner);
        match action {
            Some("kill") => {
                signalled.insert(id);
            }
            Some("start" | "destroy") => {
                signalled.remove(&id);
            }
            _ => {}
        }
    }
}

/// The container a message is about. Its other attributes may come from an image's labels.
fn container_of(message: &EventMessage) -> Option<ContainerId> {
    message.actor.as_ref()?.id.as_ref()?.parse().ok()
}

impl Told {
    /// Notes how far has been told, and says whether the stream before this one should have told it. That one has
    /// then kept more than this one can tell: the engine remembers little of what has happened.
    fn note(&mut self, message: &EventMessage) -> bool {
        let time = message.time_nano.and_then(|time| EngineTime::try_from(time).ok());
        let Some(time) = time else { return false };
        let was_missed = self
            .renewed
            .is_some_and(|renewed| (self.until + 1..renewed).contains(&time));
        self.until = time;
        if was_missed {
            self.renewed = None;
        }
        was_missed
    }
}

/// Asks for events from this moment of the engine's own clock on: what happens before the request
/// itself arrives is told as well.
///
/// The network is looked at before the events are asked for: the engine skips a listener that does not read.
async fn ask_from_now_on(
    connection: &Connection,
    network: &Network,
    instance: &str,
) -> Result<Told, EngineError> {
    let now = engine_time(connection).await?;
    network.check().await;
    Ok(Told {
        messages: ask(connection, instance, now)?,
        since: Instant::now(),
        until: now,
        renewed: None,
    })
}

async fn engine_time(connection: &Connection) -> Result<EngineTime, EngineError> {
    let info = connection
        .call(PATIENCE, async |docker| docker.info().await)
        .await?;
    let time = info
        .system_time
        .as_deref()
        .and_then(|text| humantime::parse_rfc3339_weak(text).ok());
    let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(since_epoch
        .and_then(|span| EngineTime::try_from(span.as_nanos()).ok())
        .unwrap_or_default())
}

/// Asks for everything that happens from a point in time on.
fn ask(connection: &Connection, instance: &str, since: EngineTime) -> Result<Messages, EngineError> {
    const NANOS: EngineTime = 1_000_000_000;
    let filters = HashMap::from([
        ("type", vec!["container".to_owned()]),
        ("event", ACTIONS.map(str::to_owned).to_vec()),
        ("label", vec![policy::instance_label(instance)]),
    ]);
    let options = EventsOptionsBuilder::new()
        .since(&format!("{}.{:09}", since / NANOS, since % NANOS))
        .filters(&filters)
        .build();
    Ok(connection.docker()?.events(Some(options)).boxed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64) -> EventMessage {
        EventMessage {
            time_nano: Some(time),
            ..EventMessage::default()
        }
    }

    fn told(until: EngineTime, renewed: Option<EngineTime>) -> Told {
        Told {
            messages: stream::pending().boxed(),
            since: Instant::now(),
            until,
            renewed,
        }
    }

    #[test]
    fn what_a_silent_stream_has_kept_is_told_once_by_the_next_one() {
        let mut told = told(100, Some(200));
        assert!(told.note(&at(150)), "it happened while the silent one was asked");
        assert!(!told.note(&at(151)), "everything is looked at already");
    }

    #[test]
    fn what_happens_after_a_renewal_is_nothing_that_was_kept() {
        let mut told = told(100, Some(200));
        assert!(!told.note(&at(200)));
        assert!(!told.note(&EventMessage::default()), "an engine may not say when");
        assert_eq!(told.until, 200);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing() {
        let mut told = told(100, Some(200));
        assert!(!told.note(&at(50)));
        assert_eq!(told.until, 50);
    }
}
