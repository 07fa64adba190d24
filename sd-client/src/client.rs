//! The client: one method per endpoint, which is what makes this file long.
//!
//! It follows no redirect, uses no proxy towards loopback, and sends the credentials to the one
//! address it was given and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use crate::api::{
    CheckIn, Container, ContainerQuery, CreateContainer, DesiredStatus, Problem, RemoveMode, RemoveQuery,
    UpdateContainer, route,
};
use crate::error::{Error, Sent};

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
    credentials: Option<Arc<Credentials>>,
    answer_limit: Duration,
}

struct Credentials {
    user: String,
    password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
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
            credentials: None,
            answer_limit: ANSWER_LIMIT,
        })
    }

    /// The same client, with credentials.
    #[must_use]
    pub fn with_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some(Arc::new(Credentials {
            user: user.into(),
            password: password.into(),
        }));
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
        self.credentials
            .as_deref()
            .map(|credentials| credentials.user.as_str())
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
        self.call(self.request(Method::GET, self.at_container(reference)))
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
            self.request(Method::PATCH, self.at_container(reference))
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
        let request = self.request(Method::DELETE, self.at_container(reference));
        self.acknowledge(request.query(&RemoveQuery::from(mode))).await
    }

    /// `POST /v1/check-in`: reports the activity of the container this runs in.
    pub async fn check_in(&self, report: &CheckIn) -> Result<(), Error> {
        self.acknowledge(self.request(Method::POST, self.at(route::CHECK_IN)).json(report))
            .await
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

    /// The reference is one path segment, whatever it contains.
    fn at_container(&self, reference: &str) -> Url {
        let mut url = self.at(route::CONTAINERS);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(reference.strip_prefix('/').unwrap_or(reference));
        }
        url
    }

    fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        let request = self.http.request(method, url).timeout(self.answer_limit);
        match &self.credentials {
            Some(credentials) => request.basic_auth(&credentials.user, Some(&credentials.password)),
            None => request,
        }
    }

    async fn call<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Error> {
        let response = self.send(request).await?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.transport(&error))?;
        serde_json::from_slice(&body).map_err(|error| self.undecodable(status, error.to_string()))
    }

    async fn acknowledge(&self, request: reqwest::RequestBuilder) -> Result<(), Error> {
        self.send(request).await.map(drop)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Error> {
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
        let url = self.url().to_owned();
        if error.is_timeout() && !error.is_connect() {
            return Error::Timeout {
                url,
                limit: self.answer_limit,
            };
        }
        let sent = if error.is_connect() {
            Sent::No
        } else {
            Sent::Perhaps
        };
        Error::Unreachable {
            url,
            reason: innermost(error),
            sent,
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

fn parse_base(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| bad_url(text, error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad_url(
            text,
            "it must begin with http:// or https:// and name a host".to_owned(),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad_url(
            "***",
            "credentials do not belong into the address".to_owned(),
        ));
    }
    Ok(url)
}

fn bad_url(url: &str, reason: String) -> Error {
    Error::BadUrl {
        url: url.to_owned(),
        reason,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
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

/// The cause that tells a person something; what wraps it repeats the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
