//! What the stand-in knows: a channel of a workspace, its people, messages and files.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{Failure, Recorded};

pub(super) const TEAM: &str = "T0TEAM001";
pub(super) const CHANNEL: &str = "C0SUPPORT";
pub(super) const APP: &str = "A0HANDOFF";
/// The app's bot: as a user, and as a bot.
pub(super) const BOT_USER: &str = "U0BOT0003";
pub(super) const BOT: &str = "B0HANDOFF";
/// The agent whom one plays, and a colleague of theirs.
pub(super) const AGENT: &str = "U0KEN0001";
pub(super) const COLLEAGUE: &str = "U0ANN0002";

pub(super) const TOKEN: &str = "xoxb-stand-in-token";
pub(super) const SIGNING_SECRET: &str = "stand-in-signing-secret";

/// What people are called.
pub(super) fn display_name(user: &str) -> Option<&'static str> {
    match user {
        AGENT => Some("Ken"),
        COLLEAGUE => Some("Ann Agent"),
        BOT_USER => Some("Handoff"),
        _ => None,
    }
}

/// A message in the channel.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) ts: String,
    /// The thread it is in, where it is a reply.
    pub(super) thread: Option<String>,
    pub(super) author: Author,
    pub(super) text: String,
    /// Whether `text` is read as markup.
    pub(super) mrkdwn: bool,
    pub(super) blocks: Value,
    pub(super) metadata: Value,
    pub(super) files: Vec<Value>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Author {
    /// Our app, with the name that stands over the message if it is not the app's own.
    App { username: Option<String> },
    /// The agent; `internal` where it is for colleagues.
    Agent { internal: bool },
}

impl Message {
    /// The message as the API and events show it.
    pub(super) fn to_json(&self, with_metadata: bool) -> Value {
        let mut json = json!({"type": "message", "ts": self.ts, "text": self.text});
        match &self.author {
            Author::App { username } => {
                json["user"] = json!(BOT_USER);
                json["bot_id"] = json!(BOT);
                json["app_id"] = json!(APP);
                json["bot_profile"] = json!({"id": BOT, "app_id": APP, "team_id": TEAM});
                if let Some(username) = username {
                    json["username"] = json!(username);
                    json["subtype"] = json!("bot_message");
                }
            }
            Author::Agent { .. } => json["user"] = json!(AGENT),
        }
        if let Some(thread) = &self.thread {
            json["thread_ts"] = json!(thread);
            json["parent_user_id"] = json!(BOT_USER);
        }
        if !self.blocks.is_null() {
            json["blocks"] = self.blocks.clone();
        }
        if !self.files.is_empty() {
            json["files"] = json!(self.files);
            json["subtype"] = json!("file_share");
        }
        if with_metadata && !self.metadata.is_null() {
            json["metadata"] = self.metadata.clone();
        }
        json
    }
}

/// A file an agent sent.
pub(super) struct Stored {
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// A call to the bridge, so that it can be made once more.
#[derive(Clone)]
pub(super) struct Webhook {
    pub(super) route: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) messages: Vec<Message>,
    pub(super) files: HashMap<String, Stored>,
    pub(super) failure: Option<Failure>,
    /// Fails one call only, after so many others.
    pub(super) failure_after: Option<(u64, Failure)>,
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) requests: Vec<Recorded>,
    pub(super) last: Option<Webhook>,
    /// The most messages of a page: Slack may give fewer than it is asked for.
    pub(super) page: usize,
    last_ts: u64,
    ids: u64,
    recent: HashMap<String, VecDeque<Instant>>,
}

impl State {
    /// An empty channel, whose lists come in pages of at most so many messages.
    pub(super) fn new(page: usize) -> Self {
        Self {
            page,
            ..Self::default()
        }
    }

    /// The next timestamp: now, and never one that was given before.
    pub(super) fn next_ts(&mut self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_micros() as u64);
        self.last_ts = now.max(self.last_ts + 1);
        format!(
            "{}.{:06}",
            self.last_ts / 1_000_000,
            self.last_ts % 1_000_000
        )
    }

    /// An id of something new: `Ev00000001`.
    pub(super) fn next_id(&mut self, kind: &str) -> String {
        self.ids += 1;
        format!("{kind}{:08}", self.ids)
    }

    pub(super) fn message(&self, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.ts == ts)
    }

    /// The top of a thread.
    pub(super) fn root(&self, ts: &str) -> Option<&Message> {
        self.message(ts).filter(|message| message.thread.is_none())
    }

    /// The failure that this call meets.
    pub(super) fn failure(&mut self) -> Option<Failure> {
        match self.failure_after.take() {
            Some((0, failure)) => return Some(failure),
            Some((calls, failure)) => self.failure_after = Some((calls - 1, failure)),
            None => {}
        }
        self.failure
    }

    /// Takes a call within a limit of so many in a while; else says after how many seconds.
    pub(super) fn take(&mut self, what: &str, most: usize, seconds: u64) -> Result<(), u64> {
        let now = Instant::now();
        let recent = self.recent.entry(what.to_owned()).or_default();
        let while_ago = std::time::Duration::from_secs(seconds);
        while recent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= while_ago)
        {
            recent.pop_front();
        }
        if let Some(oldest) = recent.front().filter(|_| recent.len() >= most) {
            let wait = while_ago.saturating_sub(now.duration_since(*oldest));
            return Err(wait.as_secs() + 1);
        }
        recent.push_back(now);
        Ok(())
    }
}
