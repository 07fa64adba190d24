//! The state of a container as an inspection shows it.

use std::net::IpAddr;

use super::{Endpoints, Name, StopCause};

/// A container as the engine inspected it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The present name. It can be changed on the host.
    pub name: Name,
    /// The state.
    pub state: ObservedState,
}

impl Observation {
    /// Whether the container has a main process.
    pub fn is_live(&self) -> bool {
        matches!(self.state, ObservedState::Live { .. })
    }

    /// Whether the container is in this run and has this address.
    pub fn holds(&self, address: IpAddr, in_run: &RunId) -> bool {
        match &self.state {
            ObservedState::Live { run, addresses, .. } => run == in_run && addresses.contains(&address),
            ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => false,
        }
    }
}

/// The state of a container at the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedState {
    /// Created, and never started.
    Created,
    /// It has a main process.
    Live {
        /// The run.
        run: RunId,
        /// Whether it is paused.
        state: LiveState,
        /// Published ports.
        endpoints: Endpoints,
        /// Addresses on container networks.
        addresses: Vec<IpAddr>,
        /// The main process on the engine's host, which can be another machine than the daemon's.
        process: Option<ProcessId>,
    },
    /// The main process has ended.
    Ended {
        /// The run that ended.
        run: RunId,
        /// How it ended.
        exit: Exit,
    },
    /// The engine reports a state that this version does not know. The record stays as it is.
    Unknown,
}

/// Whether a live container is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// It runs.
    Running,
    /// It is paused.
    Paused,
}

/// How a main process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited, and the engine reported no signal from outside.
    Exited {
        /// The exit code.
        code: i64,
    },
    /// The kernel killed it because the container exceeded its memory limit.
    OutOfMemory,
    /// The engine reported that it was sent a signal from outside, as by `docker stop` or `docker kill`.
    Killed,
}

impl Exit {
    /// Exit codes of a main process that SIGKILL or SIGTERM ended: 128 plus the number of the signal.
    const SIGNAL_CODES: [i64; 2] = [137, 143];

    /// Why the container is stopped.
    ///
    /// A main process that ended by a signal was stopped from outside, even if the daemon received no event of the
    /// signal.
    pub(super) fn cause(self) -> StopCause {
        match self {
            Self::Exited { code } if Self::SIGNAL_CODES.contains(&code) => StopCause::External,
            Self::Exited { .. } | Self::OutOfMemory => StopCause::Exited,
            Self::Killed => StopCause::External,
        }
    }
}

/// Identifies a run of a container: the engine's start time as an opaque text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunId(Box<str>);

impl RunId {
    /// The run with this start time.
    pub fn new(engine_start_time: &str) -> Self {
        Self(engine_start_time.into())
    }

    /// The start time as the engine wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A process on the engine's host. The kernel reuses numbers: verify that the process is still the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId(std::num::NonZeroU32);

impl ProcessId {
    /// The process with this number, or `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        std::num::NonZeroU32::new(number).map(Self)
    }

    /// The process number.
    pub fn number(self) -> u32 {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(state: ObservedState) -> Observation {
        Observation {
            name: "web".parse().unwrap(),
            state,
        }
    }

    fn live(run: &str, address: &str) -> Observation {
        observation(ObservedState::Live {
            run: RunId::new(run),
            state: LiveState::Running,
            endpoints: Endpoints::default(),
            addresses: vec![address.parse().unwrap()],
            process: None,
        })
    }

    fn not_live() -> [Observation; 3] {
        let ended = ObservedState::Ended {
            run: RunId::new("first"),
            exit: Exit::Killed,
        };
        [ObservedState::Created, ended, ObservedState::Unknown].map(observation)
    }

    #[test]
    fn only_a_container_with_a_main_process_is_live() {
        assert!(live("first", "172.17.0.2").is_live());
        assert!(not_live().iter().all(|observation| !observation.is_live()));
    }

    #[test]
    fn address_belongs_to_a_container_in_one_run() {
        let (run, address) = (RunId::new("first"), "172.17.0.2".parse().unwrap());
        assert!(live("first", "172.17.0.2").holds(address, &run));
        assert!(!live("second", "172.17.0.2").holds(address, &run));
        assert!(!live("first", "172.17.0.3").holds(address, &run));
        assert!(
            not_live()
                .iter()
                .all(|observation| !observation.holds(address, &run))
        );
    }

    #[test]
    fn identities_keep_their_values() {
        assert_eq!(
            RunId::new("2026-03-01T14:02:11Z").as_str(),
            "2026-03-01T14:02:11Z"
        );
        assert_eq!(ProcessId::new(4_711).map(ProcessId::number), Some(4_711));
        assert_eq!(ProcessId::new(0), None);
    }
}
