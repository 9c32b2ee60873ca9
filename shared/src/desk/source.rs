//! The desks in force: those of the secret as it is now.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Desk, DeskError, DeskHttp, Desks};
use crate::secrets::{Secrets, SecretsError, SecretsSource};

/// The desks in force. They follow the secret: credentials that are replaced there are used without
/// a restart, and nothing is made anew while they stay the same.
pub struct DeskSource {
    given: Desks,
    secret: Option<OfSecret>,
}

struct OfSecret {
    secrets: Arc<SecretsSource>,
    http: DeskHttp,
    kept: Mutex<Option<(Arc<Secrets>, Arc<Desks>)>>,
}

impl DeskSource {
    /// The console, and the desks of this secret.
    pub fn new(secrets: Arc<SecretsSource>, http: DeskHttp) -> Self {
        Self {
            given: Desks::new(),
            secret: Some(OfSecret {
                secrets,
                http,
                kept: Mutex::default(),
            }),
        }
    }

    /// These desks before those of the secret.
    #[must_use]
    pub fn with(self, given: Desks) -> Self {
        Self { given, ..self }
    }

    /// The instance of this name. Where it is not there, or not configured as it has to be, the
    /// secret is read once more: it may just have been put in.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub async fn get(&self, name: &str) -> Result<Arc<dyn Desk>, DeskError> {
        // What is given needs no secret.
        let missing = match (self.given.get(name), &self.secret) {
            (Ok(desk), _) => return Ok(desk.clone()),
            (Err(missing), None) => return Err(missing),
            (Err(_), Some(secret)) => secret,
        };
        let secrets = missing.secrets.get().await.map_err(|e| unread(&e))?;
        if let Ok(desk) = missing.desks(&secrets).get(name) {
            return Ok(desk.clone());
        }
        Ok(self.get_again(name).await?.0)
    }

    /// The instance after its credentials were refused, and whether the secret was read just now.
    /// See [`SecretsSource::get_again`].
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub async fn get_again(&self, name: &str) -> Result<(Arc<dyn Desk>, bool), DeskError> {
        match (self.given.get(name), &self.secret) {
            (Ok(desk), _) => Ok((desk.clone(), true)),
            (Err(missing), None) => Err(missing),
            (Err(_), Some(secret)) => {
                let again = secret.secrets.get_again().await;
                let (secrets, just_read) = again.map_err(|error| unread(&error))?;
                Ok((secret.desks(&secrets).get(name)?.clone(), just_read))
            }
        }
    }

    /// Whether there is an instance of this name, be it one that cannot be used now.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub async fn knows(&self, name: &str) -> Result<bool, DeskError> {
        match self.get(name).await {
            Ok(_) => Ok(true),
            Err(DeskError::NotConfigured(_)) => match &self.secret {
                None => Ok(self.given.knows(name)),
                Some(secret) => {
                    let secrets = secret.secrets.get().await.map_err(|e| unread(&e))?;
                    Ok(secrets.desk(name).is_some())
                }
            },
            Err(error) => Err(error),
        }
    }
}

impl From<Desks> for DeskSource {
    /// These desks for good, whatever is in the secret.
    fn from(given: Desks) -> Self {
        Self {
            given,
            secret: None,
        }
    }
}

impl OfSecret {
    fn desks(&self, secrets: &Arc<Secrets>) -> Arc<Desks> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let desks = match kept.as_ref() {
            Some((of, desks)) if Arc::ptr_eq(of, secrets) => return desks.clone(),
            Some((_, desks)) => Arc::new(desks.renewed(secrets, &self.http)),
            None => Arc::new(Desks::of(secrets, &self.http)),
        };
        *kept = Some((secrets.clone(), desks.clone()));
        desks
    }
}

fn unread(error: &SecretsError) -> DeskError {
    DeskError::Unavailable {
        reason: error.to_string(),
        retry_after: None,
    }
}
