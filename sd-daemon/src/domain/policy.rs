//! When containers are stopped and removed: limits, their sources, and the deadlines that follow from them.

use std::sync::Arc;
use std::time::Duration;

use super::{ImagePattern, Lifecycle, Record, Timestamp};

/// A limit on a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// Unlimited.
    Never,
    /// Limited to this duration.
    After(Duration),
}

/// Limits from one source. A limit that is `None` is left to the next less specific source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The time without use after which a container is stopped.
    pub idle_timeout: Option<TimeLimit>,
    /// The time after which a run is stopped, used or not.
    pub max_lifetime: Option<TimeLimit>,
    /// The time after which a stopped container is removed.
    pub remove_after: Option<TimeLimit>,
}

impl Limits {
    /// Whether no limit is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These limits, with missing ones taken from others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            idle_timeout: self.idle_timeout.or(others.idle_timeout),
            max_lifetime: self.max_lifetime.or(others.max_lifetime),
            remove_after: self.remove_after.or(others.remove_after),
        }
    }
}

/// Limits for all containers of matching images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRule {
    /// The images.
    pub images: ImagePattern,
    /// The limits.
    pub limits: Limits,
}

/// Everything besides the record that decides when a container is stopped and removed. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The idle timeout of containers without a more specific one.
    pub default_idle_timeout: TimeLimit,
    /// The maximum lifetime of runs without a more specific one.
    pub default_max_lifetime: TimeLimit,
    /// The time before removal of stopped containers without a more specific one.
    pub default_remove_after: TimeLimit,
    /// Rules for images. The first matching rule that sets a limit applies.
    pub image_rules: Arc<[ImageRule]>,
    /// No container is stopped for idleness or removed until this long after `resumed_at`, so that reporters can check
    /// in first. A shorter limit of a container shortens its grace period.
    pub restart_grace: Duration,
    /// When this daemon began to receive reports of its containers.
    pub resumed_at: Timestamp,
    /// How long before a stop its warning is sent. At most a quarter of the idle timeout, and of the maximum lifetime or
    /// the extension if one of those decides the deadline.
    pub warn_before: Duration,
}

/// The source of a limit, the most specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitSource {
    /// The container itself, at its creation or later.
    Container,
    /// A label of its image.
    ImageLabel,
    /// A rule of the daemon for the image.
    ImageRule,
    /// The daemon's default.
    Default,
}

/// The limit that applies to a container, and its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveLimit {
    /// The limit.
    pub limit: TimeLimit,
    /// Its source.
    pub source: LimitSource,
}

/// When a container is stopped if it is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The time of the stop.
    pub at: Timestamp,
    /// The limit that determines it.
    pub because: DeadlineReason,
}

/// The limit that determines when a container is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineReason {
    /// The idle timeout, counted from the last use.
    IdleTimeout,
    /// An extension by a client or by the container.
    KeepUntil,
    /// The grace period after a start of the daemon.
    Grace,
    /// The maximum lifetime.
    MaxLifetime,
}

/// The action that a container is due for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Due {
    /// The warning before a stop.
    Warning,
    /// The stop.
    Stop,
    /// The removal.
    Removal,
}

impl Policy {
    /// The idle timeout of a container.
    pub fn idle_timeout(&self, record: &Record) -> EffectiveLimit {
        self.effective(record, |limits| limits.idle_timeout, self.default_idle_timeout)
    }

    /// The maximum lifetime of a container's runs.
    pub fn max_lifetime(&self, record: &Record) -> EffectiveLimit {
        self.effective(record, |limits| limits.max_lifetime, self.default_max_lifetime)
    }

    /// The time after which a container is removed once it is stopped.
    pub fn remove_after(&self, record: &Record) -> EffectiveLimit {
        self.effective(record, |limits| limits.remove_after, self.default_remove_after)
    }

    fn effective(
        &self,
        record: &Record,
        pick: impl Fn(&Limits) -> Option<TimeLimit>,
        default: TimeLimit,
    ) -> EffectiveLimit {
        let rule = || {
            let matching = self
                .image_rules
                .iter()
                .filter(|rule| rule.images.matches(record.image()));
            matching.map(|rule| &rule.limits).find_map(&pick)
        };
        let by = |source| move |limit| EffectiveLimit { limit, source };
        pick(record.limits())
            .map(by(LimitSource::Container))
            .or_else(|| pick(record.label_limits()).map(by(LimitSource::ImageLabel)))
            .or_else(|| rule().map(by(LimitSource::ImageRule)))
            .unwrap_or(EffectiveLimit {
                limit: default,
                source: LimitSource::Default,
            })
    }

    /// When a container is stopped if it is not used, and why. `None` if it does not run or is never stopped.
    pub fn deadline(&self, record: &Record) -> Option<Deadline> {
        let Lifecycle::Running { since, .. } = record.lifecycle() else {
            return None;
        };
        let expiry = match self.max_lifetime(record).limit {
            TimeLimit::Never => None,
            TimeLimit::After(lifetime) => Some(Deadline {
                at: since.after(lifetime),
                because: DeadlineReason::MaxLifetime,
            }),
        };
        let idle = self.idle_deadline(record, *since);
        idle.into_iter().chain(expiry).min_by_key(|deadline| deadline.at)
    }

    /// When a container is stopped for idleness, disregarding its maximum lifetime. `None` if it does not run or is
    /// never stopped for idleness.
    pub(super) fn idle_ends_at(&self, record: &Record) -> Option<Timestamp> {
        let Lifecycle::Running { since, .. } = record.lifecycle() else {
            return None;
        };
        self.idle_deadline(record, *since).map(|deadline| deadline.at)
    }

    /// When a container that runs since `since` is stopped for idleness.
    fn idle_deadline(&self, record: &Record, since: Timestamp) -> Option<Deadline> {
        let TimeLimit::After(timeout) = self.idle_timeout(record).limit else {
            return None;
        };
        let activity = record.activity();
        let deadline = |at, because| Deadline { at, because };
        let candidates = [
            // `max_by_key` returns the last of equal elements: the cause that is shown to users comes last.
            Some(deadline(
                self.resumed_at.after(timeout.min(self.restart_grace)),
                DeadlineReason::Grace,
            )),
            activity
                .keep_until
                .map(|at| deadline(at, DeadlineReason::KeepUntil)),
            Some(deadline(
                activity.last_active().at.max(since).after(timeout),
                DeadlineReason::IdleTimeout,
            )),
        ];
        candidates
            .into_iter()
            .flatten()
            .max_by_key(|deadline| deadline.at)
    }

    /// When a container is stopped if it is not used. `None` if it does not run or is never stopped.
    pub fn stops_at(&self, record: &Record) -> Option<Timestamp> {
        self.deadline(record).map(|deadline| deadline.at)
    }

    /// When the warning of a stop is sent. `None` if there is no deadline, or its warning was sent.
    fn warns_at(&self, record: &Record) -> Option<Timestamp> {
        let deadline = self.deadline(record)?;
        if self.warn_before.is_zero() || record.activity().warning_sent_for == Some(deadline.at) {
            return None;
        }
        let before_idle_stop = match self.idle_timeout(record).limit {
            TimeLimit::After(timeout) => self.warn_before.min(timeout / 4),
            TimeLimit::Never => self.warn_before,
        };
        // `sd hold` extends for a short time again and again. A warning is due only when it stops doing so.
        let before_deadline = match (deadline.because, self.max_lifetime(record).limit) {
            (DeadlineReason::KeepUntil, _) => record
                .activity()
                .extended_at
                .map(|from| deadline.at.since(from) / 4),
            (DeadlineReason::MaxLifetime, TimeLimit::After(lifetime)) => Some(lifetime / 4),
            (DeadlineReason::MaxLifetime, TimeLimit::Never)
            | (DeadlineReason::IdleTimeout | DeadlineReason::Grace, _) => None,
        };
        let notice = before_deadline.map_or(before_idle_stop, |before_deadline| {
            before_idle_stop.min(before_deadline)
        });
        Some(deadline.at.before(notice))
    }

    /// When a stopped container is removed if it is not started. `None` if it is not stopped or is never removed.
    pub fn removes_at(&self, record: &Record) -> Option<Timestamp> {
        let Lifecycle::Stopped { since, .. } = record.lifecycle() else {
            return None;
        };
        let TimeLimit::After(limit) = self.remove_after(record).limit else {
            return None;
        };
        let grace_ends_at = self.resumed_at.after(limit.min(self.restart_grace));
        Some(since.after(limit).max(grace_ends_at))
    }

    /// The next action that a container is due for, and when. A stop that is due takes precedence over its warning.
    pub fn next_due(&self, record: &Record, now: Timestamp) -> Option<(Timestamp, Due)> {
        let stop = self.stops_at(record).map(|at| (at, Due::Stop));
        let warning = self.warns_at(record).map(|at| (at, Due::Warning));
        let removal = self.removes_at(record).map(|at| (at, Due::Removal));
        let overdue = stop.filter(|(at, _)| *at <= now);
        overdue.or_else(|| {
            [stop, warning, removal]
                .into_iter()
                .flatten()
                .min_by_key(|(at, _)| *at)
        })
    }

    /// Whether a container is due for this now.
    pub fn is_due(&self, record: &Record, due: Due, now: Timestamp) -> bool {
        let at = match due {
            Due::Warning => self.warns_at(record),
            Due::Stop => self.stops_at(record),
            Due::Removal => self.removes_at(record),
        };
        at.is_some_and(|at| now >= at)
    }
}

#[cfg(test)]
mod tests;
