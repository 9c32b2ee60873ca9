//! The running provider.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::keys::Key;
use crate::state::State;
use crate::{authorize, end, token};

/// Somebody who can sign in.
#[derive(Debug, Clone)]
pub struct User {
    /// The subject of their tokens.
    pub id: String,
    /// `name`.
    pub name: String,
    /// `email`.
    pub email: String,
    /// `cognito:groups`.
    pub groups: Vec<String>,
}

impl User {
    /// A user in these groups.
    pub fn new(id: &str, name: &str, groups: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            email: format!("{id}@example.com"),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
        }
    }
}

/// How the provider is.
#[derive(Debug, Clone)]
pub struct Options {
    /// The only client.
    pub client_id: String,
    /// Where the client may be, for the way back from signing in and from signing out.
    pub redirect_uris: Vec<String>,
    /// Who can sign in.
    pub users: Vec<User>,
    /// How long ID and access tokens count.
    pub token_lifetime: Duration,
    /// Whether it names `offline_access` among its scopes. It refuses it in either case: as one
    /// that does not know it, or does not grant it to this client.
    pub names_offline_access: bool,
}

impl Options {
    /// A provider for this client, with a supervisor and an agent.
    pub fn new(client_id: impl Into<String>, redirect_uris: Vec<String>) -> Self {
        Self {
            client_id: client_id.into(),
            redirect_uris,
            users: vec![
                User::new("alice", "Alice Wong", &["agents", "supervisors"]),
                User::new("ben", "Ben Ito", &["agents"]),
            ],
            token_lifetime: Duration::from_secs(300),
            names_offline_access: false,
        }
    }
}

/// A running provider; it ends when it is dropped.
pub struct Provider {
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl Provider {
    /// Starts it on this listener.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn start(listener: TcpListener, options: Options) -> io::Result<Self> {
        let issuer = format!("http://{}", listener.local_addr()?);
        // Making a key keeps a core busy for a while.
        let state = tokio::task::spawn_blocking(move || State::new(issuer, options))
            .await
            .map_err(io::Error::other)?;
        let state = Arc::new(state);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/jwks.json", get(jwks))
            .route("/authorize", get(authorize::page).post(authorize::chosen))
            .route("/token", post(token::answer))
            .route("/revoke", post(end::revoke))
            .route("/logout", get(end::logout))
            .layer(middleware::from_fn_with_state(state.clone(), outage))
            .with_state(state.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the sign-in provider's server ended");
            }
        });
        Ok(Self { state, server })
    }

    /// Its address, as it stands in `iss`.
    pub fn issuer(&self) -> &str {
        &self.state.issuer
    }

    /// The id of its client.
    pub fn client_id(&self) -> &str {
        &self.state.options.client_id
    }

    /// Where its client may be.
    pub fn redirect_uris(&self) -> &[String] {
        &self.state.options.redirect_uris
    }

    /// Whether it answers 503 to everything.
    pub fn set_down(&self, down: bool) {
        self.state.memory().down = down;
    }

    /// How long tokens count that are made from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.state.memory().token_lifetime = lifetime;
    }

    /// Refuses all refresh tokens there are.
    pub fn forget_refresh_tokens(&self) {
        self.state.memory().forget_refresh_tokens();
    }

    /// Asks everybody again who they are.
    pub fn forget_browsers(&self) {
        self.state.memory().browsers.clear();
    }

    /// Signs with a new key from now on, and publishes only that one.
    pub async fn rotate_key(&self) {
        if let Ok(key) = tokio::task::spawn_blocking(Key::new).await {
            self.state.memory().key = Arc::new(key);
        }
    }

    /// How often somebody has signed in with a code.
    pub fn sign_ins(&self) -> u64 {
        self.state.memory().sign_ins
    }

    /// How often tokens were renewed.
    pub fn refreshes(&self) -> u64 {
        self.state.memory().refreshes
    }

    /// A token with these claims, whatever they are.
    pub fn sign(&self, claims: &Value) -> String {
        self.state.memory().key.clone().sign(claims)
    }

    /// The claims of an ID token for this user, as they would be now.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn id_claims(&self, user: &str) -> Value {
        let user = self.state.user(user).expect("there is such a user");
        token::id_claims(&self.state, user, None)
    }

    /// The claims of an access token for this user, as they would be now.
    pub fn access_claims(&self, user: &str) -> Value {
        token::access_claims(&self.state, user)
    }

    /// Its public keys, as it publishes them.
    pub fn jwks(&self) -> Value {
        self.state.memory().key.public()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("issuer", &self.state.issuer)
            .finish_non_exhaustive()
    }
}

async fn outage(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    // Not held while the request is answered.
    let down = state.memory().down;
    if down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    next.run(request).await
}

async fn configuration(Shared(state): Shared<Arc<State>>) -> Response {
    let at = |path: &str| format!("{}/{path}", state.issuer);
    let mut scopes = vec!["openid", "email", "phone", "profile"];
    if state.options.names_offline_access {
        scopes.push("offline_access");
    }
    for_pages(json!({
        "issuer": state.issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "jwks_uri": at("jwks.json"),
        "revocation_endpoint": at("revoke"),
        "end_session_endpoint": at("logout"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["none"],
    }))
}

async fn jwks(Shared(state): Shared<Arc<State>>) -> Response {
    for_pages(state.memory().key.clone().public())
}

/// An answer that pages of all origins may read.
pub(crate) fn for_pages(body: Value) -> Response {
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(body)).into_response()
}
