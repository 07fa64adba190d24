//! The daemon on a real engine under load, killed every few seconds, while containers are also changed on the host. A ledger
//! keeps the acknowledged operations, and audits check the invariants.
//!
//! A short run is one of the tests. `script/chaos` makes long runs of the release build.

#![expect(clippy::print_stdout, reason = "the output is the report of the run")]

mod arguments;
mod audit;
#[path = "../support/auditor.rs"]
mod auditor;
mod daemon;
#[path = "../support/docker.rs"]
mod docker;
mod engine;
mod footprint;
#[path = "../support/ledger.rs"]
mod ledger;
mod load;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use arguments::Arguments;
use audit::{Creations, Gone};
use clap::Parser;
use daemon::Daemon;
use docker::{docker, image, random};
use footprint::Footprint;
use load::LoadClient;
use sd_client::api::RemoveMode;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use world::World;

const CLIENTS: usize = 4;
/// The time between two kills in milliseconds.
const KILL_INTERVAL: std::ops::Range<u64> = 2_000..8_000;
/// A full audit follows after this many kills; without kills, every minute.
const KILLS_BETWEEN_AUDITS: u64 = 8;
const MINUTE: Duration = Duration::from_secs(60);
/// A run ends early with this many violations.
const MAX_FINDINGS: usize = 20;
/// A run of at least this length waits at its end until orphaned creations are closed.
const LONG_RUN: Duration = Duration::from_secs(300);
/// Idle connections are closed within this time at both ends, even on a busy machine.
const CONNECTIONS_CLOSED: Duration = Duration::from_secs(150);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.is_selected() {
        return ExitCode::SUCCESS;
    }
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    println!(
        "chaos: seed {seed}, {} s of load, {}",
        arguments.duration().as_secs(),
        arguments.daemon.display()
    );
    // reqwest needs a TLS provider, even without TLS.
    drop(rustls::crypto::ring::default_provider().install_default());
    match run(&arguments, seed) {
        Ok(true) => {
            println!("chaos: no violations");
            ExitCode::SUCCESS
        }
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("chaos: failed to complete the run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether there were no violations.
fn run(arguments: &Arguments, seed: u64) -> anyhow::Result<bool> {
    let state = tempfile::Builder::new().prefix("spin-docker-chaos-").tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let world = Arc::new(World::new(Daemon::over(
        arguments.daemon.clone(),
        state.path().to_owned(),
    )?)?);
    let outcome = runtime.block_on(async {
        let result = run_load(&world, arguments, seed).await;
        // Also after an error.
        world.over.cancel();
        result.and(clean_up(&world).await)
    });
    for finding in errors_in_log(&world)? {
        world.found(finding);
    }
    let findings = world.findings();
    if outcome.is_err() || !findings.is_empty() {
        println!(
            "chaos: {} violations with seed {seed}; the registry and the log are kept in {}",
            findings.len(),
            state.keep().display()
        );
        for finding in &findings {
            println!("- {finding}");
        }
    }
    outcome.map(|()| findings.is_empty())
}

async fn run_load(world: &Arc<World>, arguments: &Arguments, seed: u64) -> anyhow::Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    image();
    launch(world).await?;
    make_foreign(world).await?;
    if arguments.no_kills {
        compare_usage(world, arguments.duration(), &mut random).await?;
    } else {
        let load = Load::start(world, &mut random);
        kill_repeatedly(world, &mut random, Instant::now() + arguments.duration()).await?;
        load.end().await?;
        settle(world, arguments.duration()).await?;
    }
    report_tally(world, arguments.duration());
    Ok(())
}

/// Audits after the end of the load, and deletes the remaining containers.
async fn settle(world: &World, lasted: Duration) -> anyhow::Result<()> {
    let creations = if lasted >= LONG_RUN {
        Creations::AreClosed
    } else {
        Creations::MayBeOpen
    };
    world.audit(creations, Gone::All).await?;
    delete_everything(world).await
}

/// The running clients.
struct Load {
    clients: JoinSet<()>,
    over: CancellationToken,
}

impl Load {
    fn start(world: &Arc<World>, random: &mut fastrand::Rng) -> Self {
        let over = world.over.child_token();
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let client = LoadClient::new(Arc::clone(world), over.clone(), random.fork());
            clients.spawn(client.run());
        }
        Self { clients, over }
    }

    async fn end(mut self) -> anyhow::Result<()> {
        self.over.cancel();
        while let Some(ended) = self.clients.join_next().await {
            ended.context("a client failed")?;
        }
        Ok(())
    }
}

async fn launch(world: &World) -> anyhow::Result<()> {
    world.ledger().daemon_started(world.now());
    world.daemon.launch()?;
    world.daemon.wait_until_ready().await
}

/// Creates foreign containers: one without labels of a daemon, and one with forged labels of this daemon.
async fn make_foreign(world: &World) -> anyhow::Result<()> {
    let labels = [
        "--label=spin-docker.operation=none".to_owned(),
        format!("--label=spin-docker.instance={}", world.instance()?),
        format!("--label=spin-docker.operation={}", random()),
    ];
    for labels in [&labels[..1], &labels[1..]] {
        let arguments = ["run", "--detach"]
            .into_iter()
            .chain(labels.iter().map(String::as_str));
        let id = docker(&arguments.chain([image()]).collect::<Vec<_>>());
        let state = world.engine.describe(&id).await?;
        world.ledger().enter_foreign(id, state);
    }
    Ok(())
}

async fn kill_repeatedly(world: &World, random: &mut fastrand::Rng, end: Instant) -> anyhow::Result<()> {
    let (mut kills, mut reported_at) = (0, Instant::now());
    while Instant::now() < end && world.findings().len() < MAX_FINDINGS {
        tokio::time::sleep(Duration::from_millis(random.u64(KILL_INTERVAL))).await;
        world.daemon_changes();
        world.daemon.kill();
        launch(world).await?;
        world.daemon_changes();
        kills += 1;
        if kills % KILLS_BETWEEN_AUDITS == 0 {
            world.audit(Creations::MayBeOpen, Gone::Some).await?;
        } else {
            world.audit_lightly().await?;
        }
        if reported_at.elapsed() >= MINUTE {
            reported_at = Instant::now();
            println!("{kills} kills, {} violations", world.findings().len());
        }
    }
    println!("{kills} kills");
    Ok(())
}

/// Compares the resource usage of the idle daemon after the load: it has as many descriptors and threads as at its start,
/// and no more memory than a daemon that has run for a minute on the same registry.
async fn compare_usage(
    world: &Arc<World>,
    duration: Duration,
    random: &mut fastrand::Rng,
) -> anyhow::Result<()> {
    let initial = Footprint::of(&world.daemon)?;
    println!("at the start: {initial}");
    let used = usage_after(world, duration, random, &initial).await?;
    println!("idle after the load: {used}");

    world.daemon_changes();
    world.daemon.kill();
    launch(world).await?;
    world.daemon_changes();
    let restarted = Footprint::of(&world.daemon)?;
    println!("restarted on the same registry: {restarted}");
    let reference = usage_after(world, MINUTE.min(duration), random, &restarted).await?;
    println!("idle after a minute of load: {reference}");

    for growth in [used.handles_since(&initial), used.growth_since(&reference)].concat() {
        world.found(growth);
    }
    Ok(())
}

/// Puts the daemon under load, deletes all containers, and waits until descriptors and threads are released.
async fn usage_after(
    world: &Arc<World>,
    duration: Duration,
    random: &mut fastrand::Rng,
    initial: &Footprint,
) -> anyhow::Result<Footprint> {
    let load = Load::start(world, random);
    let end = Instant::now() + duration;
    while Instant::now() < end && world.findings().len() < MAX_FINDINGS {
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(left.min(MINUTE)).await;
        world.audit(Creations::MayBeOpen, Gone::Some).await?;
        println!(
            "{}, {} violations",
            Footprint::of(&world.daemon)?,
            world.findings().len()
        );
    }
    load.end().await?;
    settle(world, duration).await?;
    let deadline = Instant::now() + CONNECTIONS_CLOSED;
    loop {
        // A request to the engine that is in progress uses a descriptor as well.
        let used = Footprint::of(&world.daemon)?;
        if used.handles_since(initial).is_empty() || Instant::now() > deadline {
            return Ok(used);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Deletes the remaining containers.
async fn delete_everything(world: &World) -> anyhow::Result<()> {
    for id in world.engine.ids_of(&world.instance()?).await? {
        if world.ledger().all_foreign().contains_key(&id) {
            continue;
        }
        let ticket = world.ledger().enter(&id, ledger::Operation::Remove, world.now());
        match world.client.remove(&id, RemoveMode::Force).await {
            Ok(()) => world.ledger().acknowledge(ticket, world.now()),
            Err(error) => {
                world.ledger().leave_open(ticket, world.now());
                world.found(format!("failed to delete container {id} at the end: {error}"));
            }
        }
    }
    world.audit(Creations::MayBeOpen, Gone::Some).await
}

/// Removes the containers of a failed run. The image and its other containers are removed when this process exits.
async fn clean_up(world: &World) -> anyhow::Result<()> {
    world.daemon.kill();
    // Without a registry there are no containers.
    let Ok(instance) = world.instance() else {
        return Ok(());
    };
    for id in world.engine.ids_of(&instance).await? {
        world
            .engine
            .change_on_host(&id, engine::HostChange::Remove)
            .await?;
    }
    Ok(())
}

/// The errors and panics in the log of the daemon.
fn errors_in_log(world: &World) -> anyhow::Result<Vec<String>> {
    let log = std::fs::read_to_string(world.daemon.log())
        .with_context(|| format!("failed to read the log in {}", world.daemon.state().display()))?;
    let is_error = |line: &&str| line.contains("panicked") || line.contains("\"level\":\"ERROR\"");
    Ok(log
        .lines()
        .filter(is_error)
        .map(|line| format!("the log has {line}"))
        .collect())
}

/// A run in which one of these operations was never acknowledged proves too little.
const REQUIRED: [&str; 4] = ["create", "create with a key", "start", "delete"];
/// Operations that are too rare for a shorter run.
const REQUIRED_IN_A_MINUTE: [&str; 1] = ["check in"];

fn report_tally(world: &World, lasted: Duration) {
    let tallies = world.tally();
    let also_required = if lasted >= MINUTE {
        &REQUIRED_IN_A_MINUTE[..]
    } else {
        &[]
    };
    for what in REQUIRED.iter().chain(also_required) {
        if tallies.get(what).is_none_or(|tally| tally.acknowledged == 0) {
            world.found(format!("no {what} was ever acknowledged"));
        }
    }
    for (what, tally) in tallies {
        println!(
            "{what}: {} acknowledged, {} refused, {} without a response",
            tally.acknowledged, tally.refused, tally.unknown
        );
    }
}
