//! What the provider remembers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::keys::{Key, secret};
use crate::{Options, User};

/// Shared by all requests.
pub(crate) struct State {
    pub(crate) issuer: String,
    pub(crate) options: Options,
    memory: Mutex<Memory>,
}

/// What changes.
pub(crate) struct Memory {
    pub(crate) key: Arc<Key>,
    pub(crate) down: bool,
    pub(crate) token_lifetime: Duration,
    /// Cookie → user.
    pub(crate) browsers: HashMap<String, String>,
    codes: HashMap<String, Grant>,
    refresh: HashMap<String, Refresh>,
    pub(crate) sign_ins: u64,
    pub(crate) refreshes: u64,
}

/// What a code stands for.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) user: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
}

/// A refresh token. All that follow from one sign-in are a family.
struct Refresh {
    user: String,
    family: String,
    spent: bool,
}

impl State {
    pub(crate) fn new(issuer: String, options: Options) -> Self {
        let memory = Memory {
            key: Arc::new(Key::new()),
            down: false,
            token_lifetime: options.token_lifetime,
            browsers: HashMap::new(),
            codes: HashMap::new(),
            refresh: HashMap::new(),
            sign_ins: 0,
            refreshes: 0,
        };
        Self {
            issuer,
            options,
            memory: Mutex::new(memory),
        }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.options.users.iter().find(|user| user.id == id)
    }
}

impl Memory {
    /// A code for this grant.
    pub(crate) fn code(&mut self, grant: Grant) -> String {
        let code = secret();
        self.codes.insert(code.clone(), grant);
        code
    }

    /// The grant of a code, once.
    pub(crate) fn redeem(&mut self, code: &str) -> Option<Grant> {
        self.codes.remove(code)
    }

    /// The first refresh token of a sign-in.
    pub(crate) fn first_refresh(&mut self, user: &str) -> String {
        let family = secret();
        self.add_refresh(user.to_owned(), family)
    }

    fn add_refresh(&mut self, user: String, family: String) -> String {
        let token = secret();
        let refresh = Refresh {
            user,
            family,
            spent: false,
        };
        self.refresh.insert(token.clone(), refresh);
        token
    }

    /// Spends a refresh token: its user and the next one. Who presents a spent one has a copy, so
    /// that ends the whole family.
    pub(crate) fn rotate(&mut self, token: &str) -> Option<(String, String)> {
        let known = self.refresh.get_mut(token)?;
        if known.spent {
            self.revoke(token);
            return None;
        }
        known.spent = true;
        let (user, family) = (known.user.clone(), known.family.clone());
        let next = self.add_refresh(user.clone(), family);
        Some((user, next))
    }

    /// Ends a refresh token with its family.
    pub(crate) fn revoke(&mut self, token: &str) {
        if let Some(known) = self.refresh.get(token) {
            let family = known.family.clone();
            self.refresh.retain(|_, other| other.family != family);
        }
    }

    pub(crate) fn forget_refresh_tokens(&mut self) {
        self.refresh.clear();
    }
}
