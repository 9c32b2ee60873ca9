//! Conversations and entries as the page gets them. Times are milliseconds since 1970.

use handoff::conversation::{Author, Conversation, Entry, Notice, User};
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct ConversationView<'a> {
    conversation_id: &'a str,
    bot_id: &'a str,
    status: &'static str,
    desk: &'a str,
    user: UserView<'a>,
    opened_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<LastView<'a>>,
    episode: u32,
}

#[derive(Serialize)]
struct UserView<'a> {
    #[serde(flatten)]
    user: &'a User,
    placeholder_email: bool,
}

#[derive(Serialize)]
struct AgentView<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct LastView<'a> {
    author: &'static str,
    text: &'a str,
    at: i64,
}

/// A conversation as the page gets it.
pub(crate) fn conversation(known: &Conversation) -> ConversationView<'_> {
    ConversationView {
        conversation_id: known.id.as_str(),
        bot_id: known.bot.as_deref().unwrap_or_default(),
        status: known.status.as_str(),
        desk: &known.desk,
        user: UserView {
            user: &known.user,
            placeholder_email: known.user.has_placeholder_email(),
        },
        opened_at: known.opened_at,
        connected_at: known.connected_at,
        closed_at: known.closed_at,
        closed_by: known.closed_by.map(|by| by.as_str()),
        close_reason: known.close_reason.as_deref(),
        agent: known.agent.as_ref().map(|agent| AgentView {
            id: &agent.id,
            name: agent.called(),
        }),
        last: known.last.as_ref().map(|last| LastView {
            author: last.author.as_str(),
            text: &last.text,
            at: last.at,
        }),
        episode: known.episode,
    }
}

#[derive(Serialize)]
pub(crate) struct EntryView<'a> {
    id: &'a str,
    kind: &'static str,
    author: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    author_name: Option<&'a str>,
    text: String,
    to: Option<&'static str>,
    delivery: &'static str,
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<i64>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    late: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a Notice>,
}

/// An entry as the page gets it.
pub(crate) fn entry(entry: &Entry) -> EntryView<'_> {
    EntryView {
        id: entry.id.as_str(),
        kind: entry.kind.as_str(),
        author: entry.author.as_str(),
        author_name: entry
            .author_name
            .as_deref()
            .filter(|_| entry.author == Author::Agent),
        text: entry.text_and_files(),
        to: entry.to.map(|side| side.as_str()),
        delivery: entry.delivery.as_str(),
        at: entry.at,
        sent_at: entry.sent_at,
        attempts: entry.attempts,
        next_at: entry.next_at,
        error: entry.error.as_deref(),
        late: entry.late,
        notice: entry.notice.as_ref(),
    }
}
