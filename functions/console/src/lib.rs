//! The built-in desk: the agents' web page ([`page`]) and its API ([`api`]).
//!
//! The page and its files are public; they hold nothing. The API answers only to requests that
//! API Gateway's authorizer has verified: without claims there is no agent, so there is nothing to
//! see.

mod agent;
mod api;
mod failed;
mod page;
mod view;

use std::convert::Infallible;
use std::sync::Arc;

use handoff::settings::SettingsSource;
use handoff::store::Store;
use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt as _, Response};

use crate::api::ApiError;

/// What the paths begin with. A stage or prefix can come before it.
const ROOT: &str = "console";

/// The function.
#[derive(Debug)]
pub struct Console {
    store: Store,
    settings: Arc<SettingsSource>,
}

impl Console {
    /// The function over this table.
    pub fn new(store: Store, settings: Arc<SettingsSource>) -> Self {
        Self { store, settings }
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
            (&Method::GET | &Method::HEAD, []) => page::file(page::INDEX, request.headers()),
            (&Method::GET | &Method::HEAD, [""]) => page::without_slash(),
            (&Method::GET | &Method::HEAD, [name]) => page::file(name, request.headers()),
            _ => api::answer(Err(ApiError::NoSuchRoute)),
        })
    }
}
