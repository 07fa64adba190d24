//! The controls of a test: faults, external changes, and reads.

use std::sync::Arc;

use super::FakeEngine;
use super::engine::{Connection, Delivery};
use super::hold::Hold;
use super::script::{Call, Point};
use super::world::World;
use crate::domain::{ContainerId, Exit, Image, LiveState, Name, Observation, OperationId};
use crate::engine::{EngineError, EngineEvent};

/// An engine that was replaced by another one.
pub struct FormerEngine(World);

impl FakeEngine {
    /// Adds an image, such as `sd-postgres:latest`. Its containers have one anonymous volume.
    pub fn add_image(&self, tag: &str, image: Image) {
        self.world().add_image(tag, image);
    }

    /// Makes an image available to pulls, such as `sd-postgres:latest`.
    pub fn add_remote_image(&self, tag: &str, image: Image) {
        self.world().add_remote_image(tag, image);
    }

    /// Replaces the engine by one with another identity and without containers. Returns the former engine.
    pub fn replace_engine(&self, identity: &str) -> FormerEngine {
        let other = self.world().with_other_identity(identity);
        FormerEngine(std::mem::replace(&mut *self.world(), other))
    }

    /// From now on, each response has another identity, as with some engines.
    pub fn randomize_identity(&self) {
        self.world().randomize_identity();
    }

    /// Restores the former engine.
    pub fn restore_engine(&self, former: FormerEngine) {
        *self.world() = former.0;
    }

    /// Cuts the connection: calls fail and events are lost.
    pub fn disconnect(&self) {
        self.inner.connection.send_replace(Connection::Down);
    }

    /// Restores the connection. Subscribers receive a resync.
    pub fn reconnect(&self) {
        self.inner.connection.send_replace(Connection::Up);
        self.publish(EngineEvent::Resync);
    }

    /// Stops the delivery of events, as if subscribers were too slow.
    pub fn suppress_events(&self) {
        self.inner.delivery.send_replace(Delivery::Suppressed);
    }

    /// Resumes the delivery of events. Subscribers receive a resync.
    pub fn resume_events(&self) {
        self.inner.delivery.send_replace(Delivery::On);
        self.publish(EngineEvent::Resync);
    }

    /// Makes one future call fail at this point. Several faults of a point are used in order.
    pub fn fail_next(&self, point: Point, error: EngineError) {
        self.script().add_fault(point, error);
    }

    /// Makes one future call panic at this point, as a bug of the daemon would.
    pub fn panic_next(&self, point: Point) {
        self.script().add_panic(point);
    }

    /// Removes all faults that were not used yet.
    pub fn clear_faults(&self) {
        self.script().clear_faults();
    }

    /// Holds every call at this point until the result is released or dropped.
    pub fn hold(&self, point: Point) -> Hold {
        Hold::new(Arc::clone(&self.inner), point)
    }

    /// Makes inspections of this container time out.
    pub fn block_inspections(&self, id: ContainerId) {
        self.script().block_inspections(id);
    }

    /// Allows inspections of this container again.
    pub fn unblock_inspections(&self, id: ContainerId) {
        self.script().unblock_inspections(id);
    }

    /// Sets the id of a future container. Several ids are used in order.
    pub fn next_id(&self, id: ContainerId) {
        self.world().reserve_id(id);
    }

    /// Every call so far, in the order in which they started.
    pub fn calls(&self) -> Vec<Call> {
        self.script().calls.clone()
    }

    /// Clears the recorded calls.
    pub fn clear_calls(&self) {
        self.script().calls.clear();
    }

    /// All containers, including foreign ones.
    pub fn containers(&self) -> Vec<ContainerId> {
        self.world().ids()
    }

    /// The state of a container, regardless of faults.
    pub fn observation_of(&self, id: ContainerId) -> Option<Observation> {
        self.world().observe(id)
    }

    /// The anonymous volume of a container.
    pub fn volume_of(&self, id: ContainerId) -> Option<String> {
        self.world().volume_of(id)
    }

    /// Whether a volume exists.
    pub fn has_volume(&self, volume: &str) -> bool {
        self.world().has_volume(volume)
    }

    /// Creates a container outside the daemon, with an operation label if given.
    pub fn create_externally(&self, name: &str, operation: Option<OperationId>) -> ContainerId {
        let id = self.world().create_foreign(name, operation);
        self.publish(EngineEvent::Changed(id));
        id
    }

    /// `docker start` outside the daemon.
    pub fn start_externally(&self, id: ContainerId) {
        self.change(id, |world| world.start(id));
    }

    /// `docker stop` outside the daemon.
    pub fn stop_externally(&self, id: ContainerId) {
        self.change(id, |world| world.end(id, Exit::Killed));
    }

    /// The main process exits with code 0.
    pub fn exit(&self, id: ContainerId) {
        self.change(id, |world| world.end(id, Exit::Exited { code: 0 }));
    }

    /// `docker rm --force --volumes` outside the daemon.
    pub fn remove_externally(&self, id: ContainerId) {
        self.change(id, |world| {
            world.remove(id);
            Ok(())
        });
    }

    /// `docker pause` outside the daemon.
    pub fn pause_externally(&self, id: ContainerId) {
        self.change(id, |world| world.set_live_state(id, LiveState::Paused));
    }

    /// `docker unpause` outside the daemon.
    pub fn unpause_externally(&self, id: ContainerId) {
        self.change(id, |world| world.set_live_state(id, LiveState::Running));
    }

    /// Makes the engine report an unknown state of a container.
    pub fn report_unknown_state(&self, id: ContainerId) {
        self.change(id, |world| world.make_unknown(id));
    }

    /// `docker rename` outside the daemon.
    pub fn rename_externally(&self, id: ContainerId, name: Name) {
        self.change(id, |world| world.rename(id, name));
    }

    /// Changes a container. The test must request possible changes only.
    fn change(&self, id: ContainerId, change: impl FnOnce(&mut World) -> Result<(), EngineError>) {
        let changed = change(&mut self.world());
        assert_eq!(changed, Ok(()), "container {id} does not allow this change");
        self.publish(EngineEvent::Changed(id));
    }
}
