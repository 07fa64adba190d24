//! Whole days of one container, made up at random, against what the documents promise in one sentence: a running
//! container is stopped at the latest of its last use plus the idle timeout, the moment until which somebody asked
//! to keep it, and the grace; but not after the longest time a run may last.
//!
//! [`Day`] plays what happens through [`transition()`], with a sweep like that of the daemon. [`Promise`] keeps a list of
//! uses and reads the sentence from it; it shares no code with the rule. Long, because the two belong side by side.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::domain::ImageRule;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const MIDNIGHT: Timestamp = Timestamp::from_millis(1_772_323_200_000);
const GRACE: Duration = Duration::from_secs(600);

/// What happens.
#[derive(Clone, Debug)]
enum Action {
    /// Somebody uses it again and again, and starts it first where it is at rest.
    Session {
        signal: Signal,
        value: u32,
        every: Duration,
        uses: u32,
    },
    /// It reports that nobody uses it.
    NobodyHere,
    /// It reports that it is busy.
    Busy(Duration),
    /// Somebody pushes its deadline.
    Extend(Extension),
    /// Somebody holds it: asks for a little time, again and again.
    Hold { span: Duration, times: u32 },
    /// Somebody gives it limits.
    Set(Limits),
    /// The daemon is down, and hears nothing.
    Down(Duration),
    /// Somebody freezes it on the host, and thaws it.
    Freeze(Duration),
    /// Somebody stops it.
    Stop,
    /// What is said of an earlier run comes late.
    Stray,
}

/// What happens on a day, each thing so long after the one before; and how things are when it begins.
#[derive(Clone, Debug)]
struct Plan {
    actions: Vec<(Duration, Action)>,
    labelled: Option<TimeLimit>,
    ruled: Option<TimeLimit>,
    default_timeout: TimeLimit,
    default_lifetime: TimeLimit,
    default_rest: TimeLimit,
    warn_before: Duration,
    /// How late the sweep comes.
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
        1 => Just(Action::NobodyHere),
        2 => spans(SECOND, 2 * HOUR).prop_map(Action::Busy),
        2 => extension.prop_map(Action::Extend),
        1 => (spans(10 * SECOND, 10 * MINUTE), 2_u32..30)
            .prop_map(|(span, times)| Action::Hold { span, times }),
        1 => idle_timeout.prop_map(Action::Set),
        1 => max_lifetime.prop_map(Action::Set),
        2 => spans(SECOND, 5 * HOUR).prop_map(Action::Down),
        1 => spans(SECOND, HOUR).prop_map(Action::Freeze),
        1 => Just(Action::Stop),
        1 => Just(Action::Stray),
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
        |(actions, (labelled, ruled, default_timeout, default_lifetime, default_rest), warn_before, lag)| {
            Plan {
                actions,
                labelled,
                ruled,
                default_timeout,
                default_lifetime,
                default_rest,
                warn_before,
                lag,
            }
        },
    )
}

/// What the documents promise for the present run, from a list of what was said.
struct Promise {
    started: Timestamp,
    /// When it was used, and in which words that is said.
    uses: Vec<(Timestamp, String)>,
    /// Until when somebody asked to keep it.
    kept: Vec<Timestamp>,
    resumed: Timestamp,
    /// Its idle timeout, and who set that.
    timeout: (TimeLimit, &'static str),
    lifetime: (TimeLimit, &'static str),
}

impl Promise {
    fn last_use(&self) -> (Timestamp, &str) {
        let (at, words) = self.uses.last().unwrap();
        (*at, words)
    }

    /// When it would be stopped for want of use, and what its reason begins with.
    fn idle_end(&self) -> Option<(Timestamp, &'static str)> {
        let TimeLimit::After(timeout) = self.timeout.0 else {
            return None;
        };
        let mut end = (self.last_use().0.after(timeout), "not used for ");
        for kept in &self.kept {
            if *kept > end.0 {
                end = (
                    *kept,
                    "nobody asked to keep it for longer, and it was not used for ",
                );
            }
        }
        let grace = self.resumed.after(timeout.min(GRACE));
        if grace > end.0 {
            end = (grace, "although it was given time to report");
        }
        Some(end)
    }

    /// When it is stopped, and what its reason says.
    fn end(&self) -> Option<(Timestamp, &'static str)> {
        let idle = self.idle_end();
        let TimeLimit::After(lifetime) = self.lifetime.0 else {
            return idle;
        };
        let expiry = (self.started.after(lifetime), "however much it is used");
        Some(idle.filter(|idle| idle.0 <= expiry.0).unwrap_or(expiry))
    }
}

/// How often something was seen, over all days.
#[derive(Debug, Default)]
struct Tally {
    stops: [u32; 4],
    warnings: u32,
    removals: u32,
}

/// A day of one container.
struct Day<'a> {
    record: Record,
    policy: Policy,
    promise: Promise,
    now: Timestamp,
    lag: Duration,
    runs: u32,
    /// The promised end, and since when it is that one.
    end: Option<(Timestamp, Timestamp)>,
    /// The end that was announced last, in this run.
    announced: Option<Timestamp>,
    at_rest_since: Option<Timestamp>,
    /// What the sweep sleeps towards, and when it wakes.
    asleep: Option<(Timestamp, Timestamp)>,
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
            default_timeout: plan.default_timeout,
            default_lifetime: plan.default_lifetime,
            default_rest: plan.default_rest,
            image_rules: [rule].into(),
            restart_grace: GRACE,
            resumed_at: MIDNIGHT,
            warn_before: plan.warn_before,
        };
        let labelled = plan.labelled.map(|limit| (limit, "(from its image's label)"));
        let ruled = plan
            .ruled
            .map(|limit| (limit, "(from the daemon's rule for its image)"));
        let promise = Promise {
            started: MIDNIGHT,
            uses: Vec::new(),
            kept: Vec::new(),
            resumed: MIDNIGHT,
            timeout: labelled
                .or(ruled)
                .unwrap_or((plan.default_timeout, "(the daemon's default)")),
            lifetime: (plan.default_lifetime, "(the daemon's default)"),
        };
        let mut day = Self {
            record,
            policy,
            promise,
            now: MIDNIGHT,
            lag: plan.lag,
            runs: 0,
            end: None,
            announced: None,
            at_rest_since: None,
            asleep: None,
            tally,
        };
        day.come_to_life();
        day
    }

    fn is_running(&self) -> bool {
        matches!(self.record.lifecycle(), Lifecycle::Running { .. })
    }

    /// Lets something happen now.
    fn happen(&mut self, input: impl Into<Case>) {
        self.record = after_at(&self.record, input, self.now);
    }

    /// The engine shows the run that was asked for.
    fn come_to_life(&mut self) {
        self.runs += 1;
        let run = self.runs.to_string();
        self.happen(super::live(&run, LiveState::Running));
        self.promise.started = self.now;
        self.promise.uses = vec![(self.now, "its start".to_owned())];
        self.promise.kept.clear();
        (self.announced, self.at_rest_since) = (None, None);
        self.compare();
    }

    fn start(&mut self) {
        if matches!(self.record.lifecycle(), Lifecycle::Stopped { .. }) {
            self.happen(Request::Start);
            self.come_to_life();
        }
    }

    /// The engine shows that a stop is done. What is said of the run in between changes nothing.
    fn come_to_rest(&mut self) {
        self.now = self.now.after(SECOND);
        for input in [
            report(self.record.generation(), 3),
            self.seen(Signal::Connections, 3),
        ] {
            assert_eq!(transition(&self.record, input, self.now), Ok(Transition::same()));
        }
        let run = self.runs.to_string();
        self.happen(ended(&run, Exit::BySignal));
        self.at_rest_since = Some(self.now);
        self.compare();
    }

    fn seen(&self, signal: Signal, value: u32) -> Input {
        Input::Used {
            generation: self.record.generation(),
            signal,
            value,
        }
    }

    /// Time goes by, and the sweep does what is due.
    fn pass(&mut self, span: Duration) {
        let until = self.now.after(span);
        while let Some((at, _)) = self.policy.next_due(&self.record, self.now) {
            let wake_at = match self.asleep {
                // Whoever watches does not go to sleep again because we have stopped watching in between.
                Some((due_at, wake_at)) if due_at == at && wake_at >= self.now => wake_at,
                Some(_) | None => at.max(self.now).after(self.lag),
            };
            if wake_at > until {
                self.asleep = Some((at, wake_at));
                break;
            }
            (self.now, self.asleep) = (wake_at, None);
            match self.policy.next_due(&self.record, self.now) {
                Some((at, due)) if at <= self.now => self.act(due),
                Some(_) | None => {}
            }
        }
        self.now = self.now.max(until);
    }

    fn act(&mut self, due: Due) {
        let input = due_for(due, self.record.generation(), self.policy.clone());
        let Transition { next, event, .. } = transition(&self.record, input, self.now).unwrap();
        let NextState::Changed(next) = next else {
            panic!("{due:?} is due, and nothing comes of it")
        };
        match (due, event) {
            (Due::Warning, Some(warning)) => self.check_warning(&warning),
            (Due::Stop, Some(stop)) => self.check_stop(&stop),
            (Due::Removal, None) => self.check_removal(),
            (due, event) => panic!("{due:?}: {event:?}"),
        }
        self.record = *next;
        if due == Due::Stop {
            self.come_to_rest();
        }
    }

    fn check_warning(&mut self, warning: &Event) {
        let (end, _) = self.end.unwrap();
        assert_eq!(
            (warning.what, warning.stops_at),
            (EventKind::IdleWarning, Some(end))
        );
        assert!(self.now < end, "too late to be told");
        assert_ne!(self.announced, Some(end), "told twice");
        self.check_reason(&warning.why);
        self.announced = Some(end);
        self.tally.warnings += 1;
    }

    fn check_stop(&mut self, stop: &Event) {
        let (end, since) = self.end.unwrap();
        assert!(self.now >= end, "early");
        assert!(self.now <= end.max(since).after(self.lag), "later than the sweep");
        let was_time_to_tell = since.after(self.lag) < end && !self.policy.warn_before.is_zero();
        if was_time_to_tell {
            assert_eq!(self.announced, Some(end), "not told");
        }
        self.check_reason(&stop.why);
        let reasons = ["not used", "nobody asked", "given time", "however much"];
        let kind = reasons.iter().rposition(|reason| stop.why.contains(reason));
        self.tally.stops[kind.unwrap()] += 1;
    }

    /// The reason says what decided, who set the limit, and what the last use was.
    fn check_reason(&self, why: &str) {
        let (_, words) = self.promise.end().unwrap();
        assert!(why.contains(words), "{words:?} in {why:?}");
        let is_expiry = words.starts_with("however");
        let who = if is_expiry {
            self.promise.lifetime.1
        } else {
            self.promise.timeout.1
        };
        assert!(why.contains(who), "{who:?} in {why:?}");
        let (_, last_use) = self.promise.last_use();
        assert!(
            is_expiry || why.ends_with(&format!("; the last use was {last_use}")),
            "{last_use:?} at the end of {why:?}"
        );
    }

    fn check_removal(&mut self) {
        let TimeLimit::After(rest) = self.policy.default_rest else {
            panic!("removed for no reason")
        };
        let expected = self
            .at_rest_since
            .unwrap()
            .after(rest)
            .max(self.promise.resumed.after(rest.min(GRACE)));
        assert!(self.now >= expected, "removed early");
        assert!(self.now <= expected.after(self.lag), "removed late");
        self.tally.removals += 1;
    }

    /// Rule and promise agree.
    fn compare(&mut self) {
        let promised = self.promise.end().filter(|_| self.is_running()).map(|(at, _)| at);
        assert_eq!(self.policy.stops_at(&self.record), promised);
        if self.end.map(|(at, _)| at) != promised {
            self.end = promised.map(|at| (at, self.now));
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
                    self.use_it(signal, value);
                    self.pass(every);
                }
            }
            Action::NobodyHere => self.happen(report(self.record.generation(), 0)),
            Action::Busy(span) => self.report_busy(span),
            Action::Extend(extension) => self.extend(extension),
            Action::Hold { span, times } => {
                for _ in 0..times {
                    self.extend(Extension::For(span));
                    self.pass(span / 3);
                }
            }
            Action::Set(limits) => self.set(limits),
            Action::Down(span) => self.be_down(span),
            Action::Freeze(span) => self.freeze(span),
            Action::Stop => {
                if self.is_running() {
                    self.happen(Request::Stop);
                    self.come_to_rest();
                }
            }
            Action::Stray => {
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

    fn use_it(&mut self, signal: Signal, value: u32) {
        let input = match signal {
            Signal::CheckIn => report(self.record.generation(), value),
            Signal::Started | Signal::Connections | Signal::Cpu => self.seen(signal, value),
        };
        if !self.is_running() {
            assert_eq!(transition(&self.record, input, self.now), Ok(Transition::same()));
            return;
        }
        self.happen(input);
        let plural = if value == 1 { "" } else { "s" };
        let words = match signal {
            Signal::CheckIn => format!("its report of {value} connection{plural}"),
            Signal::Connections => format!("{value} connection{plural} seen in use from the host"),
            Signal::Started | Signal::Cpu => format!("its work on the processor, 0.00{value} cores"),
        };
        self.promise.uses.push((self.now, words));
        self.compare();
    }

    fn report_busy(&mut self, span: Duration) {
        let report = Report {
            busy_for: Some(span),
            counts: true,
            ..Report::default()
        };
        let is_running = self.is_running();
        self.happen(Input::CheckIn {
            generation: self.record.generation(),
            report,
        });
        if is_running {
            let words = "its report that it was busy".to_owned();
            self.promise.uses.push((self.now, words));
            self.promise.kept.push(self.now.after(span));
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
        self.happen(case);
        if let Some((idle_end, _)) = self.promise.idle_end() {
            self.promise.kept.push(match extension {
                Extension::By(span) => idle_end.max(self.now).after(span),
                Extension::For(span) => self.now.after(span),
            });
        }
        self.compare();
    }

    fn set(&mut self, limits: Limits) {
        const OWN: &str = "(set for this container)";
        self.happen(Request::SetLimits(limits));
        if let Some(limit) = limits.idle_timeout {
            self.promise.timeout = (limit, OWN);
        }
        if let Some(limit) = limits.max_lifetime {
            self.promise.lifetime = (limit, OWN);
        }
    }

    fn be_down(&mut self, span: Duration) {
        self.now = self.now.after(span);
        self.policy.resumed_at = self.now;
        self.promise.resumed = self.now;
        self.compare();
        // Nobody could tell of an end that came meanwhile, or act on it.
        self.end = self.end.map(|(at, since)| (at, since.max(self.now)));
    }

    fn freeze(&mut self, span: Duration) {
        if !self.is_running() {
            return;
        }
        let run = self.runs.to_string();
        self.happen(super::live(&run, LiveState::Paused));
        self.compare();
        self.pass(span);
        self.happen(super::live(&run, LiveState::Running));
        self.promise
            .uses
            .push((self.now, "its unpausing on the host".to_owned()));
    }
}

#[test]
fn what_happens_in_a_day_is_what_was_promised() {
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
    // Days on which nothing happens prove nothing.
    assert!(stops.iter().all(|stops| *stops > 10), "{stops:?}");
    assert!(warnings > 100 && removals > 10, "{warnings} {removals}");
}
