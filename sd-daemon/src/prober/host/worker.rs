//! The thread of the prober: the order of probes and their limits.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{mpsc, oneshot};

use super::Bounds;
use super::container_probe::{ContainerProbe, InterfaceDelta, ProbeContext, probe_error, too_many_files};
use super::process::{Interfaces, has_exited};
use crate::domain::{ContainerId, TrafficSample};
use crate::prober::{ProbeError, Target};

/// A request to the thread.
pub(super) enum Job {
    Probe {
        targets: Vec<Target>,
        result: oneshot::Sender<Vec<Result<TrafficSample, ProbeError>>>,
    },
    Retain {
        running: Vec<ContainerId>,
        result: oneshot::Sender<()>,
    },
}

/// The probes of all containers.
pub(super) struct Worker {
    context: ProbeContext,
    bounds: Bounds,
    probes: HashMap<ContainerId, ContainerProbe>,
}

/// The next step of a target's probe.
enum Step {
    /// The result is known.
    Report(Result<TrafficSample, ProbeError>),
    /// The current run was not probed before.
    Start,
    /// There was traffic.
    List(Interfaces),
}

impl Worker {
    pub(super) fn new(context: ProbeContext, bounds: Bounds) -> Self {
        Self {
            context,
            bounds,
            probes: HashMap::new(),
        }
    }

    /// Runs jobs until the prober is dropped.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            match job {
                // The caller was cancelled; the next probe reports the traffic.
                Job::Probe { result, .. } if result.is_closed() => {}
                Job::Probe { targets, result } => drop(result.send(self.probe(&targets))),
                Job::Retain { running, result } => {
                    let running: HashSet<_> = running.into_iter().collect();
                    self.probes.retain(|id, _| running.contains(id));
                    let _ = result.send(());
                }
            }
        }
    }

    fn probe(&mut self, targets: &[Target]) -> Vec<Result<TrafficSample, ProbeError>> {
        let mut next: Vec<Step> = targets.iter().map(|target| self.check(target)).collect();
        let mut waiting: Vec<usize> = Vec::new();
        waiting.extend((0..targets.len()).filter(|index| !matches!(next[*index], Step::Report(_))));
        // A container without a probe comes first.
        waiting.sort_by_key(|index| {
            self.probes
                .get(&targets[*index].id)
                .map(ContainerProbe::sampled_at)
        });
        let started = processor_time();
        for index in waiting {
            let target = &targets[index];
            next[index] = Step::Report(match next[index] {
                Step::Start => self.start(target),
                Step::List(interfaces) => self.list(target, interfaces),
                Step::Report(_) => continue,
            });
            // Checked after a list, so that each pass has at least one.
            if processor_time().saturating_sub(started) >= self.bounds.listing {
                break;
            }
        }
        let with_target = targets.iter().zip(next);
        with_target
            .map(|(target, next)| match next {
                Step::Report(sample) => sample,
                Step::Start | Step::List(_) => self.postpone(target),
            })
            .collect()
    }

    fn check(&mut self, target: &Target) -> Step {
        let Some(probe) = self
            .probes
            .get_mut(&target.id)
            .filter(|probe| probe.is_of(target))
        else {
            // A probe of another run cannot be used.
            self.probes.remove(&target.id);
            return Step::Start;
        };
        match probe.check_interfaces(&mut self.context) {
            Ok(InterfaceDelta::Unchanged) => Step::Report(Ok(probe.unchanged_sample())),
            Ok(InterfaceDelta::Changed(interfaces)) => Step::List(interfaces),
            Err(error) => {
                if has_exited(error) {
                    self.probes.remove(&target.id);
                }
                Step::Report(Err(probe_error("its interfaces", error)))
            }
        }
    }

    fn start(&mut self, target: &Target) -> Result<TrafficSample, ProbeError> {
        if self.probes.len() >= self.bounds.containers && !self.probes.contains_key(&target.id) {
            return Err(too_many_files());
        }
        let (probe, sample) = ContainerProbe::start(target, &mut self.context)?;
        self.probes.insert(target.id, probe);
        Ok(sample)
    }

    fn list(&mut self, target: &Target, interfaces: Interfaces) -> Result<TrafficSample, ProbeError> {
        // A target that is listed twice may have lost its probe the first time.
        let Some(probe) = self.probes.get_mut(&target.id) else {
            return self.start(target);
        };
        let sample = probe.list_connections(interfaces, &mut self.context);
        if sample.is_err() {
            self.probes.remove(&target.id);
        }
        sample
    }

    fn postpone(&self, target: &Target) -> Result<TrafficSample, ProbeError> {
        let probe = self.probes.get(&target.id);
        probe.map(ContainerProbe::postponed_sample).ok_or_else(|| {
            ProbeError::Failed(
                "many containers are probed for the first time; this one follows in the next probe"
                    .to_owned(),
            )
        })
    }
}

/// The processor time of this thread. Unlike elapsed time it does not depend on the load of the machine.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
