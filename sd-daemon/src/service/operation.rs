//! Start, stop, remove: operations on a container that exists.

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::Instrument;

use super::{STOP_GRACE, Service, ServiceError, acquire_engine_slot};
use crate::domain::{
    Caller, ContainerId, Due, Effect, Extension, Input, Lifecycle, Limits, Record, RemoveMode, Request,
};
use crate::engine::EngineError;
use crate::registry::Applied;

impl Service {
    /// Starts a container and waits until it runs. A stop that is under way ends first.
    pub async fn start(&self, reference: &str) -> Result<Arc<Record>, ServiceError> {
        let (service, reference) = (self.clone(), reference.to_owned());
        self.run(async move {
            let id = service.find(&reference)?.id();
            let _held = service.inner.locks.acquire(id).await?;
            let mut looked = service.refresh(id).await?;
            if matches!(looked.lifecycle(), Some(Lifecycle::Stopping { .. })) {
                looked = service.run_effects(id, looked).await?;
            }
            if looked.record.is_none() {
                return Err(ServiceError::NotFound(reference));
            }
            let wished = service.request(id, &reference, requested(Request::Start)).await?;
            let settled = service.run_effects(id, wished).await?;
            settled.record.ok_or(ServiceError::NotFound(reference))
        })
        .await
    }

    /// Begins to stop a container. The answer shows it stopping, or already at rest.
    pub async fn stop(&self, reference: &str) -> Result<Arc<Record>, ServiceError> {
        let record = self.find(reference)?;
        if matches!(record.lifecycle(), Lifecycle::Stopping { .. }) {
            // Whoever stops it holds the lock for seconds; what is under way is what is asked for.
            return Ok(record);
        }
        let (answer, answered) = oneshot::channel();
        let (service, name) = (self.clone(), reference.to_owned());
        let stopping = async move {
            let id = record.id();
            let _held = match service.inner.locks.acquire(id).await {
                Ok(held) => held,
                Err(busy) => return drop(answer.send(Err(busy))),
            };
            let wished = match service.refresh(id).await {
                Ok(Applied { record: None, .. }) => Err(ServiceError::NotFound(name)),
                Ok(_) => service.request(id, &name, requested(Request::Stop)).await,
                Err(error) => Err(error),
            };
            let wished = match wished {
                Ok(wished) => wished,
                Err(error) => return drop(answer.send(Err(error))),
            };
            // The caller may have gone, which changes nothing.
            drop(answer.send(Ok(wished.record.clone())));
            service.run_effects_or_log(id, wished, "stop").await;
        };
        self.inner.operations.spawn(stopping.in_current_span());
        match answered.await {
            Ok(Ok(record)) => record.ok_or_else(|| ServiceError::NotFound(reference.to_owned())),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ServiceError::Bug("a stop ended without an answer".to_owned())),
        }
    }

    /// Warns of the stop of a container, stops or removes it, if it still is due for that in the run of this
    /// generation.
    ///
    /// Before anything is done about a container it is looked at once more, from the host too: however
    /// seldom that happens otherwise, nothing is stopped that is in use.
    pub(crate) async fn apply_deadline(
        &self,
        id: ContainerId,
        generation: u64,
        due: Due,
    ) -> Result<(), ServiceError> {
        let service = self.clone();
        self.run(async move {
            let _held = service.inner.locks.acquire(id).await?;
            if due != Due::Warning {
                service.refresh(id).await?;
            }
            if due != Due::Removal {
                service.probe_now(id).await;
            }
            let input = Input::Due { due, generation };
            let wished = service.apply(id, input).await?;
            if let (Some(effect), Some(record)) = (wished.effect, &wished.record) {
                tracing::info!(container = %id, name = record.name().as_str(), ?effect, "due");
            }
            service.run_effects(id, wished).await.map(drop)
        })
        .await
    }

    /// Pushes the deadline of a container. The engine is not asked.
    pub async fn extend(&self, reference: &str, extension: Extension) -> Result<Arc<Record>, ServiceError> {
        let id = self.find(reference)?.id();
        let wished = self
            .request(id, reference, requested(Request::Extend(extension)))
            .await?;
        wished
            .record
            .ok_or_else(|| ServiceError::NotFound(reference.to_owned()))
    }

    /// Removes a container with its anonymous volumes, and waits until it is gone.
    pub async fn remove(&self, reference: &str, mode: RemoveMode) -> Result<(), ServiceError> {
        let (service, reference) = (self.clone(), reference.to_owned());
        self.run(async move {
            let id = service.find(&reference)?.id();
            let _held = service.inner.locks.acquire(id).await?;
            // Whoever waited behind another removal finds nothing left.
            service
                .snapshot()
                .get(id)
                .ok_or_else(|| ServiceError::NotFound(reference.clone()))?;
            service.refresh(id).await?;
            let wished = service
                .request(id, &reference, requested(Request::Remove(mode)))
                .await?;
            service.run_effects(id, wished).await.map(drop)
        })
        .await
    }

    /// Gives a container limits of its own. The engine is not asked.
    pub async fn set_limits(&self, reference: &str, limits: Limits) -> Result<Arc<Record>, ServiceError> {
        let id = self.find(reference)?.id();
        let wished = self
            .request(id, reference, requested(Request::SetLimits(limits)))
            .await?;
        wished
            .record
            .ok_or_else(|| ServiceError::NotFound(reference.to_owned()))
    }

    /// Inspects a container and brings its row up to date. What the row then asks for is not done yet.
    pub(super) async fn refresh(&self, id: ContainerId) -> Result<Applied, ServiceError> {
        let input = match self.inspect(id).await? {
            Some(observation) => Input::Observed(observation),
            None => Input::Vanished,
        };
        let applied = self.apply(id, input).await?;
        Ok(applied)
    }

    /// Lets somebody's wish happen to a container, and says in words why it cannot.
    async fn request(&self, id: ContainerId, reference: &str, input: Input) -> Result<Applied, ServiceError> {
        match self.inner.registry.apply(id, input, self.policy()).await? {
            Ok(applied) => Ok(applied),
            Err(refusal) => Err(ServiceError::Refused(refusal, reference.to_owned())),
        }
    }

    /// Lets something happen to a container that no state refuses.
    pub(super) async fn apply(&self, id: ContainerId, input: Input) -> Result<Applied, ServiceError> {
        match self.inner.registry.apply(id, input, self.policy()).await? {
            Ok(applied) => Ok(applied),
            Err(refusal) => Err(ServiceError::Bug(format!(
                "an observation was refused: {refusal:?}"
            ))),
        }
    }

    /// Does what a step asked for, looks, and goes on until nothing is left to do.
    ///
    /// Each kind of effect is tried once. One that failed stays an intent, which reconciliation takes up
    /// again later.
    pub(super) async fn run_effects(
        &self,
        id: ContainerId,
        mut applied: Applied,
    ) -> Result<Applied, ServiceError> {
        let mut tried: Vec<Effect> = Vec::new();
        let mut failure: Option<EngineError> = None;
        while let Some(effect) = applied.effect {
            if tried.contains(&effect) {
                let stuck = || EngineError::Rejected(format!("{effect:?} had no effect on container {id}"));
                return Err(failure.unwrap_or_else(stuck).into());
            }
            tried.push(effect);
            let acted = self.execute_effect(id, effect).await;
            let input = match (self.inspect(id).await, &acted) {
                (Ok(None), _) => Input::Vanished,
                (Ok(Some(seen)), Err(EngineError::Rejected(message) | EngineError::NoNetwork(message)))
                    if effect == Effect::Start && !seen.is_live() =>
                {
                    Input::StartRejected {
                        message: message.clone(),
                    }
                }
                (Ok(Some(seen)), _) => Input::Observed(seen),
                // What is unknown stays as it is.
                (Err(error), _) => return Err(acted.err().unwrap_or(error).into()),
            };
            let was_refused = matches!(input, Input::StartRejected { .. });
            applied = self.apply(id, input).await?;
            // Whatever the engine answered, if it answered at all: what counts is what came of it.
            if let Err(error) = acted
                && (was_refused || applied.effect.is_some())
            {
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(applied), |error| Err(error.into()))
    }

    /// Carries out what a step asked for when nobody waits for the result.
    pub(super) async fn run_effects_or_log(&self, id: ContainerId, applied: Applied, what: &'static str) {
        if let Err(error) = self.run_effects(id, applied).await {
            tracing::warn!(container = %id, %error, "failed to {what}; it will be tried again");
        }
    }

    async fn execute_effect(&self, id: ContainerId, effect: Effect) -> Result<(), EngineError> {
        let engine = &self.inner.engine;
        match effect {
            Effect::Start => {
                let _permit = acquire_engine_slot(&self.inner.starts).await?;
                engine.start(id).await
            }
            Effect::Stop => engine.stop(id, STOP_GRACE).await,
            Effect::Remove(RemoveMode::Force) => engine.remove(id).await,
            Effect::Remove(RemoveMode::Graceful) => match engine.stop(id, STOP_GRACE).await {
                Err(error) if error.is_ambiguous() => Err(error),
                // Whatever keeps it from stopping, it has had its time to end by itself.
                Ok(()) | Err(_) => engine.remove(id).await,
            },
        }
    }
}

/// A request of a client that the HTTP layer does not identify yet.
fn requested(request: Request) -> Input {
    Input::Requested {
        request,
        by: Caller::unidentified(),
    }
}

impl Applied {
    fn lifecycle(&self) -> Option<&Lifecycle> {
        self.record.as_ref().map(|record| record.lifecycle())
    }
}
