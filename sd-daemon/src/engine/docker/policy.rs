//! The restrictions of every container.
//!
//! A request chooses the image, the name, the environment, the command and two limits. Everything else is the same for
//! every container and is defined here. No code reads a `HostConfig` from outside, so a request cannot reach any other
//! function of Docker.
//!
//! Values are set explicitly, even if they equal Docker's default, where the engine's own settings could change the
//! default. `policy/create.json` has the complete body of a create.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, PortBinding, PortMap,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};

use crate::engine::{ContainerSpec, labels};

/// The Linux capabilities of a container: those that servers need to change owners of files, switch users and manage
/// child processes. With fewer, most images that start as root fail; `docs/images.md` lists them too. Docker's default
/// has more: raw sockets (`NET_RAW`), which allow a container to forge its address, device nodes (`MKNOD`), and passing
/// capabilities on (`SETPCAP`, `SETFCAP`).
const CAPABILITIES: [&str; 9] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
    "NET_BIND_SERVICE",
    "SETGID",
    "SETUID",
    "SYS_CHROOT",
];

/// The maximum number of processes and threads in a container. It contains a fork bomb.
const MAX_PROCESSES: i64 = 512;

/// The maximum number of open files of a process. The engine's own limit may be so high that programs that iterate over
/// all descriptors take minutes to start. A rootless engine, or one in a container, cannot set a limit above its own and
/// would fail to start any container.
const MAX_OPEN_FILES: i64 = 16_384;

/// The size of `/dev/shm` in bytes. It counts towards the container's memory.
const SHARED_MEMORY: i64 = 64 << 20;

/// The filter for containers of one registry.
pub(super) fn instance_label(instance: &str) -> String {
    format!("{}={instance}", labels::INSTANCE)
}

/// The values that all containers of a daemon share.
pub(super) struct Placement<'daemon> {
    /// The identity of the daemon's registry.
    pub(super) instance: &'daemon str,
    /// The network of the containers.
    pub(super) network: &'daemon str,
    /// The host address of published ports.
    pub(super) publish_address: IpAddr,
}

/// The body of the create call.
pub(super) fn container(spec: &ContainerSpec, placement: &Placement<'_>) -> ContainerCreateBody {
    // These labels override labels of the image with the same names.
    let labels = HashMap::from([
        (labels::OPERATION.to_owned(), spec.operation.to_string()),
        (labels::INSTANCE.to_owned(), placement.instance.to_owned()),
    ]);
    ContainerCreateBody {
        image: Some(spec.image.to_string()),
        env: Some(spec.environment.clone()),
        cmd: (!spec.command.is_empty()).then(|| spec.command.clone()),
        labels: Some(labels),
        // The daemon does not use health checks. An image could request one every millisecond, and each costs the engine a
        // process.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        host_config: Some(host_config(spec, placement)),
        ..ContainerCreateBody::default()
    }
}

/// The resources of the host. Docker's default for the other fields is none: no mount, no device, no namespace of the
/// host.
fn host_config(spec: &ContainerSpec, placement: &Placement<'_>) -> HostConfig {
    let memory = spec.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok());
    HostConfig {
        // At most 16 of the ports that the image exposes; `PublishAllPorts` would have no limit.
        network_mode: Some(placement.network.to_owned()),
        port_bindings: Some(port_bindings(spec, placement.publish_address)),
        publish_all_ports: Some(false),

        // Privileges. A program cannot gain more than the container has. Namespaces of the host and of other containers
        // are not shared.
        privileged: Some(false),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
        ipc_mode: Some("private".to_owned()),

        // Resources. The memory limit includes swap: a container that exceeds it is killed instead of slowing the host
        // down.
        memory,
        memory_swap: memory,
        nano_cpus: spec
            .nano_cpus
            .and_then(|billionths| i64::try_from(billionths).ok()),
        pids_limit: Some(MAX_PROCESSES),
        shm_size: Some(SHARED_MEMORY),
        ulimits: Some(vec![
            ulimit("nofile", MAX_OPEN_FILES),
            // Core dumps would fill the disk of the host.
            ulimit("core", 0),
        ]),

        // The log of a container takes at most 30 MB.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "10m".to_owned()),
                ("max-file".to_owned(), "3".to_owned()),
            ])),
        }),

        // Only the daemon decides whether a container runs or is removed. The main process is the image's own and not
        // Docker's `Init`: some images have an init that must be process 1.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        auto_remove: Some(false),
        ..HostConfig::default()
    }
}

/// The host ports are left to the engine, which picks free ones at each start.
fn port_bindings(spec: &ContainerSpec, publish_address: IpAddr) -> PortMap {
    let binding = || PortBinding {
        host_ip: Some(publish_address.to_string()),
        host_port: Some(String::new()),
    };
    let bindings = spec.ports.iter();
    bindings
        .map(|port| (port.to_string(), Some(vec![binding()])))
        .collect()
}

fn ulimit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(value),
        hard: Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ContainerPort;

    /// The file is reviewed with every change of the policy.
    #[test]
    fn create_body_equals_the_committed_file() {
        let spec = ContainerSpec {
            operation: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            image: "sd-postgres".parse().unwrap(),
            name: Some("hungry_bell".parse().unwrap()),
            environment: vec!["GREETING=hello".to_owned()],
            command: vec!["postgres".to_owned(), "-F".to_owned()],
            memory_bytes: Some(512 << 20),
            nano_cpus: Some(500_000_000),
            ports: vec![ContainerPort::SSH, ContainerPort::tcp(5432)],
        };
        let placement = Placement {
            instance: "fedcba9876543210fedcba9876543210",
            network: "spin-docker",
            publish_address: "127.0.0.1".parse().unwrap(),
        };
        // A `Value` sorts the keys.
        let body = serde_json::to_value(container(&spec, &placement)).unwrap();
        let committed: serde_json::Value = serde_json::from_str(include_str!("policy/create.json")).unwrap();
        assert_eq!(body, committed, "\n{body:#}");
    }

    #[test]
    fn container_without_limits_still_has_the_fixed_ones() {
        let spec = ContainerSpec {
            operation: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            image: "sd-postgres".parse().unwrap(),
            name: None,
            environment: Vec::new(),
            command: Vec::new(),
            memory_bytes: None,
            nano_cpus: None,
            ports: Vec::new(),
        };
        let placement = Placement {
            instance: "fedcba9876543210fedcba9876543210",
            network: "spin-docker",
            publish_address: "127.0.0.1".parse().unwrap(),
        };
        let body = container(&spec, &placement);
        assert_eq!(body.cmd, None, "the image's own");
        let host = body.host_config.unwrap();
        assert_eq!(
            (host.memory, host.memory_swap, host.nano_cpus),
            (None, None, None)
        );
        assert_eq!(host.pids_limit, Some(512));
        assert_eq!(host.port_bindings, Some(HashMap::new()));
    }
}
