//! The thread that looks: who is looked at in what order, and how many at most.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{mpsc, oneshot};

use super::Bounds;
use super::process::{Interfaces, is_over};
use super::watch::{ContainerProbe, InterfaceDelta, ProbeContext, blind, too_many_files};
use crate::domain::{ContainerId, TrafficSample};
use crate::prober::{ProbeError, Target};

/// Something to do.
pub(super) enum Job {
    ProbeResult {
        targets: Vec<Target>,
        answer: oneshot::Sender<Vec<Result<TrafficSample, ProbeError>>>,
    },
    Retain {
        running: Vec<ContainerId>,
        answer: oneshot::Sender<()>,
    },
}

/// What has been seen so far.
pub(super) struct Worker {
    tools: ProbeContext,
    bounds: Bounds,
    watches: HashMap<ContainerId, ContainerProbe>,
}

/// What a glance at a target leads to.
enum Next {
    /// All that there is to say is known.
    Say(Result<TrafficSample, ProbeError>),
    /// It was never seen in this run.
    Begin,
    ProbeResult(Interfaces),
}

impl Worker {
    pub(super) fn new(tools: ProbeContext, bounds: Bounds) -> Self {
        Self {
            tools,
            bounds,
            watches: HashMap::new(),
        }
    }

    /// Does jobs until nobody is left to send any.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            match job {
                // Nobody waits any more: what there is to see belongs to whoever asks next.
                Job::ProbeResult { answer, .. } if answer.is_closed() => {}
                Job::ProbeResult { targets, answer } => drop(answer.send(self.look(&targets))),
                Job::Retain { running, answer } => {
                    let running: HashSet<_> = running.into_iter().collect();
                    self.watches.retain(|id, _| running.contains(id));
                    let _ = answer.send(());
                }
            }
        }
    }

    fn look(&mut self, targets: &[Target]) -> Vec<Result<TrafficSample, ProbeError>> {
        let mut next: Vec<Next> = targets.iter().map(|target| self.glance(target)).collect();
        let mut waiting: Vec<usize> = Vec::new();
        waiting.extend((0..targets.len()).filter(|index| !matches!(next[*index], Next::Say(_))));
        // What has no watch yet has waited longest of all.
        waiting.sort_by_key(|index| {
            self.watches
                .get(&targets[*index].id)
                .map(ContainerProbe::looked_at)
        });
        let begun = processor_time();
        for index in waiting {
            let target = &targets[index];
            next[index] = Next::Say(match next[index] {
                Next::Begin => self.begin(target),
                Next::ProbeResult(interfaces) => self.look_at(target, interfaces),
                Next::Say(_) => continue,
            });
            // Asked after a look, so that there is one in each pass, however dear it is.
            if processor_time().saturating_sub(begun) >= self.bounds.close_looks {
                break;
            }
        }
        let with_target = targets.iter().zip(next);
        with_target
            .map(|(target, next)| match next {
                Next::Say(sample) => sample,
                Next::Begin | Next::ProbeResult(_) => self.postpone(target),
            })
            .collect()
    }

    fn glance(&mut self, target: &Target) -> Next {
        let Some(watch) = self
            .watches
            .get_mut(&target.id)
            .filter(|watch| watch.is_of(target))
        else {
            // Another run's is of no use to this one.
            self.watches.remove(&target.id);
            return Next::Begin;
        };
        match watch.glance(&mut self.tools) {
            Ok(InterfaceDelta::Silent) => Next::Say(Ok(watch.remember())),
            Ok(InterfaceDelta::Moved(interfaces)) => Next::ProbeResult(interfaces),
            Err(error) => {
                if is_over(error) {
                    self.watches.remove(&target.id);
                }
                Next::Say(Err(blind("its interfaces", error)))
            }
        }
    }

    fn begin(&mut self, target: &Target) -> Result<TrafficSample, ProbeError> {
        if self.watches.len() >= self.bounds.watches && !self.watches.contains_key(&target.id) {
            return Err(too_many_files());
        }
        let (watch, sample) = ContainerProbe::begin(target, &mut self.tools)?;
        self.watches.insert(target.id, watch);
        Ok(sample)
    }

    fn look_at(&mut self, target: &Target, interfaces: Interfaces) -> Result<TrafficSample, ProbeError> {
        // Twice in one pass, the second time finds what the first one left.
        let Some(watch) = self.watches.get_mut(&target.id) else {
            return self.begin(target);
        };
        let sample = watch.look(interfaces, &mut self.tools);
        if sample.is_err() {
            self.watches.remove(&target.id);
        }
        sample
    }

    fn postpone(&self, target: &Target) -> Result<TrafficSample, ProbeError> {
        let watch = self.watches.get(&target.id);
        watch.map(ContainerProbe::postpone).ok_or_else(|| {
            ProbeError::Failed(
                "many others are looked at for the first time: its turn comes with the next look".to_owned(),
            )
        })
    }
}

/// What this thread has used of the processor: unlike time as it passes, it is the same on a busy machine.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
