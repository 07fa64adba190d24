//! A prober that returns the samples of a test.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{ProbeError, Prober, Target};
use crate::domain::{ContainerId, TrafficSample};

/// A prober for tests. Clones are the same prober.
#[derive(Clone, Default)]
pub struct FakeProber {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// The next samples of each container. The last one is repeated.
    samples: HashMap<ContainerId, VecDeque<Result<TrafficSample, ProbeError>>>,
    probes: usize,
}

impl FakeProber {
    /// Adds a sample. It is repeated until another one is added.
    pub fn show(&self, id: ContainerId, sample: Result<TrafficSample, ProbeError>) {
        self.inner.lock().samples.entry(id).or_default().push_back(sample);
    }

    /// Replaces all samples of a container by this one.
    pub fn show_only(&self, id: ContainerId, sample: Result<TrafficSample, ProbeError>) {
        self.inner.lock().samples.insert(id, VecDeque::from([sample]));
    }

    /// The number of probes so far, counted for each container.
    pub fn probes(&self) -> usize {
        self.inner.lock().probes
    }
}

#[async_trait]
impl Prober for FakeProber {
    async fn probe(&self, targets: Vec<Target>) -> Vec<Result<TrafficSample, ProbeError>> {
        let mut inner = self.inner.lock();
        inner.probes += targets.len();
        let mut sample = |target: &Target| match inner.samples.get_mut(&target.id) {
            Some(samples) if samples.len() > 1 => samples.pop_front(),
            Some(samples) => samples.front().cloned(),
            None => None,
        };
        let samples = targets
            .iter()
            .map(|target| sample(target).unwrap_or_else(|| Ok(TrafficSample::default())));
        samples.collect()
    }

    async fn retain(&self, running: Vec<ContainerId>) {
        self.inner.lock().samples.retain(|id, _| running.contains(id));
    }
}
