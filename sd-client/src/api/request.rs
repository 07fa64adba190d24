//! Bodies and queries of requests. Unknown fields are rejected, so that a misspelled field is an error.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Cpus, Memory, Span, TimeLimit};

/// Body of `POST /v1/containers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateContainer {
    /// An image of this server, as `repo`, `repo:tag` or by its digest.
    #[cfg_attr(
        feature = "openapi",
        schema(
            min_length = 1,
            max_length = 255,
            pattern = r"^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$",
            example = "sd-postgres"
        )
    )]
    pub image: String,
    /// The name. The engine generates one if it is absent.
    #[cfg_attr(
        feature = "openapi",
        schema(nullable = false, pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]{1,254}$")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Environment variables.
    #[cfg_attr(feature = "openapi", schema(schema_with = super::schema::environment))]
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "environment"
    )]
    pub env: BTreeMap<String, String>,
    /// Command and arguments, which replace those of the image.
    #[cfg_attr(feature = "openapi", schema(schema_with = super::schema::command))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Memory limit.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// CPU limit.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// Idle timeout. If it is absent, the image's label applies, then the daemon's rule for the image, then the
    /// daemon's default. The same holds for `max_lifetime` and `remove_after`.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<TimeLimit>,
    /// Maximum duration of a run, regardless of activity.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<TimeLimit>,
    /// Duration after which the stopped container is removed.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_after: Option<TimeLimit>,
}

impl CreateContainer {
    /// The fields that may be repeated in a form body, because their values are lists.
    pub const LIST_FIELDS: &'static [&'static str] = &["cmd", "env"];

    /// A request for a container of `image` with defaults for everything else.
    pub fn of_image(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            ..Self::default()
        }
    }
}

/// Body of `PATCH /v1/containers/{ref}`: at least one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(min_properties = 1))]
pub struct UpdateContainer {
    /// `running` starts the container, `stopped` stops it.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DesiredStatus>,
    /// The new idle timeout.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<TimeLimit>,
    /// The new maximum duration of a run.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<TimeLimit>,
    /// The new duration after which the stopped container is removed.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_after: Option<TimeLimit>,
}

impl UpdateContainer {
    /// Changes the status only.
    pub fn status(status: DesiredStatus) -> Self {
        Self {
            status: Some(status),
            ..Self::default()
        }
    }
}

/// Body of `POST /v1/containers/{ref}/extend`: exactly one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(min_properties = 1, max_properties = 1))]
pub struct ExtendContainer {
    /// Postpones the stop by this duration.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Span>,
    /// Keeps the container running for this duration from now.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold_for: Option<Span>,
}

impl ExtendContainer {
    /// Postpones the stop by `span`.
    pub fn by(span: Span) -> Self {
        Self {
            by: Some(span),
            hold_for: None,
        }
    }

    /// Keeps the container running for `span` from now. Repeated requests keep it running.
    pub fn hold_for(span: Span) -> Self {
        Self {
            by: None,
            hold_for: Some(span),
        }
    }
}

/// The status that a client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DesiredStatus {
    /// Start the container and wait until it runs.
    Running,
    /// Begin to stop the container.
    Stopped,
}

/// Query of `GET /v1/containers`. Absent fields do not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct ContainerQuery {
    /// Only containers with this status.
    #[cfg_attr(feature = "openapi", param(value_type = Option<super::Status>, nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Only containers of this image, as named when they were created.
    #[cfg_attr(feature = "openapi", param(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Only the container with this name, with or without the leading slash.
    #[cfg_attr(feature = "openapi", param(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Reconcile all containers with the engine first. This does not count as activity.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "switch")]
    pub audit: bool,
}

/// Query of `DELETE /v1/containers/{ref}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct RemoveQuery {
    /// Kill the container instead of stopping it gracefully.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "switch")]
    pub force: bool,
}

/// How a running container is stopped before it is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoveMode {
    /// Send the stop signal, and kill the container after ten seconds.
    #[default]
    Graceful,
    /// Kill the container.
    Force,
}

impl From<RemoveMode> for RemoveQuery {
    fn from(mode: RemoveMode) -> Self {
        Self {
            force: mode == RemoveMode::Force,
        }
    }
}

impl From<RemoveQuery> for RemoveMode {
    fn from(query: RemoveQuery) -> Self {
        if query.force { Self::Force } else { Self::Graceful }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Parses a boolean of a query. A parameter without a value is true.
fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    const VALUES: &[&str] = &["true", "false"];
    match String::deserialize(deserializer)?.to_ascii_lowercase().as_str() {
        "true" | "1" | "" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(de::Error::unknown_variant(other, VALUES)),
    }
}

/// Parses environment variables: an object in JSON, a list of `KEY=value` in a form.
fn environment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Environment;

    impl<'de> de::Visitor<'de> for Environment {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object of strings, or KEY=value pairs")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut variables = BTreeMap::new();
            while let Some((key, value)) = map.next_entry()? {
                variables.insert(key, value);
            }
            Ok(variables)
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
            let mut variables = BTreeMap::new();
            while let Some(pair) = pairs.next_element::<String>()? {
                let (key, value) = pair
                    .split_once('=')
                    .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&pair), &self))?;
                variables.insert(key.to_owned(), value.to_owned());
            }
            Ok(variables)
        }
    }

    deserializer.deserialize_any(Environment)
}
