//! The ledger: which operations were requested of the daemon, and which of them it acknowledged.
//!
//! An operation is entered before its request, and settled with the response. An operation without a response may have
//! happened or not. If one operation ended before another one began, it came first. An audit concludes from nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use sd_client::api::{Container, Status};

/// An operation on a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Delete it.
    Remove,
    /// Stop it on the host.
    ExternalStop,
    /// Remove it on the host.
    ExternalRemove,
    /// Pause it on the host.
    ExternalPause,
    /// Set its idle timeout in seconds. `None` means that it has none.
    SetIdleTimeout(Option<u64>),
    /// Hold it for this long.
    Hold(Duration),
    /// Report its number of connections.
    CheckIn,
}

/// A position in the order of all operations, and its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    order: u64,
    pub(crate) at: SystemTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Acknowledged,
    /// There is no response, or none yet.
    Missing,
    Refused,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) operation: Operation,
    pub(crate) began: Moment,
    ended: Option<Moment>,
    answer: Answer,
}

impl Entry {
    /// When it was over, if it certainly happened.
    pub(crate) fn done(&self) -> Option<Moment> {
        self.ended.filter(|_| self.answer == Answer::Acknowledged)
    }

    fn is_followed_by(&self, later: &Self) -> bool {
        later.answer == Answer::Acknowledged
            && self.ended.is_some_and(|ended| ended.order < later.began.order)
    }
}

/// Identifies an entry that has to be settled.
#[must_use = "an entry has to be settled"]
pub(crate) struct Ticket {
    container: String,
    index: usize,
}

/// The operations on one container.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// The number of connections that only this container reports. `None` if its create was not acknowledged.
    pub(crate) number: Option<u32>,
    /// The volumes that were created with it.
    pub(crate) volumes: BTreeSet<String>,
    entries: Vec<Entry>,
}

/// Whether a container exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Exists,
    Unknown,
    /// Its delete was acknowledged.
    Deleted,
    /// It was removed on the host, which the daemon has yet to detect.
    RemovedOnHost,
}

impl Account {
    pub(crate) fn presence(&self) -> Presence {
        let removals = |wanted: Operation| {
            let entries = self.entries.iter();
            entries.filter(move |entry| entry.operation == wanted && entry.answer != Answer::Refused)
        };
        let is_done = |entry: &Entry| entry.done().is_some();
        if removals(Operation::Remove).any(is_done) {
            Presence::Deleted
        } else if removals(Operation::ExternalRemove).any(is_done) {
            Presence::RemovedOnHost
        } else if removals(Operation::Remove).next().is_some()
            || removals(Operation::ExternalRemove).next().is_some()
        {
            Presence::Unknown
        } else {
            Presence::Exists
        }
    }

    /// The statuses that it may have once no operation is in progress: the result of each operation that may have been the
    /// last one. Empty if there is none.
    pub(crate) fn statuses(&self, now: SystemTime) -> BTreeSet<&'static str> {
        let ends = |entry: &Entry| match entry.operation {
            Operation::Start => Some("running"),
            Operation::Stop | Operation::ExternalStop => Some("stopped"),
            Operation::ExternalPause => Some("paused"),
            Operation::Remove
            | Operation::ExternalRemove
            | Operation::SetIdleTimeout(_)
            | Operation::Hold(_)
            | Operation::CheckIn => None,
        };
        let mut statuses: BTreeSet<_> = self.may_be_last(&ends).collect();
        if statuses.contains("running") && self.may_be_idle(now) {
            statuses.insert("stopped");
        }
        statuses
    }

    /// The idle timeouts that it may have.
    pub(crate) fn idle_timeouts(&self) -> BTreeSet<Option<u64>> {
        let sets = |entry: &Entry| match entry.operation {
            Operation::SetIdleTimeout(seconds) => Some(seconds),
            _ => None,
        };
        self.may_be_last(&sets).collect()
    }

    /// The shortest idle timeout that it has ever had.
    pub(crate) fn shortest_idle_timeout(&self) -> Option<Duration> {
        let seconds = self.entries.iter().filter_map(|entry| match entry.operation {
            Operation::SetIdleTimeout(seconds) if entry.answer != Answer::Refused => seconds,
            _ => None,
        });
        seconds.min().map(Duration::from_secs)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn may_be_last<T>(&self, result: &impl Fn(&Entry) -> Option<T>) -> impl Iterator<Item = T> {
        let relevant = || {
            let entries = self
                .entries
                .iter()
                .filter(|entry| entry.answer != Answer::Refused);
            entries.filter_map(|entry| Some((entry, result(entry)?)))
        };
        relevant().filter_map(move |(entry, value)| {
            let is_superseded = relevant().any(|(later, _)| entry.is_followed_by(later));
            (!is_superseded).then_some(value)
        })
    }

    fn may_be_idle(&self, now: SystemTime) -> bool {
        let first = self.entries.iter().map(|entry| entry.began.at).min();
        let (Some(timeout), Some(first)) = (self.shortest_idle_timeout(), first) else {
            return false;
        };
        now >= first + timeout
    }
}

/// All operations.
#[derive(Default)]
pub(crate) struct Ledger {
    order: u64,
    accounts: BTreeMap<String, Account>,
    /// The containers that each idempotency key returned.
    keys: BTreeMap<String, BTreeSet<String>>,
    /// The containers that the daemon does not manage, with their states after creation.
    foreign: BTreeMap<String, String>,
    daemon_started_at: Vec<SystemTime>,
}

impl Ledger {
    pub(crate) fn moment(&mut self, at: SystemTime) -> Moment {
        self.order += 1;
        Moment {
            order: self.order,
            at,
        }
    }

    /// Enters an acknowledged create.
    pub(crate) fn created(
        &mut self,
        container: &Container,
        began: Moment,
        number: u32,
        key: Option<&str>,
        at: SystemTime,
    ) {
        let id = &container.container_id;
        if let Some(key) = key {
            self.keys.entry(key.to_owned()).or_default().insert(id.clone());
        }
        if let Some(account) = self.accounts.get_mut(id) {
            // A retry, or a container that was listed before its create was acknowledged. Later operations stay.
            account.number = Some(number);
            return;
        }
        let ended = Some(self.moment(at));
        let account = self.accounts.entry(id.clone()).or_default();
        account.number = Some(number);
        for operation in [
            Operation::Start,
            Operation::SetIdleTimeout(container.idle_timeout),
        ] {
            account.entries.push(Entry {
                operation,
                began,
                ended,
                answer: Answer::Acknowledged,
            });
        }
    }

    /// Enters a listed container whose create was not acknowledged.
    pub(crate) fn enter_existing(&mut self, container: &Container, at: SystemTime) {
        if self.accounts.contains_key(&container.container_id) {
            return;
        }
        let operation = match container.status {
            Status::Running => Some(Operation::Start),
            Status::Paused => Some(Operation::ExternalPause),
            Status::Stopped => Some(Operation::Stop),
            Status::Starting | Status::Stopping | Status::Other(_) => None,
        };
        let timeout = Operation::SetIdleTimeout(container.idle_timeout);
        for operation in operation.into_iter().chain([timeout]) {
            let ticket = self.enter(&container.container_id, operation, at);
            self.acknowledge(ticket, at);
        }
    }

    /// Enters an operation before its request.
    pub(crate) fn enter(&mut self, container: &str, operation: Operation, at: SystemTime) -> Ticket {
        let began = self.moment(at);
        let account = self.accounts.entry(container.to_owned()).or_default();
        account.entries.push(Entry {
            operation,
            began,
            ended: None,
            answer: Answer::Missing,
        });
        Ticket {
            container: container.to_owned(),
            index: account.entries.len() - 1,
        }
    }

    /// Settles an operation that certainly happened.
    pub(crate) fn acknowledge(&mut self, ticket: Ticket, at: SystemTime) {
        self.settle(ticket, Answer::Acknowledged, at);
    }

    /// Settles an operation that may have happened, and will not happen later.
    pub(crate) fn leave_open(&mut self, ticket: Ticket, at: SystemTime) {
        self.settle(ticket, Answer::Missing, at);
    }

    /// Settles an operation that did not happen.
    pub(crate) fn refuse(&mut self, ticket: Ticket, at: SystemTime) {
        self.settle(ticket, Answer::Refused, at);
    }

    fn settle(&mut self, ticket: Ticket, answer: Answer, at: SystemTime) {
        let ended = Some(self.moment(at));
        let account = self.accounts.entry(ticket.container).or_default();
        if let Some(entry) = account.entries.get_mut(ticket.index) {
            (entry.ended, entry.answer) = (ended, answer);
        }
    }

    /// Enters containers that may have been deleted and no longer exist as deleted.
    pub(crate) fn confirm_removals(&mut self, is_there: impl Fn(&String) -> bool, at: SystemTime) {
        let accounts = self.accounts.iter();
        let gone = accounts.filter(|(id, account)| account.presence() == Presence::Unknown && !is_there(id));
        let gone: Vec<_> = gone.map(|(id, _)| id.clone()).collect();
        for id in gone {
            let ticket = self.enter(&id, Operation::Remove, at);
            self.acknowledge(ticket, at);
        }
    }

    pub(crate) fn daemon_started(&mut self, at: SystemTime) {
        self.daemon_started_at.push(at);
    }

    /// The latest start of the daemon before a point in time.
    pub(crate) fn daemon_started_before(&self, at: SystemTime) -> Option<SystemTime> {
        self.daemon_started_at
            .iter()
            .copied()
            .filter(|start| *start <= at)
            .max()
    }

    pub(crate) fn enter_volumes(&mut self, container: &str, volumes: impl IntoIterator<Item = String>) {
        if let Some(account) = self.accounts.get_mut(container) {
            account.volumes.extend(volumes);
        }
    }

    pub(crate) fn enter_foreign(&mut self, id: String, state: String) {
        self.foreign.insert(id, state);
    }

    pub(crate) fn all_foreign(&self) -> &BTreeMap<String, String> {
        &self.foreign
    }

    pub(crate) fn keys(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.keys
    }

    pub(crate) fn accounts(&self) -> &BTreeMap<String, Account> {
        &self.accounts
    }

    /// The containers whose removal was not acknowledged.
    pub(crate) fn alive(&self) -> Vec<String> {
        let accounts = self.accounts.iter();
        let alive = accounts
            .filter(|(_, account)| matches!(account.presence(), Presence::Exists | Presence::Unknown));
        alive.map(|(id, _)| id.clone()).collect()
    }
}

/// The name of a status.
pub(crate) fn status_name(status: &Status) -> String {
    status.to_string()
}
