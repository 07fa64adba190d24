//! The name and the capabilities of an engine, from what it reports about itself. Pure.

use bollard::models::{SystemInfo, SystemInfoCgroupDriverEnum, SystemVersion};

use crate::engine::{Capabilities, EngineInfo};

/// The component that Podman names first in its version.
const PODMAN: &str = "Podman Engine";

/// The name and the capabilities of the engine at this address.
pub(super) fn engine_info(version: &SystemVersion, info: &SystemInfo, host: &str) -> EngineInfo {
    let components = version.components.iter().flatten();
    let is_podman = components.into_iter().any(|component| component.name == PODMAN);
    let product = if is_podman { "Podman" } else { "Docker" };
    let number = version.version.as_deref().unwrap_or_default();
    // Without the distribution's suffix: 20.10.24+dfsg1.
    let number = number.split('+').next().unwrap_or_default();
    // A rootless engine without cgroups v2 can neither limit nor freeze processes.
    let has_cgroups = info.cgroup_driver != Some(SystemInfoCgroupDriverEnum::NONE);
    EngineInfo {
        name: format!("{product} {number}").trim_end().to_owned(),
        capabilities: Capabilities {
            probe: host.starts_with("unix://"),
            pause: has_cgroups,
            rename: true,
            // Podman's compatible API does not change limits of a running container before version 5.
            update: has_cgroups && !is_podman,
            logs: true,
            pull: true,
            exec: true,
            networks: true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: serde_json::Value, info: serde_json::Value, host: &str) -> EngineInfo {
        engine_info(
            &serde_json::from_value(version).unwrap(),
            &serde_json::from_value(info).unwrap(),
            host,
        )
    }

    #[test]
    fn name_has_product_and_version() {
        let docker = serde_json::json!({
            "Version": "20.10.24+dfsg1",
            "Components": [{ "Name": "Engine", "Version": "20.10.24+dfsg1" }],
        });
        let podman = serde_json::json!({
            "Version": "5.4.2",
            "Components": [{ "Name": "Podman Engine", "Version": "5.4.2" }],
        });
        let name = |version| of(version, serde_json::json!({}), "unix:///run/x").name;
        assert_eq!(name(docker), "Docker 20.10.24");
        assert_eq!(name(podman), "Podman 5.4.2");
        assert_eq!(name(serde_json::json!({})), "Docker");
    }

    #[test]
    fn capabilities_follow_from_cgroups_and_address() {
        let of = |driver: &str, host| {
            of(
                serde_json::json!({}),
                serde_json::json!({ "CgroupDriver": driver }),
                host,
            )
            .capabilities
        };
        let local = of("systemd", "unix:///run/docker.sock");
        assert!(local.probe && local.pause && local.update);
        let rootless = of("none", "unix:///run/user/1000/docker.sock");
        assert!(!rootless.pause && !rootless.update && rootless.exec);
        assert!(!of("cgroupfs", "tcp://10.0.0.7:2375").probe);
    }
}
