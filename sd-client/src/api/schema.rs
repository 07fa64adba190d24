//! OpenAPI schemas of the types whose serialization utoipa cannot derive.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::{
    Actor, AppliedLimit, Cpus, EventKind, LastUse, Means, Memory, PolicySource, Reason, SignalKind,
    SignalState, Span, Status, StopReason, StopsBecause, TimeLimit, Timestamp,
};

/// A string with known values, to which later versions may add more.
fn open_enum(description: &str, values: &[&str]) -> ObjectBuilder {
    string()
        .enum_values(Some(values.iter().copied()))
        .description(Some(format!("{description} Later versions may add values.")))
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

macro_rules! schemas {
    ($($name:ident: $object:expr;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $object.build().into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

schemas! {
    Status: open_enum("The status of a container.", &["starting", "running", "paused", "stopping", "stopped"]);
    StopReason: open_enum("The reason why a container was stopped.", &["requested", "idle", "expired", "exited", "external", "failed"]);
    PolicySource: open_enum("The source of a limit, the most specific first.", &["container", "image-label", "image-rule", "default"]);
    StopsBecause: open_enum("The limit that determines when a container is stopped.", &["idle-timeout", "keep-until", "grace", "max-lifetime"]);
    SignalKind: open_enum("The kind of a signal.", &["started", "check-in", "connections", "cpu"]);
    SignalState: open_enum("Whether a signal counts as activity.", &["on", "off"]);
    EventKind: open_enum("The kind of an event.", &[
        "created", "started", "idle_warning", "extended", "changed", "paused", "resumed", "stopping", "stopped",
        "removed",
    ]);
    Means: open_enum("How a request was sent.", &["api"]);
    ReasonKind: open_enum("The kind of a reason.", &[
        "requested", "idle_timeout", "keep_until", "grace", "max_lifetime", "remove_after", "exited", "out_of_memory",
        "outside", "never_ran", "start_failed", "limits_changed", "extended_by", "kept_for", "reported_busy", "text",
    ]);
    ActorKind: open_enum("The kind of an actor.", &["client", "daemon", "container", "outside"]);
    Timestamp: string()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("RFC 3339 in UTC."))
        .examples(["2026-03-01T14:02:11.250Z"]);
    TimeLimit: string()
        .description(Some(
            "A duration with units such as 90s, 6h or 2h30m, at most 3650d; never or 0 means unlimited. A number of \
             seconds, as a JSON number or without a unit, is accepted as well.",
        ))
        .pattern(Some("^(never|[0-9]{1,8}|[0-9]{1,3}d|[0-9]{1,4}h([0-9]{1,4}m)?|[0-9]{1,5}m|[0-9]{1,8}s)$"))
        .max_length(Some(16))
        .examples(["6h"]);
    Span: string()
        .description(Some(
            "A duration with units such as 90s, 40m or 2h, from 1s to 3650d. A number of seconds, as a JSON number or \
             without a unit, is accepted as well.",
        ))
        .pattern(Some(
            "^([1-9][0-9]{0,7}|[1-9][0-9]{0,2}d|[1-9][0-9]{0,3}h([0-9]{1,4}m)?|[1-9][0-9]{0,4}m|[1-9][0-9]{0,7}s)$",
        ))
        .max_length(Some(16))
        .examples(["40m"]);
    Memory: string()
        .description(Some(
            "An amount of memory with a unit, from 6m to 1024g; k, m and g are powers of 1024. A number of bytes, as a \
             JSON number or without a unit, is accepted as well.",
        ))
        .pattern(Some("^([6-9]|[1-9][0-9]{1,3})m$|^[1-9][0-9]{0,2}g$"))
        .examples(["512m"]);
    Cpus: ObjectBuilder::new()
        .schema_type(Type::Number)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
        .description(Some("A number of cores. A text with this number is accepted as well."))
        .minimum(Some(0.01))
        .maximum(Some(1024))
        .examples([0.5]);
}

/// A map from container ports to host ports.
pub(super) fn host_ports() -> Schema {
    let port = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(65535));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(
            "The host port of each published port. Empty unless the status is running, paused or stopping.",
        ))
        .additional_properties(Some(AdditionalProperties::from(Schema::from(port.build()))))
        .examples([serde_json::json!({ "22/tcp": 49155 })])
        .into()
}

/// Environment variables.
pub(super) fn environment() -> Schema {
    let value = string().pattern(Some("^[^\\u0000]*$"));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("Environment variables."))
        .property_names(Some(string().pattern(Some("^[^=\\u0000]+$")).build()))
        .additional_properties(Some(AdditionalProperties::from(Schema::from(value.build()))))
        .into()
}

/// A command and its arguments.
pub(super) fn command() -> Schema {
    ArrayBuilder::new()
        .description(Some("Command and arguments, which replace those of the image."))
        .items(string().pattern(Some("^[^\\u0000]*$")))
        .into()
}

struct ReasonKind;
struct ActorKind;

/// Why an event happened. The kind decides which parameters there are.
#[derive(ToSchema)]
#[schema(as = Reason)]
#[expect(dead_code, reason = "only its schema is used")]
struct ReasonObject {
    /// The kind of reason.
    kind: ReasonKind,
    /// Seconds since the last use, when an idle deadline passed.
    idle_for: Option<u64>,
    /// The limit that was reached.
    limit: Option<AppliedLimit>,
    /// The last use before an idle deadline.
    last_use: Option<LastUse>,
    /// The exit code of the main process.
    code: Option<i64>,
    /// The engine's message.
    message: Option<String>,
    /// The idle timeout that a client set, in seconds; 0 means unlimited.
    idle_timeout: Option<u64>,
    /// The maximum lifetime that a client set, in seconds; 0 means unlimited.
    max_lifetime: Option<u64>,
    /// The time before removal that a client set, in seconds; 0 means unlimited.
    remove_after: Option<u64>,
    /// The length of an extension, in seconds.
    seconds: Option<u64>,
    /// The maximum lifetime, if it ends the run before the extension does.
    capped_by: Option<AppliedLimit>,
    /// The sentence that an older version recorded.
    text: Option<String>,
}

/// The actor that caused an event. Only a client has more fields than the kind.
#[derive(ToSchema)]
#[schema(as = Actor)]
#[expect(dead_code, reason = "only its schema is used")]
struct ActorObject {
    /// The kind of actor.
    kind: ActorKind,
    /// The authenticated user.
    user: Option<String>,
    /// The address of the client.
    address: Option<String>,
    /// How the request was sent.
    means: Option<Means>,
}

macro_rules! described_by {
    ($($type:ident: $object:ident;)+) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $object::schema()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                $object::schemas(schemas);
            }
        }
    )+};
}

described_by! {
    Reason: ReasonObject;
    Actor: ActorObject;
}
