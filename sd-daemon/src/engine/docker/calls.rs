//! Calls that several operations need.

use std::time::Duration;

use bollard::Docker;

use super::DockerEngine;
use super::connection::RawRequest;
use super::error::CallError;
use super::inspection::{self, Inspection, Summary};
use super::{convert, limits, network, policy};
use crate::domain::{ContainerId, LiveState, ObservedState};
use crate::engine::{Engine, EngineError, labels};

/// The interval between inspections while the daemon waits for another program's removal.
const REMOVAL_POLL: Duration = Duration::from_millis(100);

impl DockerEngine {
    /// Makes one typed call within a limit.
    pub(super) async fn call<T>(
        &self,
        limit: Duration,
        call: impl AsyncFnOnce(Docker) -> Result<T, bollard::errors::Error>,
    ) -> Result<T, CallError> {
        self.connection.call(limit, call).await
    }

    /// Sends one start request.
    pub(super) async fn send_start(&self, id: ContainerId) -> Result<(), CallError> {
        let id = id.to_string();
        self.call(limits::START, async |docker| {
            docker.start_container(&id, None).await
        })
        .await
    }

    /// Inspects a container; returns `None` if the engine does not have it.
    ///
    /// Docker resolves an id that it does not have as a name. A container with such a name is not the wanted one.
    pub(super) async fn find(&self, id: ContainerId) -> Result<Option<Inspection>, EngineError> {
        let request = RawRequest::get(format!("/containers/{id}/json"));
        let reply = self.connection.fetch(limits::READ, request).await?;
        let Some(body) = reply.found()? else {
            return Ok(None);
        };
        let found: Inspection = inspection::parse(&body)?;
        match found.id.as_deref().and_then(convert::container_id) {
            Some(other) if other != id => Ok(None),
            Some(_) => Ok(Some(found)),
            // The response proves neither presence nor absence.
            None => Err(CallError::invalid("the inspection has no container id").into()),
        }
    }

    /// Maps the refusal of a call about a container: reports a missing container as such.
    pub(super) async fn refusal(&self, id: ContainerId, refused: CallError) -> EngineError {
        if !refused.has_status(404) {
            return refused.into();
        }
        match self.find(id).await {
            Ok(None) => EngineError::NoSuchContainer,
            Ok(Some(_)) => refused.into(),
            Err(error) => error,
        }
    }

    /// Decides the outcome of a refused pause or unpause: it succeeded if the container is in the wanted state.
    pub(super) async fn settle(
        &self,
        id: ContainerId,
        wanted: LiveState,
        refused: CallError,
    ) -> Result<(), EngineError> {
        if !matches!(refused, CallError::Answer { .. }) {
            return Err(refused.into());
        }
        match self.inspect(id).await?.map(|seen| seen.state) {
            None => Err(EngineError::NoSuchContainer),
            Some(ObservedState::Live { state, .. }) if state == wanted => Ok(()),
            Some(ObservedState::Created | ObservedState::Ended { .. }) => Err(EngineError::NotRunning),
            Some(ObservedState::Live { .. } | ObservedState::Unknown) => Err(refused.into()),
        }
    }

    /// Whether a container cannot start because its network was removed since. Docker stores the name and the id
    /// of the network with the container.
    pub(super) async fn has_lost_its_network(&self, id: ContainerId) -> Result<bool, EngineError> {
        let settings = self.find(id).await?.and_then(|found| found.network_settings);
        let networks = settings.and_then(|settings| settings.networks);
        let Some(endpoint) = networks.and_then(|mut networks| networks.remove(self.network.name().as_str()))
        else {
            return Ok(false);
        };
        let present = network::inspect(&self.connection, self.network.name()).await?;
        let remembered = endpoint.network_id.filter(|id| !id.is_empty());
        Ok(present.is_none_or(|network| remembered.is_some() && network.id != remembered))
    }

    pub(super) async fn is_being_removed(&self, id: ContainerId) -> Result<bool, EngineError> {
        let found = self.find(id).await?;
        Ok(found.is_none_or(|found| convert::is_being_removed(&found)))
    }

    /// Waits until a container is gone that another program is removing.
    pub(super) async fn wait_until_gone(&self, id: ContainerId) -> Result<(), EngineError> {
        let gone = async {
            while self.find(id).await?.is_some() {
                tokio::time::sleep(REMOVAL_POLL).await;
            }
            Ok(())
        };
        tokio::time::timeout(limits::FOREIGN_REMOVAL, gone)
            .await
            .unwrap_or(Err(EngineError::TimedOut(limits::FOREIGN_REMOVAL)))
    }

    /// The containers with this registry's instance label, in any state.
    pub(super) async fn of_this_instance(&self) -> Result<Vec<Summary>, EngineError> {
        self.with_label(policy::instance_label(&self.instance)).await
    }

    /// The containers with an instance label, in any state.
    pub(super) async fn of_any_instance(&self) -> Result<Vec<Summary>, EngineError> {
        self.with_label(labels::INSTANCE.to_owned()).await
    }

    async fn with_label(&self, label: String) -> Result<Vec<Summary>, EngineError> {
        let filters = serde_json::json!({ "label": [label] }).to_string();
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("all", "true")
            .append_pair("filters", &filters)
            .finish();
        let request = RawRequest::get(format!("/containers/json?{query}"));
        let reply = self.connection.fetch(limits::LIST, request).await?;
        match reply.found()? {
            Some(body) => Ok(inspection::parse(&body)?),
            None => Err(CallError::invalid("the engine has no list of containers").into()),
        }
    }
}
