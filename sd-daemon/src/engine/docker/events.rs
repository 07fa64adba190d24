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

type Messages = BoxStream<'static, Result<EventMessage, Error>>;

struct Follower {
    connection: Arc<Connection>,
    network: Arc<Network>,
    instance: Arc<str>,
    signalled: Arc<Mutex<HashSet<ContainerId>>>,
    messages: Option<(Messages, Instant)>,
    pause: Duration,
    is_first: bool,
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
        messages: None,
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
            let Some((messages, since)) = &mut self.messages else {
                tokio::time::sleep(self.pause).await;
                match connect(&self.connection, &self.network, &self.instance).await {
                    Ok(messages) => {
                        self.is_first = false;
                        // What was missed meanwhile may have ended the runs these were about.
                        self.signalled
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .clear();
                        self.messages = Some((messages, Instant::now()));
                        return EngineEvent::Resync;
                    }
                    Err(error) => {
                        if std::mem::take(&mut self.is_first) {
                            tracing::warn!(%error, "waiting for the Docker engine");
                        }
                        self.lengthen_pause();
                    }
                }
                continue;
            };
            if let Some(Ok(message)) = messages.next().await {
                if let Some(id) = container_of(&message) {
                    self.note_signal(id, message.action.as_deref());
                    return EngineEvent::Changed(id);
                }
            } else {
                tracing::warn!("lost the connection to the Docker engine");
                if since.elapsed() >= GOOD_CONNECTION {
                    self.pause = Duration::ZERO;
                }
                self.lengthen_pause();
                self.messages = None;
            }
        }
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

/// Asks for events from this moment of the engine's own clock on: what happens before the request
/// itself arrives is told as well.
///
/// The network is looked at before the events are asked for: the engine skips a listener that does not read.
async fn connect(
    connection: &Connection,
    network: &Network,
    instance: &str,
) -> Result<Messages, EngineError> {
    let info = connection
        .call(PATIENCE, async |docker| docker.info().await)
        .await?;
    network.check().await;
    let engine_time = info
        .system_time
        .as_deref()
        .and_then(|text| humantime::parse_rfc3339_weak(text).ok());
    let since = engine_time
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    let filters = HashMap::from([
        ("type", vec!["container".to_owned()]),
        ("event", ACTIONS.map(str::to_owned).to_vec()),
        ("label", vec![policy::instance_label(instance)]),
    ]);
    let options = EventsOptionsBuilder::new()
        .since(&since.as_secs().to_string())
        .filters(&filters)
        .build();
    Ok(connection.docker()?.events(Some(options)).boxed())
}
