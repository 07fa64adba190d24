//! The rule: by table, by sentence, and by what holds for every history.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::domain::{Activity, ContainerPort, RecordFields};

mod due;
mod extending;
mod limits;
mod observations;
mod properties;
mod reports;
mod requests;
mod simulated_day;

const BY_ITSELF: Exit = Exit::ByItself { status: 1 };
const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const EARLIER: Timestamp = Timestamp::from_millis(900_000);

fn endpoints(host_port: u16) -> Endpoints {
    Endpoints::new(BTreeMap::from([(ContainerPort::tcp(80), host_port)]), None)
}

fn run(name: &str) -> RunId {
    RunId::new(name)
}

fn record(lifecycle: Lifecycle) -> Record {
    Record::restore(RecordFields {
        id: "ab".repeat(32).parse().unwrap(),
        operation: "cd".repeat(16).parse().unwrap(),
        name: "hungry_bell".parse().unwrap(),
        image: "web".parse().unwrap(),
        created_at: EARLIER,
        limits: Limits::default(),
        label_limits: Limits::default(),
        lifecycle,
        activity: Activity::started_at(EARLIER),
        generation: 7,
        last_run: Some(run("first")),
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

/// What a step leads to, in a word that fits into a table.
fn outcome(record: &Record, case: impl Into<Case>) -> (String, Option<Effect>) {
    match transition(record, case, NOW) {
        Err(refusal) => (format!("refused: {refusal:?}"), None),
        Ok(Transition {
            next: NextState::Same,
            effect,
            ..
        }) => ("same".to_owned(), effect),
        Ok(Transition {
            next: NextState::Gone,
            effect,
            ..
        }) => ("gone".to_owned(), effect),
        Ok(Transition {
            next: NextState::Changed(next),
            effect,
            ..
        }) => (state(&next), effect),
    }
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
        NextState::Gone => panic!("gone"),
    }
}

/// What the history is told of a step, in whole sentences.
fn told(record: &Record, case: impl Into<Case>, now: Timestamp) -> Option<(EventKind, String)> {
    let event = transition(record, case, now).unwrap().event;
    event.map(|event| (event.what, event.why.into_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be nothing")]
fn says(what: EventKind, why: &str) -> Option<(EventKind, String)> {
    Some((what, why.to_owned()))
}

/// A running container that was used in this way at that moment.
fn used_at(at: Timestamp, signal: Signal, value: u32) -> Record {
    let used = Input::Used {
        generation: 7,
        signal,
        value,
    };
    after_at(&running(), used, at)
}

fn report(generation: u64, connections: u32) -> Input {
    let report = Report {
        connections: Some(connections),
        busy_for: None,
        counts: true,
    };
    Input::CheckIn { generation, report }
}

fn policy(default_timeout: TimeLimit) -> Policy {
    Policy {
        default_timeout,
        default_lifetime: TimeLimit::Never,
        default_rest: TimeLimit::Never,
        image_rules: [].into(),
        restart_grace: Duration::from_secs(600),
        resumed_at: Timestamp::from_millis(0),
        warn_before: Duration::ZERO,
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

fn requested(request: Request) -> Input {
    Input::Requested {
        request,
        by: Caller::unidentified(),
    }
}

fn start_rejected() -> Input {
    Input::StartRejected {
        message: "port is already allocated".to_owned(),
    }
}

fn transition(record: &Record, case: impl Into<Case>, now: Timestamp) -> Result<Transition, Refusal> {
    let Case { input, policy } = case.into();
    super::transition(record, input, &Context { now, policy })
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
