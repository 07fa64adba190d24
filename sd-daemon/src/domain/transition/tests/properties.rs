//! Properties of all histories.

use proptest::prelude::*;

use super::*;

/// An input, and the time since the previous one.
#[derive(Clone, Debug)]
struct Event {
    pause: Duration,
    case: Case,
}

fn inputs(policy: Policy) -> impl Strategy<Value = Case> {
    let generation = 0_u64..6;
    prop_oneof![
        Just(Request::Start.into()),
        Just(Request::Stop.into()),
        Just(Request::Remove(RemoveMode::Graceful).into()),
        Just(Request::Remove(RemoveMode::Force).into()),
        Just(start_rejected().into()),
        (1_u64..200).prop_map(|timeout| Request::SetLimits(timeout_of(seconds(timeout))).into()),
        generation
            .clone()
            .prop_map(move |generation| due_to_stop(generation, policy.clone())),
        (generation, 0_u32..3).prop_map(|(generation, connections)| report(generation, connections).into()),
        observations().prop_map(Case::from),
        observations().prop_map(Case::from),
    ]
}

fn observations() -> impl Strategy<Value = Input> {
    let runs = prop_oneof![Just("first"), Just("second"), Just("third")];
    let live = prop_oneof![Just(LiveState::Running), Just(LiveState::Paused)];
    let exits = prop_oneof![
        Just(Exit::Exited { code: 0 }),
        Just(Exit::OutOfMemory),
        Just(Exit::Killed)
    ];
    prop_oneof![
        Just(created()),
        (runs.clone(), live).prop_map(|(run, state)| super::live(run, state)),
        (runs, exits).prop_map(|(run, exit)| ended(run, exit)),
    ]
}

fn histories(policy: Policy) -> impl Strategy<Value = Vec<Event>> {
    let event = (0_u64..60_000, inputs(policy)).prop_map(|(millis, case)| Event {
        pause: Duration::from_millis(millis),
        case,
    });
    prop::collection::vec(event, 1..60)
}

fn new_record() -> Record {
    let mut record = starting();
    record.fields.last_run = None;
    record.fields.generation = 1;
    record
}

/// Applies a history; `check` gets each transition with the record before and after it.
fn play(
    history: Vec<Event>,
    mut check: impl FnMut(&Record, &Case, &Record, Option<Effect>, Timestamp) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let (mut record, mut now) = (new_record(), NOW);
    for Event { pause, case } in history {
        now = now.after(pause);
        let Ok(Transition { next, effect, .. }) = transition(&record, case.clone(), now) else {
            continue;
        };
        let after = match next {
            NextState::Same => record.clone(),
            NextState::Changed(next) => *next,
            NextState::Gone => return Err(TestCaseError::fail("deleted before it vanished")),
        };
        check(&record, &case, &after, effect, now)?;
        record = after;
    }
    Ok(())
}

fn never() -> Policy {
    super::policy(TimeLimit::Never)
}

proptest! {
    #[test]
    fn removing_container_stays_removing_until_it_vanishes(history in histories(never())) {
        play(history, |before, _, after, _, _| {
            if matches!(before.lifecycle(), Lifecycle::Removing { .. }) {
                let is_removing = matches!(after.lifecycle(), Lifecycle::Removing { .. });
                prop_assert!(is_removing);
            }
            Ok(())
        })?;
    }

    #[test]
    fn effect_always_belongs_to_the_stored_intent(history in histories(never())) {
        play(history, |_, _, after, effect, _| {
            match effect {
                Some(Effect::Start) => prop_assert_eq!(after.lifecycle(), &Lifecycle::Starting),
                Some(Effect::Stop) => {
                    let is_stopping = matches!(after.lifecycle(), Lifecycle::Stopping { .. });
                    prop_assert!(is_stopping);
                }
                Some(Effect::Remove(_)) => {
                    let is_removing = matches!(after.lifecycle(), Lifecycle::Removing { .. });
                    prop_assert!(is_removing);
                }
                None => {}
            }
            Ok(())
        })?;
    }

    #[test]
    fn repeated_observation_changes_nothing(
        history in histories(never()), observation in observations()
    ) {
        let mut last = new_record();
        play(history, |_, _, after, _, _| { last = after.clone(); Ok(()) })?;
        let once = super::after(&last, observation.clone());
        let twice = transition(&once, observation, NOW).unwrap();
        prop_assert_eq!(twice.next, NextState::Same);
    }

    #[test]
    fn generation_increases_with_every_new_run(history in histories(never())) {
        play(history, |before, _, after, _, _| {
            prop_assert!(after.generation() >= before.generation());
            let is_live = |record: &Record| {
                matches!(record.lifecycle(), Lifecycle::Running { .. } | Lifecycle::Paused { .. })
            };
            if is_live(before) && is_live(after) && before.last_run() != after.last_run() {
                prop_assert!(after.generation() > before.generation());
            }
            Ok(())
        })?;
    }

    #[test]
    fn disabled_idle_stops_end_no_run_as_idle(history in histories(never())) {
        let timeouts_stay_off = |event: &Event| !matches!(event.case.input, Input::Requested { request: Request::SetLimits(_), .. });
        let history = history.into_iter().filter(timeouts_stay_off).collect();
        play(history, |_, _, after, _, _| {
            let is_idle = matches!(
                after.lifecycle(),
                Lifecycle::Stopping { cause: StopCause::Idle, .. } | Lifecycle::Stopped { cause: StopCause::Idle, .. }
            );
            prop_assert!(!is_idle);
            Ok(())
        })?;
    }

    #[test]
    fn container_is_not_stopped_before_its_idle_deadline(history in histories(policy(seconds(30)))) {
        play(history, |before, case, after, effect, now| {
            if let (Input::Due { .. }, Some(Effect::Stop)) = (&case.input, effect) {
                let TimeLimit::After(timeout) = case.policy.idle_timeout(before).limit else {
                    return Err(TestCaseError::fail("stopped without an idle timeout"));
                };
                prop_assert!(now.since(before.activity().last_active().at) >= timeout);
                let is_running = matches!(before.lifecycle(), Lifecycle::Running { .. });
                prop_assert!(is_running && before != after);
            }
            Ok(())
        })?;
    }

    #[test]
    fn container_past_its_deadline_is_stopped_when_due(
        history in histories(policy(seconds(30))), wait in 0_u64..300
    ) {
        let policy = policy(seconds(30));
        let (mut last, mut end) = (new_record(), NOW);
        play(history, |_, _, after, _, now| { (last, end) = (after.clone(), now); Ok(()) })?;
        let now = end.after(Duration::from_secs(wait));
        let due = due_to_stop(last.generation(), policy.clone());
        let is_stopped = transition(&last, due, now).unwrap().effect == Some(Effect::Stop);
        let is_past = policy.stops_at(&last).is_some_and(|stops_at| now >= stops_at);
        prop_assert_eq!(is_stopped, is_past);
    }
}
