//! What can happen in a history. Containers are meant by a number, of those there are then: every history makes
//! sense, whatever is left out of it.

use std::time::Duration;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;
use sd_client::api::RemoveMode;
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Point};

/// One step of a history.
#[derive(Clone, Debug)]
pub(super) enum Transition {
    Ask(Request),
    /// The engine fails when the request comes to this point.
    Fail(Request, Point, EngineError),
    /// The daemon is killed when the request comes to this point.
    KillAt(Request, Point),
    /// Two requests at once, while the engine hangs for a moment at this point.
    Hang(Request, Request, Point),
    /// The caller hangs up when the engine is asked to do what was asked for.
    HangUp(Request),
    /// A container reports its number.
    Report(usize),
    /// A container reports from the address of one that has just ended, before anybody was told of either.
    ReportFromTakenAddress(usize),
    Outside(usize, Outside),
    Foreign(Labels),
    Pass(Duration),
    /// Somebody sets the machine's date forward.
    SetDate(Duration),
    Disconnect,
    Reconnect,
    Kill,
}

/// A request over the API.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Create {
        idle_timeout: u64,
        /// One of a few keys, so that they come again.
        key: Option<u8>,
    },
    Start(usize),
    Stop(usize),
    Delete(usize, RemoveMode),
    Hold(usize, u64),
    SetIdleTimeout(usize, u64),
    List,
}

/// What somebody on the host does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outside {
    Start,
    End,
    Remove,
    Pause,
    Unpause,
    Rename,
}

/// What a container says that is not of the daemon.
#[derive(Clone, Copy, Debug)]
pub(super) enum Labels {
    None,
    /// That an operation of this daemon made it.
    Forged,
}

/// What has to be known to choose the next step: nothing more, for what becomes of each container is found out.
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
            return create().prop_map(Transition::Ask).boxed();
        }
        if !state.is_connected {
            return prop_oneof![
                3 => Just(Transition::Reconnect),
                2 => request().prop_map(Transition::Ask),
                2 => outside(),
                2 => pass(),
                1 => Just(Transition::Kill),
            ]
            .boxed();
        }
        prop_oneof![
            8 => request().prop_map(Transition::Ask),
            5 => (request(), point(), fault()).prop_map(|(request, point, fault)| Transition::Fail(request, point, fault)),
            4 => (request(), point()).prop_map(|(request, point)| Transition::KillAt(request, point)),
            3 => (request(), request(), point()).prop_map(|(one, other, point)| Transition::Hang(one, other, point)),
            2 => request().prop_map(Transition::HangUp),
            3 => any::<usize>().prop_map(Transition::Report),
            3 => any::<usize>().prop_map(Transition::ReportFromTakenAddress),
            4 => outside(),
            1 => prop_oneof![Just(Labels::None), Just(Labels::Forged)].prop_map(Transition::Foreign),
            4 => pass(),
            1 => (1_u64..100_000).prop_map(|seconds| Transition::SetDate(Duration::from_secs(seconds))),
            1 => Just(Transition::Disconnect),
            1 => Just(Transition::Kill),
        ]
        .boxed()
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        match transition {
            Transition::Ask(Request::Create { .. }) => state.has_containers = true,
            Transition::Disconnect => state.is_connected = false,
            Transition::Reconnect => state.is_connected = true,
            _ => {}
        }
        state
    }
}

fn create() -> impl Strategy<Value = Request> {
    // Never is 0.
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

fn outside() -> impl Strategy<Value = Transition> {
    let what = prop_oneof![
        Just(Outside::Start),
        Just(Outside::End),
        Just(Outside::Remove),
        Just(Outside::Pause),
        Just(Outside::Unpause),
        Just(Outside::Rename),
    ];
    (any::<usize>(), what).prop_map(|(which, what)| Transition::Outside(which, what))
}

fn pass() -> impl Strategy<Value = Transition> {
    let seconds = prop_oneof![3 => 1_u64..150, 1 => 600_u64..1_200];
    seconds.prop_map(|seconds| Transition::Pass(Duration::from_secs(seconds)))
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
        Just(EngineError::Unavailable("the connection broke".to_owned())),
        Just(EngineError::TimedOut(Duration::from_secs(60))),
        Just(EngineError::Rejected("no, it said".to_owned())),
    ]
}
