//! An API Gateway HTTP API in front of functions, with payload format 2.0.
//!
//! See <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.

mod event;
mod jwt;
mod response;
mod routes;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{Error, SharedFunction};
pub use jwt::{JwtAuthorizer, JwtRefusal};
use routes::Routes;

/// The largest request body in bytes; see
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The largest event, and the largest answer, of a synchronous invocation in bytes; see
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const INVOCATION_LIMIT: usize = 6 * 1024 * 1024;

/// How much of a body that is too large is read before the connection is given up, so that a
/// client which sends everything first still sees the answer.
const DRAIN_LIMIT: usize = 64 * 1024 * 1024;

/// How long an integration may take at most, by the same page of quotas.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

type Authorizer = dyn Fn(&Parts, &str) -> Option<Value> + Send + Sync;
type Guarded = dyn Fn(&str) -> bool + Send + Sync;
type Guard = dyn Fn(&Parts) -> Result<(), (StatusCode, String)> + Send + Sync;

/// Routes to functions, and what is asked before a function is.
#[derive(Default)]
pub struct Gateway {
    routes: Routes<SharedFunction>,
    authorizer: Option<Box<Authorizer>>,
    jwt: Option<(Arc<JwtAuthorizer>, Box<Guarded>)>,
    guard: Option<Box<Guard>>,
    pages: Option<Router>,
    timeout: Option<Duration>,
}

impl Gateway {
    /// A gateway without routes: it answers 404 to everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route, such as `POST /{token}/chat`, `GET /console/{file+}` or `ANY /{rest+}`.
    ///
    /// A request goes to the route that matches best: one without a greedy variable before one
    /// with, and within those a fixed segment before a variable and a method before `ANY`; see
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>.
    ///
    /// # Errors
    /// `key` is not a route key, or there already is such a route.
    pub fn route(mut self, key: &str, function: SharedFunction) -> Result<Self, Error> {
        self.routes.add(key, function)?;
        Ok(self)
    }

    /// Sets what becomes `requestContext.authorizer`, from the request and its route key: what a
    /// JWT authorizer would put there is `{"jwt": {"claims": {…}, "scopes": null}}`.
    #[must_use]
    pub fn authorizer(
        mut self,
        authorizer: impl Fn(&Parts, &str) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        self.authorizer = Some(Box::new(authorizer));
        self
    }

    /// Guards the routes of these keys by a JWT authorizer, whose claims become
    /// `requestContext.authorizer`; without a token that it takes the answer is 401.
    #[must_use]
    pub fn jwt_authorizer(
        mut self,
        authorizer: Arc<JwtAuthorizer>,
        guarded: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.jwt = Some((authorizer, Box::new(guarded)));
        self
    }

    /// Sets what every request has to pass first, the merged pages' included. A refusal is
    /// answered with its status and `{"message": "<its text>"}`.
    #[must_use]
    pub fn guard(
        mut self,
        guard: impl Fn(&Parts) -> Result<(), (StatusCode, String)> + Send + Sync + 'static,
    ) -> Self {
        self.guard = Some(Box::new(guard));
        self
    }

    /// Adds pages that no function serves; they go before the routes.
    #[must_use]
    pub fn merge(mut self, pages: Router) -> Self {
        self.pages = Some(match self.pages.take() {
            Some(present) => present.merge(pages),
            None => pages,
        });
        self
    }

    /// Sets how long a function may take before the client gets 503: 30 seconds unless set, the
    /// most that API Gateway allows.
    #[must_use]
    pub fn integration_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The gateway as an axum router, for a server of the caller's own. It has to be served with
    /// `into_make_service_with_connect_info::<SocketAddr>()`, or events carry no source address.
    pub fn into_router(mut self) -> Router {
        let pages = self.pages.take().unwrap_or_default();
        let gateway = Arc::new(self);
        pages
            .fallback({
                let gateway = Arc::clone(&gateway);
                move |request: Request| async move { gateway.handle(request).await }
            })
            .layer(middleware::from_fn_with_state(gateway, guarded))
    }

    /// Serves on `listener` until `shutdown` resolves; requests under way are finished.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        let service = self
            .into_router()
            .into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, service)
            .with_graceful_shutdown(shutdown)
            .await
            .map_err(Error::Io)
    }

    async fn handle(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let path = event::decoded_path(parts.uri.path());
        let Some(found) = self.routes.find(parts.method.as_str(), &path) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let body = match collected(body).await {
            Ok(body) => body,
            Err(status) => return message(status, status.canonical_reason().unwrap_or_default()),
        };
        let authorizer = match &self.jwt {
            Some((jwt, guarded)) if guarded(found.key) => match jwt.authorize(&parts.headers) {
                Ok(claims) => Some(claims),
                Err(refused) => {
                    tracing::info!(route = found.key, ?refused, "token refused");
                    return unauthorized();
                }
            },
            _ => self
                .authorizer
                .as_ref()
                .and_then(|authorizer| authorizer(&parts, found.key)),
        };
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let request_id = event::request_id();
        let event = event::of(event::Source {
            parts: &parts,
            path: &path,
            body: &body,
            route_key: found.key,
            path_parameters: found.parameters,
            authorizer,
            peer: peer.map(|ConnectInfo(address)| *address),
            request_id: &request_id,
        });
        // Base64 can push a body that the gateway accepts over what Lambda accepts.
        if event.to_string().len() > INVOCATION_LIMIT {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return message(status, "Request Entity Too Large");
        }
        let timeout = self.timeout.unwrap_or(INTEGRATION_TIMEOUT);
        let answered = tokio::time::timeout(timeout, found.target.invoke(event)).await;
        let mut response = match answered {
            Err(_elapsed) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Ok(Err(error)) => {
                tracing::warn!(route = found.key, error, "function failed");
                internal_server_error()
            }
            Ok(Ok(answer)) => response::of(&answer).unwrap_or_else(|error| {
                tracing::warn!(
                    route = found.key,
                    error,
                    "function answered with no response"
                );
                internal_server_error()
            }),
        };
        if let Ok(request_id) = request_id.parse() {
            response.headers_mut().insert("apigw-requestid", request_id);
        }
        response
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Gateway")
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}

async fn guarded(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(guard) = &gateway.guard
        && let Err((status, text)) = guard(&parts)
    {
        return message(status, &text);
    }
    next.run(Request::from_parts(parts, body)).await
}

/// The whole body, or why there is none.
async fn collected(body: Body) -> Result<Vec<u8>, StatusCode> {
    let mut stream = body.into_data_stream();
    let mut collected = Vec::new();
    let mut length = 0_usize;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        length += chunk.len();
        if length <= BODY_LIMIT {
            collected.extend_from_slice(&chunk);
        } else {
            collected = Vec::new();
        }
        if length > DRAIN_LIMIT {
            break;
        }
    }
    if length > BODY_LIMIT {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(collected)
}

fn message(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

fn unauthorized() -> Response {
    let mut response = message(StatusCode::UNAUTHORIZED, "Unauthorized");
    let bearer = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, bearer);
    response
}

fn internal_server_error() -> Response {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}
