//! What was asked of a daemon, and what it acknowledged: the book that an audit opens.
//!
//! A deed is entered before it is asked for, and settled when there is an answer. One without an answer may have
//! happened, or not; one that ended before another began came first. That is all an audit may conclude from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use sd_client::api::{Container, Status};

/// Something done to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It shall run.
    Start,
    /// It shall stop.
    Stop,
    /// It shall be gone.
    Remove,
    /// It was ended behind the daemon's back.
    EndOutside,
    /// It was removed behind the daemon's back.
    RemoveOutside,
    /// It was frozen behind the daemon's back.
    PauseOutside,
    /// It has another idle timeout, in seconds; nothing is never.
    SetIdleTimeout(Option<u64>),
    /// It is not to be stopped for this long.
    Hold(Duration),
    /// It reported its number.
    CheckIn,
}

/// A point in the order of everything, and in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    order: u64,
    pub(crate) at: SystemTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Acknowledged,
    /// There is none, or none yet.
    Missing,
    Refused,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) deed: Deed,
    pub(crate) began: Moment,
    ended: Option<Moment>,
    answer: Answer,
}

impl Entry {
    /// When it was certainly over, where it certainly happened.
    pub(crate) fn done(&self) -> Option<Moment> {
        self.ended.filter(|_| self.answer == Answer::Acknowledged)
    }

    fn is_followed_by(&self, later: &Self) -> bool {
        later.answer == Answer::Acknowledged
            && self.ended.is_some_and(|ended| ended.order < later.began.order)
    }
}

/// Names an entry that is to be settled.
#[must_use = "a deed has to be settled"]
pub(crate) struct Ticket {
    container: String,
    index: usize,
}

/// One container.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// What it reports, and nobody else does. Unknown of a container whose create was not acknowledged.
    pub(crate) number: Option<u32>,
    /// The volumes that came with it.
    pub(crate) volumes: BTreeSet<String>,
    entries: Vec<Entry>,
}

/// Whether a container is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Certain,
    Possible,
    /// Somebody was told that it is gone.
    Denied,
    /// It was removed behind the daemon's back, which will see it soon.
    Ending,
}

impl Account {
    pub(crate) fn presence(&self) -> Presence {
        let removals = |wanted: Deed| {
            let entries = self.entries.iter();
            entries.filter(move |entry| entry.deed == wanted && entry.answer != Answer::Refused)
        };
        let is_done = |entry: &Entry| entry.done().is_some();
        if removals(Deed::Remove).any(is_done) {
            Presence::Denied
        } else if removals(Deed::RemoveOutside).any(is_done) {
            Presence::Ending
        } else if removals(Deed::Remove).next().is_some() || removals(Deed::RemoveOutside).next().is_some() {
            Presence::Possible
        } else {
            Presence::Certain
        }
    }

    /// What it may be doing once nothing is under way: what each deed leads to that may have been the last one.
    /// Empty when nothing is known.
    pub(crate) fn statuses(&self, now: SystemTime) -> BTreeSet<&'static str> {
        let ends = |entry: &Entry| match entry.deed {
            Deed::Start => Some("running"),
            Deed::Stop | Deed::EndOutside => Some("stopped"),
            Deed::PauseOutside => Some("paused"),
            Deed::Remove | Deed::RemoveOutside | Deed::SetIdleTimeout(_) | Deed::Hold(_) | Deed::CheckIn => {
                None
            }
        };
        let mut statuses: BTreeSet<_> = self.may_be_last(&ends).collect();
        if statuses.contains("running") && self.may_be_idle(now) {
            statuses.insert("stopped");
        }
        statuses
    }

    /// The idle timeouts that may hold.
    pub(crate) fn idle_timeouts(&self) -> BTreeSet<Option<u64>> {
        let sets = |entry: &Entry| match entry.deed {
            Deed::SetIdleTimeout(seconds) => Some(seconds),
            _ => None,
        };
        self.may_be_last(&sets).collect()
    }

    /// The shortest idle timeout that it ever had.
    pub(crate) fn shortest_idle_timeout(&self) -> Option<Duration> {
        let seconds = self.entries.iter().filter_map(|entry| match entry.deed {
            Deed::SetIdleTimeout(seconds) if entry.answer != Answer::Refused => seconds,
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
            let is_overtaken = relevant().any(|(later, _)| entry.is_followed_by(later));
            (!is_overtaken).then_some(value)
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

/// Everything that was asked for.
#[derive(Default)]
pub(crate) struct Ledger {
    order: u64,
    accounts: BTreeMap<String, Account>,
    /// Which containers were given for each idempotency key.
    keys: BTreeMap<String, BTreeSet<String>>,
    /// What is not the daemon's business, and how it looked when it was made.
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

    /// A create was acknowledged.
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
            // A repetition, or one that was seen before anybody was told of it: what was done to it since counts.
            account.number = Some(number);
            return;
        }
        let ended = Some(self.moment(at));
        let account = self.accounts.entry(id.clone()).or_default();
        account.number = Some(number);
        for deed in [Deed::Start, Deed::SetIdleTimeout(container.idle_timeout)] {
            account.entries.push(Entry {
                deed,
                began,
                ended,
                answer: Answer::Acknowledged,
            });
        }
    }

    /// A container is seen of which nobody was told that it was created: from here on it is one like others.
    pub(crate) fn adopt(&mut self, container: &Container, at: SystemTime) {
        if self.accounts.contains_key(&container.container_id) {
            return;
        }
        let led_here = match container.status {
            Status::Running => Some(Deed::Start),
            Status::Paused => Some(Deed::PauseOutside),
            Status::Stopped => Some(Deed::Stop),
            Status::Starting | Status::Stopping | Status::Other(_) => None,
        };
        let timeout = Deed::SetIdleTimeout(container.idle_timeout);
        for deed in led_here.into_iter().chain([timeout]) {
            let ticket = self.enter(&container.container_id, deed, at);
            self.acknowledge(ticket, at);
        }
    }

    /// A deed begins.
    pub(crate) fn enter(&mut self, container: &str, deed: Deed, at: SystemTime) -> Ticket {
        let began = self.moment(at);
        let account = self.accounts.entry(container.to_owned()).or_default();
        account.entries.push(Entry {
            deed,
            began,
            ended: None,
            answer: Answer::Missing,
        });
        Ticket {
            container: container.to_owned(),
            index: account.entries.len() - 1,
        }
    }

    /// It certainly happened.
    pub(crate) fn acknowledge(&mut self, ticket: Ticket, at: SystemTime) {
        self.settle(ticket, Answer::Acknowledged, at);
    }

    /// Nobody knows whether it happened, and it will not happen later.
    pub(crate) fn leave_open(&mut self, ticket: Ticket, at: SystemTime) {
        self.settle(ticket, Answer::Missing, at);
    }

    /// It did not happen.
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

    /// What may have been removed and is not there any more is gone for good, as if that had been acknowledged.
    pub(crate) fn bury(&mut self, is_there: impl Fn(&String) -> bool, at: SystemTime) {
        let accounts = self.accounts.iter();
        let gone = accounts.filter(|(id, account)| account.presence() == Presence::Possible && !is_there(id));
        let gone: Vec<_> = gone.map(|(id, _)| id.clone()).collect();
        for id in gone {
            let ticket = self.enter(&id, Deed::Remove, at);
            self.acknowledge(ticket, at);
        }
    }

    pub(crate) fn daemon_starts(&mut self, at: SystemTime) {
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

    pub(crate) fn has_volumes(&mut self, container: &str, volumes: impl IntoIterator<Item = String>) {
        if let Some(account) = self.accounts.get_mut(container) {
            account.volumes.extend(volumes);
        }
    }

    pub(crate) fn foreign(&mut self, id: String, look: String) {
        self.foreign.insert(id, look);
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

    /// The containers of which nobody was told that they are gone.
    pub(crate) fn alive(&self) -> Vec<String> {
        let accounts = self.accounts.iter();
        let alive = accounts
            .filter(|(_, account)| matches!(account.presence(), Presence::Certain | Presence::Possible));
        alive.map(|(id, _)| id.clone()).collect()
    }
}

/// The word for a status that an audit compares.
pub(crate) fn word(status: &Status) -> String {
    status.to_string()
}
