//! The webhook: posts every event to one receiver, in order, one event at a time.
//!
//! Posts follow the Standard Webhooks specification. An event is delivered when the receiver responds with a 2xx
//! status. The daemon then saves its id as the webhook cursor, so that a crash repeats an event and loses none. Every
//! other status is retried without a limit, except 410, which drops the event. No other part of the daemon waits for
//! the receiver: the history keeps the events, and those that it deletes before they could be delivered are skipped.
//!
//! The wire format of an event is defined in `wire`, and the registry decides how long events are kept.
//! Only the app builds and runs the webhook.

mod delivery;
mod post;
mod signature;

pub use delivery::Webhook;
pub use post::Receiver;
pub use signature::{InvalidKey, SigningKey};
