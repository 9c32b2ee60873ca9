//! What agents see in the channel.

use serde_json::Value;

use super::model::{Author, Message, State, display_name};
use crate::{From, Seen, SeenLine};

/// The conversations, in the order in which they came.
pub(super) fn seen(state: &State, channel: &str) -> Vec<Seen> {
    let roots = state.messages.iter();
    let roots = roots
        .filter(|message| message.thread.is_none() && matches!(message.author, Author::App { .. }));
    roots
        .map(|root| {
            let replies = state.messages.iter();
            let replies = replies.filter(|message| message.thread.as_ref() == Some(&root.ts));
            let labels = buttons(&root.blocks).filter_map(|button| button["text"]["text"].as_str());
            let closed = !labels.into_iter().any(|label| label.starts_with("Close"));
            Seen {
                reference: format!("{channel}/{}", root.ts),
                person: None,
                about: shown(root).0,
                lines: replies.map(line).collect(),
                closed,
            }
        })
        .collect()
}

fn line(message: &Message) -> SeenLine {
    let (text, accident) = shown(message);
    let from = match &message.author {
        Author::Agent { internal: true } => From::Note,
        Author::Agent { internal: false } => From::Agent,
        // What the app says under a name of its own choosing looks like that person's.
        Author::App { username: Some(_) } => From::User,
        Author::App { username: None } => From::Bridge,
    };
    let ours = matches!(message.author, Author::App { .. });
    SeenLine {
        from,
        text,
        accident: accident.filter(|_| ours),
    }
}

/// The buttons of a message.
pub(super) fn buttons(blocks: &Value) -> impl Iterator<Item = &Value> {
    let blocks = blocks.as_array().into_iter().flatten();
    blocks
        .filter(|block| block["type"] == "actions")
        .flat_map(|block| block["elements"].as_array().into_iter().flatten())
}

/// What a message shows, and what went wrong with it.
fn shown(message: &Message) -> (String, Option<String>) {
    let rich = message.blocks.as_array().into_iter().flatten();
    let rich: Vec<&Value> = rich
        .filter(|block| block["type"] == "rich_text")
        .flat_map(|block| block["elements"].as_array().into_iter().flatten())
        .flat_map(|section| section["elements"].as_array().into_iter().flatten())
        .collect();
    let (_, in_text) = of_text(&message.text, message.mrkdwn && rich.is_empty());
    if rich.is_empty() {
        let (mut text, accident) = of_text(&message.text, message.mrkdwn);
        for file in &message.files {
            text = format!("{text}\n[{}]", file["name"].as_str().unwrap_or_default());
        }
        return (text.trim().to_owned(), accident);
    }
    let mut text = String::new();
    let mut accident = None;
    for part in rich {
        match part["type"].as_str().unwrap_or_default() {
            "text" => text.push_str(part["text"].as_str().unwrap_or_default()),
            "link" => {
                let label = part["text"].as_str().or(part["url"].as_str());
                text.push_str(label.unwrap_or_default());
            }
            "user" => {
                let id = part["user_id"].as_str().unwrap_or_default();
                text.push_str(&format!("@{}", display_name(id).unwrap_or(id)));
                accident = Some("pings a person".to_owned());
            }
            other => accident = Some(format!("has {other} in it")),
        }
    }
    // The text beside blocks is what notifications show, and pings as well.
    (text, accident.or(in_text))
}

/// A text as Slack shows it: references and, in markup, styles are undone; the escapes are.
fn of_text(text: &str, mrkdwn: bool) -> (String, Option<String>) {
    let mut accident = None;
    if let Some(start) = text.find('<')
        && let Some(end) = text[start..].find('>')
    {
        let target = &text[start + 1..start + end];
        accident = Some(match target.chars().next() {
            Some('!') => "pings a group".to_owned(),
            Some('@') => "pings a person".to_owned(),
            Some('#') => "links a channel".to_owned(),
            _ => "hides a link behind a label".to_owned(),
        });
    }
    let mut plain = text.to_owned();
    if mrkdwn {
        for mark in ['*', '_', '~', '`'] {
            if is_styled(text, mark) {
                accident.get_or_insert(format!("is formatted by {mark}"));
                plain = plain.replace(mark, "");
            }
        }
        if text.lines().any(|line| line.starts_with("&gt;")) {
            accident.get_or_insert("is shown as a quote".to_owned());
        }
    }
    let plain = plain
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    (plain, accident)
}

/// Whether something stands between two of these marks, as Slack takes them for a style.
fn is_styled(text: &str, mark: char) -> bool {
    let mut parts = text.split(mark);
    let mut before = parts.next().unwrap_or_default();
    let parts: Vec<_> = parts.collect();
    parts.windows(2).any(|pair| {
        let (inside, after) = (pair[0], pair[1]);
        let opens = !before.ends_with(char::is_alphanumeric)
            && !inside.is_empty()
            && !inside.starts_with(char::is_whitespace);
        let closes = !inside.ends_with(char::is_whitespace)
            && !inside.contains('\n')
            && !after.starts_with(char::is_alphanumeric);
        before = inside;
        opens && closes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accidents_are_noticed() {
        for (text, mrkdwn) in [
            ("hi <!channel>", false),
            ("hi <@U1>", false),
            ("<https://evil.example|https://good.example>", false),
            ("so *bold*", true),
            ("&gt; quoted", true),
        ] {
            assert!(of_text(text, mrkdwn).1.is_some(), "{text}");
        }
        for (text, mrkdwn) in [
            ("hi &lt;!channel&gt; *not bold*", false),
            ("2 * 3 * 4 snake_case_x", true),
        ] {
            assert_eq!(of_text(text, mrkdwn).1, None, "{text}");
        }
        assert_eq!(of_text("a &amp;lt; &lt;b&gt;", false).0, "a &lt; <b>");
    }
}
