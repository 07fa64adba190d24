//! The request for a new container, and the specification for the engine.

use std::collections::BTreeMap;

use sd_client::names::{CHECK_IN_TOKEN_VARIABLE, CHECK_IN_URL_VARIABLE};

use super::super::check_in_token;
use super::Creations;
use crate::domain::{IdempotencyKey, Image, ImageRef, Limits, Name, OperationId};
use crate::engine::ContainerSpec;

/// A container that a client requests.
#[derive(Clone, Debug, PartialEq)]
pub struct NewContainer {
    /// The image.
    pub image: ImageRef,
    /// The name. The engine chooses one for `None`.
    pub name: Option<Name>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Command and arguments. Empty for those of the image.
    pub command: Vec<String>,
    /// Memory limit in bytes.
    pub memory_bytes: Option<u64>,
    /// Processor limit in billionths of a core.
    pub nano_cpus: Option<u64>,
    /// Limits of this container.
    pub limits: Limits,
    /// The idempotency key: two requests with the same key create one container.
    pub key: Option<IdempotencyKey>,
}

impl Creations {
    /// The specification for the engine. Variables of the client override those of the daemon.
    pub(super) fn spec(
        &self,
        operation: OperationId,
        wanted: &NewContainer,
        image: &Image,
        check_in_url: Option<String>,
    ) -> ContainerSpec {
        let mut variables = wanted.environment.clone();
        if let Some(url) = check_in_url {
            variables.entry(CHECK_IN_URL_VARIABLE.to_owned()).or_insert(url);
        }
        let token = check_in_token::issue(operation, self.registry.secret());
        variables
            .entry(CHECK_IN_TOKEN_VARIABLE.to_owned())
            .or_insert(token);
        ContainerSpec {
            operation,
            image: wanted.image.clone(),
            name: wanted.name.clone(),
            environment: variables
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            command: wanted.command.clone(),
            memory_bytes: wanted.memory_bytes.or(self.capacity.memory_bytes),
            nano_cpus: wanted.nano_cpus,
            ports: image.published_ports(),
        }
    }
}
