//! All that the webhooks of lines and ends need to know of the settings.
//!
//! Read by itself, since a reader of the whole document brings the time zones of the opening hours
//! along, which is a tenth of what these functions are.

use super::document::MEMBERS;
use super::read::{self, Mistakes, Node};
use super::{FromDocument, SettingsError, defaults};

/// How long conversations are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// See [`Settings::retention_days`](super::Settings::retention_days).
    pub days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        let days = defaults::RETENTION_DAYS;
        Self { days }
    }
}

impl FromDocument for Retention {
    /// What is wrong within other members is for others to notice. Not so a member that nobody knows:
    /// it may be a misspelt `retention_days`, and what goes too soon is lost.
    fn from_document(document: &str) -> Result<Self, SettingsError> {
        let value = read::json(document).map_err(SettingsError)?;
        let mistakes = Mistakes::default();
        let node = Node::root(&value, &mistakes);
        node.has_only(&MEMBERS);
        let days = days(&node);
        let mistakes = mistakes.into_inner();
        if !mistakes.is_empty() {
            return Err(SettingsError(mistakes));
        }
        Ok(days.map_or_else(Self::default, |days| Self { days }))
    }
}

/// The member of the document, where it stands there.
pub(super) fn days(document: &Node<'_>) -> Option<u32> {
    document.member("retention_days")?.number(1..=3_650)
}
