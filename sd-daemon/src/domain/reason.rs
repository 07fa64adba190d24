//! Reasons of events, as data. The clients and the API render the sentences.
//!
//! The history keeps 10 000 reasons in memory. A reason therefore takes 24 bytes: durations are whole seconds, and
//! large parts are boxed.

use std::time::Duration;

use super::{EffectiveLimit, LimitSource, Limits, TimeLimit};

/// Why an event happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A client requested it.
    Requested,
    /// The container was not used for its idle timeout.
    IdleTimeout(Idleness),
    /// The time for which a client or the container postponed the stop is over.
    KeepUntil(Idleness),
    /// The grace period after a start of the daemon is over.
    Grace(Idleness),
    /// The run reached its maximum lifetime.
    MaxLifetime(AppliedLimit),
    /// The container was stopped for as long as stopped containers are kept.
    RemoveAfter(AppliedLimit),
    /// The main process exited.
    Exited {
        /// Its exit code.
        code: i64,
    },
    /// The kernel killed the main process because the container exceeded its memory limit.
    OutOfMemory,
    /// The container was changed with the engine's own tools or by a signal from the host.
    Outside,
    /// The engine reports that the container never ran.
    NeverRan,
    /// The engine refused to start the container.
    StartFailed {
        /// The engine's message.
        message: Box<str>,
    },
    /// A client set these limits.
    LimitsChanged(Box<Limits>),
    /// A client postponed the stop by a duration.
    ExtendedBy {
        /// How much later the container is stopped.
        span: Seconds,
        /// The maximum lifetime, if it ends the run before the extension does.
        capped_by: Option<AppliedLimit>,
    },
    /// A client requested that the container is not stopped for a duration from now on.
    KeptFor {
        /// For how long.
        span: Seconds,
        /// The maximum lifetime, if it ends the run before the extension does.
        capped_by: Option<AppliedLimit>,
    },
    /// The container reported that it is busy.
    ReportedBusy {
        /// For how long.
        span: Seconds,
    },
    /// The sentence that an older version recorded.
    Text {
        /// The sentence.
        text: Box<str>,
    },
}

/// How long a container was not used when its deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idleness {
    /// The time since the last use.
    pub idle_for: Seconds,
    /// The idle timeout that applied.
    pub timeout: AppliedLimit,
    /// The last use.
    pub last_use: LastUse,
}

/// A limit that was reached, and its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppliedLimit {
    /// The limit.
    pub limit: Seconds,
    /// The source of the limit.
    pub source: LimitSource,
}

/// The last use of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// Its kind.
    pub kind: Use,
    /// How much: connections, or thousandths of a core.
    pub value: u32,
}

/// A signal that counts as use of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It was started.
    Started,
    /// It was unpaused.
    Unpaused,
    /// It reported connections, or that it was busy.
    CheckIn,
    /// Client connections were opened or carried data.
    Connections,
    /// It used the processor.
    Cpu,
}

/// A duration in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(u32);

impl AppliedLimit {
    /// The limit as a reason, or `None` if it is unlimited and so cannot be one.
    pub(super) fn from_effective(effective: EffectiveLimit) -> Option<Self> {
        match effective.limit {
            TimeLimit::Never => None,
            TimeLimit::After(limit) => Some(Self {
                limit: limit.into(),
                source: effective.source,
            }),
        }
    }
}

impl Seconds {
    /// This many seconds.
    pub const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    /// The number of seconds.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<Duration> for Seconds {
    /// Rounds down. Durations above 136 years become 136 years.
    fn from(duration: Duration) -> Self {
        Self(u32::try_from(duration.as_secs()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_takes_24_bytes() {
        assert_eq!(size_of::<Reason>(), 24);
        assert_eq!(size_of::<Option<Reason>>(), 24);
    }

    #[test]
    fn seconds_round_down_and_saturate() {
        for (duration, seconds) in [
            (Duration::from_millis(1_999), 1),
            (Duration::from_secs(u64::from(u32::MAX) + 1), u32::MAX),
        ] {
            assert_eq!(Seconds::from(duration).get(), seconds);
        }
    }
}
