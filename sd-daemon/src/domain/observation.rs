//! What an inspection of the engine shows of one container.

use std::net::IpAddr;

use super::{Endpoints, Name};

/// One container as the engine shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Its present name; somebody on the host may have changed it.
    pub name: Name,
    /// What it is doing.
    pub state: ObservedState,
}

impl Observation {
    /// Whether it has a main process.
    pub fn is_live(&self) -> bool {
        matches!(self.state, ObservedState::Live { .. })
    }

    /// Whether it is in this run, at this address.
    pub fn holds(&self, address: IpAddr, in_run: &RunId) -> bool {
        match &self.state {
            ObservedState::Live { run, addresses, .. } => run == in_run && addresses.contains(&address),
            ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => false,
        }
    }
}

/// What the engine says a container is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedState {
    /// Made, and never started.
    Created,
    /// It has a main process.
    Live {
        /// Which run this is.
        run: RunId,
        /// Whether the process may proceed.
        state: LiveState,
        /// Where it is reached.
        endpoints: Endpoints,
        /// Its own addresses on container networks.
        addresses: Vec<IpAddr>,
        /// Its main process, as the engine numbers it; on the engine's host, which may be another one.
        process: Option<ProcessId>,
    },
    /// Its main process has ended.
    Ended {
        /// The run that ended.
        run: RunId,
        /// How it ended.
        exit: Exit,
    },
    /// The engine reports a state that this program does not know. It is no reason to change anything.
    Unknown,
}

/// Whether the main process of a live container may proceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// It may.
    Running,
    /// It is frozen.
    Paused,
}

/// How a main process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned or crashed.
    ByItself {
        /// With this exit status.
        status: i64,
    },
    /// It took more memory than it may have.
    OutOfMemory,
    /// Somebody on the host ended it.
    BySignal,
}

/// Tells two runs of one container apart: the engine's own start time, never interpreted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunId(Box<str>);

impl RunId {
    /// The run that began at this time of the engine.
    pub fn new(engine_start_time: &str) -> Self {
        Self(engine_start_time.into())
    }

    /// The engine's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A process on the engine's host. Numbers are used again: by itself one proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId(std::num::NonZeroU32);

impl ProcessId {
    /// The process of this number; zero is none.
    pub fn new(number: u32) -> Option<Self> {
        std::num::NonZeroU32::new(number).map(Self)
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0.get()
    }
}
