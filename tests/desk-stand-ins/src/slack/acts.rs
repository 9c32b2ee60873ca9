//! What an agent does, and what Slack tells the app of it.

use serde_json::{Value, json};

use super::Slack;
use super::model::{
    AGENT, APP, Author, BOT, BOT_USER, CHANNEL, COLLEAGUE, Message, State, Stored, TEAM,
};
use crate::Act;

/// The mark by which the thread's first message asks agents to keep a line among colleagues.
const INTERNAL: &str = "// ";

impl Slack {
    /// An agent does something in the thread of this reference.
    pub(super) async fn do_act(&self, reference: &str, act: Act) -> Vec<u16> {
        let thread = thread_of(reference);
        if self.read(|state| state.root(thread).is_none()) {
            return Vec::new();
        }
        match act {
            Act::Claim => self.press(thread, "Claim").await,
            Act::Close => self.press(thread, "Close").await,
            // A thread cannot be opened again.
            Act::Reopen => Vec::new(),
            Act::Say(text) => self.say(thread, &text, false, Vec::new()).await,
            Act::Note(text) => {
                let text = format!("{INTERNAL}{text}");
                self.say(thread, &text, true, Vec::new()).await
            }
            Act::SendFile(name, bytes) => {
                let file = self.store(&name, bytes);
                self.say(thread, "", false, vec![file]).await
            }
            Act::SayWithMarkup => self.say_with_markup(thread).await,
            Act::Noise(text) => self.noise(thread, &text).await,
        }
    }

    async fn say(&self, thread: &str, text: &str, internal: bool, files: Vec<Value>) -> Vec<u16> {
        let blocks = if text.is_empty() {
            Value::Null
        } else {
            rich_text(&json!([{"type": "text", "text": text}]))
        };
        self.write(thread, &escape(text), blocks, internal, files)
            .await
    }

    /// What [`crate::MARKUP_AS_PLAIN`] says, with everything in it that Slack has for it.
    async fn say_with_markup(&self, thread: &str) -> Vec<u16> {
        let text = format!(
            "*Please* see <https://example.com/guide?a=1&amp;b=2|our guide> or ask \
             <@{COLLEAGUE}>: 1 &lt; 2 &amp; 3 &gt; 2"
        );
        let blocks = rich_text(&json!([
            {"type": "text", "text": "Please", "style": {"bold": true}},
            {"type": "text", "text": " see "},
            {"type": "link", "url": "https://example.com/guide?a=1&b=2", "text": "our guide"},
            {"type": "text", "text": " or ask "},
            {"type": "user", "user_id": COLLEAGUE},
            {"type": "text", "text": ": 1 < 2 & 3 > 2"},
        ]));
        self.write(thread, &text, blocks, false, Vec::new()).await
    }

    async fn write(
        &self,
        thread: &str,
        text: &str,
        blocks: Value,
        internal: bool,
        files: Vec<Value>,
    ) -> Vec<u16> {
        let event = self.update(|state| {
            let message = Message {
                ts: state.next_ts(),
                thread: Some(thread.to_owned()),
                author: Author::Agent { internal },
                text: text.to_owned(),
                mrkdwn: true,
                blocks,
                metadata: Value::Null,
                files,
            };
            let event = in_channel(message.to_json(false), CHANNEL);
            state.messages.push(message);
            event
        });
        vec![self.send_event(&event).await]
    }

    fn store(&self, name: &str, bytes: Vec<u8>) -> Value {
        let base = self.base_url();
        self.update(|state| {
            let id = state.next_id("F");
            let url = format!("{base}/files-pri/{id}/{}", path_segment(name));
            let content_type = content_type(name);
            let file = json!({
                "id": id, "name": name, "title": name, "mimetype": content_type,
                "size": bytes.len(), "mode": "hosted", "is_external": false, "user": AGENT,
                "url_private": url, "url_private_download": url, "permalink": url,
            });
            let stored = Stored {
                content_type,
                bytes,
            };
            state.files.insert(id, stored);
            file
        })
    }

    /// Presses the button of the thread's top whose label begins like this, if it is there.
    async fn press(&self, thread: &str, label: &str) -> Vec<u16> {
        let payload = self.update(|state| {
            let root = state.root(thread)?;
            let button = super::view::buttons(&root.blocks)
                .find(|button| {
                    let text = button["text"]["text"].as_str();
                    text.is_some_and(|text| text.starts_with(label))
                })?
                .clone();
            let message = root.to_json(false);
            Some(pressed(state, thread, &button, &message))
        });
        match payload {
            Some(payload) => vec![self.send_interaction(&payload).await],
            None => Vec::new(),
        }
    }

    async fn noise(&self, thread: &str, text: &str) -> Vec<u16> {
        let (events, vote) = self.update(|state| {
            let message = state.root(thread).map(|root| root.to_json(false));
            let vote = json!({"type": "button", "action_id": "vote", "value": text});
            let vote = pressed(state, thread, &vote, &message.unwrap_or_default());
            (noise(state, thread, text), vote)
        });
        let mut statuses = Vec::new();
        for event in events {
            statuses.push(self.send_event(&event).await);
        }
        statuses.push(self.send_interaction(&vote).await);
        statuses
    }

    /// An event of an agent's line that was never written.
    pub(super) fn pretended(&self, reference: &str, text: &str) -> Value {
        let ts = self.update(State::next_ts);
        in_channel(reply(thread_of(reference), &ts, text), CHANNEL)
    }
}

fn thread_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

fn reply(thread: &str, ts: &str, text: &str) -> Value {
    json!({
        "type": "message", "user": AGENT, "text": escape(text), "ts": ts, "thread_ts": thread,
        "parent_user_id": BOT_USER, "team": TEAM,
        "blocks": rich_text(&json!([{"type": "text", "text": text}])),
    })
}

fn in_channel(mut message: Value, channel: &str) -> Value {
    message["channel"] = json!(channel);
    message["channel_type"] = json!("channel");
    message["event_ts"] = message["ts"].clone();
    message
}

fn with(mut event: Value, members: Value) -> Value {
    for (name, value) in members.as_object().into_iter().flatten() {
        event[name] = value.clone();
    }
    event
}

/// Everything with this text in it that is not an agent's line in the thread.
fn noise(state: &mut State, thread: &str, text: &str) -> Vec<Value> {
    let mut said = || in_channel(reply(thread, &state.next_ts(), text), CHANNEL);
    let bot = json!({"bot_id": "B0OTHER01", "app_id": "A0OTHER01", "user": "U0OTHER01"});
    let hook = json!({"subtype": "bot_message", "bot_id": "B0OTHER01", "username": "CI"});
    let edited = json!({
        "type": "message", "subtype": "message_changed", "hidden": true, "channel": CHANNEL,
        "ts": "1.000001", "event_ts": "1.000001", "message": said(), "previous_message": said(),
    });
    let deleted = json!({
        "type": "message", "subtype": "message_deleted", "hidden": true, "channel": CHANNEL,
        "ts": "1.000002", "event_ts": "1.000002", "deleted_ts": "1.000000",
        "previous_message": said(),
    });
    let reaction = json!({
        "type": "reaction_added", "user": AGENT, "reaction": "white_check_mark",
        "item_user": BOT_USER, "event_ts": "1.000003",
        "item": {"type": "message", "channel": CHANNEL, "ts": thread},
    });
    let echo = json!({
        "user": BOT_USER, "bot_id": BOT, "app_id": APP, "bot_profile": {"id": BOT, "app_id": APP},
    });
    let mut outside = said();
    if let Some(event) = outside.as_object_mut() {
        event.remove("thread_ts");
        event.remove("parent_user_id");
    }
    vec![
        with(said(), bot),
        with(said(), hook),
        with(said(), echo),
        edited,
        deleted,
        reaction,
        with(said(), json!({"subtype": "channel_join"})),
        with(said(), json!({"type": "app_mention"})),
        with(said(), json!({"user": "USLACKBOT"})),
        with(said(), json!({"channel": "C0OTHER01"})),
        with(said(), json!({"thread_ts": "1000000000.000001"})),
        outside,
    ]
}

/// The payload of a button that the agent pressed.
fn pressed(state: &mut State, thread: &str, button: &Value, message: &Value) -> Value {
    let action = with(
        button.clone(),
        json!({"block_id": "b1", "action_ts": state.next_ts()}),
    );
    let trigger = state.next_id("trigger");
    json!({
        "type": "block_actions",
        "user": {"id": AGENT, "username": "ken", "name": "ken", "team_id": TEAM},
        "api_app_id": APP, "token": "verification-token",
        "container": {
            "type": "message", "message_ts": thread, "channel_id": CHANNEL, "is_ephemeral": false,
        },
        "trigger_id": trigger,
        "team": {"id": TEAM, "domain": "example"}, "enterprise": null,
        "is_enterprise_install": false,
        "channel": {"id": CHANNEL, "name": "support"},
        "message": message, "state": {"values": {}},
        "response_url": "https://hooks.slack.com/actions/T0TEAM001/1/x",
        "actions": [action],
    })
}

fn rich_text(elements: &Value) -> Value {
    json!([{"type": "rich_text", "block_id": "r1", "elements": [
        {"type": "rich_text_section", "elements": elements}
    ]}])
}

/// Slack escapes what agents type.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn path_segment(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars()
        .map(|c| {
            if plain(c) {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("pdf") => "application/pdf",
        Some("txt") => "text/plain",
        Some("html") => "text/html",
        _ => "application/octet-stream",
    }
}
