//! Limits and their sources, deadlines, warnings and removals. Longer than 400 lines because each rule is read together
//! with those that take precedence over it.

use std::collections::BTreeMap;

use super::*;
use crate::domain::{Activity, Endpoints, RecordFields, Signal, SignalReading, StopCause};

/// When the run of [`running`] began. The daemon started long before.
const START: Timestamp = Timestamp::from_millis(100_000_000_000);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn record(lifecycle: Lifecycle) -> Record {
    Record::restore(RecordFields {
        id: "ab".repeat(32).parse().unwrap(),
        operation: "cd".repeat(16).parse().unwrap(),
        name: "hungry_bell".parse().unwrap(),
        image: "team/web:1.2".parse().unwrap(),
        created_at: START,
        limits: Limits::default(),
        label_limits: Limits::default(),
        lifecycle,
        intent: None,
        activity: Activity::started_at(START),
        generation: 1,
        last_run: None,
    })
}

fn running() -> Record {
    record(Lifecycle::Running {
        since: START,
        endpoints: Endpoints::default(),
        addresses: Vec::new(),
        process: None,
    })
}

/// A container that stopped at [`START`].
fn stopped() -> Record {
    record(Lifecycle::Stopped {
        since: START,
        cause: StopCause::Idle,
    })
}

/// Every state without a deadline.
fn others() -> [Record; 4] {
    let endpoints = Endpoints::default();
    let cause = StopCause::Requested;
    [
        Lifecycle::Starting,
        Lifecycle::Paused {
            since: START,
            endpoints: endpoints.clone(),
        },
        Lifecycle::Stopping { cause, endpoints },
        Lifecycle::Removing {
            cause,
            endpoints: None,
        },
    ]
    .map(record)
}

fn used(mut record: Record, at: Timestamp) -> Record {
    record.fields.activity.readings = BTreeMap::from([(Signal::Connections, SignalReading { at, value: 1 })]);
    record
}

fn kept(mut record: Record, from: Timestamp, until: Timestamp) -> Record {
    record.fields.activity.extend_until(until, from);
    record
}

fn policy() -> Policy {
    Policy {
        default_idle_timeout: after(2 * HOUR),
        default_max_lifetime: TimeLimit::Never,
        default_remove_after: TimeLimit::Never,
        image_rules: [].into(),
        restart_grace: 10 * MINUTE,
        resumed_at: Timestamp::from_millis(0),
        warn_before: 5 * MINUTE,
    }
}

fn after(duration: Duration) -> TimeLimit {
    TimeLimit::After(duration)
}

fn rule(images: &str, limits: Limits) -> ImageRule {
    ImageRule {
        images: images.parse().unwrap(),
        limits,
    }
}

/// Each limit: its name, how it is set, and how it is read.
type Kind = (
    &'static str,
    fn(TimeLimit) -> Limits,
    fn(&Policy, &Record) -> EffectiveLimit,
);
const KINDS: [Kind; 3] = [
    ("idle timeout", idle_timeout, Policy::idle_timeout),
    ("longest run", max_lifetime, Policy::max_lifetime),
    ("removal", remove_after, Policy::remove_after),
];

fn idle_timeout(limit: TimeLimit) -> Limits {
    Limits {
        idle_timeout: Some(limit),
        ..Limits::default()
    }
}

fn max_lifetime(limit: TimeLimit) -> Limits {
    Limits {
        max_lifetime: Some(limit),
        ..Limits::default()
    }
}

fn remove_after(limit: TimeLimit) -> Limits {
    Limits {
        remove_after: Some(limit),
        ..Limits::default()
    }
}

#[test]
fn most_specific_source_decides() {
    use LimitSource::{Container, Default, ImageLabel, ImageRule};
    for (name, limits, decided) in KINDS {
        let seconds = |seconds| after(Duration::from_secs(seconds));
        let (own, labelled, ruled, default) = (seconds(1), seconds(2), seconds(3), seconds(4));
        for set in 0..8_u8 {
            let (has_own, has_label, has_rule) = (set & 1 != 0, set & 2 != 0, set & 4 != 0);
            let mut record = running();
            let of = |is_set: bool, limit| if is_set { limits(limit) } else { Limits::default() };
            record.fields.limits = of(has_own, own);
            record.fields.label_limits = of(has_label, labelled);
            let policy = Policy {
                image_rules: [rule("team/*", of(has_rule, ruled))].into(),
                default_idle_timeout: default,
                default_max_lifetime: default,
                default_remove_after: default,
                ..policy()
            };
            let expected = match (has_own, has_label, has_rule) {
                (true, _, _) => (own, Container),
                (false, true, _) => (labelled, ImageLabel),
                (false, false, true) => (ruled, ImageRule),
                (false, false, false) => (default, Default),
            };
            let found = decided(&policy, &record);
            assert_eq!((found.limit, found.source), expected, "{name} {set}");
        }
    }
}

#[test]
fn each_limit_has_its_own_source() {
    let mut record = running();
    record.fields.limits = idle_timeout(after(MINUTE));
    record.fields.label_limits = max_lifetime(after(HOUR));
    let policy = Policy {
        image_rules: [rule("*", remove_after(after(DAY)))].into(),
        ..policy()
    };
    let sources = KINDS.map(|(_, _, decided)| decided(&policy, &record).source);
    assert_eq!(
        sources,
        [
            LimitSource::Container,
            LimitSource::ImageLabel,
            LimitSource::ImageRule
        ]
    );
}

#[test]
fn first_matching_rule_with_the_limit_decides() {
    for (name, limits, decided) in KINDS {
        let rules = [
            rule("team/db", limits(after(SECOND))),
            rule("team/web", Limits::default()),
            rule("team/*", limits(after(MINUTE))),
            rule("*", limits(after(HOUR))),
        ];
        let policy = Policy {
            image_rules: rules.into(),
            ..policy()
        };
        let expected = EffectiveLimit {
            limit: after(MINUTE),
            source: LimitSource::ImageRule,
        };
        assert_eq!(decided(&policy, &running()), expected, "{name}");
    }
}

#[test]
fn never_overrides_less_specific_limits() {
    for (name, limits, decided) in KINDS {
        let short = after(SECOND);
        let mut record = running();
        record.fields.limits = limits(TimeLimit::Never);
        record.fields.label_limits = limits(short);
        let policy = Policy {
            default_idle_timeout: short,
            default_max_lifetime: short,
            default_remove_after: short,
            ..policy()
        };
        let found = decided(&policy, &record);
        assert_eq!(
            (found.limit, found.source),
            (TimeLimit::Never, LimitSource::Container),
            "{name}"
        );
    }
}

#[test]
fn disabled_idle_timeout_leaves_only_the_max_lifetime() {
    let mut pinned = kept(running(), START, START.after(HOUR));
    pinned.fields.limits = idle_timeout(TimeLimit::Never);
    assert_eq!(policy().deadline(&pinned), None);
    assert_eq!(policy().next_due(&pinned, START.after(3650 * DAY)), None);
    pinned.fields.limits.max_lifetime = Some(after(8 * HOUR));
    let expected = Deadline {
        at: START.after(8 * HOUR),
        because: DeadlineReason::MaxLifetime,
    };
    assert_eq!(policy().deadline(&pinned), Some(expected));
}

#[test]
fn latest_of_use_extension_and_grace_decides_up_to_a_cap() {
    use DeadlineReason::{Grace, IdleTimeout, KeepUntil, MaxLifetime};
    // Last use, until when it is kept, start of the daemon, and longest run: all in minutes after the start.
    // Then what is expected: when, and why. The idle timeout is 120 minutes, the grace 10.
    let table = [
        (0, None, None, None, (120, IdleTimeout)),
        (30, None, None, None, (150, IdleTimeout)),
        (0, Some(200), None, None, (200, KeepUntil)),
        (90, Some(200), None, None, (210, IdleTimeout)),
        (0, None, Some(300), None, (310, Grace)),
        (0, Some(305), Some(300), None, (310, Grace)),
        (0, Some(400), Some(300), None, (400, KeepUntil)),
        (295, None, Some(300), None, (415, IdleTimeout)),
        // Equal times: the cause that is shown to users.
        (80, Some(200), Some(190), None, (200, IdleTimeout)),
        (0, Some(200), Some(190), None, (200, KeepUntil)),
        (0, None, None, Some(120), (120, IdleTimeout)),
        // The maximum lifetime overrides everything.
        (100, None, None, Some(180), (180, MaxLifetime)),
        (0, Some(500), None, Some(180), (180, MaxLifetime)),
        (0, None, Some(175), Some(180), (180, MaxLifetime)),
        (0, None, None, Some(180), (120, IdleTimeout)),
    ];
    for (used_at, kept_until, resumed_at, lifetime, (at, because)) in table {
        let minutes = |minutes: u32| START.after(minutes * MINUTE);
        let mut record = used(running(), minutes(used_at));
        if let Some(until) = kept_until {
            record = kept(record, START, minutes(until));
        }
        let policy = Policy {
            resumed_at: resumed_at.map_or(Timestamp::from_millis(0), minutes),
            default_max_lifetime: lifetime.map_or(TimeLimit::Never, |lifetime: u32| after(lifetime * MINUTE)),
            ..policy()
        };
        let expected = Deadline {
            at: minutes(at),
            because,
        };
        assert_eq!(
            policy.deadline(&record),
            Some(expected),
            "used {used_at} kept {kept_until:?} resumed {resumed_at:?} lifetime {lifetime:?}"
        );
        assert_eq!(policy.stops_at(&record), Some(expected.at));
    }
}

#[test]
fn shorter_timeout_shortens_the_grace_period() {
    let policy = Policy {
        default_idle_timeout: after(MINUTE),
        resumed_at: START.after(HOUR),
        ..policy()
    };
    let expected = Deadline {
        at: START.after(HOUR + MINUTE),
        because: DeadlineReason::Grace,
    };
    assert_eq!(policy.deadline(&running()), Some(expected));
}

#[test]
fn use_in_an_earlier_run_does_not_shorten_this_one() {
    let old = used(running(), START.before(DAY));
    assert_eq!(policy().stops_at(&old), Some(START.after(2 * HOUR)));
}

#[test]
fn only_running_is_stopped_and_only_stopped_is_removed() {
    let policy = Policy {
        default_max_lifetime: after(SECOND),
        default_remove_after: after(SECOND),
        ..policy()
    };
    let later = START.after(DAY);
    for record in others() {
        assert_eq!(policy.next_due(&record, later), None);
        assert_eq!(
            (policy.stops_at(&record), policy.removes_at(&record)),
            (None, None)
        );
        for due in [Due::Warning, Due::Stop, Due::Removal] {
            assert!(!policy.is_due(&record, due, later));
        }
    }
    assert_eq!(policy.removes_at(&running()), None);
    assert_eq!(policy.stops_at(&stopped()), None);
}

#[test]
fn deadline_is_due_from_its_time_on() {
    let policy = Policy {
        default_remove_after: after(DAY),
        ..policy()
    };
    let millisecond = Duration::from_millis(1);
    for (record, due, at) in [
        (running(), Due::Warning, START.after(115 * MINUTE)),
        (running(), Due::Stop, START.after(120 * MINUTE)),
        (stopped(), Due::Removal, START.after(DAY)),
    ] {
        assert!(!policy.is_due(&record, due, at.before(millisecond)), "{due:?}");
        assert!(policy.is_due(&record, due, at), "{due:?}");
        assert!(policy.is_due(&record, due, at.after(DAY)), "{due:?}");
    }
}

/// How long before its deadline a container is warned.
fn notice(policy: &Policy, record: &Record) -> Duration {
    let (at, due) = policy.next_due(record, START).unwrap();
    assert_eq!(due, Due::Warning);
    policy.stops_at(record).unwrap().since(at)
}

#[test]
fn warning_comes_at_most_a_quarter_of_the_limit_before() {
    let with = |timeout| Policy {
        default_idle_timeout: after(timeout),
        ..policy()
    };
    assert_eq!(notice(&with(2 * HOUR), &running()), 5 * MINUTE);
    assert_eq!(notice(&with(20 * MINUTE), &running()), 5 * MINUTE);
    assert_eq!(
        notice(&with(4 * MINUTE), &running()),
        MINUTE,
        "a quarter of the timeout"
    );
    let pinned = Policy {
        default_idle_timeout: TimeLimit::Never,
        default_max_lifetime: after(8 * HOUR),
        ..policy()
    };
    assert_eq!(notice(&pinned, &running()), 5 * MINUTE);
    let short = Policy {
        default_max_lifetime: after(4 * MINUTE),
        ..pinned
    };
    assert_eq!(notice(&short, &running()), MINUTE, "a quarter of the longest run");
}

#[test]
fn held_container_is_warned_after_the_hold_ends() {
    let policy = policy();
    let (mut record, mut now) = (running(), START.after(3 * HOUR));
    record = kept(record, now, now.after(MINUTE));
    for _ in 0..100 {
        now = now.after(20 * SECOND);
        assert!(!policy.is_due(&record, Due::Warning, now));
        record = kept(record, now, now.after(MINUTE));
    }
    let end = now.after(MINUTE);
    assert_eq!(policy.stops_at(&record), Some(end));
    assert_eq!(
        policy.next_due(&record, now),
        Some((end.before(15 * SECOND), Due::Warning))
    );
    let kept_for_long = kept(record, now, now.after(DAY));
    assert_eq!(notice(&policy, &kept_for_long), 5 * MINUTE);
}

#[test]
fn each_deadline_has_one_warning() {
    let policy = policy();
    let deadline = START.after(2 * HOUR);
    let mut warned = running();
    warned.fields.activity.warning_sent_for = Some(deadline);
    assert!(!policy.is_due(&warned, Due::Warning, deadline.before(SECOND)));
    assert_eq!(
        policy.next_due(&warned, deadline.before(SECOND)),
        Some((deadline, Due::Stop))
    );
    let shift_clock = used(warned, START.after(HOUR));
    assert_eq!(
        policy.next_due(&shift_clock, deadline),
        Some((START.after(175 * MINUTE), Due::Warning))
    );
}

#[test]
fn no_warning_is_due_if_warnings_are_off() {
    let policy = Policy {
        warn_before: Duration::ZERO,
        ..policy()
    };
    assert_eq!(
        policy.next_due(&running(), START),
        Some((START.after(2 * HOUR), Due::Stop))
    );
    assert!(!policy.is_due(&running(), Due::Warning, START.after(DAY)));
}

#[test]
fn overdue_stop_takes_precedence_over_its_warning() {
    let deadline = START.after(2 * HOUR);
    for now in [deadline, deadline.after(DAY)] {
        assert_eq!(policy().next_due(&running(), now), Some((deadline, Due::Stop)));
    }
    let moment_before = deadline.before(Duration::from_millis(1));
    assert_eq!(
        policy().next_due(&running(), moment_before),
        Some((START.after(115 * MINUTE), Due::Warning)),
        "a warning that is late comes first"
    );
}

#[test]
fn removal_counts_from_the_stop() {
    let policy = Policy {
        default_remove_after: after(DAY),
        ..policy()
    };
    let removal = Some((START.after(DAY), Due::Removal));
    assert_eq!(policy.next_due(&stopped(), START), removal);
    let used_long_ago = used(stopped(), START.before(DAY));
    assert_eq!(policy.next_due(&used_long_ago, START), removal);
    let never_removed = Policy {
        default_remove_after: TimeLimit::Never,
        default_idle_timeout: after(SECOND),
        default_max_lifetime: after(SECOND),
        ..policy
    };
    assert_eq!(never_removed.next_due(&stopped(), START.after(3650 * DAY)), None);
}

#[test]
fn grace_period_delays_removals() {
    let resumed_at = START.after(30 * DAY);
    let with = |rest| Policy {
        default_remove_after: after(rest),
        resumed_at,
        ..policy()
    };
    assert_eq!(
        with(DAY).removes_at(&stopped()),
        Some(resumed_at.after(10 * MINUTE))
    );
    assert_eq!(
        with(MINUTE).removes_at(&stopped()),
        Some(resumed_at.after(MINUTE))
    );
    assert_eq!(with(31 * DAY).removes_at(&stopped()), Some(START.after(31 * DAY)));
}

#[test]
fn limits_are_empty_until_one_is_set() {
    assert!(Limits::default().is_empty());
    for (name, limits, _) in KINDS {
        assert!(!limits(TimeLimit::Never).is_empty(), "{name}");
    }
}
