//! What only supervisors may: figures, the settings, and what is kept of people, handed out and erased.

use handoff::export::{as_json, as_text};
use lambda_http::http::Method;
use lambda_http::{Request, RequestExt as _};
use serde_json::{Value, json};

use crate::agent::Caller;
use crate::api::{ApiError, body, invalid, known};
use crate::{Console, settings};

/// The most an export may take, in bytes of JSON: a function's answer ends at 6 MB, in which it is
/// JSON within JSON.
const MAX_EXPORT: usize = 2 * 1024 * 1024;

impl Console {
    /// Answers a call that only supervisors may make; `None`: it is none.
    pub(crate) async fn supervised(
        &self,
        caller: &Caller,
        request: &Request,
        route: &[&str],
    ) -> Option<Result<Value, ApiError>> {
        let method = request.method();
        let is_mine = matches!(
            (method, route),
            (
                &Method::GET,
                ["statistics" | "people"] | ["settings", "schema"]
            ) | (&Method::GET | &Method::POST, ["erasures" | "settings"])
                | (&Method::POST, ["settings", "check"])
                | (&Method::GET, ["conversations", _, "export"])
        );
        if !is_mine {
            return None;
        }
        if !caller.is_supervisor() {
            return Some(Err(ApiError::NotAllowed));
        }
        Some(match route {
            ["statistics"] => self.statistics(request).await,
            ["people"] => self.people(request).await,
            ["erasures"] if method == Method::POST => match body(request) {
                Ok(body) => self.erase(&caller.agent, &body).await,
                Err(error) => Err(error),
            },
            ["erasures"] => self.erasures().await,
            ["settings", "schema"] => Ok(settings::schema()),
            ["settings", "check"] => body(request).and_then(|body| self.check_settings(&body)),
            ["settings"] if method == Method::POST => match body(request) {
                Ok(body) => self.put_settings(&caller.agent, &body).await,
                Err(error) => Err(error),
            },
            ["settings"] => self.stored_settings().await,
            [_, id, ..] => self.export(request, id).await,
            _ => Err(ApiError::NoSuchRoute),
        })
    }

    /// `GET conversations/{id}/export?format=json|text`: all that is kept of a conversation.
    async fn export(&self, request: &Request, id: &str) -> Result<Value, ApiError> {
        let export = self.store.export(&known(id)?).await?;
        let export = export.ok_or(ApiError::NoSuchConversation)?;
        let query = request.query_string_parameters();
        let answer = match query.first("format").unwrap_or("json") {
            "json" => json!({"export": as_json(&export)}),
            "text" => json!({"text": as_text(&export)}),
            _ => return Err(invalid("format: must be json or text")),
        };
        if answer.to_string().len() > MAX_EXPORT {
            return Err(ApiError::Conflict(
                "This conversation is too long to be handed out here: use the command line (operator export)."
                    .to_owned(),
            ));
        }
        Ok(answer)
    }
}
