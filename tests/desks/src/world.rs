//! A running bridge with one desk, and what checks do in it.

use std::time::Duration;

use desk_stand_ins::{Act, DeskStandIn, Failure, From, Seen};
use gptbots_stand_in::{CallKind, StandIn, UserId, UserProfile};
use handoff::conversation::{Conversation, ConversationId, Entry};
use handoff::desk::CONSOLE;
use handoff::settings::Settings;
use sandbox::{Options, Sandbox};
use serde_json::Value;

use crate::console::ConsoleAgent;
use crate::patience::{Found, ensure, eventually};

/// The bot of the stand-in for GPTBots.
const BOT: &str = "sandbox-bot";

/// A running bridge whose handoffs go to one desk.
pub struct World {
    /// The kind of desk, and the name of its instance.
    pub kind: String,
    /// The bridge.
    pub sandbox: Sandbox,
    console: Option<ConsoleAgent>,
    http: reqwest::Client,
    patience: Duration,
}

/// A handoff.
#[derive(Clone)]
pub(crate) struct Talk {
    /// Who asked.
    pub user: UserId,
    /// GPTBots' id of it.
    pub id: ConversationId,
    /// The desk's own id of it.
    pub reference: String,
}

impl World {
    /// Starts a bridge with a desk of this kind.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(kind: &str, options: Options, patience: Duration) -> Result<Self, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = Options {
            desk: kind.to_owned(),
            ..options
        };
        let sandbox = Sandbox::start(options)
            .await
            .map_err(|error| format!("the sandbox does not start: {error}"))?;
        let http = reqwest::Client::new();
        let console = (kind == CONSOLE).then(|| ConsoleAgent::new(&sandbox, http.clone()));
        Ok(Self {
            kind: kind.to_owned(),
            sandbox,
            console,
            http,
            patience,
        })
    }

    /// Stops it.
    pub async fn stop(self) {
        self.sandbox.shutdown().await;
    }

    /// The desk.
    pub fn desk(&self) -> &dyn DeskStandIn {
        match &self.console {
            Some(console) => console,
            None => self
                .sandbox
                .desk(&self.kind)
                .expect("the world was started with it"),
        }
    }

    /// GPTBots.
    pub fn gptbots(&self) -> &StandIn {
        self.sandbox
            .gptbots
            .as_ref()
            .expect("no other one was asked for")
    }

    /// A new user.
    pub(crate) async fn user(&self, profile: UserProfile) -> Found<UserId> {
        let user = self.gptbots().new_user(BOT, profile).await;
        user.map_err(|error| error.to_string())
    }

    /// The user says something to the bot and asks for a person; returns when GPTBots has its
    /// answer.
    pub(crate) async fn ask(&self, user: &UserId) -> Found<ConversationId> {
        let asked = self.gptbots().ask_for_human(user).await;
        let id = asked.map_err(|busy| busy.to_string())?;
        ConversationId::new(id.as_str()).map_err(|error| error.to_string())
    }

    /// A handoff that is open at the desk: of a user who has asked this before.
    pub(crate) async fn handoff(&self, question: &str) -> Found<Talk> {
        let user = self.user(UserProfile::default()).await?;
        self.handoff_of(&user, question).await
    }

    /// As [`World::handoff`], of this user.
    pub(crate) async fn handoff_of(&self, user: &UserId, question: &str) -> Found<Talk> {
        self.gptbots().say(user, question).await;
        let id = self.ask(user).await?;
        self.opened(user, id).await
    }

    /// Waits until a handoff is open at the desk.
    pub(crate) async fn opened(&self, user: &UserId, id: ConversationId) -> Found<Talk> {
        let reference = self
            .until("the conversation is open at the desk", async || {
                self.conversation(&id).await.ok()?.desk_ref
            })
            .await?;
        let user = user.clone();
        Ok(Talk {
            user,
            id,
            reference,
        })
    }

    /// Waits until there is something.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        look: impl AsyncFnMut() -> Option<T>,
    ) -> Found<T> {
        eventually(self.patience, what, look).await
    }

    /// Waits until something holds.
    pub(crate) async fn wait(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) -> Found<()> {
        self.until(what, async || holds().await.then_some(())).await
    }

    /// The conversation as it is stored.
    pub(crate) async fn conversation(&self, id: &ConversationId) -> Found<Conversation> {
        let read = self.sandbox.store.conversation(id).await;
        read.map_err(|error| error.to_string())?
            .ok_or_else(|| "the conversation is not stored".to_owned())
    }

    /// The conversation's log, oldest first.
    pub(crate) async fn log(&self, id: &ConversationId) -> Found<Vec<Entry>> {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let page = self.sandbox.store.log(id, after.as_deref()).await;
            let page = page
                .map_err(|error| error.to_string())?
                .ok_or("the log's cursor is not taken")?;
            entries.extend(page.entries);
            if !page.more {
                return Ok(entries);
            }
            after = Some(page.cursor);
        }
    }

    /// What agents see of a handoff.
    pub(crate) async fn seen(&self, talk: &Talk) -> Found<Seen> {
        let all = self.desk().conversations().await;
        all.into_iter()
            .find(|seen| seen.reference == talk.reference)
            .ok_or_else(|| format!("the desk does not show {}", talk.reference))
    }

    /// The lines of somebody at the desk, in order.
    pub(crate) async fn lines(&self, talk: &Talk, from: From) -> Vec<String> {
        let Ok(seen) = self.seen(talk).await else {
            return Vec::new();
        };
        let theirs = seen.lines.into_iter().filter(|line| line.from == from);
        theirs.map(|line| line.text).collect()
    }

    /// The user writes, and it has been sent to the bridge.
    pub(crate) async fn say(&self, talk: &Talk, text: &str) {
        self.gptbots().say(&talk.user, text).await;
    }

    /// The user writes, and agents see it.
    pub(crate) async fn say_and_see(&self, talk: &Talk, text: &str) -> Found<()> {
        self.say(talk, text).await;
        self.wait(&format!("agents see {text:?}"), async || {
            let lines = self.lines(talk, From::User).await;
            lines.iter().any(|line| line.contains(text))
        })
        .await
    }

    /// An agent does something, and the bridge takes it: if need be when the desk calls again, since
    /// desks are impatient and machines can be slow.
    pub(crate) async fn act(&self, talk: &Talk, act: Act) -> Found<Vec<u16>> {
        let mut statuses = self.desk().act(&talk.reference, act.clone()).await;
        if let [status @ (0 | 500..)] = statuses.as_mut_slice() {
            let again = async || {
                let answered = self.desk().repeat_last().await;
                (!matches!(answered, 0 | 500..)).then_some(answered)
            };
            *status = self.until("the bridge takes the call", again).await?;
        }
        ensure!(
            statuses.iter().all(|status| (200..300).contains(status)),
            "{} was answered {statuses:?}",
            name_of(&act)
        );
        Ok(statuses)
    }

    /// An agent writes to the user, and the user gets it.
    pub(crate) async fn answer(&self, talk: &Talk, text: &str) -> Found<()> {
        self.act(talk, Act::Say(text.to_owned())).await?;
        self.wait(&format!("the user gets {text:?}"), async || {
            self.told(talk).iter().any(|told| told.ends_with(text))
        })
        .await
    }

    /// What the user was told by people, without the bridge's greeting.
    pub(crate) fn told(&self, talk: &Talk) -> Vec<String> {
        let greeting = Settings::default().greeting;
        let received = self.gptbots().received();
        let theirs = received
            .into_iter()
            .filter(|received| received.conversation_id.as_str() == talk.id.as_str());
        theirs
            .filter_map(|received| received.body)
            .filter(|body| !greeting.wordings().contains(&body.as_str()))
            .collect()
    }

    /// How often GPTBots was told of the end.
    pub(crate) fn closes(&self, talk: &Talk) -> usize {
        let received = self.gptbots().received();
        let theirs = received.iter().filter(|received| {
            received.kind == CallKind::Close
                && received.conversation_id.as_str() == talk.id.as_str()
        });
        theirs.count()
    }

    /// All calls that the desk's API has had.
    pub(crate) fn calls(&self) -> u64 {
        self.desk().calls().values().sum()
    }

    /// From now on the desk's API fails like this.
    pub(crate) fn fail(&self, failure: Failure) {
        self.desk().fail(Some(failure));
    }

    /// Changes the settings.
    pub(crate) async fn set(&self, change: impl FnOnce(&mut Settings)) -> Found<()> {
        let store = &self.sandbox.store;
        let stored = store.settings().await.map_err(|error| error.to_string())?;
        let (mut settings, version) = match stored {
            Some(stored) => {
                let read = Settings::parse(&stored.document);
                (read.map_err(|error| error.to_string())?, stored.version)
            }
            None => (Settings::default(), 0),
        };
        change(&mut settings);
        let document = serde_json::to_string(&settings).map_err(|error| error.to_string())?;
        let written = store.put_settings(&document, version).await;
        written.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Somebody posts something to the desk's routes; the status.
    pub(crate) async fn post_raw(&self, route: &str, kind: &str, body: &str) -> Found<u16> {
        let base = self.sandbox.start_url();
        let url = format!("{base}desks/{}{route}", self.kind);
        let request = self
            .http
            .post(url)
            .header("content-type", kind)
            .body(body.to_owned());
        let answer = request.send().await.map_err(|error| error.to_string())?;
        Ok(answer.status().as_u16())
    }

    /// A call of the console's API about a conversation.
    pub(crate) async fn console(
        &self,
        id: &ConversationId,
        route: &str,
        body: &Value,
    ) -> Found<u16> {
        let url = format!(
            "{}/api/conversations/{}{route}",
            self.sandbox.console_url(),
            id.to_path()
        );
        let answer = self.http.post(url).json(body).send().await;
        Ok(answer.map_err(|error| error.to_string())?.status().as_u16())
    }
}

/// What an agent does, in words and without what is said.
fn name_of(act: &Act) -> &'static str {
    match act {
        Act::Claim => "a claim",
        Act::Say(_) => "a line",
        Act::SendFile(..) => "a file",
        Act::SayWithMarkup => "a line with markup",
        Act::Note(_) => "a note",
        Act::Noise(_) => "noise",
        Act::Close => "a close",
        Act::Reopen => "a reopening",
    }
}
