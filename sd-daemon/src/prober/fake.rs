//! A prober that sees what a test shows it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Blind, Prober, Target};
use crate::domain::{ContainerId, Sight};

/// A prober for tests. Clones are the same prober.
#[derive(Clone, Default)]
pub struct FakeProber {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// What the next looks at a container see, one after the other; the last one is seen for ever.
    sights: HashMap<ContainerId, VecDeque<Result<Sight, Blind>>>,
    looks: usize,
}

impl FakeProber {
    /// Lets the next look at a container see this, and each one after it, until there is more to see.
    pub fn show(&self, id: ContainerId, sight: Result<Sight, Blind>) {
        self.lock().sights.entry(id).or_default().push_back(sight);
    }

    /// Lets every look at a container see this from here on, and nothing that was shown before.
    pub fn show_only(&self, id: ContainerId, sight: Result<Sight, Blind>) {
        self.lock().sights.insert(id, VecDeque::from([sight]));
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
    async fn look(&self, targets: Vec<Target>) -> Vec<Result<Sight, Blind>> {
        let mut inner = self.lock();
        inner.looks += targets.len();
        let mut see = |target: &Target| match inner.sights.get_mut(&target.id) {
            Some(sights) if sights.len() > 1 => sights.pop_front(),
            Some(sights) => sights.front().cloned(),
            None => None,
        };
        let seen = targets
            .iter()
            .map(|target| see(target).unwrap_or_else(|| Ok(Sight::default())));
        seen.collect()
    }

    async fn retain(&self, running: Vec<ContainerId>) {
        self.lock().sights.retain(|id, _| running.contains(id));
    }
}
