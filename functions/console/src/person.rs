//! The user's panel: what else this person has asked for.

use handoff::conversation::ConversationId;
use serde_json::{Value, json};

use crate::api::ApiError;
use crate::{Console, view};

/// The most earlier conversations that are shown.
const MOST: usize = 20;

impl Console {
    /// `GET conversations/{id}/person`: the other conversations of the same person with the same
    /// bot, the last opened first. Who is the same person is the contract's rule, and never the
    /// e-mail address.
    pub(crate) async fn person(&self, id: &ConversationId) -> Result<Value, ApiError> {
        let known = self
            .store
            .conversation(id)
            .await?
            .ok_or(ApiError::NoSuchConversation)?;
        let others = self.store.others_of_person(&known, MOST).await?;
        let others: Vec<_> = others.iter().map(view::conversation).collect();
        Ok(json!({"conversations": others}))
    }
}
