//! `/v1/containers`

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use base64::prelude::{BASE64_STANDARD, Engine};
use sd_client::api::{
    self, ContainerQuery, CreateContainer, DesiredStatus, ExtendContainer, RemoveMode, RemoveQuery, Status,
    UpdateContainer, route,
};
use sd_client::names::IDEMPOTENCY_KEY_HEADER;
use sha2::{Digest, Sha256};

use crate::domain::{self, Caller, IdempotencyKey, Limits, Name, Record, TimeLimit};
use crate::http::openapi;
use crate::http::payload::{ContainerRef, Payload, Query};
use crate::http::problem::Problem;
use crate::service::{NewContainer, Service};
use crate::wire;

/// Maximum length of an idempotency key, in bytes.
const MAX_KEY: usize = 255;

/// List the containers.
///
/// The containers that match all given parameters, newest first.
#[utoipa::path(
    get,
    path = route::CONTAINERS,
    tag = "containers",
    operation_id = "listContainers",
    params(ContainerQuery),
    responses(
        (status = 200, description = "The containers.", body = Vec<api::Container>),
        openapi::CommonProblems,
        openapi::InvalidValue,
        openapi::EngineProblems,
        openapi::RegistryProblems,
    ),
)]
pub(in crate::http) async fn list_containers(
    State(service): State<Service>,
    Query(query): Query<ContainerQuery>,
) -> Result<Json<Vec<api::Container>>, Problem> {
    let known = Status::KNOWN.map(|status| status.to_string());
    if let Some(status) = &query.status
        && !known.contains(status)
    {
        let known = known.join(", ");
        return Err(Problem::invalid(
            "status",
            format!("{status:?} is not one of {known}"),
        ));
    }
    if query.audit {
        service.reconcile_all().await?;
    }
    let (snapshot, policy) = (service.snapshot(), service.policy());
    let mut records: Vec<_> = snapshot.records().collect();
    records.sort_by_key(|record| std::cmp::Reverse((record.created_at(), record.id())));
    let containers = records.into_iter().map(|record| wire::container(record, &policy));
    Ok(Json(
        containers
            .filter(|container| matches(&query, container))
            .collect(),
    ))
}

fn matches(query: &ContainerQuery, container: &api::Container) -> bool {
    let without_slash = |name: &str| name.strip_prefix('/').unwrap_or(name).to_owned();
    query
        .status
        .as_ref()
        .is_none_or(|status| container.status.to_string() == *status)
        && query.image.as_ref().is_none_or(|image| container.image == *image)
        && query
            .name
            .as_ref()
            .is_none_or(|name| without_slash(&container.name) == without_slash(name))
}

/// Show a container.
#[utoipa::path(
    get,
    path = route::CONTAINER,
    tag = "containers",
    operation_id = "getContainer",
    params(openapi::ContainerRef),
    responses(
        (status = 200, description = "The container.", body = api::Container),
        openapi::CommonProblems,
        openapi::ReferenceProblems,
    ),
)]
pub(in crate::http) async fn show_container(
    State(service): State<Service>,
    ContainerRef(reference): ContainerRef,
) -> Result<Json<api::Container>, Problem> {
    let record = service.find(&reference)?;
    Ok(describe(&service, &record))
}

/// Create a container and start it.
///
/// The response is sent when the container runs. The body may be sent as a form as well: `env` and `cmd` are repeated
/// fields there, and an `env` field is `KEY=value`.
#[utoipa::path(
    post,
    path = route::CONTAINERS,
    tag = "containers",
    operation_id = "createContainer",
    params(openapi::IdempotencyKey),
    request_body = CreateContainer,
    responses(
        openapi::ContainerCreated,
        openapi::CommonProblems,
        openapi::ReferenceProblems,
        openapi::BodyProblems,
        openapi::EngineProblems,
        openapi::RegistryProblems,
    ),
)]
pub(in crate::http) async fn create_container(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Payload(body): Payload<CreateContainer>,
) -> Result<
    (
        StatusCode,
        [(axum::http::HeaderName, String); 1],
        Json<api::Container>,
    ),
    Problem,
> {
    let record = service
        .create(new_container(body, idempotency_key(&headers)?)?, &caller)
        .await?;
    let Json(container) = describe(&service, &record);
    Ok((
        StatusCode::CREATED,
        [(LOCATION, container.uri.clone())],
        Json(container),
    ))
}

/// Start or stop a container, or change its limits.
///
/// The response to a start is sent when the container runs, with its new ports. The response to a stop is sent
/// immediately, with the status `stopping`. A container that already has the status is not changed. The body
/// may be sent as a form as well.
#[utoipa::path(
    patch,
    path = route::CONTAINER,
    tag = "containers",
    operation_id = "updateContainer",
    params(openapi::ContainerRef),
    request_body = UpdateContainer,
    responses(
        (status = 200, description = "The container.", body = api::Container),
        openapi::CommonProblems,
        openapi::ReferenceProblems,
        openapi::BodyProblems,
        openapi::EngineProblems,
        openapi::RegistryProblems,
    ),
)]
pub(in crate::http) async fn update_container(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    ContainerRef(reference): ContainerRef,
    Payload(body): Payload<UpdateContainer>,
) -> Result<Json<api::Container>, Problem> {
    let limits = limits(body.idle_timeout, body.max_lifetime, body.remove_after);
    if body.status.is_none() && limits.is_empty() {
        return Err(Problem::invalid(
            "body",
            "nothing to change: give status, idle_timeout, max_lifetime or remove_after",
        ));
    }
    // The start or stop comes first, because it can be refused; then no limit is changed.
    let mut record = match body.status {
        Some(DesiredStatus::Running) => service.start(&reference, &caller).await?,
        Some(DesiredStatus::Stopped) => service.stop(&reference, &caller).await?,
        None => service.find(&reference)?,
    };
    if !limits.is_empty() {
        record = service.set_limits(&reference, limits, &caller).await?;
    }
    Ok(describe(&service, &record))
}

/// Postpone the stop of a container.
///
/// The stop is never postponed beyond the maximum lifetime. The body may be sent as a form as well.
#[utoipa::path(
    post,
    path = route::EXTEND,
    tag = "containers",
    operation_id = "extendContainer",
    params(openapi::ContainerRef),
    request_body = ExtendContainer,
    responses(
        (status = 200, description = "The container with the later `stops_at`.", body = api::Container),
        openapi::CommonProblems,
        openapi::ReferenceProblems,
        openapi::BodyProblems,
        openapi::EngineProblems,
        openapi::RegistryProblems,
    ),
)]
pub(in crate::http) async fn extend_container(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    ContainerRef(reference): ContainerRef,
    Payload(body): Payload<ExtendContainer>,
) -> Result<Json<api::Container>, Problem> {
    let extension = match (body.by, body.hold_for) {
        (Some(span), None) => domain::Extension::By(span.duration()),
        (None, Some(span)) => domain::Extension::For(span.duration()),
        (None, None) | (Some(_), Some(_)) => {
            return Err(Problem::invalid(
                "body",
                "give either by, to postpone the stop, or for, to keep it running from now",
            ));
        }
    };
    let record = service.extend(&reference, extension, &caller).await?;
    Ok(describe(&service, &record))
}

/// Remove a container and its anonymous volumes.
#[utoipa::path(
    delete,
    path = route::CONTAINER,
    tag = "containers",
    operation_id = "removeContainer",
    params(openapi::ContainerRef, RemoveQuery),
    responses(
        (status = 204, description = "The container is removed."),
        openapi::CommonProblems,
        openapi::ReferenceProblems,
        openapi::InvalidValue,
        openapi::EngineProblems,
        openapi::RegistryProblems,
    ),
)]
pub(in crate::http) async fn remove_container(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    ContainerRef(reference): ContainerRef,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, Problem> {
    let mode = match RemoveMode::from(query) {
        RemoveMode::Graceful => domain::RemoveMode::Graceful,
        RemoveMode::Force => domain::RemoveMode::Force,
    };
    service.remove(&reference, mode, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn describe(service: &Service, record: &Arc<Record>) -> Json<api::Container> {
    Json(wire::container(record, &service.policy()))
}

/// Validates the body of a create request.
fn new_container(body: CreateContainer, key: Option<String>) -> Result<NewContainer, Problem> {
    // A retry with the same key must have the same body. The registry keeps a digest, because it is short and the
    // environment may contain secrets.
    let parsed = serde_json::to_vec(&body).map_err(|error| Problem::invalid("body", error))?;
    let request = BASE64_STANDARD.encode(Sha256::digest(parsed));
    for (name, value) in &body.env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Problem::invalid(
                "env",
                "names must not be empty, nor contain = or a null character",
            ));
        }
        if value.contains('\0') {
            let allowed = format!("the value of {name:?} must not contain a null character");
            return Err(Problem::invalid("env", allowed));
        }
    }
    let name: Option<Name> = body
        .name
        .map(|name| name.parse())
        .transpose()
        .map_err(|invalid| Problem::invalid("name", invalid))?;
    if name.as_ref().is_some_and(Name::is_like_an_id) {
        return Err(Problem::invalid(
            "name",
            "must not be 64 hexadecimal digits, as ids are",
        ));
    }
    if body.cmd.iter().any(|argument| argument.contains('\0')) {
        return Err(Problem::invalid(
            "cmd",
            "arguments must not contain a null character",
        ));
    }
    Ok(NewContainer {
        image: body
            .image
            .parse()
            .map_err(|invalid| Problem::invalid("image", invalid))?,
        name,
        environment: body.env,
        command: body.cmd,
        memory_bytes: body.memory.map(api::Memory::bytes),
        nano_cpus: body.cpus.map(api::Cpus::nano_cpus),
        limits: limits(body.idle_timeout, body.max_lifetime, body.remove_after),
        key: key.map(|key| IdempotencyKey { key, request }),
    })
}

fn limits(
    idle_timeout: Option<api::TimeLimit>,
    max_lifetime: Option<api::TimeLimit>,
    remove_after: Option<api::TimeLimit>,
) -> Limits {
    let limit = |limit: api::TimeLimit| match limit {
        api::TimeLimit::Never => TimeLimit::Never,
        api::TimeLimit::After(duration) => TimeLimit::After(duration),
    };
    Limits {
        idle_timeout: idle_timeout.map(limit),
        max_lifetime: max_lifetime.map(limit),
        remove_after: remove_after.map(limit),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(header) = headers.get(IDEMPOTENCY_KEY_HEADER) else {
        return Ok(None);
    };
    match header.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => Err(Problem::invalid(
            "Idempotency-Key",
            "must be 1 to 255 visible ASCII characters",
        )),
    }
}
