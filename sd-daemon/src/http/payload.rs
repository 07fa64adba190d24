//! Bodies and queries: JSON or a form, read into the same type, with errors that name the field.

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

/// The largest body of a request to the API, in bytes.
pub(super) const LARGEST_BODY: usize = 64 * 1024;
/// The largest body of a check-in, in bytes.
pub(super) const LARGEST_REPORT: usize = 1024;
/// A peer has this long to send a body.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// A body that can be JSON or a form.
pub(super) trait Body: DeserializeOwned {
    /// Fields whose values are lists. In a form these may be repeated, and the others may not.
    const LIST_FIELDS: &'static [&'static str] = &[];
    /// The largest body, in bytes.
    const LIMIT: usize = LARGEST_BODY;
}

impl Body for CreateContainer {
    const LIST_FIELDS: &'static [&'static str] = Self::LIST_FIELDS;
}

impl Body for UpdateContainer {}

impl Body for ExtendContainer {}

impl Body for CheckIn {
    const LIMIT: usize = LARGEST_REPORT;
}

/// The body of a request.
pub(super) struct Payload<T>(pub(super) T);

impl<S: Send + Sync, T: Body> FromRequest<S> for Payload<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = media_type(&request);
        let body = tokio::time::timeout(BODY_LIMIT, Bytes::from_request(request, state))
            .await
            .map_err(|_| Problem::too_slow())?
            .map_err(|rejection| unreadable::<T>(&rejection))?;
        parse(media_type.as_deref(), &body).map(Self)
    }
}

/// Reads a body by its media type.
pub(super) fn parse<T: Body>(media_type: Option<&str>, body: &[u8]) -> Result<T, Problem> {
    let value = match media_type {
        Some("application/json") => json(body)?,
        // What `curl -d` says of everything. No field of ours begins like this.
        Some("application/x-www-form-urlencoded") if body.starts_with(b"{") => {
            return Err(Problem::mislabelled_json());
        }
        Some("application/x-www-form-urlencoded") => form(body, T::LIST_FIELDS)?,
        // A request without a body needs no type; what is missing in it is said below.
        None if body.is_empty() => Value::Object(Map::new()),
        Some(_) | None => return Err(Problem::unsupported_media_type()),
    };
    read(value)
}

/// The query of a request.
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

/// How a request calls a container.
pub(super) struct Reference(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Reference {
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

fn unreadable<T: Body>(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(T::LIMIT),
        _ => Problem::malformed("the body could not be read to its end"),
    }
}

fn json(body: &[u8]) -> Result<Value, Problem> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    let Value::Object(fields) = &value else {
        return Err(Problem::malformed("the body must be a JSON object"));
    };
    // In answers null means never, or not yet. In a request nobody could tell it from "as it is".
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
        return Err(Problem::invalid(&name, "is given more than once"));
    }
    fields.insert(name, value);
    Ok(())
}

/// Reads fields into a type. An error names the field it is about, and says what is allowed there.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        // Of a field that is missing or unknown the reason tells the name, and the path is the body.
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
    fn a_form_and_json_give_the_same_request() {
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
    fn a_field_that_is_null_is_refused_by_its_name() {
        let Err(problem) = json(br#"{ "image": "web", "idle_timeout": null }"#) else {
            panic!("it was read")
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
    fn every_name_of_the_count_is_read_but_only_one_at_a_time() {
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
