//! Delivers the events one after the other, and saves the position.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use tokio_util::sync::CancellationToken;

use super::Receiver;
use super::post::PostClient;
use crate::backoff::{Backoff, Delays};
use crate::clock::Clock;
use crate::domain::RecordedEvent;
use crate::service::{Service, ServiceError};
use crate::task_status::TaskReporter;
use crate::wire;

/// How long the receiver may take to respond. Long enough for a receiver that is started by the request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The delays between attempts: about one second at first, at most five minutes. A receiver that was unavailable for a
/// night gets its events within minutes.
const RETRY_DELAYS: Backoff = Backoff::jittered(Duration::from_millis(500), Duration::from_secs(150));

/// Delivers events to one receiver.
pub struct Webhook {
    service: Service,
    clock: Arc<dyn Clock>,
    client: PostClient,
    /// The id of the registry. It is part of each event id, so that events of two daemons never have the same id.
    instance: Arc<str>,
    /// The id of the latest event when the webhook was built.
    latest: u64,
    state: DeliveryState,
}

/// The result of the latest delivery. Only a change of it is logged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DeliveryState {
    Accepting,
    Failing,
    Gone,
}

/// The result of one post.
enum Delivery {
    /// The receiver accepted the event (2xx).
    Accepted,
    /// The receiver no longer wants events (410).
    Gone,
    /// The event has to be posted again.
    Failed(String),
}

impl Webhook {
    /// Returns a webhook for a receiver. A receiver without a saved cursor gets the events from now on.
    ///
    /// # Errors
    ///
    /// Fails if the URL is not usable, or if it is an https URL and the machine has no CA certificates.
    pub fn new(receiver: &Receiver, service: Service, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Ok(Self {
            client: PostClient::new(receiver)?,
            instance: Arc::clone(service.snapshot().instance()),
            latest: *service.history().follow().borrow(),
            state: DeliveryState::Accepting,
            service,
            clock,
        })
    }

    /// Delivers events until `shutdown`. A post in progress is then cancelled, and repeated after the next start.
    pub async fn run(mut self, status: TaskReporter, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.deliver_all(&status)).await;
    }

    async fn deliver_all(&mut self, status: &TaskReporter) {
        let history = self.service.history().clone();
        let mut latest = history.follow();
        let mut cursor = self.load_cursor().await;
        let mut skipped = 0;
        loop {
            latest.mark_unchanged();
            if let Some(event) = history.after(cursor, 1).pop() {
                // Ids have no gaps: a missing id belongs to an event that the history has deleted.
                skipped += event.id - cursor - 1;
                self.deliver(&event, status).await;
                cursor = event.id;
                self.save_cursor(cursor).await;
                continue;
            }
            if skipped > 0 {
                tracing::warn!(
                    skipped,
                    "the webhook receiver was unavailable for longer than events are kept; skipped the deleted events"
                );
                skipped = 0;
            }
            if latest.changed().await.is_err() {
                // The registry was closed, so there are no more events.
                return;
            }
        }
    }

    /// The id of the last event that was delivered. The first start saves the latest event as the cursor.
    async fn load_cursor(&self) -> u64 {
        self.retry_until_ok(|| async {
            if let Some(cursor) = self.service.webhook_cursor().await? {
                return Ok(cursor);
            }
            self.service.save_webhook_cursor(self.latest).await?;
            Ok(self.latest)
        })
        .await
    }

    /// Saves the cursor before the next event is posted. Otherwise a crash would repeat all events since the last save.
    async fn save_cursor(&self, cursor: u64) {
        self.retry_until_ok(|| self.service.save_webhook_cursor(cursor))
            .await;
    }

    /// Retries a call of the registry until it succeeds, because its disk may be full for a while. There is no limit: the
    /// daemon exits if the registry fails.
    async fn retry_until_ok<T, Call: Future<Output = Result<T, ServiceError>>>(
        &self,
        call: impl Fn() -> Call,
    ) -> T {
        let mut delays = RETRY_DELAYS.delays();
        loop {
            match call().await {
                Ok(value) => return value,
                Err(error) => {
                    if delays.is_first() {
                        tracing::warn!(%error, "failed to save the webhook cursor; retrying");
                    }
                    self.wait(&mut delays).await;
                }
            }
        }
    }

    /// Posts an event until the receiver accepts it or returns 410.
    async fn deliver(&mut self, event: &RecordedEvent, status: &TaskReporter) {
        let id = format!("{}-{}", self.instance, event.id);
        let body = serde_json::to_vec(&wire::event(event)).map(Bytes::from);
        let body = body.expect("an event has only strings and numbers, which serialize without errors");
        let mut delays = RETRY_DELAYS.delays();
        loop {
            let delivery = self.post(&id, body.clone()).await;
            self.log(&delivery, &id);
            if !matches!(delivery, Delivery::Failed(_)) {
                return status.succeeded();
            }
            // The reason may name the receiver's address, and is in the log only.
            status.failed("failed to deliver an event");
            self.wait(&mut delays).await;
        }
    }

    async fn post(&self, id: &str, body: Bytes) -> Delivery {
        let deadline = self.clock.now().after(ANSWER_TIMEOUT);
        let answer = tokio::select! {
            answer = self.client.post(id, self.clock.wall_time(), body) => answer,
            () = self.clock.sleep_until(deadline) => {
                return Delivery::Failed(format!("no response within {} seconds", ANSWER_TIMEOUT.as_secs()));
            }
        };
        match answer {
            Ok(status) if status.is_success() => Delivery::Accepted,
            Ok(StatusCode::GONE) => Delivery::Gone,
            Ok(status) => Delivery::Failed(format!("the receiver responded with {status}")),
            Err(error) => Delivery::Failed(format!("{error:#}")),
        }
    }

    async fn wait(&self, delays: &mut Delays) {
        let end = self.clock.now().after(delays.next_delay());
        self.clock.sleep_until(end).await;
    }

    /// Logs a delivery at debug, and a change of the state of the receiver at info or warn.
    fn log(&mut self, delivery: &Delivery, id: &str) {
        let receiver = self.client.receiver();
        let state = match delivery {
            Delivery::Accepted => DeliveryState::Accepting,
            Delivery::Gone => DeliveryState::Gone,
            Delivery::Failed(_) => DeliveryState::Failing,
        };
        let is_changed = std::mem::replace(&mut self.state, state) != state;
        match delivery {
            Delivery::Failed(reason) => tracing::debug!(receiver, id, reason, "failed to deliver an event"),
            Delivery::Accepted | Delivery::Gone => tracing::debug!(receiver, id, "posted an event"),
        }
        if !is_changed {
            return;
        }
        match delivery {
            Delivery::Accepted => tracing::info!(receiver, "the webhook receiver accepts events again"),
            Delivery::Gone => tracing::warn!(
                receiver,
                "the webhook receiver is gone (410); dropping events until it accepts them again"
            ),
            Delivery::Failed(reason) => tracing::warn!(
                receiver,
                reason,
                "failed to deliver an event to the webhook receiver; retrying"
            ),
        }
    }
}
