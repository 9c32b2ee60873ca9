//! What the stand-in is run with.

use std::{fmt, time::Duration};

/// A bot of the stand-in. One API key belongs to one bot (contract, section 1).
#[derive(Clone)]
pub struct Bot {
    /// Its id, sent as `bot_id`.
    pub id: String,
    /// The name shown on the user's page.
    pub name: String,
    /// The key that the bridge must send as `Authorization: Bearer …`.
    pub api_key: String,
}

impl Bot {
    /// A bot from its id, name and API key.
    pub fn new(id: impl Into<String>, name: impl Into<String>, api_key: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            api_key: api_key.into(),
        }
    }
}

impl fmt::Debug for Bot {
    /// Leaves the key out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bot")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How the API says no. The contract knows the codes, not the HTTP status that carries them
/// (contract, section 4), so both are open here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// `true`: parameter errors (40000) and unknown conversations (40356, 40358) come with HTTP
    /// 200 and the code inside. `false` (the default): with HTTP 400. A wrong key is HTTP 401
    /// either way.
    pub inside_200: bool,
    /// `true`: the body is `{"error":{code,message,status}}`; `false` (the default): `{code,
    /// message}`. Both forms are documented.
    pub nested: bool,
    /// Whether a close of a conversation that has ended already is a success. `false` (the
    /// default): it is refused with 40356, as a reply to it is.
    pub close_again_is_fine: bool,
    /// `true`: a reply that comes before the bridge has answered establish is refused with 40356.
    /// `false` (the default): it is taken.
    pub early_calls: bool,
    /// The longest reply taken, in characters; a longer one is a parameter error (40000). `None`
    /// (the default): no limit.
    pub reply_limit: Option<usize>,
}

/// What to run the stand-in with.
#[derive(Clone)]
pub struct Options {
    /// The one base URL that the console of GPTBots takes, for example
    /// `http://127.0.0.1:8787/<token>`; the three paths are appended to it (contract, section 3).
    pub webhook_base_url: String,
    /// The bots; the first is the page's default.
    pub bots: Vec<Bot>,
    /// How long a human conversation may stay without its first reply before GPTBots ends it by
    /// itself and calls close with `TIMEOUT`: 60 s by default (contract, section 3).
    pub waiting_timeout: Duration,
    /// How long a webhook's answer is waited for. The vendor's limit is unknown; 10 s by default.
    pub webhook_timeout: Duration,
    /// How often a webhook that failed is sent again, with the identical payload. Whether GPTBots
    /// retries is unknown; 0 by default.
    pub webhook_retries: u32,
    /// The pause before such a retry; 500 ms by default.
    pub webhook_retry_pause: Duration,
    /// Whether a close by the bridge is followed by a `/conversation/close` (`TIMEOUT`) of
    /// GPTBots. Unknown; `false` by default.
    pub echo_close: bool,
    /// Whether `/conversation/close` carries the bot's key as `Authorization: Bearer …`, as the
    /// vendor's page lists it for this webhook alone (contract, section 3); `false` by default.
    pub authorize_close: bool,
    /// How the API says no.
    pub refusals: Refusals,
    /// Makes the ids repeatable from run to run.
    pub seed: Option<u64>,
}

impl Options {
    /// The defaults, for this webhook base URL and these bots.
    pub fn new(webhook_base_url: impl Into<String>, bots: Vec<Bot>) -> Self {
        Self {
            webhook_base_url: webhook_base_url.into(),
            bots,
            ..Self::default()
        }
    }
}

impl Default for Options {
    /// No webhook address and no bots; 60 s waiting timeout, 10 s webhook timeout, no retries.
    fn default() -> Self {
        Self {
            webhook_base_url: String::new(),
            bots: Vec::new(),
            waiting_timeout: Duration::from_secs(60),
            webhook_timeout: Duration::from_secs(10),
            webhook_retries: 0,
            webhook_retry_pause: Duration::from_millis(500),
            echo_close: false,
            authorize_close: false,
            refusals: Refusals::default(),
            seed: None,
        }
    }
}

impl fmt::Debug for Options {
    /// Leaves the webhook address out: its path is the secret that guards the webhooks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("bots", &self.bots)
            .field("waiting_timeout", &self.waiting_timeout)
            .field("webhook_timeout", &self.webhook_timeout)
            .field("webhook_retries", &self.webhook_retries)
            .field("webhook_retry_pause", &self.webhook_retry_pause)
            .field("echo_close", &self.echo_close)
            .field("authorize_close", &self.authorize_close)
            .field("refusals", &self.refusals)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
