//! Random histories: requests, an engine that fails and hangs, changes behind the daemon's back, kills and the
//! passing of time, in any order. After each step that leaves quiet, everything is asked that always has to be true.
//!
//! Whether something that was not acknowledged has happened is not modelled but left open; see
//! [`Ledger`](crate::ledger::Ledger). `PROPTEST_CASES` makes more histories, `PROPTEST_RNG_SEED` the same ones again.
//! What once failed is in `proptest-regressions/` and is tried first.

mod play;
mod sample;
mod transition;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use play::Play;
use transition::{Reference, Transition};

/// Enough to meet most of what can happen two steps apart, in a few seconds.
const CASES: u32 = 16;
const STEPS: std::ops::Range<usize> = 1..40;

/// A daemon that histories happen to.
struct System {
    runtime: tokio::runtime::Runtime,
    play: Play,
}

impl StateMachineTest for System {
    type SystemUnderTest = Self;
    type Reference = Reference;

    fn init_test(_: &Reference) -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().unwrap();
        let play = runtime.block_on(async { Play::begin() });
        Self { runtime, play }
    }

    fn apply(mut system: Self, _: &Reference, transition: Transition) -> Self {
        system.runtime.block_on(system.play.take(transition));
        system
    }

    fn teardown(mut system: Self, _: Reference) {
        system.runtime.block_on(system.play.end());
    }
}

#[test]
fn invariants_hold_after_every_random_transition() {
    let mut config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/proptest-regressions/model.txt"
        )))),
        max_shrink_time: 120_000,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(fastrand::u64(..));
    }
    // Shown when the test fails: the same seed makes the same histories.
    let seed = format!("{:?}", config.rng_seed);
    let histories = Reference::sequential_strategy(STEPS).prop_map(|history| history);
    let mut runner = TestRunner::new(config.clone());
    let outcome = runner.run(&histories, |(state, transitions, seen)| {
        System::test_sequential(config.clone(), state, transitions, seen);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("with the seed {seed}: {error}");
    }
}
