//! What happens at the engine, as a stream that never ends.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bollard::errors::Error;
use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use tokio::time::Instant;

use super::{Connection, Network, convert, policy};
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
/// As many of its last events the engine remembers, whatever they are about.
const REMEMBERED: usize = 256;

type Messages = BoxStream<'static, Result<EventMessage, Error>>;

/// A point in time by the engine's own clock, in nanoseconds.
type EngineTime = u64;

struct Follower {
    connection: Arc<Connection>,
    network: Arc<Network>,
    instance: Arc<str>,
    signalled: Arc<Mutex<HashSet<ContainerId>>>,
    told: Option<EventSubscription>,
    pause: Duration,
    is_first: bool,
}

/// A stream of events, and how far it has told.
struct EventSubscription {
    messages: Messages,
    since: Instant,
    until: EngineTime,
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
                    told.until = time_of(&message).unwrap_or(told.until);
                    if let Some(id) = container_of(&message) {
                        self.note_signal(id, message.action.as_deref());
                        return EngineEvent::Changed(id);
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

    /// Puts another stream in the place of one that has been silent. It tells first what that one has kept, so that
    /// nothing is looked at when nothing has happened.
    async fn renew(&mut self) {
        let Some(told) = &mut self.told else { return };
        match resume(&self.connection, &self.instance, told.until).await {
            Ok(Some((messages, until))) => {
                told.messages = messages;
                told.until = until;
            }
            Ok(None) => {
                tracing::debug!(
                    "no event concerned this daemon for a while, and the Docker engine has forgotten those before"
                );
                self.told = None;
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
    convert::container_id(message.actor.as_ref()?.id.as_deref()?)
}

/// When it happened.
fn time_of(message: &EventMessage) -> Option<EngineTime> {
    message.time_nano?.try_into().ok()
}

/// Whether a message is one that [`ask`] asks for.
fn is_asked_for(message: &EventMessage, instance: &str) -> bool {
    let is_change = message
        .action
        .as_deref()
        .is_some_and(|action| ACTIONS.contains(&action));
    let attributes = message.actor.as_ref().and_then(|actor| actor.attributes.as_ref());
    is_change
        && message.typ == Some(EventMessageTypeEnum::CONTAINER)
        && attributes
            .and_then(|attributes| attributes.get(policy::INSTANCE_LABEL))
            .is_some_and(|label| label == instance)
}

/// Asks for events from this moment of the engine's own clock on: what happens before the request
/// itself arrives is told as well.
///
/// The network is looked at before the events are asked for: the engine skips a listener that does not read.
async fn ask_from_now_on(
    connection: &Connection,
    network: &Network,
    instance: &str,
) -> Result<EventSubscription, EngineError> {
    let now = engine_time(connection).await?;
    network.check().await;
    Ok(EventSubscription {
        messages: ask(connection, instance, now)?,
        since: Instant::now(),
        until: now,
    })
}

/// Asks for what happened after a point in time up to now, and for what happens from now on. Says nothing when the
/// engine may have forgotten some of it.
///
/// A stream tells of our containers only, and so not how much the engine had to remember meanwhile: all that it
/// remembers is asked for. It forgets the oldest first, so that one from before shows that nothing is missing.
async fn resume(
    connection: &Connection,
    instance: &str,
    after: EngineTime,
) -> Result<Option<(Messages, EngineTime)>, EngineError> {
    let now = engine_time(connection).await?;
    let all = EventsOptionsBuilder::new()
        .since(&seconds(0))
        .until(&seconds(now))
        .build();
    let mut remembered: Vec<EventMessage> = connection
        .call(PATIENCE, async |docker| {
            docker
                .events(Some(all.clone()))
                .take(REMEMBERED)
                .try_collect()
                .await
        })
        .await?;
    // What happens while it is asked takes room as well, but is left out of the answer.
    let has_room = remembered.len() < REMEMBERED / 2;
    let is_new = |message: &EventMessage| time_of(message).is_none_or(|time| time > after);
    if !has_room && remembered.iter().all(is_new) {
        return Ok(None);
    }
    remembered.retain(|message| is_new(message) && is_asked_for(message, instance));
    let messages = stream::iter(remembered.into_iter().map(Ok)).chain(ask(connection, instance, now + 1)?);
    Ok(Some((messages.boxed(), now)))
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
    let filters = HashMap::from([
        ("type", vec!["container".to_owned()]),
        ("event", ACTIONS.map(str::to_owned).to_vec()),
        ("label", vec![policy::instance_label(instance)]),
    ]);
    let options = EventsOptionsBuilder::new()
        .since(&seconds(since))
        .filters(&filters)
        .build();
    Ok(connection.docker()?.events(Some(options)).boxed())
}

/// A point in time as the engine reads it.
fn seconds(time: EngineTime) -> String {
    const NANOS: EngineTime = 1_000_000_000;
    format!("{}.{:09}", time / NANOS, time % NANOS)
}

#[cfg(test)]
mod tests {
    use bollard::models::EventActor;

    use super::*;

    fn message(typ: EventMessageTypeEnum, action: &str, instance: &str) -> EventMessage {
        let label = (policy::INSTANCE_LABEL.to_owned(), instance.to_owned());
        let actor = EventActor {
            attributes: Some(HashMap::from([label])),
            ..EventActor::default()
        };
        EventMessage {
            typ: Some(typ),
            action: Some(action.to_owned()),
            actor: Some(actor),
            ..EventMessage::default()
        }
    }

    #[test]
    fn of_all_that_happened_the_changes_of_our_containers_are_told() {
        use EventMessageTypeEnum::{CONTAINER, NETWORK};
        assert!(is_asked_for(&message(CONTAINER, "die", "ours"), "ours"));
        assert!(!is_asked_for(&message(CONTAINER, "die", "theirs"), "ours"));
        assert!(!is_asked_for(
            &message(CONTAINER, "exec_start: true", "ours"),
            "ours"
        ));
        assert!(!is_asked_for(&message(NETWORK, "destroy", "ours"), "ours"));
        assert!(!is_asked_for(&EventMessage::default(), "ours"));
    }
}
