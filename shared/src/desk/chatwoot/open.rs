//! Opening: the contact, the conversation, and what was said before.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Chatwoot;
use super::api::{Place, Sort, Talk, unless_gone};
use super::config::Config;
use super::markdown::escape;
use super::post::{PIECE, keys, of_contact};
use crate::conversation::{Conversation, History, fingerprint};
use crate::desk::text::{about, said_before, split, user_name};
use crate::desk::{DeskError, Opened, Opening};

/// About how long a message of the history gets, in characters: Chatwoot takes 150,000, a person
/// reads less, and each message is a call.
const PART: usize = 60_000;
/// The longest name, in characters: Chatwoot's texts of one line end at 255.
const MAX_NAME: usize = 200;

const CONVERSATION: &str = "gptbots_conversation_id";
const EPISODE: &str = "gptbots_episode";
const BOT: &str = "gptbots_bot_id";

impl Chatwoot {
    pub(super) async fn open_there(&self, opening: Opening<'_>) -> Result<Opened, DeskError> {
        let conversation = opening.conversation;
        let source_id = self.api.config.source_id(conversation);
        let name: String = one_line(&user_name(conversation))
            .chars()
            .take(MAX_NAME)
            .collect();
        let identifier = Config::identifier(conversation);
        let contact = self.api.contact(&source_id, &identifier, &name).await?;
        let again = opening.attempt > 1;
        let left_behind = match again {
            true => self.find(conversation, &source_id, contact.id).await?,
            false => None,
        };
        let talk = match &left_behind {
            Some(talk) => talk.id,
            None => {
                let attributes = attributes(conversation);
                let talk = self.api.new_talk(&source_id, attributes).await;
                talk.map_err(vanished)?.id
            }
        };
        let reference = talk.to_string();
        let place = Place {
            reference: &reference,
            source_id: &source_id,
        };
        self.tell_history(opening, place, left_behind.is_some())
            .await?;
        Ok(Opened {
            reference,
            context: Some(source_id),
        })
    }

    /// What an earlier attempt left behind: the oldest, if several attempts got that far.
    async fn find(
        &self,
        conversation: &Conversation,
        source_id: &str,
        contact: u64,
    ) -> Result<Option<Talk>, DeskError> {
        let found = match &self.api.config.application {
            Some(application) => {
                let mut found = self
                    .api
                    .talks_of(application, contact)
                    .await
                    .map_err(unseen)?;
                found.retain(|talk| is_of(conversation, &talk.custom_attributes));
                found
            }
            // All under this address are of this episode.
            None => self.api.talks_under(source_id).await.map_err(vanished)?,
        };
        Ok(found.into_iter().min_by_key(|talk| talk.id))
    }

    /// Posts what is known and what was said, but for what an earlier attempt has posted.
    async fn tell_history(
        &self,
        opening: Opening<'_>,
        place: Place<'_>,
        begun: bool,
    ) -> Result<(), DeskError> {
        let mut there = HashSet::new();
        let mut done = 0;
        if begun {
            let messages = self.api.messages(place, 0).await.map_err(vanished)?;
            done = messages
                .iter()
                .filter(|message| of_contact(message))
                .count();
            there = keys(&messages);
        }
        let conversation = opening.conversation;
        let episode = conversation.episode.to_string();
        let name = fingerprint(&[conversation.id.as_str().as_bytes(), episode.as_bytes()]);
        let has_keys = self.api.config.application.is_some();
        for (n, part) in parts(conversation, opening.history).iter().enumerate() {
            let key = format!("handoff-{name}-{n}");
            // Without keys of ours: nobody but an earlier attempt has posted as the contact.
            let posted = if has_keys {
                there.contains(&key)
            } else {
                n < done
            };
            if !posted {
                let said = self.api.say(place, Sort::Note, part, &key).await;
                said.map_err(unseen)?;
            }
        }
        Ok(())
    }
}

/// A conversation that disappears while it is opened: the next attempt makes another.
fn vanished(error: DeskError) -> DeskError {
    match error {
        DeskError::Gone(_) => DeskError::Unavailable {
            reason: "the conversation disappeared while it was being opened".to_owned(),
            retry_after: None,
        },
        other => other,
    }
}

/// Before anything is open a 404 of the application API is about the account or the user.
fn unseen(error: DeskError) -> DeskError {
    unless_gone(
        error,
        "account_id is not known there, or the token's user does not see the inbox",
    )
}

/// What makes a conversation findable.
fn attributes(conversation: &Conversation) -> Value {
    json!({
        CONVERSATION: conversation.id.as_str(),
        EPISODE: conversation.episode,
        BOT: conversation.bot,
    })
}

fn is_of(conversation: &Conversation, attributes: &Value) -> bool {
    let episode = &attributes[EPISODE];
    let same_episode = match episode.as_str() {
        // Public calls that come as forms make texts of numbers.
        Some(text) => text == conversation.episode.to_string(),
        None => episode.as_u64() == Some(conversation.episode.into()),
    };
    same_episode
        && attributes[CONVERSATION].as_str() == Some(conversation.id.as_str())
        && attributes[BOT].as_str() == conversation.bot.as_deref()
}

/// Who the user is and what was said before, escaped, in as few messages as fit.
fn parts(conversation: &Conversation, history: &History) -> Vec<String> {
    let mut lines = vec!["Handed over by the bot.".to_owned()];
    for (label, value) in about(conversation) {
        lines.push(escape(&format!("{label}: {}", one_line(&value))));
    }
    let mut parts = vec![lines.join("\n")];
    for said in said_before(conversation, history) {
        let text = format!("{}: {}", one_line(&said.who), said.text);
        for piece in split(&text, PIECE) {
            let piece = escape(&piece);
            match parts.last_mut() {
                Some(part) if part.len() + piece.len() < PART => {
                    part.push_str("\n\n");
                    part.push_str(&piece);
                }
                _ => parts.push(piece),
            }
        }
    }
    parts
}

/// A name or value that is to stay on its line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{PLACEHOLDER_EMAIL, Speaker, Turn, tests::conversation};

    fn turn(speaker: Speaker, text: impl Into<String>) -> Turn {
        Turn {
            speaker,
            kind: None,
            text: text.into(),
            files: Vec::new(),
        }
    }

    #[test]
    fn who_it_is_and_what_was_said_in_order_without_the_placeholder() {
        let mut known = conversation();
        known.user.name = Some("Ann\n*Bot*".into());
        known.user.email = Some(PLACEHOLDER_EMAIL.into());
        let history = History {
            turns: vec![turn(Speaker::User, "help # me"), turn(Speaker::Bot, "how?")],
            omitted: 2,
        };
        assert_eq!(
            parts(&known, &history),
            [concat!(
                "Handed over by the bot.\n",
                "Name: Ann \\*Bot\\*\n",
                "Bot: b1\n\n",
                "Handoff: \\[2 older messages are not shown\\]\n\n",
                "Ann \\*Bot\\*: help \\# me\n\n",
                "Bot: how?"
            )]
        );
    }

    #[test]
    fn a_long_history_keeps_within_the_desks_limit_and_loses_nothing() {
        let turns: Vec<_> = (0..30)
            .map(|n| turn(Speaker::User, format!("<{n}> {}", "*a* ".repeat(6_000))))
            .collect();
        let parts = parts(&conversation(), &History { turns, omitted: 0 });
        assert!(parts.len() > 5);
        assert!(parts.iter().all(|part| part.chars().count() < 150_000));
        let all = parts.concat();
        assert_eq!(all.matches("\\*a\\*").count(), 30 * 6_000);
        let places: Vec<_> = (0..30)
            .map(|n| all.find(&format!("\\<{n}\\>")).unwrap())
            .collect();
        assert!(places.is_sorted());
    }

    #[test]
    fn only_the_same_episode_of_the_same_bots_conversation_is_found() {
        let known = conversation();
        assert!(is_of(&known, &attributes(&known)));
        let mut as_text = attributes(&known);
        as_text[EPISODE] = json!("1");
        assert!(is_of(&known, &as_text));
        for (name, value) in [
            (EPISODE, json!(2)),
            (CONVERSATION, json!("c2")),
            (BOT, json!("b2")),
        ] {
            let mut other = attributes(&known);
            other[name] = value;
            assert!(!is_of(&known, &other), "{name}");
        }
        assert!(!is_of(&known, &json!({})));
        assert!(!is_of(&known, &json!(null)));
    }
}
