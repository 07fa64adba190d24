//! A container that was stopped, or is about to be: why, and what comes next.

use sd_client::api::{EventKind, HistoryEntry, Status, StopReason};

use super::{Explanation, limit};
use crate::output::human;

impl Explanation<'_> {
    pub(super) fn of_ended(&self) -> Vec<String> {
        let is_at_rest = self.activity.status == Status::Stopped;
        let sentences = [
            Some(self.has_ended()),
            self.had_run(),
            self.last_use()
                .map(|last_use| format!("Its last use was at {last_use}.")),
            self.extensions(),
            self.had_been_announced(),
            is_at_rest.then(|| self.comes_next()),
        ];
        sentences.into_iter().flatten().collect()
    }

    fn has_ended(&self) -> String {
        let (subject, why) = (self.subject(), self.why());
        let Some(stopped_at) = self.activity.stopped_at else {
            return format!("{subject} is being stopped: {why}.");
        };
        let at = self.when.time_and_distance(stopped_at);
        match self.activity.stop_reason {
            Some(StopReason::Exited) => format!("{subject} ended at {at}: {why}."),
            Some(StopReason::Failed) => format!("{subject} could not be started at {at}: {why}."),
            _ => format!("{subject} was stopped at {at}: {why}."),
        }
    }

    /// What the history says of the end. It forgets in time; then only the kind of reason is left.
    fn why(&self) -> String {
        let of_an_end = |entry: &&HistoryEntry| {
            matches!(entry.what, EventKind::Stopping | EventKind::Stopped) && !entry.why.is_empty()
        };
        if let Some(entry) = self.run().rfind(of_an_end) {
            return entry.why.clone();
        }
        match &self.activity.stop_reason {
            Some(StopReason::Requested) => "somebody asked for it over the API".to_owned(),
            Some(StopReason::Idle) => format!("nobody used it, and {}", self.idle_timeout()),
            Some(StopReason::Expired) => "it had run for as long as it may".to_owned(),
            Some(StopReason::Exited) => "its main process ended by itself".to_owned(),
            Some(StopReason::External) => "that was done on the host, not by spin-docker".to_owned(),
            Some(StopReason::Failed) => "the engine refused to start it".to_owned(),
            Some(StopReason::Other(other)) => other.clone(),
            None => "nobody knows why".to_owned(),
        }
    }

    /// How long the run was, where the history still knows when it began.
    fn had_run(&self) -> Option<String> {
        let stopped_at = self.activity.stopped_at?;
        let started = self.latest(&EventKind::Started)?;
        let length = self
            .when
            .since(started.at)
            .saturating_sub(self.when.since(stopped_at));
        Some(format!("It had run for {}.", human::duration(length)))
    }

    fn had_been_announced(&self) -> Option<String> {
        let warning = self.latest(&EventKind::IdleWarning)?;
        let is_idle = matches!(
            self.activity.stop_reason,
            Some(StopReason::Idle | StopReason::Expired)
        );
        is_idle.then(|| {
            format!(
                "It had been announced at {}, as `sd events` tells.",
                self.when.time(warning.at)
            )
        })
    }

    fn comes_next(&self) -> String {
        let name = self.name();
        match self.activity.removes_at {
            Some(at) => format!(
                "It will be removed at {} unless somebody starts it before, as with `sd start {name}`: {}.",
                self.when.time_and_distance(at),
                limit(
                    "a stopped container is kept for",
                    self.activity.remove_after,
                    &self.activity.remove_after_source
                )
            ),
            None => format!("Its files stay until somebody removes it; `sd start {name}` starts it again."),
        }
    }
}
