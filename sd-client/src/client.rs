//! The client, with one method per endpoint.
//!
//! It follows no redirects and uses no proxy for loopback, so that credentials are sent only to the
//! configured address.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::Url;

use crate::address::{bad_url, is_loopback, parse_base};
use crate::api::{
    Activity, CheckIn, Container, ContainerQuery, CreateContainer, DesiredStatus, ExtendContainer, Problem,
    RemoveMode, RemoveQuery, UpdateContainer, route,
};
use crate::check_in_response::CheckInResponse;
use crate::error::{Error, innermost};
use crate::events::EventStream;
use crate::names;
use crate::secret::Identity;

/// Default timeout of a response: enough for a start that waits for a busy engine. The daemon finishes a
/// request even if its client has disconnected.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(180);
/// Timeout of opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an unexpected response that an error quotes.
const MAX_QUOTED: usize = 200;

/// A client of one daemon. Clones are cheap and share the connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    identity: Option<Arc<Identity>>,
    response_timeout: Duration,
}

impl Client {
    /// Creates a client for a daemon at an address such as `http://127.0.0.1:8080`. Does not connect yet.
    ///
    /// Fails with [`Error::BadUrl`] if the address is invalid or contains credentials.
    pub fn new(url: &str) -> Result<Self, Error> {
        let base = parse_base(url)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sd-client/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        builder = if base.scheme() == "https" {
            // Fails if another part of the program has installed a provider, which is used then.
            drop(rustls::crypto::ring::default_provider().install_default());
            builder
        } else {
            // Loading the certificates of the machine takes longer than a call over plain HTTP.
            builder.tls_backend_preconfigured(without_certificates())
        };
        let http = builder.build().map_err(|error| bad_url(url, innermost(&error)))?;
        Ok(Self {
            http,
            base,
            identity: None,
            response_timeout: RESPONSE_TIMEOUT,
        })
    }

    /// Sends these credentials with each request.
    #[must_use]
    pub fn with_credentials(mut self, user: impl Into<String>, password: impl Into<SecretString>) -> Self {
        self.identity = Some(Arc::new(Identity::User {
            name: user.into(),
            password: password.into(),
        }));
        self
    }

    /// Sends this token of a container with each request.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<SecretString>) -> Self {
        self.identity = Some(Arc::new(Identity::Container { token: token.into() }));
        self
    }

    /// Sets the timeout of each response. The default is three minutes.
    #[must_use]
    pub fn with_response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// The address of the daemon, without a trailing slash.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Whether the address of the daemon is a loopback address.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// The user whose credentials are sent. Returns `None` without credentials, or with a token.
    pub fn user(&self) -> Option<&str> {
        self.identity.as_deref().and_then(Identity::user)
    }

    /// `GET /v1/images`: the images that the daemon can run, sorted.
    pub async fn images(&self) -> Result<Vec<String>, Error> {
        self.call(self.request(Method::GET, self.url_of(route::IMAGES)))
            .await
    }

    /// `GET /v1/containers`: the containers that match the query, newest first.
    pub async fn containers(&self, query: &ContainerQuery) -> Result<Vec<Container>, Error> {
        self.call(
            self.request(Method::GET, self.url_of(route::CONTAINERS))
                .query(query),
        )
        .await
    }

    /// `GET /v1/containers/{ref}`: one container, by id, unique id prefix or name.
    pub async fn container(&self, reference: &str) -> Result<Container, Error> {
        self.call(self.request(Method::GET, self.url_of_container(route::CONTAINER, reference)))
            .await
    }

    /// `POST /v1/containers`: creates a container and returns when it runs.
    pub async fn create(&self, container: &CreateContainer) -> Result<Container, Error> {
        self.call(
            self.request(Method::POST, self.url_of(route::CONTAINERS))
                .json(container),
        )
        .await
    }

    /// `POST /v1/containers` with an idempotency key: a repeated request with the same key returns the
    /// same container.
    pub async fn create_once(&self, container: &CreateContainer, key: &str) -> Result<Container, Error> {
        let request = self.request(Method::POST, self.url_of(route::CONTAINERS));
        self.call(request.header(names::IDEMPOTENCY_KEY_HEADER, key).json(container))
            .await
    }

    /// `PATCH /v1/containers/{ref}`: changes the desired status or the limits of a container.
    pub async fn update(&self, reference: &str, update: &UpdateContainer) -> Result<Container, Error> {
        self.call(
            self.request(Method::PATCH, self.url_of_container(route::CONTAINER, reference))
                .json(update),
        )
        .await
    }

    /// Starts a container and returns when it runs.
    pub async fn start(&self, reference: &str) -> Result<Container, Error> {
        self.update(reference, &UpdateContainer::status(DesiredStatus::Running))
            .await
    }

    /// Begins to stop a container. Returns while it is still stopping.
    pub async fn stop(&self, reference: &str) -> Result<Container, Error> {
        self.update(reference, &UpdateContainer::status(DesiredStatus::Stopped))
            .await
    }

    /// `DELETE /v1/containers/{ref}`: removes a container and its anonymous volumes, and returns
    /// when they are gone.
    pub async fn remove(&self, reference: &str, mode: RemoveMode) -> Result<(), Error> {
        let request = self.request(Method::DELETE, self.url_of_container(route::CONTAINER, reference));
        self.call_without_body(request.query(&RemoveQuery::from(mode)))
            .await
    }

    /// `POST /v1/containers/{ref}/extend`: postpones a container's stop.
    pub async fn extend(&self, reference: &str, extension: &ExtendContainer) -> Result<Container, Error> {
        let request = self.request(Method::POST, self.url_of_container(route::EXTEND, reference));
        self.call(request.json(extension)).await
    }

    /// `GET /v1/containers/{ref}/activity`: the connections, signals, limits and history of a
    /// container.
    pub async fn activity(&self, reference: &str) -> Result<Activity, Error> {
        self.call(self.request(Method::GET, self.url_of_container(route::ACTIVITY, reference)))
            .await
    }

    /// `GET /v1/events`: the events from now on, or those after the event with the id `after`, as far back
    /// as the daemon stores events.
    pub async fn events(&self, after: Option<u64>) -> Result<EventStream, Error> {
        let mut request = self.streaming_request(Method::GET, self.url_of(route::EVENTS));
        if let Some(id) = after {
            request = request.header(names::LAST_EVENT_ID_HEADER, id);
        }
        // The stream has no end, so the timeout applies to its start only.
        let started = timeout(self.response_timeout, self.send(request)).await;
        let response = started.unwrap_or_else(|_| Err(self.timed_out()))?;
        EventStream::new(response, self.url(), after)
    }

    /// `POST /v1/check-in`: reports the activity of the container that this process runs in.
    pub async fn check_in(&self, report: &CheckIn) -> Result<CheckInResponse, Error> {
        let request = self.request(Method::POST, self.url_of(route::CHECK_IN));
        let response = self.send(request.json(report)).await?;
        Ok(CheckInResponse::from_headers(response.headers()))
    }

    /// `GET /readyz`: succeeds if the daemon is ready.
    pub async fn ready(&self) -> Result<(), Error> {
        self.call_without_body(self.request(Method::GET, self.url_of(route::READYZ)))
            .await
    }

    fn url_of(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// The URL of a route pattern. The reference is escaped as one segment of the path.
    fn url_of_container(&self, pattern: &str, reference: &str) -> Url {
        let (before, after) = pattern.split_once(route::REFERENCE).unwrap_or((pattern, ""));
        let mut url = self.url_of(before);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .push(reference.strip_prefix('/').unwrap_or(reference))
                .extend(after.split_terminator('/').skip(1));
        }
        url
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.streaming_request(method, url).timeout(self.response_timeout)
    }

    /// A request without a timeout, for responses without an end.
    fn streaming_request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match self.identity.as_deref() {
            Some(identity) => identity.sign(request),
            None => request,
        }
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Error> {
        let response = self.send(request).await?;
        let status = response.status();
        let body = response
            .bytes()
            .await
            .map_err(|error| self.transport_error(&error))?;
        serde_json::from_slice(&body).map_err(|error| self.decode_error(status, error.to_string()))
    }

    async fn call_without_body(&self, request: RequestBuilder) -> Result<(), Error> {
        self.send(request).await.map(drop)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request
            .send()
            .await
            .map_err(|error| self.transport_error(&error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.problem(response).await)
        }
    }

    async fn problem(&self, response: Response) -> Error {
        let status = response.status();
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return self.transport_error(&error),
        };
        if let Ok(problem) = serde_json::from_slice::<Problem>(&body) {
            return Error::Problem(Box::new(problem));
        }
        let quoted = String::from_utf8_lossy(&body[..body.len().min(MAX_QUOTED)]);
        self.decode_error(status, format!("{:?}", quoted.trim()))
    }

    fn transport_error(&self, error: &reqwest::Error) -> Error {
        if error.is_timeout() && !error.is_connect() {
            self.timed_out()
        } else {
            Error::unreachable(self.url(), error)
        }
    }

    fn timed_out(&self) -> Error {
        Error::Timeout {
            url: self.url().to_owned(),
            limit: self.response_timeout,
        }
    }

    fn decode_error(&self, status: StatusCode, reason: String) -> Error {
        Error::Decode {
            url: self.url().to_owned(),
            status: status.as_u16(),
            reason,
        }
    }
}

/// A TLS configuration without certificates, for a client that uses plain HTTP only.
fn without_certificates() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}
