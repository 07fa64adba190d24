//! The transitions of a history. A transition selects its container by a number, modulo the containers of that time, so
//! that a shrunk history stays valid.

use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use sd_client::api::RemoveMode;
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Point};

/// One step of a history.
#[derive(Clone, Debug)]
pub(super) enum Transition {
    Request(Request),
    /// The engine fails when the request reaches this point.
    Fail(Request, Point, EngineError),
    /// The daemon is killed when the request reaches this point.
    KillAt(Request, Point),
    /// Two concurrent requests, while the engine hangs at this point.
    Hang(Request, Request, Point),
    /// The client disconnects when the request reaches the engine.
    DisconnectClient(Request),
    /// A container checks in with its number.
    Report(usize),
    /// A container checks in from the address of one that has just exited, before the daemon detects either change.
    ReportFromTakenAddress(usize),
    External(usize, External),
    Foreign(Labels),
    Advance(Duration),
    /// The wall clock is set forward.
    SetWallClock(Duration),
    Disconnect,
    Reconnect,
    Kill,
}

/// A request over the API.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Create {
        idle_timeout: u64,
        /// One of a few keys, so that keys repeat.
        key: Option<u8>,
    },
    Start(usize),
    Stop(usize),
    Delete(usize, RemoveMode),
    Hold(usize, u64),
    SetIdleTimeout(usize, u64),
    List,
}

/// A change made at the engine, not through the daemon.
#[derive(Clone, Copy, Debug)]
pub(super) enum External {
    Start,
    End,
    Remove,
    Pause,
    Unpause,
    Rename,
}

/// The labels of a foreign container.
#[derive(Clone, Copy, Debug)]
pub(super) enum Labels {
    None,
    /// A label with an operation id, as on containers of the daemon.
    Forged,
}

/// The state that decides which transitions are possible. The state of each container is observed, not modelled.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    has_containers: bool,
    is_connected: bool,
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        let empty = Self {
            has_containers: false,
            is_connected: true,
        };
        Just(empty).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Transition> {
        if !state.has_containers {
            return create().prop_map(Transition::Request).boxed();
        }
        if !state.is_connected {
            return prop_oneof![
                3 => Just(Transition::Reconnect),
                2 => request().prop_map(Transition::Request),
                2 => external(),
                2 => advance(),
                1 => Just(Transition::Kill),
            ]
            .boxed();
        }
        prop_oneof![
            8 => request().prop_map(Transition::Request),
            5 => (request(), point(), fault()).prop_map(|(request, point, fault)| Transition::Fail(request, point, fault)),
            4 => (request(), point()).prop_map(|(request, point)| Transition::KillAt(request, point)),
            3 => (request(), request(), point()).prop_map(|(one, other, point)| Transition::Hang(one, other, point)),
            2 => request().prop_map(Transition::DisconnectClient),
            3 => any::<usize>().prop_map(Transition::Report),
            3 => any::<usize>().prop_map(Transition::ReportFromTakenAddress),
            4 => external(),
            1 => prop_oneof![Just(Labels::None), Just(Labels::Forged)].prop_map(Transition::Foreign),
            4 => advance(),
            1 => (1_u64..100_000).prop_map(|seconds| Transition::SetWallClock(Duration::from_secs(seconds))),
            1 => Just(Transition::Disconnect),
            1 => Just(Transition::Kill),
        ]
        .boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        match transition {
            Transition::Request(Request::Create { .. }) => state.has_containers = true,
            Transition::Disconnect => state.is_connected = false,
            Transition::Reconnect => state.is_connected = true,
            _ => {}
        }
        state
    }
}

fn create() -> impl Strategy<Value = Request> {
    // 0 means never.
    let idle_timeout = prop_oneof![1 => Just(0_u64), 2 => 1_u64..120, 2 => 1_000_u64..9_000];
    (idle_timeout, proptest::option::of(0_u8..3))
        .prop_map(|(idle_timeout, key)| Request::Create { idle_timeout, key })
}

fn request() -> impl Strategy<Value = Request> {
    let mode = prop_oneof![Just(RemoveMode::Graceful), Just(RemoveMode::Force)];
    prop_oneof![
        5 => create(),
        4 => any::<usize>().prop_map(Request::Start),
        4 => any::<usize>().prop_map(Request::Stop),
        3 => (any::<usize>(), mode).prop_map(|(which, mode)| Request::Delete(which, mode)),
        1 => (any::<usize>(), 1_u64..600).prop_map(|(which, seconds)| Request::Hold(which, seconds)),
        1 => (any::<usize>(), 1_u64..9_000).prop_map(|(which, seconds)| Request::SetIdleTimeout(which, seconds)),
        1 => Just(Request::List),
    ]
}

fn external() -> impl Strategy<Value = Transition> {
    let change = prop_oneof![
        Just(External::Start),
        Just(External::End),
        Just(External::Remove),
        Just(External::Pause),
        Just(External::Unpause),
        Just(External::Rename),
    ];
    (any::<usize>(), change).prop_map(|(which, change)| Transition::External(which, change))
}

fn advance() -> impl Strategy<Value = Transition> {
    let seconds = prop_oneof![3 => 1_u64..150, 1 => 600_u64..1_200];
    seconds.prop_map(|seconds| Transition::Advance(Duration::from_secs(seconds)))
}

fn point() -> impl Strategy<Value = Point> {
    let action = prop_oneof![
        1 => Just(Action::Image),
        2 => Just(Action::Create),
        2 => Just(Action::Start),
        2 => Just(Action::Stop),
        2 => Just(Action::Remove),
        2 => Just(Action::Inspect),
        1 => Just(Action::Managed),
    ];
    (action, any::<bool>()).prop_map(|(action, is_done)| {
        if is_done {
            Point::After(action)
        } else {
            Point::Before(action)
        }
    })
}

fn fault() -> impl Strategy<Value = EngineError> {
    prop_oneof![
        Just(EngineError::Unavailable("connection reset".to_owned())),
        Just(EngineError::TimedOut(Duration::from_secs(60))),
        Just(EngineError::Rejected("rejected".to_owned())),
    ]
}
