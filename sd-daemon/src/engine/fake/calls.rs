//! The calls of the daemon, with the faults that a test has requested.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;

use super::engine::Connection;
use super::script::{Call, Point};
use super::world::{GATEWAY, World};
use super::{FakeEngine, exec};
use crate::domain::{ContainerId, Exit, Image, ImageRef, LiveState, Observation};
use crate::engine::{
    Capabilities, ContainerSpec, Engine, EngineError, EngineEvent, EngineInfo, ExecSession, ExecSpec,
    LabelledContainer, LogChunk, LogQuery, Managed, PullProgress,
};

impl FakeEngine {
    /// Records a call and acts on the containers.
    async fn call<T>(
        &self,
        call: Call,
        act: impl FnOnce(&mut World) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let action = call.action();
        self.script().calls.push(call);
        self.pass(Point::Before(action)).await?;
        let result = act(&mut self.world());
        self.pass(Point::After(action)).await?;
        result
    }

    /// A call that changes a container.
    async fn change_container(
        &self,
        id: ContainerId,
        call: Call,
        act: impl FnOnce(&mut World) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        self.call(call, |world| {
            act(world)?;
            self.publish(EngineEvent::Changed(id));
            Ok(())
        })
        .await
    }

    async fn pass(&self, point: Point) -> Result<(), EngineError> {
        let gate = self.script().arrive(point);
        if let Some(gate) = gate {
            gate.opened().await;
        }
        let panics = self.script().take_panic(point);
        assert!(panics.is_none(), "the test requested a panic at {point:?}");
        if let Some(error) = self.script().take_fault(point) {
            return Err(error);
        }
        self.require_connection()
    }

    fn require_connection(&self) -> Result<(), EngineError> {
        match *self.inner.connection.borrow() {
            Connection::Up => Ok(()),
            Connection::Down => Err(EngineError::Unavailable("the connection is cut".to_owned())),
        }
    }
}

#[async_trait]
impl Engine for FakeEngine {
    /// Not recorded, because it changes nothing.
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        self.require_connection()?;
        Ok(EngineInfo {
            name: "Fake 1.0".to_owned(),
            capabilities: Capabilities {
                probe: true,
                pause: true,
                rename: true,
                update: true,
                logs: true,
                pull: true,
                exec: true,
                networks: true,
            },
        })
    }

    /// Not recorded, because it changes nothing.
    async fn identity(&self) -> Result<String, EngineError> {
        self.require_connection()?;
        Ok(self.world().identity())
    }

    async fn images(&self) -> Result<Vec<String>, EngineError> {
        self.call(Call::Images, |world| Ok(world.tags())).await
    }

    async fn image(&self, image: &ImageRef) -> Result<Image, EngineError> {
        self.call(Call::Image(image.clone()), |world| world.image(image))
            .await
    }

    async fn pull(
        &self,
        image: &ImageRef,
    ) -> Result<BoxStream<'static, Result<PullProgress, EngineError>>, EngineError> {
        self.call(Call::Pull(image.clone()), |world| world.pull(image))
            .await?;
        let done = PullProgress {
            layer: None,
            status: "Pull complete".to_owned(),
            current: None,
            total: None,
        };
        Ok(stream::iter([Ok(done)]).boxed())
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        self.call(Call::Create(spec.clone()), |world| {
            let id = world.create(spec)?;
            self.publish(EngineEvent::Changed(id));
            Ok(id)
        })
        .await
    }

    async fn start(&self, id: ContainerId) -> Result<(), EngineError> {
        self.change_container(id, Call::Start(id), |world| world.start(id))
            .await
    }

    async fn stop(&self, id: ContainerId, grace: Duration) -> Result<(), EngineError> {
        self.change_container(id, Call::Stop(id, grace), |world| world.end(id, Exit::Killed))
            .await
    }

    async fn pause(&self, id: ContainerId) -> Result<(), EngineError> {
        self.change_container(id, Call::Pause(id), |world| {
            world.set_live_state(id, LiveState::Paused)
        })
        .await
    }

    async fn unpause(&self, id: ContainerId) -> Result<(), EngineError> {
        self.change_container(id, Call::Unpause(id), |world| {
            world.set_live_state(id, LiveState::Running)
        })
        .await
    }

    async fn remove(&self, id: ContainerId) -> Result<(), EngineError> {
        self.change_container(id, Call::Remove(id), |world| {
            world.remove(id);
            Ok(())
        })
        .await
    }

    async fn inspect(&self, id: ContainerId) -> Result<Option<Observation>, EngineError> {
        let is_blocked = self.script().is_blocked(id);
        self.call(Call::Inspect(id), |world| {
            if is_blocked {
                return Err(EngineError::TimedOut(Duration::from_secs(15)));
            }
            Ok(world.observe(id))
        })
        .await
    }

    async fn logs(
        &self,
        id: ContainerId,
        query: LogQuery,
    ) -> Result<BoxStream<'static, Result<LogChunk, EngineError>>, EngineError> {
        let position = self
            .call(Call::Logs(id), |world| world.log_position(id, query))
            .await?;
        let changes = self.inner.changes.subscribe();
        let state = (self.clone(), changes, position);
        let chunks = stream::unfold(state, move |(engine, mut changes, position)| async move {
            loop {
                changes.mark_unchanged();
                let (chunk, is_live) = engine.world().log_chunk(id, position);
                if let Some(chunk) = chunk {
                    return Some((Ok(chunk), (engine, changes, position + 1)));
                }
                if !query.follow || !is_live || changes.changed().await.is_err() {
                    return None;
                }
            }
        });
        Ok(chunks.boxed())
    }

    async fn exec(&self, id: ContainerId, spec: &ExecSpec) -> Result<ExecSession, EngineError> {
        self.call(Call::Exec(id, spec.clone()), |world| {
            world.require_running(id)?;
            exec::run(spec)
        })
        .await
    }

    async fn managed(&self) -> Result<Vec<Managed>, EngineError> {
        self.call(Call::Managed, |world| Ok(world.managed())).await
    }

    async fn labelled(&self) -> Result<Vec<LabelledContainer>, EngineError> {
        self.call(Call::Labelled, |world| Ok(world.labelled())).await
    }

    async fn gateway(&self) -> Result<Option<IpAddr>, EngineError> {
        self.call(Call::Gateway, |_| Ok(Some(GATEWAY.into()))).await
    }

    async fn other_gateways(&self) -> Result<Vec<IpAddr>, EngineError> {
        self.call(Call::OtherGateways, |_| Ok(Vec::new())).await
    }

    fn events(&self) -> BoxStream<'static, EngineEvent> {
        let events = self.inner.events.subscribe();
        let next = events.borrow().len();
        let first = stream::once(wait_until_up(self.inner.connection.subscribe()));
        let rest = stream::unfold((events, next), |(mut events, next)| async move {
            let event = events
                .wait_for(|events| events.len() > next)
                .await
                .ok()
                .map(|events| events[next]);
            match event {
                Some(event) => Some((event, (events, next + 1))),
                // The engine was dropped; a stream of events never ends.
                None => std::future::pending().await,
            }
        });
        first.chain(rest).boxed()
    }
}

/// The first event of a subscriber, once the connection is up.
async fn wait_until_up(mut connection: watch::Receiver<Connection>) -> EngineEvent {
    let is_up = connection
        .wait_for(|connection| *connection == Connection::Up)
        .await
        .is_ok();
    if is_up {
        EngineEvent::Resync
    } else {
        std::future::pending().await
    }
}
