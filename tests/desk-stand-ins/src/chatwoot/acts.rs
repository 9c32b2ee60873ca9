//! What agents, bots and the server itself do.

use serde_json::json;

use super::Shared;
use super::answer::set_status;
use super::state::{AGENT, Kind, Message, Sender, now};
use super::webhooks::{Happened, settle, tell_and_wait};
use crate::Act;

/// [`crate::MARKUP_AS_PLAIN`] as an agent writes it here.
const MARKUP: &str = "Please see **our** [guide](https://example.com/guide?a=1&b=2) or ask \
    [@Ann Agent](mention://user/7/Ann%20Agent): 1 \\< 2 &amp; 3 > 2";

/// Does it, and sends what the server would send; answers what was answered.
pub(super) async fn act(shared: &Shared, reference: &str, act: Act) -> Vec<u16> {
    // What calls have led to goes first.
    settle(shared).await;
    match act {
        Act::Say(text) => {
            write(shared, reference, |message| {
                message.content = Some(typed(&text))
            })
            .await
        }
        Act::SayWithMarkup => {
            write(shared, reference, |message| {
                message.content = Some(MARKUP.to_owned())
            })
            .await
        }
        Act::Note(text) => {
            write(shared, reference, |message| {
                message.content = Some(typed(&text));
                message.private = true;
            })
            .await
        }
        Act::SendFile(name, bytes) => {
            let key = format!("blob-{}", shared.state().fresh_id());
            let name: String = name
                .bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                        char::from(byte).to_string()
                    }
                    other => format!("%{other:02X}"),
                })
                .collect();
            let url = format!(
                "{}/rails/active_storage/blobs/redirect/{key}/{name}",
                shared.base_url()
            );
            let attachment = json!({
                "id": 1, "file_type": "file", "data_url": url, "thumb_url": "",
                "file_size": bytes.len(), "extension": null,
            });
            shared.state().files.insert(key, bytes);
            write(shared, reference, |message| {
                message.content = None;
                message.attachments = vec![attachment];
            })
            .await
        }
        Act::Claim => {
            {
                let mut state = shared.state();
                let Some(talk) = state.talk_mut(reference) else {
                    return Vec::new();
                };
                talk.assignee = Some(AGENT);
                talk.updated_at = now();
            }
            let change =
                json!([{"assignee_id": {"previous_value": null, "current_value": AGENT.id}}]);
            tell_and_wait(shared, reference, &[Happened::Updated(change)]).await
        }
        Act::Close => status(shared, reference, "resolved").await,
        Act::Reopen => status(shared, reference, "open").await,
        Act::Noise(text) => noise(shared, reference, &text).await,
    }
}

async fn write(shared: &Shared, reference: &str, change: impl FnOnce(&mut Message)) -> Vec<u16> {
    let message = {
        let mut state = shared.state();
        let mut message = Message::of_agent(state.fresh_id(), "");
        change(&mut message);
        let Some(talk) = state.talk_mut(reference) else {
            return Vec::new();
        };
        talk.messages.push(message.clone());
        talk.updated_at = now();
        message
    };
    tell_and_wait(
        shared,
        reference,
        &[Happened::Said("message_created", message)],
    )
    .await
}

async fn status(shared: &Shared, reference: &str, status: &'static str) -> Vec<u16> {
    let before = {
        let mut state = shared.state();
        let Some(talk) = state.talk_mut(reference) else {
            return Vec::new();
        };
        talk.updated_at = now();
        std::mem::replace(&mut talk.status, status)
    };
    if before == status {
        return Vec::new();
    }
    tell_and_wait(shared, reference, &[Happened::Status(before)]).await
}

async fn noise(shared: &Shared, reference: &str, text: &str) -> Vec<u16> {
    let mut happened = Vec::new();
    {
        let mut state = shared.state();
        let mut made = Vec::new();
        for (kind, sender) in [
            (Kind::Outgoing, Sender::Bot),
            (Kind::Outgoing, Sender::Nobody),
            (Kind::Template, Sender::Nobody),
        ] {
            let mut message = Message::of_agent(state.fresh_id(), text);
            (message.kind, message.sender) = (kind, sender);
            made.push(message);
        }
        let Some(talk) = state.talk_mut(reference) else {
            return Vec::new();
        };
        let last = talk.messages.iter_mut().rfind(|message| {
            matches!(message.sender, Sender::User(person) if person == AGENT) && !message.private
        });
        if let Some(last) = last {
            last.content = Some(format!("{text} (edited)"));
            happened.push(Happened::Said("message_updated", last.clone()));
            last.deleted = true;
            happened.push(Happened::Said("message_updated", last.clone()));
        }
        for message in made {
            talk.messages.push(message.clone());
            happened.push(Happened::Said("message_created", message));
        }
        happened.push(Happened::Typing);
        let labels = json!([{"label_list": {"previous_value": [], "current_value": [text]}}]);
        happened.push(Happened::Updated(labels));
        set_status(shared, &mut state, reference, "snoozed");
        set_status(shared, &mut state, reference, "open");
    }
    tell_and_wait(shared, reference, &happened).await
}

/// What the dashboard's editor makes of what was typed: Markdown that shows just that.
fn typed(text: &str) -> String {
    let mut out = String::new();
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            out.push_str("\\\n");
        }
        let marks = ["#", "-", "+", ">"]
            .iter()
            .any(|mark| line.starts_with(mark));
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        if marks {
            out.push('\\');
        }
        for (at, next) in line.char_indices() {
            let numbers = at == digits && digits > 0 && next == '.';
            if numbers || matches!(next, '`' | '*' | '\\' | '~' | '[' | ']' | '_' | '<' | '&') {
                out.push('\\');
            }
            out.push(next);
        }
    }
    out
}
