//! Somebody pushes a deadline. The records were last active 100 s before `NOW`.

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);
const TIMEOUT: Duration = Duration::from_secs(9_000);
/// When the records are stopped unless somebody does something.
const IDLE_END: Timestamp = Timestamp::from_millis(EARLIER.as_millis() + 9_000_000);

fn by(span: Duration) -> Case {
    extend(Extension::By(span), default_policy())
}

fn hold(span: Duration) -> Case {
    extend(Extension::For(span), default_policy())
}

fn extend(extension: Extension, policy: Policy) -> Case {
    Case {
        input: requested(Request::Extend(extension)),
        policy,
    }
}

fn default_policy() -> Policy {
    policy(TimeLimit::After(TIMEOUT))
}

fn deadline(record: &Record) -> Option<(Timestamp, DeadlineReason)> {
    let deadline = default_policy().deadline(record)?;
    Some((deadline.at, deadline.because))
}

#[test]
fn by_pushes_the_deadline_from_where_it_is() {
    let once = after(&running(), by(2 * HOUR));
    assert_eq!(
        deadline(&once),
        Some((IDLE_END.after(2 * HOUR), DeadlineReason::KeepUntil))
    );
    let twice = after(&once, by(HOUR));
    assert_eq!(
        deadline(&twice),
        Some((IDLE_END.after(3 * HOUR), DeadlineReason::KeepUntil))
    );
}

#[test]
fn by_pushes_a_deadline_that_has_passed_from_now() {
    let late = IDLE_END.after(Duration::from_secs(50));
    let next = after_at(&running(), by(HOUR), late);
    assert_eq!(
        deadline(&next),
        Some((late.after(HOUR), DeadlineReason::KeepUntil))
    );
}

#[test]
fn for_keeps_from_now_and_leaves_a_later_deadline_alone() {
    let short = after(&running(), hold(HOUR));
    assert_eq!(deadline(&short), Some((IDLE_END, DeadlineReason::IdleTimeout)));
    let long = after(&running(), hold(5 * HOUR));
    assert_eq!(
        deadline(&long),
        Some((NOW.after(5 * HOUR), DeadlineReason::KeepUntil))
    );
    assert_eq!(outcome(&long, hold(HOUR)), ("same".to_owned(), None));
}

#[test]
fn an_extension_says_how_long_and_until_when() {
    let step_of = |input| transition(&running(), input, NOW).unwrap().event.unwrap();
    let event = step_of(by(2 * HOUR));
    assert_eq!(event.what, EventKind::Extended);
    assert_eq!(event.why, "by 2h, asked for over the API");
    assert_eq!(event.stops_at, Some(IDLE_END.after(2 * HOUR)));
    let event = step_of(hold(HOUR));
    assert_eq!(
        event.why,
        "kept for 1h from then, and for as long as that was repeated, asked for over the API"
    );
    assert_eq!(
        event.stops_at,
        Some(IDLE_END),
        "when it is stopped, not until when it is kept"
    );
}

#[test]
fn holding_on_is_told_once_and_letting_go_begins_anew() {
    let minute = Duration::from_secs(60);
    let (mut record, mut now, mut entries) = (running(), NOW, 0);
    for _ in 0..600 {
        let step = transition(&record, hold(minute), now).unwrap();
        entries += usize::from(step.event.is_some());
        record = after_at(&record, hold(minute), now);
        assert_eq!(record.activity().keep_until, Some(now.after(minute)));
        now = now.after(minute / 3);
    }
    assert_eq!(entries, 1);
    let later = now.after(minute);
    assert!(told(&record, hold(minute), later).is_some());
}

#[test]
fn no_extension_leads_past_the_longest_run() {
    let policy = || Policy {
        default_lifetime: TimeLimit::After(3 * HOUR),
        ..default_policy()
    };
    for (extension, words) in [
        (Extension::By(2 * HOUR), "by 2h"),
        (
            Extension::For(10 * HOUR),
            "kept for 10h from then, and for as long as that was repeated",
        ),
    ] {
        let event = transition(&running(), extend(extension, policy()), NOW)
            .unwrap()
            .event
            .unwrap();
        assert_eq!(event.stops_at, Some(EARLIER.after(3 * HOUR)));
        assert_eq!(
            event.why,
            format!("{words}, asked for over the API; but a run may last 3h at most (the daemon's default)")
        );
        let next = after(&running(), extend(extension, policy()));
        assert_eq!(policy().stops_at(&next), Some(EARLIER.after(3 * HOUR)));
    }
}

#[test]
fn a_pinned_container_has_no_deadline_to_push_and_needs_none() {
    let pinned = after(&running(), Request::SetLimits(timeout_of(TimeLimit::Never)));
    for input in [by(HOUR), hold(HOUR)] {
        assert_eq!(outcome(&pinned, input.clone()), ("same".to_owned(), None));
        assert_eq!(told(&pinned, input, NOW), None);
    }
}

#[test]
fn what_does_not_run_has_no_deadline_to_push() {
    for (record, refusal) in [
        (starting(), Refusal::NotRunning),
        (paused(), Refusal::Paused),
        (stopping(), Refusal::NotRunning),
        (stopped(), Refusal::NotRunning),
        (removing(), Refusal::BeingRemoved),
    ] {
        for input in [by(HOUR), hold(HOUR)] {
            assert_eq!(
                transition(&record, input, NOW),
                Err(refusal),
                "{}",
                state(&record)
            );
        }
    }
}

#[test]
fn what_was_asked_for_one_run_does_not_hold_for_the_next() {
    let kept = after(&running(), hold(5 * HOUR));
    let at_rest = after(&kept, ended("first", Exit::BySignal));
    assert_eq!(at_rest.activity().keep_until, None);
    let behind_our_back = after(&kept, live("second", LiveState::Running));
    assert_eq!(behind_our_back.activity().keep_until, None);
    let thawed = after(
        &after(&kept, live("first", LiveState::Paused)),
        live("first", LiveState::Running),
    );
    assert_eq!(
        thawed.activity().keep_until,
        Some(NOW.after(5 * HOUR)),
        "the same run"
    );
}
