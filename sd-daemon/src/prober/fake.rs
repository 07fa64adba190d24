//! A prober that sees what a test shows it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{ProbeError, Prober, Target};
use crate::domain::{ContainerId, TrafficSample};

/// A prober for tests. Clones are the same prober.
#[derive(Clone, Default)]
pub struct FakeProber {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// What the next looks at a container see, one after the other; the last one is seen for ever.
    samples: HashMap<ContainerId, VecDeque<Result<TrafficSample, ProbeError>>>,
    looks: usize,
}

impl FakeProber {
    /// Lets the next look at a container see this, and each one after it, until there is more to see.
    pub fn show(&self, id: ContainerId, sample: Result<TrafficSample, ProbeError>) {
        self.lock().samples.entry(id).or_default().push_back(sample);
    }

    /// Lets every look at a container see this from here on, and nothing that was shown before.
    pub fn show_only(&self, id: ContainerId, sample: Result<TrafficSample, ProbeError>) {
        self.lock().samples.insert(id, VecDeque::from([sample]));
    }

    /// How many containers have been looked at so far, each look counted.
    pub fn looks(&self) -> usize {
        self.lock().looks
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Prober for FakeProber {
    async fn look(&self, targets: Vec<Target>) -> Vec<Result<TrafficSample, ProbeError>> {
        let mut inner = self.lock();
        inner.looks += targets.len();
        let mut see = |target: &Target| match inner.samples.get_mut(&target.id) {
            Some(samples) if samples.len() > 1 => samples.pop_front(),
            Some(samples) => samples.front().cloned(),
            None => None,
        };
        let seen = targets
            .iter()
            .map(|target| see(target).unwrap_or_else(|| Ok(TrafficSample::default())));
        seen.collect()
    }

    async fn retain(&self, running: Vec<ContainerId>) {
        self.lock().samples.retain(|id, _| running.contains(id));
    }
}
