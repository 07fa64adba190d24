//! The database and its content in memory: how changes are written and published.
//!
//! Every change goes through [`Store::transact`]: it is on the disk before it is acknowledged, and after the first commit
//! whose result is unknown nothing is acknowledged any more. The changes themselves are in [`super::changes`].

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::watch;

use super::files::{self, OpenFiles, PlacementError};
use super::{History, RegistryError, Snapshot, rows};
use crate::clock::Clock;
use crate::domain::{ContainerId, Creation, Event, OperationId, Record, RecordedEvent, Timestamp};

/// Free space, in bytes, that is enough for any change.
const SPACE_FOR_A_CHANGE: u64 = 128 * 1024;

/// Why the store was shut down.
pub(super) enum ShutdownReason {
    /// The registry was closed, and everything is written.
    Closed,
    /// The state on disk is unknown: the cause, and what the operator can do.
    Failed(String),
}

/// The database and its content in memory.
pub(super) struct Store {
    connection: Connection,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) records: HashMap<ContainerId, Arc<Record>>,
    pub(super) creations: HashMap<OperationId, Arc<Creation>>,
    /// Records whose activity in memory is newer than in the database.
    pub(super) unwritten: HashSet<ContainerId>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// Whether records or creations have changed since the last snapshot.
    pub(super) is_changed: bool,
    history: History,
    /// Events that are committed but not yet visible to readers. They become visible together with their changes.
    unpublished_events: Vec<RecordedEvent>,
    /// Whether the last change failed because the disk was full.
    is_full: bool,
    /// Whether a job of the current batch ran into the lock timeout of the database.
    is_locked: bool,
    /// The files of the database, to detect that they were deleted or replaced.
    files: OpenFiles,
    /// Once set, nothing is acknowledged any more.
    shutdown: Option<ShutdownReason>,
}

impl Store {
    /// Reads the whole database.
    pub(super) fn load(
        connection: Connection,
        files: OpenFiles,
        clock: Arc<dyn Clock>,
    ) -> rusqlite::Result<(Self, watch::Receiver<Arc<Snapshot>>, History)> {
        let now = clock.now();
        let records: HashMap<_, _> = rows::records::load_all(&connection)?
            .into_iter()
            .map(|record| (record.id(), Arc::new(record.clamp_to_now(now))))
            .collect();
        let creations: HashMap<_, _> = rows::creations::load_all(&connection)?
            .into_iter()
            .map(|creation| (creation.operation, Arc::new(creation)))
            .collect();
        rows::keys::validate_all(&connection)?;
        let instance = rows::instance::load(&connection)?;
        let first = Snapshot::new(instance.id.into(), records.clone(), creations.clone());
        let history = History::load(&connection)?;
        let (snapshots, receiver) = watch::channel(Arc::new(first));
        let store = Self {
            connection,
            clock,
            records,
            creations,
            unwritten: HashSet::new(),
            snapshots,
            is_changed: false,
            history: history.clone(),
            unpublished_events: Vec::new(),
            is_full: false,
            is_locked: false,
            files,
            shutdown: None,
        };
        Ok((store, receiver, history))
    }

    /// Begins a batch of jobs. A lock timeout of the batch before no longer counts.
    pub(super) fn begin_batch(&mut self) {
        self.is_locked = false;
    }

    /// Makes the changes and events since the last call visible to readers.
    pub(super) fn publish(&mut self) {
        if !std::mem::take(&mut self.is_changed) {
            return;
        }
        let (records, creations) = (self.records.clone(), self.creations.clone());
        self.history.publish(self.unpublished_events.drain(..), || {
            self.snapshots.send_modify(|latest| {
                *latest = Arc::new(Snapshot::new(latest.instance().clone(), records, creations));
            });
        });
    }

    /// Writes all or nothing, together with an event in the history of a container.
    pub(super) fn transact_with_event(
        &mut self,
        record: &Record,
        event: Option<Event>,
        now: Timestamp,
        write: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), RegistryError> {
        let event = self.transact(|connection| {
            write(connection)?;
            event
                .map(|event| rows::events::save(connection, record, event, now))
                .transpose()
        })?;
        self.unpublished_events.extend(event);
        Ok(())
    }

    /// Writes all or nothing, durably.
    pub(super) fn transact<T>(
        &mut self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RegistryError> {
        self.refuse_after_shutdown()?;
        if self.is_locked {
            // Every job of the batch would wait for the whole lock timeout, one after the other.
            return Err(RegistryError::Busy);
        }
        let value = self.commit(write).map_err(|error| self.classify(&error))?;
        self.is_full = false;
        // A change that was written to a deleted file is lost at the next start.
        self.check_files();
        self.refuse_after_shutdown()?;
        Ok(value)
    }

    fn commit<T>(&mut self, write: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        // Immediate: a lock of another process is detected before anything is changed.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = write(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    /// Reads outside of a transaction.
    pub(super) fn read<T>(
        &mut self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RegistryError> {
        read(&self.connection).map_err(|error| self.classify(&error))
    }

    /// Decides what an error of SQLite means for the state on disk.
    fn classify(&mut self, error: &rusqlite::Error) -> RegistryError {
        let is_rolled_back = self.connection.is_autocommit();
        match error.sqlite_error_code() {
            // SQLite has rolled back: memory and disk agree as before.
            Some(ErrorCode::DiskFull) if is_rolled_back => {
                self.is_full = true;
                RegistryError::Full
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) if is_rolled_back => {
                self.is_locked = true;
                RegistryError::Busy
            }
            // After any other error the state on disk is unknown until the next start reads it.
            _ => {
                let reason = format!(
                    "failed to write {}: {error}; check the kernel log for disk errors, then restart sd-daemon",
                    self.files.path().display()
                );
                self.shutdown = Some(ShutdownReason::Failed(reason.clone()));
                RegistryError::Unavailable(reason)
            }
        }
    }

    fn refuse_after_shutdown(&self) -> Result<(), RegistryError> {
        match &self.shutdown {
            None => Ok(()),
            Some(ShutdownReason::Closed) => Err(RegistryError::Unavailable("it was closed".to_owned())),
            Some(ShutdownReason::Failed(reason)) => Err(RegistryError::Unavailable(reason.clone())),
        }
    }

    /// Checks that changes can be written. Writes only if the last change failed because the disk was full.
    pub(super) fn check_writable(&mut self) -> Result<(), RegistryError> {
        self.refuse_after_shutdown()?;
        if self.is_full {
            if self
                .files
                .free_space()
                .is_some_and(|free| free < SPACE_FOR_A_CHANGE)
            {
                return Err(RegistryError::Full);
            }
            self.transact(rows::instance::rewrite)?;
        }
        Ok(())
    }

    /// Writes the activity that is only in memory, and deletes expired idempotency keys.
    pub(super) fn flush(&mut self) -> Result<(), RegistryError> {
        self.delete_expired_keys()?;
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let records: Vec<_> = self
            .unwritten
            .iter()
            .filter_map(|id| self.records.get(id))
            .cloned()
            .collect();
        self.transact(|connection| {
            records
                .iter()
                .try_for_each(|record| rows::records::save(connection, record))
        })?;
        self.unwritten.clear();
        Ok(())
    }

    /// Flushes, and logs an error.
    pub(super) fn flush_or_log(&mut self) {
        if let Err(error) = self.flush() {
            tracing::error!(%error, "failed to write reported activity");
        }
    }

    /// Detects that the files were deleted or replaced, so that the next start would not find what is written. Then
    /// saves a copy and shuts the store down.
    pub(super) fn check_files(&mut self) {
        let Some(missing) = self.files.first_missing() else {
            return;
        };
        let missing = missing.display().to_string();
        let advice = match self.rescue() {
            Ok(rescued) => format!(
                "its content was saved; run sd-daemon recover --from {} to restore it",
                rescued.display()
            ),
            Err(error) => format!("failed to save its content: {error}; restore a backup"),
        };
        let reason = format!("{missing} was deleted or replaced while it was in use; {advice}");
        self.shutdown = Some(ShutdownReason::Failed(reason));
    }

    /// Saves the content of the database to a new file. The open connection can still read a deleted file.
    fn rescue(&self) -> Result<PathBuf, PlacementError> {
        let rescued = files::create_rescued(self.files.path(), self.clock.wall_time())?;
        self.connection
            .execute("vacuum into ?1", [rescued.to_string_lossy()])?;
        Ok(rescued)
    }

    /// Writes everything, and refuses later jobs.
    pub(super) fn close(&mut self) -> Result<(), RegistryError> {
        self.flush()?;
        self.shutdown = Some(ShutdownReason::Closed);
        Ok(())
    }

    /// Whether later jobs are refused.
    pub(super) fn is_shut_down(&self) -> bool {
        self.shutdown.is_some()
    }

    /// Closes the database. SQLite then merges the write-ahead log into the file.
    pub(super) fn shut_down(mut self) -> ShutdownReason {
        if !matches!(self.shutdown, Some(ShutdownReason::Failed(_))) {
            self.flush_or_log();
        }
        let reason = self.shutdown.take().unwrap_or(ShutdownReason::Closed);
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "failed to close the registry; the next start merges its write-ahead log");
        }
        reason
    }
}
