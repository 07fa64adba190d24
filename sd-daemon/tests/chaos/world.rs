//! What the clients of a run share: the daemon, the engine, the ledger, and what was found wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use sd_client::{Client, Error, RequestSent};
use sd_daemon::clock::{Clock, SystemClock};
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;

use crate::daemon::Daemon;
use crate::engine::RealEngine;
use crate::ledger::Ledger;

/// The machine's date may be corrected a little between two starts of the daemon.
pub(crate) const CLOCK_ERROR: Duration = Duration::from_secs(1);

pub(crate) struct World {
    pub(crate) daemon: Daemon,
    pub(crate) client: Client,
    pub(crate) engine: RealEngine,
    /// Held by whoever does something; taken as a whole to look at everything while nothing is done.
    pub(crate) gate: RwLock<()>,
    /// Taken as a whole to pause a container: Docker hangs about one that is paused while something begins in it.
    pub(crate) beginning_inside: RwLock<()>,
    pub(crate) over: CancellationToken,
    clock: SystemClock,
    ledger: Mutex<Ledger>,
    findings: Mutex<BTreeSet<String>>,
    numbers: AtomicU32,
    /// Grows before the daemon is killed and when it is ready again: odd while it is away.
    changes: AtomicU64,
    instance: OnceLock<String>,
    tally: Mutex<BTreeMap<&'static str, Tally>>,
}

/// How often something was tried, and what came of it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) acknowledged: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
}

/// What came of a request.
pub(crate) enum Outcome<T> {
    Acknowledged(T),
    Refused,
    /// The daemon was away.
    NotSent,
    /// It may have been done.
    Unknown,
}

impl World {
    pub(crate) fn new(daemon: Daemon) -> anyhow::Result<Self> {
        Ok(Self {
            client: daemon.client()?,
            daemon,
            engine: RealEngine::connect()?,
            gate: RwLock::new(()),
            beginning_inside: RwLock::new(()),
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

    /// Held for a few instructions only.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that no other container has.
    pub(crate) fn next_number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The identity of the registry, which is the same for the whole run.
    pub(crate) fn instance(&self) -> anyhow::Result<String> {
        if let Some(instance) = self.instance.get() {
            return Ok(instance.clone());
        }
        let registry = rusqlite::Connection::open(self.daemon.registry())?;
        let instance: String = registry.query_row("select id from instance", [], |row| row.get(0))?;
        Ok(self.instance.get_or_init(|| instance).clone())
    }

    /// The daemon is about to be killed, or is ready again.
    pub(crate) fn daemon_changes(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// Something is not as it always has to be.
    pub(crate) fn found(&self, finding: impl Into<String>) {
        let finding = finding.into();
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        if !findings.contains(&finding) {
            println!("VIOLATION: {finding}");
            findings.insert(finding);
        }
    }

    pub(crate) fn findings(&self) -> BTreeSet<String> {
        self.findings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes a request, and judges its answer: whatever happens, the daemon answers, and says what it is about.
    pub(crate) async fn attempt<T>(
        &self,
        what: &'static str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Outcome<T> {
        let before = self.changes.load(Ordering::SeqCst);
        let answer = request.await;
        let after = self.changes.load(Ordering::SeqCst);
        let was_away = before != after || before % 2 == 1;
        let outcome = match answer {
            Ok(value) => Outcome::Acknowledged(value),
            Err(error) => self.judge(what, &error, was_away),
        };
        self.count(what, &outcome);
        outcome
    }

    fn judge<T>(&self, what: &str, error: &Error, was_away: bool) -> Outcome<T> {
        match error {
            Error::Unreachable { sent, .. } if was_away => match sent {
                RequestSent::No => Outcome::NotSent,
                RequestSent::Unknown => Outcome::Unknown,
            },
            Error::Problem(problem) => {
                let is_allowed = matches!(problem.status, 404 | 409 | 429 | 503 | 504 | 507);
                if !is_allowed || problem.detail.is_empty() {
                    self.found(format!("{what} was answered with {problem:?}"));
                }
                if problem.status < 500 {
                    Outcome::Refused
                } else {
                    Outcome::Unknown
                }
            }
            error => {
                self.found(format!(
                    "{what} was not answered although the daemon was there: {error}"
                ));
                Outcome::Unknown
            }
        }
    }

    pub(crate) fn count<T>(&self, what: &'static str, outcome: &Outcome<T>) {
        let mut tallies = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry(what).or_default();
        match outcome {
            Outcome::Acknowledged(_) => tally.acknowledged += 1,
            Outcome::Refused | Outcome::NotSent => tally.refused += 1,
            Outcome::Unknown => tally.unknown += 1,
        }
    }

    pub(crate) fn tally(&self) -> BTreeMap<&'static str, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
