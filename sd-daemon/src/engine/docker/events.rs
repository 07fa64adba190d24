//! Container events as a stream that never ends.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bollard::errors::Error;
use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::connection::Connection;
use super::network::Network;
use super::{convert, policy};
use crate::backoff::{Backoff, Delays};
use crate::domain::ContainerId;
use crate::engine::{EngineError, EngineEvent, labels};

/// The actions that can change a container. The engine filters out all others, such as the commands of health checks.
const ACTIONS: [&str; 9] = [
    "create", "start", "die", "stop", "kill", "pause", "unpause", "rename", "destroy",
];

/// The delays before reconnections. The longest is short, so that external changes are seen within five seconds of the
/// engine's return. There is no jitter: one daemon waits for one engine.
const RECONNECT: Backoff = Backoff::exact(Duration::from_millis(100), Duration::from_secs(2));
/// A connection that lasted this long resets the delay.
const STABLE_CONNECTION: Duration = Duration::from_secs(10);
/// The limit for reading the engine's time and its stored events.
const LIMIT: Duration = Duration::from_secs(10);
/// A stream without events for this long is requested again: the connection may be half-open.
const MAX_SILENCE: Duration = Duration::from_secs(20);
/// The number of past events that the engine stores, of any kind.
const REMEMBERED: usize = 256;

type Messages = BoxStream<'static, Result<EventMessage, Error>>;

/// A time by the engine's own clock, in nanoseconds.
type EngineTime = u64;

struct Follower {
    connection: Arc<Connection>,
    network: Arc<Network>,
    instance: Arc<str>,
    signalled: Arc<Mutex<HashSet<ContainerId>>>,
    subscription: Option<EventSubscription>,
    delays: Delays,
    /// How long to wait before the next connection attempt.
    delay: Duration,
    is_first: bool,
}

/// A stream of events and the time of its last event.
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
        subscription: None,
        delays: RECONNECT.delays(),
        delay: Duration::ZERO,
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
            let Some(subscription) = &mut self.subscription else {
                tokio::time::sleep(self.delay).await;
                if self.connect().await {
                    return EngineEvent::Resync;
                }
                continue;
            };
            match tokio::time::timeout(MAX_SILENCE, subscription.messages.next()).await {
                Ok(Some(Ok(message))) => {
                    subscription.until = time_of(&message).unwrap_or(subscription.until);
                    if let Some(id) = container_of(&message) {
                        self.record_signal(id, message.action.as_deref());
                        return EngineEvent::Changed(id);
                    }
                }
                Ok(Some(Err(_)) | None) => self.disconnect(),
                Err(_) => self.renew().await,
            }
        }
    }

    /// Subscribes to events. Returns whether that succeeded.
    async fn connect(&mut self) -> bool {
        match subscribe(&self.connection, &self.network, &self.instance).await {
            Ok(subscription) => {
                self.is_first = false;
                // The runs that these signals were sent to may have ended meanwhile.
                self.signalled.lock().clear();
                self.subscription = Some(subscription);
                true
            }
            Err(error) => {
                if std::mem::take(&mut self.is_first) {
                    tracing::warn!(%error, "waiting for the container engine");
                }
                self.delay = self.delays.next_delay();
                false
            }
        }
    }

    /// Replaces a silent stream. The new stream begins with the events that the old one did not deliver, so that no
    /// inspection is needed if nothing happened.
    async fn renew(&mut self) {
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        match resume(&self.connection, &self.instance, subscription.until).await {
            Ok(Some((messages, until))) => {
                subscription.messages = messages;
                subscription.until = until;
            }
            Ok(None) => {
                tracing::debug!(
                    "the engine has deleted events since the last one; inspecting all containers"
                );
                self.subscription = None;
            }
            Err(_) => self.disconnect(),
        }
    }

    fn disconnect(&mut self) {
        tracing::warn!("lost the connection to the container engine; reconnecting");
        let subscription = self.subscription.take();
        if subscription.is_some_and(|subscription| subscription.since.elapsed() >= STABLE_CONNECTION) {
            self.delays = RECONNECT.delays();
        }
        self.delay = self.delays.next_delay();
    }

    /// Records that a container received a signal, until its next run. This is the only state that an event carries,
    /// and it affects only the reported reason of a stop.
    fn record_signal(&self, id: ContainerId, action: Option<&str>) {
        let mut signalled = self.signalled.lock();
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

/// The container of an event. The other attributes may come from labels of an image.
fn container_of(message: &EventMessage) -> Option<ContainerId> {
    convert::container_id(message.actor.as_ref()?.id.as_deref()?)
}

/// The time of an event.
fn time_of(message: &EventMessage) -> Option<EngineTime> {
    message.time_nano?.try_into().ok()
}

/// Whether an event matches the filter of [`request`].
fn is_relevant(message: &EventMessage, instance: &str) -> bool {
    let is_change = message
        .action
        .as_deref()
        .is_some_and(|action| ACTIONS.contains(&action));
    let attributes = message.actor.as_ref().and_then(|actor| actor.attributes.as_ref());
    is_change
        && message.typ == Some(EventMessageTypeEnum::CONTAINER)
        && attributes
            .and_then(|attributes| attributes.get(labels::INSTANCE))
            .is_some_and(|label| label == instance)
}

/// Requests events from now on by the engine's clock, including those before the request itself arrives.
///
/// The network is checked first: the engine skips a subscriber that does not read.
async fn subscribe(
    connection: &Connection,
    network: &Network,
    instance: &str,
) -> Result<EventSubscription, EngineError> {
    let now = engine_time(connection).await?;
    network.check().await;
    Ok(EventSubscription {
        messages: request(connection, instance, now)?,
        since: Instant::now(),
        until: now,
    })
}

/// Requests the events after a time and those from now on. Returns `None` if the engine may have deleted some.
///
/// The engine stores a fixed number of events of any kind and deletes the oldest first. All stored events are
/// requested: if one of them is not newer than the time, none is missing.
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
        .call(LIMIT, async |docker| {
            docker
                .events(Some(all.clone()))
                .take(REMEMBERED)
                .try_collect()
                .await
        })
        .await?;
    // Events that occur during the request use the engine's storage too, but are not part of the response.
    let has_room = remembered.len() < REMEMBERED / 2;
    let is_new = |message: &EventMessage| time_of(message).is_none_or(|time| time > after);
    if !has_room && remembered.iter().all(is_new) {
        return Ok(None);
    }
    remembered.retain(|message| is_new(message) && is_relevant(message, instance));
    let messages =
        stream::iter(remembered.into_iter().map(Ok)).chain(request(connection, instance, now + 1)?);
    Ok(Some((messages.boxed(), now)))
}

async fn engine_time(connection: &Connection) -> Result<EngineTime, EngineError> {
    let info = connection.call(LIMIT, async |docker| docker.info().await).await?;
    let time = info
        .system_time
        .as_deref()
        .and_then(|text| humantime::parse_rfc3339_weak(text).ok());
    let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(since_epoch
        .and_then(|span| EngineTime::try_from(span.as_nanos()).ok())
        .unwrap_or_default())
}

/// Requests the events of this registry's containers from a time on.
fn request(connection: &Connection, instance: &str, since: EngineTime) -> Result<Messages, EngineError> {
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

/// A time in the engine's format.
fn seconds(time: EngineTime) -> String {
    const NANOS: EngineTime = 1_000_000_000;
    format!("{}.{:09}", time / NANOS, time % NANOS)
}

#[cfg(test)]
mod tests {
    use bollard::models::EventActor;

    use super::*;

    fn message(typ: EventMessageTypeEnum, action: &str, instance: &str) -> EventMessage {
        let label = (labels::INSTANCE.to_owned(), instance.to_owned());
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
    fn only_changes_of_this_registry_are_relevant() {
        use EventMessageTypeEnum::{CONTAINER, NETWORK};
        assert!(is_relevant(&message(CONTAINER, "die", "ours"), "ours"));
        assert!(!is_relevant(&message(CONTAINER, "die", "theirs"), "ours"));
        assert!(!is_relevant(
            &message(CONTAINER, "exec_start: true", "ours"),
            "ours"
        ));
        assert!(!is_relevant(&message(NETWORK, "destroy", "ours"), "ours"));
        assert!(!is_relevant(&EventMessage::default(), "ours"));
    }
}
