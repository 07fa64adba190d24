//! The one function that decides what happens to a container. Longer than most files here, so that the
//! whole decision stands on one page.
//!
//! ```text
//!              Start                Observed live
//!   Stopped ─────────► Starting ─────────────────► Running ◄────► Paused
//!      ▲  ▲               │ StartRejected             │              │
//!      │  └───────────────┘                           │ Stop         │ Stop
//!      │        Observed ended                        │ Due          │
//!      └─────────────────────────── Stopping ◄────────┴──────────────┘
//!
//!   any state: Remove ──► Removing ◄── Due: Stopped       any state: Vanished ──► gone
//!   Running, Paused: Observed ended ──► Stopped      Stopped: Observed live ──► Running
//! ```
//!
//! `Starting`, `Stopping` and `Removing` are intents. Each observation that shows an intent unfulfilled
//! answers with its effect again, so that after a crash the row and one inspection are enough to finish
//! what was begun.

use std::time::Duration;

use super::event::{Event, EventKind, Words};
use super::policy::Deadline;
use super::words::HumanDuration;
use super::{
    Caller, DeadlineReason, Due, EffectiveLimit, Endpoints, Exit, LastActive, Lifecycle, Limits, LiveState,
    Observation, ObservedState, Policy, ProcessId, Record, RunId, Signal, StopCause, TimeLimit, Timestamp,
};

/// Everything that can change a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A client requested a change.
    Requested {
        /// The change.
        request: Request,
        /// The client.
        by: Caller,
    },
    /// A deadline of the run of this generation may have passed.
    Due {
        /// Which deadline.
        due: Due,
        /// The run that the deadline belongs to.
        generation: u64,
    },
    /// The container checked in from the run of this generation.
    CheckIn {
        /// The run that sent the report.
        generation: u64,
        /// The report.
        report: Report,
    },
    /// The prober saw use of the run of this generation.
    Used {
        /// The probed run.
        generation: u64,
        /// The signal that showed the use.
        signal: Signal,
        /// How much: connections, or thousandths of a core.
        value: u32,
    },
    /// An inspection of the container by the engine.
    Observed(Observation),
    /// The engine does not have the container.
    Vanished,
    /// The engine refused to start the container.
    StartRejected {
        /// The engine's message.
        message: String,
    },
}

/// A change that a client can request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Start the container.
    Start,
    /// Stop the container.
    Stop,
    /// Remove the container.
    Remove(RemoveMode),
    /// Set limits of the container. Limits that are `None` stay as they are.
    SetLimits(Limits),
    /// Postpone the deadline of the container.
    Extend(Extension),
}

/// The environment of a transition: everything besides the record and the input that decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The present.
    pub now: Timestamp,
    /// When containers are stopped and removed.
    pub policy: Policy,
}

/// What a container says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many connections it serves, where it says so.
    pub connections: Option<u32>,
    /// How long it will be busy, where it is: not longer than a report may ask for.
    pub busy_for: Option<Duration>,
    /// Whether reports are a signal here. One that is not is only remembered.
    pub counts: bool,
}

/// How a deadline is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// It is stopped this much later than it would be.
    By(Duration),
    /// It is not stopped for this long from now.
    For(Duration),
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
pub struct Transition {
    /// What becomes of the record.
    pub next: NextState,
    /// What is to be done then.
    pub effect: Option<Effect>,
    /// What its history says of it.
    pub event: Option<Event>,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextState {
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
    /// There is no deadline to push.
    NotRunning,
}

/// Why something happens that was asked for.
const ASKED: &str = "asked for over the API";
/// Why something happens that was done with the engine's own tools.
const ON_HOST: &str = "done on the host, not by spin-docker";

/// Decides what follows when `input` happens to `record`.
pub fn transition(record: &Record, input: Input, context: &Context) -> Result<Transition, Refusal> {
    let Context { now, policy } = context;
    let now = *now;
    match input {
        // The caller is recorded as the actor of the event once reasons are structured.
        Input::Requested { request, by: _ } => match request {
            Request::Start => start(record),
            Request::Stop => stop(record),
            Request::Remove(mode) => Ok(remove(record, mode, StopCause::Requested)),
            Request::SetLimits(limits) => Ok(set_limits(record, limits)),
            Request::Extend(extension) => extend(record, extension, policy, now),
        },
        Input::Due { due, generation } => Ok(when_due(record, due, generation, policy, now)),
        Input::CheckIn { generation, report } => Ok(check_in(record, generation, report, now)),
        Input::Used {
            generation,
            signal,
            value,
        } => Ok(used(record, generation, signal, value, now)),
        Input::Observed(observation) => Ok(observed(record, observation, now)),
        Input::Vanished => Ok(vanished(record, policy)),
        Input::StartRejected { message: _ } => Ok(start_rejected(record, now)),
    }
}

fn start(record: &Record) -> Result<Transition, Refusal> {
    match record.lifecycle() {
        Lifecycle::Stopped { .. } => {
            let mut next = record.clone();
            next.fields.lifecycle = Lifecycle::Starting;
            next.fields.generation += 1;
            Ok(Transition::changed(next).with(Effect::Start))
        }
        Lifecycle::Starting => Ok(Transition::same().with(Effect::Start)),
        Lifecycle::Running { .. } => Ok(Transition::same()),
        Lifecycle::Paused { .. } => Err(Refusal::Paused),
        Lifecycle::Stopping { .. } => Err(Refusal::Stopping),
        Lifecycle::Removing { .. } => Err(Refusal::BeingRemoved),
    }
}

fn stop(record: &Record) -> Result<Transition, Refusal> {
    match record.lifecycle() {
        Lifecycle::Starting | Lifecycle::Running { .. } | Lifecycle::Paused { .. } => {
            Ok(stopping(record, StopCause::Requested, ASKED))
        }
        Lifecycle::Stopping { .. } => Ok(Transition::same().with(Effect::Stop)),
        Lifecycle::Stopped { .. } => Ok(Transition::same()),
        Lifecycle::Removing { .. } => Err(Refusal::BeingRemoved),
    }
}

fn stopping(record: &Record, cause: StopCause, why: impl Into<Words>) -> Transition {
    let endpoints = record.lifecycle().endpoints().cloned().unwrap_or_default();
    record
        .becoming(Lifecycle::Stopping { cause, endpoints })
        .with(Effect::Stop)
        .telling(EventKind::Stopping, why)
}

fn remove(record: &Record, mode: RemoveMode, cause: StopCause) -> Transition {
    let effect = Effect::Remove(mode);
    match record.lifecycle() {
        Lifecycle::Removing { .. } => Transition::same().with(effect),
        lifecycle => {
            let endpoints = lifecycle.endpoints().cloned();
            record
                .becoming(Lifecycle::Removing { cause, endpoints })
                .with(effect)
        }
    }
}

fn set_limits(record: &Record, limits: Limits) -> Transition {
    let mut next = record.clone();
    next.fields.limits = limits.or(*record.limits());
    let step = Transition::unless_same(record, next);
    if matches!(step.next, NextState::Same) {
        return step;
    }
    step.telling(
        EventKind::Changed,
        format!("{}, {ASKED}", limits_in_words(limits)),
    )
}

fn limits_in_words(limits: Limits) -> String {
    let idle_timeout = limits
        .idle_timeout
        .map(|limit| format!("idle timeout set to {limit}"));
    let max_lifetime = limits.max_lifetime.map(|limit| match limit {
        TimeLimit::Never => "longest run set to unlimited".to_owned(),
        TimeLimit::After(lifetime) => format!("longest run set to {}", HumanDuration(lifetime)),
    });
    let remove_after = limits.remove_after.map(|limit| match limit {
        TimeLimit::Never => "removal set to never".to_owned(),
        TimeLimit::After(rest) => format!("removal set to {} after a stop", HumanDuration(rest)),
    });
    let words = [idle_timeout, max_lifetime, remove_after];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A container that is never stopped for idleness has no deadline to push, and needs none.
fn extend(
    record: &Record,
    extension: Extension,
    policy: &Policy,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    let Some(idle_ends_at) = policy.idle_ends_at(record) else {
        return match record.lifecycle() {
            Lifecycle::Running { .. } => Ok(Transition::same()),
            Lifecycle::Removing { .. } => Err(Refusal::BeingRemoved),
            Lifecycle::Paused { .. } => Err(Refusal::Paused),
            Lifecycle::Starting | Lifecycle::Stopping { .. } | Lifecycle::Stopped { .. } => {
                Err(Refusal::NotRunning)
            }
        };
    };
    let mut next = record.clone();
    let before = record.activity().keep_until;
    let (until, mut why, is_news) = match extension {
        // A deadline that has passed and was not acted on yet counts as now.
        Extension::By(span) => (
            idle_ends_at.max(now).after(span),
            format!("by {}, {ASKED}", HumanDuration(span)),
            true,
        ),
        Extension::For(span) => (
            now.after(span),
            format!(
                "kept for {} from then, and for as long as that was repeated, {ASKED}",
                HumanDuration(span)
            ),
            before.is_none_or(|before| before < now),
        ),
    };
    next.fields.activity.keep(until, now);
    let deadline = policy.deadline(&next);
    if deadline.is_some_and(|deadline| deadline.because == DeadlineReason::MaxLifetime) {
        why = format!("{why}; but {}", longest_run(record, policy));
    }
    let step = Transition::unless_same(record, next);
    Ok(if is_news {
        step.telling(EventKind::Extended, why)
            .until(deadline.map(|deadline| deadline.at))
    } else {
        step
    })
}

/// The policy is asked again: whatever happened since the container seemed due counts.
fn when_due(record: &Record, due: Due, generation: u64, policy: &Policy, now: Timestamp) -> Transition {
    if record.generation() != generation || !policy.is_due(record, due, now) {
        return Transition::same();
    }
    match (due, policy.deadline(record)) {
        (Due::Warning, Some(deadline)) => {
            let mut next = record.clone();
            next.fields.activity.warning_sent_for = Some(deadline.at);
            // Whoever wakes for a moment comes a little later. Five minutes are meant, not 4m 59s.
            let seconds_left = deadline.at.since(now).as_millis().div_ceil(1_000);
            let why = format!(
                "will be stopped in {}: {}",
                HumanDuration(Duration::from_secs(
                    u64::try_from(seconds_left).unwrap_or(u64::MAX)
                )),
                reason(record, deadline, policy, now)
            );
            Transition::changed(next)
                .telling(EventKind::IdleWarning, why)
                .until(Some(deadline.at))
        }
        (Due::Stop, Some(deadline)) => {
            let cause = match deadline.because {
                DeadlineReason::IdleTimeout | DeadlineReason::KeepUntil | DeadlineReason::Grace => {
                    StopCause::Idle
                }
                DeadlineReason::MaxLifetime => StopCause::Expired,
            };
            stopping(record, cause, reason(record, deadline, policy, now))
        }
        (Due::Removal, _) => remove(record, RemoveMode::Graceful, StopCause::Expired),
        // Only what has a deadline is due for these.
        (Due::Warning | Due::Stop, None) => Transition::same(),
    }
}

/// Why a container is stopped at a deadline: what decided, and the latest use. In words that are true before the
/// stop, when it is announced, as well as then.
fn reason(record: &Record, deadline: Deadline, policy: &Policy, now: Timestamp) -> String {
    let last_active = record.activity().last_active();
    let unused = HumanDuration(now.since(last_active.at));
    let idle = policy.idle_timeout(record);
    let used = use_in_words(record, last_active);
    let idle_timeout = format!("its idle timeout is {} ({})", idle.limit, idle.source);
    match deadline.because {
        DeadlineReason::IdleTimeout => {
            format!("not used for {unused}, and {idle_timeout}; the last use was {used}")
        }
        DeadlineReason::KeepUntil => format!(
            "nobody asked to keep it for longer, and it was not used for {unused}, while {idle_timeout}; the \
             last use was {used}"
        ),
        DeadlineReason::Grace => format!(
            "not used for {unused}, although it was given time to report since the daemon started or the \
             machine woke up, and {idle_timeout}; the last use was {used}"
        ),
        DeadlineReason::MaxLifetime => {
            format!("{}, however much it is used", longest_run(record, policy))
        }
    }
}

fn longest_run(record: &Record, policy: &Policy) -> String {
    let lifetime = policy.max_lifetime(record);
    format!("a run may last {} at most ({})", lifetime.limit, lifetime.source)
}

fn use_in_words(record: &Record, last_active: LastActive) -> String {
    let was_thawed =
        matches!(record.lifecycle(), Lifecycle::Running { since, .. } if last_active.at > *since);
    let counted = |what: &str| match last_active.value {
        1 => format!("1 {what}"),
        value => format!("{value} {what}s"),
    };
    match last_active.signal {
        Signal::Started if was_thawed => "its unpausing on the host".to_owned(),
        Signal::Started => "its start".to_owned(),
        Signal::CheckIn if last_active.value == 0 => "its report that it was busy".to_owned(),
        Signal::CheckIn => format!("its report of {}", counted("connection")),
        Signal::Connections => format!("{} seen in use from the host", counted("connection")),
        Signal::Cpu => format!(
            "its work on the processor, {} cores",
            f64::from(last_active.value) / 1_000.0
        ),
    }
}

fn check_in(record: &Record, generation: u64, report: Report, now: Timestamp) -> Transition {
    if !record.is_in_run(generation) {
        return Transition::same();
    }
    let mut next = record.clone();
    let activity = &mut next.fields.activity;
    activity.connections = report.connections.unwrap_or(activity.connections);
    if !report.counts {
        return Transition::unless_same(record, next);
    }
    let used_by = report.connections.unwrap_or_default();
    if used_by > 0 || report.busy_for.is_some() {
        activity.note(Signal::CheckIn, now, used_by);
    }
    let mut begins = None;
    if let Some(span) = report.busy_for {
        let before = activity.keep_until;
        activity.keep(now.after(span), now);
        begins = before.is_none_or(|before| before < now).then_some(span);
    }
    let step = Transition::unless_same(record, next);
    match begins {
        Some(span) => step.telling(
            EventKind::Extended,
            format!("it reported that it would be busy for {}", HumanDuration(span)),
        ),
        None => step,
    }
}

fn used(record: &Record, generation: u64, signal: Signal, value: u32, now: Timestamp) -> Transition {
    if !record.is_in_run(generation) {
        return Transition::same();
    }
    let mut next = record.clone();
    next.fields.activity.note(signal, now, value);
    Transition::unless_same(record, next)
}

/// A container that never came to life is removed: nobody was told that it exists. One that ran before
/// stays, for it may hold data.
fn start_rejected(record: &Record, now: Timestamp) -> Transition {
    match record.lifecycle() {
        Lifecycle::Starting if record.last_run().is_none() => {
            remove(record, RemoveMode::Force, StopCause::Failed)
        }
        Lifecycle::Starting => record.stopped(StopCause::Failed, now, "the engine refused to start it"),
        Lifecycle::Running { .. }
        | Lifecycle::Paused { .. }
        | Lifecycle::Stopping { .. }
        | Lifecycle::Stopped { .. }
        | Lifecycle::Removing { .. } => Transition::same(),
    }
}

fn vanished(record: &Record, policy: &Policy) -> Transition {
    let why: Words = match record.lifecycle() {
        Lifecycle::Removing { cause, .. } => match cause {
            StopCause::Expired => rest(policy.remove_after(record)).into(),
            StopCause::Failed => "the engine refused to start it".into(),
            StopCause::Requested | StopCause::Idle | StopCause::Exited | StopCause::External => ASKED.into(),
        },
        Lifecycle::Starting
        | Lifecycle::Running { .. }
        | Lifecycle::Paused { .. }
        | Lifecycle::Stopping { .. }
        | Lifecycle::Stopped { .. } => ON_HOST.into(),
    };
    Transition {
        next: NextState::Gone,
        effect: None,
        event: Some(Event::new(EventKind::Removed, why)),
    }
}

/// Why a container was removed that nobody had asked to remove.
fn rest(remove_after: EffectiveLimit) -> String {
    match remove_after.limit {
        TimeLimit::After(rest) => {
            let (rest, source) = (HumanDuration(rest), remove_after.source);
            format!("nobody started it for {rest} after its stop, and then it is removed ({source})")
        }
        // Somebody lifted the limit while it was being removed.
        TimeLimit::Never => "nobody started it for as long as it might be at rest".to_owned(),
    }
}

fn observed(record: &Record, observation: Observation, now: Timestamp) -> Transition {
    let mut renamed = record.clone();
    renamed.fields.name = observation.name;
    let mut step = match observation.state {
        ObservedState::Created => observed_created(&renamed, now),
        ObservedState::Live {
            run,
            state,
            endpoints,
            addresses,
            process,
        } => observed_live(
            &renamed,
            Live {
                run,
                state,
                endpoints,
                addresses,
                process,
            },
            now,
        ),
        ObservedState::Ended { run, exit } => observed_ended(&renamed, run, exit, now),
        ObservedState::Unknown => Transition::same(),
    };
    if matches!(step.next, NextState::Same) && renamed != *record {
        step.next = NextState::Changed(Box::new(renamed));
    }
    step
}

fn observed_created(record: &Record, now: Timestamp) -> Transition {
    match record.lifecycle() {
        Lifecycle::Starting => Transition::same().with(Effect::Start),
        Lifecycle::Stopping { cause, .. } => record.stopped(*cause, now, ""),
        // The engine has lost the run we knew; nothing runs, which is all that matters.
        Lifecycle::Running { .. } | Lifecycle::Paused { .. } => {
            record.stopped(StopCause::External, now, "the engine says that it never ran")
        }
        Lifecycle::Stopped { .. } => Transition::same(),
        Lifecycle::Removing { .. } => Transition::same().with(Effect::Remove(RemoveMode::Graceful)),
    }
}

fn observed_ended(record: &Record, run: RunId, exit: Exit, now: Timestamp) -> Transition {
    let is_known_run = record.last_run() == Some(&run);
    let mut ended = record.clone();
    ended.fields.last_run = Some(run);
    let (cause, why) = match exit {
        Exit::ByItself { status } => (
            StopCause::Exited,
            Words::from(format!("its main process ended by itself, with status {status}")),
        ),
        Exit::OutOfMemory => (
            StopCause::Exited,
            "it took more memory than it may have, and was ended by the system".into(),
        ),
        Exit::BySignal => (StopCause::External, ON_HOST.into()),
    };
    match record.lifecycle() {
        // What ended is the run before; the one that was asked for has not begun.
        Lifecycle::Starting if is_known_run => Transition::same().with(Effect::Start),
        // Why was said when the stop began.
        Lifecycle::Stopping { cause, .. } => ended.stopped(*cause, now, ""),
        Lifecycle::Stopped { .. } if is_known_run => Transition::same(),
        Lifecycle::Starting
        | Lifecycle::Running { .. }
        | Lifecycle::Paused { .. }
        | Lifecycle::Stopped { .. } => ended.stopped(cause, now, why),
        Lifecycle::Removing { .. } => Transition::same().with(Effect::Remove(RemoveMode::Graceful)),
    }
}

/// A live container as the engine shows it.
struct Live {
    run: RunId,
    state: LiveState,
    endpoints: Endpoints,
    addresses: Vec<std::net::IpAddr>,
    process: Option<ProcessId>,
}

fn observed_live(record: &Record, live: Live, now: Timestamp) -> Transition {
    let is_known_run = record.last_run() == Some(&live.run);
    let state = live.state;
    match record.lifecycle() {
        Lifecycle::Stopping { .. } => Transition::same().with(Effect::Stop),
        Lifecycle::Removing { .. } => Transition::same().with(Effect::Remove(RemoveMode::Graceful)),
        // The generation was counted when the start was asked for.
        Lifecycle::Starting => {
            Transition::changed(record.in_run(live, now, Resumed::Yes)).telling(EventKind::Started, ASKED)
        }
        Lifecycle::Running { since, .. } if is_known_run => {
            let step = Transition::unless_same(record, record.in_run(live, *since, Resumed::No));
            match state {
                LiveState::Running => step,
                LiveState::Paused => step.telling(EventKind::Paused, ON_HOST),
            }
        }
        Lifecycle::Paused { since, .. } if is_known_run => match state {
            LiveState::Paused => Transition::unless_same(record, record.in_run(live, *since, Resumed::No)),
            LiveState::Running => {
                let mut next = record.in_run(live, *since, Resumed::No);
                next.fields.activity.note(Signal::Started, now, 0);
                Transition::changed(next).telling(EventKind::Resumed, ON_HOST)
            }
        },
        // Somebody started it on the host: a new run, with a fresh clock.
        Lifecycle::Running { .. } | Lifecycle::Paused { .. } | Lifecycle::Stopped { .. } => {
            let mut next = record.in_run(live, now, Resumed::Yes);
            next.fields.generation += 1;
            Transition::changed(next).telling(EventKind::Started, ON_HOST)
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
    fn becoming(&self, lifecycle: Lifecycle) -> Transition {
        let mut next = self.clone();
        next.fields.lifecycle = lifecycle;
        Transition::changed(next)
    }

    fn stopped(&self, cause: StopCause, now: Timestamp, why: impl Into<Words>) -> Transition {
        let mut next = self.clone();
        next.fields.lifecycle = Lifecycle::Stopped { since: now, cause };
        next.fields.activity.end_run();
        Transition::changed(next).telling(EventKind::Stopped, why)
    }

    fn in_run(&self, live: Live, since: Timestamp, resumed: Resumed) -> Self {
        let Live {
            run,
            state,
            endpoints,
            addresses,
            process,
        } = live;
        let mut next = self.clone();
        next.fields.last_run = Some(run);
        next.fields.lifecycle = match state {
            LiveState::Running => Lifecycle::Running {
                since,
                endpoints,
                addresses,
                process,
            },
            LiveState::Paused => Lifecycle::Paused { since, endpoints },
        };
        if resumed == Resumed::Yes {
            next.fields.activity.begin_run(since);
        }
        next
    }
}

impl Transition {
    fn same() -> Self {
        Self {
            next: NextState::Same,
            effect: None,
            event: None,
        }
    }

    fn changed(record: Record) -> Self {
        Self {
            next: NextState::Changed(Box::new(record)),
            ..Self::same()
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

    /// The same step, told in the history.
    fn telling(mut self, what: EventKind, why: impl Into<Words>) -> Self {
        self.event = Some(Event::new(what, why));
        self
    }

    /// The same step, telling until when the container is kept.
    fn until(mut self, stops_at: Option<Timestamp>) -> Self {
        if let Some(event) = &mut self.event {
            event.stops_at = stops_at;
        }
        self
    }
}

#[cfg(test)]
mod tests;
