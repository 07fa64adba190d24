//! Client of the spin-docker API.
//!
//! [`api`] contains the wire types: the requests and responses of `/v1`, shared by the daemon and its
//! clients. [`quantity`] parses and prints durations, memory and cpus. The feature `http`, on by
//! default, adds `Client` with one method per endpoint.
//!
//! ```no_run
//! # #[cfg(feature = "http")]
//! # async fn example() -> Result<(), sd_client::Error> {
//! use sd_client::Client;
//! use sd_client::api::CreateContainer;
//!
//! let client = Client::new("http://127.0.0.1:8080")?.with_credentials("admin", "spindocker");
//! let container = client.create(&CreateContainer::of_image("sd-postgres")).await?;
//! println!("psql -h 127.0.0.1 -p {}", container.app_port.unwrap_or(5432));
//! # Ok(())
//! # }
//! ```

pub mod api;
pub mod names;
pub mod quantity;

#[cfg(feature = "http")]
mod address;
#[cfg(feature = "http")]
mod check_in_response;
#[cfg(feature = "http")]
mod client;
#[cfg(feature = "http")]
mod error;
#[cfg(feature = "http")]
mod events;
#[cfg(feature = "http")]
mod secret;

#[cfg(feature = "http")]
pub use check_in_response::CheckInResponse;
#[cfg(feature = "http")]
pub use client::Client;
#[cfg(feature = "http")]
pub use error::{Error, RequestSent};
#[cfg(feature = "http")]
pub use events::EventStream;
