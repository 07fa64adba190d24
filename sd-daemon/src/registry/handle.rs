//! The handle through which the rest of the daemon uses the registry.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::files::{FILE_NAME, OpenFiles};
use super::store::Store;
use super::thread::{self, Job, WorkerExit};
use super::{
    Applied, History, KeyLookup, OpenError, OpenOutcome, RegistryError, Snapshot, StateDirectory,
    clock_adjustment, rows, schema,
};
use crate::clock::Clock;
use crate::domain::{
    ContainerId, Creation, IdempotencyKey, Input, Name, OperationId, Policy, Record, Refusal,
};

/// How long a caller waits before it tries again to queue a job in a full queue.
const QUEUE_RETRY: Duration = Duration::from_millis(1);

/// A handle to the registry. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    jobs: SyncSender<Job>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    history: History,
    secret: Arc<str>,
    pub(super) worker: Arc<WorkerExit>,
}

impl Registry {
    /// Opens the registry of a state directory, or creates an empty one, and starts its thread.
    ///
    /// # Errors
    ///
    /// Fails if the file is damaged, was written by a newer version, or cannot be accessed. The file is then left
    /// unchanged.
    pub fn open(directory: StateDirectory, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = directory.path().join(FILE_NAME);
        let mut connection = schema::open(&path)?;
        let files = OpenFiles::of(&path).map_err(|source| OpenError::inaccessible(&path, source))?;
        if let Some(reference) = clock.reference() {
            let changed_by = clock_adjustment::apply(&mut connection, &reference)
                .map_err(|error| schema::open_error(&path, error))?;
            if let Some(millis) = changed_by {
                tracing::warn!(
                    seconds = millis / 1000,
                    "the wall clock was changed since the last start; adjusted the stored times"
                );
            }
        }
        let damaged = |error: rusqlite::Error| OpenError::damaged(&path, &error.to_string());
        let secret = rows::instance::load(&connection).map_err(damaged)?.secret;
        let (store, snapshots, history) = Store::load(connection, files, clock).map_err(damaged)?;
        let (jobs, worker) =
            thread::spawn(store, directory).map_err(|source| OpenError::inaccessible(&path, source))?;
        Ok(Self {
            jobs,
            snapshots,
            history,
            secret: secret.into(),
            worker,
        })
    }

    /// The current state of every container.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// Receives a new snapshot after every change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The recorded events.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// A random secret, created with the file and the same for its lifetime.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Returns the identity of the engine that the containers are on. Saves `found` as that identity if there is none
    /// yet, or if there is neither a container nor an open creation.
    pub async fn engine_identity_or(&self, found: String) -> Result<String, RegistryError> {
        self.run(move |store| store.engine_identity_or(&found)).await
    }

    /// The id of the last event delivered to the webhook, if any.
    pub async fn webhook_cursor(&self) -> Result<Option<u64>, RegistryError> {
        self.run(Store::webhook_cursor).await
    }

    /// Saves the id of the last event delivered to the webhook.
    pub async fn save_webhook_cursor(&self, id: u64) -> Result<(), RegistryError> {
        self.run(move |store| store.save_webhook_cursor(id)).await
    }

    /// Applies an input to a container: reads, transitions and writes in one transaction.
    pub async fn apply(
        &self,
        id: ContainerId,
        input: Input,
        policy: Policy,
    ) -> Result<Result<Applied, Refusal>, RegistryError> {
        self.run(move |store| store.apply(id, input, policy)).await
    }

    /// Looks up an idempotency key and deletes expired keys.
    pub async fn find_key(&self, key: IdempotencyKey) -> Result<KeyLookup, RegistryError> {
        self.run(move |store| store.find_key(&key)).await
    }

    /// Saves a new creation, unless there are already `limit` containers and open creations together.
    pub async fn open_creation(&self, creation: Creation, limit: u32) -> Result<OpenOutcome, RegistryError> {
        self.run(move |store| store.open_creation(creation, limit)).await
    }

    /// Replaces an open creation by the record of its container, in the state `Starting`. Returns `None` if the
    /// creation is not open.
    pub async fn bind(
        &self,
        operation: OperationId,
        id: ContainerId,
        name: Name,
    ) -> Result<Option<Arc<Record>>, RegistryError> {
        self.run(move |store| store.bind(operation, id, name)).await
    }

    /// Deletes a creation that failed, and its idempotency key.
    pub async fn close_creation(&self, operation: OperationId) -> Result<(), RegistryError> {
        self.run(move |store| store.close_creation(operation)).await
    }

    /// Deletes the idempotency key of a creation, so that another request can use it.
    pub async fn release_key(&self, operation: OperationId) -> Result<(), RegistryError> {
        self.run(move |store| store.release_key(operation)).await
    }

    /// Resolves when the thread has completed all jobs that were queued before. The watchdog calls it.
    pub async fn ping(&self) -> Result<(), RegistryError> {
        self.run(|_| Ok(())).await
    }

    /// Checks that changes can be written. Writes only if the last change failed because the disk was full.
    pub async fn check_writable(&self) -> Result<(), RegistryError> {
        self.run(Store::check_writable).await
    }

    /// Writes the activity that is only in memory.
    pub async fn flush(&self) -> Result<(), RegistryError> {
        self.run(Store::flush).await
    }

    /// Writes everything, merges the write-ahead log into the file and releases the directory. Every later call fails.
    pub async fn close(&self) -> Result<(), RegistryError> {
        self.run(Store::close).await?;
        self.stopped().await;
        Ok(())
    }

    /// Resolves when the registry no longer accepts changes, and returns the reason.
    pub async fn stopped(&self) -> String {
        self.worker.wait().await
    }

    /// Queues a job and waits for its result.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let unavailable = || RegistryError::Unavailable(self.worker.reason());
        let (answer, answered) = oneshot::channel();
        let mut job: Job = Box::new(move |store| {
            let result = job(store);
            // Fails if the caller was cancelled. The change stays.
            Box::new(move || drop(answer.send(result)))
        });
        loop {
            match self.jobs.try_send(job) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return Err(unavailable()),
                Err(TrySendError::Full(returned)) => {
                    job = returned;
                    tokio::time::sleep(QUEUE_RETRY).await;
                }
            }
        }
        answered.await.unwrap_or_else(|_| Err(unavailable()))
    }
}
