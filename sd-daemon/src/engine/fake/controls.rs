//! What a test can do to the engine.

use std::sync::Arc;

use super::FakeEngine;
use super::engine::{Connection, Delivery};
use super::script::{Call, Hold, Point};
use super::world::World;
use crate::domain::{ContainerId, Exit, Image, LiveState, Name, Observation, OperationId};
use crate::engine::{EngineError, EngineEvent};

/// An engine that does not answer any more, because another one does.
pub struct FormerEngine(World);

impl FakeEngine {
    /// Gives the engine an image, such as `sd-postgres:latest`, whose containers have one anonymous volume.
    pub fn add_image(&self, tag: &str, image: Image) {
        self.world().add_image(tag, image);
    }

    /// Makes an image available to pulls, such as `sd-postgres:latest`.
    pub fn add_remote_image(&self, tag: &str, image: Image) {
        self.world().add_remote_image(tag, image);
    }

    /// Another engine answers from here on, which has no container; gives what this one had, to be put back.
    pub fn become_another(&self, identity: &str) -> FormerEngine {
        let another = self.world().another(identity);
        FormerEngine(std::mem::replace(&mut *self.world(), another))
    }

    /// From here on it says to be another one whenever it is asked, as some engines do.
    pub fn forget_identity(&self) {
        self.world().forget_identity();
    }

    /// The engine that there was before answers again.
    pub fn become_former(&self, former: FormerEngine) {
        *self.world() = former.0;
    }

    /// Every call from here on fails, and what happens meanwhile is told to nobody.
    pub fn disconnect(&self) {
        self.inner.connection.send_replace(Connection::Down);
    }

    /// Calls are answered again, and listeners told to look at everything.
    pub fn reconnect(&self) {
        self.inner.connection.send_replace(Connection::Up);
        self.publish(EngineEvent::Resync);
    }

    /// Listeners are told nothing from here on, as if they had been too slow.
    pub fn skip_events(&self) {
        self.inner.delivery.send_replace(Delivery::Suppressed);
    }

    /// Listeners are told again, and to look at everything first.
    pub fn tell_events(&self) {
        self.inner.delivery.send_replace(Delivery::On);
        self.publish(EngineEvent::Resync);
    }

    /// Lets one future call fail when it comes to this point. Faults of one point are used up in order.
    pub fn fail_next(&self, point: Point, error: EngineError) {
        self.script().add_fault(point, error);
    }

    /// Lets one future call panic when it comes to this point: a bug of the daemon, in the middle of its work.
    pub fn panic_next(&self, point: Point) {
        self.script().add_panic(point);
    }

    /// Lets no call fail that has not failed yet.
    pub fn forget_faults(&self) {
        self.script().forget_faults();
    }

    /// Lets every call wait that comes to this point, until the result is released or dropped.
    pub fn hold(&self, point: Point) -> Hold {
        Hold::new(Arc::clone(&self.inner), point)
    }

    /// From here on an inspection of this container gets no answer in time.
    pub fn hide(&self, id: ContainerId) {
        self.script().hide(id);
    }

    /// The container can be inspected again.
    pub fn unhide(&self, id: ContainerId) {
        self.script().unhide(id);
    }

    /// The id that a future create gives its container. Ids are used up in order.
    pub fn next_id(&self, id: ContainerId) {
        self.world().reserve_id(id);
    }

    /// Every call so far, in the order of their beginning.
    pub fn calls(&self) -> Vec<Call> {
        self.script().calls.clone()
    }

    /// Forgets every call so far.
    pub fn forget_calls(&self) {
        self.script().calls.clear();
    }

    /// The containers there are, foreign ones too.
    pub fn containers(&self) -> Vec<ContainerId> {
        self.world().ids()
    }

    /// A container as it is, whatever is in the way of calls.
    pub fn observation_of(&self, id: ContainerId) -> Option<Observation> {
        self.world().observe(id)
    }

    /// The anonymous volume that came with a container.
    pub fn volume_of(&self, id: ContainerId) -> Option<String> {
        self.world().volume_of(id)
    }

    /// Whether a volume exists.
    pub fn has_volume(&self, volume: &str) -> bool {
        self.world().has_volume(volume)
    }

    /// Makes a container behind the daemon's back: `operation` is what its label says, if it has one.
    pub fn create_behind_back(&self, name: &str, operation: Option<OperationId>) -> ContainerId {
        let id = self.world().create_foreign(name, operation);
        self.publish(EngineEvent::Changed(id));
        id
    }

    /// `docker start` by somebody else.
    pub fn start_behind_back(&self, id: ContainerId) {
        self.change(id, |world| world.start(id));
    }

    /// `docker stop` by somebody else.
    pub fn stop_behind_back(&self, id: ContainerId) {
        self.change(id, |world| world.end(id, Exit::BySignal));
    }

    /// The main process ends by itself.
    pub fn exit(&self, id: ContainerId) {
        self.change(id, |world| world.end(id, Exit::ByItself { status: 0 }));
    }

    /// `docker rm --force --volumes` by somebody else.
    pub fn remove_behind_back(&self, id: ContainerId) {
        self.change(id, |world| {
            world.remove(id);
            Ok(())
        });
    }

    /// `docker pause` by somebody else.
    pub fn pause(&self, id: ContainerId) {
        self.change(id, |world| world.set_live_state(id, LiveState::Paused));
    }

    /// `docker unpause` by somebody else.
    pub fn unpause(&self, id: ContainerId) {
        self.change(id, |world| world.set_live_state(id, LiveState::Running));
    }

    /// Lets the engine report a state of a container that the daemon does not know.
    pub fn report_unknown_state(&self, id: ContainerId) {
        self.change(id, |world| world.make_unknown(id));
    }

    /// `docker rename` by somebody else.
    pub fn rename(&self, id: ContainerId, name: Name) {
        self.change(id, |world| world.rename(id, name));
    }

    /// Something that a test does to a container; it knows whether that can be done.
    fn change(&self, id: ContainerId, change: impl FnOnce(&mut World) -> Result<(), EngineError>) {
        let changed = change(&mut self.world());
        assert_eq!(changed, Ok(()), "container {id} cannot be changed like this");
        self.publish(EngineEvent::Changed(id));
    }
}
