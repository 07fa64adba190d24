//! `/v1/containers`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use base64::prelude::{BASE64_STANDARD, Engine};
use sd_client::api::{
    self, ContainerQuery, CreateContainer, DesiredStatus, ExtendContainer, RemoveMode, RemoveQuery,
    UpdateContainer,
};
use sha2::{Digest, Sha256};

use crate::domain::{self, Extension, IdempotencyKey, Limits, Name, Record, TimeLimit};
use crate::http::payload::{Payload, Query, Reference};
use crate::http::problem::Problem;
use crate::service::{NewContainer, Service};
use crate::wire;

/// Longest key of a create, in bytes.
const LONGEST_KEY: usize = 255;

/// What the list can be filtered for.
const STATUSES: [&str; 5] = ["starting", "running", "paused", "stopping", "stopped"];

type Description = Json<api::Container>;

/// The containers that match, newest first.
pub(in crate::http) async fn list(
    State(service): State<Service>,
    Query(query): Query<ContainerQuery>,
) -> Result<Json<Vec<api::Container>>, Problem> {
    if let Some(status) = &query.status
        && !STATUSES.contains(&status.as_str())
    {
        let known = STATUSES.join(", ");
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

/// One container.
pub(in crate::http) async fn show(
    State(service): State<Service>,
    Reference(reference): Reference,
) -> Result<Description, Problem> {
    let record = service.find(&reference)?;
    Ok(describe(&service, &record))
}

/// A new container.
pub(in crate::http) async fn create(
    State(service): State<Service>,
    headers: HeaderMap,
    Payload(body): Payload<CreateContainer>,
) -> Result<(StatusCode, [(axum::http::HeaderName, String); 1], Description), Problem> {
    let record = service.create(new_container(body, key(&headers)?)?).await?;
    let container = describe(&service, &record);
    Ok((
        StatusCode::CREATED,
        [(LOCATION, container.uri.clone())],
        container,
    ))
}

/// A start, a stop, other limits.
pub(in crate::http) async fn update(
    State(service): State<Service>,
    Reference(reference): Reference,
    Payload(body): Payload<UpdateContainer>,
) -> Result<Description, Problem> {
    let limits = limits(body.idle_timeout, body.max_lifetime, body.remove_after);
    if body.status.is_none() && limits.is_empty() {
        return Err(Problem::invalid(
            "body",
            "nothing to change: give status, idle_timeout, max_lifetime or remove_after",
        ));
    }
    // First what may be refused: then nothing is changed.
    let mut record = match body.status {
        Some(DesiredStatus::Running) => service.start(&reference).await?,
        Some(DesiredStatus::Stopped) => service.stop(&reference).await?,
        None => service.find(&reference)?,
    };
    if !limits.is_empty() {
        record = service.set_limits(&reference, limits).await?;
    }
    Ok(describe(&service, &record))
}

/// A later deadline.
pub(in crate::http) async fn extend(
    State(service): State<Service>,
    Reference(reference): Reference,
    Payload(body): Payload<ExtendContainer>,
) -> Result<Description, Problem> {
    let extension = match (body.by, body.hold_for) {
        (Some(span), None) => Extension::By(span.duration()),
        (None, Some(span)) => Extension::For(span.duration()),
        (None, None) | (Some(_), Some(_)) => {
            return Err(Problem::invalid(
                "body",
                "give by, to push the deadline, or for, to keep it from now: one of the two",
            ));
        }
    };
    let record = service.extend(&reference, extension).await?;
    Ok(describe(&service, &record))
}

/// No container any more.
pub(in crate::http) async fn remove(
    State(service): State<Service>,
    Reference(reference): Reference,
    Query(query): Query<RemoveQuery>,
) -> Result<StatusCode, Problem> {
    let mode = match RemoveMode::from(query) {
        RemoveMode::Graceful => domain::RemoveMode::Graceful,
        RemoveMode::Force => domain::RemoveMode::Force,
    };
    service.remove(&reference, mode).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn describe(service: &Service, record: &Arc<Record>) -> Description {
    Json(wire::container(record, &service.policy()))
}

/// What a request asks for, checked field by field.
fn new_container(body: CreateContainer, key: Option<String>) -> Result<NewContainer, Problem> {
    // The body as it was understood is what a repetition has to repeat. Its digest is enough for that: it is short,
    // and what the environment holds is kept nowhere.
    let understood = serde_json::to_vec(&body).map_err(|error| Problem::invalid("body", error))?;
    let request = BASE64_STANDARD.encode(Sha256::digest(understood));
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

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(header) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match header.to_str() {
        Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => Err(Problem::invalid(
            "Idempotency-Key",
            "must be 1 to 255 visible ASCII characters",
        )),
    }
}
