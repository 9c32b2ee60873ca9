//! Desks: where agents answer.
//!
//! A desk is one file that implements [`Desk`] and one line in [`Desks::new`].

mod console;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::conversation::{ClosedBy, Conversation, Entry, History};

/// The instance name of the built-in web console.
pub const CONSOLE: &str = "console";

/// What a desk can and cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// What is stored is delivered: nothing is sent, so nothing has to be claimed first.
    pub reads_the_log: bool,
}

/// Why a desk did not take something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// No such instance, or its credentials are missing.
    #[error("the desk is not configured: {0}")]
    NotConfigured(String),
    /// It will never take this.
    #[error("the desk refused it: {0}")]
    Rejected(String),
    /// Not now.
    #[error("the desk is not available: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
        /// When it asks to be tried again.
        retry_after: Option<Duration>,
    },
}

/// A place where agents answer.
///
/// Texts and reasons in errors are for people and logs: they never hold a line of a conversation.
#[async_trait::async_trait]
pub trait Desk: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Finds what an earlier attempt to open this episode of the conversation left behind, where it
    /// is not known how that ended. `None` where there is nothing, or the desk cannot be asked;
    /// what belongs to another episode does not count.
    ///
    /// # Errors
    /// When the desk cannot be asked now.
    async fn find(&self, conversation: &Conversation) -> Result<Option<String>, DeskError>;

    /// Opens a conversation and answers the desk's own reference of it.
    ///
    /// # Errors
    /// When the desk did not take it.
    async fn open(
        &self,
        conversation: &Conversation,
        history: &History,
    ) -> Result<String, DeskError>;

    /// Shows entries to the agents, in this order. Answers the desk's id of the last one, where it
    /// gives one.
    ///
    /// # Errors
    /// When the desk did not take them all.
    async fn post(&self, reference: &str, entries: &[Entry]) -> Result<Option<String>, DeskError>;

    /// Shows that the conversation has ended.
    ///
    /// # Errors
    /// When the desk did not take it.
    async fn close(&self, reference: &str, by: ClosedBy, text: &str) -> Result<(), DeskError>;

    /// Whether its credentials work: asks the desk, and leaves nothing behind there. A desk without
    /// any has nothing to ask.
    ///
    /// # Errors
    /// When it would not take a handoff now.
    async fn check(&self) -> Result<(), DeskError> {
        Ok(())
    }
}

/// The desk instances of a deployment, by name.
#[derive(Clone)]
pub struct Desks(HashMap<String, Arc<dyn Desk>>);

impl Desks {
    /// All desks there are.
    pub fn new() -> Self {
        let console: Arc<dyn Desk> = Arc::new(console::Console);
        Self(HashMap::from([(CONSOLE.to_owned(), console)]))
    }

    /// Adds an instance, or replaces the one of that name.
    pub fn with(mut self, name: impl Into<String>, desk: Arc<dyn Desk>) -> Self {
        self.0.insert(name.into(), desk);
        self
    }

    /// The instance of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&Arc<dyn Desk>, DeskError> {
        self.0
            .get(name)
            .ok_or_else(|| DeskError::NotConfigured(format!("no desk is called {name:?}")))
    }
}

impl Default for Desks {
    fn default() -> Self {
        Self::new()
    }
}
