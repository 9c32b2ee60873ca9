//! Slack: a thread in a channel for each conversation.
//!
//! The thread's top shows who the user is and how far the conversation has come, with buttons to
//! claim and to close; below it stand the rules for agents, what was said before, and the lines. An
//! agent's reply in the thread goes to the user, unless it begins with `//`.
//!
//! - [`config`]: what the secret holds; [`verify`]: signatures; [`parse`]: events and buttons;
//! - [`plain`], [`names`]: what agents type, as plain text with names;
//! - [`render`]: how conversations look; [`thread`]: what is there already; [`api`]: calls.
//!
//! Slack has no idempotency keys, so before anything is repeated the thread is asked for it.

mod api;
mod config;
mod names;
mod parse;
#[cfg(test)]
mod parse_tests;
mod plain;
mod render;
#[cfg(test)]
mod tests;
mod thread;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use self::api::Api;
use self::config::Config;
use self::names::Names;
use self::render::State;
use self::thread::Mark;
use super::{
    AgentLine, Capabilities, Desk, DeskError, DeskFile, DeskHttp, Opened, Opening, Received,
    Refused, Route, Unreadable, Unverified, Verified,
};
use crate::conversation::{ClosedBy, Conversation, Entry, Kind};
use crate::time::Millis;

/// How long a line waits for the thread's top to be brought up to date.
const UPDATE_PATIENCE: Duration = Duration::from_secs(1);

/// A channel of a Slack workspace.
struct Slack {
    config: Config,
    api: Api,
    names: Names,
}

/// Makes an instance of its object in the secret.
pub(super) fn make(secret: &Value, http: &DeskHttp) -> Result<Arc<dyn Desk>, String> {
    let config = Config::read(secret, http)?;
    let base_url = config.base_url.clone();
    let api = Api::new(http.clone(), base_url, config.bot_token.clone());
    Ok(Arc::new(Slack {
        config,
        api,
        names: Names::default(),
    }))
}

/// The answer to a message that was posted.
#[derive(Deserialize)]
struct Posted {
    ts: String,
    #[serde(default)]
    message: Value,
}

impl Slack {
    /// Posts a message of the bridge's own or of a user into a thread.
    async fn say(
        &self,
        conversation: &Conversation,
        (channel, thread): (&str, &str),
        mark: &Mark,
        text: &str,
        username: Option<&str>,
    ) -> Result<String, DeskError> {
        // Without `parse`: by default an address is shown as a link, and names are not.
        let mut message = json!({
            "channel": channel,
            "thread_ts": thread,
            "text": render::escape(text),
            "mrkdwn": false,
            "link_names": false,
            "unfurl_links": false,
            "unfurl_media": false,
            "metadata": mark.metadata(conversation),
        });
        if let Some(username) = username {
            message["username"] = json!(username);
            message["icon_emoji"] = json!(":bust_in_silhouette:");
        }
        let posted: Posted = self.api.post("chat.postMessage", &message).await?;
        // Where the top was deleted before anybody had answered, Slack posts into the channel.
        if posted.message["thread_ts"].as_str() == Some(thread) {
            return Ok(posted.ts);
        }
        let stray = json!({"channel": channel, "ts": posted.ts});
        if let Err(error) = self.api.post::<Value>("chat.delete", &stray).await {
            tracing::warn!(%error, "a message outside of its thread could not be deleted");
        }
        Err(DeskError::Gone("the thread was deleted".to_owned()))
    }

    /// Brings the top of a thread up to date.
    async fn update(
        &self,
        conversation: &Conversation,
        (channel, ts): (&str, &str),
        state: &State,
    ) -> Result<(), DeskError> {
        let (text, blocks) = render::root(conversation, state);
        let message = json!({
            "channel": channel,
            "ts": ts,
            "text": text,
            "blocks": blocks,
            "parse": "none",
            "metadata": Mark::root().metadata(conversation),
        });
        self.api.post::<Value>("chat.update", &message).await?;
        Ok(())
    }

    async fn begin(&self, conversation: &Conversation) -> Result<String, DeskError> {
        let (text, blocks) = render::root(conversation, &State::of(conversation));
        let message = json!({
            "channel": self.config.channel,
            "text": text,
            "blocks": blocks,
            "mrkdwn": false,
            "parse": "none",
            "link_names": false,
            "unfurl_links": false,
            "unfurl_media": false,
            "metadata": Mark::root().metadata(conversation),
        });
        let posted: Posted = self.api.post("chat.postMessage", &message).await?;
        Ok(posted.ts)
    }
}

#[async_trait::async_trait]
impl Desk for Slack {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Opened, DeskError> {
        let conversation = opening.conversation;
        let channel = self.config.channel.as_str();
        let again = opening.attempt > 1;
        let begun = if again {
            thread::find_root(&self.api, channel, conversation).await?
        } else {
            None
        };
        let (ts, there) = match begun {
            Some(ts) => {
                let there = thread::marks(&self.api, (channel, &ts), conversation, None).await?;
                (ts, there)
            }
            None => (self.begin(conversation).await?, Vec::new()),
        };
        let history = render::history(conversation, opening.history);
        let rules = std::iter::once((Mark::rules(), render::rules()));
        let pieces = history.into_iter().enumerate();
        let history = pieces.map(|(n, text)| (Mark::history(n + 1), text));
        for (mark, text) in rules.chain(history) {
            if !there.iter().any(|(known, _)| *known == mark) {
                self.say(conversation, (channel, &ts), &mark, &text, None)
                    .await?;
            }
        }
        Ok(Opened {
            reference: parse::reference(channel, &ts),
            context: None,
        })
    }

    async fn post(
        &self,
        conversation: &Conversation,
        entries: &[Entry],
    ) -> Result<Option<String>, DeskError> {
        let place = place(conversation)?;
        let mut last = None;
        for entry in entries {
            let there = if entry.attempts > 1 {
                thread::marks(&self.api, place, conversation, Some(entry.at)).await?
            } else {
                Vec::new()
            };
            let post = render::entry(conversation, entry);
            for (n, text) in post.texts.iter().enumerate() {
                let mark = Mark::entry(&entry.id, n + 1);
                let known = there.iter().find(|(known, _)| *known == mark);
                last = Some(match known {
                    Some((_, ts)) => ts.clone(),
                    None => {
                        let username = post.username.as_deref();
                        self.say(conversation, place, &mark, text, username).await?
                    }
                });
            }
        }
        // A notice tells agents that something has changed: that somebody took it, say. The line
        // is there whether or not the top can show it now.
        if entries.iter().any(|entry| entry.kind == Kind::Notice) {
            let state = State::of(conversation);
            let update = self.update(conversation, place, &state);
            if let Ok(Err(error)) = tokio::time::timeout(UPDATE_PATIENCE, update).await {
                tracing::warn!(conversation = %conversation.id, %error, "the thread's top is not up to date");
            }
        }
        Ok(last)
    }

    async fn close(
        &self,
        conversation: &Conversation,
        by: ClosedBy,
        text: &str,
    ) -> Result<(), DeskError> {
        let place = place(conversation)?;
        let since = conversation.closed_at;
        let there = match thread::marks(&self.api, place, conversation, since).await {
            // Without a thread there is nothing to close.
            Err(DeskError::Gone(_)) => return Ok(()),
            there => there?,
        };
        let mark = Mark::closing();
        if !there.iter().any(|(known, _)| *known == mark) {
            let text = render::notice(text);
            match self.say(conversation, place, &mark, &text, None).await {
                Err(DeskError::Gone(_)) => return Ok(()),
                posted => posted?,
            };
        }
        let state = State::ended(conversation, Some(by));
        match self.update(conversation, place, &state).await {
            // Somebody deleted the top; the thread below it says that it has ended.
            Err(DeskError::Gone(_)) => Ok(()),
            updated => updated,
        }
    }

    async fn check(&self) -> Result<(), DeskError> {
        self.api.get::<Value>("auth.test", &[]).await?;
        // Reading the channel takes membership and the scope that threads are read with.
        let query = [("channel", self.config.channel.as_str()), ("limit", "1")];
        self.api
            .get::<Value>("conversations.history", &query)
            .await?;
        Ok(())
    }

    fn verify<'a>(&self, call: Unverified<'a>, now: Millis) -> Result<Verified<'a>, Refused> {
        verify::verify(call, &self.config.signing_secrets, now)
    }

    fn parse(&self, call: Verified<'_>) -> Result<Received, Unreadable> {
        match call.route {
            Route::Events => parse::event(call.body, &self.config),
            Route::Interactions => parse::interaction(call.body, &self.config),
        }
    }

    async fn complete(&self, line: AgentLine) -> Result<AgentLine, DeskError> {
        Ok(self.names.complete(&self.api, line).await)
    }

    async fn fetch(&self, file: &DeskFile, limit: u64) -> Result<Vec<u8>, DeskError> {
        self.api.download(file, limit).await
    }
}

/// Where a conversation's thread is.
fn place(conversation: &Conversation) -> Result<(&str, &str), DeskError> {
    let reference = conversation.desk_ref.as_deref();
    let reference =
        reference.ok_or_else(|| DeskError::Rejected("it was never opened there".to_owned()))?;
    parse::of_reference(reference)
        .ok_or_else(|| DeskError::Rejected("its reference is not Slack's".to_owned()))
}
