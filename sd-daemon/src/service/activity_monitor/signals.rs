//! Which signals count as use of a container.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::domain::UseRule;

/// Which signals count as use.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Whether check-ins count.
    pub check_in: Switch,
    /// Whether client connections that the prober measures count.
    pub connections: Switch,
    /// When traffic and processor time count.
    pub use_rule: UseRule,
    /// Connections from these networks do not count, such as those of monitoring.
    pub ignored_sources: Vec<IpNet>,
    /// The longest time for which a check-in can report a container as busy.
    pub busy_limit: Duration,
}

/// Whether a signal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It counts.
    On,
    /// It does not count.
    Off,
}

impl Signals {
    /// Whether any signal needs the prober.
    pub fn need_prober(&self) -> bool {
        self.connections == Switch::On || self.use_rule.cpu_millicores.is_some()
    }

    /// Whether connections of this client do not count.
    pub(super) fn ignores(&self, client: IpAddr) -> bool {
        self.ignored_sources
            .iter()
            .any(|network| network.contains(&client))
    }
}
