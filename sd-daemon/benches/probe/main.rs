//! Measures the cost of probing containers from the host.
//!
//! Run `cargo bench -p sd-daemon --bench probe` as root. The output is Markdown. Each figure is the median of several
//! passes of the same run.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the results are the output of the program"
)]

mod cost;
mod daemon;
#[path = "../../tests/support/network.rs"]
mod network;
mod simulation;

use std::fs;
use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::ensure;
use rustix::process::{Resource, geteuid, getrlimit};
use sd_daemon::prober::host::{HostProber, ProcessorTime};
use sd_daemon::prober::{Prober, Target};

use cost::{Cost, cost_of, median, shown};
use daemon::Daemon;
use simulation::{SimulatedContainer, Simulation};

/// The number of passes for each figure.
const PASSES: usize = 9;

/// The numbers of containers.
const SIZES: [usize; 3] = [10, 100, 1_000];

/// The number of connections of a container with many connections.
const MANY: usize = 10_000;

/// The number of containers whose tables in `/proc` are read, which is slow.
const FEW: usize = 10;

/// The number of open files that the clients and the prober need.
const FILES: u64 = 16_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    ensure!(
        geteuid().is_root(),
        "the benchmark creates network namespaces; run it as root"
    );
    let limit = getrlimit(Resource::Nofile).maximum;
    ensure!(
        limit.is_none_or(|limit| limit >= FILES),
        "{FILES} open files are needed (ulimit -n)"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let started = Instant::now();
    let largest = SIZES.into_iter().max().unwrap_or_default();
    let mut simulation = Simulation::start(u32::try_from(largest)?)?;
    println!(
        "{largest} containers were set up in {:.0} s.",
        started.elapsed().as_secs_f64()
    );
    heading("containers");
    for size in SIZES {
        measure_passes(&mut simulation, size, "without connections", 0).await?;
    }
    simulation.connect(0..largest, 1)?;
    for size in SIZES {
        measure_passes(&mut simulation, size, "connected, silent", 0).await?;
        measure_passes(&mut simulation, size, "a tenth active", size / 10).await?;
        measure_passes(&mut simulation, size, "all active", size).await?;
    }
    measure_first_probes(&simulation).await?;
    measure_processor_time(&simulation).await?;
    measure_tables(&mut simulation).await?;
    measure_daemon(&mut simulation).await?;
    measure_many_connections(&mut simulation).await
}

fn heading(what: &str) {
    println!("\n| {what} | | CPU of a pass | for each | wall |");
    println!("|---|---|---|---|---|");
}

fn row(size: usize, what: &str, cost: Cost) {
    let each = Cost {
        cpu: cost
            .cpu
            .div_f64(f64::from(u32::try_from(size).unwrap_or(u32::MAX))),
        ..cost
    };
    println!(
        "| {size} | {what} | {} | {} | {} |",
        shown(cost.cpu),
        shown(each.cpu),
        shown(cost.wall)
    );
}

/// Sends a byte to the first containers.
fn send(simulation: &mut Simulation, active: usize) -> anyhow::Result<()> {
    simulation.containers()[..active]
        .iter_mut()
        .try_for_each(|container| container.send(0..1))
}

/// A prober that has probed all of these before.
async fn warm_prober(targets: &[Target], processor_time: ProcessorTime) -> anyhow::Result<HostProber> {
    let prober = HostProber::new(processor_time)?;
    while prober.probe(targets.to_vec()).await.iter().any(Result::is_err) {}
    Ok(prober)
}

/// The cost of one pass over containers that can all be probed.
async fn pass(prober: &HostProber, targets: &[Target]) -> anyhow::Result<Cost> {
    let targets = targets.to_vec();
    let (cost, samples) = cost_of(prober.probe(targets)).await?;
    ensure!(
        samples.iter().all(Result::is_ok),
        "some probes failed: {samples:?}"
    );
    Ok(cost)
}

/// Measures passes over the first containers, some of which receive data before each pass.
async fn measure_passes(
    simulation: &mut Simulation,
    size: usize,
    what: &str,
    active: usize,
) -> anyhow::Result<()> {
    let targets = &simulation.targets()[..size];
    let prober = warm_prober(targets, ProcessorTime::Ignored).await?;
    let mut costs = Vec::new();
    for _ in 0..PASSES {
        send(simulation, active)?;
        costs.push(pass(&prober, targets).await?);
    }
    row(size, what, median(costs));
    Ok(())
}

/// Measures the first pass over containers that were not probed before.
async fn measure_first_probes(simulation: &Simulation) -> anyhow::Result<()> {
    let targets = simulation.targets();
    let mut costs = Vec::new();
    let mut successes = 0;
    for _ in 0..PASSES {
        let prober = HostProber::new(ProcessorTime::Ignored)?;
        let (cost, samples) = cost_of(prober.probe(targets.clone())).await?;
        successes = samples.iter().filter(|sample| sample.is_ok()).count();
        costs.push(cost);
    }
    row(
        targets.len(),
        &format!("first probe; {successes} in this pass"),
        median(costs),
    );
    Ok(())
}

async fn measure_processor_time(simulation: &Simulation) -> anyhow::Result<()> {
    let targets = simulation.targets();
    let prober = warm_prober(&targets, ProcessorTime::Measured).await?;
    let mut costs = Vec::new();
    for _ in 0..PASSES {
        costs.push(pass(&prober, &targets).await?);
    }
    row(targets.len(), "silent, with processor time", median(costs));
    Ok(())
}

/// Measures the alternative: reading the tables of connections, which have no byte counters.
async fn measure_tables(simulation: &mut Simulation) -> anyhow::Result<()> {
    let processes: Vec<_> = simulation.containers()[..FEW]
        .iter()
        .map(SimulatedContainer::process)
        .collect();
    let read = |process| ["tcp", "tcp6"].map(|table| fs::read(format!("/proc/{process}/net/{table}")));
    let mut costs = Vec::new();
    for _ in 0..PASSES {
        let (cost, tables) = cost_of(async { processes.iter().flat_map(read).collect::<Vec<_>>() }).await?;
        ensure!(tables.iter().all(Result::is_ok), "failed to read some tables");
        costs.push(cost);
    }
    row(
        FEW,
        "reading `/proc/PID/net/tcp` and `tcp6` instead",
        median(costs),
    );
    Ok(())
}

async fn measure_daemon(simulation: &mut Simulation) -> anyhow::Result<()> {
    let targets = simulation.targets();
    let size = targets.len();
    let prober = warm_prober(&targets, ProcessorTime::Ignored).await?;
    let daemon = Daemon::over(&targets, prober).await?;
    heading("containers in the daemon");
    for (what, active) in [("silent", 0), ("a tenth active", size / 10), ("all active", size)] {
        let mut costs = Vec::new();
        for _ in 0..PASSES {
            send(simulation, active)?;
            let (cost, passed) = cost_of(daemon.pass()).await?;
            passed?;
            costs.push(cost);
        }
        row(size, what, median(costs));
    }
    Ok(())
}

async fn measure_many_connections(simulation: &mut Simulation) -> anyhow::Result<()> {
    simulation.connect(0..1, MANY - 1)?;
    let targets = &simulation.targets()[..1];
    let prober = warm_prober(targets, ProcessorTime::Ignored).await?;
    heading("connections of one container");
    let cases: [(&str, Range<usize>); 3] = [("silent", 0..0), ("one active", 0..1), ("all active", 0..MANY)];
    for (what, which) in cases {
        let mut costs = Vec::new();
        for _ in 0..PASSES {
            simulation.containers()[0].send(which.clone())?;
            costs.push(pass(&prober, targets).await?);
        }
        row(MANY, what, median(costs));
    }
    Ok(())
}
