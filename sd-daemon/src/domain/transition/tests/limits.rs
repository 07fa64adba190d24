//! Limits that are given to a container.

use super::*;

#[test]
fn a_timeout_of_its_own_beats_the_default_both_ways() {
    let long = after(&running(), Request::SetLimits(timeout_of(seconds(1000))));
    assert!(!policy(seconds(1)).is_due(&long, Due::Stop, NOW));
    let pinned = after(&running(), Request::SetLimits(timeout_of(TimeLimit::Never)));
    assert_eq!(policy(seconds(1)).stops_at(&pinned), None);
    let short = after(&running(), Request::SetLimits(timeout_of(seconds(1))));
    assert!(policy(TimeLimit::Never).is_due(&short, Due::Stop, NOW));
}

const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn limits_that_are_not_given_stay_as_they_are() {
    let first = Limits {
        idle_timeout: Some(TimeLimit::After(HOUR)),
        remove_after: Some(TimeLimit::Never),
        ..Limits::default()
    };
    let second = Limits {
        max_lifetime: Some(TimeLimit::After(8 * HOUR)),
        remove_after: Some(TimeLimit::After(48 * HOUR)),
        ..Limits::default()
    };
    let record = after(&running(), Request::SetLimits(first));
    let record = after(&record, Request::SetLimits(second));
    let expected = Limits {
        idle_timeout: Some(TimeLimit::After(HOUR)),
        ..second
    };
    assert_eq!(*record.limits(), expected);
}

#[test]
fn limits_can_be_given_in_every_state() {
    for record in [starting(), running(), paused(), stopping(), stopped(), removing()] {
        let next = after(&record, Request::SetLimits(timeout_of(seconds(5))));
        assert_eq!(*next.limits(), timeout_of(seconds(5)));
        assert_eq!(next.lifecycle(), record.lifecycle());
    }
}

#[test]
fn a_change_says_which_limits_and_the_same_limits_again_are_none() {
    let limits = |idle_timeout, max_lifetime, remove_after| Limits {
        idle_timeout,
        max_lifetime,
        remove_after,
    };
    let (after, never) = (
        |hours| Some(TimeLimit::After(hours * HOUR)),
        Some(TimeLimit::Never),
    );
    for (limits, why) in [
        (limits(after(6), None, None), "idle timeout set to 6h"),
        (limits(never, None, None), "idle timeout set to never"),
        (limits(None, after(8), None), "longest run set to 8h"),
        (limits(None, never, None), "longest run set to unlimited"),
        (limits(None, None, after(48)), "removal set to 2d after a stop"),
        (limits(None, None, never), "removal set to never"),
        (
            limits(after(1), after(8), after(48)),
            "idle timeout set to 1h, longest run set to 8h, removal set to 2d after a stop",
        ),
    ] {
        let why = format!("{why}, asked for over the API");
        let change = Request::SetLimits(limits);
        assert_eq!(
            told(&running(), change.clone(), NOW),
            says(EventKind::Changed, &why),
            "{limits:?}"
        );
        let changed = super::after(&running(), change.clone());
        assert_eq!(
            transition(&changed, change, NOW),
            Ok(Transition::same()),
            "{limits:?}"
        );
    }
}
