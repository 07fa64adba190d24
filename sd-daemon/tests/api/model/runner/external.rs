//! Check-ins of containers, and changes made at the engine.

use std::net::IpAddr;

use sd_daemon::domain::{ContainerId, LiveState, ObservedState};
use sd_daemon::engine::fake::FakeEngine;

use super::super::observation::observe_all;
use super::super::transition::{External, Labels};
use super::Runner;
use crate::ledger::Operation;
use crate::support::send;

impl Runner {
    /// A running container checks in with its number, and the check-in is accepted.
    pub(super) async fn report(&mut self, which: usize) {
        let observed = observe_all(self.daemon(), &self.ledger).await;
        let running: Vec<_> = observed
            .engine
            .iter()
            .filter(|seen| seen.status == "running")
            .collect();
        let Some(seen) = which.checked_rem(running.len()).map(|index| running[index]) else {
            return;
        };
        let number = seen.number.unwrap();
        let status = self.send_report(&seen.id, number).await;
        assert_eq!(status, 204, "the report of {}", seen.id);
    }

    async fn send_report(&mut self, id: &str, number: u32) -> u16 {
        let Some(ObservedState::Live { addresses, .. }) = self.observe(id) else {
            panic!("{id} is not running");
        };
        let now = self.now();
        let ticket = self.ledger.enter(id, Operation::CheckIn, now);
        let report = self
            .daemon()
            .check_in_from(addresses[0])
            .form(&[("active-connections", number)]);
        let status = send(report).await.status;
        if status == 204 {
            self.ledger.acknowledge(ticket, now);
        } else {
            self.ledger.refuse(ticket, now);
        }
        status
    }

    pub(super) async fn report_from_taken_address(&mut self, which: usize) {
        let observed = observe_all(self.daemon(), &self.ledger).await;
        let running = observed.engine.iter().filter(|seen| seen.status == "running");
        // The next container to start gets the lowest free address.
        let Some(ended) = running.min_by_key(|seen| self.address(&seen.id)) else {
            return;
        };
        let others: Vec<_> = observed
            .engine
            .iter()
            .filter(|seen| seen.id != ended.id)
            .collect();
        let Some(next) = which.checked_rem(others.len()).map(|index| others[index]) else {
            return;
        };
        match next.status.as_str() {
            "stopped" => {}
            "running" => {
                self.record_external(&next.id, Operation::ExternalStop, FakeEngine::exit);
                self.until_consistent().await;
            }
            _ => return,
        }
        self.daemon().engine.suppress_events();
        self.record_external(&ended.id, Operation::ExternalStop, FakeEngine::exit);
        self.record_external(&next.id, Operation::Start, FakeEngine::start_externally);
        // The daemon does not know the new holder yet: it may refuse the check-in, but must not credit another container.
        self.send_report(&next.id, next.number.unwrap()).await;
        self.daemon().engine.resume_events();
    }

    fn record_external(&mut self, id: &str, operation: Operation, act: impl Fn(&FakeEngine, ContainerId)) {
        let now = self.now();
        let ticket = self.ledger.enter(id, operation, now);
        act(&self.daemon().engine, container_id(id));
        self.ledger.acknowledge(ticket, now);
    }

    fn address(&self, id: &str) -> Option<IpAddr> {
        match self.observe(id)? {
            ObservedState::Live { addresses, .. } => addresses.first().copied(),
            ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => None,
        }
    }

    /// Reads the state directly from the fake engine, which injects no fault here.
    fn observe(&self, id: &str) -> Option<ObservedState> {
        let observation = self.daemon().engine.observation_of(container_id(id));
        observation.map(|observation| observation.state)
    }

    pub(super) fn change_externally(&mut self, which: usize, change: External) {
        let Some(id) = self.pick(which) else { return };
        let Some(state) = self.observe(&id) else { return };
        let live = match &state {
            ObservedState::Live { state, .. } => Some(*state),
            ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => None,
        };
        let (engine, number) = (self.daemon().engine.clone(), container_id(&id));
        let operation = match (change, live) {
            (External::Start, None) | (External::Unpause, Some(LiveState::Paused)) => Some(Operation::Start),
            (External::End, Some(LiveState::Running)) => Some(Operation::ExternalStop),
            (External::Pause, Some(LiveState::Running)) => Some(Operation::ExternalPause),
            (External::Remove, _) => Some(Operation::ExternalRemove),
            (External::Rename, _) => None,
            _ => return,
        };
        let now = self.now();
        let ticket = operation.map(|operation| self.ledger.enter(&id, operation, now));
        match change {
            External::Start => engine.start_externally(number),
            External::End => engine.stop_externally(number),
            External::Remove => engine.remove_externally(number),
            External::Pause => engine.pause_externally(number),
            External::Unpause => engine.unpause_externally(number),
            External::Rename => {
                self.next_number += 1;
                engine.rename_externally(number, format!("renamed_{}", self.next_number).parse().unwrap());
            }
        }
        if let Some(ticket) = ticket {
            self.ledger.acknowledge(ticket, now);
        }
    }

    pub(super) fn create_foreign(&mut self, labels: Labels) {
        self.next_number += 1;
        let name = format!("foreign_{}", self.next_number);
        let operation = match labels {
            Labels::None => None,
            Labels::Forged => Some(format!("{:032x}", self.next_number).parse().unwrap()),
        };
        let engine = self.daemon().engine.clone();
        let id = engine.create_externally(&name, operation);
        engine.start_externally(id);
        let observation = engine.observation_of(id).unwrap();
        self.ledger
            .enter_foreign(id.to_string(), format!("{observation:?}"));
    }
}

fn container_id(id: &str) -> ContainerId {
    id.parse().unwrap()
}
