//! Who has a conversation, and what agents write to each other.

use handoff::conversation::{Agent, ConversationId};
use handoff::store::{Claimed, Pass, Posted, StoreError};
use serde_json::{Value, json};

use crate::api::{ApiError, MAX_CLIENT_ID, invalid, required};
use crate::{Console, view};

impl Console {
    /// `POST conversations/{id}/claim`: takes what nobody has; with `from`, the id of the agent who
    /// has it, takes it over from them, if they still have it.
    pub(crate) async fn claim(
        &self,
        agent: &Agent,
        id: &ConversationId,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let from = match body.get("from") {
            None | Some(Value::Null) => None,
            Some(Value::String(from)) => Some(from.as_str()),
            Some(_) => return Err(invalid("from: must be a string")),
        };
        let days = self.settings.get().await.retention_days;
        answered(match from {
            None => self.store.claim_conversation(id, agent, days).await,
            Some(_) => {
                let to = Some(agent);
                let pass = Pass {
                    by: agent,
                    from,
                    to,
                };
                self.store.pass(id, &pass, days).await
            }
        })
    }

    /// `POST conversations/{id}/release`: gives back what the caller has.
    pub(crate) async fn release(
        &self,
        agent: &Agent,
        id: &ConversationId,
    ) -> Result<Value, ApiError> {
        let days = self.settings.get().await.retention_days;
        let pass = Pass {
            by: agent,
            from: Some(&agent.id),
            to: None,
        };
        answered(self.store.pass(id, &pass, days).await)
    }

    /// `POST conversations/{id}/assign`: hands what the caller has, or nobody, to the agent `to`.
    pub(crate) async fn assign(
        &self,
        agent: &Agent,
        id: &ConversationId,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let to = required(body, "to", MAX_CLIENT_ID)?;
        let Some(to) = self.store.colleague(to).await? else {
            return Err(ApiError::NoSuchColleague);
        };
        let known = self
            .store
            .conversation(id)
            .await?
            .ok_or(ApiError::NoSuchConversation)?;
        let days = self.settings.get().await.retention_days;
        let pass = Pass {
            by: agent,
            from: known.agent.is_some().then_some(agent.id.as_str()),
            to: Some(&to.agent),
        };
        answered(self.store.pass(id, &pass, days).await)
    }

    /// `POST conversations/{id}/notes`: a note for agents alone, also after the end.
    pub(crate) async fn note(
        &self,
        agent: &Agent,
        id: &ConversationId,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let settings = self.settings.get().await;
        let text = required(body, "text", settings.reply_max_chars as usize)?;
        let client_id = required(body, "client_id", MAX_CLIENT_ID)?;
        let noted = self
            .store
            .note(id, agent, client_id, text, settings.retention_days)
            .await?;
        match noted {
            Posted::Stored(entry) => Ok(json!({"entry": view::entry(&entry)})),
            Posted::Closed(_) | Posted::Unknown => Err(ApiError::NoSuchConversation),
        }
    }
}

fn answered(claimed: Result<Claimed, StoreError>) -> Result<Value, ApiError> {
    match claimed? {
        Claimed::Yes(known) => Ok(json!({"conversation": view::conversation(&known)})),
        Claimed::No(known) => Err(match &known.agent {
            _ if known.is_closed() => ApiError::Ended,
            Some(holder) => ApiError::Taken(holder.called().to_owned()),
            None => ApiError::NobodyHasIt,
        }),
        Claimed::Unknown => Err(ApiError::NoSuchConversation),
    }
}
