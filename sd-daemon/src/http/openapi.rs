//! The OpenAPI document, generated from the routes, the handlers and the wire types.
//!
//! `docs/openapi.json` is the committed copy; the test `generated` compares it. `script/conformance` tests the API against
//! the document, and generates clients from it.
//!
//! Bodies are described as JSON only. The API accepts forms as well, but generators make broken clients of an operation
//! with two content types.

mod document;
mod parameters;
mod responses;

pub(super) use document::{base, to_json};
pub(super) use parameters::{ContainerRef, IdempotencyKey, LastEventId};
pub(super) use responses::{
    BodyProblems, CallerProblems, CheckInAccepted, CommonProblems, ContainerCreated, EngineProblems,
    EventStream, HealthProblems, InvalidValue, ReferenceProblems, RegistryProblems, Unavailable,
};
