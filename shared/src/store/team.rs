//! What the console's agents share: who they are, and their canned replies.

use super::change::Change;
use super::item::{Item, Reader, key, n, s};
use super::keys::{AGENT_PREFIX, AGENTS, CANNED, EXPIRES_AT, PK};
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::Agent;
use crate::time::Millis;

/// How long an agent is remembered who does not come back, in days.
const REMEMBERED_DAYS: u32 = 30;

/// An agent who has the console open, or had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colleague {
    /// Who it is.
    pub agent: Agent,
    /// When their page last told that it is there.
    pub seen_at: Millis,
}

/// A document that agents edit together, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredCanned {
    /// Counts the changes: 0 before the first.
    pub version: i64,
    /// The document, JSON; empty before the first.
    pub document: String,
}

impl Store {
    /// Remembers that an agent is there.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn seen(&self, agent: &Agent) -> Result<(), StoreError> {
        let change = Change::new()
            .set("name", s(agent.name.as_str()))
            .set("seen_at", n(self.now()))
            .set(EXPIRES_AT, n(self.expires_at(REMEMBERED_DAYS)));
        let place = key(AGENTS, format!("{AGENT_PREFIX}{}", agent.id));
        self.update("remember an agent", place, change).await?;
        Ok(())
    }

    /// The agents who have been there in the last 30 days, by name.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn colleagues(&self) -> Result<Vec<Colleague>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", s(AGENTS));
        let mut colleagues = Vec::new();
        let mut from = None;
        loop {
            let page = query
                .clone()
                .set_exclusive_start_key(from.take())
                .send()
                .await
                .map_err(|error| StoreError::of("list agents", &error))?;
            for item in page.items.unwrap_or_default() {
                if !self.has_expired(&item) {
                    colleagues.push(colleague(&item)?);
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        colleagues.sort_by(|a, b| (&a.agent.name, &a.agent.id).cmp(&(&b.agent.name, &b.agent.id)));
        Ok(colleagues)
    }

    /// One of them, by id.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn colleague(&self, id: &str) -> Result<Option<Colleague>, StoreError> {
        let item = self
            .get("read an agent", key(AGENTS, format!("{AGENT_PREFIX}{id}")))
            .await?;
        item.as_ref().map(colleague).transpose()
    }

    /// Reads the canned replies.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn canned(&self) -> Result<StoredCanned, StoreError> {
        let item = self.get("read canned replies", key(CANNED, CANNED)).await?;
        let Some(item) = item else {
            return Ok(StoredCanned::default());
        };
        let reader = Reader(&item);
        Ok(StoredCanned {
            version: reader.n("version")?,
            document: reader.s("document")?.to_owned(),
        })
    }

    /// Writes the canned replies in place of version `known` (0: none yet). `false`: somebody else
    /// was faster.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_canned(&self, document: &str, known: i64) -> Result<bool, StoreError> {
        let change = Change::new()
            .set("document", s(document))
            .set("version", n(known + 1))
            .require_same("version", (known > 0).then(|| n(known)));
        let written = self
            .update("write canned replies", key(CANNED, CANNED), change)
            .await?;
        Ok(matches!(written, Written::Yes))
    }
}

fn colleague(item: &Item) -> Result<Colleague, StoreError> {
    let reader = Reader(item);
    let id = reader
        .s("sk")?
        .strip_prefix(AGENT_PREFIX)
        .ok_or(StoreError::Unreadable("sk"))?;
    Ok(Colleague {
        agent: Agent {
            id: id.to_owned(),
            name: reader.opt_string("name")?.unwrap_or_default(),
        },
        seen_at: reader.n("seen_at")?,
    })
}
