//! Who is there: the caller, and those one can hand a conversation to.

use handoff::conversation::Agent;
use serde_json::{Value, json};

use crate::Console;
use crate::agent::Caller;
use crate::api::ApiError;

/// `GET me`: who calls.
pub(crate) fn me(caller: &Caller) -> Value {
    let agent = &caller.agent;
    json!({
        "id": agent.id,
        "name": agent.name,
        "groups": caller.groups,
        "supervisor": caller.is_supervisor(),
    })
}

impl Console {
    /// `POST agents`: the caller is there. The page says so again every few minutes, and that is how
    /// colleagues know.
    pub(crate) async fn here(&self, agent: &Agent) -> Result<Value, ApiError> {
        self.store.seen(agent).await?;
        Ok(json!({"now": self.clock.now()}))
    }

    /// `GET agents`: those who have had the console open in the last 30 days.
    pub(crate) async fn agents(&self) -> Result<Value, ApiError> {
        let agents: Vec<Value> = self
            .store
            .colleagues()
            .await?
            .iter()
            .map(|colleague| {
                let agent = &colleague.agent;
                json!({"id": agent.id, "name": agent.called(), "seen_at": colleague.seen_at})
            })
            .collect();
        Ok(json!({"agents": agents, "now": self.clock.now()}))
    }
}
