//! The built-in web console: it shows the log itself, so what is stored is delivered.

use super::{Capabilities, Desk, DeskError, Opened, Opening};
use crate::conversation::{ClosedBy, Conversation, Entry};

/// The built-in web console.
pub(super) struct Console;

#[async_trait::async_trait]
impl Desk for Console {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_the_log: true,
            ..Capabilities::default()
        }
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Opened, DeskError> {
        Ok(Opened {
            reference: opening.conversation.id.to_path(),
            context: None,
        })
    }

    async fn post(&self, _: &Conversation, _: &[Entry]) -> Result<Option<String>, DeskError> {
        Ok(None)
    }

    async fn close(&self, _: &Conversation, _: ClosedBy, _: &str) -> Result<(), DeskError> {
        Ok(())
    }
}
