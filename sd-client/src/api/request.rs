//! What requests carry: bodies and queries. Unknown fields are refused, so that a typing error is
//! an error and not a silently missing setting.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Cpus, Memory, Span, TimeLimit};

/// Body of `POST /v1/containers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateContainer {
    /// The image to run, one that the server has.
    pub image: String,
    /// A name for the container; the engine picks one when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Environment variables.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "environment"
    )]
    pub env: BTreeMap<String, String>,
    /// Command and arguments instead of the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Memory limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Processor limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// Idle timeout of this container. When it is absent the image's label applies, then the daemon's
    /// rule for the image, then its default; so it is with the next two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<TimeLimit>,
    /// How long a run may last, however much it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<TimeLimit>,
    /// How long it may be at rest before it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_after: Option<TimeLimit>,
}

impl CreateContainer {
    /// Field names whose values are lists in a form body, where a list is a repeated field.
    pub const LIST_FIELDS: &'static [&'static str] = &["cmd", "env"];

    /// A request for a container of an image, with everything else left to the daemon.
    pub fn of_image(image: impl Into<String>) -> Self {
        Self {
            image: image.into(),
            ..Self::default()
        }
    }
}

/// Body of `PATCH /v1/containers/{ref}`: at least one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateContainer {
    /// What the container should be doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DesiredStatus>,
    /// The new idle timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<TimeLimit>,
    /// How long a run may last from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<TimeLimit>,
    /// How long it may be at rest from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_after: Option<TimeLimit>,
}

impl UpdateContainer {
    /// A request for another status, and nothing else.
    pub fn status(status: DesiredStatus) -> Self {
        Self {
            status: Some(status),
            ..Self::default()
        }
    }
}

/// Body of `POST /v1/containers/{ref}/extend`: exactly one of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendContainer {
    /// Stop it this much later than it would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Span>,
    /// Do not stop it for this long from now.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold_for: Option<Span>,
}

impl ExtendContainer {
    /// Stop it this much later than it would be.
    pub fn by(span: Span) -> Self {
        Self {
            by: Some(span),
            hold_for: None,
        }
    }

    /// Do not stop it for this long from now. Repeating this holds a container up.
    pub fn hold_for(span: Span) -> Self {
        Self {
            by: None,
            hold_for: Some(span),
        }
    }
}

/// What a container can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DesiredStatus {
    /// Start it, and wait until it runs.
    Running,
    /// Begin to stop it.
    Stopped,
}

/// Query of `GET /v1/containers`. What is absent does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerQuery {
    /// Only containers of this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Only containers of this image, as named at creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Only the container of this name, with or without the slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Ask the engine about every container first.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "switch")]
    pub audit: bool,
}

/// Query of `DELETE /v1/containers/{ref}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveQuery {
    /// Kill instead of a graceful stop.
    #[serde(default, skip_serializing_if = "is_false", deserialize_with = "switch")]
    pub force: bool,
}

/// How a running container ends before it is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoveMode {
    /// It is asked to end, and killed when it has not within ten seconds.
    #[default]
    Graceful,
    /// It is killed at once.
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

/// A query has only text; naming a switch turns it on.
fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    const WORDS: &[&str] = &["true", "false"];
    match String::deserialize(deserializer)?.to_ascii_lowercase().as_str() {
        "true" | "1" | "" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(de::Error::unknown_variant(other, WORDS)),
    }
}

/// An object in JSON; in a form a list of `KEY=value`.
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
