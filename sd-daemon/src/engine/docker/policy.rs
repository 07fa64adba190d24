//! The one place that decides how containers are run.
//!
//! A request chooses the image, the name, the environment, the command and two limits. Everything else
//! is the same for every container and is written down here. Nothing in the program reads a
//! `HostConfig` from outside, so nothing else of Docker's can be reached.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use crate::engine::ContainerSpec;

/// Label that names the create a container came from.
pub(super) const OPERATION_LABEL: &str = "spin-docker.operation";
/// Label that names the registry a container belongs to.
const INSTANCE_LABEL: &str = "spin-docker.instance";

/// The filter for containers of one registry.
pub(super) fn instance_label(instance: &str) -> String {
    format!("{INSTANCE_LABEL}={instance}")
}

/// The body of the create call.
pub(super) fn container(
    spec: &ContainerSpec,
    instance: &str,
    publish_address: IpAddr,
) -> ContainerCreateBody {
    // An image may carry labels of the same names; those given here win over them.
    let labels = HashMap::from([
        (OPERATION_LABEL.to_owned(), spec.operation.to_string()),
        (INSTANCE_LABEL.to_owned(), instance.to_owned()),
    ]);
    ContainerCreateBody {
        image: Some(spec.image.to_string()),
        env: Some(spec.environment.clone()),
        cmd: (!spec.command.is_empty()).then(|| spec.command.clone()),
        labels: Some(labels),
        host_config: Some(host_config(spec, publish_address)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &ContainerSpec, publish_address: IpAddr) -> HostConfig {
    // No host port is named: the engine finds a free one at each start.
    let binding = || PortBinding {
        host_ip: Some(publish_address.to_string()),
        host_port: Some(String::new()),
    };
    let bindings = spec
        .ports
        .iter()
        .map(|port| (port.to_string(), Some(vec![binding()])))
        .collect();
    HostConfig {
        port_bindings: Some(bindings),
        // Whether a container runs is our decision alone.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        // A program in the container cannot become more than the container is.
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        privileged: Some(false),
        // A fork bomb stays inside.
        pids_limit: Some(512),
        // A container that talks without end fills 30 MB and no more.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "10m".to_owned()),
                ("max-file".to_owned(), "3".to_owned()),
            ])),
        }),
        memory: spec.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
        nano_cpus: spec
            .nano_cpus
            .and_then(|billionths| i64::try_from(billionths).ok()),
        ..HostConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ContainerPort;

    /// Whatever is sent to Docker stands here: a change to it is a change to this.
    #[test]
    fn the_body_of_a_create_is_exactly_this() {
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
        let body = container(
            &spec,
            "fedcba9876543210fedcba9876543210",
            "127.0.0.1".parse().unwrap(),
        );
        let binding = serde_json::json!([{ "HostIp": "127.0.0.1", "HostPort": "" }]);
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            serde_json::json!({
                "Image": "sd-postgres",
                "Env": ["GREETING=hello"],
                "Cmd": ["postgres", "-F"],
                "Labels": {
                    "spin-docker.operation": "0123456789abcdef0123456789abcdef",
                    "spin-docker.instance": "fedcba9876543210fedcba9876543210",
                },
                "HostConfig": {
                    "PortBindings": { "22/tcp": binding, "5432/tcp": binding },
                    "RestartPolicy": { "Name": "no" },
                    "SecurityOpt": ["no-new-privileges"],
                    "Privileged": false,
                    "PidsLimit": 512,
                    "LogConfig": { "Type": "json-file", "Config": { "max-size": "10m", "max-file": "3" } },
                    "Memory": 536_870_912_u64,
                    "NanoCpus": 500_000_000,
                },
            })
        );
    }
}
