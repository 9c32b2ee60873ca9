//! The operator's settings as an item.

use super::change::Change;
use super::item::{Reader, key, n, s};
use super::keys::SETTINGS;
use super::transact::Written;
use super::{Store, StoreError};

/// The settings as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSettings {
    /// Counts the changes: 1 for the first document.
    pub version: i64,
    /// The document, JSON.
    pub document: String,
}

impl Store {
    /// Reads the settings; `None` where none were ever written.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn settings(&self) -> Result<Option<StoredSettings>, StoreError> {
        let item = self.get("read settings", key(SETTINGS, SETTINGS)).await?;
        item.map(|item| {
            let reader = Reader(&item);
            Ok(StoredSettings {
                version: reader.n("version")?,
                document: reader.s("document")?.to_owned(),
            })
        })
        .transpose()
    }

    /// Writes the settings in place of version `known` (0: none yet). `false`: somebody else was
    /// faster.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_settings(&self, document: &str, known: i64) -> Result<bool, StoreError> {
        let change = Change::new()
            .set("document", s(document))
            .set("version", n(known + 1))
            .require_same("version", (known > 0).then(|| n(known)));
        let written = self
            .update("write settings", key(SETTINGS, SETTINGS), change)
            .await?;
        Ok(matches!(written, Written::Yes))
    }
}
