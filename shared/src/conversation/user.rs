//! The bot's user, as far as GPTBots tells.

use serde::{Deserialize, Serialize};

use super::entry::names;
use super::ids::{ConversationId, fingerprint};

/// The e-mail address GPTBots sends where it knows none (contract, section 2). It stands for
/// everybody, so it identifies nobody.
pub const PLACEHOLDER_EMAIL: &str = "support@gptbots.ai";

/// The bot's user. Every member can be missing (contract, section 2).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// `user_info.user_name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `user_info.email`, else the top-level `email`. Can be the placeholder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `user_info.phone`: only from WhatsApp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// `user_info.user_id`: the developer's own id of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `user_info.anonymous_id`: made by the channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous_id: Option<String>,
    /// `conversation_type`: the kind of channel (`WIDGET`, `WHATSAPP_META`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_type: Option<String>,
    /// `channel_name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

impl User {
    /// Whether the address is GPTBots' placeholder.
    pub fn has_placeholder_email(&self) -> bool {
        self.email
            .as_deref()
            .is_some_and(|email| email.trim().eq_ignore_ascii_case(PLACEHOLDER_EMAIL))
    }

    /// The key by which two conversations of one bot belong to the same person: the developer's
    /// id, else the channel's, else the phone number, else the conversation alone; never the
    /// e-mail address (contract, section 2). A fingerprint, so that the key itself tells nothing.
    pub fn person_key(&self, conversation: &ConversationId) -> String {
        match self.known_by() {
            Some((by, value)) => by.key(value),
            None => fingerprint(&[b"conversation", conversation.as_str().as_bytes()]),
        }
    }

    /// The strongest of what tells the user apart, where there is anything.
    pub fn known_by(&self) -> Option<(PersonBy, &str)> {
        self.ids().next()
    }

    /// All that tells the user apart, the strongest first.
    pub fn ids(&self) -> impl Iterator<Item = (PersonBy, &str)> {
        [
            (PersonBy::UserId, &self.user_id),
            (PersonBy::AnonymousId, &self.anonymous_id),
            (PersonBy::Phone, &self.phone),
        ]
        .into_iter()
        .filter_map(|(by, value)| Some((by, value.as_deref()?)))
    }
}

/// What two conversations of one bot can have in common that makes them those of one person. Never
/// the e-mail address (contract, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonBy {
    /// The developer's own id.
    UserId,
    /// The channel's id.
    AnonymousId,
    /// The phone number.
    Phone,
}

names!(
    PersonBy,
    UserId = "user_id",
    AnonymousId = "anonymous_id",
    Phone = "phone"
);

impl PersonBy {
    /// The key of the person with this id. See [`User::person_key`].
    pub fn key(self, value: &str) -> String {
        fingerprint(&[self.as_str().as_bytes(), value.as_bytes()])
    }
}

// By hand: names, addresses and numbers must not reach a log.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ConversationId {
        ConversationId::new(name).unwrap()
    }

    #[test]
    fn two_strangers_with_the_placeholder_address_stay_two_people() {
        let stranger = User {
            email: Some(PLACEHOLDER_EMAIL.into()),
            ..User::default()
        };
        assert!(stranger.has_placeholder_email());
        assert_ne!(
            stranger.person_key(&id("c1")),
            stranger.person_key(&id("c2"))
        );
    }

    #[test]
    fn a_person_is_known_by_the_strongest_id_alone() {
        let user = |user_id: Option<&str>, anonymous: Option<&str>, phone: Option<&str>| User {
            user_id: user_id.map(Into::into),
            anonymous_id: anonymous.map(Into::into),
            phone: phone.map(Into::into),
            ..User::default()
        };
        let key = |user: User| user.person_key(&id("c"));
        assert_eq!(
            key(user(Some("u"), Some("a"), None)),
            key(user(Some("u"), Some("b"), Some("1")))
        );
        assert_ne!(
            key(user(Some("x"), None, None)),
            key(user(None, Some("x"), None))
        );
        assert_ne!(
            key(user(None, Some("x"), None)),
            key(user(None, None, Some("x")))
        );
    }
}
