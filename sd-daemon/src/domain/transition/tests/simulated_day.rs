//! Random days of one container, compared with the rule in the documentation: a running container is stopped at the
//! latest of its last use plus the idle timeout, the end of its extension, and the end of the grace period; but not
//! after its maximum lifetime.
//!
//! [`Day`] plays the actions through [`transition()`], with a deadline scan like that of the daemon. [`DocumentedRule`] derives
//! the expected deadline from a list of uses and shares no code with the state machine. Longer than 400 lines because
//! the two are read side by side.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const MIDNIGHT: Timestamp = Timestamp::from_millis(1_772_323_200_000);
const GRACE: Duration = Duration::from_secs(600);

/// An action of a day.
#[derive(Clone, Debug)]
enum Action {
    /// Clients use the container repeatedly. A stopped container is started first.
    Session {
        signal: Signal,
        value: u32,
        every: Duration,
        uses: u32,
    },
    /// The container reports that it has no connections.
    IdleReport,
    /// The container reports that it is busy.
    Busy(Duration),
    /// A client postpones the stop.
    Extend(Extension),
    /// A client holds the container: it requests a short extension repeatedly.
    Hold { span: Duration, times: u32 },
    /// A client sets limits.
    Set(Limits),
    /// The daemon is down and receives no input.
    Down(Duration),
    /// The container is paused on the host, and unpaused.
    Pause(Duration),
    /// A client stops the container.
    Stop,
    /// Inputs for an earlier run arrive late.
    LateInput,
}

/// The actions of a day, each with the time since the previous one, and the policy.
#[derive(Clone, Debug)]
struct Plan {
    actions: Vec<(Duration, Action)>,
    labelled: Option<TimeLimit>,
    ruled: Option<TimeLimit>,
    default_idle_timeout: TimeLimit,
    default_max_lifetime: TimeLimit,
    default_remove_after: TimeLimit,
    warn_before: Duration,
    /// How late the deadline scan wakes.
    lag: Duration,
}

fn spans(least: Duration, most: Duration) -> impl Strategy<Value = Duration> {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap();
    (millis(least)..=millis(most)).prop_map(Duration::from_millis)
}

fn limits_between(least: Duration, most: Duration) -> impl Strategy<Value = TimeLimit> {
    prop_oneof![
        8 => spans(least, most).prop_map(TimeLimit::After),
        1 => Just(TimeLimit::Never),
    ]
}

fn timeouts() -> impl Strategy<Value = TimeLimit> {
    limits_between(SECOND, 2 * HOUR)
}

fn lifetimes() -> impl Strategy<Value = TimeLimit> {
    prop_oneof![
        2 => Just(TimeLimit::Never),
        1 => limits_between(MINUTE, 8 * HOUR),
    ]
}

fn actions() -> impl Strategy<Value = Action> {
    let signals = prop_oneof![
        Just(Signal::CheckIn),
        Just(Signal::Connections),
        Just(Signal::Cpu)
    ];
    let session = (signals, 1_u32..4, spans(SECOND, 10 * MINUTE), 1_u32..60).prop_map(
        |(signal, value, every, uses)| Action::Session {
            signal,
            value,
            every,
            uses,
        },
    );
    let idle_timeout = timeouts().prop_map(timeout_of);
    let max_lifetime = lifetimes().prop_map(|limit| Limits {
        max_lifetime: Some(limit),
        ..Limits::default()
    });
    let extension = spans(SECOND, 3 * HOUR)
        .prop_flat_map(|span| prop_oneof![Just(Extension::By(span)), Just(Extension::For(span))]);
    prop_oneof![
        8 => session,
        1 => Just(Action::IdleReport),
        2 => spans(SECOND, 2 * HOUR).prop_map(Action::Busy),
        2 => extension.prop_map(Action::Extend),
        1 => (spans(10 * SECOND, 10 * MINUTE), 2_u32..30)
            .prop_map(|(span, times)| Action::Hold { span, times }),
        1 => idle_timeout.prop_map(Action::Set),
        1 => max_lifetime.prop_map(Action::Set),
        2 => spans(SECOND, 5 * HOUR).prop_map(Action::Down),
        1 => spans(SECOND, HOUR).prop_map(Action::Pause),
        1 => Just(Action::Stop),
        1 => Just(Action::LateInput),
    ]
}

fn plans() -> impl Strategy<Value = Plan> {
    let gaps = prop_oneof![
        spans(SECOND / 1_000, MINUTE),
        spans(MINUTE, HOUR),
        spans(HOUR, 4 * HOUR)
    ];
    let rests = limits_between(HOUR, 12 * HOUR);
    let limits = (
        prop::option::of(timeouts()),
        prop::option::of(timeouts()),
        timeouts(),
        lifetimes(),
        rests,
    );
    let actions = prop::collection::vec((gaps, actions()), 1..40);
    let warnings = prop_oneof![Just(Duration::ZERO), spans(SECOND, HOUR)];
    (actions, limits, warnings, spans(SECOND / 1_000, SECOND / 10)).prop_map(
        |(
            actions,
            (labelled, ruled, default_idle_timeout, default_max_lifetime, default_remove_after),
            warn_before,
            lag,
        )| {
            Plan {
                actions,
                labelled,
                ruled,
                default_idle_timeout,
                default_max_lifetime,
                default_remove_after,
                warn_before,
                lag,
            }
        },
    )
}

/// The documented rule, applied to the present run.
struct DocumentedRule {
    started: Timestamp,
    /// When it was used, and how.
    uses: Vec<(Timestamp, LastUse)>,
    /// The ends of its extensions.
    kept: Vec<Timestamp>,
    resumed: Timestamp,
    /// The idle timeout, and its source.
    timeout: (TimeLimit, LimitSource),
    /// The maximum lifetime, and its source.
    lifetime: (TimeLimit, LimitSource),
}

impl DocumentedRule {
    fn last_use(&self) -> (Timestamp, LastUse) {
        *self.uses.last().unwrap()
    }

    /// When it would be stopped for idleness, and what determines that.
    fn idle_end(&self) -> Option<(Timestamp, DeadlineReason)> {
        let TimeLimit::After(timeout) = self.timeout.0 else {
            return None;
        };
        let mut end = (self.last_use().0.after(timeout), DeadlineReason::IdleTimeout);
        for kept in &self.kept {
            if *kept > end.0 {
                end = (*kept, DeadlineReason::KeepUntil);
            }
        }
        let grace = self.resumed.after(timeout.min(GRACE));
        if grace > end.0 {
            end = (grace, DeadlineReason::Grace);
        }
        Some(end)
    }

    /// When it is stopped, and what determines that.
    fn end(&self) -> Option<(Timestamp, DeadlineReason)> {
        let idle = self.idle_end();
        let TimeLimit::After(lifetime) = self.lifetime.0 else {
            return idle;
        };
        let expiry = (self.started.after(lifetime), DeadlineReason::MaxLifetime);
        Some(idle.filter(|idle| idle.0 <= expiry.0).unwrap_or(expiry))
    }

    /// The reason of a stop or a warning at this time.
    fn reason(&self, now: Timestamp) -> Reason {
        let limit = |(limit, source): (TimeLimit, LimitSource)| match limit {
            TimeLimit::After(limit) => applied(limit, source),
            TimeLimit::Never => panic!("an unlimited container was stopped"),
        };
        let (_, because) = self.end().unwrap();
        if because == DeadlineReason::MaxLifetime {
            return Reason::MaxLifetime(limit(self.lifetime));
        }
        let (used_at, last_use) = self.last_use();
        let idleness = Idleness {
            idle_for: now.since(used_at).into(),
            timeout: limit(self.timeout),
            last_use,
        };
        match because {
            DeadlineReason::KeepUntil => Reason::KeepUntil(idleness),
            DeadlineReason::Grace => Reason::Grace(idleness),
            DeadlineReason::IdleTimeout | DeadlineReason::MaxLifetime => Reason::IdleTimeout(idleness),
        }
    }
}

/// How often something happened on all days together.
#[derive(Debug, Default)]
struct Tally {
    /// By idle timeout, extension, grace period and maximum lifetime.
    stops: [u32; 4],
    warnings: u32,
    removals: u32,
}

fn last_use(kind: Use, value: u32) -> LastUse {
    LastUse { kind, value }
}

/// A day of a container.
struct Day<'a> {
    record: Record,
    policy: Policy,
    documented: DocumentedRule,
    now: Timestamp,
    lag: Duration,
    runs: u32,
    /// The expected deadline, and when it became that one.
    end: Option<(Timestamp, Timestamp)>,
    /// The deadline of the last warning in this run.
    warned_for: Option<Timestamp>,
    stopped_since: Option<Timestamp>,
    /// The deadline of the next scan, and when that scan wakes.
    next_scan: Option<(Timestamp, Timestamp)>,
    tally: &'a mut Tally,
}

impl<'a> Day<'a> {
    fn begin(plan: &Plan, tally: &'a mut Tally) -> Self {
        let mut record = starting();
        record.fields.last_run = None;
        record.fields.label_limits.idle_timeout = plan.labelled;
        let rule = ImageRule {
            images: "*".parse().unwrap(),
            limits: Limits {
                idle_timeout: plan.ruled,
                ..Limits::default()
            },
        };
        let policy = Policy {
            default_idle_timeout: plan.default_idle_timeout,
            default_max_lifetime: plan.default_max_lifetime,
            default_remove_after: plan.default_remove_after,
            image_rules: [rule].into(),
            restart_grace: GRACE,
            resumed_at: MIDNIGHT,
            warn_before: plan.warn_before,
        };
        let labelled = plan.labelled.map(|limit| (limit, LimitSource::ImageLabel));
        let ruled = plan.ruled.map(|limit| (limit, LimitSource::ImageRule));
        let documented = DocumentedRule {
            started: MIDNIGHT,
            uses: Vec::new(),
            kept: Vec::new(),
            resumed: MIDNIGHT,
            timeout: labelled
                .or(ruled)
                .unwrap_or((plan.default_idle_timeout, LimitSource::Default)),
            lifetime: (plan.default_max_lifetime, LimitSource::Default),
        };
        let mut day = Self {
            record,
            policy,
            documented,
            now: MIDNIGHT,
            lag: plan.lag,
            runs: 0,
            end: None,
            warned_for: None,
            stopped_since: None,
            next_scan: None,
            tally,
        };
        day.begin_run();
        day
    }

    fn is_running(&self) -> bool {
        matches!(self.record.lifecycle(), Lifecycle::Running { .. })
    }

    /// Applies an input now.
    fn apply(&mut self, input: impl Into<Case>) {
        self.record = after_at(&self.record, input, self.now);
    }

    /// The engine shows the requested run.
    fn begin_run(&mut self) {
        self.runs += 1;
        let run = self.runs.to_string();
        self.apply(super::live(&run, LiveState::Running));
        self.documented.started = self.now;
        self.documented.uses = vec![(self.now, last_use(Use::Started, 0))];
        self.documented.kept.clear();
        (self.warned_for, self.stopped_since) = (None, None);
        self.compare();
    }

    fn start(&mut self) {
        if matches!(self.record.lifecycle(), Lifecycle::Stopped { .. }) {
            self.apply(Request::Start);
            self.begin_run();
        }
    }

    /// The engine shows that a stop is complete. Inputs of the run in between change nothing.
    fn end_run(&mut self) {
        self.now = self.now.after(SECOND);
        for input in [
            report(self.record.generation(), 3),
            self.probed(Signal::Connections, 3),
        ] {
            assert_eq!(transition(&self.record, input, self.now), Ok(Transition::same()));
        }
        let run = self.runs.to_string();
        self.apply(ended(&run, Exit::Killed));
        self.stopped_since = Some(self.now);
        self.compare();
    }

    fn probed(&self, signal: Signal, value: u32) -> Input {
        used(self.record.generation(), signal, value)
    }

    /// Lets time pass. The scan enforces the deadlines in between.
    fn pass(&mut self, span: Duration) {
        let until = self.now.after(span);
        while let Some((at, _)) = self.policy.next_due(&self.record, self.now) {
            let wake_at = match self.next_scan {
                // The scan keeps its wake-up time across calls of this function.
                Some((due_at, wake_at)) if due_at == at && wake_at >= self.now => wake_at,
                Some(_) | None => at.max(self.now).after(self.lag),
            };
            if wake_at > until {
                self.next_scan = Some((at, wake_at));
                break;
            }
            (self.now, self.next_scan) = (wake_at, None);
            match self.policy.next_due(&self.record, self.now) {
                Some((at, due)) if at <= self.now => self.enforce(due),
                Some(_) | None => {}
            }
        }
        self.now = self.now.max(until);
    }

    fn enforce(&mut self, due: Due) {
        let input = due_for(due, self.record.generation(), self.policy.clone());
        let Transition { next, event, .. } = transition(&self.record, input, self.now).unwrap();
        let NextState::Changed(next) = next else {
            panic!("{due:?} is due, and nothing changed")
        };
        match (due, event) {
            (Due::Warning, Some(warning)) => self.check_warning(&warning),
            (Due::Stop, Some(stop)) => self.check_stop(&stop),
            (Due::Removal, None) => self.check_removal(),
            (due, event) => panic!("{due:?}: {event:?}"),
        }
        self.record = *next;
        if due == Due::Stop {
            self.end_run();
        }
    }

    fn check_warning(&mut self, warning: &Event) {
        let (end, _) = self.end.unwrap();
        assert_eq!(
            (warning.kind, warning.stops_at),
            (EventKind::IdleWarning, Some(end))
        );
        assert!(self.now < end, "warned too late");
        assert_ne!(self.warned_for, Some(end), "warned twice");
        assert_eq!(warning.reason, Some(self.documented.reason(self.now)));
        self.warned_for = Some(end);
        self.tally.warnings += 1;
    }

    fn check_stop(&mut self, stop: &Event) {
        let (end, since) = self.end.unwrap();
        assert!(self.now >= end, "stopped early");
        assert!(self.now <= end.max(since).after(self.lag), "stopped late");
        let was_time_to_warn = since.after(self.lag) < end && !self.policy.warn_before.is_zero();
        if was_time_to_warn {
            assert_eq!(self.warned_for, Some(end), "not warned");
        }
        let expected = self.documented.reason(self.now);
        self.tally.stops[match expected {
            Reason::IdleTimeout(_) => 0,
            Reason::KeepUntil(_) => 1,
            Reason::Grace(_) => 2,
            _ => 3, // the maximum lifetime; the rule has no other reason
        }] += 1;
        assert_eq!(stop.reason, Some(expected));
    }

    fn check_removal(&mut self) {
        let TimeLimit::After(rest) = self.policy.default_remove_after else {
            panic!("removed without a limit")
        };
        let expected = self
            .stopped_since
            .unwrap()
            .after(rest)
            .max(self.documented.resumed.after(rest.min(GRACE)));
        assert!(self.now >= expected, "removed early");
        assert!(self.now <= expected.after(self.lag), "removed late");
        self.tally.removals += 1;
    }

    /// Asserts that the policy and the documented rule agree.
    fn compare(&mut self) {
        let expected_end = self
            .documented
            .end()
            .filter(|_| self.is_running())
            .map(|(at, _)| at);
        assert_eq!(self.policy.stops_at(&self.record), expected_end);
        if self.end.map(|(at, _)| at) != expected_end {
            self.end = expected_end.map(|at| (at, self.now));
        }
    }

    fn play(&mut self, action: &Action) {
        if let Action::Session { .. } = action {
            self.start();
        }
        match *action {
            Action::Session {
                signal,
                value,
                every,
                uses,
            } => {
                for _ in 0..uses {
                    self.record_use(signal, value);
                    self.pass(every);
                }
            }
            Action::IdleReport => self.apply(report(self.record.generation(), 0)),
            Action::Busy(span) => self.report_busy(span),
            Action::Extend(extension) => self.extend(extension),
            Action::Hold { span, times } => {
                for _ in 0..times {
                    self.extend(Extension::For(span));
                    self.pass(span / 3);
                }
            }
            Action::Set(limits) => self.set(limits),
            Action::Down(span) => self.stop_daemon(span),
            Action::Pause(span) => self.pause(span),
            Action::Stop => {
                if self.is_running() {
                    self.apply(Request::Stop);
                    self.end_run();
                }
            }
            Action::LateInput => {
                let generation = self.record.generation() - 1;
                for input in [
                    report(generation, 3).into(),
                    due_to_stop(generation, self.policy.clone()),
                ] {
                    assert_eq!(transition(&self.record, input, self.now), Ok(Transition::same()));
                }
            }
        }
        self.compare();
    }

    fn record_use(&mut self, signal: Signal, value: u32) {
        let input = match signal {
            Signal::CheckIn => report(self.record.generation(), value),
            Signal::Started | Signal::Connections | Signal::Cpu => self.probed(signal, value),
        };
        if !self.is_running() {
            assert_eq!(transition(&self.record, input, self.now), Ok(Transition::same()));
            return;
        }
        self.apply(input);
        let kind = match signal {
            Signal::CheckIn => Use::CheckIn,
            Signal::Connections => Use::Connections,
            Signal::Started | Signal::Cpu => Use::Cpu,
        };
        self.documented.uses.push((self.now, last_use(kind, value)));
        self.compare();
    }

    fn report_busy(&mut self, span: Duration) {
        let report = Report {
            busy_for: Some(span),
            counts: true,
            ..Report::default()
        };
        let is_running = self.is_running();
        self.apply(Input::CheckIn {
            generation: self.record.generation(),
            report,
        });
        if is_running {
            self.documented.uses.push((self.now, last_use(Use::CheckIn, 0)));
            self.documented.kept.push(self.now.after(span));
        }
    }

    fn extend(&mut self, extension: Extension) {
        let case = Case {
            input: requested(Request::Extend(extension)),
            policy: self.policy.clone(),
        };
        if !self.is_running() {
            assert!(transition(&self.record, case, self.now).is_err());
            return;
        }
        self.apply(case);
        if let Some((idle_end, _)) = self.documented.idle_end() {
            self.documented.kept.push(match extension {
                Extension::By(span) => idle_end.max(self.now).after(span),
                Extension::For(span) => self.now.after(span),
            });
        }
        self.compare();
    }

    fn set(&mut self, limits: Limits) {
        self.apply(Request::SetLimits(limits));
        if let Some(limit) = limits.idle_timeout {
            self.documented.timeout = (limit, LimitSource::Container);
        }
        if let Some(limit) = limits.max_lifetime {
            self.documented.lifetime = (limit, LimitSource::Container);
        }
    }

    fn stop_daemon(&mut self, span: Duration) {
        self.now = self.now.after(span);
        self.policy.resumed_at = self.now;
        self.documented.resumed = self.now;
        self.compare();
        // A deadline that passed meanwhile could neither be announced nor enforced.
        self.end = self.end.map(|(at, since)| (at, since.max(self.now)));
    }

    fn pause(&mut self, span: Duration) {
        if !self.is_running() {
            return;
        }
        let run = self.runs.to_string();
        self.apply(super::live(&run, LiveState::Paused));
        self.compare();
        self.pass(span);
        self.apply(super::live(&run, LiveState::Running));
        self.documented.uses.push((self.now, last_use(Use::Unpaused, 0)));
    }
}

#[test]
fn random_days_match_the_documented_rule() {
    let tally = RefCell::new(Tally::default());
    let config = Config {
        cases: 256,
        ..Config::with_source_file(file!())
    };
    let played = TestRunner::new(config).run(&plans(), |plan| {
        let mut tally = tally.borrow_mut();
        let mut day = Day::begin(&plan, &mut tally);
        for (gap, action) in plan.actions {
            day.pass(gap);
            if day.now > MIDNIGHT.after(24 * HOUR) {
                break;
            }
            day.play(&action);
        }
        day.pass(24 * HOUR);
        Ok(())
    });
    played.unwrap_or_else(|failure| panic!("{failure}"));
    let Tally {
        stops,
        warnings,
        removals,
    } = tally.take();
    // Days without stops, warnings and removals would prove nothing.
    assert!(stops.iter().all(|stops| *stops > 10), "{stops:?}");
    assert!(warnings > 100 && removals > 10, "{warnings} {removals}");
}
