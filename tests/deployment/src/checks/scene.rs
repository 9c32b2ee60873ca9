//! The deployed stack, with everybody around it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gptbots_stand_in::{Bot, ConversationId, Options, StandIn, UserId, UserProfile};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::Child;

use crate::agent::Agent;
use crate::aws::aws;
use crate::browser::{self, Account};
use crate::error::{Error, ensure};
use crate::marks::{Marks, random_hex};
use crate::report::say;
use crate::stack::{self, Stack};
use crate::world::{self, GPTBOTS_HOST, World};
use crate::{edge, emulator};

/// How long something that takes seconds may take on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The bot with a key of its own in the secret; the other one's is under `*`.
pub(crate) const OWN_KEY_BOT: &str = "665d88b03ce2b13cf2d573454";
/// The bot whose key is replaced.
pub(crate) const ANY_KEY_BOT: &str = "665d88b03ce2b13cf2d573455";

/// A user in a human conversation.
#[derive(Debug, Clone)]
pub(crate) struct Chat {
    pub(crate) user: UserId,
    pub(crate) id: ConversationId,
}

/// Who and what the checks play with.
pub(crate) struct Scene {
    pub(crate) folder: PathBuf,
    pub(crate) template: PathBuf,
    pub(crate) stack: Stack,
    pub(crate) gptbots: StandIn,
    pub(crate) agent: Agent,
    pub(crate) agent_name: String,
    /// The token in the path of the webhooks.
    pub(crate) token: String,
    /// The API keys: of the bot with its own, and of all others.
    pub(crate) keys: [String; 2],
    marks: Mutex<Marks>,
    _emulator: Child,
}

impl Scene {
    /// Starts the emulated account, deploys into it and signs an agent in, step by step as the
    /// README says.
    pub(crate) async fn set(world: &World, folder: &Path) -> Result<Self, Error> {
        let mut marks = Marks::default();
        let emulator = emulator::start(folder).await?;
        let keys = [marks.make("API key"), marks.make("API key")];
        let gptbots = gptbots(&keys).await?;
        edge::serve(&world.certificates, &gptbots.base_url()).await?;

        let template = stack::adapt(folder)?;
        let token = marks.make("webhook token");
        stack::deploy(&template, &parameters(&[&token], "INFO")).await?;
        let stack = Stack::describe().await?;
        say(&format!(
            "sam deploy made {} functions, {} roles, {} routes, {} alarms",
            stack.of_type("AWS::Lambda::Function").len(),
            stack.of_type("AWS::IAM::Role").len(),
            stack.of_type("AWS::ApiGatewayV2::Route").len(),
            stack.of_type("AWS::CloudWatch::Alarm").len(),
        ));

        let webhooks = stack
            .output("WebhookBaseUrl")?
            .replace("YOUR_TOKEN", &token);
        if let Some(host) = webhooks.split('/').nth(2) {
            world::name_here(host)?;
        }
        gptbots.set_webhook_base_url(webhooks);
        put_keys(&stack, &keys).await?;

        let agent_name = marks.make("agent's name");
        let account = account(&mut marks);
        add_agent(&stack, &account, &agent_name).await?;
        let console = stack.output("ConsoleUrl")?;
        let id_token = browser::sign_in(&console, &account).await?;
        marks.also("ID token", &id_token);
        Ok(Self {
            folder: folder.to_owned(),
            template,
            agent: Agent::new(&console, &id_token)?,
            stack,
            gptbots,
            agent_name,
            token,
            keys,
            marks: Mutex::new(marks),
            _emulator: emulator,
        })
    }

    /// A new user asks the bot for a person, and GPTBots is told yes.
    pub(crate) async fn begin(&self, bot: &str, profile: UserProfile) -> Result<Chat, Error> {
        let user = self
            .gptbots
            .new_user(bot, profile)
            .await
            .map_err(|error| Error::Failed(error.to_string()))?;
        let id = self
            .gptbots
            .ask_for_human(&user)
            .await
            .map_err(|error| Error::Failed(error.to_string()))?;
        Ok(Chat { user, id })
    }

    /// As [`Scene::begin`], with the greeting on the user's screen.
    pub(crate) async fn begin_greeted(&self) -> Result<Chat, Error> {
        let chat = self.begin(ANY_KEY_BOT, UserProfile::default()).await?;
        self.sees(&chat, 1).await?;
        Ok(chat)
    }

    /// Waits until the user has so many lines from the bridge; their texts.
    pub(crate) async fn sees(&self, chat: &Chat, lines: usize) -> Result<Vec<String>, Error> {
        use gptbots_stand_in::Author;
        let view = self
            .gptbots
            .wait_for(
                &chat.user,
                |view| view.texts(Author::Human).len() >= lines,
                PATIENCE,
            )
            .await
            .map_err(|late| {
                let seen = late.last.texts(Author::Human).len();
                Error::Failed(format!("the user sees {seen} lines instead of {lines}"))
            })?;
        let texts = view.texts(Author::Human);
        Ok(texts.into_iter().map(str::to_owned).collect())
    }

    /// A value that must not turn up in a log.
    pub(crate) fn mark(&self, what: &'static str) -> String {
        self.marks().make(what)
    }

    /// All such values.
    pub(crate) fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of the webhooks with this token.
    pub(crate) fn webhooks(&self, token: &str) -> Result<String, Error> {
        let base = self.stack.output("WebhookBaseUrl")?;
        Ok(base.replace("YOUR_TOKEN", token))
    }
}

/// The parameters of the deployment.
pub(crate) fn parameters(tokens: &[&str], log_level: &str) -> Vec<(&'static str, String)> {
    let hashes: Vec<String> = tokens.iter().map(|token| stack::hash(token)).collect();
    vec![
        ("WebhookTokenSha256", hashes.join(",")),
        ("CertificatesFile", world::LAMBDA_CERTIFICATES.to_owned()),
        ("Architecture", "x86_64".to_owned()),
        ("LogLevel", log_level.to_owned()),
        ("AlarmEmail", "operator@example.com".to_owned()),
    ]
}

/// Puts the bots' keys and a desk's into the secret, as the README says. What the desk signs with is a
/// marked value, too.
pub(crate) async fn put_keys(stack: &Stack, keys: &[String; 2]) -> Result<(), Error> {
    let secret = json!({"bots": {
        OWN_KEY_BOT: {"api_key": keys[0], "base_url": format!("https://{GPTBOTS_HOST}")},
        // Without a base URL: GPTBots' default.
        "*": {"api_key": keys[1]},
    }, "desks": {
        "slack": {
            "kind": "slack", "channel": "C0SUPPORT",
            "bot_token": format!("xoxb-{}", keys[0]), "signing_secret": keys[0],
        },
    }});
    let (id, secret) = (stack.output("SecretsArn")?, secret.to_string());
    let put = [
        "secretsmanager",
        "put-secret-value",
        "--secret-id",
        &id,
        "--secret-string",
        &secret,
    ];
    aws(&put).await.map(|_| ())
}

async fn gptbots(keys: &[String; 2]) -> Result<StandIn, Error> {
    let mut options = Options::new(
        "",
        vec![
            Bot::new(OWN_KEY_BOT, "First", keys[0].as_str()),
            Bot::new(ANY_KEY_BOT, "Second", keys[1].as_str()),
        ],
    );
    // The vendor's page lists the key on this one webhook: it must not end up in a log.
    options.authorize_close = true;
    // The user does not lose patience while a check holds the bridge up.
    options.waiting_timeout = Duration::from_secs(600);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok(StandIn::start(listener, options).await?)
}

fn account(marks: &mut Marks) -> Account {
    let mark = marks.make("agent's e-mail");
    Account {
        username: format!("{mark}@example.com").to_lowercase(),
        temporary_password: format!("Aa1-{}", random_hex()),
        password: format!("Bb2-{}", random_hex()),
    }
}

async fn add_agent(stack: &Stack, account: &Account, name: &str) -> Result<(), Error> {
    let pool = stack.physical("UserPool")?;
    let email = format!("Name=email,Value={}", account.username);
    let name = format!("Name=name,Value={name}");
    let made = aws(&[
        "cognito-idp",
        "admin-create-user",
        "--user-pool-id",
        &pool,
        "--username",
        &account.username,
        "--temporary-password",
        &account.temporary_password,
        "--message-action",
        "SUPPRESS",
        "--user-attributes",
        &email,
        &name,
        "Name=email_verified,Value=true",
    ])
    .await?;
    ensure(
        made["User"]["UserStatus"] == "FORCE_CHANGE_PASSWORD",
        || made.to_string(),
    )
}
