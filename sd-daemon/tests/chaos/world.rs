//! The shared state of a run: the daemon, the engine, the ledger and the violations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};
use sd_client::{Client, Error, RequestSent};
use sd_daemon::clock::{Clock, SystemClock};
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use crate::daemon::Daemon;
use crate::engine::RealEngine;
use crate::ledger::Ledger;

/// The wall clock may be adjusted slightly between two starts of the daemon.
pub(crate) const CLOCK_ERROR: Duration = Duration::from_secs(1);

pub(crate) struct World {
    pub(crate) daemon: Daemon,
    pub(crate) client: Client,
    pub(crate) engine: RealEngine,
    /// Clients hold it for reading during an operation; an audit holds it for writing, so that no operation is in progress.
    pub(crate) gate: RwLock<()>,
    /// Held for reading during `docker exec`, and for writing while a container is paused: Docker hangs if a container is
    /// paused while an exec starts in it.
    pub(crate) exec_gate: RwLock<()>,
    pub(crate) over: CancellationToken,
    clock: SystemClock,
    ledger: Mutex<Ledger>,
    findings: Mutex<BTreeSet<String>>,
    numbers: AtomicU32,
    /// Incremented before the daemon is killed and when it is ready again, so that it is odd while the daemon is down.
    changes: AtomicU64,
    instance: OnceLock<String>,
    tally: Mutex<BTreeMap<&'static str, Tally>>,
}

/// The number of attempts of an operation by their outcomes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
}

/// The outcome of a request.
pub(crate) enum Outcome<T> {
    Acknowledged(T),
    Refused,
    /// The daemon was down.
    NotSent,
    /// It may have taken effect.
    Unknown,
}

impl World {
    pub(crate) fn new(daemon: Daemon) -> anyhow::Result<Self> {
        Ok(Self {
            client: daemon.client()?,
            daemon,
            engine: RealEngine::connect()?,
            gate: RwLock::new(()),
            exec_gate: RwLock::new(()),
            over: CancellationToken::new(),
            clock: SystemClock::new(),
            ledger: Mutex::default(),
            findings: Mutex::default(),
            numbers: AtomicU32::new(0),
            changes: AtomicU64::new(0),
            instance: OnceLock::new(),
            tally: Mutex::default(),
        })
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.wall_time().into()
    }

    /// The lock is held only briefly.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// A number of connections that no other container reports.
    pub(crate) fn next_number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The id of the registry, which is the same for the whole run.
    pub(crate) fn instance(&self) -> anyhow::Result<String> {
        if let Some(instance) = self.instance.get() {
            return Ok(instance.clone());
        }
        let registry = rusqlite::Connection::open(self.daemon.registry())?;
        let instance: String = registry.query_row("select id from instance", [], |row| row.get(0))?;
        Ok(self.instance.get_or_init(|| instance).clone())
    }

    /// Records that the daemon is about to be killed, or is ready again.
    pub(crate) fn daemon_changes(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// Records a violation of an invariant.
    pub(crate) fn found(&self, finding: impl Into<String>) {
        let finding = finding.into();
        let mut findings = self.findings.lock();
        if !findings.contains(&finding) {
            println!("VIOLATION: {finding}");
            findings.insert(finding);
        }
    }

    pub(crate) fn findings(&self) -> BTreeSet<String> {
        self.findings.lock().clone()
    }

    /// Sends a request, and checks its response. While the daemon is up, every request gets a response, and every error has
    /// a detail.
    pub(crate) async fn attempt<T>(
        &self,
        what: &'static str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Outcome<T> {
        let before = self.changes.load(Ordering::SeqCst);
        let answer = request.await;
        let after = self.changes.load(Ordering::SeqCst);
        let was_down = before != after || before % 2 == 1;
        let outcome = match answer {
            Ok(value) => Outcome::Acknowledged(value),
            Err(error) => self.check_error(what, &error, was_down),
        };
        self.count(what, &outcome);
        outcome
    }

    fn check_error<T>(&self, what: &str, error: &Error, was_down: bool) -> Outcome<T> {
        match error {
            Error::Unreachable { sent, .. } if was_down => match sent {
                RequestSent::No => Outcome::NotSent,
                RequestSent::Unknown => Outcome::Unknown,
            },
            Error::Problem(problem) => {
                let is_allowed = matches!(problem.status, 404 | 409 | 429 | 503 | 504 | 507);
                if !is_allowed || problem.detail.is_empty() {
                    self.found(format!("{what} returned {problem:?}"));
                }
                if problem.status < 500 {
                    Outcome::Refused
                } else {
                    Outcome::Unknown
                }
            }
            error => {
                self.found(format!(
                    "{what} had no response although the daemon was running: {error}"
                ));
                Outcome::Unknown
            }
        }
    }

    pub(crate) fn count<T>(&self, what: &'static str, outcome: &Outcome<T>) {
        let mut tallies = self.tally.lock();
        let tally = tallies.entry(what).or_default();
        match outcome {
            Outcome::Acknowledged(_) => tally.acknowledged += 1,
            Outcome::Refused | Outcome::NotSent => tally.refused += 1,
            Outcome::Unknown => tally.unknown += 1,
        }
    }

    pub(crate) fn tally(&self) -> BTreeMap<&'static str, Tally> {
        self.tally.lock().clone()
    }
}
