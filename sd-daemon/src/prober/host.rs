//! The prober for containers whose processes run on this host.

use async_trait::async_trait;

use super::{Blind, Prober, Target};
use crate::domain::{ContainerId, Sight};

/// Looks through the kernel's own books.
pub struct HostProber;

#[async_trait]
impl Prober for HostProber {
    async fn look(&self, targets: Vec<Target>) -> Vec<Result<Sight, Blind>> {
        targets.iter().map(|_| Err(Blind::Elsewhere)).collect()
    }

    async fn retain(&self, _: Vec<ContainerId>) {}
}
