//! The container engine behind a trait, in terms that apply to every engine.
//!
//! No type of an engine's own library appears in a signature here: another engine is another folder beside
//! [`docker`]. [`connect`] picks the engine from the settings and is the only code that constructs one. The
//! service and the tasks call the engine through [`Engine`].

mod capabilities;
pub mod connect;
mod container;
pub mod docker;
mod error;
mod event;
mod exec;
#[cfg(feature = "test-support")]
pub mod fake;
pub mod labels;
mod logs;
mod network_name;
mod options;
mod pull;
mod spec;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::domain::{ContainerId, Image, ImageRef, Observation};

pub use capabilities::{Capabilities, EngineInfo};
pub use container::{LabelledContainer, Managed};
pub use error::EngineError;
pub use event::EngineEvent;
pub use exec::{ExecProcess, ExecSession, ExecSpec, OutputChunk, TerminalSize};
pub use logs::{LogChunk, LogQuery, OutputStream};
pub use network_name::NetworkName;
pub use options::{ConnectOptions, EngineHost};
pub use pull::PullProgress;
pub use spec::ContainerSpec;

/// The operations that spin-docker needs of a container engine.
///
/// Contract, tested by one suite for every implementation:
///
/// - `start` of a running container, `stop` of a stopped one, `remove` of a missing one, `pause` of a paused one and
///   `unpause` of a running one succeed and change nothing.
/// - `inspect` of a missing container returns `Ok(None)`. An error means that the state is unknown.
/// - The other calls return [`EngineError::NoSuchContainer`] if the engine itself reports that the container is
///   missing. A reply of another program at the engine's address is [`EngineError::Unavailable`].
/// - `create` is sent at most once. After [`EngineError::TimedOut`] or [`EngineError::Unavailable`] the container
///   may exist or appear later; [`managed`](Engine::managed) finds it.
/// - `stop` of a paused container kills it: a paused process cannot handle the stop signal.
/// - `remove` kills a running or paused container, deletes its anonymous volumes and returns when it is gone.
/// - `start` of a paused container is [`EngineError::Rejected`].
/// - Every call ends within a time limit of the implementation that includes the response body. For calls that
///   return a stream, the limit ends at the response head: the stream lasts as long as the container or the
///   transfer does, and ends when the caller drops it.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Returns the name, version and capabilities of the engine.
    async fn info(&self) -> Result<EngineInfo, EngineError>;

    /// Returns a text that is the same as long as the engine has the same containers. An engine that returns a
    /// different text for each call has no identity.
    async fn identity(&self) -> Result<String, EngineError>;

    /// Lists the tagged images as `name:tag`, sorted.
    async fn images(&self) -> Result<Vec<String>, EngineError>;

    /// Returns the ports, limits and labels that an image declares.
    async fn image(&self, image: &ImageRef) -> Result<Image, EngineError>;

    /// Downloads an image and returns the progress. The image is complete when the stream ends without an error.
    /// Dropping the stream cancels the download.
    async fn pull(
        &self,
        image: &ImageRef,
    ) -> Result<BoxStream<'static, Result<PullProgress, EngineError>>, EngineError>;

    /// Creates a container without starting it.
    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError>;

    /// Starts a container.
    async fn start(&self, id: ContainerId) -> Result<(), EngineError>;

    /// Sends the stop signal to the main process and kills it after `grace`.
    async fn stop(&self, id: ContainerId, grace: Duration) -> Result<(), EngineError>;

    /// Suspends all processes of a running container.
    async fn pause(&self, id: ContainerId) -> Result<(), EngineError>;

    /// Resumes the processes of a paused container.
    async fn unpause(&self, id: ContainerId) -> Result<(), EngineError>;

    /// Removes a container in any state.
    async fn remove(&self, id: ContainerId) -> Result<(), EngineError>;

    /// Returns the state of a container, or `None` if the engine does not have it.
    async fn inspect(&self, id: ContainerId) -> Result<Option<Observation>, EngineError>;

    /// Returns the output of the main process, oldest first.
    async fn logs(
        &self,
        id: ContainerId,
        query: LogQuery,
    ) -> Result<BoxStream<'static, Result<LogChunk, EngineError>>, EngineError>;

    /// Runs a command in a running container.
    async fn exec(&self, id: ContainerId, spec: &ExecSpec) -> Result<ExecSession, EngineError>;

    /// Lists the containers with an operation label of this daemon's registry, in any state.
    async fn managed(&self) -> Result<Vec<Managed>, EngineError>;

    /// Lists the containers with an instance label of any registry, in any state.
    async fn labelled(&self) -> Result<Vec<LabelledContainer>, EngineError>;

    /// Returns the host's address on the network of new containers, or `None` if the network has no gateway.
    async fn gateway(&self) -> Result<Option<IpAddr>, EngineError>;

    /// Returns the host's addresses on the other networks of this daemon's containers: those that were created when
    /// the settings named another network.
    async fn other_gateways(&self) -> Result<Vec<IpAddr>, EngineError>;

    /// Returns the changes of containers. The stream never ends; it waits while the engine is unavailable.
    ///
    /// An event is a hint to inspect and carries no state. The first event after each connection is
    /// [`EngineEvent::Resync`], because earlier changes may have been missed.
    fn events(&self) -> BoxStream<'static, EngineEvent>;
}
