//! The `OpenAPI` document compared with the API. `script/conformance` tests the values.

use std::collections::BTreeSet;

use reqwest::Method;
use sd_client::api::route;
use serde_json::{Value, json};

use crate::support::{TestDaemon, send};

/// The document as the API serves it.
async fn document(daemon: &TestDaemon) -> Value {
    let response = send(daemon.request(Method::GET, route::OPENAPI)).await;
    assert_eq!(response.status, 200);
    response.json()
}

fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn document_has_the_crate_version() {
    let daemon = TestDaemon::start();
    let document = document(&daemon).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn served_document_is_the_committed_one() {
    let daemon = TestDaemon::start();
    let committed: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).unwrap();
    assert_eq!(document(&daemon).await, committed);
}

#[tokio::test]
async fn document_lists_exactly_the_routes() {
    let daemon = TestDaemon::start();
    let routes = include_str!("../../../../sd-client/src/api/route.rs");
    let literals = routes.split('"').skip(1).step_by(2);
    let paths: BTreeSet<String> = literals
        // A second path of the same handlers, which generators cannot express.
        .filter(|text| text.starts_with('/') && *text != route::CONTAINER_BY_SLASHED_NAME)
        .map(str::to_owned)
        .collect();
    assert_eq!(keys(&document(&daemon).await["paths"]), paths);
}

#[tokio::test]
async fn document_lists_exactly_the_allowed_methods() {
    let daemon = TestDaemon::start();
    let document = document(&daemon).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path.replace("{ref}", "no-such-container");
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            let is_described = item.get(method.as_str().to_lowercase()).is_some();
            // Only the headers: the event stream has no end.
            let response = daemon.request(method.clone(), &concrete).send().await.unwrap();
            let is_allowed = response.status() != 405;
            assert_eq!(is_allowed, is_described, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn document_states_which_operations_need_credentials() {
    let daemon = TestDaemon::start();
    let document = document(&daemon).await;
    assert_eq!(document["security"], json!([{ "password": [] }]));
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path.replace("{ref}", "no-such-container");
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            if item[method.as_str().to_lowercase()]["operationId"].is_null() {
                continue;
            }
            let is_open = operation.get("security").is_some();
            let response = daemon.anonymous(method.clone(), &concrete).send().await.unwrap();
            assert_eq!(response.status() != 401, is_open, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn schemas_have_exactly_the_fields_of_responses() {
    let daemon = TestDaemon::start();
    let schemas = document(&daemon).await["components"]["schemas"].clone();
    let container = daemon.create().await;
    let container_path = route::container(&container.container_id);
    let get = async |path: &str| send(daemon.request(Method::GET, path)).await.json();
    let activity = get(&format!("{container_path}/activity")).await;
    let cases = [
        ("Container", get(&container_path).await),
        ("Signal", activity["signals"][0].clone()),
        ("HistoryEntry", activity["history"][0].clone()),
        ("Activity", activity),
        ("Problem", get(&route::container("no-such-container")).await),
    ];
    for (name, response) in cases {
        let schema = &schemas[name];
        let required = schema["required"].as_array().unwrap().iter();
        let required: BTreeSet<_> = required.map(|name| name.as_str().unwrap().to_owned()).collect();
        assert_eq!(required, keys(&response), "{name}");
        assert_eq!(keys(&schema["properties"]), keys(&response), "{name}");
    }
}
