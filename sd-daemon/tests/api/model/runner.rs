//! Applies transitions to a daemon, records them in the ledger, and checks the invariants.

mod external;
mod requests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use sd_client::api::{ContainerQuery, Status, Timestamp};
use sd_daemon::clock::Clock;

use super::observation::{changed, observe_all};
use super::transition::Transition;
use crate::auditor::SystemState;
use crate::ledger::Ledger;
use crate::support::{TestDaemon, with_timeout};
use requests::{ENGINE_REJECTED, REFUSALS};

/// Bounds every wait; longer than any of them takes on a busy machine.
const HANG_LIMIT: Duration = Duration::from_secs(60);
/// Real time that the daemon gets to react to each second of its own time.
const PACE: Duration = Duration::from_millis(2);

pub(super) struct Runner {
    /// `None` only while the daemon is killed and restarted.
    daemon: Option<TestDaemon>,
    ledger: Ledger,
    next_number: u32,
    /// The statuses when the engine was disconnected; `None` while it is connected.
    statuses_at_disconnect: Option<BTreeMap<String, String>>,
}

impl Runner {
    pub(super) fn start() -> Self {
        let mut runner = Self {
            daemon: Some(TestDaemon::start()),
            ledger: Ledger::default(),
            next_number: 0,
            statuses_at_disconnect: None,
        };
        let now = runner.now();
        runner.ledger.daemon_started(now);
        runner
    }

    /// Applies a transition and checks the invariants.
    pub(super) async fn apply(&mut self, transition: Transition) {
        match transition {
            Transition::Request(request) => {
                if let Some(resolved) = self.resolve(&request) {
                    self.request(resolved, &REFUSALS).await;
                }
            }
            Transition::Fail(request, point, fault) => {
                if let Some(resolved) = self.resolve(&request) {
                    self.daemon().engine.fail_next(point, fault);
                    let refusals = [&REFUSALS[..], &[ENGINE_REJECTED]].concat();
                    self.request(resolved, &refusals).await;
                }
            }
            Transition::KillAt(request, point) => self.kill_at(&request, point).await,
            // Boxed, because the future holds two requests.
            Transition::Hang(one, other, point) => Box::pin(self.hang(&one, &other, point)).await,
            Transition::DisconnectClient(request) => self.disconnect_client(&request).await,
            Transition::Report(which) => self.report(which).await,
            Transition::ReportFromTakenAddress(which) => self.report_from_taken_address(which).await,
            Transition::External(which, change) => self.change_externally(which, change),
            Transition::Foreign(labels) => self.create_foreign(labels),
            Transition::Advance(time) => self.daemon().clock.advance(time),
            Transition::SetWallClock(by) => self.daemon().clock.set_wall_clock_forward(by),
            Transition::Disconnect => {
                self.daemon().engine.disconnect();
                self.statuses_at_disconnect = Some(self.statuses().await);
            }
            Transition::Reconnect => {
                self.statuses_at_disconnect = None;
                self.daemon().engine.reconnect();
            }
            Transition::Kill => self.kill_and_restart().await,
        }
        if self.statuses_at_disconnect.is_some() {
            self.assert_statuses_are_kept().await;
        } else {
            self.until_consistent().await;
        }
        // No two transitions have the same time.
        self.daemon().clock.advance(Duration::from_millis(1));
    }

    /// Reconnects the engine, waits until no create is left open, and checks that reads write nothing.
    pub(super) async fn finish(&mut self) {
        if self.statuses_at_disconnect.take().is_some() {
            self.daemon().engine.reconnect();
        }
        self.until_consistent().await;
        let no_create_is_open =
            |snapshot: &std::sync::Arc<sd_daemon::registry::Snapshot>| snapshot.creations().next().is_none();
        self.daemon().advance_until(no_create_is_open).await;
        self.until_consistent().await;
        let observed = observe_all(self.daemon(), &self.ledger).await;
        assert_eq!(observed.open_creations(), [""; 0]);
        self.reads_write_nothing().await;
    }

    /// While the engine is disconnected, every container keeps its status.
    ///
    /// An audit fails at the engine. The daemon has one worker thread, so the tasks that the transition has woken have
    /// run before it is answered.
    async fn assert_statuses_are_kept(&self) {
        let audit = ContainerQuery {
            audit: true,
            ..ContainerQuery::default()
        };
        let failed = self.daemon().client.containers(&audit).await;
        assert!(failed.is_err(), "the disconnected engine answered: {failed:?}");
        assert_eq!(Some(self.statuses().await), self.statuses_at_disconnect);
    }

    /// Removes every fault and waits until daemon, engine and ledger agree.
    async fn until_consistent(&mut self) {
        self.daemon().engine.clear_faults();
        let deadline = Instant::now() + HANG_LIMIT;
        loop {
            let observed = observe_all(self.daemon(), &self.ledger).await;
            assert_eq!(observed.violations_at_any_time(&self.ledger), [""; 0]);
            let mut findings = observed.violations_when_idle(&self.ledger);
            findings.extend(due_containers(&observed));
            if findings.is_empty() {
                let now = self.now();
                for container in &observed.listed {
                    self.ledger.enter_existing(container, now);
                }
                self.ledger
                    .confirm_removals(|id| observed.rows.containers.contains_key(id), now);
                break;
            }
            assert!(Instant::now() < deadline, "{findings:#?}");
            self.daemon().clock.advance(Duration::from_secs(1));
            self.pause().await;
        }
        self.record_volumes();
        let changed = changed(&self.daemon().engine);
        let touched: Vec<_> = changed
            .iter()
            .filter(|id| self.ledger.all_foreign().contains_key(*id))
            .collect();
        assert!(
            touched.is_empty(),
            "the daemon changed foreign containers: {touched:?}"
        );
    }

    /// Lets the daemon react: until the registry changes, or for a short time.
    async fn pause(&self) {
        let change = self.daemon().registry_change();
        drop(tokio::time::timeout(PACE, change).await);
    }

    /// Lists containers until one round of reads leaves the registry unchanged; background work may still write.
    async fn reads_write_nothing(&self) {
        let registry = rusqlite::Connection::open(self.daemon().registry_file()).unwrap();
        let version = || {
            registry
                .query_row("pragma data_version", [], |row| row.get::<_, i64>(0))
                .unwrap()
        };
        let query = ContainerQuery {
            audit: true,
            ..ContainerQuery::default()
        };
        let quiet = async {
            loop {
                let before = version();
                for _ in 0..2 {
                    self.daemon().client.containers(&query).await.unwrap();
                }
                if version() == before {
                    return;
                }
            }
        };
        with_timeout(quiet).await;
    }

    fn daemon(&self) -> &TestDaemon {
        self.daemon.as_ref().unwrap()
    }

    fn now(&self) -> SystemTime {
        SystemTime::from(self.daemon().clock.now())
    }

    async fn statuses(&self) -> BTreeMap<String, String> {
        let listed = self
            .daemon()
            .client
            .containers(&ContainerQuery::default())
            .await
            .unwrap();
        listed
            .into_iter()
            .map(|shown| (shown.container_id, shown.status.to_string()))
            .collect()
    }

    fn record_volumes(&mut self) {
        for id in self.daemon().engine.containers() {
            let volume = self.daemon().engine.volume_of(id);
            self.ledger.enter_volumes(&id.to_string(), volume);
        }
    }

    /// Selects one of the containers whose removal has not been acknowledged.
    fn pick(&self, which: usize) -> Option<String> {
        let alive = self.ledger.alive();
        alive.get(which.checked_rem(alive.len())?).cloned()
    }

    async fn kill_and_restart(&mut self) {
        let daemon = self.daemon.take().unwrap();
        self.daemon = Some(daemon.kill_and_restart().await);
        let now = self.now();
        self.ledger.daemon_started(now);
    }
}

/// Containers that are due: the daemon may have begun to change them, although no response shows it yet.
fn due_containers(observed: &SystemState) -> impl Iterator<Item = String> {
    let is_past = |time: Option<Timestamp>| time.is_some_and(|time| SystemTime::from(time) <= observed.now);
    let due = observed.listed.iter().filter(move |shown| {
        shown.status == Status::Running && is_past(shown.stops_at) || is_past(shown.removes_at)
    });
    due.map(|shown| format!("container {} is due, and {}", shown.container_id, shown.status))
}
