//! The client: one method per endpoint, which is what makes this file long.
//!
//! It follows no redirect, uses no proxy towards loopback, and sends the credentials to the one
//! address it was given and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
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
use crate::secret::Identity;

/// Long enough for a start that waits its turn at a busy engine. Whatever is still under way then goes on
/// without this client.
const ANSWER_LIMIT: Duration = Duration::from_secs(180);
/// A daemon that cannot be connected to for this long is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest piece of an unexpected answer that is quoted in an error.
const QUOTED_BYTES: usize = 200;

/// A connection to one daemon. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    identity: Option<Arc<Identity>>,
    answer_limit: Duration,
}

impl Client {
    /// A client of the daemon at an address such as `http://127.0.0.1:8080`.
    pub fn new(url: &str) -> Result<Self, Error> {
        let base = parse_base(url)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sd-client/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        builder = if base.scheme() == "https" {
            // Another part of the program may have chosen a provider first; that one is fine as well.
            drop(rustls::crypto::ring::default_provider().install_default());
            builder
        } else {
            // Loading the machine's certificates takes longer than a whole call over clear text.
            builder.tls_backend_preconfigured(without_certificates())
        };
        let http = builder.build().map_err(|error| bad_url(url, innermost(&error)))?;
        Ok(Self {
            http,
            base,
            identity: None,
            answer_limit: ANSWER_LIMIT,
        })
    }

    /// The same client, with credentials.
    #[must_use]
    pub fn with_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.identity = Some(Arc::new(Identity::User {
            name: user.into(),
            password: password.into(),
        }));
        self
    }

    /// The same client, calling as the container that was given this token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.identity = Some(Arc::new(Identity::Container { token: token.into() }));
        self
    }

    /// The same client, waiting this long for each answer instead of three minutes.
    #[must_use]
    pub fn with_answer_limit(mut self, limit: Duration) -> Self {
        self.answer_limit = limit;
        self
    }

    /// Where the daemon is.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Whether the daemon is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// The user whose credentials are sent.
    pub fn user(&self) -> Option<&str> {
        self.identity.as_deref().and_then(Identity::user)
    }

    /// `GET /v1/images`: the images the server can run, sorted.
    pub async fn images(&self) -> Result<Vec<String>, Error> {
        self.call(self.request(Method::GET, self.at(route::IMAGES))).await
    }

    /// `GET /v1/containers`: the containers that match, newest first.
    pub async fn containers(&self, query: &ContainerQuery) -> Result<Vec<Container>, Error> {
        self.call(self.request(Method::GET, self.at(route::CONTAINERS)).query(query))
            .await
    }

    /// `GET /v1/containers/{ref}`: one container, by id, unique id prefix or name.
    pub async fn container(&self, reference: &str) -> Result<Container, Error> {
        self.call(self.request(Method::GET, self.at_container(route::CONTAINER, reference)))
            .await
    }

    /// `POST /v1/containers`: creates a container and waits until it runs.
    pub async fn create(&self, container: &CreateContainer) -> Result<Container, Error> {
        self.call(
            self.request(Method::POST, self.at(route::CONTAINERS))
                .json(container),
        )
        .await
    }

    /// `POST /v1/containers` that may be repeated: the same key gives the same container.
    pub async fn create_once(&self, container: &CreateContainer, key: &str) -> Result<Container, Error> {
        let request = self.request(Method::POST, self.at(route::CONTAINERS));
        self.call(request.header("idempotency-key", key).json(container))
            .await
    }

    /// `PATCH /v1/containers/{ref}`: changes what a container should be doing, or its idle timeout.
    pub async fn update(&self, reference: &str, update: &UpdateContainer) -> Result<Container, Error> {
        self.call(
            self.request(Method::PATCH, self.at_container(route::CONTAINER, reference))
                .json(update),
        )
        .await
    }

    /// Starts a container and waits until it runs.
    pub async fn start(&self, reference: &str) -> Result<Container, Error> {
        self.update(reference, &UpdateContainer::status(DesiredStatus::Running))
            .await
    }

    /// Begins to stop a container; the answer comes while it is still stopping.
    pub async fn stop(&self, reference: &str) -> Result<Container, Error> {
        self.update(reference, &UpdateContainer::status(DesiredStatus::Stopped))
            .await
    }

    /// `DELETE /v1/containers/{ref}`: removes a container and its anonymous volumes, and waits for it.
    pub async fn remove(&self, reference: &str, mode: RemoveMode) -> Result<(), Error> {
        let request = self.request(Method::DELETE, self.at_container(route::CONTAINER, reference));
        self.acknowledge(request.query(&RemoveQuery::from(mode))).await
    }

    /// `POST /v1/containers/{ref}/extend`: stops a container later than it would be.
    pub async fn extend(&self, reference: &str, extension: &ExtendContainer) -> Result<Container, Error> {
        let request = self.request(Method::POST, self.at_container(route::EXTEND, reference));
        self.call(request.json(extension)).await
    }

    /// `GET /v1/containers/{ref}/activity`: who uses a container, and why it is up or not.
    pub async fn activity(&self, reference: &str) -> Result<Activity, Error> {
        self.call(self.request(Method::GET, self.at_container(route::ACTIVITY, reference)))
            .await
    }

    /// `GET /v1/events`: what happens to containers from now on; or what has happened after the event of this
    /// number, as far back as the daemon remembers.
    pub async fn events(&self, after: Option<u64>) -> Result<EventStream, Error> {
        let mut request = self.endless_request(Method::GET, self.at(route::EVENTS));
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        // The stream goes on for as long as somebody listens, but it has to begin.
        let answer = timeout(self.answer_limit, self.send(request)).await;
        let response = answer.unwrap_or_else(|_| Err(self.too_slow()))?;
        EventStream::of(response, self.url(), after)
    }

    /// `POST /v1/check-in`: reports the activity of the container this runs in.
    pub async fn check_in(&self, report: &CheckIn) -> Result<CheckInResponse, Error> {
        let request = self.request(Method::POST, self.at(route::CHECK_IN));
        let response = self.send(request.json(report)).await?;
        Ok(CheckInResponse::from_headers(response.headers()))
    }

    /// `GET /readyz`: whether the daemon can do its work.
    pub async fn ready(&self) -> Result<(), Error> {
        self.acknowledge(self.request(Method::GET, self.at(route::READYZ)))
            .await
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// The path of this pattern; the reference is one segment of it, whatever it contains.
    fn at_container(&self, pattern: &str, reference: &str) -> Url {
        let (before, after) = pattern.split_once(route::REFERENCE).unwrap_or((pattern, ""));
        let mut url = self.at(before);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .push(reference.strip_prefix('/').unwrap_or(reference))
                .extend(after.split_terminator('/').skip(1));
        }
        url
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.endless_request(method, url).timeout(self.answer_limit)
    }

    /// A request whose answer may go on for ever.
    fn endless_request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match self.identity.as_deref() {
            Some(identity) => identity.sign(request),
            None => request,
        }
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Error> {
        let response = self.send(request).await?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.transport(&error))?;
        serde_json::from_slice(&body).map_err(|error| self.undecodable(status, error.to_string()))
    }

    async fn acknowledge(&self, request: RequestBuilder) -> Result<(), Error> {
        self.send(request).await.map(drop)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| self.transport(&error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refusal(response).await)
        }
    }

    async fn refusal(&self, response: Response) -> Error {
        let status = response.status();
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return self.transport(&error),
        };
        if let Ok(problem) = serde_json::from_slice::<Problem>(&body) {
            return Error::Problem(Box::new(problem));
        }
        let quoted = String::from_utf8_lossy(&body[..body.len().min(QUOTED_BYTES)]);
        self.undecodable(status, format!("{:?}", quoted.trim()))
    }

    fn transport(&self, error: &reqwest::Error) -> Error {
        if error.is_timeout() && !error.is_connect() {
            self.too_slow()
        } else {
            Error::unreachable(self.url(), error)
        }
    }

    fn too_slow(&self) -> Error {
        Error::Timeout {
            url: self.url().to_owned(),
            limit: self.answer_limit,
        }
    }

    fn undecodable(&self, status: StatusCode, reason: String) -> Error {
        Error::Decode {
            url: self.url().to_owned(),
            status: status.as_u16(),
            reason,
        }
    }
}

/// A TLS configuration that trusts nobody, for a client that speaks clear text only.
fn without_certificates() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}
