//! The built-in desk: the agents' web page ([`page`]) and its API ([`api`]).
//!
//! The page and its files are public; they hold nothing. The page signs agents in ([`SignIn`]); the
//! API answers only to requests that API Gateway's authorizer has verified: without claims there is
//! no agent, so there is nothing to see.

mod agent;
mod api;
mod canned;
mod erasure;
mod failed;
mod list;
mod page;
mod person;
mod settings;
mod sign_in;
mod statistics;
mod supervise;
mod team;
mod view;
mod work;

#[cfg(test)]
#[path = "../build/bundle.rs"]
mod bundle;

use std::convert::Infallible;
use std::sync::Arc;

use handoff::files::{Files, NoFiles};
use handoff::settings::SettingsSource;
use handoff::store::Store;
use handoff::time::{SharedClock, SystemClock};
use handoff::webhook::json;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, RequestExt as _, Response};
use serde_json::json;

pub use crate::sign_in::{SignIn, SignInError};

use crate::api::ApiError;
use crate::page::Page;

/// What the paths begin with. A stage or prefix can come before it.
const ROOT: &str = "console";
/// Where those who look from outside learn with whom agents sign in; the page brings it along.
const SIGN_IN: &str = "sign-in.json";

/// The function.
pub struct Console {
    store: Store,
    settings: Arc<SettingsSource>,
    files: Arc<dyn Files>,
    clock: SharedClock,
    sign_in: Option<SignIn>,
    page: Page,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

impl Console {
    /// The function over this table, by the machine's clock and without a provider to sign in
    /// with: its API answers whom an authorizer has verified, whoever that is.
    pub fn new(store: Store, settings: Arc<SettingsSource>) -> Self {
        Self {
            store,
            settings,
            files: Arc::new(NoFiles),
            clock: SystemClock::shared(),
            sign_in: None,
            page: Page::new(None),
        }
    }

    /// With this clock, by which tokens expire.
    #[must_use]
    pub fn with_clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// With this bucket, out of which files go with the conversation that is erased.
    #[must_use]
    pub fn with_files(mut self, files: Arc<dyn Files>) -> Self {
        self.files = files;
        self
    }

    /// With this provider: the page signs in with it, and the API answers only to its claims.
    #[must_use]
    pub fn with_sign_in(mut self, sign_in: Option<SignIn>) -> Self {
        self.page = Page::new(sign_in.as_ref());
        self.sign_in = sign_in;
        self
    }

    /// Answers one request.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer, too.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        let path = request.raw_http_path().to_owned();
        let segments: Vec<&str> = path
            .split('/')
            .skip_while(|segment| *segment != ROOT)
            .skip(1)
            .collect();
        Ok(match (request.method(), segments.as_slice()) {
            (_, ["api", route @ ..]) => api::answer(self.api(&request, route).await),
            (&Method::GET | &Method::HEAD, []) => {
                self.page.file(None, page::INDEX, request.headers())
            }
            (&Method::GET | &Method::HEAD, [""]) => page::without_slash(),
            (&Method::GET, [SIGN_IN]) => json(StatusCode::OK, &json!({"sign_in": self.sign_in})),
            (&Method::GET | &Method::HEAD, [name]) => self.page.file(None, name, request.headers()),
            (&Method::GET | &Method::HEAD, [folder, name]) => {
                self.page.file(Some(folder), name, request.headers())
            }
            _ => api::answer(Err(ApiError::NoSuchRoute)),
        })
    }
}
