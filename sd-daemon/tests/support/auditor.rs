//! Asks what always has to be true: of the API, the registry's file and the engine, which have to agree with each
//! other and with what was acknowledged.
//!
//! What can be asked at any moment is in [`Sighting::at_any_moment`]; the rest once nothing is under way, in
//! [`Sighting::in_quiet`]. Each finding is one sentence.
//!
//! Longer than most files here, so that every question stands beside the others.

mod early_stops;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use sd_client::api::{Activity, Container, SignalKind, Status, Timestamp};

use crate::ledger::{Account, Deed, Ledger, Presence, word};
pub(crate) use early_stops::stopped_too_early;

/// What three different places say at one moment.
pub(crate) struct Sighting {
    pub(crate) now: SystemTime,
    /// How far the daemon's clock may be from the one that the ledger was written by.
    pub(crate) clock_error: Duration,
    /// What the API lists.
    pub(crate) listed: Vec<Container>,
    /// What the API says about the use of each of them.
    pub(crate) activities: BTreeMap<String, Activity>,
    /// What it answers when it is asked for containers that are gone: the status.
    pub(crate) answers_for_gone: BTreeMap<String, u16>,
    pub(crate) rows: Rows,
    /// The engine's containers of this registry, without foreign ones that carry its labels.
    pub(crate) engine: Vec<Seen>,
    pub(crate) volumes: BTreeSet<String>,
    /// Containers that are not the daemon's business.
    pub(crate) foreign: BTreeMap<String, String>,
}

/// A container as the engine shows it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) operation: String,
    pub(crate) name: String,
    pub(crate) image: String,
    /// In the API's words.
    pub(crate) status: String,
    pub(crate) ports: BTreeMap<String, u16>,
    /// What it reports, as it was told at its creation.
    pub(crate) number: Option<u32>,
}

/// What the registry's file says.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Each container's operation and state.
    pub(crate) containers: BTreeMap<String, (String, String)>,
    /// Creates without a container.
    pub(crate) creations: BTreeSet<String>,
}

impl Rows {
    /// Reads them as an operator would, beside the daemon.
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

impl Sighting {
    /// What has to be true even while things happen.
    pub(crate) fn at_any_moment(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        findings.extend(one_for_each_key(ledger));
        findings.extend(self.deleted_stays_deleted(ledger));
        findings.extend(self.is_not_lost(ledger));
        findings.extend(self.credited_to_the_reporter(ledger));
        findings.extend(self.stopped_too_early(ledger));
        findings.extend(self.foreign_untouched(ledger));
        findings
    }

    /// What has to be true once nothing is under way.
    pub(crate) fn in_quiet(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = self.at_any_moment(ledger);
        findings.extend(self.bound_one_to_one());
        findings.extend(self.nothing_half_done());
        findings.extend(self.told_as_it_is());
        findings.extend(self.acknowledged_is_kept(ledger));
        findings.extend(self.gone_in_the_end(ledger));
        findings.extend(self.stopped_too_late());
        findings
    }

    /// Creates that were left behind are forgotten after a while.
    pub(crate) fn no_creation_left(&self) -> Vec<String> {
        let left = self.rows.creations.iter();
        left.map(|operation| format!("the creation {operation} is still open"))
            .collect()
    }

    fn bound_one_to_one(&self) -> Vec<String> {
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
                    "the operation {} has made several containers",
                    seen.operation
                ));
            }
            match self.rows.containers.get(&seen.id) {
                Some((operation, _)) if *operation == seen.operation => {}
                Some((operation, _)) => findings.push(format!(
                    "container {} is of the operation {}, its row says {operation}",
                    seen.id, seen.operation
                )),
                None => findings.push(format!("container {} is an orphan: it has no row", seen.id)),
            }
        }
        let existing: BTreeSet<_> = self.engine.iter().map(|seen| &seen.id).collect();
        for id in self.rows.containers.keys() {
            if !existing.contains(id) {
                findings.push(format!("the row {id} has no container"));
            }
            if !listed.contains(id) {
                findings.push(format!("the row {id} is not listed"));
            }
        }
        let unknown = listed
            .iter()
            .filter(|id| !self.rows.containers.contains_key(**id));
        findings.extend(unknown.map(|id| format!("container {id} is listed and has no row")));
        findings
    }

    fn foreign_untouched(&self, ledger: &Ledger) -> Vec<String> {
        let made = ledger.all_foreign().iter();
        let changed = made.filter(|(id, look)| self.foreign.get(*id) != Some(look));
        changed
            .map(|(id, look)| {
                format!(
                    "the foreign container {id} was {look:?} and is {:?}",
                    self.foreign.get(id)
                )
            })
            .collect()
    }

    fn deleted_stays_deleted(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        let exists = |id: &String| self.engine.iter().any(|seen| seen.id == *id);
        let is_listed = |id: &String| self.listed.iter().any(|container| container.container_id == *id);
        for (id, account) in accounts(ledger, Presence::Denied) {
            if is_listed(id) || self.rows.containers.contains_key(id) {
                findings.push(format!("container {id} was deleted and is there again"));
            }
            if exists(id) {
                findings.push(format!("container {id} was deleted and still exists"));
            }
            findings.extend(self.remaining_volumes(id, account));
        }
        let answered = self.answers_for_gone.iter().filter(|(_, status)| **status != 404);
        findings.extend(answered.map(|(id, status)| format!("GET of the deleted {id} is answered {status}")));
        findings
    }

    fn gone_in_the_end(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        for (id, account) in accounts(ledger, Presence::Ending) {
            if self.rows.containers.contains_key(id) {
                findings.push(format!(
                    "container {id} was removed on the host and still has a row"
                ));
            }
            findings.extend(self.remaining_volumes(id, account));
        }
        findings
    }

    fn remaining_volumes(&self, id: &str, account: &Account) -> Vec<String> {
        let remaining = account.volumes.intersection(&self.volumes);
        remaining
            .map(|volume| format!("container {id} is gone and its volume {volume} is not"))
            .collect()
    }

    fn is_not_lost(&self, ledger: &Ledger) -> Vec<String> {
        let certain = accounts(ledger, Presence::Certain).filter(|(_, account)| account.number.is_some());
        let lost = certain.filter(|(id, _)| !self.rows.containers.contains_key(*id));
        lost.map(|(id, _)| format!("container {id} was acknowledged, nobody removed it, and it is lost"))
            .collect()
    }

    fn nothing_half_done(&self) -> Vec<String> {
        let rows = self.rows.containers.iter();
        let under_way =
            rows.filter(|(_, (_, state))| ["starting", "stopping", "removing"].contains(&state.as_str()));
        under_way
            .map(|(id, (_, state))| format!("container {id} is {state} for ever"))
            .collect()
    }

    fn told_as_it_is(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for container in &self.listed {
            let id = &container.container_id;
            let Some(seen) = self.engine.iter().find(|seen| seen.id == *id) else {
                continue;
            };
            let told = (
                word(&container.status),
                &container.name,
                &container.image,
                &container.ports,
            );
            let real = (seen.status.clone(), &seen.name, &seen.image, &seen.ports);
            if told != real {
                findings.push(format!(
                    "container {id} is told as {told:?}, the engine says {real:?}"
                ));
            }
        }
        findings
    }

    fn acknowledged_is_kept(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        for container in &self.listed {
            let id = &container.container_id;
            let Some(account) = ledger.accounts().get(id) else {
                continue;
            };
            let (status, statuses) = (word(&container.status), account.statuses(self.now));
            if !statuses.is_empty() && !statuses.contains(status.as_str()) {
                findings.push(format!(
                    "container {id} is {status}, but was left {statuses:?}: {:#?}",
                    account.entries()
                ));
            }
            let timeouts = account.idle_timeouts();
            if !timeouts.is_empty() && !timeouts.contains(&container.idle_timeout) {
                findings.push(format!(
                    "container {id} has the idle timeout {:?}, but was given {timeouts:?}",
                    container.idle_timeout
                ));
            }
            findings.extend(self.holds_are_kept(container, account));
        }
        findings
    }

    /// Somebody was told that a container is not stopped before a moment: in the same run, that still holds.
    fn holds_are_kept(&self, container: &Container, account: &Account) -> Vec<String> {
        let (Some(started_at), Some(activity)) =
            (container.started_at, self.activities.get(&container.container_id))
        else {
            return Vec::new();
        };
        let of_this_run = account.entries().iter().filter(|entry| {
            SystemTime::from(started_at) + self.clock_error < entry.began.at && entry.done().is_some()
        });
        let ends = of_this_run.filter_map(|entry| match entry.deed {
            Deed::Hold(span) => Some(entry.began.at + span),
            _ => None,
        });
        let Some(end) = ends.max() else { return Vec::new() };
        let kept = activity.keep_until.map(SystemTime::from);
        // A container that is never stopped for idleness needs no hold, and has none.
        let is_pinned = container.idle_timeout.is_none();
        if is_pinned || kept.is_some_and(|kept| kept + self.clock_error >= end) {
            return Vec::new();
        }
        vec![format!(
            "container {} was held until {}, and is kept until {:?}",
            container.container_id,
            Timestamp::from(end),
            activity.keep_until.map(|kept| kept.to_string())
        )]
    }

    fn credited_to_the_reporter(&self, ledger: &Ledger) -> Vec<String> {
        let mut findings = Vec::new();
        for container in &self.listed {
            let id = &container.container_id;
            let told = self
                .engine
                .iter()
                .find(|seen| seen.id == *id)
                .and_then(|seen| seen.number);
            let acknowledged = ledger.accounts().get(id).and_then(|account| account.number);
            let Some(number) = told.or(acknowledged) else {
                continue;
            };
            if ![0, number].contains(&container.active) {
                findings.push(format!(
                    "container {id} reports {number}, and is credited with {}",
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
                        "container {id} reports {number}, and its signal says {value}"
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
                && due.is_some_and(|due| due + 2 * self.clock_error + SWEEP < self.now)
        });
        overdue
            .map(|container| {
                format!(
                    "container {} should have been stopped at {} and runs at {}",
                    container.container_id,
                    container.stops_at.map(|due| due.to_string()).unwrap_or_default(),
                    Timestamp::from(self.now)
                )
            })
            .collect()
    }
}

/// Within this time after its deadline an idle container is being stopped.
const SWEEP: Duration = Duration::from_secs(2);

fn one_for_each_key(ledger: &Ledger) -> Vec<String> {
    let several = ledger.keys().iter().filter(|(_, ids)| ids.len() > 1);
    several
        .map(|(key, ids)| format!("the key {key} was answered with {ids:?}"))
        .collect()
}

fn accounts(ledger: &Ledger, presence: Presence) -> impl Iterator<Item = (&String, &Account)> {
    let accounts = ledger.accounts().iter();
    accounts.filter(move |(_, account)| account.presence() == presence)
}
