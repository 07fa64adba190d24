//! A container that is stopped or stopping: why, and what happens next.

use sd_client::api::{EventKind, HistoryEntry, Reason, Status, StopReason};

use super::explanation::{Explanation, limit, sentence};
use crate::output::human;

impl Explanation<'_> {
    pub(super) fn stopped(&self) -> Vec<String> {
        let is_stopped = self.activity.status == Status::Stopped;
        let sentences = [
            Some(self.end()),
            self.run_length(),
            self.last_use(),
            self.extensions(),
            self.past_warning(),
            is_stopped.then(|| self.next()),
        ];
        sentences.into_iter().flatten().collect()
    }

    fn end(&self) -> String {
        let (subject, cause) = (self.subject(), self.end_event());
        let why = cause.map_or_else(|| self.stop_reason(), sentence);
        let Some(stopped_at) = self.activity.stopped_at else {
            return format!("{subject} is being stopped: {why}.");
        };
        let at = self.when.time_and_distance(stopped_at);
        match cause.and_then(|entry| entry.reason.as_ref()) {
            Some(Reason::Requested | Reason::Outside) => format!("{subject} was {why} at {at}."),
            Some(Reason::Exited { .. }) => format!("{subject} {why} at {at}."),
            Some(Reason::StartFailed { message }) => format!("{subject} failed to start at {at}: {message}."),
            _ => format!("{subject} was stopped at {at}: {why}."), // the other reasons are not verbs
        }
    }

    /// The event that has the reason of the end. Old events are deleted.
    fn end_event(&self) -> Option<&HistoryEntry> {
        self.run().rfind(|entry| {
            let has_reason = entry.reason.is_some() || !entry.why.is_empty();
            has_reason && matches!(entry.what, EventKind::Stopping | EventKind::Stopped)
        })
    }

    /// The reason of the end without its event.
    fn stop_reason(&self) -> String {
        let stopped = |reason: Reason| reason.sentence(&EventKind::Stopped, None);
        match &self.activity.stop_reason {
            Some(StopReason::Requested) => stopped(Reason::Requested),
            Some(StopReason::Idle) => format!("not used for its idle timeout of {}", self.idle_timeout()),
            Some(StopReason::Expired) => "reached its maximum lifetime".to_owned(),
            Some(StopReason::Exited) => "its main process exited".to_owned(),
            Some(StopReason::External) => stopped(Reason::Outside),
            Some(StopReason::Failed) => "failed to start".to_owned(),
            Some(StopReason::Other(other)) => other.clone(),
            None => "the daemon does not know why".to_owned(),
        }
    }

    /// How long the run was, or `None` if the event of its start was deleted.
    fn run_length(&self) -> Option<String> {
        let stopped_at = self.activity.stopped_at?;
        let started = self.latest(&EventKind::Started)?;
        let length = self
            .when
            .since(started.at)
            .saturating_sub(self.when.since(stopped_at));
        Some(format!("It had run for {}.", human::duration(length)))
    }

    fn past_warning(&self) -> Option<String> {
        let warning = self.latest(&EventKind::IdleWarning)?;
        let by_deadline = matches!(
            self.activity.stop_reason,
            Some(StopReason::Idle | StopReason::Expired)
        );
        by_deadline.then(|| format!("The warning was sent at {}.", self.when.time(warning.at)))
    }

    fn next(&self) -> String {
        let name = self.name();
        match self.activity.removes_at {
            Some(at) => format!(
                "It will be removed at {} unless it is started (`sd start {name}`): stopped containers are kept for \
                 {}.",
                self.when.time_and_distance(at),
                limit(self.activity.remove_after, &self.activity.remove_after_source)
            ),
            None => format!("Its files are kept until it is removed; `sd start {name}` starts it again."),
        }
    }
}
