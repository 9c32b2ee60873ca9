//! Opens a conversation: one ticket, with who the user is and what was said before.

use serde_json::{Value, json};

use super::api::Api;
use super::config::Config;
use super::render::{MAX_HTML, paragraph, plain};
use crate::conversation::{Conversation, History, fingerprint};
use crate::desk::text::{about, said_before, user_name};
use crate::desk::{DeskError, Opened, Opening};
use crate::text::cut_with_mark;

/// What our external ids begin with; no other ticket is ours.
pub(super) const OURS: &str = "gptbots-";

/// How a ticket's first comment begins. No agent's line that begins like this is carried.
pub(super) const BEGINNING: &str = "Chat handed over by the bot.";

const HOW_TO: &str = "Public replies go to the user, internal notes stay here, \
    and solving the ticket ends the chat.";

/// The most one turn of the history may take, in bytes.
const MAX_TURN: usize = 8_000;

/// Opens the conversation, or finds what an earlier attempt has opened.
pub(super) async fn open(
    api: &Api,
    config: &Config,
    opening: Opening<'_>,
) -> Result<Opened, DeskError> {
    let conversation = opening.conversation;
    let external_id = external_id(conversation);
    if opening.attempt > 1
        && let Some(ticket) = api.find(&external_id).await?
    {
        return Ok(Opened {
            reference: ticket.id.to_string(),
            context: ticket.requester_id.map(|id| id.to_string()),
        });
    }
    let requester = requester(api, conversation).await?;
    let ticket = ticket(
        config,
        conversation,
        opening.history,
        requester,
        &external_id,
    );
    // The same key with another ticket would be refused, so a key belongs to what is sent.
    let sent = fingerprint(&[ticket.to_string().as_bytes()]);
    let made = api.create(ticket, format!("{external_id}-{sent}")).await?;
    Ok(Opened {
        reference: made.id.to_string(),
        context: Some(requester.to_string()),
    })
}

/// Zendesk's id of the user. Known by who they are to the bot, never by an e-mail address, which
/// may stand for everybody.
pub(super) async fn requester(api: &Api, conversation: &Conversation) -> Result<u64, DeskError> {
    let bot = conversation.bot.as_deref().unwrap_or_default();
    let person = conversation.user.person_key(&conversation.id);
    let name = plain(&user_name(conversation), 100);
    api.user(&format!("{OURS}{bot}-{person}"), &name).await
}

/// Our name for a ticket: the conversation and its episode, in characters that an address takes.
fn external_id(conversation: &Conversation) -> String {
    let bot = conversation.bot.as_deref().unwrap_or_default();
    let id = fingerprint(&[bot.as_bytes(), conversation.id.as_str().as_bytes()]);
    format!("{OURS}{id}-{}", conversation.episode)
}

fn ticket(
    config: &Config,
    conversation: &Conversation,
    history: &History,
    requester: u64,
    external_id: &str,
) -> Value {
    // The first comment is ours and public: behind an internal one Zendesk would make every later
    // comment internal by default, and the agents' replies would never reach the user.
    let mut ticket = json!({
        "subject": subject(conversation, history),
        "requester_id": requester,
        "external_id": external_id,
        "tags": config.tags,
        "comment": {"html_body": first_comment(conversation, history), "public": true},
    });
    if let Some(group) = config.group_id {
        ticket["group_id"] = json!(group);
    }
    if let Some(brand) = config.brand_id {
        ticket["brand_id"] = json!(brand);
    }
    ticket
}

fn subject(conversation: &Conversation, history: &History) -> String {
    let name = plain(&user_name(conversation), 60);
    match history.last_question() {
        Some(question) => format!("Chat with {name}: {}", plain(question, 80)),
        None => format!("Chat with {name}"),
    }
}

/// Who the user is and what was said before, the newest turns first to be kept where it does not
/// all fit.
fn first_comment(conversation: &Conversation, history: &History) -> String {
    let mut known = vec![BEGINNING.to_owned(), HOW_TO.to_owned()];
    let rows = about(conversation).into_iter();
    known.extend(rows.map(|(label, value)| format!("{label}: {}", plain(&value, 300))));
    known.push(format!("Conversation: {}", conversation.id));
    let head = paragraph(&known.join("\n"));
    let said = said_before(conversation, history);
    if said.is_empty() {
        return head;
    }
    let between = paragraph("Before the handoff:");
    // Room for the mark that older turns are missing.
    let mut room = MAX_HTML.saturating_sub(head.len() + between.len() + 100);
    let mut kept = Vec::new();
    for turn in said.iter().rev() {
        let text = cut_with_mark(turn.text.clone(), MAX_TURN);
        let turn = paragraph(&format!("{}: {text}", plain(&turn.who, 60)));
        match room.checked_sub(turn.len()) {
            Some(left) => room = left,
            None => break,
        }
        kept.push(turn);
    }
    let mark = match said.len() - kept.len() {
        0 => String::new(),
        missing => paragraph(&format!("[{missing} older messages are not shown here]")),
    };
    kept.reverse();
    format!("{head}{between}{mark}{}", kept.concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::render::tests::has_placeholder;
    use super::*;
    use crate::conversation::tests::conversation;
    use crate::conversation::{PLACEHOLDER_EMAIL, Speaker, Turn};

    fn history(texts: &[&str]) -> History {
        let turns = texts.iter().enumerate().map(|(n, text)| Turn {
            speaker: if n % 2 == 0 {
                Speaker::User
            } else {
                Speaker::Bot
            },
            kind: None,
            text: (*text).to_owned(),
            files: Vec::new(),
        });
        History {
            turns: turns.collect(),
            omitted: 0,
        }
    }

    #[test]
    fn a_ticket_begins_with_who_it_is_and_what_was_said() {
        let mut known = conversation();
        known.user.name = Some("Ann <b>".into());
        known.user.email = Some(PLACEHOLDER_EMAIL.into());
        known.user.phone = Some("+49 1".into());
        let shown = first_comment(&known, &history(&["hi", "hello {{x}}"]));
        assert_eq!(
            shown,
            "<p>Chat handed over by the bot.<br>Public replies go to the user, internal notes \
             stay here, and solving the ticket ends the chat.<br>Name: Ann &lt;b&gt;<br>\
             Phone: +49 1<br>Bot: b1<br>Conversation: c1</p><p>Before the handoff:</p>\
             <p>Ann &lt;b&gt;: hi</p><p>Bot: hello {\u{2060}{x}}</p>"
        );
        assert_eq!(
            subject(&known, &history(&["where is it?"])),
            "Chat with Ann <b>: where is it?"
        );
        assert_eq!(subject(&known, &history(&[])), "Chat with Ann <b>");
    }

    #[test]
    fn a_long_history_keeps_the_newest_and_says_what_is_missing() {
        let long = "&".repeat(3_000);
        let texts: Vec<String> = (0..30).map(|n| format!("turn {n} {long}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let shown = first_comment(&conversation(), &history(&texts));
        assert!(shown.len() <= MAX_HTML);
        assert!(shown.contains("turn 29 ") && !shown.contains("turn 0 "));
        let kept = (0..30)
            .filter(|n| shown.contains(&format!("turn {n} ")))
            .count();
        assert!(shown.contains(&format!(
            "[{} older messages are not shown here]",
            30 - kept
        )));
    }

    #[test]
    fn episodes_and_bots_have_tickets_of_their_own() {
        let first = conversation();
        let mut next = conversation();
        next.episode = 2;
        let mut other = conversation();
        other.bot = Some("b2".into());
        let ids = [&first, &next, &other].map(external_id);
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
        assert_eq!(ids[0], external_id(&first));
    }

    proptest! {
        #[test]
        fn external_ids_need_no_escapes(id in "\\PC{1,60}", episode in any::<u32>()) {
            let mut known = conversation();
            known.id = crate::conversation::ConversationId::new(id).unwrap();
            known.episode = episode;
            let id = external_id(&known);
            prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        }

        #[test]
        fn every_history_fits_and_is_no_markup(
            texts in proptest::collection::vec("[a<>&{%\n\"あ]{0,40}", 0..40),
            times in 1..150_usize,
        ) {
            let texts: Vec<String> = texts.iter().map(|text| text.repeat(times)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let shown = first_comment(&conversation(), &history(&texts));
            prop_assert!(shown.len() <= MAX_HTML);
            prop_assert!(!has_placeholder(&shown));
            let rest = shown.replace("<p>", "").replace("</p>", "").replace("<br>", "");
            prop_assert!(!rest.contains(['<', '>']));
        }
    }
}
