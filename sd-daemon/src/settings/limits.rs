//! Limits of containers: their number, their memory, and when they are stopped and removed.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use sd_client::quantity::{MemoryLimit, TimeLimit};
use serde::{Deserialize, Serialize};

use super::values::{self, Pattern, as_text, some_as_text};
use crate::domain::{ImageRule, Limits, Policy, Timestamp};
use crate::service::Capacity;

/// Containers have this long after a start of the daemon to report activity.
const RESTART_GRACE: Duration = Duration::from_secs(600);

/// Defaults for containers, unless a request, an image label or an image rule sets other limits.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Limits")]
pub struct LimitOptions {
    /// Refuse to create more than this many containers, stopped ones included.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_MAX_CONTAINERS",
        value_name = "NUMBER",
        default_value = "200",
        value_parser = values::parse::<NonZeroU32>
    )]
    #[serde(deserialize_with = "values::deserialize")]
    pub max_containers: NonZeroU32,

    /// Limit the memory of containers that request none: 512m, 2g, or unlimited.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_MEMORY_LIMIT",
        value_name = "SIZE",
        default_value = "2g"
    )]
    pub memory_limit: MemoryLimit,

    /// Stop containers without activity after this long: 90s, 2h30m, or never.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_IDLE_TIMEOUT",
        value_name = "DURATION",
        default_value = "2h30m"
    )]
    #[serde(serialize_with = "as_text")]
    pub idle_timeout: TimeLimit,

    /// Stop containers after they have run for this long, even if they are in use.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_MAX_LIFETIME",
        value_name = "DURATION",
        default_value = "never"
    )]
    #[serde(serialize_with = "as_text")]
    pub max_lifetime: TimeLimit,

    /// Remove containers after they have been stopped for this long.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_REMOVE_AFTER",
        value_name = "DURATION",
        default_value = "never"
    )]
    #[serde(serialize_with = "as_text")]
    pub remove_after: TimeLimit,

    /// Warn this long before a stop; never sends no warning.
    ///
    /// Shortened to a quarter of the limit that causes the stop.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_IDLE_WARNING",
        value_name = "DURATION",
        default_value = "5m"
    )]
    #[serde(serialize_with = "as_text")]
    pub idle_warning: TimeLimit,
}

impl LimitOptions {
    /// How many containers there may be, and how much memory each may use.
    pub fn capacity(&self) -> Capacity {
        Capacity {
            containers: self.max_containers.get(),
            memory_bytes: self.memory_limit.bytes(),
        }
    }

    /// When containers are stopped and removed.
    pub(super) fn policy(&self, rules: &[ImageRuleOptions]) -> Policy {
        Policy {
            default_idle_timeout: self.idle_timeout.into(),
            default_max_lifetime: self.max_lifetime.into(),
            default_remove_after: self.remove_after.into(),
            image_rules: rules.iter().map(ImageRuleOptions::rule).collect(),
            restart_grace: RESTART_GRACE,
            resumed_at: Timestamp::from_millis(0),
            warn_before: match self.idle_warning {
                TimeLimit::After(before) => before,
                TimeLimit::Never => Duration::ZERO,
            },
        }
    }
}

/// A table `[[image_rules]]`: limits for the containers of certain images.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRuleOptions {
    /// Which images: a reference in which `*` matches any text.
    pub image: Pattern,
    /// Their idle timeout.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_as_text")]
    pub idle_timeout: Option<TimeLimit>,
    /// The longest duration of one run.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_as_text")]
    pub max_lifetime: Option<TimeLimit>,
    /// How long they stay stopped before they are removed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_as_text")]
    pub remove_after: Option<TimeLimit>,
}

impl ImageRuleOptions {
    fn rule(&self) -> ImageRule {
        ImageRule {
            images: self.image.0.clone(),
            limits: Limits {
                idle_timeout: self.idle_timeout.map(Into::into),
                max_lifetime: self.max_lifetime.map(Into::into),
                remove_after: self.remove_after.map(Into::into),
            },
        }
    }
}
