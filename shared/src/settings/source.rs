//! The settings in force.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Begin, Closed, FromDocument, Settings};
use crate::store::{Handoff, Store, StoreError};
use crate::time::{Millis, SharedClock};

/// How long settings are used before they are read again, where nobody says otherwise.
const FRESH_FOR: Millis = 60_000;
/// How long a reading may take: the webhook that waits for it has to be answered, too.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The settings in force: read while the function starts, which also opens the connection that the
/// first event needs, and again at most once a minute. `S`: as much of them as is wanted.
#[derive(Debug)]
pub struct SettingsSource<S = Settings> {
    store: Store,
    clock: SharedClock,
    fresh_for: Millis,
    kept: Mutex<(Arc<S>, Option<Millis>)>,
}

impl<S: FromDocument> SettingsSource<S> {
    /// Settings from this table; the defaults until they are read.
    pub fn new(store: Store, clock: SharedClock) -> Self {
        Self {
            store,
            clock,
            fresh_for: FRESH_FOR,
            kept: Mutex::default(),
        }
    }

    /// With this time until they are read again; 0: each time that they are asked for.
    #[must_use]
    pub fn with_fresh_for(mut self, fresh_for: Millis) -> Self {
        self.fresh_for = fresh_for;
        self
    }

    /// With these read just now.
    #[must_use]
    pub fn with_read(mut self, settings: S) -> Self {
        self.kept = Mutex::new((Arc::new(settings), Some(self.clock.now())));
        self
    }

    /// The settings in force; the defaults where they could never be read. No message is lost over
    /// a setting.
    pub async fn get(&self) -> Arc<S> {
        self.read().await.unwrap_or_default()
    }

    /// The settings in force. A document that cannot be read or is not valid leaves the last good
    /// one in force.
    ///
    /// # Errors
    /// When they could never be read, so that nobody knows what the operator wants.
    pub async fn read(&self) -> Result<Arc<S>, StoreError> {
        let now = self.clock.now();
        let (kept, read_at) = self.kept();
        if read_at.is_some_and(|at| now - at < self.fresh_for) {
            return Ok(kept);
        }
        let stored = tokio::time::timeout(PATIENCE, self.store.settings())
            .await
            .unwrap_or_else(|_| {
                Err(StoreError::Unavailable {
                    operation: "read settings",
                    code: "took too long".to_owned(),
                })
            });
        let settings = match stored {
            Ok(None) => Arc::new(S::default()),
            Ok(Some(stored)) => match S::from_document(&stored.document) {
                Ok(settings) => Arc::new(settings),
                Err(error) => {
                    tracing::error!(%error, version = stored.version, "settings are not valid: the last good ones stay in force");
                    if read_at.is_none() {
                        return Err(StoreError::Unreadable("document"));
                    }
                    kept
                }
            },
            Err(error) => {
                tracing::warn!(%error, "settings could not be read: the last good ones stay in force");
                if read_at.is_none() {
                    return Err(error);
                }
                kept
            }
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = (settings.clone(), Some(now));
        Ok(settings)
    }

    fn kept(&self) -> (Arc<S>, Option<Millis>) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl SettingsSource {
    /// How a handoff of this bot begins now, of a user who said this last. The inner error: it is to
    /// be refused.
    ///
    /// # Errors
    /// When the settings could never be read.
    pub async fn begin(
        &self,
        bot: &str,
        said: Option<&str>,
    ) -> Result<Result<Handoff, Closed>, StoreError> {
        let now = self.clock.now();
        Ok(self.read().await?.begin(&Begin { bot, said, now }))
    }
}
