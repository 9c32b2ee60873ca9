//! Shows entries in a ticket, and its end.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::TOGETHER;
use super::api::{Api, Audit};
use super::config::Config;
use super::opening::requester;
use super::render::{MAX_HTML, MAX_TEXT, paragraph};
use crate::conversation::{Author, Conversation, Entry, Kind};
use crate::desk::DeskError;
use crate::desk::text::split;

/// The member of an update's metadata that has our entries' ids. Metadata takes a kilobyte
/// ("Tickets", setting metadata).
const ENTRIES: &str = "handoff_entries";

/// What is put before a line that the user wrote after the end.
const LATE: &str = "[Sent after the end of the chat] ";

/// A paragraph to be shown.
struct Piece {
    /// Our id of it: the entry's, and which piece of a long one it is.
    id: String,
    /// Whether the user wrote it.
    by_user: bool,
    html: String,
}

/// Paragraphs that go as one comment.
struct Update {
    ids: Vec<String>,
    by_user: bool,
    html: String,
}

/// Shows entries, in order. Answers Zendesk's id of the last comment.
pub(super) async fn post(
    api: &Api,
    conversation: &Conversation,
    entries: &[Entry],
) -> Result<Option<String>, DeskError> {
    let ticket = ticket_of(conversation)?;
    let mut pieces = pieces(entries);
    if entries.iter().any(|entry| entry.attempts > 1) {
        let shown = shown(&api.audits(ticket).await?);
        pieces.retain(|piece| !shown.contains(&piece.id));
    }
    let late = entries.iter().any(|entry| entry.late);
    let mut last = None;
    for update in together(pieces) {
        let author = if update.by_user {
            Some(author(api, conversation).await?)
        } else {
            None
        };
        let updated = api.update(ticket, comment(&update, author)).await?;
        last = updated.audit.and_then(|audit| audit.comment_id());
        // For an agent's update, which ours is, Zendesk leaves a ticket pending though it is the
        // requester who has answered. What was said is shown already: no reason to say it again.
        if update.by_user && !late && updated.ticket.status == "pending" {
            let opened = api.update(ticket, json!({"status": "open"})).await;
            if let Err(error) = opened {
                tracing::warn!(ticket, %error, "the ticket stays pending");
            }
        }
    }
    Ok(last.map(|id| id.to_string()))
}

/// Solves the ticket, with an internal comment that says why. One that has ended there already
/// stays as it is.
pub(super) async fn close(
    api: &Api,
    config: &Config,
    conversation: &Conversation,
    text: &str,
) -> Result<(), DeskError> {
    let id = ticket_of(conversation)?;
    let ticket = match api.ticket(id).await {
        Ok(ticket) => ticket,
        Err(DeskError::Gone(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    if ticket.is_over() {
        return Ok(());
    }
    let html = paragraph(text);
    let mut solved = json!({
        "status": "solved",
        "comment": {"html_body": html, "public": false},
    });
    // Zendesk solves no ticket that nobody has.
    if ticket.assignee_id.is_none() {
        solved["assignee_id"] = json!(config.user_id.parse::<u64>().unwrap_or_default());
    }
    match api.update(id, solved).await {
        Ok(_) | Err(DeskError::Gone(_)) => Ok(()),
        // The account has fields that must be filled in first, or assigns otherwise: only its
        // agents can solve it, but they must see that the user has left.
        Err(DeskError::Rejected(_)) => {
            let why = paragraph(
                "The ticket could not be set to solved: Zendesk asks for something \
                 to be filled in first.",
            );
            let comment = json!({"html_body": format!("{html}{why}"), "public": false});
            api.update(id, json!({"comment": comment})).await.map(drop)
        }
        Err(error) => Err(error),
    }
}

fn ticket_of(conversation: &Conversation) -> Result<&str, DeskError> {
    let reference = conversation.desk_ref.as_deref();
    reference.ok_or_else(|| DeskError::Rejected("the conversation has no ticket".to_owned()))
}

/// Zendesk's id of the user, as it was noted when the ticket was made.
async fn author(api: &Api, conversation: &Conversation) -> Result<u64, DeskError> {
    let noted = conversation.desk_context.as_deref();
    match noted.and_then(|id| id.parse().ok()) {
        Some(id) => Ok(id),
        None => requester(api, conversation).await,
    }
}

fn comment(update: &Update, author: Option<u64>) -> Value {
    let mut comment = json!({"html_body": update.html, "public": update.by_user});
    if let Some(author) = author {
        comment["author_id"] = json!(author);
    }
    json!({"comment": comment, "metadata": {ENTRIES: update.ids.join(",")}})
}

/// The ids of what a ticket shows already.
fn shown(audits: &[Audit]) -> HashSet<String> {
    let lists = audits.iter().filter_map(|audit| audit.custom(ENTRIES));
    lists
        .flat_map(|list| list.split(',').map(str::to_owned))
        .collect()
}

fn pieces(entries: &[Entry]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for entry in entries {
        let by_user = entry.author == Author::User && entry.kind == Kind::Message;
        let text = match (&entry.author_name, entry.late) {
            (_, true) => format!("{LATE}{}", entry.text),
            (Some(name), _) if entry.author == Author::Agent => format!("{name}: {}", entry.text),
            _ => entry.text.clone(),
        };
        let parts = split(&text, MAX_TEXT);
        let one = parts.len() == 1;
        pieces.extend(parts.iter().enumerate().map(|(n, part)| Piece {
            id: if one {
                entry.id.to_string()
            } else {
                format!("{}.{n}", entry.id)
            },
            by_user,
            html: paragraph(part),
        }));
    }
    pieces
}

/// Puts what follows each other and has the same author into as few comments as there can be.
fn together(pieces: Vec<Piece>) -> Vec<Update> {
    let mut updates: Vec<Update> = Vec::new();
    for piece in pieces {
        match updates.last_mut() {
            Some(update)
                if update.by_user == piece.by_user
                    && update.ids.len() < TOGETHER
                    && update.html.len() + piece.html.len() <= MAX_HTML =>
            {
                update.ids.push(piece.id);
                update.html.push_str(&piece.html);
            }
            _ => updates.push(Update {
                ids: vec![piece.id],
                by_user: piece.by_user,
                html: piece.html,
            }),
        }
    }
    updates
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::conversation::{ConversationId, EntryId, Side};

    fn entry(n: i64, kind: Kind, author: Author, text: &str) -> Entry {
        let id = EntryId::of_user_line(n, b"x");
        let conversation = ConversationId::new("c1").unwrap();
        Entry::new(conversation, id, kind, author, Some(Side::Desk), text, n)
    }

    fn line(n: i64, text: &str) -> Entry {
        entry(n, Kind::Message, Author::User, text)
    }

    #[test]
    fn a_users_lines_go_together_and_notices_by_themselves() {
        let entries = [
            line(1, "a"),
            line(2, "b"),
            entry(3, Kind::Notice, Author::System, "Not delivered"),
            line(4, "c"),
        ];
        let updates = together(pieces(&entries));
        let shape: Vec<_> = updates
            .iter()
            .map(|update| (update.by_user, update.html.as_str()))
            .collect();
        assert_eq!(
            shape,
            [
                (true, "<p>a</p><p>b</p>"),
                (false, "<p>Not delivered</p>"),
                (true, "<p>c</p>")
            ]
        );
    }

    #[test]
    fn a_late_line_says_so() {
        let mut late = line(1, "hello?");
        late.late = true;
        let updates = together(pieces(&[late]));
        assert_eq!(
            updates[0].html,
            "<p>[Sent after the end of the chat] hello?</p>"
        );
    }

    #[test]
    fn an_internal_comment_is_ours_and_a_public_one_the_users() {
        let updates = together(pieces(&[line(1, "a")]));
        let sent = comment(&updates[0], Some(5));
        assert_eq!(sent["comment"]["author_id"], 5);
        assert_eq!(sent["comment"]["public"], true);
        let notice = entry(1, Kind::Notice, Author::System, "x");
        let sent = comment(&together(pieces(&[notice]))[0], None);
        assert_eq!(sent["comment"]["public"], false);
        assert!(sent["comment"].get("author_id").is_none());
    }

    #[test]
    fn the_audits_say_what_is_shown() {
        let audits: Vec<Audit> = serde_json::from_value(json!([
            {"id": 1, "metadata": {"custom": {"handoff_entries": "a,b.0"}, "system": {}}},
            {"id": 2, "metadata": {"custom": {}, "system": {}}},
            {"id": 3},
        ]))
        .unwrap();
        let shown = shown(&audits);
        assert_eq!(shown, HashSet::from(["a".to_owned(), "b.0".to_owned()]));
    }

    proptest! {
        #[test]
        fn updates_keep_order_and_limits(
            texts in proptest::collection::vec(("[a&\n ]{0,9}", 0..2_000_usize, any::<bool>()), 0..8),
        ) {
            let entries: Vec<Entry> = texts
                .iter()
                .enumerate()
                .map(|(n, (text, times, user))| {
                    let text = format!("{n}:{}", text.repeat(*times));
                    match user {
                        true => line(n as i64, &text),
                        false => entry(n as i64, Kind::Notice, Author::System, &text),
                    }
                })
                .collect();
            let pieces = pieces(&entries);
            let ids: Vec<String> = pieces.iter().map(|piece| piece.id.clone()).collect();
            let html: String = pieces.iter().map(|piece| piece.html.as_str()).collect();
            let updates = together(pieces);
            for update in &updates {
                prop_assert!(update.html.len() <= MAX_HTML + 7);
                let metadata = comment(update, Some(1))["metadata"].to_string();
                prop_assert!(metadata.len() <= 1_024, "{}", metadata.len());
            }
            prop_assert_eq!(updates.iter().flat_map(|update| update.ids.clone()).collect::<Vec<_>>(), ids);
            prop_assert_eq!(updates.iter().map(|update| update.html.as_str()).collect::<String>(), html);
        }
    }
}
