//! A client that creates, starts, stops, deletes, extends, lists and reports, and sometimes changes a container on the host.
//! Every operation is entered into the ledger.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use sd_client::api::{
    Container, ContainerQuery, CreateContainer, ExtendContainer, RemoveMode, Span, Status, TimeLimit,
    UpdateContainer,
};
use tokio_util::sync::CancellationToken;

use crate::auditor::stopped_too_early;
use crate::docker::image;
use crate::engine::{HostChange, NUMBER};
use crate::ledger::{Operation, Ticket};
use crate::world::{CLOCK_ERROR, Outcome, World};

/// With the containers that other clients are creating, about fifteen.
const MAX_CONTAINERS: usize = 11;
/// A create with a key is retried this often until there is a response.
const MAX_RETRIES: u32 = 60;
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// With an idle timeout of at least this length, a container does not become idle during a run.
const LONG_TIMEOUT: Duration = Duration::from_secs(20_000);
/// The idle timeout of a container that reports every second, and so never becomes idle.
const REPORTER_TIMEOUT: Duration = Duration::from_secs(60);

/// Reports its number of connections every second.
const REPORTER: &str = "trap 'exit 0' TERM; while :; do \
    /bin/busybox wget -q -O - --post-data active-connections=$SD_TEST_NUMBER $SD_CHECK_IN_URL; \
    sleep 1 & wait $!; done";

pub(crate) struct LoadClient {
    world: Arc<World>,
    over: CancellationToken,
    random: Rng,
    /// A prefix that distinguishes its idempotency keys from those of other clients and runs.
    key_prefix: u64,
}

impl LoadClient {
    pub(crate) fn new(world: Arc<World>, over: CancellationToken, mut random: Rng) -> Self {
        let key_prefix = random.u64(..);
        Self {
            world,
            over,
            random,
            key_prefix,
        }
    }

    /// Runs operations until the end of the load.
    pub(crate) async fn run(mut self) {
        let world = Arc::clone(&self.world);
        while !self.over.is_cancelled() {
            {
                let _no_audit = world.gate.read().await;
                self.run_operation().await;
            }
            tokio::time::sleep(Duration::from_millis(self.random.u64(20..300))).await;
        }
    }

    async fn run_operation(&mut self) {
        let alive = self.world.ledger().alive();
        let choice = self.random.u32(0..100);
        if alive.len() < 3 || (choice < 22 && alive.len() < MAX_CONTAINERS) {
            return self.create().await;
        }
        let id = self.random.choice(&alive).cloned().unwrap_or_default();
        match choice {
            ..37 => self.start(&id).await,
            37..50 => self.stop(&id).await,
            50..62 => self.remove(&id).await,
            62..69 => self.hold(&id).await,
            69..75 => self.set_idle_timeout(&id).await,
            75..83 => self.list().await,
            83..91 => self.check_in(&id).await,
            91..93 => self.change_on_host(&id, HostChange::Kill).await,
            93..95 => self.change_on_host(&id, HostChange::Stop).await,
            95..97 => self.pause_briefly(&id).await,
            _ => self.change_on_host(&id, HostChange::Remove).await,
        }
    }

    fn wanted(&mut self, number: u32) -> CreateContainer {
        let mut wanted = CreateContainer::of_image(image());
        wanted.env.insert(NUMBER.to_owned(), number.to_string());
        wanted.idle_timeout = Some(match self.random.u32(0..10) {
            0..3 => TimeLimit::After(Duration::from_secs(self.random.u64(3..9))),
            3..6 => {
                wanted.cmd = ["/bin/sh", "-c", REPORTER].map(str::to_owned).to_vec();
                TimeLimit::After(REPORTER_TIMEOUT)
            }
            6 => TimeLimit::Never,
            _ => TimeLimit::After(self.long_timeout()),
        });
        wanted
    }

    fn long_timeout(&mut self) -> Duration {
        LONG_TIMEOUT + Duration::from_secs(self.random.u64(0..10_000))
    }

    async fn create(&mut self) {
        let world = Arc::clone(&self.world);
        let number = world.next_number();
        let wanted = self.wanted(number);
        let key = self
            .random
            .bool()
            .then(|| format!("chaos-{}-{number}", self.key_prefix));
        let mut retries = if key.is_some() { MAX_RETRIES } else { 0 };
        let mut repeats_after_success = key.is_some() && self.random.u32(0..3) == 0;
        let began = world.ledger().moment(world.now());
        loop {
            let created = match &key {
                Some(key) => {
                    world
                        .attempt("create with a key", world.client.create_once(&wanted, key))
                        .await
                }
                None => world.attempt("create", world.client.create(&wanted)).await,
            };
            let is_answered = match created {
                Outcome::Acknowledged(container) => {
                    world
                        .ledger()
                        .created(&container, began, number, key.as_deref(), world.now());
                    self.enter_volumes(&container).await;
                    !std::mem::take(&mut repeats_after_success)
                }
                // The container of the key was removed, or the limit is reached.
                Outcome::Refused => true,
                Outcome::NotSent | Outcome::Unknown => false,
            };
            if is_answered || retries == 0 {
                return;
            }
            retries = retries.saturating_sub(1);
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    async fn enter_volumes(&self, container: &Container) {
        let world = &self.world;
        match world.engine.volumes_of(&container.container_id).await {
            Ok(volumes) => world.ledger().enter_volumes(&container.container_id, volumes),
            Err(error) => world.found(format!("the engine call failed: {error:#}")),
        }
    }

    async fn start(&self, id: &str) {
        let world = &self.world;
        let ticket = self.enter(id, Operation::Start);
        let started = world.attempt("start", world.client.start(id)).await;
        // It may have exited at once, or another client has stopped or paused it.
        self.expect(id, &started, &[Status::Running, Status::Stopped, Status::Paused]);
        self.settle(ticket, &started);
    }

    async fn stop(&self, id: &str) {
        let world = &self.world;
        let ticket = self.enter(id, Operation::Stop);
        let stopped = world.attempt("stop", world.client.stop(id)).await;
        self.expect(id, &stopped, &[Status::Stopping, Status::Stopped]);
        self.settle(ticket, &stopped);
    }

    fn expect(&self, id: &str, answer: &Outcome<Container>, statuses: &[Status]) {
        if let Outcome::Acknowledged(container) = answer
            && !statuses.contains(&container.status)
        {
            self.world.found(format!(
                "{id} was returned as {}, expected one of {statuses:?}",
                container.status
            ));
        }
    }

    async fn remove(&mut self, id: &str) {
        self.check_history(id).await;
        let world = &self.world;
        let mode = if self.random.bool() {
            RemoveMode::Force
        } else {
            RemoveMode::Graceful
        };
        let ticket = self.enter(id, Operation::Remove);
        let removed = world.attempt("delete", world.client.remove(id, mode)).await;
        self.settle(ticket, &removed);
    }

    /// Checks the history, which is deleted together with the container.
    async fn check_history(&self, id: &str) {
        let world = &self.world;
        let activity = world.attempt("activity", world.client.activity(id)).await;
        let Outcome::Acknowledged(activity) = activity else {
            return;
        };
        let ledger = world.ledger();
        let account = ledger.accounts().get(id);
        let early = account.map(|account| stopped_too_early(&activity, account, &ledger, CLOCK_ERROR));
        drop(ledger);
        for finding in early.unwrap_or_default() {
            world.found(finding);
        }
    }

    async fn hold(&mut self, id: &str) {
        let span = Duration::from_secs(self.random.u64(5..90));
        let Ok(requested) = Span::try_from(span) else {
            return;
        };
        let world = &self.world;
        let ticket = self.enter(id, Operation::Hold(span));
        let extension = ExtendContainer::hold_for(requested);
        let held = world.attempt("extend", world.client.extend(id, &extension)).await;
        self.settle(ticket, &held);
    }

    /// Only for containers that do not become idle, so that the deadlines of the others stay known.
    async fn set_idle_timeout(&mut self, id: &str) {
        let timeout = self.world.ledger().accounts()[id].shortest_idle_timeout();
        if timeout.is_none_or(|timeout| timeout < LONG_TIMEOUT) {
            return;
        }
        let timeout = self.long_timeout();
        let world = &self.world;
        let update = UpdateContainer {
            idle_timeout: Some(TimeLimit::After(timeout)),
            ..UpdateContainer::default()
        };
        let ticket = self.enter(id, Operation::SetIdleTimeout(Some(timeout.as_secs())));
        let updated = world
            .attempt("set the idle timeout", world.client.update(id, &update))
            .await;
        self.settle(ticket, &updated);
    }

    /// Lists the containers, and deletes one whose create was not acknowledged. No other client knows it.
    async fn list(&mut self) {
        let world = Arc::clone(&self.world);
        let query = ContainerQuery {
            audit: self.random.u32(0..4) == 0,
            ..ContainerQuery::default()
        };
        let listed = world.attempt("list", world.client.containers(&query)).await;
        let Outcome::Acknowledged(listed) = listed else {
            return;
        };
        let unknown = listed.iter().find(|container| {
            let is_known = world.ledger().accounts().contains_key(&container.container_id);
            !is_known && container.status == Status::Running
        });
        if let Some(unknown) = unknown {
            world.ledger().enter_existing(unknown, world.now());
            self.remove(&unknown.container_id).await;
        }
    }

    async fn check_in(&self, id: &str) {
        let world = &self.world;
        let _inside = world.exec_gate.read().await;
        let ticket = self.enter(id, Operation::CheckIn);
        let reported = match world.engine.check_in(id).await {
            Ok(true) => Outcome::Acknowledged(()),
            // The container or the daemon is not running, or exited during the report.
            Ok(false) => Outcome::Unknown,
            Err(error) => {
                world.found(format!("a check-in from inside {id} did not finish: {error:#}"));
                Outcome::Unknown
            }
        };
        world.count("check in", &reported);
        self.settle(ticket, &reported);
    }

    /// Pauses a container briefly.
    async fn pause_briefly(&mut self, id: &str) {
        let world = Arc::clone(&self.world);
        let no_exec = world.exec_gate.write().await;
        self.change_on_host(id, HostChange::Pause).await;
        drop(no_exec);
        tokio::time::sleep(Duration::from_millis(self.random.u64(50..2_000))).await;
        self.change_on_host(id, HostChange::Unpause).await;
    }

    async fn change_on_host(&self, id: &str, change: HostChange) {
        let world = &self.world;
        let (operation, name) = match change {
            HostChange::Kill => (Operation::ExternalStop, "docker kill"),
            HostChange::Stop => (Operation::ExternalStop, "docker stop"),
            HostChange::Remove => (Operation::ExternalRemove, "docker rm"),
            HostChange::Pause => (Operation::ExternalPause, "docker pause"),
            HostChange::Unpause => (Operation::Start, "docker unpause"),
        };
        let ticket = self.enter(id, operation);
        let done = match world.engine.change_on_host(id, change).await {
            Ok(true) => Outcome::Acknowledged(()),
            Ok(false) => Outcome::Refused,
            Err(error) => {
                world.found(format!("the engine call failed: {error:#}"));
                Outcome::Unknown
            }
        };
        world.count(name, &done);
        self.settle(ticket, &done);
    }

    fn enter(&self, id: &str, operation: Operation) -> Ticket {
        self.world.ledger().enter(id, operation, self.world.now())
    }

    fn settle<T>(&self, ticket: Ticket, outcome: &Outcome<T>) {
        let now = self.world.now();
        let mut ledger = self.world.ledger();
        match outcome {
            Outcome::Acknowledged(_) => ledger.acknowledge(ticket, now),
            Outcome::Unknown => ledger.leave_open(ticket, now),
            Outcome::Refused | Outcome::NotSent => ledger.refuse(ticket, now),
        }
    }
}
