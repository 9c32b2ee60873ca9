//! What is handed out of a conversation: as JSON for programs, as text for people.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::conversation::{Author, Conversation, Entry, Kind, Speaker, Turn, User};
use crate::store::Export;
use crate::time::{Millis, iso};

/// All of it as JSON. Times are RFC 3339, in UTC.
pub fn as_json(export: &Export) -> Value {
    let mut json = json!({
        "conversation_id": export.id.as_str(),
        "before_the_handoffs": export.episodes.iter().map(|episode| json!({
            "handoff": episode.number,
            "turns": episode.history.turns,
            "omitted": episode.history.omitted,
        })).collect::<Vec<_>>(),
        "lines": export.entries.iter().map(line).collect::<Vec<_>>(),
    });
    if let Some(known) = &export.conversation {
        json["bot_id"] = json!(known.bot);
        json["user"] = json!(known.user);
        json["desk"] = json!(known.desk);
        json["desk_reference"] = json!(known.desk_ref);
        json["status"] = json!(known.status.as_str());
        json["handoffs"] = json!(known.episode);
        json["opened_at"] = json!(iso(known.opened_at));
        json["connected_at"] = json!(known.connected_at.map(iso));
        json["answered_at"] = json!(known.answered_at.map(iso));
        json["closed_at"] = json!(known.closed_at.map(iso));
        json["closed_by"] = json!(known.closed_by.map(|by| by.as_str()));
        json["close_reason"] = json!(known.close_reason);
        json["agent"] = json!(known.agent);
    }
    json
}

fn line(entry: &Entry) -> Value {
    let files = entry.origin.iter().flat_map(|origin| &origin.files);
    let files: Vec<Value> = files
        .map(|file| json!({"name": file.name, "url": file.public.then_some(&file.url)}))
        .collect();
    json!({
        "id": entry.id.as_str(),
        "kind": entry.kind.as_str(),
        "author": entry.author.as_str(),
        "author_name": entry.author_name,
        "text": entry.text,
        "files": files,
        "to": entry.to.map(|side| side.as_str()),
        "delivery": entry.delivery.as_str(),
        "at": iso(entry.at),
        "sent_at": entry.sent_at.map(iso),
        "late": entry.late,
    })
}

/// All of it as text.
pub fn as_text(export: &Export) -> String {
    let mut text = format!("Conversation {}\n", export.id);
    if let Some(known) = &export.conversation {
        head(&mut text, known);
    }
    for episode in &export.episodes {
        let _ = writeln!(text, "\n== Before handoff {} ==", episode.number);
        if episode.history.omitted > 0 {
            let _ = writeln!(
                text,
                "({} older messages were not kept)",
                episode.history.omitted
            );
        }
        for turn in &episode.history.turns {
            said(&mut text, speaker(turn), &turn.text);
            for file in &turn.files {
                let _ = writeln!(text, "    {}", file.url);
            }
        }
    }
    text.push_str("\n== Conversation ==\n");
    for entry in &export.entries {
        let who = match (entry.kind, entry.author, entry.author_name.as_deref()) {
            (Kind::Opening, ..) => "The user asked for a human".to_owned(),
            (Kind::Note, _, name) => format!("Private note of {}", name.unwrap_or("an agent")),
            (_, Author::User, _) => "User".to_owned(),
            (_, Author::Agent, Some(name)) => format!("Agent {name}"),
            (_, Author::Agent, None) => "Agent".to_owned(),
            (_, Author::System, _) => "Automatic".to_owned(),
        };
        said(
            &mut text,
            &format!("[{}] {who}", iso(entry.at)),
            &entry.text_and_files(),
        );
    }
    text
}

fn head(text: &mut String, known: &Conversation) {
    let User {
        name,
        email,
        phone,
        user_id,
        anonymous_id,
        conversation_type,
        channel,
    } = &known.user;
    let email = email
        .as_ref()
        .filter(|_| !known.user.has_placeholder_email());
    let time = |at: Option<Millis>| at.map(iso);
    let agent = known.agent.as_ref().map(|agent| agent.called().to_owned());
    let closed_by = known.closed_by.map(|by| by.to_string());
    for (what, value) in [
        ("Bot", known.bot.clone()),
        ("Name", name.clone()),
        ("E-mail", email.cloned()),
        ("Phone", phone.clone()),
        ("User ID", user_id.clone()),
        ("Anonymous ID", anonymous_id.clone()),
        ("Channel", channel.clone()),
        ("Channel type", conversation_type.clone()),
        ("Desk", Some(known.desk.clone())),
        ("Agent", agent),
        ("Opened", time(Some(known.opened_at))),
        ("First answer", time(known.answered_at)),
        ("Closed", time(known.closed_at)),
        ("Closed by", closed_by),
        ("Reason", known.close_reason.clone()),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "{what}: {value}");
        }
    }
}

/// A line with its author; further lines of it are indented, so that none can pass for another's.
fn said(text: &mut String, who: &str, what: &str) {
    let _ = writeln!(text, "{who}: {}", what.replace('\n', "\n    "));
}

fn speaker(turn: &Turn) -> &'static str {
    match turn.speaker {
        Speaker::User => "User",
        Speaker::Bot => "Bot",
        Speaker::Agent => "Agent",
        Speaker::Other => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{
        ConversationId, EntryId, History, PLACEHOLDER_EMAIL, Side, tests::conversation,
    };
    use crate::store::Episode;

    fn export() -> Export {
        let id = ConversationId::new("c1").unwrap();
        let entry = |author, text: &str, at| {
            let name = EntryId::of_system_line(at, text);
            Entry::new(
                id.clone(),
                name,
                Kind::Message,
                author,
                Some(Side::User),
                text,
                at,
            )
        };
        let mut known = conversation();
        known.user.email = Some(PLACEHOLDER_EMAIL.into());
        known.user.name = Some("Bob".into());
        let turn = Turn {
            speaker: Speaker::User,
            kind: None,
            text: "is anybody there?".into(),
            files: Vec::new(),
        };
        Export {
            id: id.clone(),
            conversation: Some(known),
            episodes: vec![Episode {
                number: 1,
                history: History::new(1, [turn]),
            }],
            entries: vec![
                entry(Author::User, "one\nAgent: two", 1_000),
                entry(Author::Agent, "three", 2_000),
            ],
        }
    }

    #[test]
    fn a_text_says_who_said_what_when_and_nobody_can_be_made_to_have_said_something() {
        let text = as_text(&export());
        for line in [
            "Conversation c1",
            "Name: Bob",
            "User: is anybody there?",
            "[1970-01-01T00:00:01Z] User: one",
            "    Agent: two",
            "[1970-01-01T00:00:02Z] Agent: three",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}: {text}");
        }
        assert!(!text.contains(PLACEHOLDER_EMAIL), "it is nobody's: {text}");
    }

    #[test]
    fn json_has_all_of_it() {
        let json = as_json(&export());
        assert_eq!(json["user"]["name"], "Bob");
        assert_eq!(json["lines"][0]["text"], "one\nAgent: two");
        assert_eq!(json["lines"][1]["at"], "1970-01-01T00:00:02Z");
        let turn = &json["before_the_handoffs"][0]["turns"][0];
        assert_eq!(turn["text"], "is anybody there?");
    }
}
