//! Tests of the state machine: tables of transitions, properties of random histories, and simulated days.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{
    Activity, Actor, AppliedLimit, Caller, ContainerPort, DeadlineReason, Due, Endpoints, Event, EventKind,
    Exit, Extension, Idleness, ImageRule, Intent, LastActive, LastUse, Lifecycle, LimitSource, Limits,
    LiveState, Observation, ObservedState, Policy, ProcessId, Reason, RecordFields, RemoveMode, Report,
    Request, RunId, Seconds, Signal, SignalReading, StopCause, TimeLimit, Timestamp, Use,
};
use super::*;

mod deadlines;
mod extensions;
mod limits;
mod observations;
mod properties;
mod reports;
mod requests;
mod simulated_day;

const EXITED: Exit = Exit::Exited { code: 1 };
const NOW: Timestamp = Timestamp::from_millis(1_000_000);
/// When the records below were created, started and last used: 100 s before [`NOW`].
const EARLIER: Timestamp = Timestamp::from_millis(900_000);
const HOUR: Duration = Duration::from_secs(3_600);
const MILLISECOND: Duration = Duration::from_millis(1);

fn endpoints(host_port: u16) -> Endpoints {
    Endpoints::new(BTreeMap::from([(ContainerPort::tcp(80), host_port)]), None)
}

fn record(lifecycle: Lifecycle) -> Record {
    let intent = lifecycle.is_unfinished().then(|| Intent {
        reason: Reason::Requested,
        actor: admin(),
    });
    Record::restore(RecordFields {
        id: "ab".repeat(32).parse().unwrap(),
        operation: "cd".repeat(16).parse().unwrap(),
        name: "hungry_bell".parse().unwrap(),
        image: "web".parse().unwrap(),
        created_at: EARLIER,
        limits: Limits::default(),
        label_limits: Limits::default(),
        lifecycle,
        intent,
        activity: Activity::started_at(EARLIER),
        generation: 7,
        last_run: Some(RunId::new("first")),
    })
}

fn starting() -> Record {
    record(Lifecycle::Starting)
}

fn running() -> Record {
    record(Lifecycle::Running {
        since: EARLIER,
        endpoints: endpoints(49_153),
        addresses: vec!["172.17.0.2".parse().unwrap()],
        process: ProcessId::new(4_711),
    })
}

fn paused() -> Record {
    record(Lifecycle::Paused {
        since: EARLIER,
        endpoints: endpoints(49_153),
    })
}

fn stopping() -> Record {
    record(Lifecycle::Stopping {
        cause: StopCause::Requested,
        endpoints: endpoints(49_153),
    })
}

fn stopped() -> Record {
    record(Lifecycle::Stopped {
        since: EARLIER,
        cause: StopCause::Requested,
    })
}

fn removing() -> Record {
    record(Lifecycle::Removing {
        cause: StopCause::Requested,
        endpoints: None,
    })
}

fn all_states() -> [Record; 6] {
    [starting(), running(), paused(), stopping(), stopped(), removing()]
}

fn all_but_running() -> [Record; 5] {
    [starting(), paused(), stopping(), stopped(), removing()]
}

fn created() -> Input {
    observed(ObservedState::Created)
}

fn live(run: &str, state: LiveState) -> Input {
    let addresses = vec!["172.17.0.2".parse().unwrap()];
    observed(ObservedState::Live {
        run: RunId::new(run),
        state,
        endpoints: endpoints(49_153),
        addresses,
        process: ProcessId::new(4_711),
    })
}

fn ended(run: &str, exit: Exit) -> Input {
    observed(ObservedState::Ended {
        run: RunId::new(run),
        exit,
    })
}

fn observed(state: ObservedState) -> Input {
    Input::Observed(Observation {
        name: "hungry_bell".parse().unwrap(),
        state,
    })
}

fn report(generation: u64, connections: u32) -> Input {
    let report = Report {
        connections: Some(connections),
        busy_for: None,
        counts: true,
    };
    Input::CheckIn { generation, report }
}

fn used(generation: u64, signal: Signal, value: u32) -> Input {
    Input::Used {
        generation,
        signal,
        value,
    }
}

fn start_rejected() -> Input {
    Input::StartRejected {
        message: "port is already allocated".to_owned(),
    }
}

fn start_failed() -> Reason {
    Reason::StartFailed {
        message: "port is already allocated".into(),
    }
}

fn requested(request: Request) -> Input {
    let by = Caller::of_api("admin", "127.0.0.1".parse().unwrap());
    Input::Requested { request, by }
}

fn admin() -> Actor {
    Caller::of_api("admin", "127.0.0.1".parse().unwrap()).into()
}

/// An input and the policy that applies when it arrives.
#[derive(Clone, Debug)]
struct Case {
    input: Input,
    policy: Policy,
}

impl From<Input> for Case {
    fn from(input: Input) -> Self {
        let policy = policy(TimeLimit::Never);
        Self { input, policy }
    }
}

impl From<Request> for Case {
    fn from(request: Request) -> Self {
        requested(request).into()
    }
}

fn due_to_stop(generation: u64, policy: Policy) -> Case {
    due_for(Due::Stop, generation, policy)
}

fn due_for(due: Due, generation: u64, policy: Policy) -> Case {
    Case {
        input: Input::Due { due, generation },
        policy,
    }
}

fn transition(record: &Record, case: impl Into<Case>, now: Timestamp) -> Result<Transition, Refusal> {
    let Case { input, policy } = case.into();
    super::transition(record, input, &Context { now, policy })
}

/// The result of a transition, short enough for a table.
fn outcome(record: &Record, case: impl Into<Case>) -> (String, Option<Effect>) {
    match transition(record, case, NOW) {
        Err(refusal) => (format!("refused: {refusal:?}"), None),
        Ok(Transition { next, effect, .. }) => {
            let next = match next {
                NextState::Same => "same".to_owned(),
                NextState::Gone => "gone".to_owned(),
                NextState::Changed(next) => state(&next),
            };
            (next, effect)
        }
    }
}

fn unchanged() -> (String, Option<Effect>) {
    ("same".to_owned(), None)
}

fn state(record: &Record) -> String {
    match record.lifecycle() {
        Lifecycle::Starting => "starting".to_owned(),
        Lifecycle::Running { .. } => "running".to_owned(),
        Lifecycle::Paused { .. } => "paused".to_owned(),
        Lifecycle::Stopping { cause, .. } => format!("stopping {cause:?}"),
        Lifecycle::Stopped { cause, .. } => format!("stopped {cause:?}"),
        Lifecycle::Removing { .. } => "removing".to_owned(),
    }
}

const GRACEFUL: Option<Effect> = Some(Effect::Remove(RemoveMode::Graceful));
const START: Option<Effect> = Some(Effect::Start);
const STOP: Option<Effect> = Some(Effect::Stop);

fn after(record: &Record, case: impl Into<Case>) -> Record {
    after_at(record, case, NOW)
}

fn after_at(record: &Record, case: impl Into<Case>, now: Timestamp) -> Record {
    match transition(record, case, now).unwrap().next {
        NextState::Changed(next) => *next,
        NextState::Same => record.clone(),
        NextState::Gone => panic!("the record was deleted"),
    }
}

/// The event of a transition.
fn event(record: &Record, case: impl Into<Case>, now: Timestamp) -> Option<Event> {
    transition(record, case, now).unwrap().event
}

fn outside(kind: EventKind) -> Event {
    Event::new(kind, Reason::Outside, Actor::Outside)
}

/// A running container that was last used at this time in this way.
fn used_at(at: Timestamp, signal: Signal, value: u32) -> Record {
    after_at(&running(), used(7, signal, value), at)
}

fn policy(default_idle_timeout: TimeLimit) -> Policy {
    Policy {
        default_idle_timeout,
        default_max_lifetime: TimeLimit::Never,
        default_remove_after: TimeLimit::Never,
        image_rules: [].into(),
        restart_grace: Duration::from_secs(600),
        resumed_at: Timestamp::from_millis(0),
        warn_before: Duration::ZERO,
    }
}

fn applied(limit: Duration, source: LimitSource) -> AppliedLimit {
    AppliedLimit {
        limit: limit.into(),
        source,
    }
}

fn timeout_of(timeout: TimeLimit) -> Limits {
    Limits {
        idle_timeout: Some(timeout),
        ..Limits::default()
    }
}

fn seconds(seconds: u64) -> TimeLimit {
    TimeLimit::After(Duration::from_secs(seconds))
}
