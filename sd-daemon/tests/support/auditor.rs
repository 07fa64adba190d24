//! Checks the invariants: the API, the registry and the engine agree with each other and with the acknowledged changes.
//!
//! [`SystemState::violations_at_any_time`] checks what holds at any time, [`SystemState::violations_when_idle`] also what holds once no operation is in
//! progress. Each violation is one sentence.

mod early_stops;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use sd_client::api::{Activity, Container, SignalKind, Status, Timestamp};

use crate::ledger::{Account, Ledger, Operation, Presence, status_name};
pub(crate) use early_stops::stopped_too_early;

/// The state of the API, the registry and the engine at one point in time.
pub(crate) struct SystemState {
    pub(crate) now: SystemTime,
    /// The maximum difference between the clocks of the daemon and of the ledger.
    pub(crate) clock_error: Duration,
    /// The containers that the API lists.
    pub(crate) listed: Vec<Container>,
    /// The activity of each of them according to the API.
    pub(crate) activities: BTreeMap<String, Activity>,
    /// The status codes of GET requests for deleted containers.
    pub(crate) answers_for_gone: BTreeMap<String, u16>,
    pub(crate) rows: Rows,
    /// The engine's containers of this registry, without foreign ones that have its labels.
    pub(crate) engine: Vec<EngineContainer>,
    pub(crate) volumes: BTreeSet<String>,
    /// The states of containers that the daemon does not manage.
    pub(crate) foreign: BTreeMap<String, String>,
}

/// A container according to the engine.
#[derive(Clone, Debug)]
pub(crate) struct EngineContainer {
    pub(crate) id: String,
    pub(crate) operation: String,
    pub(crate) name: String,
    pub(crate) image: String,
    /// In the terms of the API.
    pub(crate) status: String,
    pub(crate) ports: BTreeMap<String, u16>,
    /// The number of connections that it reports, from its environment.
    pub(crate) number: Option<u32>,
}

/// The rows of the registry.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// The operation and the state of each container.
    pub(crate) containers: BTreeMap<String, (String, String)>,
    /// The operations of open creations.
    pub(crate) creations: BTreeSet<String>,
}

impl Rows {
    /// Reads the file while the daemon has it open.
    pub(crate) fn read(file: &Path) -> rusqlite::Result<Self> {
        let connection = rusqlite::Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        let mut statement = connection.prepare("select id, operation, state from container")?;
        let containers = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        let containers = containers.collect::<rusqlite::Result<_>>()?;
        let mut statement = connection.prepare("select operation from creation")?;
        let creations = statement.query_map([], |row| row.get(0))?;
        Ok(Self {
            containers,
            creations: creations.collect::<rusqlite::Result<_>>()?,
        })
    }
}

impl SystemState {
    /// The violations of invariants that hold at any time.
    pub(crate) fn violations_at_any_time(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        findings.extend(one_container_per_key(ledger));
        findings.extend(self.deleted_containers_stay_deleted(ledger));
        findings.extend(self.acknowledged_containers_exist(ledger));
        findings.extend(self.check_ins_are_credited_correctly(ledger));
        findings.extend(self.stopped_too_early(ledger));
        findings.extend(self.foreign_containers_are_unchanged(ledger));
        findings
    }

    /// The violations of all invariants. Some hold only while no operation is in progress.
    pub(crate) fn violations_when_idle(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = self.violations_at_any_time(ledger);
        findings.extend(self.rows_match_containers());
        findings.extend(self.no_operation_is_stuck());
        findings.extend(self.api_matches_the_engine());
        findings.extend(self.acknowledged_changes_hold(ledger));
        findings.extend(self.external_removals_are_followed(ledger));
        findings.extend(self.stopped_too_late());
        findings
    }

    /// The creations that are still open. Orphaned ones are closed after a while.
    pub(crate) fn open_creations(&self) -> Vec<String> {
        let left = self.rows.creations.iter();
        left.map(|operation| format!("creation {operation} is still open"))
            .collect()
    }

    fn rows_match_containers(&self) -> Vec<String> {
        let mut findings = Vec::new();
        let listed: BTreeSet<_> = self
            .listed
            .iter()
            .map(|container| &container.container_id)
            .collect();
        let mut operations = BTreeSet::new();
        for seen in &self.engine {
            if !operations.insert(&seen.operation) {
                findings.push(format!(
                    "operation {} has created several containers",
                    seen.operation
                ));
            }
            match self.rows.containers.get(&seen.id) {
                Some((operation, _)) if *operation == seen.operation => {}
                Some((operation, _)) => findings.push(format!(
                    "container {} has the operation {}, its row has {operation}",
                    seen.id, seen.operation
                )),
                None => findings.push(format!("container {} is orphaned: it has no row", seen.id)),
            }
        }
        let existing: BTreeSet<_> = self.engine.iter().map(|seen| &seen.id).collect();
        for id in self.rows.containers.keys() {
            if !existing.contains(id) {
                findings.push(format!("row {id} has no container"));
            }
            if !listed.contains(id) {
                findings.push(format!("row {id} is not listed"));
            }
        }
        let unknown = listed
            .iter()
            .filter(|id| !self.rows.containers.contains_key(**id));
        findings.extend(unknown.map(|id| format!("container {id} is listed, but has no row")));
        findings
    }

    fn foreign_containers_are_unchanged(&self, ledger: &Ledger) -> Vec<String> {
        let made = ledger.all_foreign().iter();
        let changed = made.filter(|(id, state)| self.foreign.get(*id) != Some(state));
        changed
            .map(|(id, state)| {
                format!(
                    "foreign container {id} was {state:?}, and is {:?}",
                    self.foreign.get(id)
                )
            })
            .collect()
    }

    fn deleted_containers_stay_deleted(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        let exists = |id: &String| self.engine.iter().any(|seen| seen.id == *id);
        let is_listed = |id: &String| self.listed.iter().any(|container| container.container_id == *id);
        for (id, account) in accounts(ledger, Presence::Deleted) {
            if is_listed(id) || self.rows.containers.contains_key(id) {
                findings.push(format!("container {id} was deleted, but has a row or is listed"));
            }
            if exists(id) {
                findings.push(format!("container {id} was deleted, but exists"));
            }
            findings.extend(self.remaining_volumes(id, account));
        }
        let answered = self.answers_for_gone.iter().filter(|(_, status)| **status != 404);
        findings.extend(
            answered.map(|(id, status)| format!("GET of the deleted container {id} returns {status}")),
        );
        findings
    }

    fn external_removals_are_followed(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        for (id, account) in accounts(ledger, Presence::RemovedOnHost) {
            if self.rows.containers.contains_key(id) {
                findings.push(format!("container {id} was removed on the host, but has a row"));
            }
            findings.extend(self.remaining_volumes(id, account));
        }
        findings
    }

    fn remaining_volumes(&self, id: &str, account: &Account) -> Vec<String> {
        let remaining = account.volumes.intersection(&self.volumes);
        remaining
            .map(|volume| format!("container {id} is removed, but its volume {volume} is not"))
            .collect()
    }

    fn acknowledged_containers_exist(&self, ledger: &Ledger) -> Vec<String> {
        let certain = accounts(ledger, Presence::Exists).filter(|(_, account)| account.number.is_some());
        let lost = certain.filter(|(id, _)| !self.rows.containers.contains_key(*id));
        lost.map(|(id, _)| format!("container {id} was acknowledged and not removed, but has no row"))
            .collect()
    }

    fn no_operation_is_stuck(&self) -> Vec<String> {
        let rows = self.rows.containers.iter();
        let stuck =
            rows.filter(|(_, (_, state))| ["starting", "stopping", "removing"].contains(&state.as_str()));
        stuck
            .map(|(id, (_, state))| format!("container {id} stays {state}"))
            .collect()
    }

    fn api_matches_the_engine(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for container in &self.listed {
            let id = &container.container_id;
            let Some(seen) = self.engine.iter().find(|seen| seen.id == *id) else {
                continue;
            };
            let shown = (
                status_name(&container.status),
                &container.name,
                &container.image,
                &container.ports,
            );
            let real = (seen.status.clone(), &seen.name, &seen.image, &seen.ports);
            if shown != real {
                findings.push(format!(
                    "the API shows container {id} as {shown:?}, the engine as {real:?}"
                ));
            }
        }
        findings
    }

    fn acknowledged_changes_hold(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        for container in &self.listed {
            let id = &container.container_id;
            let Some(account) = ledger.accounts().get(id) else {
                continue;
            };
            let (status, statuses) = (status_name(&container.status), account.statuses(self.now));
            if !statuses.is_empty() && !statuses.contains(status.as_str()) {
                findings.push(format!(
                    "container {id} is {status}, expected one of {statuses:?}: {:#?}",
                    account.entries()
                ));
            }
            let timeouts = account.idle_timeouts();
            if !timeouts.is_empty() && !timeouts.contains(&container.idle_timeout) {
                findings.push(format!(
                    "container {id} has the idle timeout {:?}, expected one of {timeouts:?}",
                    container.idle_timeout
                ));
            }
            findings.extend(self.holds_are_respected(container, account));
        }
        findings
    }

    /// An acknowledged hold stays in effect for the rest of the run.
    fn holds_are_respected(&self, container: &Container, account: &Account) -> Vec<String> {
        let (Some(started_at), Some(activity)) =
            (container.started_at, self.activities.get(&container.container_id))
        else {
            return Vec::new();
        };
        let of_this_run = account.entries().iter().filter(|entry| {
            SystemTime::from(started_at) + self.clock_error < entry.began.at && entry.done().is_some()
        });
        let ends = of_this_run.filter_map(|entry| match entry.operation {
            Operation::Hold(span) => Some(entry.began.at + span),
            _ => None,
        });
        let Some(end) = ends.max() else { return Vec::new() };
        let kept = activity.keep_until.map(SystemTime::from);
        // A container without an idle timeout has no hold.
        let is_never_idle = container.idle_timeout.is_none();
        if is_never_idle || kept.is_some_and(|kept| kept + self.clock_error >= end) {
            return Vec::new();
        }
        vec![format!(
            "container {} was held until {}, but keep_until is {:?}",
            container.container_id,
            Timestamp::from(end),
            activity.keep_until.map(|kept| kept.to_string())
        )]
    }

    fn check_ins_are_credited_correctly(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        for container in &self.listed {
            let id = &container.container_id;
            let configured = self
                .engine
                .iter()
                .find(|seen| seen.id == *id)
                .and_then(|seen| seen.number);
            let acknowledged = ledger.accounts().get(id).and_then(|account| account.number);
            let Some(number) = configured.or(acknowledged) else {
                continue;
            };
            if ![0, number].contains(&container.active) {
                findings.push(format!(
                    "container {id} reports {number}, but is credited with {}",
                    container.active
                ));
            }
            let signals = self
                .activities
                .get(id)
                .into_iter()
                .flat_map(|activity| &activity.signals);
            let reported = signals.filter(|signal| signal.kind == SignalKind::CheckIn);
            for value in reported.filter_map(|signal| signal.value) {
                if ![0, u64::from(number)].contains(&value) {
                    findings.push(format!(
                        "container {id} reports {number}, but its signal has {value}"
                    ));
                }
            }
        }
        findings
    }

    fn stopped_too_early(&self, ledger: &Ledger) -> Vec<String> {
        let known = self.activities.iter();
        let accounts = known.filter_map(|(id, activity)| Some((activity, ledger.accounts().get(id)?)));
        accounts
            .flat_map(|(activity, account)| stopped_too_early(activity, account, ledger, self.clock_error))
            .collect()
    }

    fn stopped_too_late(&self) -> Vec<String> {
        let overdue = self.listed.iter().filter(|container| {
            let due = container.stops_at.map(SystemTime::from);
            container.status == Status::Running
                && due.is_some_and(|due| due + 2 * self.clock_error + STOP_DELAY < self.now)
        });
        overdue
            .map(|container| {
                format!(
                    "container {} was due at {}, but is running at {}",
                    container.container_id,
                    container.stops_at.map(|due| due.to_string()).unwrap_or_default(),
                    Timestamp::from(self.now)
                )
            })
            .collect()
    }
}

/// The stop of an idle container begins at most this long after its deadline.
const STOP_DELAY: Duration = Duration::from_secs(2);

fn one_container_per_key(ledger: &Ledger) -> Vec<String> {
    let several = ledger.keys().iter().filter(|(_, ids)| ids.len() > 1);
    several
        .map(|(key, ids)| format!("idempotency key {key} returned several containers: {ids:?}"))
        .collect()
}

fn accounts(ledger: &Ledger, presence: Presence) -> impl Iterator<Item = (&String, &Account)> {
    let accounts = ledger.accounts().iter();
    accounts.filter(move |(_, account)| account.presence() == presence)
}
