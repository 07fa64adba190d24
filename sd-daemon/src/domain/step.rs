//! The one function that decides what happens to a container. Longer than most files here, so that the
//! whole decision stands on one page.
//!
//! ```text
//!              Start                Observed live
//!   Stopped ─────────► Starting ─────────────────► Running ◄────► Paused
//!      ▲  ▲               │ StartRejected             │              │
//!      │  └───────────────┘                           │ Stop         │ Stop
//!      │        Observed ended                        │ IdleDue      │
//!      └─────────────────────────── Stopping ◄────────┴──────────────┘
//!
//!   any state: Remove ──► Removing        any state: Vanished ──► gone
//!   Running, Paused: Observed ended ──► Stopped      Stopped: Observed live ──► Running
//! ```
//!
//! `Starting`, `Stopping` and `Removing` are intents. Each observation that shows an intent unfulfilled
//! answers with its effect again, so that after a crash the row and one inspection are enough to finish
//! what was begun.

use super::{
    Activity, Endpoints, Exit, IdleRule, Lifecycle, LiveState, Observation, ObservedState, Record, RunId,
    Signal, StopCause, TimeLimit, Timestamp,
};

/// Everything that can happen to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody wants it to run.
    Start,
    /// Somebody wants it to stop.
    Stop,
    /// Somebody wants it gone.
    Remove(RemoveMode),
    /// Somebody gives it an idle timeout of its own.
    SetIdleTimeout(TimeLimit),
    /// It seemed idle for too long in the run of this generation.
    IdleDue {
        /// The run that seemed idle.
        generation: u64,
        /// The rule to ask again.
        rule: IdleRule,
    },
    /// It reported how many connections it serves, from the run of this generation.
    CheckIn {
        /// The run that reported.
        generation: u64,
        /// How many connections.
        connections: u32,
    },
    /// The engine showed it.
    Observed(Observation),
    /// The engine does not know it.
    Vanished,
    /// The engine refused to start it.
    StartRejected,
}

/// How a live container ends when it is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoveMode {
    /// As in a stop.
    #[default]
    Graceful,
    /// At once.
    Force,
}

/// What to do at the engine. There is never more than one thing to do for one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// End it and remove it with its anonymous volumes.
    Remove(RemoveMode),
}

/// What follows from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What becomes of the record.
    pub next: Next,
    /// What is to be done then.
    pub effect: Option<Effect>,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Same,
    /// It is replaced by this one.
    Changed(Box<Record>),
    /// It is deleted.
    Gone,
}

/// Why a wish cannot be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Frozen containers are thawed by whoever froze them.
    Paused,
    /// A stop that was begun has to end first.
    Stopping,
    /// It is on its way out.
    BeingRemoved,
}

/// Decides what follows when `input` happens to `record` at `now`.
pub fn step(record: &Record, input: Input, now: Timestamp) -> Result<Step, Refusal> {
    match input {
        Input::Start => start(record),
        Input::Stop => stop(record),
        Input::Remove(mode) => Ok(remove(record, mode)),
        Input::SetIdleTimeout(timeout) => Ok(set_idle_timeout(record, timeout)),
        Input::IdleDue { generation, rule } => Ok(idle_due(record, generation, &rule, now)),
        Input::CheckIn {
            generation,
            connections,
        } => Ok(check_in(record, generation, connections, now)),
        Input::Observed(observation) => Ok(observed(record, observation, now)),
        Input::Vanished => Ok(Step {
            next: Next::Gone,
            effect: None,
        }),
        Input::StartRejected => Ok(start_rejected(record, now)),
    }
}

fn start(record: &Record) -> Result<Step, Refusal> {
    match record.lifecycle() {
        Lifecycle::Stopped { .. } => {
            let mut next = record.clone();
            next.fields.lifecycle = Lifecycle::Starting;
            next.fields.generation += 1;
            Ok(Step::changed(next).with(Effect::Start))
        }
        Lifecycle::Starting => Ok(Step::same().with(Effect::Start)),
        Lifecycle::Running { .. } => Ok(Step::same()),
        Lifecycle::Paused { .. } => Err(Refusal::Paused),
        Lifecycle::Stopping { .. } => Err(Refusal::Stopping),
        Lifecycle::Removing { .. } => Err(Refusal::BeingRemoved),
    }
}

fn stop(record: &Record) -> Result<Step, Refusal> {
    match record.lifecycle() {
        Lifecycle::Starting | Lifecycle::Running { .. } | Lifecycle::Paused { .. } => {
            Ok(stopping(record, StopCause::Requested))
        }
        Lifecycle::Stopping { .. } => Ok(Step::same().with(Effect::Stop)),
        Lifecycle::Stopped { .. } => Ok(Step::same()),
        Lifecycle::Removing { .. } => Err(Refusal::BeingRemoved),
    }
}

fn stopping(record: &Record, cause: StopCause) -> Step {
    let endpoints = record.lifecycle().endpoints().cloned().unwrap_or_default();
    record
        .becoming(Lifecycle::Stopping { cause, endpoints })
        .with(Effect::Stop)
}

fn remove(record: &Record, mode: RemoveMode) -> Step {
    let effect = Effect::Remove(mode);
    match record.lifecycle() {
        Lifecycle::Removing { .. } => Step::same().with(effect),
        lifecycle => {
            let endpoints = lifecycle.endpoints().cloned();
            record.becoming(Lifecycle::Removing { endpoints }).with(effect)
        }
    }
}

fn set_idle_timeout(record: &Record, timeout: TimeLimit) -> Step {
    let mut next = record.clone();
    next.fields.idle_timeout = Some(timeout);
    Step::unless_same(record, next)
}

/// The rule is asked again: whatever happened since the container seemed idle counts.
fn idle_due(record: &Record, generation: u64, rule: &IdleRule, now: Timestamp) -> Step {
    if record.generation() == generation && rule.is_due(record, now) {
        stopping(record, StopCause::Idle)
    } else {
        Step::same()
    }
}

fn check_in(record: &Record, generation: u64, connections: u32, now: Timestamp) -> Step {
    let is_running = matches!(record.lifecycle(), Lifecycle::Running { .. });
    if !is_running || record.generation() != generation {
        return Step::same();
    }
    let mut next = record.clone();
    next.fields.activity.connections = connections;
    if connections > 0 {
        next.fields.activity.last_active_at = now;
        next.fields.activity.signal = Signal::CheckIn;
    }
    Step::unless_same(record, next)
}

/// A container that never came to life is removed: nobody was told that it exists. One that ran before
/// stays, for it may hold data.
fn start_rejected(record: &Record, now: Timestamp) -> Step {
    match record.lifecycle() {
        Lifecycle::Starting if record.last_run().is_none() => remove(record, RemoveMode::Force),
        Lifecycle::Starting => record.becoming(Lifecycle::Stopped {
            since: now,
            cause: StopCause::Failed,
        }),
        Lifecycle::Running { .. }
        | Lifecycle::Paused { .. }
        | Lifecycle::Stopping { .. }
        | Lifecycle::Stopped { .. }
        | Lifecycle::Removing { .. } => Step::same(),
    }
}

fn observed(record: &Record, observation: Observation, now: Timestamp) -> Step {
    let mut renamed = record.clone();
    renamed.fields.name = observation.name;
    let mut step = match observation.state {
        ObservedState::Created => observed_created(&renamed, now),
        ObservedState::Live {
            run,
            state,
            endpoints,
            addresses,
            process: _,
        } => observed_live(
            &renamed,
            Live {
                run,
                state,
                endpoints,
                addresses,
            },
            now,
        ),
        ObservedState::Ended { run, exit } => observed_ended(&renamed, run, exit, now),
    };
    if matches!(step.next, Next::Same) && renamed != *record {
        step.next = Next::Changed(Box::new(renamed));
    }
    step
}

fn observed_created(record: &Record, now: Timestamp) -> Step {
    match record.lifecycle() {
        Lifecycle::Starting => Step::same().with(Effect::Start),
        Lifecycle::Stopping { cause, .. } => record.at_rest(*cause, now),
        // The engine has lost the run we knew; nothing runs, which is all that matters.
        Lifecycle::Running { .. } | Lifecycle::Paused { .. } => record.at_rest(StopCause::External, now),
        Lifecycle::Stopped { .. } => Step::same(),
        Lifecycle::Removing { .. } => Step::same().with(Effect::Remove(RemoveMode::Graceful)),
    }
}

fn observed_ended(record: &Record, run: RunId, exit: Exit, now: Timestamp) -> Step {
    let is_known_run = record.last_run() == Some(&run);
    let mut ended = record.clone();
    ended.fields.last_run = Some(run);
    let cause = match exit {
        Exit::ByItself => StopCause::Exited,
        Exit::BySignal => StopCause::External,
    };
    match record.lifecycle() {
        // What ended is the run before; the one that was asked for has not begun.
        Lifecycle::Starting if is_known_run => Step::same().with(Effect::Start),
        Lifecycle::Stopping { cause, .. } => ended.at_rest(*cause, now),
        Lifecycle::Stopped { .. } if is_known_run => Step::same(),
        Lifecycle::Starting
        | Lifecycle::Running { .. }
        | Lifecycle::Paused { .. }
        | Lifecycle::Stopped { .. } => ended.at_rest(cause, now),
        Lifecycle::Removing { .. } => Step::same().with(Effect::Remove(RemoveMode::Graceful)),
    }
}

/// A live container as the engine shows it.
struct Live {
    run: RunId,
    state: LiveState,
    endpoints: Endpoints,
    addresses: Vec<std::net::IpAddr>,
}

fn observed_live(record: &Record, live: Live, now: Timestamp) -> Step {
    let is_known_run = record.last_run() == Some(&live.run);
    match record.lifecycle() {
        Lifecycle::Stopping { .. } => Step::same().with(Effect::Stop),
        Lifecycle::Removing { .. } => Step::same().with(Effect::Remove(RemoveMode::Graceful)),
        // The generation was counted when the start was asked for.
        Lifecycle::Starting => Step::changed(record.in_run(live, now, Resumed::Yes)),
        Lifecycle::Running { since, .. } if is_known_run => {
            Step::unless_same(record, record.in_run(live, *since, Resumed::No))
        }
        Lifecycle::Paused { since, .. } if is_known_run => match live.state {
            LiveState::Paused => Step::unless_same(record, record.in_run(live, *since, Resumed::No)),
            LiveState::Running => {
                let mut next = record.in_run(live, *since, Resumed::No);
                next.fields.activity.last_active_at = now;
                next.fields.activity.signal = Signal::Started;
                Step::changed(next)
            }
        },
        // Somebody started it on the host: a new run, with a fresh clock.
        Lifecycle::Running { .. } | Lifecycle::Paused { .. } | Lifecycle::Stopped { .. } => {
            let mut next = record.in_run(live, now, Resumed::Yes);
            next.fields.generation += 1;
            Step::changed(next)
        }
    }
}

/// Whether a run has just begun, so that its activity begins afresh.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resumed {
    Yes,
    No,
}

impl Record {
    fn becoming(&self, lifecycle: Lifecycle) -> Step {
        let mut next = self.clone();
        next.fields.lifecycle = lifecycle;
        Step::changed(next)
    }

    fn at_rest(&self, cause: StopCause, now: Timestamp) -> Step {
        let mut next = self.clone();
        next.fields.lifecycle = Lifecycle::Stopped { since: now, cause };
        next.fields.activity.connections = 0;
        Step::changed(next)
    }

    fn in_run(&self, live: Live, since: Timestamp, resumed: Resumed) -> Self {
        let Live {
            run,
            state,
            endpoints,
            addresses,
        } = live;
        let mut next = self.clone();
        next.fields.last_run = Some(run);
        next.fields.lifecycle = match state {
            LiveState::Running => Lifecycle::Running {
                since,
                endpoints,
                addresses,
            },
            LiveState::Paused => Lifecycle::Paused { since, endpoints },
        };
        if resumed == Resumed::Yes {
            next.fields.activity = Activity {
                last_active_at: since,
                signal: Signal::Started,
                connections: 0,
            };
        }
        next
    }
}

impl Step {
    fn same() -> Self {
        Self {
            next: Next::Same,
            effect: None,
        }
    }

    fn changed(record: Record) -> Self {
        Self {
            next: Next::Changed(Box::new(record)),
            effect: None,
        }
    }

    fn unless_same(before: &Record, after: Record) -> Self {
        if *before == after {
            Self::same()
        } else {
            Self::changed(after)
        }
    }

    fn with(mut self, effect: Effect) -> Self {
        self.effect = Some(effect);
        self
    }
}

#[cfg(test)]
mod tests;
