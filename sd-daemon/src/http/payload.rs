//! Extractors for bodies, queries and container references.
//!
//! A body may be JSON or a form; both are read into the same type. axum's extractors cannot do that, and their errors do
//! not name the field.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use sd_client::api::{CheckIn, CreateContainer, ExtendContainer, UpdateContainer};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::Problem;

/// Maximum size of a request body, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// Maximum size of the body of a check-in, in bytes.
pub(super) const MAX_CHECK_IN: usize = 1024;
/// Timeout for a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that may be JSON or a form.
pub(super) trait Body: DeserializeOwned {
    /// Fields whose values are lists. A form may repeat these fields and no others.
    const LIST_FIELDS: &'static [&'static str] = &[];
    /// Maximum size in bytes.
    const LIMIT: usize = MAX_BODY;
}

impl Body for CreateContainer {
    const LIST_FIELDS: &'static [&'static str] = Self::LIST_FIELDS;
}

impl Body for UpdateContainer {}

impl Body for ExtendContainer {}

impl Body for CheckIn {
    const LIMIT: usize = MAX_CHECK_IN;
}

/// Extracts a body.
pub(super) struct Payload<T>(pub(super) T);

impl<S: Send + Sync, T: Body> FromRequest<S> for Payload<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = media_type(&request);
        let body = tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, state))
            .await
            .map_err(|_| Problem::body_timeout())?
            .map_err(|rejection| read_failed::<T>(&rejection))?;
        parse(media_type.as_deref(), &body).map(Self)
    }
}

/// Parses a body by its media type.
pub(super) fn parse<T: Body>(media_type: Option<&str>, body: &[u8]) -> Result<T, Problem> {
    let value = match media_type {
        Some("application/json") => json(body)?,
        // `curl -d` labels every body as a form. No field name begins with a brace.
        Some("application/x-www-form-urlencoded") if body.starts_with(b"{") => {
            return Err(Problem::mislabelled_json());
        }
        Some("application/x-www-form-urlencoded") => form(body, T::LIST_FIELDS)?,
        // An empty body needs no media type; missing fields are reported below.
        None if body.is_empty() => Value::Object(Map::new()),
        Some(_) | None => return Err(Problem::unsupported_media_type()),
    };
    read(value)
}

/// Extracts a query.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = form_pairs(parts.uri.query().unwrap_or_default().as_bytes());
        let mut fields = Map::new();
        for (name, text) in pairs {
            insert_once(&mut fields, name, Value::String(text))?;
        }
        read(Value::Object(fields)).map(Self)
    }
}

/// Extracts the container reference of a path: an id, a prefix of an id, or a name.
pub(super) struct ContainerRef(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for ContainerRef {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(reference)| Self(reference))
            .map_err(|_| Problem::malformed("the path is not UTF-8"))
    }
}

fn media_type(request: &Request) -> Option<String> {
    let full = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(
        full.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

fn read_failed<T: Body>(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(T::LIMIT),
        _ => Problem::malformed("the body ended early or has invalid chunks"),
    }
}

fn json(body: &[u8]) -> Result<Value, Problem> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    let Value::Object(fields) = &value else {
        return Err(Problem::malformed("the body must be a JSON object"));
    };
    // In responses null means never or not yet. In a request it would be indistinguishable from "unchanged".
    match fields.iter().find(|(_, value)| value.is_null()) {
        Some((name, _)) => Err(Problem::invalid(name, "must not be null: leave the field out")),
        None => Ok(value),
    }
}

fn form(body: &[u8], list_fields: &[&str]) -> Result<Value, Problem> {
    let mut fields = Map::new();
    for (name, text) in form_pairs(body) {
        if list_fields.contains(&name.as_str()) {
            let list = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(Value::String(text));
            }
        } else {
            insert_once(&mut fields, name, Value::String(text))?;
        }
    }
    Ok(Value::Object(fields))
}

fn form_pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn insert_once(fields: &mut Map<String, Value>, name: String, value: Value) -> Result<(), Problem> {
    if fields.contains_key(&name) {
        return Err(Problem::invalid(&name, "is repeated"));
    }
    fields.insert(name, value);
    Ok(())
}

/// Deserializes fields. An error names the field and what is allowed.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        // For a missing or unknown field the reason has the name and the path is that of the body.
        if path == "." {
            Problem::invalid("body", reason)
        } else {
            Problem::invalid(&path, reason)
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_form<T: Body>(text: &str) -> Result<T, Problem> {
        form(text.as_bytes(), T::LIST_FIELDS).and_then(read)
    }

    #[test]
    fn form_and_json_give_the_same_request() {
        let from_form: CreateContainer =
            read_form("image=web&env=A%3D1&env=B%3D2&cmd=sleep&cmd=60&memory=64m&cpus=0.5&idle_timeout=6h")
                .unwrap();
        let from_json: CreateContainer = read(json!({
            "image": "web", "env": { "A": "1", "B": "2" }, "cmd": ["sleep", "60"],
            "memory": 67_108_864, "cpus": 0.5, "idle_timeout": 21_600,
        }))
        .unwrap();
        assert_eq!(from_form, from_json);
    }

    #[test]
    fn null_field_is_rejected_by_name() {
        let Err(problem) = json(br#"{ "image": "web", "idle_timeout": null }"#) else {
            panic!("null was accepted")
        };
        assert!(
            format!("{problem:?}").contains("idle_timeout: must not be null: leave the field out"),
            "{problem:?}"
        );
    }

    #[test]
    fn errors_name_the_field_and_what_is_allowed() {
        let cases = [
            (
                json!({ "image": "web", "idle_timeout": "soon" }),
                "idle_timeout: \"soon\" is not a time limit: expected a duration such as",
            ),
            (
                json!({ "image": "web", "memory": "lots" }),
                "memory: \"lots\" is not an amount of memory: expected a size such as",
            ),
            (
                json!({ "image": "web", "cpus": -1 }),
                "cpus: \"-1\" is not a number of cores: expected cores such as",
            ),
            (
                json!({ "image": 5 }),
                "image: invalid type: integer `5`, expected a string",
            ),
            (
                json!({ "image": "web", "cmd": "ls" }),
                "cmd: invalid type: string \"ls\", expected a sequence",
            ),
            (
                json!({ "image": "web", "env": ["A"] }),
                "env: invalid value: string \"A\", expected an object",
            ),
            (json!({}), "body: missing field `image`"),
            (
                json!({ "image": "web", "HostConfig": {} }),
                "HostConfig: unknown field `HostConfig`, expected one of",
            ),
        ];
        for (body, expected) in cases {
            let Err(problem) = read::<CreateContainer>(body) else {
                panic!("{expected}")
            };
            let text = format!("{problem:?}");
            assert!(
                text.replace("\\\"", "\"").contains(expected),
                "{text} does not contain {expected}"
            );
        }
    }

    #[test]
    fn count_has_three_names_of_which_one_may_be_used() {
        for form in ["active-connections=3", "active=3", "active_connections=3"] {
            assert_eq!(
                read_form::<CheckIn>(form).unwrap().active_connections,
                Some(3),
                "{form}"
            );
        }
        for number in [json!(3), json!("3"), json!(3.0)] {
            let report: CheckIn = read(json!({ "active": number })).unwrap();
            assert_eq!(report.active_connections, Some(3), "{number}");
        }
        for number in [json!(3.5), json!(-1.0), json!(1e300), json!(true)] {
            assert!(read::<CheckIn>(json!({ "active": number })).is_err(), "{number}");
        }
        for form in [
            "active=1&active_connections=1",
            "active=1&active=1",
            "active=-1",
            "active=1000001",
            "active=x",
        ] {
            assert!(read_form::<CheckIn>(form).is_err(), "{form}");
        }
    }
}
