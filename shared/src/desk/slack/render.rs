//! How a conversation looks at Slack.
//!
//! What a user or the bot wrote is never markup: lines are sent with `mrkdwn: false` and Slack's
//! three escapes (docs.slack.dev, "Formatting message text"), so that nothing pings and nothing is
//! formatted; what stands at the top of the thread is rich text, whose text elements are taken word
//! for word.

use serde_json::{Value, json};

use super::parse::INTERNAL;
use crate::conversation::{Author, ClosedBy, Conversation, Entry, History, Status};
use crate::desk::text::{about, said_before, split, user_name};

/// The button by which an agent takes a conversation.
pub(super) const ACTION_CLAIM: &str = "handoff_claim";
/// The button by which an agent ends it.
pub(super) const ACTION_CLOSE: &str = "handoff_close";

/// Characters of one message. Slack asks for 4,000 at most, and cuts behind 40,000; escapes make a
/// text five times as long in the worst case.
const MAX_CHARS: usize = 3_500;
/// Messages that the history may take: Slack takes one a second and channel, and somebody waits.
const HISTORY_MESSAGES: usize = 4;
/// Characters of one value at the top of the thread.
const MAX_VALUE: usize = 200;

/// How far a conversation has come, as the top of its thread shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    With(String),
    Ended(String),
}

impl State {
    pub(super) fn of(conversation: &Conversation) -> Self {
        match conversation.status {
            Status::Waiting => Self::Waiting,
            Status::Connected => Self::With(agent(conversation)),
            Status::Closed => Self::ended(conversation, conversation.closed_by),
        }
    }

    pub(super) fn ended(conversation: &Conversation, by: Option<ClosedBy>) -> Self {
        Self::Ended(match by {
            Some(ClosedBy::User) => "by the user".to_owned(),
            Some(ClosedBy::Timeout) => "nobody answered in time".to_owned(),
            Some(ClosedBy::Agent) => format!("by {}", agent(conversation)),
            Some(ClosedBy::Bridge) | None => "by the system".to_owned(),
        })
    }

    fn in_words(&self) -> String {
        match self {
            Self::Waiting => "🟡 Waiting for an agent".to_owned(),
            Self::With(agent) => format!("🟢 {agent} has it"),
            Self::Ended(why) => format!("⚪ Closed: {why}"),
        }
    }
}

fn agent(conversation: &Conversation) -> String {
    let name = conversation.agent.as_ref().map(|agent| agent.name.trim());
    match name {
        Some(name) if !name.is_empty() => cut(name, MAX_VALUE),
        _ => "an agent".to_owned(),
    }
}

/// Escapes what Slack would read as markup.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The top of a thread, as the arguments `text` and `blocks`.
pub(super) fn root(conversation: &Conversation, state: &State) -> (String, Value) {
    let who = cut(&user_name(conversation), MAX_VALUE);
    let text = escape(&format!("Chat with {who}: {}", state.in_words()));
    let bold = |text: String| json!({"type": "text", "text": text, "style": {"bold": true}});
    let mut elements = vec![bold(state.in_words())];
    for (label, value) in about(conversation) {
        elements.push(bold(format!("\n{label}: ")));
        elements.push(json!({"type": "text", "text": cut(&value, MAX_VALUE)}));
    }
    let mut blocks = vec![json!({
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": elements}],
    })];
    if !matches!(state, State::Ended(_)) {
        let mut buttons = Vec::new();
        if *state == State::Waiting {
            buttons.push(button("Claim", ACTION_CLAIM, "primary"));
        }
        let mut close = button("Close chat", ACTION_CLOSE, "danger");
        close["confirm"] = json!({
            "title": plain("Close this chat?"),
            "text": plain("The user is told that it has ended."),
            "confirm": plain("Close chat"),
            "deny": plain("Keep it open"),
        });
        buttons.push(close);
        blocks.push(json!({"type": "actions", "elements": buttons}));
    }
    (text, Value::Array(blocks))
}

fn button(label: &str, action: &str, style: &str) -> Value {
    json!({"type": "button", "text": plain(label), "action_id": action, "style": style})
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text})
}

/// The first message in each thread: what agents have to know.
pub(super) fn rules() -> String {
    format!(
        "ℹ️ What you write in this thread is sent to the user. A message that begins with \
         {INTERNAL} stays among colleagues. Edits, deletions and reactions do not reach the user."
    )
}

/// What was said before, in order, as texts of messages: the newest that fit, with a mark where
/// older ones are left out.
pub(super) fn history(conversation: &Conversation, history: &History) -> Vec<String> {
    let said = said_before(conversation, history);
    // A turn that is no turn: it says how many are missing already.
    let (missing, said) = match history.omitted {
        0 => (0, said.as_slice()),
        omitted => (omitted, said.get(1..).unwrap_or_default()),
    };
    // Pieces end at sensible places, so they are not filled to the last character.
    let mut room = (HISTORY_MESSAGES - 1) * (MAX_CHARS - 2) / 2 + MAX_CHARS / 2;
    let mut lines = Vec::new();
    for turn in said.iter().rev() {
        let line = format!("{}: {}", turn.who, turn.text);
        let length = line.chars().count() + 1;
        if length > room {
            // The newest is shown, if only its beginning.
            if lines.is_empty() {
                lines.push(cut(&line, room));
            }
            break;
        }
        room -= length;
        lines.push(line);
    }
    let missing = missing + said.len() - lines.len();
    if missing > 0 {
        let (older, are) = if missing == 1 {
            ("message", "is")
        } else {
            ("messages", "are")
        };
        lines.push(format!("[{missing} older {older} {are} not shown]"));
    }
    lines.reverse();
    if lines.is_empty() {
        return Vec::new();
    }
    let all = format!("Before the handoff:\n{}", lines.join("\n"));
    split(&all, MAX_CHARS)
}

/// What an entry is posted as.
pub(super) struct Post {
    /// Whose name stands over it; without, the app's own.
    pub(super) username: Option<String>,
    /// The texts of its messages, not yet escaped.
    pub(super) texts: Vec<String>,
}

/// An entry as it is shown in its thread.
pub(super) fn entry(conversation: &Conversation, entry: &Entry) -> Post {
    let (username, text) = match entry.author {
        Author::User => {
            let mark = if entry.late {
                "[written after the chat had ended]\n"
            } else {
                ""
            };
            (
                Some(username(conversation)),
                format!("{mark}{}", entry.text),
            )
        }
        Author::Agent => {
            let name = entry.author_name.as_deref().unwrap_or("An agent");
            (None, format!("💬 {name} to the user: {}", entry.text))
        }
        Author::System => (None, notice(&entry.text)),
    };
    // Slack takes no message that shows nothing.
    let mut texts = split(&text, MAX_CHARS);
    texts.retain(|text| !text.trim().is_empty());
    if texts.is_empty() {
        texts.push("[no text]".to_owned());
    }
    Post { username, texts }
}

/// A text of the bridge's own.
pub(super) fn notice(text: &str) -> String {
    format!("ℹ️ {text}")
}

/// The name over a user's lines. It says that it is the user's: anybody can call themselves by a
/// colleague's name.
fn username(conversation: &Conversation) -> String {
    let name: String = user_name(conversation)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("{} (user)", cut(&name, 60))
}

/// At most `max` characters, with a mark where there were more.
fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    const MARK: &str = "… [cut]";
    let kept = text.chars().take(max - MARK.chars().count());
    kept.chain(MARK.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{
        Agent, EntryId, Kind, PLACEHOLDER_EMAIL, Side, Speaker, Turn, tests::conversation,
    };
    use proptest::prelude::*;

    fn turn(text: String) -> Turn {
        Turn {
            speaker: Speaker::Bot,
            kind: None,
            text,
            files: Vec::new(),
        }
    }

    fn user_line(text: &str) -> Entry {
        let id = EntryId::of_user_line(1, text.as_bytes());
        let conversation = conversation().id;
        let (kind, to) = (Kind::Message, Some(Side::Desk));
        Entry::new(conversation, id, kind, Author::User, to, text, 1)
    }

    #[test]
    fn the_top_shows_who_it_is_and_how_far_it_has_come() {
        let mut known = conversation();
        known.user.name = Some("<!channel> *Ann*".into());
        known.user.email = Some(PLACEHOLDER_EMAIL.into());
        let (text, blocks) = root(&known, &State::of(&known));
        assert!(text.contains("&lt;!channel&gt;") && text.contains("Waiting"));
        assert!(blocks.to_string().contains(ACTION_CLAIM));
        assert!(!blocks.to_string().contains("gptbots.ai"));

        known.status = Status::Connected;
        known.agent = Some(Agent {
            id: "U1".into(),
            name: "Ken".into(),
        });
        let (text, blocks) = root(&known, &State::of(&known));
        assert!(text.contains("Ken has it"));
        assert!(!blocks.to_string().contains(ACTION_CLAIM));
        assert!(blocks.to_string().contains(ACTION_CLOSE));

        known.status = Status::Closed;
        for (by, words) in [
            (ClosedBy::User, "by the user"),
            (ClosedBy::Timeout, "nobody answered"),
            (ClosedBy::Agent, "by Ken"),
            (ClosedBy::Bridge, "by the system"),
        ] {
            let (text, blocks) = root(&known, &State::ended(&known, Some(by)));
            assert!(text.contains(words), "{text}");
            assert!(!blocks.to_string().contains("button"));
        }
    }

    #[test]
    fn lines_say_whose_they_are() {
        let mut known = conversation();
        known.user.name = Some("Ann\nBoss".into());
        let post = entry(&known, &user_line("hi"));
        assert_eq!(post.username.as_deref(), Some("Ann Boss (user)"));
        assert_eq!(post.texts, ["hi"]);
        let mut late = user_line("hi");
        late.late = true;
        assert!(entry(&known, &late).texts[0].starts_with("[written after"));
        let mut other = user_line("hi");
        other.author = Author::Agent;
        other.author_name = Some("Ken".into());
        let post = entry(&known, &other);
        assert_eq!(post.username, None);
        assert_eq!(post.texts, ["💬 Ken to the user: hi"]);
        other.author = Author::System;
        assert_eq!(entry(&known, &other).texts, ["ℹ️ hi"]);
        for nothing in ["", " \n", &" ".repeat(9_000)] {
            assert_eq!(entry(&known, &user_line(nothing)).texts, ["[no text]"]);
        }
    }

    #[test]
    fn a_history_is_shown_in_order_and_says_what_is_missing() {
        let short = History {
            turns: vec![turn("one".into()), turn("two".into())],
            omitted: 0,
        };
        assert_eq!(
            history(&conversation(), &short),
            ["Before the handoff:\nBot: one\nBot: two"]
        );
        assert!(history(&conversation(), &History::default()).is_empty());
        let missing = History {
            turns: vec![turn("one".into())],
            omitted: 3,
        };
        assert_eq!(
            history(&conversation(), &missing),
            ["Before the handoff:\n[3 older messages are not shown]\nBot: one"]
        );
        let long = History {
            turns: (0..100)
                .map(|n| turn(format!("{n} {}", "x".repeat(500))))
                .collect(),
            omitted: 7,
        };
        let shown = history(&conversation(), &long).join("\n");
        assert!(shown.contains("Bot: 99 ") && !shown.contains("Bot: 0 "));
        let count = shown.matches("Bot: ").count();
        assert!(shown.contains(&format!("[{} older messages are not shown]", 107 - count)));
    }

    proptest! {
        #[test]
        fn nothing_of_a_text_can_ping_or_format(text in "[<>&!@#a-zU0-9|*_~`\n ]{0,80}") {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>']));
            let plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            prop_assert_eq!(plain, text);
        }

        #[test]
        fn a_history_fits_and_its_newest_turn_is_there(
            lengths in proptest::collection::vec(1..20_000_usize, 1..30),
            of in prop_oneof![Just("x"), Just("x "), Just("é\n"), Just("<")],
        ) {
            let newest = lengths.len() - 1;
            let turns = lengths.iter().enumerate()
                .map(|(n, length)| turn(format!("#{n}# {}", of.repeat(*length)))).collect();
            let pieces = history(&conversation(), &History { turns, omitted: 0 });
            prop_assert!(pieces.len() <= HISTORY_MESSAGES);
            for piece in &pieces {
                prop_assert!(piece.chars().count() <= MAX_CHARS);
            }
            let shown = pieces.join("\n");
            let newest = format!("#{newest}#");
            prop_assert!(shown.contains(&newest));
        }

        #[test]
        fn a_long_line_is_several_messages(text in "[a-z]{1,8}( [a-z]{1,9}){0,2000}") {
            let post = entry(&conversation(), &user_line(&text));
            for piece in &post.texts {
                prop_assert!(piece.chars().count() <= MAX_CHARS);
            }
        }
    }
}
