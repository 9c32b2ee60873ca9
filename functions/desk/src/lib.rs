//! `POST /desks/{desk}/events` and `/interactions`, each also as `/desks/{desk}/{token}/…`: what
//! agents do at a help desk.
//!
//! The desk instance says whether a call is its own, before anything of it is read; then what
//! happened is written into the log, and that is all: desks wait seconds at most for an answer. What
//! could not be stored is answered 503, so that the desk sends it again.

mod route;

use std::convert::Infallible;
use std::sync::Arc;

use handoff::desk::{Answer, DeskError, DeskSource, Refused, Unreadable, Unverified};
use handoff::inbound::Inbound;
use handoff::metrics::{Metric, Metrics};
use handoff::settings::SettingsSource;
use handoff::store::{Store, StoreError};
use handoff::text::head;
use handoff::time::SharedClock;
use handoff::webhook::{self, MAX_BODY_BYTES};
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, RequestExt as _, Response};

use crate::route::Called;

/// How much of a name in a path the log shows, in bytes.
const MAX_SHOWN: usize = 64;

/// The function, with all it needs.
pub struct DeskWebhooks {
    /// The table.
    pub store: Store,
    /// The operator's settings.
    pub settings: Arc<SettingsSource>,
    /// The desks.
    pub desks: DeskSource,
    /// Now: signatures are of a time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: Metrics,
}

/// Why a call is not answered with 200.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("no such route")]
    NotFound,
    #[error("body: must be at most 4 MB")]
    TooLarge,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The secret cannot be read, or the instance cannot be used: ours.
    #[error("not possible right now, please try again")]
    Desk(#[from] DeskError),
    #[error("not stored, please try again")]
    Store(#[from] StoreError),
}

impl CallError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(_) => StatusCode::UNAUTHORIZED,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Desk(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl DeskWebhooks {
    /// Answers one request.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer, too.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        let path = request.raw_http_path().to_owned();
        let called = route::of(&path);
        // Where the secret cannot be read, nobody knows yet whether it is a desk's.
        let desk = called.as_ref().map(|called| head(called.desk, MAX_SHOWN));
        let response = match self.take(&request, called.as_ref()).await {
            Ok(answer) => fine(answer),
            Err(error) => {
                match &error {
                    // Nobody's name may fill the log.
                    CallError::NotFound => tracing::warn!("a call for no desk"),
                    CallError::Store(cause) => {
                        tracing::error!(desk, error = %cause, "desk event not stored");
                    }
                    CallError::Desk(cause) => {
                        tracing::error!(desk, error = %cause, "desk cannot be used");
                    }
                    refused => tracing::warn!(desk, error = %refused, "desk call refused"),
                }
                let status = error.status();
                if status.is_client_error() {
                    self.metrics.add(Metric::RefusedWebhooks, 1);
                }
                webhook::refusal(status, &error.to_string())
            }
        };
        self.metrics.flush();
        Ok(response)
    }

    async fn take(
        &self,
        request: &Request,
        called: Option<&Called<'_>>,
    ) -> Result<Answer, CallError> {
        let called = called.ok_or(CallError::NotFound)?;
        if !self.desks.knows(called.desk).await? {
            return Err(CallError::NotFound);
        }
        let body = request.body().as_ref();
        if body.len() > MAX_BODY_BYTES {
            return Err(CallError::TooLarge);
        }
        let call = Unverified {
            route: called.route,
            path_token: called.token,
            headers: request.headers(),
            body,
        };
        let desk = self.desks.get(called.desk).await?;
        let now = self.clock.now();
        let (desk, verified) = match desk.verify(call.clone(), now) {
            // Its credentials may have been replaced.
            Err(Refused::Signature | Refused::PathToken) => {
                let (newer, _) = self.desks.get_again(called.desk).await?;
                let verified = newer.verify(call, now)?;
                (newer, verified)
            }
            verified => (desk, verified?),
        };
        let received = desk.parse(verified)?;
        let settings = self.settings.get().await;
        let inbound = Inbound {
            store: &self.store,
            settings: &settings,
            desk: called.desk,
        };
        if let Some(signed) = &received.signed
            && !self.store.is_first_delivery(called.desk, signed).await?
        {
            return Err(Refused::Repeated.into());
        }
        for event in &received.events {
            inbound.take(event).await?;
        }
        Ok(received.answer)
    }
}

fn fine(answer: Answer) -> Response<Body> {
    let (kind, body) = match answer {
        Answer::Empty => return Response::new(Body::Empty),
        Answer::Json(json) => return webhook::json(StatusCode::OK, &json),
        Answer::Text(text) => ("text/plain; charset=utf-8", Body::Text(text)),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
