//! The built-in web console: it shows the log itself, so what is stored is delivered.

use super::{Capabilities, Desk, DeskError};
use crate::conversation::{ClosedBy, Conversation, Entry, History};

/// The built-in web console.
pub(super) struct Console;

#[async_trait::async_trait]
impl Desk for Console {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_the_log: true,
        }
    }

    async fn find(&self, conversation: &Conversation) -> Result<Option<String>, DeskError> {
        Ok(Some(conversation.id.to_path()))
    }

    async fn open(&self, conversation: &Conversation, _: &History) -> Result<String, DeskError> {
        Ok(conversation.id.to_path())
    }

    async fn post(&self, _: &str, _: &[Entry]) -> Result<Option<String>, DeskError> {
        Ok(None)
    }

    async fn close(&self, _: &str, _: ClosedBy, _: &str) -> Result<(), DeskError> {
        Ok(())
    }
}
