//! The thread that owns the database and the current copy of every record.
//!
//! Longer than most files here: each change goes through `transact`, and what holds for all of them stands on one page.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::watch;

use super::files::{self, OpenFiles, PlacingError};
use super::{Applied, Change, History, Opened, RegistryError, Snapshot, history, row};
use crate::clock::Clock;
use crate::domain::{
    ContainerId, Context, Creation, Event, EventKind, IdempotencyKey, Input, Name, NextState, OperationId,
    Policy, Record, RecordedEvent, Refusal, Timestamp, transition,
};
use crate::known_bad::KnownBad;

/// Something to do, and how to tell that it is done.
pub(super) type Job = Box<dyn FnOnce(&mut Store) -> Answer + Send>;
/// Sends an answer. Called after what the answer speaks of can be read.
pub(super) type Answer = Box<dyn FnOnce() + Send>;

/// Jobs that are done before what they did is published; more would make the first of them wait.
const BATCH: usize = 64;

/// Bytes that any change finds room in.
const ROOM_FOR_A_CHANGE: u64 = 128 * 1024;

/// How long the key of a create keeps its meaning.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Does jobs until nobody is left to send any, it is closed, or the database fails.
pub(super) fn run(mut store: Store, jobs: &Receiver<Job>, flush_interval: Duration) -> ShutdownReason {
    let mut flushed_at = Instant::now();
    while store.end.is_none() {
        let patience = flush_interval.saturating_sub(flushed_at.elapsed());
        match jobs.recv_timeout(patience) {
            Ok(first) => {
                store.is_held = false;
                let batch = std::iter::once(first).chain(jobs.try_iter().take(BATCH - 1));
                let answers: Vec<Answer> = batch.map(|job| job(&mut store)).collect();
                store.publish();
                for answer in answers {
                    answer();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if flushed_at.elapsed() >= flush_interval {
            flushed_at = Instant::now();
            store.flush_or_complain();
            store.look_after_files();
        }
    }
    store.finish()
}

/// Why the thread ended.
pub(super) enum ShutdownReason {
    /// Everything is written down.
    Wanted,
    /// What is on the disk is not known any more; why, and what to do.
    Failed(String),
}

/// The database, and what it says, in memory.
pub(super) struct Store {
    connection: Connection,
    clock: Arc<dyn Clock>,
    records: HashMap<ContainerId, Arc<Record>>,
    creations: HashMap<OperationId, Arc<Creation>>,
    /// Records whose activity in memory is ahead of the database.
    unwritten: HashSet<ContainerId>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    is_published: bool,
    history: History,
    /// Events that are on the disk and not shown yet: what they tell of is shown with them.
    unpublished_events: Vec<RecordedEvent>,
    /// Whether the last change found no room on the disk.
    is_full: bool,
    /// Whether somebody else held the database for as long as anybody waits, since the present jobs began.
    is_held: bool,
    /// The files that the database was opened in.
    files: OpenFiles,
    /// Once set, nothing is acknowledged any more.
    end: Option<ShutdownReason>,
}

impl Store {
    /// Reads everything the database knows.
    pub(super) fn load(
        connection: Connection,
        files: OpenFiles,
        clock: Arc<dyn Clock>,
    ) -> rusqlite::Result<(Self, watch::Receiver<Arc<Snapshot>>, History)> {
        let now = clock.now();
        let records: HashMap<_, _> = row::load_records(&connection)?
            .into_iter()
            .map(|record| (record.id(), Arc::new(record.clamp_to_now(now))))
            .collect();
        let creations: HashMap<_, _> = row::load_creations(&connection)?
            .into_iter()
            .map(|creation| (creation.operation, Arc::new(creation)))
            .collect();
        row::check_keys(&connection)?;
        let (instance, _) = row::instance(&connection)?;
        let first = Snapshot::new(instance.into(), records.clone(), creations.clone());
        let history = History::load(&connection)?;
        let (snapshots, receiver) = watch::channel(Arc::new(first));
        let store = Self {
            connection,
            clock,
            records,
            creations,
            unwritten: HashSet::new(),
            snapshots,
            is_published: true,
            history: history.clone(),
            unpublished_events: Vec::new(),
            is_full: false,
            is_held: false,
            files,
            end: None,
        };
        Ok((store, receiver, history))
    }

    /// Reads, steps, writes.
    pub(super) fn apply(
        &mut self,
        id: ContainerId,
        input: Input,
        policy: Policy,
    ) -> Result<Result<Applied, Refusal>, RegistryError> {
        let Some(record) = self.records.get(&id) else {
            return Ok(Ok(Applied {
                record: None,
                change: Change::None,
                effect: None,
            }));
        };
        let record = Arc::clone(record);
        let now = if KnownBad::WallClockDeadline.is_made() {
            self.clock.wall_time()
        } else {
            self.clock.now()
        };
        let step = match transition(&record, input, &Context { now, policy }) {
            Ok(step) => step,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (record, change) = match step.next {
            NextState::Same => (Some(record), Change::None),
            NextState::Changed(next) => {
                let next = Arc::new(*next);
                if is_only_use(&record, &next) {
                    self.unwritten.insert(id);
                } else {
                    self.transact_with_event(&next, step.event, now, |connection| {
                        row::save_record(connection, &next)
                    })?;
                    self.unwritten.remove(&id);
                }
                self.records.insert(id, Arc::clone(&next));
                (Some(next), Change::Made)
            }
            NextState::Gone => {
                // What never ran came to nothing: a repetition of its create may make another one.
                let never_ran = record.last_run().is_none().then(|| record.operation());
                self.transact_with_event(&record, step.event, now, |connection| {
                    never_ran.map_or(Ok(()), |operation| row::delete_key_of(connection, operation))?;
                    row::delete_record(connection, id)
                })?;
                self.unwritten.remove(&id);
                self.records.remove(&id);
                (None, Change::Made)
            }
        };
        self.is_published &= change == Change::None;
        Ok(Ok(Applied {
            record,
            change,
            effect: step.effect,
        }))
    }

    /// Whether a request with this key came before; keys that are too old are forgotten.
    pub(super) fn find_key(&mut self, wanted: &IdempotencyKey) -> Result<Opened, RegistryError> {
        let expired = self.expired();
        let known = self.transact(|connection| {
            row::delete_keys_before(connection, expired)?;
            row::find_key(connection, &wanted.key)
        })?;
        Ok(match known {
            Some((request, operation)) if request == wanted.request => Opened::Repeated(operation),
            Some(_) => Opened::KeyReused,
            None => Opened::New,
        })
    }

    /// Keys of before have lost their meaning.
    fn expired(&self) -> Timestamp {
        self.clock.now().before(KEY_LIFETIME)
    }

    /// Forgets the keys that have lost their meaning.
    fn forget_keys(&mut self) -> Result<(), RegistryError> {
        let expired = self.expired();
        match row::has_keys_before(&self.connection, expired) {
            Ok(false) => Ok(()),
            Ok(true) => self.transact(|connection| row::delete_keys_before(connection, expired)),
            Err(error) => Err(self.judge(&error)),
        }
    }

    /// Writes down a creation, unless its key says that it was written down before.
    pub(super) fn open_creation(&mut self, creation: Creation, most: u32) -> Result<Opened, RegistryError> {
        if let Some(key) = &creation.key {
            let found = self.find_key(key)?;
            if found != Opened::New {
                return Ok(found);
            }
        }
        let taken = self.records.len() + self.creations.len();
        if u32::try_from(taken).is_ok_and(|taken| taken < most) {
            self.open(creation)
        } else {
            Ok(Opened::TooMany)
        }
    }

    fn open(&mut self, creation: Creation) -> Result<Opened, RegistryError> {
        self.transact(|connection| row::save_creation(connection, &creation))?;
        self.creations.insert(creation.operation, Arc::new(creation));
        self.is_published = false;
        Ok(Opened::New)
    }

    /// The creation has a container: from here on it is a record, in the state `Starting`.
    pub(super) fn bind(
        &mut self,
        operation: OperationId,
        id: ContainerId,
        name: Name,
    ) -> Result<Option<Arc<Record>>, RegistryError> {
        let Some(creation) = self.creations.get(&operation) else {
            return Ok(None);
        };
        let record = Arc::new(Record::begin(creation, id, name));
        let event = Event::new(EventKind::Created, "asked for over the API");
        self.transact_with_event(&record, Some(event), self.clock.now(), |connection| {
            row::delete_creation(connection, operation)?;
            row::save_record(connection, &record)
        })?;
        self.creations.remove(&operation);
        self.records.insert(id, Arc::clone(&record));
        self.is_published = false;
        Ok(Some(record))
    }

    /// The creation came to nothing; its key may be used again.
    pub(super) fn close_creation(&mut self, operation: OperationId) -> Result<(), RegistryError> {
        self.transact(|connection| {
            row::delete_creation(connection, operation)?;
            row::delete_key_of(connection, operation)
        })?;
        self.creations.remove(&operation);
        self.is_published = false;
        Ok(())
    }

    /// The key may be used again, whatever becomes of the creation.
    pub(super) fn free_key(&mut self, operation: OperationId) -> Result<(), RegistryError> {
        self.transact(|connection| row::delete_key_of(connection, operation))
    }

    /// Whether changes can be written.
    pub(super) fn is_writable(&mut self) -> Result<(), RegistryError> {
        self.refuse_after_end()?;
        if self.is_full {
            if self.files.room().is_some_and(|room| room < ROOM_FOR_A_CHANGE) {
                return Err(RegistryError::Full);
            }
            // Changes nothing, and is written as every change is.
            self.transact(|connection| connection.execute("update instance set id = id", []))?;
        }
        Ok(())
    }

    /// Writes down the activity that is only in memory, and forgets what has lost its meaning.
    pub(super) fn flush(&mut self) -> Result<(), RegistryError> {
        self.forget_keys()?;
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
                .try_for_each(|record| row::save_record(connection, record))
        })?;
        self.unwritten.clear();
        Ok(())
    }

    /// Writes down everything, as the last thing that is done.
    pub(super) fn close(&mut self) -> Result<(), RegistryError> {
        self.flush()?;
        self.end = Some(ShutdownReason::Wanted);
        Ok(())
    }

    /// Lets go of the file. What was written is moved into it, so that it is complete by itself.
    fn finish(mut self) -> ShutdownReason {
        if !matches!(self.end, Some(ShutdownReason::Failed(_))) {
            self.flush_or_complain();
        }
        let end = self.end.take().unwrap_or(ShutdownReason::Wanted);
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "failed to close the registry; the next start completes it");
        }
        end
    }

    /// Notices when the next start would not find what is written. Says so once, for nothing is done after it.
    fn look_after_files(&mut self) {
        let Some(lost) = self.files.first_lost() else {
            return;
        };
        let lost = lost.display().to_string();
        let advice = match self.rescue() {
            Ok(rescued) => format!(
                "what it held is saved: sd-daemon recover --from {} puts it back",
                rescued.display()
            ),
            Err(error) => format!("what it held could not be saved ({error}): restore a backup"),
        };
        let reason = format!("{lost} was deleted or replaced while it was in use; {advice}");
        self.end = Some(ShutdownReason::Failed(reason));
    }

    /// Saves what the database holds: it is open, and so it is still there for us.
    fn rescue(&self) -> Result<PathBuf, PlacingError> {
        let rescued = files::make_rescued(self.files.path(), self.clock.wall_time())?;
        self.connection
            .execute("vacuum into ?1", [rescued.to_string_lossy()])?;
        Ok(rescued)
    }

    fn flush_or_complain(&mut self) {
        if let Err(error) = self.flush() {
            tracing::error!(%error, "failed to write down activity");
        }
    }

    /// Lets readers see what was done since the last time.
    fn publish(&mut self) {
        if self.is_published {
            return;
        }
        self.is_published = true;
        let (records, creations) = (self.records.clone(), self.creations.clone());
        self.history.show(self.unpublished_events.drain(..), || {
            self.snapshots.send_modify(|latest| {
                *latest = Arc::new(Snapshot::new(latest.instance().clone(), records, creations));
            });
        });
    }

    /// The engine that the containers are on: the one that was written down, or this one if there was none, or no
    /// container and no create that could be on it.
    pub(super) fn engine_or(&mut self, found: &str) -> Result<String, RegistryError> {
        let has_none = self.records.is_empty() && self.creations.is_empty();
        self.transact(|connection| match row::engine(connection)? {
            Some(known) if known == found || !has_none => Ok(known),
            _ => {
                row::save_engine(connection, found)?;
                Ok(found.to_owned())
            }
        })
    }

    /// How far what happened was told to the outside; nothing when nothing ever was.
    pub(super) fn delivered(&mut self) -> Result<Option<u64>, RegistryError> {
        self.transact(history::delivered)
    }

    /// Writes down how far what happened was told to the outside.
    pub(super) fn save_delivered(&mut self, id: u64) -> Result<(), RegistryError> {
        self.transact(|connection| history::save_delivered(connection, id))
    }

    /// Writes all or nothing, and what it means in the history of a container.
    fn transact_with_event(
        &mut self,
        record: &Record,
        event: Option<Event>,
        now: Timestamp,
        write: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), RegistryError> {
        let event = self.transact(|connection| {
            write(connection)?;
            let tell = |event| history::save(connection, record, event, now);
            event.map(tell).transpose()
        })?;
        self.unpublished_events.extend(event);
        Ok(())
    }

    /// Writes all or nothing, durably.
    fn transact<T>(
        &mut self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, RegistryError> {
        self.refuse_after_end()?;
        if self.is_held {
            // Each of those that wait would wait as long again, one after the other.
            return Err(RegistryError::Busy);
        }
        let result = if KnownBad::AnswerBeforeWriting.is_made() {
            self.write_some_day(write)
        } else {
            self.write(write)
        };
        let value = result.map_err(|error| self.judge(&error))?;
        self.is_full = false;
        // What went into a file that has no name any more is not kept.
        self.look_after_files();
        self.refuse_after_end()?;
        Ok(value)
    }

    fn write<T>(&mut self, write: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        // Immediate: whether somebody else holds the database is known before anything is changed.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = write(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    /// The mistake: what is written can be read here, and waits for a commit that does not come before a kill.
    fn write_some_day<T>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if self.connection.is_autocommit() {
            self.connection.execute_batch("begin immediate")?;
        }
        write(&self.connection)
    }

    fn refuse_after_end(&self) -> Result<(), RegistryError> {
        match &self.end {
            None => Ok(()),
            Some(ShutdownReason::Wanted) => Err(RegistryError::Lost("it was closed".to_owned())),
            Some(ShutdownReason::Failed(reason)) => Err(RegistryError::Lost(reason.clone())),
        }
    }

    /// What an error means for what is on the disk.
    fn judge(&mut self, error: &rusqlite::Error) -> RegistryError {
        let is_rolled_back = self.connection.is_autocommit();
        match error.sqlite_error_code() {
            // SQLite has rolled back, and says so: memory and disk agree as before.
            Some(ErrorCode::DiskFull) if is_rolled_back => {
                self.is_full = true;
                RegistryError::Full
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) if is_rolled_back => {
                self.is_held = true;
                RegistryError::Busy
            }
            // After anything else nobody knows what is on the disk. The next start reads it.
            _ => {
                let reason = format!(
                    "failed to write {} ({error}): see what the kernel says of the disk, and start sd-daemon again",
                    self.files.path().display()
                );
                self.end = Some(ShutdownReason::Failed(reason.clone()));
                RegistryError::Lost(reason)
            }
        }
    }
}

/// Whether all that changed is when a container was last used, and how much. Losing the last seconds of
/// that stops nothing early; a deadline that somebody pushed is not to be lost.
fn is_only_use(before: &Record, after: &Record) -> bool {
    before.lifecycle() == after.lifecycle()
        && before.name() == after.name()
        && before.limits() == after.limits()
        && before.activity().keep_until == after.activity().keep_until
        && before.activity().warning_sent_for == after.activity().warning_sent_for
}
