//! What the daemon can do to the engine, with whatever a test has put in its way.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;

use super::script::{Call, Point};
use super::world::{GATEWAY, World};
use super::{Connection, FakeEngine};
use crate::domain::{ContainerId, Exit, Image, ImageRef, Observation};
use crate::engine::{ContainerSpec, Engine, EngineError, EngineEvent, Managed};

impl FakeEngine {
    /// Writes a call down, and acts.
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
    async fn act_on(
        &self,
        id: ContainerId,
        call: Call,
        act: impl FnOnce(&mut World) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        self.call(call, |world| {
            act(world)?;
            self.tell(EngineEvent::Changed(id));
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
        assert!(panics.is_none(), "a test asked for a panic at {point:?}");
        if let Some(error) = self.script().take_fault(point) {
            return Err(error);
        }
        match *self.inner.connection.borrow() {
            Connection::Up => Ok(()),
            Connection::Down => Err(EngineError::Unavailable("the connection is cut".to_owned())),
        }
    }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn images(&self) -> Result<Vec<String>, EngineError> {
        self.call(Call::Images, |world| Ok(world.tags())).await
    }

    async fn image(&self, image: &ImageRef) -> Result<Image, EngineError> {
        self.call(Call::Image(image.clone()), |world| world.image(image))
            .await
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        self.call(Call::Create(spec.clone()), |world| {
            let id = world.create(spec)?;
            self.tell(EngineEvent::Changed(id));
            Ok(id)
        })
        .await
    }

    async fn start(&self, id: ContainerId) -> Result<(), EngineError> {
        self.act_on(id, Call::Start(id), |world| world.start(id)).await
    }

    async fn stop(&self, id: ContainerId, grace: Duration) -> Result<(), EngineError> {
        self.act_on(id, Call::Stop(id, grace), |world| world.end(id, Exit::BySignal))
            .await
    }

    async fn remove(&self, id: ContainerId) -> Result<(), EngineError> {
        self.act_on(id, Call::Remove(id), |world| {
            world.remove(id);
            Ok(())
        })
        .await
    }

    async fn inspect(&self, id: ContainerId) -> Result<Option<Observation>, EngineError> {
        let is_hidden = self.script().is_hidden(id);
        self.call(Call::Inspect(id), |world| {
            if is_hidden {
                return Err(EngineError::TimedOut(Duration::from_secs(15)));
            }
            Ok(world.observe(id))
        })
        .await
    }

    async fn managed(&self) -> Result<Vec<Managed>, EngineError> {
        self.call(Call::Managed, |world| Ok(world.managed())).await
    }

    /// Not among the calls: it asks for nothing, and tells tests nothing.
    async fn identity(&self) -> Result<String, EngineError> {
        match *self.inner.connection.borrow() {
            Connection::Up => Ok(self.world().identity()),
            Connection::Down => Err(EngineError::Unavailable("the connection is cut".to_owned())),
        }
    }

    async fn gateway(&self) -> Result<Option<IpAddr>, EngineError> {
        self.call(Call::Gateway, |_| Ok(Some(GATEWAY.into()))).await
    }

    async fn other_gateways(&self) -> Result<Vec<IpAddr>, EngineError> {
        self.call(Call::OtherGateways, |_| Ok(Vec::new())).await
    }

    fn events(&self) -> BoxStream<'static, EngineEvent> {
        let told = self.inner.told.subscribe();
        let next = told.borrow().len();
        let greeting = stream::once(wait_until_up(self.inner.connection.subscribe()));
        let rest = stream::unfold((told, next), |(mut told, next)| async move {
            let event = told
                .wait_for(|told| told.len() > next)
                .await
                .ok()
                .map(|told| told[next]);
            match event {
                Some(event) => Some((event, (told, next + 1))),
                // The engine is gone, and with it everything that could happen.
                None => std::future::pending().await,
            }
        });
        greeting.chain(rest).boxed()
    }
}

/// The first thing a listener hears, once there is a connection.
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
