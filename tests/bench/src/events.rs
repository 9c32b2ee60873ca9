//! What the functions are asked, and the state that it needs: one conversation for each start of a
//! process, and in it one event after the other.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use handoff::bells::NoBells;
use handoff::conversation::{Agent, ConversationId, Side};
use handoff::desk::{DeskHttp, DeskSource};
use handoff::files::NoFiles;
use handoff::gptbots::{Client, parse_chat, parse_establish};
use handoff::metrics::Metrics;
use handoff::outbound::Targets;
use handoff::random::Random;
use handoff::secrets::{Secrets, SecretsSource};
use handoff::settings::Settings;
use handoff::time::SystemClock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use relay::{Health, Relay};
use serde_json::{Value, json};
use sha2::Sha256;
use test_support::{TOKEN, TestTable};
use tokio::runtime::Runtime;

use crate::error::BenchError;

/// What the desk of the project's own system signs with here.
const DESK_SECRET: &str = "whsec_YmVuY2htYXJrcyBuZWVkIG5vIHNlY3JldHMhISE=";
/// How many conversations are open where the console looks: a page of them.
const LISTED: usize = 100;
/// When the first line was written, as GPTBots has it: milliseconds.
const BEGUN: i64 = 1_742_265_090_895;

/// A function with something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Task {
    /// Nothing: the floor.
    Empty,
    /// The bare store call of a user's line.
    BareChat,
    /// As many writes as an establish has, in one transaction.
    BareEstablish,
    /// A read, and as many writes as a close has.
    BareClose,
    /// A handoff begins.
    Establish,
    /// A user's line.
    Chat,
    /// The user leaves.
    Close,
    /// The user's line is carried to the console.
    RelayToDesk,
    /// The agent's line is carried to GPTBots.
    RelayToUser,
    /// An agent's line comes from a system of the company's own.
    Desk,
    /// An agent's line comes from the console.
    ConsoleSend,
    /// The console asks what is new.
    ConsoleList,
    /// A minute in which nothing is due.
    Clock,
}

impl Task {
    pub(crate) const ALL: [Self; 13] = [
        Self::Empty,
        Self::BareChat,
        Self::BareEstablish,
        Self::BareClose,
        Self::Establish,
        Self::Chat,
        Self::Close,
        Self::RelayToDesk,
        Self::RelayToUser,
        Self::Desk,
        Self::ConsoleSend,
        Self::ConsoleList,
        Self::Clock,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::BareChat => "bare: put",
            Self::BareEstablish => "bare: transaction of 8",
            Self::BareClose => "bare: get, transaction of 4",
            Self::Establish => "establish",
            Self::Chat => "chat",
            Self::Close => "close",
            Self::RelayToDesk => "relay: to console",
            Self::RelayToUser => "relay: to user",
            Self::Desk => "desk: a line",
            Self::ConsoleSend => "console: a line",
            Self::ConsoleList => "console: look",
            Self::Clock => "clock",
        }
    }

    /// Whether nothing of ours is in it: what the others are held against.
    pub(crate) fn is_floor(self) -> bool {
        self.bare() == Some(self) || self == Self::Empty
    }

    /// The bare store calls that a webhook makes, in the row of a webhook and in their own.
    pub(crate) fn bare(self) -> Option<Self> {
        match self {
            Self::Chat | Self::BareChat => Some(Self::BareChat),
            Self::Establish | Self::BareEstablish => Some(Self::BareEstablish),
            Self::Close | Self::BareClose => Some(Self::BareClose),
            _ => None,
        }
    }

    /// The binary's name.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::RelayToDesk | Self::RelayToUser => "relay",
            Self::Desk => "desk",
            Self::ConsoleSend | Self::ConsoleList => "console",
            Self::BareChat | Self::BareEstablish | Self::BareClose => "bare",
            other => other.name(),
        }
    }
}

/// The table and what is in it.
pub(crate) struct World {
    runtime: Runtime,
    table: TestTable,
    relay: Relay,
    secrets: String,
    conversations: i64,
}

/// A conversation that a process has events of.
pub(crate) struct Talk {
    task: Task,
    id: ConversationId,
    reference: String,
    events: i64,
}

impl World {
    /// What this needs. `others`: the address of a GPTBots and of a desk that take everything.
    pub(crate) fn new(others: &str, task: Task) -> Result<Self, BenchError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let table = runtime.block_on(TestTable::new());
        let secrets = json!({
            "bots": {"*": {"api_key": "app-bench", "base_url": others}},
            "desks": {"own": {
                "kind": "webhooks", "url": others,
                "send_secret": DESK_SECRET, "receive_secret": DESK_SECRET,
            }},
        })
        .to_string();
        let relay = runtime.block_on(async { carrier(&table, &secrets) })?;
        let mut world = Self {
            runtime,
            table,
            relay,
            secrets,
            conversations: 0,
        };
        if task == Task::ConsoleList {
            for _ in 0..LISTED {
                let id = world.next_conversation()?;
                let opened = world.establish(&id, "console");
                world.runtime.block_on(opened)?;
            }
        }
        Ok(world)
    }

    /// The table's own address.
    pub(crate) fn endpoint_url(&self) -> &str {
        self.table.endpoint_url()
    }

    /// What a deployed function of this name has in its environment, beside the table's address.
    pub(crate) fn environment(&self, function: &str) -> Vec<(String, String)> {
        let mut environment = Vec::new();
        let mut set =
            |name: &str, value: &str| environment.push((name.to_owned(), value.to_owned()));
        for (name, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]bench"),
            ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "bench"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("AWS_SESSION_TOKEN", "bench"),
            ("TABLE_NAME", self.table.store.table()),
            ("METRICS_STACK", "bench"),
        ] {
            set(name, value);
        }
        match function {
            "establish" | "chat" | "close" => {
                let hash = handoff::token::Tokens::hash(TOKEN);
                set("WEBHOOK_TOKEN_SHA256", &hash);
            }
            "relay" | "desk" => set("SECRETS_JSON", &self.secrets),
            _ => {}
        }
        environment
    }

    /// A conversation for a process that is about to start, as far as its events need it.
    pub(crate) fn talk(&mut self, task: Task) -> Result<Talk, BenchError> {
        let id = self.next_conversation()?;
        let mut talk = Talk {
            task,
            id: id.clone(),
            reference: String::new(),
            events: 0,
        };
        if matches!(
            task,
            Task::Empty
                | Task::BareChat
                | Task::BareEstablish
                | Task::BareClose
                | Task::Establish
                | Task::Close
                | Task::ConsoleList
                | Task::Clock
        ) {
            return Ok(talk);
        }
        let desk = if task == Task::Desk { "own" } else { "console" };
        let reference = self.runtime.block_on(async {
            self.establish(&id, desk).await?;
            self.carry(&id).await?;
            let known = self.table.store.conversation(&id).await.map_err(failed)?;
            Ok::<_, BenchError>(known.and_then(|known| known.desk_ref))
        })?;
        talk.reference = reference.unwrap_or_default();
        Ok(talk)
    }

    fn next_conversation(&mut self) -> Result<ConversationId, BenchError> {
        self.conversations += 1;
        ConversationId::new(format!("67d8db02{:016x}", self.conversations)).map_err(failed)
    }

    async fn establish(&self, id: &ConversationId, desk: &str) -> Result<(), BenchError> {
        let settings = Settings {
            desk: desk.to_owned(),
            ..Settings::default()
        };
        let establish = parse_establish(&establish(id.as_str())).map_err(failed)?;
        let handoff = settings.handoff(&establish.bot);
        let stored = self.table.store.establish(&establish, &handoff).await;
        stored.map(drop).map_err(failed)
    }

    /// Carries all that waits.
    async fn carry(&self, id: &ConversationId) -> Result<(), BenchError> {
        for side in [Side::Desk, Side::User] {
            let event = serde_json::from_value(rung_by_the_queue(id, side))?;
            let Ok(answer) = self.relay.handle(event).await;
            if !answer.failures.is_empty() {
                return Err(failed("the conversation could not be prepared"));
            }
        }
        Ok(())
    }

    /// The next event, with what it needs in the table.
    pub(crate) fn event(&mut self, talk: &mut Talk) -> Result<Value, BenchError> {
        talk.events += 1;
        let (n, id) = (talk.events, talk.id.clone());
        let at = BEGUN + n;
        let line = format!("Line {n}: could you have a look at my order, please?");
        let store = &self.table.store;
        Ok(match talk.task {
            Task::Empty => webhook("chat.json", &json!({})),
            Task::BareChat => bare(&id, n, false, 1),
            Task::BareEstablish => bare(&id, n, false, 8),
            Task::BareClose => bare(&id, n, true, 4),
            Task::Establish => {
                let id = self.next_conversation()?;
                webhook("establish.json", &establish(id.as_str()))
            }
            Task::Chat => webhook("chat.json", &chat(&id, at, &line)),
            Task::Close => {
                let id = self.next_conversation()?;
                let opened = self.establish(&id, "console");
                self.runtime.block_on(opened)?;
                webhook(
                    "close.json",
                    &json!({"conversation_id": id.as_str(), "timestamp": BEGUN + 1, "type": "USER_CLOSED"}),
                )
            }
            Task::RelayToDesk => {
                let chat = parse_chat(&chat(&id, at, &line)).map_err(failed)?;
                self.runtime
                    .block_on(store.chat(&chat, 90))
                    .map_err(failed)?;
                rung_by_the_stream(&id)
            }
            Task::RelayToUser => {
                let (agent, key) = (agent(), format!("line-{n}"));
                let posted = store.post(&id, &agent, &key, &line, 90);
                self.runtime.block_on(posted).map_err(failed)?;
                rung_by_the_queue(&id, Side::User)
            }
            Task::Desk => signed(&talk.reference, &format!("line-{n}"), &line)?,
            Task::ConsoleSend => {
                let mut event = test_support::event("console-message.json");
                let path = format!("/console/api/conversations/{}/messages", id.to_path());
                event["rawPath"] = json!(path);
                event["requestContext"]["http"]["path"] = json!(path);
                event["body"] =
                    json!(json!({"text": line, "client_id": format!("line-{n:08}")}).to_string());
                event
            }
            Task::ConsoleList => test_support::event("console-list.json"),
            Task::Clock => test_support::event("clock.json"),
        })
    }
}

impl Talk {
    /// # Errors
    /// When the function has not done what it was asked for.
    pub(crate) fn check(&self, answer: &Value) -> Result<(), BenchError> {
        let done = match self.task {
            Task::RelayToDesk | Task::RelayToUser => answer["batchItemFailures"] == json!([]),
            Task::Clock => answer["failed"] == 0,
            _ => answer["statusCode"] == 200,
        };
        if done {
            return Ok(());
        }
        let name = self.task.name();
        Err(BenchError::Function(format!("{name} answered {answer}")))
    }
}

fn carrier(table: &TestTable, secrets: &str) -> Result<Relay, BenchError> {
    let clock = SystemClock::shared();
    let secrets = Secrets::parse(secrets).map_err(failed)?;
    let secrets = Arc::new(SecretsSource::given(secrets, clock.clone()));
    let http = DeskHttp::new(Targets::Local, clock.clone()).map_err(failed)?;
    Ok(Relay {
        store: table.store.clone(),
        settings: table.settings(),
        desks: DeskSource::new(secrets.clone(), http),
        secrets,
        gptbots: Arc::new(Client::new(Targets::Local, clock.clone()).map_err(failed)?),
        files: Arc::new(NoFiles),
        bells: Arc::new(NoBells),
        health: Health::default(),
        clock,
        random: Random::from_entropy(),
        metrics: Metrics::off(),
    })
}

fn failed(error: impl ToString) -> BenchError {
    BenchError::Function(error.to_string())
}

fn agent() -> Agent {
    Agent {
        id: "alice".into(),
        name: "Alice Wong".into(),
    }
}

/// Ten turns of a talk with the bot, as a handoff has them.
fn establish(id: &str) -> Value {
    let turns: Vec<Value> = (0..5)
        .flat_map(|n| {
            [
                json!({"text": format!("Where is my order number {n}?"), "message_type": "QUESTION"}),
                json!({"text": "It left our warehouse this morning and should reach you tomorrow.", "message_type": "ANSWER"}),
            ]
        })
        .collect();
    json!({
        "conversation_id": id, "timestamp": BEGUN, "bot_id": "665d88b03ce2b13cf2d573454",
        "email": "bob@example.com", "body": turns,
        "user_info": {"phone": null, "email": "bob@example.com", "user_id": id, "anonymous_id": id},
    })
}

fn chat(id: &ConversationId, at: i64, text: &str) -> Value {
    json!({"conversation_id": id.as_str(), "timestamp": at, "body": text})
}

/// What `tests/bench/bare` is asked.
fn bare(id: &ConversationId, n: i64, reads: bool, puts: u64) -> Value {
    let key = format!("bare#{id}#{n}");
    // What the event before has written.
    let reads = reads.then(|| format!("bare#{id}#{}", n - 1));
    webhook(
        "chat.json",
        &json!({"key": key, "reads": reads, "puts": puts}),
    )
}

fn webhook(sample: &str, body: &Value) -> Value {
    let mut event = test_support::event(sample);
    event["body"] = json!(body.to_string());
    event
}

fn rung_by_the_queue(id: &ConversationId, side: Side) -> Value {
    let mut event = test_support::event("relay-queue.json");
    let bell = json!({"conversation": id.as_str(), "side": side.as_str()});
    event["Records"][0]["body"] = json!(bell.to_string());
    event
}

fn rung_by_the_stream(id: &ConversationId) -> Value {
    let mut event = test_support::event("relay-stream.json");
    let record = &mut event["Records"][0]["dynamodb"];
    for image in ["Keys", "NewImage"] {
        record[image]["pk"]["S"] = json!(format!("C#{id}"));
    }
    event
}

/// As Standard Webhooks has it.
fn signed(reference: &str, name: &str, text: &str) -> Result<Value, BenchError> {
    let body = json!({"type": "agent.message", "data": {
        "reference": reference, "message_id": name, "text": text,
        "agent": {"id": "alice", "name": "Alice Wong"},
    }})
    .to_string();
    let seconds = SystemClock::shared().now() / 1_000;
    let key = BASE64_STANDARD.decode(DESK_SECRET.trim_start_matches("whsec_"));
    let key = key.map_err(failed)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(failed)?;
    mac.update(format!("{name}.{seconds}.{body}").as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let mut event = test_support::event("desk-events.json");
    event["rawPath"] = json!("/desks/own/events");
    event["requestContext"]["http"]["path"] = json!("/desks/own/events");
    let headers = &mut event["headers"];
    headers["webhook-id"] = json!(name);
    headers["webhook-timestamp"] = json!(seconds.to_string());
    headers["webhook-signature"] = json!(format!("v1,{signature}"));
    event["body"] = json!(body);
    event["isBase64Encoded"] = json!(false);
    Ok(event)
}
