//! What agents see.

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::state::{API_USER, Kind, Message, Sender, State};
use crate::{From, Seen, SeenLine};

pub(super) fn conversations(state: &State) -> Vec<Seen> {
    let seen = state.talks.iter().map(|talk| {
        let contact = state.contacts.iter().find(|one| one.id == talk.contact);
        let about = contact.map(|contact| {
            let known = [
                Some(&contact.name),
                contact.email.as_ref(),
                contact.phone.as_ref(),
            ];
            known
                .into_iter()
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
                .join(" · ")
        });
        Seen {
            reference: talk.id.to_string(),
            person: Some(talk.contact.to_string()),
            about: about.unwrap_or_default(),
            lines: talk.messages.iter().map(line).collect(),
            closed: talk.status == "resolved",
        }
    });
    seen.collect()
}

fn line(message: &Message) -> SeenLine {
    let from = match (&message.sender, message.private) {
        (Sender::Contact(..), _) => From::User,
        (Sender::User(person), _) if *person == API_USER => From::Bridge,
        (Sender::User(_), true) => From::Note,
        (Sender::User(_), false) => From::Agent,
        (Sender::Bot | Sender::Nobody, _) => From::Bridge,
    };
    let content = message.content.as_deref().unwrap_or_default();
    let (mut text, formats) = rendered(content);
    for attachment in &message.attachments {
        text.push_str(&format!(
            "\n[file] {}",
            attachment["data_url"].as_str().unwrap_or_default()
        ));
    }
    if message.deleted {
        "This message was deleted".clone_into(&mut text);
    }
    // People may format; the bridge may not.
    let ours = matches!(message.sender, Sender::Contact(..))
        || matches!(message.sender, Sender::User(person) if person == API_USER);
    let accident = ours.then(|| accident(message, content, formats)).flatten();
    SeenLine {
        from,
        text: text.trim().to_owned(),
        accident,
    }
}

fn accident(message: &Message, content: &str, formats: Option<String>) -> Option<String> {
    // Where the server looks for mentions, and what it runs outgoing messages through.
    if content.contains("(mention://") {
        return Some("notifies somebody".to_owned());
    }
    if message.kind == Kind::Outgoing && (content.contains("{{") || content.contains("{%")) {
        return Some("is run as a template".to_owned());
    }
    formats
}

/// A text as the dashboard shows it, and the first formatting in it that is more than a link to
/// what it says.
fn rendered(content: &str) -> (String, Option<String>) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut text = String::new();
    let mut formats = None;
    for event in Parser::new_ext(content, options) {
        match event {
            Event::Text(part) | Event::Code(part) if formats.is_some() => text.push_str(&part),
            Event::Text(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak => text.push('\n'),
            Event::Start(Tag::Paragraph) => {}
            Event::End(TagEnd::Paragraph) => text.push_str("\n\n"),
            Event::Start(Tag::Link {
                link_type: LinkType::Autolink,
                ..
            })
            | Event::End(_) => {}
            Event::Html(part) | Event::InlineHtml(part) => {
                // It is shown as text.
                text.push_str(&part);
            }
            other => {
                if let Event::Code(part) = &other {
                    text.push_str(part);
                }
                let name = format!("{other:?}");
                formats.get_or_insert(name.chars().take(60).collect());
            }
        }
    }
    (text, formats)
}
