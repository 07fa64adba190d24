//! Random histories of requests, engine failures, external changes, daemon crashes and elapsed time. After each
//! transition that leaves nothing in progress, every invariant is checked.
//!
//! An operation without an acknowledgement may or may not have happened; the model accepts both. See
//! [`Ledger`](crate::ledger::Ledger). `PROPTEST_CASES` sets the number of histories; `PROPTEST_RNG_SEED` repeats them.
//! Failed histories are stored in `proptest-regressions/` and run first.

mod observation;
mod runner;
mod transition;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use runner::Runner;
use transition::{Reference, Transition};

/// Covers most pairs of consecutive transitions in a few seconds.
const CASES: u32 = 16;
const STEPS: std::ops::Range<usize> = 1..40;

/// The daemon under test and the runtime of its clients.
struct System {
    runtime: tokio::runtime::Runtime,
    runner: Runner,
}

impl StateMachineTest for System {
    type SystemUnderTest = Self;
    type Reference = Reference;

    fn init_test(_: &Reference) -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().unwrap();
        let runner = runtime.block_on(async { Runner::start() });
        Self { runtime, runner }
    }

    fn apply(mut system: Self, _: &Reference, transition: Transition) -> Self {
        system.runtime.block_on(system.runner.apply(transition));
        system
    }

    fn teardown(mut system: Self, _: Reference) {
        system.runtime.block_on(system.runner.finish());
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
    // Part of the failure message: the same seed generates the same histories.
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
