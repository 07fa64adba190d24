//! How long a container may be without use, may run, and may be at rest; and who decides.

use std::sync::Arc;
use std::time::Duration;

use super::{ImagePattern, Lifecycle, Record, Timestamp};

/// How long something may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// As long as it likes.
    Never,
    /// Until this long has passed.
    After(Duration),
}

/// Limits that somebody has set. What is missing somebody less specific decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How long a container may be without use before it is stopped.
    pub idle_timeout: Option<TimeLimit>,
    /// How long a run may last, however much it is used.
    pub max_lifetime: Option<TimeLimit>,
    /// How long it may be at rest before it is removed.
    pub remove_after: Option<TimeLimit>,
}

impl Limits {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These limits, and what is missing in them from others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            idle_timeout: self.idle_timeout.or(others.idle_timeout),
            max_lifetime: self.max_lifetime.or(others.max_lifetime),
            remove_after: self.remove_after.or(others.remove_after),
        }
    }
}

/// Limits for all containers of some images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRule {
    /// Which images.
    pub images: ImagePattern,
    /// What holds for them.
    pub limits: Limits,
}

/// Everything besides the container itself that decides when it is stopped and removed. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Idle timeout of containers for which nobody more specific has decided.
    pub default_timeout: TimeLimit,
    /// The same for how long a run may last.
    pub default_lifetime: TimeLimit,
    /// The same for how long a container may be at rest.
    pub default_rest: TimeLimit,
    /// Rules for images; of several that match, the first that sets a limit decides on it.
    pub image_rules: Arc<[ImageRule]>,
    /// Nothing is stopped for idleness or removed until this long after `resumed_at`: reporters speak
    /// first. A container whose limit is shorter waits only for that.
    pub restart_grace: Duration,
    /// When this daemon began to listen to its containers.
    pub resumed_at: Timestamp,
    /// A stop is announced this long before; or a quarter of the idle timeout, of the longest run, or of the time
    /// that somebody asked to keep it, where one of those decides and is shorter.
    pub warn_before: Duration,
}

/// Who decided on a limit, the most specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitSource {
    /// The container itself, at its creation or later.
    Container,
    /// A label of its image.
    ImageLabel,
    /// A rule of the daemon for its image.
    ImageRule,
    /// The daemon's default.
    Default,
}

/// A limit that holds, and who decided on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveLimit {
    /// The limit.
    pub limit: TimeLimit,
    /// Who decided.
    pub source: LimitSource,
}

/// When a container is stopped if nothing happens until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The moment.
    pub at: Timestamp,
    /// What decides it.
    pub because: DeadlineReason,
}

/// What decides when a container is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineReason {
    /// Its idle timeout, counted from the latest use.
    IdleTimeout,
    /// Somebody asked to keep it until then.
    KeepUntil,
    /// The grace after a start of the daemon.
    Grace,
    /// The longest time a run may last.
    MaxLifetime,
}

/// Something that a container is due for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Due {
    /// To be told that it will be stopped.
    Warning,
    /// To be stopped.
    Stop,
    /// To be removed.
    Removal,
}

impl Policy {
    /// The idle timeout that applies to a container.
    pub fn idle_timeout(&self, record: &Record) -> EffectiveLimit {
        self.decide(record, |limits| limits.idle_timeout, self.default_timeout)
    }

    /// How long a run of a container may last.
    pub fn max_lifetime(&self, record: &Record) -> EffectiveLimit {
        self.decide(record, |limits| limits.max_lifetime, self.default_lifetime)
    }

    /// How long a container may be at rest.
    pub fn remove_after(&self, record: &Record) -> EffectiveLimit {
        self.decide(record, |limits| limits.remove_after, self.default_rest)
    }

    fn decide(
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

    /// When a container is stopped if nothing happens until then; nothing for one that is not running or
    /// is never stopped.
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

    /// When a running container is stopped for want of use, whatever else may end it before; nothing when
    /// it is not running or never stopped for that.
    pub(super) fn idle_ends_at(&self, record: &Record) -> Option<Timestamp> {
        let Lifecycle::Running { since, .. } = record.lifecycle() else {
            return None;
        };
        self.idle_deadline(record, *since).map(|deadline| deadline.at)
    }

    /// When a container that runs since then is stopped for want of use.
    fn idle_deadline(&self, record: &Record, since: Timestamp) -> Option<Deadline> {
        let TimeLimit::After(timeout) = self.idle_timeout(record).limit else {
            return None;
        };
        let activity = record.activity();
        let deadline = |at, because| Deadline { at, because };
        let candidates = [
            // Of the same moments the last one is the maximum: what people expect is named first.
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

    /// When a container is stopped if nothing happens until then.
    pub fn stops_at(&self, record: &Record) -> Option<Timestamp> {
        self.deadline(record).map(|deadline| deadline.at)
    }

    /// When the coming stop of a container is announced; nothing when that was done.
    fn warns_at(&self, record: &Record) -> Option<Timestamp> {
        let deadline = self.deadline(record)?;
        if self.warn_before.is_zero() || record.activity().warning_sent_for == Some(deadline.at) {
            return None;
        }
        let of_timeout = match self.idle_timeout(record).limit {
            TimeLimit::After(timeout) => self.warn_before.min(timeout / 4),
            TimeLimit::Never => self.warn_before,
        };
        // Whoever holds a container asks again and again to keep it for a short time. That is not announced
        // each time, but when it was not asked again.
        let of_span = match (deadline.because, self.max_lifetime(record).limit) {
            (DeadlineReason::KeepUntil, _) => record
                .activity()
                .extended_at
                .map(|from| deadline.at.since(from) / 4),
            (DeadlineReason::MaxLifetime, TimeLimit::After(lifetime)) => Some(lifetime / 4),
            (DeadlineReason::MaxLifetime, TimeLimit::Never)
            | (DeadlineReason::IdleTimeout | DeadlineReason::Grace, _) => None,
        };
        let notice = of_span.map_or(of_timeout, |of_span| of_timeout.min(of_span));
        Some(deadline.at.before(notice))
    }

    /// When a container that is at rest is removed if nobody starts it until then.
    pub fn removes_at(&self, record: &Record) -> Option<Timestamp> {
        let Lifecycle::Stopped { since, .. } = record.lifecycle() else {
            return None;
        };
        let TimeLimit::After(rest) = self.remove_after(record).limit else {
            return None;
        };
        let grace_ends_at = self.resumed_at.after(rest.min(self.restart_grace));
        Some(since.after(rest).max(grace_ends_at))
    }

    /// What a container is due for next, and when. Where it is time for its stop, it is too late for a
    /// warning.
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

    /// Whether a container is due for this.
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
