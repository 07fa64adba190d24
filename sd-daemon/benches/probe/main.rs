//! What it costs to look at containers from the host.
//!
//! `cargo bench -p sd-daemon --bench probe`, as root. What it prints is Markdown. Each figure is the median of
//! several passes; what is compared was measured in the same run.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it prints what it measures, or why it cannot"
)]

mod cost;
mod crowd;
mod daemon;
#[path = "../../tests/support/network.rs"]
mod network;

use std::fs;
use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::ensure;
use rustix::process::{Resource, geteuid, getrlimit};
use sd_daemon::prober::host::{HostProber, ProcessorTime};
use sd_daemon::prober::{Prober, Target};

use cost::{Cost, cost_of, median, shown};
use crowd::Crowd;
use daemon::Daemon;

/// Passes of which the median is taken.
const PASSES: usize = 9;

/// The crowds that are looked at.
const SIZES: [usize; 3] = [10, 100, 1_000];

/// Connections of one container that has very many.
const VERY_MANY: usize = 10_000;

/// Containers whose tables are read in `/proc`: that takes long.
const FEW: usize = 10;

/// All clients are files of this process, and so is what the prober holds.
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
        "this makes network namespaces: run it as root"
    );
    let most = getrlimit(Resource::Nofile).maximum;
    ensure!(
        most.is_none_or(|most| most >= FILES),
        "{FILES} open files are needed (ulimit -n)"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let begun = Instant::now();
    let largest = SIZES.into_iter().max().unwrap_or_default();
    let mut crowd = Crowd::gather(u32::try_from(largest)?)?;
    println!(
        "{largest} containers were set up in {:.0} s.",
        begun.elapsed().as_secs_f64()
    );
    heading("containers");
    for size in SIZES {
        measure_passes(&mut crowd, size, "without connections", 0).await?;
    }
    crowd.connect(0..largest, 1)?;
    for size in SIZES {
        measure_passes(&mut crowd, size, "connected, silent", 0).await?;
        measure_passes(&mut crowd, size, "a tenth talks", size / 10).await?;
        measure_passes(&mut crowd, size, "all talk", size).await?;
    }
    measure_first_looks(&crowd).await?;
    measure_processor_time(&crowd).await?;
    measure_tables(&mut crowd).await?;
    measure_daemon(&mut crowd).await?;
    measure_one_with_very_many(&mut crowd).await
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

/// Lets the first of the crowd talk.
fn talk(crowd: &mut Crowd, talking: usize) -> anyhow::Result<()> {
    crowd.members()[..talking]
        .iter_mut()
        .try_for_each(|member| member.talk(0..1))
}

/// A prober that has seen all of these before.
async fn acquainted(targets: &[Target], processor_time: ProcessorTime) -> anyhow::Result<HostProber> {
    let prober = HostProber::new(processor_time)?;
    while prober.look(targets.to_vec()).await.iter().any(Result::is_err) {}
    Ok(prober)
}

/// One pass over containers that can all be seen.
async fn pass(prober: &HostProber, targets: &[Target]) -> anyhow::Result<Cost> {
    let targets = targets.to_vec();
    let (cost, seen) = cost_of(prober.look(targets)).await?;
    ensure!(seen.iter().all(Result::is_ok), "some could not be seen: {seen:?}");
    Ok(cost)
}

/// Measures passes over the first of the crowd, of which some talk before each.
async fn measure_passes(crowd: &mut Crowd, size: usize, what: &str, talking: usize) -> anyhow::Result<()> {
    let targets = &crowd.targets()[..size];
    let prober = acquainted(targets, ProcessorTime::Ignored).await?;
    let mut costs = Vec::new();
    for _ in 0..PASSES {
        talk(crowd, talking)?;
        costs.push(pass(&prober, targets).await?);
    }
    row(size, what, median(costs));
    Ok(())
}

/// The first looks at all of them take several passes. The first of these passes is measured.
async fn measure_first_looks(crowd: &Crowd) -> anyhow::Result<()> {
    let targets = crowd.targets();
    let mut costs = Vec::new();
    let mut seen = 0;
    for _ in 0..PASSES {
        let prober = HostProber::new(ProcessorTime::Ignored)?;
        let (cost, samples) = cost_of(prober.look(targets.clone())).await?;
        seen = samples.iter().filter(|sample| sample.is_ok()).count();
        costs.push(cost);
    }
    row(
        targets.len(),
        &format!("never seen before; {seen} in this pass"),
        median(costs),
    );
    Ok(())
}

async fn measure_processor_time(crowd: &Crowd) -> anyhow::Result<()> {
    let targets = crowd.targets();
    let prober = acquainted(&targets, ProcessorTime::Measured).await?;
    let mut costs = Vec::new();
    for _ in 0..PASSES {
        costs.push(pass(&prober, &targets).await?);
    }
    row(targets.len(), "silent, with processor time", median(costs));
    Ok(())
}

/// The obvious way to look for connections, which does not tell what they carry.
async fn measure_tables(crowd: &mut Crowd) -> anyhow::Result<()> {
    let processes: Vec<_> = crowd.members()[..FEW]
        .iter()
        .map(crowd::Member::process)
        .collect();
    let read = |process| ["tcp", "tcp6"].map(|table| fs::read(format!("/proc/{process}/net/{table}")));
    let mut costs = Vec::new();
    for _ in 0..PASSES {
        let (cost, tables) = cost_of(async { processes.iter().flat_map(read).collect::<Vec<_>>() }).await?;
        ensure!(tables.iter().all(Result::is_ok), "some tables could not be read");
        costs.push(cost);
    }
    row(
        FEW,
        "`/proc/PID/net/tcp` and `tcp6` are read instead",
        median(costs),
    );
    Ok(())
}

async fn measure_daemon(crowd: &mut Crowd) -> anyhow::Result<()> {
    let targets = crowd.targets();
    let size = targets.len();
    let prober = acquainted(&targets, ProcessorTime::Ignored).await?;
    let daemon = Daemon::over(&targets, prober).await?;
    heading("containers in the daemon");
    for (what, talking) in [("silent", 0), ("a tenth talks", size / 10), ("all talk", size)] {
        let mut costs = Vec::new();
        for _ in 0..PASSES {
            talk(crowd, talking)?;
            let (cost, noted) = cost_of(daemon.pass()).await?;
            noted?;
            costs.push(cost);
        }
        row(size, what, median(costs));
    }
    Ok(())
}

async fn measure_one_with_very_many(crowd: &mut Crowd) -> anyhow::Result<()> {
    crowd.connect(0..1, VERY_MANY - 1)?;
    let targets = &crowd.targets()[..1];
    let prober = acquainted(targets, ProcessorTime::Ignored).await?;
    heading("connections of one container");
    let cases: [(&str, Range<usize>); 3] =
        [("silent", 0..0), ("one talks", 0..1), ("all talk", 0..VERY_MANY)];
    for (what, which) in cases {
        let mut costs = Vec::new();
        for _ in 0..PASSES {
            crowd.members()[0].talk(which.clone())?;
            costs.push(pass(&prober, targets).await?);
        }
        row(VERY_MANY, what, median(costs));
    }
    Ok(())
}
