//! The connection to an engine: calls with a time limit.

use std::time::Duration;

use bollard::Docker;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use hyper::{Method, Request, Response};
use parking_lot::Mutex;
use serde::Serialize;

use super::error::{self, CallError};
use super::reply::Reply;
use super::transport::{self, Clients, HttpClient};
use crate::engine::EngineError;

/// A request without bollard.
#[derive(Debug)]
pub(super) struct RawRequest {
    method: Method,
    /// Path and query.
    target: String,
    body: Bytes,
    is_upgrade: bool,
}

impl RawRequest {
    /// A GET request. The target is a path with a query.
    pub(super) fn get(target: String) -> Self {
        Self {
            method: Method::GET,
            target,
            body: Bytes::new(),
            is_upgrade: false,
        }
    }

    /// A POST request. The target is a path with a query.
    pub(super) fn post(target: String) -> Self {
        Self {
            method: Method::POST,
            ..Self::get(target)
        }
    }

    /// The same request with a JSON body.
    pub(super) fn with_json(self, body: &impl Serialize) -> Result<Self, CallError> {
        let body = serde_json::to_vec(body).map_err(|error| CallError::broken(&error))?;
        Ok(Self {
            body: body.into(),
            ..self
        })
    }

    /// The same request, after which the connection carries bytes in both directions.
    pub(super) fn with_upgrade(self) -> Self {
        Self {
            is_upgrade: true,
            ..self
        }
    }

    fn build(self, authority: &str) -> Result<Request<Full<Bytes>>, CallError> {
        let mut builder = Request::builder()
            .method(self.method)
            .uri(format!("http://{authority}{}", self.target));
        if !self.body.is_empty() {
            builder = builder.header(CONTENT_TYPE, "application/json");
        }
        if self.is_upgrade {
            builder = builder.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
        }
        builder
            .body(Full::new(self.body))
            .map_err(|error| CallError::broken(&error))
    }
}

/// The connection to one engine.
pub(super) struct Connection {
    host: String,
    /// Made at the first call that finds the engine's socket: bollard needs an existing one.
    clients: Mutex<Option<Clients>>,
}

impl Connection {
    pub(super) fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            clients: Mutex::new(None),
        }
    }

    /// The address of the engine.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Makes one typed call within a limit.
    pub(super) async fn call<T>(
        &self,
        limit: Duration,
        call: impl AsyncFnOnce(Docker) -> Result<T, bollard::errors::Error>,
    ) -> Result<T, CallError> {
        let docker = self.docker()?;
        match tokio::time::timeout(limit, call(docker)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error::from_bollard(&error, limit)),
            Err(_) => Err(CallError::Failed(EngineError::TimedOut(limit))),
        }
    }

    /// Makes a request and reads the whole response within a limit.
    pub(super) async fn fetch(&self, limit: Duration, request: RawRequest) -> Result<Reply, CallError> {
        let clients = self.clients()?;
        let fetched = async {
            let response = send(&clients.replies, request, &clients.authority).await?;
            read(response).await
        };
        within(limit, fetched).await
    }

    /// Makes a request and returns the response when its head is there, within a limit. The body of an error response
    /// is read and returned as an error.
    pub(super) async fn open(
        &self,
        limit: Duration,
        request: RawRequest,
    ) -> Result<Response<Incoming>, CallError> {
        let clients = self.clients()?;
        let opened = async {
            let response = send(&clients.streams, request, &clients.authority).await?;
            if response.status().is_success() || response.status().is_informational() {
                return Ok(response);
            }
            Err(read(response).await?.refusal())
        };
        within(limit, opened).await
    }

    /// The client for typed calls.
    pub(super) fn docker(&self) -> Result<Docker, CallError> {
        Ok(self.clients()?.docker)
    }

    fn clients(&self) -> Result<Clients, CallError> {
        let mut clients = self.clients.lock();
        if let Some(clients) = &*clients {
            return Ok(clients.clone());
        }
        let connected =
            transport::connect(&self.host).map_err(|error| error::from_bollard(&error, Duration::ZERO))?;
        Ok(clients.insert(connected).clone())
    }
}

async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    tokio::time::timeout(limit, call)
        .await
        .unwrap_or(Err(CallError::Failed(EngineError::TimedOut(limit))))
}

async fn send(
    client: &HttpClient,
    request: RawRequest,
    authority: &str,
) -> Result<Response<Incoming>, CallError> {
    let request = request.build(authority)?;
    client
        .request(request)
        .await
        .map_err(|error| CallError::broken(&error))
}

async fn read(response: Response<Incoming>) -> Result<Reply, CallError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, transport::MAX_REPLY).collect().await;
    let body = body.map_err(|error| CallError::broken(error.as_ref()))?;
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.to_bytes(),
    })
}
