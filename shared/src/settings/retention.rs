//! All that the webhooks of lines and ends need to know of the settings.
//!
//! Read by itself, since a reader of the whole document brings the time zones of the opening hours
//! along, which is a tenth of what these functions are.

use super::read::{self, Mistakes, Node};
use super::{Document, SettingsError, defaults};

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

impl Document for Retention {
    /// What is wrong elsewhere in the document is for others to notice.
    fn parse(document: &str) -> Result<Self, SettingsError> {
        let value = read::json(document).map_err(SettingsError)?;
        let mistakes = Mistakes::default();
        let days = days(&Node::root(&value, &mistakes));
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
