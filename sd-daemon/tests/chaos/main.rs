//! The program on a real engine under load, killed every few seconds, while containers change behind its back. What
//! was acknowledged is kept in a ledger, and everything that always has to be true is asked again and again.
//!
//! A short run is one of the tests; `script/chaos` makes long ones, over the release.

#![expect(clippy::print_stdout, reason = "what was done and found is what a run is for")]

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
/// Between two kills, in milliseconds.
const LIFE: std::ops::Range<u64> = 2_000..8_000;
/// Everything is settled and audited after this many kills; without kills, each minute.
const KILLS_BETWEEN_AUDITS: u64 = 8;
const MINUTE: Duration = Duration::from_secs(60);
/// A run with more findings has shown what it can.
const ENOUGH_FINDINGS: usize = 20;
/// From this length on a run waits at its end until the creates are forgotten that kills left behind.
const LONG_RUN: Duration = Duration::from_secs(300);
/// A connection that nobody uses is open no longer than this, at either end; and a bit for a machine with other things
/// to do too.
const CONNECTIONS_END: Duration = Duration::from_secs(150);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.want_a_run() {
        return ExitCode::SUCCESS;
    }
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    println!(
        "chaos: seed {seed}, {} s of load, {}",
        arguments.duration().as_secs(),
        arguments.daemon.display()
    );
    // The client may want to encrypt, and asks who does.
    drop(rustls::crypto::ring::default_provider().install_default());
    match run(&arguments, seed) {
        Ok(true) => {
            println!("chaos: everything was as it has to be");
            ExitCode::SUCCESS
        }
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("chaos: failed to go on: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says whether nothing was found.
fn run(arguments: &Arguments, seed: u64) -> anyhow::Result<bool> {
    let state = tempfile::Builder::new().prefix("spin-docker-chaos-").tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let world = Arc::new(World::new(Daemon::over(
        arguments.daemon.clone(),
        state.path().to_owned(),
    )?)?);
    let outcome = runtime.block_on(async {
        let lived = live(&world, arguments, seed).await;
        // Whatever happened, nothing is left behind.
        world.over.cancel();
        lived.and(clean_up(&world).await)
    });
    for finding in complaints_in_log(&world)? {
        world.found(finding);
    }
    let findings = world.findings();
    if outcome.is_err() || !findings.is_empty() {
        println!(
            "chaos: {} findings with seed {seed}; the registry and the log are kept in {}",
            findings.len(),
            state.keep().display()
        );
        for finding in &findings {
            println!("- {finding}");
        }
    }
    outcome.map(|()| findings.is_empty())
}

async fn live(world: &Arc<World>, arguments: &Arguments, seed: u64) -> anyhow::Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    image();
    launch(world).await?;
    make_foreign(world).await?;
    if arguments.no_kills {
        compare_use(world, arguments.duration(), &mut random).await?;
    } else {
        let load = Load::begin(world, &mut random);
        kill_again_and_again(world, &mut random, Instant::now() + arguments.duration()).await?;
        load.end().await?;
        settle(world, arguments.duration()).await?;
    }
    report_tally(world, arguments.duration());
    Ok(())
}

/// Nothing is done any more: everything has come to rest, and whatever is left can be deleted.
async fn settle(world: &World, lasted: Duration) -> anyhow::Result<()> {
    let creations = if lasted >= LONG_RUN {
        Creations::AreClosed
    } else {
        Creations::MayBeOpen
    };
    world.audit(creations, Gone::All).await?;
    delete_everything(world).await
}

/// Clients at work.
struct Load {
    clients: JoinSet<()>,
    over: CancellationToken,
}

impl Load {
    fn begin(world: &Arc<World>, random: &mut fastrand::Rng) -> Self {
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
    world.ledger().daemon_starts(world.now());
    world.daemon.launch()?;
    world.daemon.is_ready().await
}

/// Containers that are not the daemon's business: one of no daemon, and one that says it is of this one.
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
        let look = world.engine.look(&id).await?;
        world.ledger().foreign(id, look);
    }
    Ok(())
}

async fn kill_again_and_again(world: &World, random: &mut fastrand::Rng, end: Instant) -> anyhow::Result<()> {
    let (mut kills, mut told) = (0, Instant::now());
    while Instant::now() < end && world.findings().len() < ENOUGH_FINDINGS {
        tokio::time::sleep(Duration::from_millis(random.u64(LIFE))).await;
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
        if told.elapsed() >= MINUTE {
            told = Instant::now();
            println!("{kills} kills, {} findings", world.findings().len());
        }
    }
    println!("{kills} kills");
    Ok(())
}

/// What the daemon uses when it has come to rest after the load: as many descriptors and threads as at its start, and
/// no more memory than one that is started on the same registry, which has worked for a minute only.
async fn compare_use(
    world: &Arc<World>,
    duration: Duration,
    random: &mut fastrand::Rng,
) -> anyhow::Result<()> {
    let begun = Footprint::of(&world.daemon)?;
    println!("at the start: {begun}");
    let used = use_at_rest_after(world, duration, random, &begun).await?;
    println!("at rest after the load: {used}");

    world.daemon_changes();
    world.daemon.kill();
    launch(world).await?;
    world.daemon_changes();
    let started = Footprint::of(&world.daemon)?;
    println!("started again on the same registry: {started}");
    let anew = use_at_rest_after(world, MINUTE.min(duration), random, &started).await?;
    println!("at rest after a minute of load: {anew}");

    for growth in [used.handles_since(&begun), used.growth_since(&anew)].concat() {
        world.found(growth);
    }
    Ok(())
}

/// Puts the daemon under load, deletes everything, and waits until what that needed is given back.
async fn use_at_rest_after(
    world: &Arc<World>,
    duration: Duration,
    random: &mut fastrand::Rng,
    begun: &Footprint,
) -> anyhow::Result<Footprint> {
    let load = Load::begin(world, random);
    let end = Instant::now() + duration;
    while Instant::now() < end && world.findings().len() < ENOUGH_FINDINGS {
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(left.min(MINUTE)).await;
        world.audit(Creations::MayBeOpen, Gone::Some).await?;
        println!(
            "{}, {} findings",
            Footprint::of(&world.daemon)?,
            world.findings().len()
        );
    }
    load.end().await?;
    settle(world, duration).await?;
    let deadline = Instant::now() + CONNECTIONS_END;
    loop {
        // A look at the engine in this very moment is a descriptor too, and over in the next.
        let used = Footprint::of(&world.daemon)?;
        if used.handles_since(begun).is_empty() || Instant::now() > deadline {
            return Ok(used);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whatever is left can be deleted, and is gone then.
async fn delete_everything(world: &World) -> anyhow::Result<()> {
    for id in world.engine.ids_of(&world.instance()?).await? {
        if world.ledger().all_foreign().contains_key(&id) {
            continue;
        }
        let ticket = world.ledger().enter(&id, ledger::Deed::Remove, world.now());
        match world.client.remove(&id, RemoveMode::Force).await {
            Ok(()) => world.ledger().acknowledge(ticket, world.now()),
            Err(error) => {
                world.ledger().leave_open(ticket, world.now());
                world.found(format!("container {id} could not be deleted at the end: {error}"));
            }
        }
    }
    world.audit(Creations::MayBeOpen, Gone::Some).await
}

/// Takes away what a run that failed has left. The image, and what else was made from it, goes with this process.
async fn clean_up(world: &World) -> anyhow::Result<()> {
    world.daemon.kill();
    // Without a registry there is no container either.
    let Ok(instance) = world.instance() else {
        return Ok(());
    };
    for id in world.engine.ids_of(&instance).await? {
        world.engine.outside(&id, engine::Outside::Remove).await?;
    }
    Ok(())
}

/// Lines of the log that wake a person.
fn complaints_in_log(world: &World) -> anyhow::Result<Vec<String>> {
    let log = std::fs::read_to_string(world.daemon.log())
        .with_context(|| format!("there is no log in {}", world.daemon.state().display()))?;
    let is_complaint = |line: &&str| line.contains("panicked") || line.contains("\"level\":\"ERROR\"");
    Ok(log
        .lines()
        .filter(is_complaint)
        .map(|line| format!("the log says {line}"))
        .collect())
}

/// What was never acknowledged was not tried either: a run without it proves less than it says.
const HAS_TO_HAPPEN: [&str; 4] = ["create", "create with a key", "start", "delete"];
/// It is rarer, and takes longer.
const HAS_TO_HAPPEN_IN_A_MINUTE: [&str; 1] = ["check in"];

fn report_tally(world: &World, lasted: Duration) {
    let tallies = world.tally();
    let has_to_happen_too = if lasted >= MINUTE {
        &HAS_TO_HAPPEN_IN_A_MINUTE[..]
    } else {
        &[]
    };
    for what in HAS_TO_HAPPEN.iter().chain(has_to_happen_too) {
        if tallies.get(what).is_none_or(|tally| tally.acknowledged == 0) {
            world.found(format!("no {what} was ever acknowledged"));
        }
    }
    for (what, tally) in tallies {
        println!(
            "{what}: {} acknowledged, {} refused, {} without an answer",
            tally.acknowledged, tally.refused, tally.unknown
        );
    }
}
