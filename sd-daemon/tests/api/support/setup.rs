//! The settings of the daemon under test.

use sd_daemon::domain::{Policy, TimeLimit, Timestamp, UseRule};
use sd_daemon::http::{self, ApiAccess, Credentials};
use sd_daemon::prober::fake::FakeProber;
use sd_daemon::server;
use sd_daemon::service::{Capacity, Signals, Switch};
use sd_daemon::webhook::Receiver;

use super::{BUSY_LIMIT, GRACE, IDLE_TIMEOUT, MAX_CONTAINERS, PASSWORD, USER, WARNING};

/// The settings of a daemon, and the results of its prober.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) policy: Policy,
    pub(crate) signals: Signals,
    pub(crate) capacity: Capacity,
    pub(crate) prober: FakeProber,
    pub(crate) webhook: Option<Receiver>,
    pub(crate) access: ApiAccess,
    pub(crate) limits: server::ConnectionLimits,
    pub(crate) report_rate: http::ReportRate,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: Policy {
                default_idle_timeout: TimeLimit::After(IDLE_TIMEOUT),
                default_max_lifetime: TimeLimit::Never,
                default_remove_after: TimeLimit::Never,
                image_rules: [].into(),
                restart_grace: GRACE,
                resumed_at: Timestamp::from_millis(0),
                warn_before: WARNING,
            },
            signals: Signals {
                check_in: Switch::On,
                connections: Switch::On,
                use_rule: UseRule {
                    bytes_per_minute: 1,
                    cpu_millicores: None,
                },
                ignored_sources: Vec::new(),
                busy_limit: BUSY_LIMIT,
            },
            capacity: Capacity {
                containers: MAX_CONTAINERS,
                memory_bytes: None,
            },
            prober: FakeProber::default(),
            webhook: None,
            access: ApiAccess {
                credentials: Credentials::new(USER, PASSWORD),
                hosts: Vec::new(),
                proxies: Vec::new(),
            },
            // Tests send many requests at once, and a busy machine keeps their connections open for long.
            limits: server::ConnectionLimits {
                unauthenticated: 64,
                ..server::ConnectionLimits::default()
            },
            report_rate: http::ReportRate::default(),
        }
    }
}
