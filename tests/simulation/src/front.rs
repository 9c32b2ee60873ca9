//! Calls of the bridge: webhooks and the console's API, through the product's own handlers.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use establish::Establish;
use handoff::metrics::Metrics;
use handoff::settings::{Retention, SettingsSource};
use handoff::time::Millis;
use handoff::token::Tokens;
use handoff::webhook;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::http::{Method, header};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _};
use serde_json::{Value, json};

use crate::ledger::{Told, Word};
use crate::plan::Post;
use crate::process::Front;
use crate::world::{World, pause};

const TOKEN: &str = "token";
/// The timeout of the functions that answer requests, in the template.
const LONGEST: Duration = Duration::from_secs(10);
/// How often an agent's page sends a line again that got no answer.
const PAGE_TRIES: u32 = 4;

static TOKENS: LazyLock<Tokens> =
    LazyLock::new(|| Tokens::parse(&Tokens::hash(TOKEN)).expect("a hash is one"));

/// A webhook of GPTBots'.
pub(crate) struct Webhook {
    pub(crate) conversation: usize,
    pub(crate) word: Word,
    pub(crate) route: &'static str,
    pub(crate) body: Value,
}

impl Webhook {
    /// Sends it, and again where it is not taken. Whether it was. A second copy goes its own way.
    pub(crate) async fn send(self, world: &Arc<World>, post: &Post) -> bool {
        pause(post.late).await;
        let told = tell(world, self.conversation, self.word.clone());
        let this = Arc::new(self);
        if let Some(ms) = post.again {
            let (world, this) = (world.clone(), this.clone());
            let busy = world.busy();
            tokio::spawn(async move {
                pause(ms).await;
                this.copy(&world, told).await;
                drop(busy);
            });
        }
        this.copy(world, told).await
    }

    async fn copy(&self, world: &Arc<World>, told: usize) -> bool {
        for attempt in 0..=world.plan.shape.webhook_retries {
            if attempt > 0 {
                pause(2_000 << attempt).await;
            }
            let request = request(Method::POST, &format!("/{TOKEN}{}", self.route), &self.body);
            let status = call(world, request, async |front: &Front, request| {
                let answered = match self.route {
                    "/chat" => {
                        let chat = chat::Chat(webhook(front, retention(world, front).await));
                        chat.handle(request).await
                    }
                    "/conversation/close" => {
                        let close = close::Close(webhook(front, retention(world, front).await));
                        close.handle(request).await
                    }
                    _ => {
                        let establish = Establish(webhook(front, front.settings.clone()));
                        establish.handle(request).await
                    }
                };
                match answered {
                    Ok(response) => (response.status().as_u16(), Value::Null),
                    Err(never) => match never {},
                }
            })
            .await
            .map(|(status, _)| status);
            if put_down(world, told, status) {
                return status == Some(200);
            }
        }
        false
    }
}

fn webhook<S>(front: &Front, settings: Arc<SettingsSource<S>>) -> webhook::Webhook<S> {
    webhook::Webhook {
        store: front.store.clone(),
        settings,
        tokens: TOKENS.clone(),
        metrics: Metrics::off(),
    }
}

/// What lines and ends need of the settings, which one process has read for all here.
async fn retention(world: &Arc<World>, front: &Front) -> Arc<SettingsSource<Retention>> {
    let days = front.settings.get().await.retention_days;
    let source = SettingsSource::new(front.store.clone(), front.process.clock(world));
    Arc::new(source.with_read(Retention { days }))
}

/// Begins a line of the ledger.
fn tell(world: &World, conversation: usize, word: Word) -> usize {
    let begun = world.now();
    let mut state = world.state();
    state.ledger.told.push(Told {
        conversation,
        word,
        begun,
        accepted: None,
        unclear: false,
        refused: None,
    });
    state.ledger.told.len() - 1
}

/// Puts down how a request was answered. Whether that is the last word.
fn put_down(world: &World, told: usize, status: Option<u16>) -> bool {
    let now = world.now();
    let mut state = world.state();
    let line = &mut state.ledger.told[told];
    let (conversation, word) = (line.conversation, line.word.clone());
    let last = match status {
        Some(200) => {
            line.accepted.get_or_insert(now);
            true
        }
        None | Some(500..) => {
            line.unclear = true;
            false
        }
        Some(status) => {
            line.refused = Some((now, status));
            true
        }
    };
    drop(state);
    world.note(format_args!("c{conversation} {word:?}: {status:?}"));
    last
}

/// A call of the console's API by an agent, again and again until it is answered.
async fn console(
    world: &Arc<World>,
    agent: u8,
    method: Method,
    path: &str,
    body: &Value,
    told: Option<usize>,
) -> Option<(u16, Value)> {
    for attempt in 0..PAGE_TRIES {
        if attempt > 0 {
            pause(1_000 << attempt).await;
        }
        let request = request(method.clone(), path, body).with_request_context(context(agent));
        let answer = call(world, request, async |front: &Front, request| {
            let console = ::console::Console::new(front.store.clone(), front.settings.clone());
            match console.handle(request).await {
                Ok(response) => {
                    let body = serde_json::from_slice(response.body()).unwrap_or_default();
                    (response.status().as_u16(), body)
                }
                Err(never) => match never {},
            }
        })
        .await;
        let status = answer.as_ref().map(|(status, _)| *status);
        let last = match told {
            Some(told) => put_down(world, told, status),
            None => status.is_some_and(|status| status < 500),
        };
        if last {
            return answer;
        }
    }
    None
}

fn route(world: &World, conversation: usize, rest: &str) -> String {
    let id = handoff::conversation::ConversationId::new(world.id(conversation))
        .expect("the simulation's ids are valid");
    format!("/console/api/conversations/{}{rest}", id.to_path())
}

/// An agent writes a line.
pub(crate) async fn writes(
    world: &Arc<World>,
    conversation: usize,
    agent: u8,
    token: &str,
    twice: bool,
) {
    let told = tell(world, conversation, Word::Wrote(token.to_owned()));
    let path = route(world, conversation, "/messages");
    let body = json!({"text": format!("[{token}] said the agent"), "client_id": token});
    let send = || console(world, agent, Method::POST, &path, &body, Some(told));
    if twice {
        tokio::join!(send(), send());
    } else {
        send().await;
    }
}

/// An agent takes the conversation.
pub(crate) async fn claims(world: &Arc<World>, conversation: usize, agent: u8) {
    let told = tell(world, conversation, Word::Claimed(agent));
    let path = route(world, conversation, "/claim");
    console(world, agent, Method::POST, &path, &json!({}), Some(told)).await;
}

/// An agent ends the conversation.
pub(crate) async fn closes(world: &Arc<World>, conversation: usize) {
    let told = tell(world, conversation, Word::Closed);
    let path = route(world, conversation, "/close");
    console(world, 0, Method::POST, &path, &json!({}), Some(told)).await;
}

/// An agent replays whatever has failed.
pub(crate) async fn replays(world: &Arc<World>, conversation: usize, twice: bool) {
    let path = route(world, conversation, "");
    let Some((200, shown)) = console(world, 0, Method::GET, &path, &Value::Null, None).await else {
        return;
    };
    let entries = shown["entries"].as_array().cloned().unwrap_or_default();
    for entry in entries.iter().filter(|entry| entry["delivery"] == "failed") {
        let id = entry["id"].as_str().unwrap_or_default();
        world.note(format_args!("c{conversation}: an agent replays {id}"));
        let path = route(world, conversation, &format!("/entries/{id}/replay"));
        let press = || console(world, 0, Method::POST, &path, &Value::Null, None);
        if twice {
            tokio::join!(press(), press());
        } else {
            press().await;
        }
    }
}

fn request(method: Method, path: &str, body: &Value) -> Request {
    let body = if body.is_null() {
        Body::Empty
    } else {
        Body::Text(body.to_string())
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    request.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    request.with_raw_http_path(path)
}

fn context(agent: u8) -> RequestContext {
    let context: ApiGatewayV2httpRequestContext = serde_json::from_value(json!({
        "timeEpoch": 0,
        "http": {"method": "POST"},
        "authorizer": {"jwt": {"claims": {"sub": format!("agent{agent}"), "name": "Ann"}}},
    }))
    .expect("the context is one");
    RequestContext::ApiGatewayV2(context)
}

/// Lets a process answer a request. `None`: it was killed, or took too long.
async fn call(
    world: &Arc<World>,
    request: Request,
    handle: impl AsyncFnOnce(&Front, Request) -> (u16, Value),
) -> Option<(u16, Value)> {
    let idle = world.state().pools.fronts.pop();
    let front = idle.unwrap_or_else(|| Front::start(world));
    let answered = front
        .process
        .run(world, LONGEST, handle(&front, request))
        .await;
    match answered {
        Ok(answer) => {
            world.state().pools.fronts.push(front);
            let back: Millis = 5;
            pause(back).await;
            Some(answer)
        }
        Err(_died) => None,
    }
}
