//! The registry: which containers there are, kept through every crash.
//!
//! One thread owns the database and the only current copy of every record. Jobs reach it one after the
//! other, so their order is the order of events. A job that changes a record runs
//! [`transition()`](crate::domain::step()), commits, and only then changes memory, publishes and answers.
//!
//! Readers never come here: they look at the latest [`Snapshot`], which is in memory and never changes.
//!
//! Reports of activity are kept in memory first, and written in batches: losing the last seconds of them
//! stops nothing early, because after a restart every container is granted time to report again.

mod clock_adjustment;
mod directory;
mod files;
mod history;
mod recovery;
mod row;
mod schema;
mod snapshot;
mod worker;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::{
    ContainerId, Creation, Effect, IdempotencyKey, Input, Name, OperationId, Policy, Record, Refusal,
};

pub use directory::StateDirectory;
use files::OpenFiles;
pub use history::History;
pub use recovery::{Recover, RecoverError, RecoveredTable, Recovery, recover};
pub use snapshot::Snapshot;
use worker::{Job, ShutdownReason, Store};

/// Activity is written down this long after it was reported, at the latest.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// The file inside the state directory.
const FILE_NAME: &str = "registry.sqlite3";

/// A handle to the registry. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    jobs: std::sync::mpsc::SyncSender<Job>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    history: History,
    secret: Arc<str>,
    fate: Arc<WorkerExit>,
}

/// How the thread ended, once it has.
#[derive(Default)]
struct WorkerExit {
    ended: CancellationToken,
    reason: OnceLock<String>,
}

impl WorkerExit {
    fn reason(&self) -> String {
        let known = self.reason.get().cloned();
        known.unwrap_or_else(|| "its thread has panicked".to_owned())
    }
}

/// What an input did to a record.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The record as it is now; nothing when it was deleted or was never there.
    pub record: Option<Arc<Record>>,
    /// Whether anything changed.
    pub change: Change,
    /// What is to be done at the engine.
    pub effect: Option<Effect>,
}

/// Whether an input changed a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is as it was.
    None,
    /// It is another, or gone.
    Made,
}

/// What became of opening a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is written down; go on.
    New,
    /// The same request came before, as this operation.
    Repeated(OperationId),
    /// The key belongs to another request.
    KeyReused,
    /// There are as many containers as there may be.
    TooMany,
}

/// Why the registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no room to write; nothing was changed.
    #[error("the disk that holds the registry is full")]
    Full,
    /// Somebody else holds the database, such as a backup; nothing was changed.
    #[error("the registry is busy: something else is writing to its file")]
    Busy,
    /// The database can no longer be trusted to keep what it is given. The process is about to end.
    #[error("the registry is out of use: {0}")]
    Lost(String),
}

/// Why a registry could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon uses the directory.
    #[error("another sd-daemon uses the state directory {directory}: stop it, or give this one --state-dir")]
    InUse {
        /// The directory.
        directory: String,
    },
    /// The directory or the file in it cannot be used; nothing is known to be wrong with what it holds.
    #[error(
        "failed to use {path} ({reason}): see that this user can write there and that there is room, or give \
         another --state-dir"
    )]
    Unusable {
        /// The directory or file.
        path: String,
        /// Why not.
        reason: std::io::Error,
    },
    /// Others can write into the directory, and by that have any container of the host stopped and removed.
    #[error(
        "others may write to the state directory {directory}: run chmod go-w {directory}, or give another --state-dir"
    )]
    Exposed {
        /// The directory.
        directory: String,
    },
    /// The file was written by a newer version.
    #[error(
        "the registry {file} was written by a newer sd-daemon (format {found}, this one knows {known}): \
         install that version again"
    )]
    Newer {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
        /// The newest format this version knows.
        known: u32,
    },
    /// The file cannot be read as a registry.
    #[error(
        "the registry {file} is damaged ({reason}): restore a backup, or run sd-daemon recover to keep what can be \
         read; nothing was changed, and the containers are where they were"
    )]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
}

impl OpenError {
    fn unusable(path: &Path, reason: std::io::Error) -> Self {
        Self::Unusable {
            path: path.display().to_string(),
            reason,
        }
    }

    /// SQLite says more than one thing at once, and on several lines.
    fn damaged(file: &Path, reason: &str) -> Self {
        let lines = reason.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("***"));
        Self::Damaged {
            file: file.display().to_string(),
            reason: lines.collect::<Vec<_>>().join("; "),
        }
    }
}

impl Registry {
    /// Opens the registry of a state directory, or begins an empty one, and starts its thread.
    pub fn open(directory: StateDirectory, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = directory.path().join(FILE_NAME);
        let mut connection = schema::open(&path)?;
        let files = OpenFiles::of(&path).map_err(|source| OpenError::unusable(&path, source))?;
        let damaged = |error: rusqlite::Error| OpenError::damaged(&path, &error.to_string());
        if let Some(anchor) = clock.reference() {
            let set_by = clock_adjustment::follow(&mut connection, &anchor)
                .map_err(|error| schema::failed(&path, error))?;
            if let Some(seconds) = set_by.map(|millis| millis / 1000) {
                tracing::warn!(
                    "the machine's date was set by {seconds} s since the last start; no container is older by that"
                );
            }
        }
        let (_, secret) = row::instance(&connection).map_err(damaged)?;
        let (store, snapshots, history) = Store::load(connection, files, clock).map_err(damaged)?;
        // Bounded, so that callers wait when the disk does; a full queue blocks nobody but them.
        let (jobs, queue) = std::sync::mpsc::sync_channel(1024);
        let fate = Arc::new(WorkerExit::default());
        let thread = std::thread::Builder::new().name("registry".to_owned());
        let at_end = Arc::clone(&fate);
        thread
            .spawn(move || {
                // A panic in here loses the registry just as an error does. Dropped last: whoever hears of
                // the end may claim the directory.
                let _signal = at_end.ended.clone().drop_guard();
                // Held for as long as anything can be written.
                let _directory = directory;
                let end = worker::run(store, &queue, FLUSH_INTERVAL);
                at_end.reason.get_or_init(|| match end {
                    ShutdownReason::Wanted => "it was closed".to_owned(),
                    ShutdownReason::Failed(reason) => reason,
                });
            })
            .map_err(|source| OpenError::unusable(&path, source))?;
        Ok(Self {
            jobs,
            snapshots,
            history,
            secret: secret.into(),
            fate,
        })
    }

    /// The present state of every container.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// Follows the state of every container.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// What happened, as far as it is kept.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What nobody outside knows, the same for as long as the file lives.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The engine that the containers are on, when this one answers: from the first on it is the same one, until there
    /// is no container.
    pub async fn engine_or(&self, found: String) -> Result<String, RegistryError> {
        self.run(move |store| store.engine_or(&found)).await
    }

    /// How far what happened was told to the outside; nothing when nothing ever was.
    pub async fn delivered(&self) -> Result<Option<u64>, RegistryError> {
        self.run(Store::delivered).await
    }

    /// Writes down how far what happened was told to the outside.
    pub async fn save_delivered(&self, id: u64) -> Result<(), RegistryError> {
        self.run(move |store| store.save_delivered(id)).await
    }

    /// Lets an input happen to a container: reads, steps and writes in one transaction.
    pub async fn apply(
        &self,
        id: ContainerId,
        input: Input,
        policy: Policy,
    ) -> Result<Result<Applied, Refusal>, RegistryError> {
        self.run(move |store| store.apply(id, input, policy)).await
    }

    /// Whether a request with this key came before.
    pub async fn find_key(&self, key: IdempotencyKey) -> Result<Opened, RegistryError> {
        self.run(move |store| store.find_key(&key)).await
    }

    /// Writes down that a container is wanted, unless there are `most` already, or will be.
    pub async fn open_creation(&self, creation: Creation, most: u32) -> Result<Opened, RegistryError> {
        self.run(move |store| store.open_creation(creation, most)).await
    }

    /// Turns a creation into a container that shall start.
    pub async fn bind(
        &self,
        operation: OperationId,
        id: ContainerId,
        name: Name,
    ) -> Result<Option<Arc<Record>>, RegistryError> {
        self.run(move |store| store.bind(operation, id, name)).await
    }

    /// Forgets a creation that came to nothing.
    pub async fn close_creation(&self, operation: OperationId) -> Result<(), RegistryError> {
        self.run(move |store| store.close_creation(operation)).await
    }

    /// Lets the key of a creation stand for another one.
    pub async fn free_key(&self, operation: OperationId) -> Result<(), RegistryError> {
        self.run(move |store| store.free_key(operation)).await
    }

    /// Resolves when its thread has done what was asked of it before.
    pub async fn answers(&self) -> Result<(), RegistryError> {
        self.run(|_| Ok(())).await
    }

    /// Whether changes can be written. Nothing is, unless the last one found no room.
    pub async fn is_writable(&self) -> Result<(), RegistryError> {
        self.run(Store::is_writable).await
    }

    /// Writes down everything that is still only in memory.
    pub async fn flush(&self) -> Result<(), RegistryError> {
        self.run(Store::flush).await
    }

    /// Writes down everything, and waits until the file is complete by itself and the directory is free. What is
    /// asked of the registry after that fails.
    pub async fn close(&self) -> Result<(), RegistryError> {
        self.run(Store::close).await?;
        self.lost().await;
        Ok(())
    }

    /// Resolves when the registry can no longer be written, and says why.
    pub async fn lost(&self) -> String {
        self.fate.ended.cancelled().await;
        self.fate.reason()
    }

    /// Hands a job to the thread and waits for its answer.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let closed = || RegistryError::Lost(self.fate.reason());
        let (answer, answered) = oneshot::channel();
        let mut job: Job = Box::new(move |store| {
            let result = job(store);
            // The caller may have gone; what was done stays done.
            Box::new(move || drop(answer.send(result)))
        });
        loop {
            match self.jobs.try_send(job) {
                Ok(()) => break,
                Err(std::sync::mpsc::TrySendError::Disconnected(_)) => return Err(closed()),
                Err(std::sync::mpsc::TrySendError::Full(returned)) => {
                    job = returned;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

#[cfg(test)]
mod tests;
