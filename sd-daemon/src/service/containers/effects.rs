//! The three steps of every operation: refresh, request, run effects. The caller holds the container's lock.

use std::sync::Arc;

use super::super::ServiceError;
use super::Containers;
use super::change_log::PendingChange;
use super::locks::ContainerLock;
use crate::domain::{Caller, ContainerId, Effect, Input, Record, Refusal, RemoveMode, Request};
use crate::engine::EngineError;
use crate::registry::{Applied, RegistryError};

impl Containers {
    /// Waits for the lock of a container. See [`Locks::acquire`](super::locks::Locks::acquire).
    pub(in crate::service) async fn lock(&self, id: ContainerId) -> Result<ContainerLock, ServiceError> {
        self.locks.acquire(id).await
    }

    /// Inspects a container and brings its record up to date. An effect that the record then requires is
    /// returned, and not run yet.
    pub(in crate::service) async fn refresh(&self, id: ContainerId) -> Result<Applied, ServiceError> {
        let input = match self.engine.inspect(id).await? {
            Some(observation) => Input::Observed(observation),
            None => Input::Vanished,
        };
        self.apply(id, input).await
    }

    /// Applies the request of a client to the record. Returns an error if the container's state refuses it.
    pub(super) async fn request(
        &self,
        id: ContainerId,
        reference: &str,
        request: Request,
        by: Caller,
    ) -> Result<Applied, ServiceError> {
        match self.apply_and_log(id, Input::Requested { request, by }).await? {
            Ok(applied) => Ok(applied),
            Err(refusal) => Err(ServiceError::Refused(refusal, reference.to_owned())),
        }
    }

    /// Applies an input that no state refuses to the record.
    pub(in crate::service) async fn apply(
        &self,
        id: ContainerId,
        input: Input,
    ) -> Result<Applied, ServiceError> {
        match self.apply_and_log(id, input).await? {
            Ok(applied) => Ok(applied),
            Err(refusal) => Err(ServiceError::Bug(format!(
                "an observation was refused: {refusal:?}"
            ))),
        }
    }

    async fn apply_and_log(
        &self,
        id: ContainerId,
        input: Input,
    ) -> Result<Result<Applied, Refusal>, RegistryError> {
        let change = PendingChange::new(self.record(id), &input);
        let applied = self.registry.apply(id, input, self.policy()).await?;
        if let Ok(applied) = &applied {
            change.log(applied);
        }
        Ok(applied)
    }

    /// Runs the effect of a transition, inspects the container, and continues until no effect is left.
    ///
    /// Each kind of effect is run once. If it fails, the intent stays in the record, and reconciliation
    /// retries it later.
    pub(in crate::service) async fn run_effects(
        &self,
        id: ContainerId,
        mut applied: Applied,
    ) -> Result<Applied, ServiceError> {
        let mut attempted: Vec<Effect> = Vec::new();
        let mut failure: Option<EngineError> = None;
        while let Some(effect) = applied.effect {
            if attempted.contains(&effect) {
                let no_effect =
                    || EngineError::Rejected(format!("{effect:?} had no effect on container {id}"));
                return Err(failure.unwrap_or_else(no_effect).into());
            }
            attempted.push(effect);
            let result = self.execute_effect(id, effect).await;
            let input = self.observe_outcome(id, effect, &result).await?;
            let was_rejected = matches!(input, Input::StartRejected { .. });
            applied = self.apply(id, input).await?;
            // An error of the engine counts only if the container is not in the requested state.
            if let Err(error) = result
                && (was_rejected || applied.effect.is_some())
            {
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(applied), |error| Err(error.into()))
    }

    /// Inspects a container after an effect. Returns an error, and changes nothing, if the engine does not
    /// respond.
    async fn observe_outcome(
        &self,
        id: ContainerId,
        effect: Effect,
        result: &Result<(), EngineError>,
    ) -> Result<Input, ServiceError> {
        match (self.engine.inspect(id).await, result) {
            (Ok(None), _) => Ok(Input::Vanished),
            (
                Ok(Some(observation)),
                Err(EngineError::Rejected(message) | EngineError::NoNetwork(message)),
            ) if effect == Effect::Start && !observation.is_live() => Ok(Input::StartRejected {
                message: message.clone(),
            }),
            (Ok(Some(observation)), _) => Ok(Input::Observed(observation)),
            (Err(error), _) => Err(result.clone().err().unwrap_or(error).into()),
        }
    }

    async fn execute_effect(&self, id: ContainerId, effect: Effect) -> Result<(), EngineError> {
        let engine = &self.engine;
        match effect {
            Effect::Start => engine.start(id).await,
            Effect::Stop => engine.stop(id).await,
            Effect::Remove(RemoveMode::Force) => engine.remove(id).await,
            Effect::Remove(RemoveMode::Graceful) => match engine.stop(id).await {
                Err(error) if error.is_ambiguous() => Err(error),
                // It had its time to exit, and is removed even if it cannot be stopped.
                Ok(()) | Err(_) => engine.remove(id).await,
            },
        }
    }

    /// The record of a container as it is now.
    pub(in crate::service) fn record(&self, id: ContainerId) -> Option<Arc<Record>> {
        self.snapshot().get(id).cloned()
    }
}
