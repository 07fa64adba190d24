//! The processor time and the duration of work.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The cost of work in this process, all threads together.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    /// Processor time in user and system mode.
    pub(crate) cpu: Duration,
    /// Elapsed time.
    pub(crate) wall: Duration,
}

/// Runs work and returns its cost and its result.
pub(crate) async fn cost_of<T>(work: impl Future<Output = T>) -> anyhow::Result<(Cost, T)> {
    let (cpu, wall) = (processor_time()?, Instant::now());
    let result = work.await;
    let cost = Cost {
        wall: wall.elapsed(),
        cpu: processor_time()?.saturating_sub(cpu),
    };
    Ok((cost, result))
}

/// The median by processor time.
pub(crate) fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.cpu);
    costs[costs.len() / 2]
}

pub(crate) fn shown(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    if micros < 1_000.0 {
        format!("{micros:.1} µs")
    } else {
        format!("{:.1} ms", micros / 1e3)
    }
}

/// Unlike `getrusage`, this clock has a resolution of a nanosecond on every kernel.
fn processor_time() -> anyhow::Result<Duration> {
    Ok(Duration::try_from(clock_gettime(ClockId::ProcessCPUTime))?)
}
