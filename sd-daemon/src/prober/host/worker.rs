//! The thread that looks: who is looked at in what order, and how many at most.

use std::collections::{HashMap, HashSet};

use tokio::sync::{mpsc, oneshot};

use super::process::{Interfaces, is_over};
use super::watch::{Glance, Tools, Watch, blind};
use crate::domain::{ContainerId, Sight};
use crate::prober::{Blind, Target};

/// Containers that are looked at closely in one pass, those first that have waited longest. A list of
/// connections takes the kernel about 0.2 ms, whatever is in it, so that this is about 50 ms of work; what
/// is beyond it has its turn in the next pass.
const MOST_LOOKS: usize = 256;

/// Something to do.
pub(super) enum Job {
    Look {
        targets: Vec<Target>,
        answer: oneshot::Sender<Vec<Result<Sight, Blind>>>,
    },
    Retain {
        running: Vec<ContainerId>,
        answer: oneshot::Sender<()>,
    },
}

/// What has been seen so far.
pub(super) struct Worker {
    tools: Tools,
    watches: HashMap<ContainerId, Watch>,
}

/// What a glance at a target says must be done.
enum Next {
    Nothing(Result<Sight, Blind>),
    Begin,
    Look(Interfaces),
}

impl Worker {
    pub(super) fn new(tools: Tools) -> Self {
        Self {
            tools,
            watches: HashMap::new(),
        }
    }

    /// Does jobs until nobody is left to send any.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            match job {
                // Nobody waits any more: what there is to see belongs to whoever asks next.
                Job::Look { answer, .. } if answer.is_closed() => {}
                Job::Look { targets, answer } => drop(answer.send(self.look(&targets))),
                Job::Retain { running, answer } => {
                    let running: HashSet<_> = running.into_iter().collect();
                    self.watches.retain(|id, _| running.contains(id));
                    let _ = answer.send(());
                }
            }
        }
    }

    fn look(&mut self, targets: &[Target]) -> Vec<Result<Sight, Blind>> {
        let next: Vec<Next> = targets.iter().map(|target| self.glance(target)).collect();
        let mut waiting: Vec<usize> = Vec::new();
        waiting.extend((0..targets.len()).filter(|index| !matches!(next[*index], Next::Nothing(_))));
        // What has no watch yet has waited longest of all.
        waiting.sort_by_key(|index| self.watches.get(&targets[*index].id).map(Watch::looked_at));
        let served: HashSet<usize> = waiting.into_iter().take(MOST_LOOKS).collect();
        let with_index = targets.iter().zip(next).enumerate();
        with_index
            .map(|(index, (target, next))| match next {
                Next::Nothing(sight) => sight,
                Next::Begin if served.contains(&index) => self.begin(target),
                Next::Look(interfaces) if served.contains(&index) => self.look_at(target, interfaces),
                Next::Begin | Next::Look(_) => self.postpone(target),
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
            Ok(Glance::Silent) => Next::Nothing(Ok(watch.remember())),
            Ok(Glance::Moved(interfaces)) => Next::Look(interfaces),
            Err(error) => {
                if is_over(error) {
                    self.watches.remove(&target.id);
                }
                Next::Nothing(Err(blind("its interfaces", error)))
            }
        }
    }

    fn begin(&mut self, target: &Target) -> Result<Sight, Blind> {
        let (watch, sight) = Watch::begin(target, &mut self.tools)?;
        self.watches.insert(target.id, watch);
        Ok(sight)
    }

    fn look_at(&mut self, target: &Target, interfaces: Interfaces) -> Result<Sight, Blind> {
        // Twice in one pass, the second time finds what the first one left.
        let Some(watch) = self.watches.get_mut(&target.id) else {
            return self.begin(target);
        };
        let sight = watch.look(interfaces, &mut self.tools);
        if sight.is_err() {
            self.watches.remove(&target.id);
        }
        sight
    }

    fn postpone(&self, target: &Target) -> Result<Sight, Blind> {
        let watch = self.watches.get(&target.id);
        watch.map(Watch::postpone).ok_or_else(|| {
            Blind::Failed(
                "many others are looked at for the first time: its turn comes with the next look".to_owned(),
            )
        })
    }
}
