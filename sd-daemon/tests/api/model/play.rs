//! Lets a history happen to a daemon, enters it into the ledger, and has everything audited.

mod asking;
mod host;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use sd_client::api::{ContainerQuery, Status, Timestamp};
use sd_daemon::clock::Clock;

use super::sample::{changed, look};
use super::transition::Transition;
use crate::auditor::Sighting;
use crate::ledger::Ledger;
use crate::support::{TestDaemon, with_timeout};
use asking::{ENGINE_REFUSED, NO};

/// Everything settles within this time, on a machine with other things to do too.
const HANG_LIMIT: Duration = Duration::from_secs(60);
/// Whatever happens by itself has begun after this time, if it begins at all.
const MOMENT: Duration = Duration::from_millis(2);
pub(super) struct Play {
    /// There is always one, but while it is being killed.
    daemon: Option<TestDaemon>,
    ledger: Ledger,
    next_number: u32,
    /// What the API said when the engine was last seen; nothing while it is there.
    frozen: Option<BTreeMap<String, String>>,
}

impl Play {
    pub(super) fn begin() -> Self {
        let mut play = Self {
            daemon: Some(TestDaemon::start()),
            ledger: Ledger::default(),
            next_number: 0,
            frozen: None,
        };
        let now = play.now();
        play.ledger.daemon_starts(now);
        play
    }

    /// Lets a step happen, and asks what has to be true then.
    pub(super) async fn take(&mut self, transition: Transition) {
        match transition {
            Transition::Ask(request) => {
                if let Some(asked) = self.resolve(&request) {
                    self.ask(asked, &NO).await;
                }
            }
            Transition::Fail(request, point, fault) => {
                if let Some(asked) = self.resolve(&request) {
                    self.daemon().engine.fail_next(point, fault);
                    self.ask(asked, &[&NO[..], &[ENGINE_REFUSED]].concat()).await;
                }
            }
            Transition::KillAt(request, point) => self.kill_at(&request, point).await,
            // Two requests wait in it.
            Transition::Hang(one, other, point) => Box::pin(self.hang(&one, &other, point)).await,
            Transition::HangUp(request) => self.hang_up(&request).await,
            Transition::Report(which) => self.report(which).await,
            Transition::ReportFromTakenAddress(which) => self.report_from_taken_address(which).await,
            Transition::Outside(which, what) => self.outside(which, what),
            Transition::Foreign(labels) => self.make_foreign(labels),
            Transition::Pass(time) => self.daemon().clock.advance(time),
            Transition::SetDate(by) => self.daemon().clock.set_wall_clock_forward(by),
            Transition::Disconnect => {
                self.daemon().engine.disconnect();
                self.frozen = Some(self.statuses().await);
            }
            Transition::Reconnect => {
                self.frozen = None;
                self.daemon().engine.reconnect();
            }
            Transition::Kill => self.kill_and_restart().await,
        }
        if self.frozen.is_some() {
            tokio::time::sleep(MOMENT).await;
            assert_eq!(
                Some(self.statuses().await),
                self.frozen,
                "what is unknown is as it was"
            );
        } else {
            self.settle_down().await;
        }
        // So that no two steps happen at the same time.
        self.daemon().clock.advance(Duration::from_millis(1));
    }

    /// Lifts every fault, and has everything settled; creates that were left behind too.
    pub(super) async fn end(&mut self) {
        if self.frozen.take().is_some() {
            self.daemon().engine.reconnect();
        }
        self.settle_down().await;
        let registry_is_settled =
            |snapshot: &std::sync::Arc<sd_daemon::registry::Snapshot>| snapshot.creations().next().is_none();
        self.daemon().advance_until(registry_is_settled).await;
        self.settle_down().await;
        let sighting = look(self.daemon(), &self.ledger).await;
        assert_eq!(sighting.no_creation_left(), [""; 0]);
        self.reads_write_nothing().await;
    }

    async fn settle_down(&mut self) {
        self.daemon().engine.forget_faults();
        let deadline = Instant::now() + HANG_LIMIT;
        loop {
            let sighting = look(self.daemon(), &self.ledger).await;
            assert_eq!(sighting.at_any_moment(&self.ledger), [""; 0]);
            let mut findings = sighting.in_quiet(&self.ledger);
            findings.extend(about_to_change(&sighting));
            if findings.is_empty() {
                let now = self.now();
                for container in &sighting.listed {
                    self.ledger.adopt(container, now);
                }
                self.ledger
                    .bury(|id| sighting.rows.containers.contains_key(id), now);
                break;
            }
            assert!(Instant::now() < deadline, "{findings:#?}");
            self.daemon().clock.advance(Duration::from_secs(1));
            tokio::time::sleep(MOMENT).await;
        }
        self.note_volumes();
        let changed = changed(&self.daemon().engine);
        let touched: Vec<_> = changed
            .iter()
            .filter(|id| self.ledger.all_foreign().contains_key(*id))
            .collect();
        assert!(
            touched.is_empty(),
            "foreign containers are nobody's business: {touched:?}"
        );
    }

    /// What happens by itself may be under way still: one round of several without a change is enough.
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

    fn note_volumes(&mut self) {
        for id in self.daemon().engine.containers() {
            let volume = self.daemon().engine.volume_of(id);
            self.ledger.has_volumes(&id.to_string(), volume);
        }
    }

    /// The container that a number stands for, of those that nobody was told are gone.
    fn pick(&self, which: usize) -> Option<String> {
        let alive = self.ledger.alive();
        alive.get(which.checked_rem(alive.len())?).cloned()
    }

    async fn kill_and_restart(&mut self) {
        let daemon = self.daemon.take().unwrap();
        self.daemon = Some(daemon.kill_and_restart().await);
        let now = self.now();
        self.ledger.daemon_starts(now);
    }
}

/// What the daemon may be at already, though nothing shows it yet: the next step would meet it half-way.
fn about_to_change(sighting: &Sighting) -> impl Iterator<Item = String> {
    let is_past = |time: Option<Timestamp>| time.is_some_and(|time| SystemTime::from(time) <= sighting.now);
    let due = sighting.listed.iter().filter(move |shown| {
        shown.status == Status::Running && is_past(shown.stops_at) || is_past(shown.removes_at)
    });
    due.map(|shown| format!("container {} is due, and {}", shown.container_id, shown.status))
}
