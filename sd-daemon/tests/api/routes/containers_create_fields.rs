//! `POST /v1/containers` accepts no field of Docker's create body.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::{IMAGE, TestDaemon, send};

/// Every field of `HostConfig` in Docker API 1.41 to 1.53.
const HOST_CONFIG: [&str; 67] = [
    "Annotations",
    "AutoRemove",
    "Binds",
    "BlkioDeviceReadBps",
    "BlkioDeviceReadIOps",
    "BlkioDeviceWriteBps",
    "BlkioDeviceWriteIOps",
    "BlkioWeight",
    "BlkioWeightDevice",
    "CapAdd",
    "CapDrop",
    "Capabilities",
    "Cgroup",
    "CgroupParent",
    "CgroupnsMode",
    "ConsoleSize",
    "ContainerIDFile",
    "CpuCount",
    "CpuPercent",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "DeviceCgroupRules",
    "DeviceRequests",
    "Devices",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "ExtraHosts",
    "GroupAdd",
    "IOMaximumBandwidth",
    "IOMaximumIOps",
    "Init",
    "IpcMode",
    "Isolation",
    "KernelMemory",
    "KernelMemoryTCP",
    "Links",
    "LogConfig",
    "MaskedPaths",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "MemorySwappiness",
    "Mounts",
    "NanoCpus",
    "NetworkMode",
    "OomKillDisable",
    "OomScoreAdj",
    "PidMode",
    "PidsLimit",
    "PortBindings",
    "Privileged",
    "PublishAllPorts",
    "ReadonlyPaths",
    "ReadonlyRootfs",
    "RestartPolicy",
    "Runtime",
    "SecurityOpt",
    "ShmSize",
    "StorageOpt",
    "Sysctls",
    "Tmpfs",
];

/// The remaining fields of `HostConfig`, and the other fields of the create body.
const OTHERS: [&str; 26] = [
    "ArgsEscaped",
    "AttachStderr",
    "AttachStdin",
    "AttachStdout",
    "Cmd",
    "Domainname",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "HostConfig",
    "Hostname",
    "Image",
    "Labels",
    "MacAddress",
    "NetworkDisabled",
    "NetworkingConfig",
    "OnBuild",
    "OpenStdin",
    "StdinOnce",
    "StopSignal",
    "StopTimeout",
    "Tty",
    "UTSMode",
    "User",
    "UsernsMode",
];

/// Spellings that a lenient parser could accept for a field.
fn spellings(field: &str) -> [String; 3] {
    let mut snake = String::new();
    for char in field.chars() {
        if char.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(char.to_ascii_lowercase());
    }
    [field.to_owned(), field.to_ascii_lowercase(), snake]
}

/// Whether the API has a field of this name, which sets no Docker option.
fn is_api_field(spelling: &str) -> bool {
    ["image", "env", "cmd", "memory"].contains(&spelling)
}

fn with_field(name: &str, value: Value) -> Value {
    let fields = [("image".to_owned(), json!(IMAGE)), (name.to_owned(), value)];
    Value::Object(Map::from_iter(fields))
}

#[tokio::test]
async fn docker_create_fields_are_rejected_in_any_spelling() {
    let daemon = TestDaemon::without_tasks();
    for field in HOST_CONFIG.into_iter().chain(OTHERS) {
        for spelling in spellings(field)
            .into_iter()
            .filter(|spelling| !is_api_field(spelling))
        {
            for value in [
                json!(true),
                json!("host"),
                json!(["/:/host"]),
                json!({ "a": 1 }),
                json!(null),
            ] {
                let body = with_field(&spelling, value);
                assert_rejected(
                    &daemon,
                    daemon.request(Method::POST, "/v1/containers").json(&body),
                    &spelling,
                )
                .await;
            }
            let form = [("image", IMAGE), (spelling.as_str(), "host")];
            assert_rejected(
                &daemon,
                daemon.request(Method::POST, "/v1/containers").form(&form),
                &spelling,
            )
            .await;
        }
        let nested = with_field("HostConfig", json!({ field: "host" }));
        assert_rejected(
            &daemon,
            daemon.request(Method::POST, "/v1/containers").json(&nested),
            "HostConfig",
        )
        .await;
    }
    assert_eq!(daemon.engine.calls(), []);
}

async fn assert_rejected(daemon: &TestDaemon, request: reqwest::RequestBuilder, field: &str) {
    let response = send(request).await;
    assert_eq!(response.kind(), "422 malformed-request", "{field}");
    let problem = response.problem();
    assert!(problem.contains(field), "{problem} does not name {field}");
    assert_eq!(daemon.open_creations(), [], "{field}");
}

/// A reference that contains URL syntax could change the path of an engine request.
#[tokio::test]
async fn image_references_with_url_syntax_are_rejected() {
    let daemon = TestDaemon::without_tasks();
    for image in [
        "",
        "../containers/x",
        "a/../b",
        "a?b",
        "a#b",
        "a%2fb",
        "a b",
        "a//b",
        "/a",
        "a/",
        ".",
        "a:",
    ] {
        let request = daemon
            .request(Method::POST, "/v1/containers")
            .form(&[("image", image)]);
        assert_eq!(send(request).await.kind(), "422 malformed-request", "{image:?}");
    }
    assert_eq!(daemon.engine.calls(), []);
}
