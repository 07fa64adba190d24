//! The webhook: one receiver is told everything that happens to containers, in order, one event at a time.
//!
//! Posts follow the Standard Webhooks specification. An event is delivered when the receiver answers with
//! 2xx; how far it was told is then written down, so a crash repeats an event rather than losing it. Anything
//! else is tried again for as long as it takes. Nothing waits in here meanwhile: the history keeps the
//! events, and what it forgets before it could be told is skipped.
//!
//! Not here: what an event looks like on the wire, which is `wire`'s, and what is kept for how long,
//! which is the registry's. Nobody waits for anything in here; only the app builds and runs it.

mod post;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::backoff::{Backoff, Delays};
use crate::clock::Clock;
use crate::domain::RecordedEvent;
use crate::service::{Service, ServiceError};
use crate::wire;

use post::Post;
pub use signature::{SigningKey, UnusableKey};

/// How long the receiver may take to answer. Long enough for one that wakes up first, short enough to find
/// out the same minute that it is not there.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The delays between attempts: one second with jitter at first, five minutes at most, so that a receiver that
/// comes back after a night gets its events within minutes.
const RETRY_DELAYS: Backoff = Backoff::jittered(Duration::from_millis(500), Duration::from_secs(150));

/// Who is told what happens.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// The address that is posted to: `http` or `https`.
    pub url: Url,
    /// What the posts are signed with.
    pub key: Option<SigningKey>,
}

/// Tells one receiver what happens.
pub struct Webhook {
    service: Service,
    clock: Arc<dyn Clock>,
    post: Post,
    /// The registry's own name, so that events of two daemons are never taken for one.
    instance: Arc<str>,
    /// The latest event when this was built.
    latest: u64,
    mood: DeliveryState,
}

/// How the receiver took the last event, so that a change is logged and its repetition is not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DeliveryState {
    Listening,
    Failing,
    Gone,
}

/// What became of one post.
enum Delivery {
    Accepted,
    /// 410: it will never be wanted.
    Gone,
    Failed(String),
}

impl Webhook {
    /// A webhook to this receiver. Told for the first time, it hears of what happens from now on.
    pub fn new(receiver: &Receiver, service: Service, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Ok(Self {
            post: Post::new(receiver)?,
            instance: Arc::clone(service.snapshot().instance()),
            latest: *service.history().follow().borrow(),
            mood: DeliveryState::Listening,
            service,
            clock,
        })
    }

    /// Tells everything, until told to stop; a post that is under way is then dropped, and repeated after the
    /// next start.
    pub async fn run(mut self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.tell_everything()).await;
    }

    async fn tell_everything(&mut self) {
        let history = self.service.history().clone();
        let mut latest = history.follow();
        let mut told = self.begin().await;
        let mut forgotten = 0;
        loop {
            latest.mark_unchanged();
            if let Some(event) = history.after(told, 1).pop() {
                // Numbers are given one after the other: what is missing is not kept any more.
                forgotten += event.id - told - 1;
                self.tell(&event).await;
                told = event.id;
                self.write_down(told).await;
                continue;
            }
            if forgotten > 0 {
                tracing::warn!(
                    forgotten,
                    "the webhook's receiver was away for longer than events are kept"
                );
                forgotten = 0;
            }
            if latest.changed().await.is_err() {
                // The history is gone, and with it everything that could happen.
                return;
            }
        }
    }

    /// The number of the last event that is not to be told.
    async fn begin(&self) -> u64 {
        let first = || async {
            if let Some(told) = self.service.delivered().await? {
                return Ok(told);
            }
            self.service.save_delivered(self.latest).await?;
            Ok(self.latest)
        };
        self.retry_until_ok(first).await
    }

    /// Writes down how far the receiver was told. Who went on without would repeat all of it after a crash.
    async fn write_down(&self, told: u64) {
        self.retry_until_ok(|| self.service.save_delivered(told)).await;
    }

    /// Asks the registry until it does it: its disk may be full for a while. A registry that is lost takes the
    /// daemon down, so this needs no end.
    async fn retry_until_ok<T, Asked: Future<Output = Result<T, ServiceError>>>(
        &self,
        ask: impl Fn() -> Asked,
    ) -> T {
        let mut delays = RETRY_DELAYS.delays();
        loop {
            match ask().await {
                Ok(done) => return done,
                Err(error) => {
                    if delays.is_first() {
                        tracing::warn!(%error, "failed to write down how far the webhook's receiver was told; it will be tried again");
                    }
                    self.wait(&mut delays).await;
                }
            }
        }
    }

    /// Tells of one event, for as long as it takes.
    async fn tell(&mut self, event: &RecordedEvent) {
        let id = format!("{}-{}", self.instance, event.id);
        let body = serde_json::to_vec(&wire::event(event)).map(Bytes::from);
        let body = body.expect("words and numbers can always be written as JSON");
        let mut delays = RETRY_DELAYS.delays();
        loop {
            let answer = self.post(&id, body.clone()).await;
            self.log(&answer, &id);
            if !matches!(answer, Delivery::Failed(_)) {
                return;
            }
            self.wait(&mut delays).await;
        }
    }

    async fn post(&self, id: &str, body: Bytes) -> Delivery {
        let given_up_at = self.clock.now().after(ANSWER_LIMIT);
        let answer = tokio::select! {
            answer = self.post.send(id, self.clock.wall_time(), body) => answer,
            () = self.clock.sleep_until(given_up_at) => {
                return Delivery::Failed(format!("it did not answer within {} seconds", ANSWER_LIMIT.as_secs()));
            }
        };
        match answer {
            Ok(status) if status.is_success() => Delivery::Accepted,
            Ok(StatusCode::GONE) => Delivery::Gone,
            Ok(status) => Delivery::Failed(format!("it answered with {status}")),
            Err(error) => Delivery::Failed(format!("{error:#}")),
        }
    }

    async fn wait(&self, delays: &mut Delays) {
        let end = self.clock.now().after(delays.next_delay());
        self.clock.sleep_until(end).await;
    }

    fn log(&mut self, answer: &Delivery, id: &str) {
        let receiver = self.post.receiver();
        let before = self.mood;
        self.mood = match answer {
            Delivery::Accepted => DeliveryState::Listening,
            Delivery::Gone => DeliveryState::Gone,
            Delivery::Failed(_) => DeliveryState::Failing,
        };
        match answer {
            Delivery::Failed(reason) => tracing::debug!(receiver, id, reason, "failed to post an event"),
            Delivery::Accepted | Delivery::Gone => tracing::debug!(receiver, id, "posted an event"),
        }
        if self.mood == before {
            return;
        }
        match answer {
            Delivery::Accepted => tracing::info!(receiver, "the webhook's receiver takes events again"),
            Delivery::Gone => tracing::warn!(
                receiver,
                "the webhook's receiver says that it is gone (410): events are dropped for as long as it does"
            ),
            Delivery::Failed(reason) => tracing::warn!(
                receiver,
                reason,
                "failed to tell the webhook's receiver what happens; it will be tried again"
            ),
        }
    }
}
