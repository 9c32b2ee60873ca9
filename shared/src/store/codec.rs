//! Conversations and entries as items.

use aws_sdk_dynamodb::types::AttributeValue;

use super::StoreError;
use super::item::{Item, Put, Reader, key, n, s};
use super::keys::{
    CHANGED, DUE, DUE_AT, ENTRY_PREFIX, EXPIRES_AT, LIST, LIST_AT, META, META_OUT, OUT, PK, SK,
    changed, closed_list, closed_list_of, conversation_of, conversation_pk, due, due_at, entry_sk,
    list_at, open_list, out, queued_at, shard, waiting,
};
use crate::conversation::{
    Agent, Author, ClosedBy, Conversation, Delivery, Entry, EntryId, Kind, Last, Notice, Origin,
    Side, Status, User,
};
use crate::text::head;
use crate::time::Millis;

/// How much of the last line a list shows, in bytes.
const LAST_BYTES: usize = 200;

/// An entry as a new item; the clock looks at it `stray_after` its acceptance. Its last change is
/// its acceptance.
pub(super) fn entry_item(entry: &Entry, stray_after: Millis, expires_at: i64) -> Item {
    let mut item = key(conversation_pk(&entry.conversation), entry_sk(&entry.id));
    item.put("kind", s(entry.kind.as_str()));
    item.put("author", s(entry.author.as_str()));
    item.put("author_name", entry.author_name.as_deref().map(s));
    item.put("text", s(entry.text.as_str()));
    item.put("to", entry.to.map(|side| s(side.as_str())));
    item.put("delivery", s(entry.delivery.as_str()));
    item.put("at", n(entry.at));
    item.put("sent_at", entry.sent_at.map(n));
    item.put("queued_at", n(entry.queued_at));
    item.put("attempts", n(entry.attempts.into()));
    item.put("next_at", entry.next_at.map(n));
    item.put("episode", entry.episode.map(|episode| n(episode.into())));
    item.put("late", entry.late.then_some(AttributeValue::Bool(true)));
    item.put("origin", entry.origin.as_ref().map(|o| s(origin_json(o))));
    item.put(
        "notice",
        entry.notice.as_ref().map(|notice| s(notice_json(notice))),
    );
    item.put("copy", entry.copy.then_some(AttributeValue::Bool(true)));
    item.put(CHANGED, s(changed(entry.at, &entry.id)));
    item.put(EXPIRES_AT, n(expires_at));
    if let Some(side) = entry.to.filter(|_| entry.is_undelivered()) {
        item.put(OUT, s(out(side, entry)));
        item.put(DUE, s(due(shard(&entry.conversation))));
        item.put(
            DUE_AT,
            s(due_at(entry.at + stray_after, side, entry.queued_at)),
        );
    }
    item
}

/// Reads an entry.
pub(super) fn entry(item: &Item) -> Result<Entry, StoreError> {
    let reader = Reader(item);
    let conversation = conversation_of(reader.s(PK)?).ok_or(StoreError::Unreadable(PK))?;
    let id = reader
        .s(SK)?
        .strip_prefix(ENTRY_PREFIX)
        .and_then(|id| EntryId::parse(id).ok())
        .ok_or(StoreError::Unreadable(SK))?;
    let at = reader.n("at")?;
    Ok(Entry {
        conversation,
        id,
        kind: reader
            .named("kind", Kind::parse)?
            .ok_or(StoreError::Unreadable("kind"))?,
        author: reader
            .named("author", Author::parse)?
            .ok_or(StoreError::Unreadable("author"))?,
        author_name: reader.opt_string("author_name")?,
        text: reader.s("text")?.to_owned(),
        to: reader.named("to", Side::parse)?,
        delivery: reader
            .named("delivery", Delivery::parse)?
            .ok_or(StoreError::Unreadable("delivery"))?,
        at,
        sent_at: reader.opt_n("sent_at")?,
        queued_at: reader.opt_n("queued_at")?.unwrap_or(at),
        attempts: count(reader.opt_n("attempts")?),
        lease_until: reader.opt_n("lease_until")?,
        next_at: reader.opt_n("next_at")?,
        error: reader.opt_string("error")?,
        remote_id: reader.opt_string("remote_id")?,
        late: reader.flag("late"),
        episode: reader.opt_n("episode")?.map(|episode| count(Some(episode))),
        alone: reader.flag("alone"),
        origin: match reader.opt_s("origin")? {
            None => None,
            Some(json) => {
                Some(serde_json::from_str(json).map_err(|_| StoreError::Unreadable("origin"))?)
            }
        },
        copy: reader.flag("copy"),
        // One of a later release says the same in its text.
        notice: reader
            .opt_s("notice")?
            .and_then(|json| serde_json::from_str(json).ok()),
    })
}

fn notice_json(notice: &Notice) -> String {
    serde_json::to_string(notice).unwrap_or_default()
}

pub(super) fn origin_json(origin: &Origin) -> String {
    serde_json::to_string(origin).unwrap_or_default()
}

fn count(value: Option<i64>) -> u32 {
    value
        .and_then(|value| u32::try_from(value).ok())
        .unwrap_or(0)
}

/// A conversation as a new META item.
pub(super) fn meta_item(conversation: &Conversation, expires_at: i64) -> Item {
    let id = &conversation.id;
    let mut item = key(conversation_pk(id), META);
    item.put(OUT, s(META_OUT));
    item.put("bot", conversation.bot.as_deref().map(s));
    item.put("user", s(user_json(&conversation.user)));
    item.put("desk", s(conversation.desk.as_str()));
    item.put(
        "next_desks",
        conversation.next_desks.as_deref().map(|d| s(desks_json(d))),
    );
    item.put("language", conversation.language.as_deref().map(s));
    item.put("desk_ref", conversation.desk_ref.as_deref().map(s));
    item.put("desk_context", conversation.desk_context.as_deref().map(s));
    item.put("status", s(conversation.status.as_str()));
    item.put("episode", n(conversation.episode.into()));
    item.put("established", conversation.established.map(n));
    item.put(
        "reestablished",
        conversation
            .reestablished
            .then_some(AttributeValue::Bool(true)),
    );
    item.put("asked_at", n(conversation.asked_at));
    item.put("opened_at", n(conversation.opened_at));
    item.put("connected_at", conversation.connected_at.map(n));
    item.put("answered_at", conversation.answered_at.map(n));
    item.put("closed_at", conversation.closed_at.map(n));
    item.put("closed_by", conversation.closed_by.map(|by| s(by.as_str())));
    item.put("close_reason", conversation.close_reason.as_deref().map(s));
    item.put("close_sent_at", conversation.close_sent_at.map(n));
    item.put(
        "agent_id",
        conversation
            .agent
            .as_ref()
            .map(|agent| s(agent.id.as_str())),
    );
    item.put(
        "agent_name",
        conversation
            .agent
            .as_ref()
            .map(|agent| s(agent.name.as_str())),
    );
    if let Some(last) = &conversation.last {
        item.put("last_author", s(last.author.as_str()));
        item.put("last_text", s(last.text.as_str()));
        item.put("last_at", n(last.at));
    }
    item.put("user_lane_at", n(conversation.user_lane_at));
    let (list, at) = listed(conversation);
    item.put(LIST, s(list));
    item.put(LIST_AT, s(at));
    if conversation.status == Status::Waiting {
        item.put(DUE, s(waiting(shard(id))));
        let bot = conversation.bot.as_deref().unwrap_or_default();
        item.put(DUE_AT, s(queued_at(conversation.opened_at, bot)));
    }
    item.put(EXPIRES_AT, n(expires_at));
    item
}

/// Where a conversation stands in the index of conversations.
pub(super) fn listed(conversation: &Conversation) -> (String, String) {
    let id = &conversation.id;
    match conversation.closed_at.filter(|_| conversation.is_closed()) {
        Some(at) => (closed_list(closed_list_of(at)), list_at(at, id)),
        None => (open_list(shard(id)), list_at(conversation.opened_at, id)),
    }
}

/// Reads a conversation, also a tombstone that knows little more than its end.
pub(super) fn conversation(item: &Item) -> Result<Conversation, StoreError> {
    let reader = Reader(item);
    let id = conversation_of(reader.s(PK)?).ok_or(StoreError::Unreadable(PK))?;
    let user = match reader.opt_s("user")? {
        None => User::default(),
        Some(json) => serde_json::from_str(json).map_err(|_| StoreError::Unreadable("user"))?,
    };
    let agent = match (
        reader.opt_string("agent_id")?,
        reader.opt_string("agent_name")?,
    ) {
        (Some(id), name) => Some(Agent {
            name: name.unwrap_or_default(),
            id,
        }),
        (None, _) => None,
    };
    let last = match reader.opt_n("last_at")? {
        None => None,
        Some(at) => Some(Last {
            author: reader
                .named("last_author", Author::parse)?
                .unwrap_or(Author::System),
            text: reader.opt_string("last_text")?.unwrap_or_default(),
            at,
        }),
    };
    Ok(Conversation {
        id,
        bot: reader.opt_string("bot")?,
        user,
        desk: reader.opt_string("desk")?.unwrap_or_default(),
        next_desks: match reader.opt_s("next_desks")? {
            None => None,
            Some(json) => {
                Some(serde_json::from_str(json).map_err(|_| StoreError::Unreadable("next_desks"))?)
            }
        },
        language: reader.opt_string("language")?,
        desk_ref: reader.opt_string("desk_ref")?,
        desk_context: reader.opt_string("desk_context")?,
        status: reader
            .named("status", Status::parse)?
            .ok_or(StoreError::Unreadable("status"))?,
        episode: count(reader.opt_n("episode")?),
        established: reader.opt_n("established")?,
        reestablished: reader.flag("reestablished"),
        asked_at: reader.opt_n("asked_at")?.unwrap_or(0),
        opened_at: reader.opt_n("opened_at")?.unwrap_or(0),
        connected_at: reader.opt_n("connected_at")?,
        answered_at: reader.opt_n("answered_at")?,
        closed_at: reader.opt_n("closed_at")?,
        closed_by: reader.named("closed_by", ClosedBy::parse)?,
        close_reason: reader.opt_string("close_reason")?,
        close_sent_at: reader.opt_n("close_sent_at")?,
        agent,
        last,
        user_lane_at: reader.opt_n("user_lane_at")?.unwrap_or(0),
    })
}

pub(super) fn user_json(user: &User) -> String {
    serde_json::to_string(user).unwrap_or_default()
}

pub(super) fn desks_json(desks: &[String]) -> String {
    serde_json::to_string(desks).unwrap_or_default()
}

/// A line as a list shows it.
pub(super) fn last(author: Author, text: &str, at: Millis) -> Last {
    Last {
        author,
        text: head(text, LAST_BYTES).to_owned(),
        at,
    }
}
