//! Sends requests: alone, interrupted by a crash or a disconnect, and two at once while the engine hangs.

use std::time::Duration;

use sd_client::api::{
    Container, ContainerQuery, CreateContainer, ExtendContainer, RemoveMode, Span, TimeLimit, UpdateContainer,
};
use sd_client::{Client, Error};
use sd_daemon::domain::Lifecycle;
use sd_daemon::engine::fake::{Action, Point};
use sd_daemon::registry::Snapshot;

use super::super::observation::NUMBER;
use super::super::transition::Request;
use super::Runner;
use crate::ledger::{Moment, Operation, Ticket};
use crate::support::{IMAGE, with_timeout};

/// Containers created with an idempotency key report numbers from here on.
const FIRST_NUMBER_OF_KEYS: u32 = 500_000;

/// The expected error codes: unknown container, wrong state, limit reached, engine unavailable. Any other is a bug.
pub(super) const REFUSALS: [u16; 5] = [404, 409, 429, 503, 504];
/// Expected only after an injected engine failure.
pub(super) const ENGINE_REJECTED: u16 = 502;

/// A request with the id of its container.
#[derive(Clone, Debug)]
pub(super) enum Resolved {
    Create(CreateContainer, u32, Option<String>),
    Start(String),
    Stop(String),
    Delete(String, RemoveMode),
    Hold(String, Duration),
    SetIdleTimeout(String, u64),
    List,
}

/// The entry in the ledger that waits for the result of a request.
enum Pending {
    Create(Moment),
    Operation(Ticket),
    Nothing,
}

impl Runner {
    /// Returns `None` if the request needs a container and there is none.
    pub(super) fn resolve(&mut self, request: &Request) -> Option<Resolved> {
        Some(match request {
            Request::Create { idle_timeout, key } => self.create_request(*idle_timeout, *key),
            Request::Start(which) => Resolved::Start(self.pick(*which)?),
            Request::Stop(which) => Resolved::Stop(self.pick(*which)?),
            Request::Delete(which, mode) => Resolved::Delete(self.pick(*which)?, *mode),
            Request::Hold(which, seconds) => {
                Resolved::Hold(self.pick(*which)?, Duration::from_secs(*seconds))
            }
            Request::SetIdleTimeout(which, seconds) => Resolved::SetIdleTimeout(self.pick(*which)?, *seconds),
            Request::List => Resolved::List,
        })
    }

    fn create_request(&mut self, idle_timeout: u64, key: Option<u8>) -> Resolved {
        let (number, idle_timeout) = if let Some(key) = key {
            // A repeated key has the same request.
            (FIRST_NUMBER_OF_KEYS + u32::from(key), 1_000 * u64::from(key))
        } else {
            self.next_number += 1;
            (self.next_number, idle_timeout)
        };
        let mut wanted = CreateContainer::of_image(IMAGE);
        wanted.env.insert(NUMBER.to_owned(), number.to_string());
        wanted.idle_timeout = Some(limit(idle_timeout));
        Resolved::Create(wanted, number, key.map(|key| format!("key-{key}")))
    }

    pub(super) async fn request(&mut self, resolved: Resolved, refusals: &[u16]) {
        let pending = self.enter(&resolved);
        let response = with_timeout(send(self.daemon().client.clone(), resolved.clone())).await;
        self.settle(&resolved, pending, response, refusals);
    }

    fn enter(&mut self, resolved: &Resolved) -> Pending {
        let now = self.now();
        let (id, operation) = match resolved {
            Resolved::Create(..) => return Pending::Create(self.ledger.moment(now)),
            Resolved::List => return Pending::Nothing,
            Resolved::Start(id) => (id, Operation::Start),
            Resolved::Stop(id) => (id, Operation::Stop),
            Resolved::Delete(id, _) => (id, Operation::Remove),
            Resolved::Hold(id, span) => (id, Operation::Hold(*span)),
            Resolved::SetIdleTimeout(id, seconds) => (id, Operation::SetIdleTimeout(Some(*seconds))),
        };
        Pending::Operation(self.ledger.enter(id, operation, now))
    }

    fn settle(
        &mut self,
        resolved: &Resolved,
        pending: Pending,
        response: Result<Option<Container>, Error>,
        refusals: &[u16],
    ) {
        let now = self.now();
        match (pending, response) {
            (Pending::Create(began), Ok(container)) => {
                let Resolved::Create(_, number, key) = resolved else {
                    return;
                };
                self.ledger
                    .created(&container.unwrap(), began, *number, key.as_deref(), now);
                self.record_volumes();
            }
            // A hold has no effect without an idle timeout.
            (Pending::Operation(ticket), Ok(Some(shown)))
                if matches!(resolved, Resolved::Hold(..)) && shown.idle_timeout.is_none() =>
            {
                self.ledger.refuse(ticket, now);
            }
            (Pending::Operation(ticket), Ok(_)) => self.ledger.acknowledge(ticket, now),
            (pending, Err(error)) => {
                let status = error.problem().map(|problem| problem.status);
                assert!(
                    status.is_some_and(|status| refusals.contains(&status)),
                    "{resolved:?} returned {error:?}"
                );
                if let Pending::Operation(ticket) = pending {
                    if status < Some(500) {
                        self.ledger.refuse(ticket, now);
                    } else {
                        self.ledger.leave_open(ticket, now);
                    }
                }
            }
            (Pending::Nothing, Ok(_)) => {}
        }
    }

    pub(super) async fn kill_at(&mut self, request: &Request, point: Point) {
        let Some(resolved) = self.resolve(request) else {
            return;
        };
        let pending = self.enter(&resolved);
        let hold = self.daemon().engine.hold(point);
        let response = tokio::select! {
            response = with_timeout(send(self.daemon().client.clone(), resolved.clone())) => Some(response),
            () = hold.reached() => None,
        };
        if let Some(response) = response {
            self.settle(&resolved, pending, response, &REFUSALS);
        } else if let Pending::Operation(ticket) = pending {
            let now = self.now();
            self.ledger.leave_open(ticket, now);
        }
        let killed = self.daemon.take().unwrap().kill().await;
        hold.release();
        self.daemon = Some(killed.restart().await);
        let now = self.now();
        self.ledger.daemon_started(now);
    }

    /// The operation of a disconnected client completes.
    pub(super) async fn disconnect_client(&mut self, request: &Request) {
        let Some(resolved) = self.resolve(request) else {
            return;
        };
        let action = match &resolved {
            Resolved::Create(..) => Action::Create,
            Resolved::Start(_) => Action::Start,
            Resolved::Delete(..) => Action::Remove,
            // These respond before their engine call, or have none.
            Resolved::Stop(_) | Resolved::Hold(..) | Resolved::SetIdleTimeout(..) | Resolved::List => return,
        };
        let count_before = self.statuses().await.len();
        let pending = self.enter(&resolved);
        let hold = self.daemon().engine.hold(Point::Before(action));
        let response = tokio::select! {
            response = with_timeout(send(self.daemon().client.clone(), resolved.clone())) => Some(response),
            () = hold.reached() => None,
        };
        if let Some(response) = response {
            return self.settle(&resolved, pending, response, &REFUSALS);
        }
        hold.release();
        self.daemon()
            .until_registry(|snapshot| is_done(&resolved, count_before, snapshot))
            .await;
        if let Pending::Operation(ticket) = pending {
            let now = self.now();
            self.ledger.acknowledge(ticket, now);
        }
    }

    pub(super) async fn hang(&mut self, one: &Request, other: &Request, point: Point) {
        let Some((one, other)) = self.resolve(one).zip(self.resolve(other)) else {
            return;
        };
        let (pending_one, pending_other) = (self.enter(&one), self.enter(&other));
        let hold = self.daemon().engine.hold(point);
        let client = self.daemon().client.clone();
        let responses = async {
            tokio::join!(
                with_timeout(send(client.clone(), one.clone())),
                with_timeout(send(client.clone(), other.clone())),
            )
        };
        tokio::pin!(responses);
        let (response_one, response_other) = tokio::select! {
            // Neither request has reached the point.
            responses = &mut responses => responses,
            () = hold.reached() => {
                // The daemon has read both requests before it answers a later one.
                let all = ContainerQuery::default();
                let (listed, responses) = tokio::join!(
                    async {
                        let listed = client.containers(&all).await;
                        hold.release();
                        listed
                    },
                    responses,
                );
                listed.unwrap();
                responses
            }
        };
        self.settle(&one, pending_one, response_one, &REFUSALS);
        self.settle(&other, pending_other, response_other, &REFUSALS);
    }
}

/// Whether the registry shows the result of a request, given the number of containers before it.
fn is_done(resolved: &Resolved, count_before: usize, snapshot: &Snapshot) -> bool {
    let state_of = |id: &String| snapshot.get(id.parse().unwrap()).map(|record| record.lifecycle());
    match resolved {
        Resolved::Create(..) => {
            let mut lifecycles = snapshot.records().map(|record| record.lifecycle());
            snapshot.records().count() > count_before
                && !lifecycles.any(|lifecycle| matches!(lifecycle, Lifecycle::Starting))
        }
        Resolved::Start(id) => matches!(state_of(id), Some(Lifecycle::Running { .. })),
        Resolved::Delete(id, _) => state_of(id).is_none(),
        Resolved::Stop(_) | Resolved::Hold(..) | Resolved::SetIdleTimeout(..) | Resolved::List => true,
    }
}

async fn send(client: Client, resolved: Resolved) -> Result<Option<Container>, Error> {
    Ok(match resolved {
        Resolved::Create(wanted, _, Some(key)) => Some(client.create_once(&wanted, &key).await?),
        Resolved::Create(wanted, _, None) => Some(client.create(&wanted).await?),
        Resolved::Start(id) => Some(client.start(&id).await?),
        Resolved::Stop(id) => Some(client.stop(&id).await?),
        Resolved::Delete(id, mode) => {
            client.remove(&id, mode).await?;
            None
        }
        Resolved::Hold(id, span) => {
            let extension = ExtendContainer::hold_for(Span::try_from(span).unwrap());
            Some(client.extend(&id, &extension).await?)
        }
        Resolved::SetIdleTimeout(id, seconds) => {
            let update = UpdateContainer {
                idle_timeout: Some(limit(seconds)),
                ..UpdateContainer::default()
            };
            Some(client.update(&id, &update).await?)
        }
        Resolved::List => {
            let query = ContainerQuery {
                audit: true,
                ..ContainerQuery::default()
            };
            client.containers(&query).await?;
            None
        }
    })
}

fn limit(seconds: u64) -> TimeLimit {
    match seconds {
        0 => TimeLimit::Never,
        _ => TimeLimit::After(Duration::from_secs(seconds)),
    }
}
