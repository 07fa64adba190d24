//! The thread that owns the [`Store`], and its queue of jobs.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio_util::sync::CancellationToken;

use super::StateDirectory;
use super::store::{ShutdownReason, Store};

/// A change of the store. Returns the function that answers its caller.
pub(super) type Job = Box<dyn FnOnce(&mut Store) -> Answer + Send>;
/// Answers the caller of a job. Called after the result of the job is published.
pub(super) type Answer = Box<dyn FnOnce() + Send>;

/// Reported activity is written at most this long after the report.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// At most this many jobs run before their results are published. A larger batch would delay its first job.
const BATCH: usize = 64;

/// The queue is bounded, so that callers wait while the disk is slow. A full queue blocks only callers of the registry.
const QUEUE_LENGTH: usize = 1024;

/// The end of the thread, shared with every handle.
#[derive(Default)]
pub(super) struct WorkerExit {
    exited: CancellationToken,
    reason: OnceLock<String>,
}

impl WorkerExit {
    /// Waits until the thread has stopped and released the state directory.
    pub(super) async fn wait(&self) -> String {
        self.exited.cancelled().await;
        self.reason()
    }

    /// Why the thread stopped.
    pub(super) fn reason(&self) -> String {
        let reason = self.reason.get().cloned();
        reason.unwrap_or_else(|| "the registry thread panicked".to_owned())
    }
}

/// Starts the thread. It stops when every sender is dropped, the registry is closed or the database fails.
pub(super) fn spawn(
    store: Store,
    directory: StateDirectory,
) -> io::Result<(SyncSender<Job>, Arc<WorkerExit>)> {
    let (jobs, queue) = sync_channel(QUEUE_LENGTH);
    let exit = Arc::new(WorkerExit::default());
    let worker = Arc::clone(&exit);
    thread::Builder::new()
        .name("registry".to_owned())
        .spawn(move || {
            // Signals the end also after a panic. Dropped last, because a waiter may claim the directory at once.
            let _exited = worker.exited.clone().drop_guard();
            // Keeps the lock of the directory for as long as the store can write.
            let _directory = directory;
            let reason = match run(store, &queue) {
                ShutdownReason::Closed => "it was closed".to_owned(),
                ShutdownReason::Failed(reason) => reason,
            };
            worker.reason.get_or_init(|| reason);
        })?;
    Ok((jobs, exit))
}

/// Runs jobs until no sender is left, the store is closed or the database fails.
fn run(mut store: Store, jobs: &Receiver<Job>) -> ShutdownReason {
    let mut flushed_at = Instant::now();
    while !store.is_shut_down() {
        let until_flush = FLUSH_INTERVAL.saturating_sub(flushed_at.elapsed());
        match jobs.recv_timeout(until_flush) {
            Ok(first) => run_batch(&mut store, first, jobs),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if flushed_at.elapsed() >= FLUSH_INTERVAL {
            flushed_at = Instant::now();
            store.flush_or_log();
            store.check_files();
        }
    }
    store.shut_down()
}

/// Runs the waiting jobs, publishes their results, and then answers their callers.
fn run_batch(store: &mut Store, first: Job, jobs: &Receiver<Job>) {
    store.begin_batch();
    let batch = std::iter::once(first).chain(jobs.try_iter().take(BATCH - 1));
    let answers: Vec<Answer> = batch.map(|job| job(store)).collect();
    store.publish();
    for answer in answers {
        answer();
    }
}
