//! Requests to the daemon, and the calls that the fake engine recorded.

use std::net::{IpAddr, SocketAddr};

use reqwest::Method;
use sd_client::api::{Activity, Container, CreateContainer, Status};
use sd_daemon::clock::Clock;
use sd_daemon::domain::{OperationId, TrafficSample};
use sd_daemon::engine::fake::{Action, Call};
use sd_daemon::prober::ProbeError;

use super::{IMAGE, PASSWORD, TestDaemon, USER, http_client, id, send};

impl TestDaemon {
    /// Creates a container of [`IMAGE`].
    pub(crate) async fn create(&self) -> Container {
        self.client
            .create(&CreateContainer::of_image(IMAGE))
            .await
            .unwrap()
    }

    /// Creates a container of [`IMAGE`] with this name.
    pub(crate) async fn create_named(&self, name: &str) -> Container {
        let wanted = CreateContainer {
            name: Some(name.to_owned()),
            ..CreateContainer::of_image(IMAGE)
        };
        self.client.create(&wanted).await.unwrap()
    }

    /// Creates a container of [`IMAGE`] and stops it.
    pub(crate) async fn create_stopped(&self) -> Container {
        let container = self.create().await;
        self.client.stop(&container.container_id).await.unwrap();
        self.until_status(&container, Status::Stopped).await
    }

    /// A request with valid credentials.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.anonymous(method, path).basic_auth(USER, Some(PASSWORD))
    }

    /// A request with valid credentials from this source address.
    pub(crate) fn request_from(&self, source: IpAddr, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = http_client(source).request(method, format!("http://{}{path}", self.api));
        request.basic_auth(USER, Some(PASSWORD))
    }

    /// Requests without credentials from this source address.
    pub(crate) fn anonymous_from(
        &self,
        source: [u8; 4],
    ) -> impl Fn(Method, &str) -> reqwest::RequestBuilder + use<> {
        let (client, api) = (http_client(source.into()), self.api);
        move |method, path| client.request(method, format!("http://{api}{path}"))
    }

    /// The address of the API, for tests that write raw bytes.
    pub(crate) fn api(&self) -> SocketAddr {
        self.api
    }

    /// The registry file of the running daemon.
    pub(crate) fn registry_file(&self) -> std::path::PathBuf {
        self.directory.path().join("registry.sqlite3")
    }

    /// A request without credentials.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.api))
    }

    /// A request to the check-in listener.
    pub(crate) fn to_check_in_listener(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.check_in))
    }

    /// The URL that containers send check-ins to.
    pub(crate) fn check_in_url(&self) -> String {
        format!("http://{}/v1/check-in", self.check_in)
    }

    /// A check-in from this source address.
    pub(crate) fn check_in_from(&self, address: IpAddr) -> reqwest::RequestBuilder {
        http_client(address).post(self.check_in_url())
    }

    /// Checks in from the address of a running container and returns the status code.
    pub(crate) async fn check_in(&self, container: &Container, connections: u32) -> u16 {
        let report = [("active-connections", connections)];
        send(self.check_in_from(self.address_of(container)).form(&report))
            .await
            .status
    }

    /// The network address of a running container.
    pub(crate) fn address_of(&self, container: &Container) -> IpAddr {
        let snapshot = self.registry.snapshot();
        snapshot.get(id(container)).unwrap().addresses()[0]
    }

    /// The container object as the API returns it now.
    pub(crate) async fn get(&self, container: &Container) -> Container {
        self.client.container(&container.container_id).await.unwrap()
    }

    /// The check-in token in the environment of a container.
    pub(crate) fn token_of(&self, container: &Container) -> String {
        let snapshot = self.registry.snapshot();
        let operation = snapshot.get(id(container)).unwrap().operation();
        let calls = self.engine.calls().into_iter();
        let mut specs = calls.filter_map(|call| match call {
            Call::Create(spec) if spec.operation == operation => Some(spec),
            _ => None,
        });
        let variables = specs.next().unwrap().environment;
        let mut tokens = variables
            .iter()
            .filter_map(|variable| variable.strip_prefix("SD_CHECK_IN_TOKEN="));
        tokens.next().unwrap().to_owned()
    }

    /// The time of the daemon's clock, as on the wire.
    pub(crate) fn now(&self) -> sd_client::api::Timestamp {
        std::time::SystemTime::from(self.clock.now()).into()
    }

    /// Sets the result of every later probe of a container.
    pub(crate) fn set_probe_result(&self, container: &Container, sample: Result<TrafficSample, ProbeError>) {
        self.setup.prober.show_only(id(container), sample);
    }

    /// The activity object of a container as the API returns it now.
    pub(crate) async fn activity(&self, container: &Container) -> Activity {
        self.client.activity(&container.container_id).await.unwrap()
    }

    /// Kind and reason of each entry in the history of a container.
    pub(crate) async fn history(&self, container: &Container) -> Vec<String> {
        let history = self.activity(container).await.history;
        let lines = history
            .iter()
            .map(|entry| format!("{}: {}", entry.what, entry.why));
        lines.collect()
    }

    /// Every request about containers that needs an engine call.
    pub(crate) fn requests_that_need_the_engine(
        &self,
        running: &Container,
        stopped: &Container,
    ) -> [reqwest::RequestBuilder; 6] {
        [
            self.request(Method::GET, "/v1/containers?audit=true"),
            self.request(Method::POST, "/v1/containers")
                .form(&[("image", "sd-postgres")]),
            self.request(Method::PATCH, &running.uri)
                .form(&[("status", "stopped")]),
            self.request(Method::PATCH, &stopped.uri)
                .form(&[("status", "running")]),
            self.request(Method::DELETE, &running.uri),
            self.request(Method::DELETE, &format!("{}?force=true", stopped.uri)),
        ]
    }

    /// The recorded creates that have no container yet.
    pub(crate) fn open_creations(&self) -> Vec<OperationId> {
        self.registry
            .snapshot()
            .creations()
            .map(|creation| creation.operation)
            .collect()
    }

    /// The number of engine calls of this kind.
    pub(crate) fn calls_of(&self, action: Action) -> usize {
        self.engine
            .calls()
            .iter()
            .filter(|call| call.action() == action)
            .count()
    }

    /// The engine calls that change something, in order.
    pub(crate) fn changes(&self) -> Vec<Action> {
        let actions = self.engine.calls().into_iter().map(|call| call.action());
        actions
            .filter(|action| {
                matches!(
                    action,
                    Action::Create | Action::Start | Action::Stop | Action::Remove
                )
            })
            .collect()
    }
}
