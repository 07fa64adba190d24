//! The changes that the registry can make: records, creations, idempotency keys, the engine and the webhook cursor.

use std::sync::Arc;
use std::time::Duration;

use super::store::Store;
use super::{Applied, Change, KeyLookup, OpenOutcome, RegistryError, rows};
use crate::domain::{
    ContainerId, Context, Creation, Event, EventKind, IdempotencyKey, Input, Name, NextState, OperationId,
    Policy, Reason, Record, Refusal, Timestamp, transition,
};

/// How long an idempotency key is kept.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

impl Store {
    /// Applies an input to a record: reads, transitions and writes.
    pub(super) fn apply(
        &mut self,
        id: ContainerId,
        input: Input,
        policy: Policy,
    ) -> Result<Result<Applied, Refusal>, RegistryError> {
        let Some(record) = self.records.get(&id).map(Arc::clone) else {
            return Ok(Ok(Applied {
                record: None,
                change: Change::Unchanged,
                effect: None,
            }));
        };
        let now = self.clock.now();
        let transition = match transition(&record, input, &Context { now, policy }) {
            Ok(transition) => transition,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (record, change) = match transition.next {
            NextState::Same => (Some(record), Change::Unchanged),
            NextState::Changed(next) => {
                let next = Arc::new(*next);
                self.replace(&record, &next, transition.event, now)?;
                (Some(next), Change::Changed)
            }
            NextState::Gone => {
                self.delete(&record, transition.event, now)?;
                (None, Change::Changed)
            }
        };
        self.is_changed |= change == Change::Changed;
        Ok(Ok(Applied {
            record,
            change,
            effect: transition.effect,
        }))
    }

    fn replace(
        &mut self,
        record: &Record,
        next: &Arc<Record>,
        event: Option<Event>,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        if is_only_activity(record, next) {
            self.unwritten.insert(record.id());
        } else {
            self.transact_with_event(next, event, now, |connection| {
                rows::records::save(connection, next)
            })?;
            self.unwritten.remove(&record.id());
        }
        self.records.insert(record.id(), Arc::clone(next));
        Ok(())
    }

    fn delete(&mut self, record: &Record, event: Option<Event>, now: Timestamp) -> Result<(), RegistryError> {
        // The create failed if the container never ran: a retry with the same key may create another container.
        let never_ran = record.last_run().is_none();
        self.transact_with_event(record, event, now, |connection| {
            if never_ran {
                rows::keys::delete_of(connection, record.operation())?;
            }
            rows::records::delete(connection, record.id())
        })?;
        self.unwritten.remove(&record.id());
        self.records.remove(&record.id());
        Ok(())
    }

    /// Looks up an idempotency key and deletes expired keys.
    pub(super) fn find_key(&mut self, wanted: &IdempotencyKey) -> Result<KeyLookup, RegistryError> {
        let expired_before = self.keys_expired_before();
        let found = self.transact(|connection| {
            rows::keys::delete_before(connection, expired_before)?;
            rows::keys::find(connection, &wanted.key)
        })?;
        Ok(match found {
            Some((request, operation)) if request == wanted.request => KeyLookup::SameRequest(operation),
            Some(_) => KeyLookup::DifferentRequest,
            None => KeyLookup::Unused,
        })
    }

    fn keys_expired_before(&self) -> Timestamp {
        self.clock.now().before(KEY_LIFETIME)
    }

    /// Deletes expired idempotency keys. Writes nothing if there are none.
    pub(super) fn delete_expired_keys(&mut self) -> Result<(), RegistryError> {
        let expired_before = self.keys_expired_before();
        if self.read(|connection| rows::keys::exist_before(connection, expired_before))? {
            self.transact(|connection| rows::keys::delete_before(connection, expired_before))?;
        }
        Ok(())
    }

    /// Saves a new creation and its idempotency key, if neither the key nor the limit prevents it.
    pub(super) fn open_creation(
        &mut self,
        creation: Creation,
        limit: u32,
    ) -> Result<OpenOutcome, RegistryError> {
        if let Some(key) = &creation.key {
            match self.find_key(key)? {
                KeyLookup::Unused => {}
                KeyLookup::SameRequest(operation) => return Ok(OpenOutcome::Duplicate(operation)),
                KeyLookup::DifferentRequest => return Ok(OpenOutcome::KeyReused),
            }
        }
        let existing = u32::try_from(self.records.len() + self.creations.len());
        if !existing.is_ok_and(|existing| existing < limit) {
            return Ok(OpenOutcome::LimitReached);
        }
        self.transact(|connection| rows::creations::save(connection, &creation))?;
        self.creations.insert(creation.operation, Arc::new(creation));
        self.is_changed = true;
        Ok(OpenOutcome::Opened)
    }

    /// Replaces an open creation by the record of its container, in the state `Starting`.
    pub(super) fn bind(
        &mut self,
        operation: OperationId,
        id: ContainerId,
        name: Name,
    ) -> Result<Option<Arc<Record>>, RegistryError> {
        let Some(creation) = self.creations.get(&operation) else {
            return Ok(None);
        };
        let record = Arc::new(Record::begin(creation, id, name));
        let event = Event::new(
            EventKind::Created,
            Reason::Requested,
            creation.requested_by.clone().into(),
        );
        self.transact_with_event(&record, Some(event), self.clock.now(), |connection| {
            rows::creations::delete(connection, operation)?;
            rows::records::save(connection, &record)
        })?;
        self.creations.remove(&operation);
        self.records.insert(id, Arc::clone(&record));
        self.is_changed = true;
        Ok(Some(record))
    }

    /// Deletes a creation that failed, and its idempotency key.
    pub(super) fn close_creation(&mut self, operation: OperationId) -> Result<(), RegistryError> {
        self.transact(|connection| {
            rows::creations::delete(connection, operation)?;
            rows::keys::delete_of(connection, operation)
        })?;
        self.creations.remove(&operation);
        self.is_changed = true;
        Ok(())
    }

    /// Deletes the idempotency key of a creation, so that another request can use it.
    pub(super) fn release_key(&mut self, operation: OperationId) -> Result<(), RegistryError> {
        self.transact(|connection| rows::keys::delete_of(connection, operation))
    }

    /// Returns the identity of the engine that the containers are on. Saves `found` as that identity if there is none
    /// yet, or if there is neither a container nor an open creation.
    pub(super) fn engine_identity_or(&mut self, found: &str) -> Result<String, RegistryError> {
        let is_empty = self.records.is_empty() && self.creations.is_empty();
        self.transact(|connection| match rows::instance::load_engine(connection)? {
            Some(known) if known == found || !is_empty => Ok(known),
            _ => {
                rows::instance::save_engine(connection, found)?;
                Ok(found.to_owned())
            }
        })
    }

    /// The id of the last event delivered to the webhook, if any.
    pub(super) fn webhook_cursor(&mut self) -> Result<Option<u64>, RegistryError> {
        self.transact(rows::webhook::load_cursor)
    }

    /// Saves the id of the last event delivered to the webhook.
    pub(super) fn save_webhook_cursor(&mut self, id: u64) -> Result<(), RegistryError> {
        self.transact(|connection| rows::webhook::save_cursor(connection, id))
    }
}

/// Whether only reported activity differs. Losing the last seconds of it stops no container early, so it is written in
/// batches; a deadline that a user extended is written at once.
fn is_only_activity(before: &Record, after: &Record) -> bool {
    before.lifecycle() == after.lifecycle()
        && before.name() == after.name()
        && before.limits() == after.limits()
        && before.activity().keep_until == after.activity().keep_until
        && before.activity().warning_sent_for == after.activity().warning_sent_for
}
