//! Opening: the person, the conversation, and the notes with what was said before.

use reqwest::{Method, Url};
use serde_json::json;

use super::render::{first_message, mark_of_opening, numbered_mark, opening_notes};
use super::wire::{Contact, Conversation, Created, Found};
use super::{CLOCKS_DIFFER, Intercom};
use crate::conversation::Conversation as Ours;
use crate::desk::text::user_name;
use crate::desk::{Call, DeskError, Opened, Opening, Reply};

/// The longest name of a contact, in characters.
const MAX_NAME: usize = 200;

impl Intercom {
    /// Opens a conversation, or completes the one that an earlier attempt left behind.
    pub(super) async fn open_or_complete(&self, opening: Opening<'_>) -> Result<Opened, DeskError> {
        let (conversation, history) = (opening.conversation, opening.history);
        let contact = self.contact(conversation).await?;
        let mark = mark_of_opening(conversation);
        let notes = opening_notes(conversation, history, &mark);
        let left_behind = if opening.attempt > 1 {
            self.left_behind(conversation, &contact, &mark).await?
        } else {
            None
        };
        let (reference, shown) = match left_behind {
            Some(found) => {
                let shown = self.conversation(&found, true).await?;
                (found, Some(shown))
            }
            None => {
                let body = first_message(history, &mark);
                let from = json!({"type": "user", "id": contact});
                let call = self.post("/conversations", json!({"from": from, "body": body}));
                let created: Created = self.ask(call).await?;
                (created.conversation_id, None)
            }
        };
        for (n, note) in notes.iter().enumerate() {
            let mark = numbered_mark(&mark, n + 1);
            if !shown.as_ref().is_some_and(|shown| has_mark(shown, &mark)) {
                self.note(&reference, note).await?;
            }
        }
        Ok(Opened {
            reference,
            context: Some(contact),
        })
    }

    /// The id of the user's contact; made if it is not there. Only the name is told: an address
    /// would have Intercom send the agents' answers there, too, and is nothing to know people by.
    async fn contact(&self, conversation: &Ours) -> Result<String, DeskError> {
        let external_id = external_id(conversation);
        let name: String = user_name(conversation).chars().take(MAX_NAME).collect();
        let body = json!({"role": "user", "external_id": external_id, "name": name});
        let made = self.send(self.post("/contacts", body)).await?;
        if made.status != 409 {
            return Ok(self.read::<Contact>(&made)?.id);
        }
        let url = self.url_of_contact(&external_id)?;
        let known = self.send(self.call(Call::get(url))).await?;
        if known.status != 404 {
            return Ok(self.read::<Contact>(&known)?.id);
        }
        // There, and not to be found: archived, or made a moment ago. The refusal has its id.
        let id = id_in_conflict(&made)
            .ok_or_else(|| DeskError::Rejected("the contact exists and is hidden".to_owned()))?;
        // This one takes no body.
        let url = format!("{}/contacts/{id}/unarchive", self.secret.base_url);
        let unarchive = self.call(Call::new(Method::POST, url));
        match self.send(unarchive).await?.fine() {
            // It was not archived.
            Ok(()) | Err(DeskError::Rejected(_) | DeskError::Gone(_)) => Ok(id),
            Err(error) => Err(error),
        }
    }

    fn url_of_contact(&self, external_id: &str) -> Result<String, DeskError> {
        let url = format!("{}/contacts/find_by_external_id", self.secret.base_url);
        let wrong = || DeskError::NotConfigured("base_url: not an address to add to".to_owned());
        let mut url = Url::parse(&url).map_err(|_| wrong())?;
        url.path_segments_mut()
            .map_err(|()| wrong())?
            .push(external_id);
        Ok(url.into())
    }

    /// The conversation that an earlier attempt made: one of this contact, as old as the episode,
    /// whose first message has our mark.
    async fn left_behind(
        &self,
        conversation: &Ours,
        contact: &str,
        mark: &str,
    ) -> Result<Option<String>, DeskError> {
        let since = (conversation.asked_at.min(conversation.opened_at) - CLOCKS_DIFFER) / 1000;
        let query = json!({"operator": "AND", "value": [
            {"field": "contact_ids", "operator": "=", "value": contact},
            {"field": "created_at", "operator": ">", "value": since.max(0).to_string()},
        ]});
        let body = json!({"query": query, "pagination": {"per_page": 150}});
        let found: Found = self.ask(self.post("/conversations/search", body)).await?;
        let is_ours = |found: &Conversation| {
            let source = found
                .source
                .as_ref()
                .and_then(|source| source.body.as_deref());
            source.is_some_and(|body| body.contains(mark))
        };
        let mut ours = found.conversations.into_iter().filter(is_ours);
        Ok(ours.next().map(|found| found.id))
    }
}

/// What Intercom knows the person by. The bot's id keeps two bots' people apart.
pub(super) fn external_id(conversation: &Ours) -> String {
    let bot = conversation.bot.as_deref().unwrap_or("bot");
    format!("{bot}-{}", conversation.user.person_key(&conversation.id))
}

/// Whether a note with this mark is in the conversation.
pub(super) fn has_mark(conversation: &Conversation, mark: &str) -> bool {
    let bodies = conversation
        .parts()
        .iter()
        .filter_map(|part| part.body.as_deref());
    bodies.into_iter().any(|body| body.contains(mark))
}

/// The contact's id in the text of a 409: "… already exists with id=…".
fn id_in_conflict(reply: &Reply) -> Option<String> {
    let body = String::from_utf8_lossy(&reply.body);
    let (_, rest) = body.split_once("id=")?;
    let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    (id.len() == 24).then_some(id)
}
