//! The activity to explain, and the facts that several explanations use.

use std::time::Duration;

use sd_client::api::{
    Activity, EventKind, HistoryEntry, LastUse, PolicySource, Reason, Signal, SignalKind, SignalState,
};

use crate::output::When;
use crate::output::human;

/// The activity to explain, and the clock for its times.
pub(super) struct Explanation<'a> {
    pub(super) activity: &'a Activity,
    pub(super) when: &'a When,
}

impl Explanation<'_> {
    pub(super) fn name(&self) -> &str {
        let name = &self.activity.name;
        name.strip_prefix('/').unwrap_or(name)
    }

    /// The container and its image: `db (sd-postgres)`.
    pub(super) fn subject(&self) -> String {
        format!("{} ({})", self.name(), self.activity.image)
    }

    /// When and how the container was last used, or `None` if it was only started.
    pub(super) fn last_use(&self) -> Option<String> {
        let at = self.activity.last_active_at?;
        let signal = self.activity.last_active_signal.clone()?;
        if signal == SignalKind::Started {
            return None;
        }
        let value = self.signal(&signal).and_then(|signal| signal.value);
        let last_use = LastUse {
            signal,
            value: value.unwrap_or_default(),
            unpaused: false,
        };
        let at = self.when.time_and_distance(at);
        Some(format!("It was last used at {at}: {last_use}."))
    }

    pub(super) fn signal(&self, kind: &SignalKind) -> Option<&Signal> {
        self.activity.signals.iter().find(|signal| signal.kind == *kind)
    }

    /// Why the daemon does not use a signal, or `None` if it does.
    pub(super) fn off(&self, kind: &SignalKind) -> Option<&str> {
        let signal = self.signal(kind)?;
        match signal.state {
            SignalState::Off => Some(signal.reason.as_deref().unwrap_or("the daemon gives no reason")),
            SignalState::On | SignalState::Other(_) => None,
        }
    }

    /// The events of the latest run.
    pub(super) fn run(&self) -> impl DoubleEndedIterator<Item = &HistoryEntry> {
        let history = &self.activity.history;
        let start = history.iter().rposition(|entry| entry.what == EventKind::Started);
        history.iter().skip(start.unwrap_or_default())
    }

    pub(super) fn latest(&self, what: &EventKind) -> Option<&HistoryEntry> {
        self.run().rfind(|entry| entry.what == *what)
    }

    /// The latest extension of the run, and how many there were.
    pub(super) fn extensions(&self) -> Option<String> {
        let extensions = || self.run().filter(|entry| entry.what == EventKind::Extended);
        let latest = extensions().next_back()?;
        let at = self.when.time(latest.at);
        let is_kept = self
            .activity
            .keep_until
            .is_some_and(|until| until > self.activity.at);
        Some(match (&latest.reason, extensions().count()) {
            (Some(Reason::KeptFor { .. }), _) if is_kept => {
                format!("`sd hold` has kept it running since {at}.")
            }
            (_, 1) => format!("Extended at {at}: {}.", sentence(latest)),
            (_, count) => format!("Extended {count} times, last at {at}: {}.", sentence(latest)),
        })
    }

    pub(super) fn idle_timeout(&self) -> String {
        let activity = self.activity;
        limit(activity.idle_timeout, &activity.idle_timeout_source)
    }
}

/// The reason of an event. An unknown reason, or an older daemon, leaves only the daemon's own sentence.
pub(super) fn sentence(entry: &HistoryEntry) -> String {
    match &entry.reason {
        Some(Reason::Other(_)) | None => entry.why.clone(),
        Some(reason) => reason.sentence(&entry.what, entry.actor.as_ref()),
    }
}

/// A limit and its source: `6h (set for this container)`.
pub(super) fn limit(seconds: Option<u64>, source: &PolicySource) -> String {
    let length = seconds.map_or_else(
        || "never".to_owned(),
        |seconds| human::duration(Duration::from_secs(seconds)),
    );
    format!("{length} ({source})")
}
