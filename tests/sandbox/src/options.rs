//! How to run a sandbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use handoff::desk::Desk;

use crate::faults::{self, Fault, FaultError};

/// How to run a sandbox. Ports of 0 are chosen by the system.
#[derive(Debug, Clone)]
pub struct Options {
    /// The bridge's port.
    pub port: u16,
    /// The port of the stand-in for GPTBots.
    pub gptbots_port: u16,
    /// The token in the webhooks' path.
    pub token: String,
    /// The desk instances, separated by commas; handoffs go to the first. `slack` is a stand-in for
    /// that kind of desk, `slack-jp=slack` one by another name; a name that the secret has is not
    /// stood in for.
    pub desk: String,
    /// The port of the first stand-in for a desk; the others have those behind it.
    pub desk_port: u16,
    /// Puts something between the bridge and its desks, for those who test the tests.
    pub desk_wrapper: Option<DeskWrapper>,
    /// API keys, as in the deployed secret; made up where there are none.
    pub secrets_json: Option<String>,
    /// Send replies to this GPTBots instead of the stand-in.
    pub gptbots_url: Option<String>,
    /// Use this DynamoDB and its Streams instead of the embedded one.
    pub dynamodb_url: Option<String>,
    /// Keep the embedded DynamoDB in this file.
    pub data: Option<PathBuf>,
    /// How often the clock ticks.
    pub clock_interval: Duration,
    /// How long the functions use the settings before they read them again.
    pub settings_interval: Duration,
    /// How long an entry may be undelivered before the clock rings its lane.
    pub stray_after: Duration,
    /// How long a delayed bell that was received stays hidden if its handling fails.
    pub bell_visibility: Duration,
    /// Whether agents sign in, and how; without it everybody is an agent.
    pub sign_in: Option<SignInOptions>,
    /// The stand-in's waiting timeout.
    pub waiting_timeout: Duration,
    /// How often the stand-in sends a webhook again that was not answered 200.
    pub webhook_retries: u32,
    /// What goes wrong; see [`crate::faults`].
    pub faults: Vec<Fault>,
    /// What the faults' choices follow from; any where there is none.
    pub seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            gptbots_port: 0,
            token: made_up(),
            desk: handoff::desk::CONSOLE.to_owned(),
            desk_port: 0,
            desk_wrapper: None,
            secrets_json: None,
            gptbots_url: None,
            dynamodb_url: None,
            data: None,
            clock_interval: Duration::from_secs(60),
            settings_interval: Duration::from_secs(60),
            stray_after: Duration::from_secs(60),
            bell_visibility: Duration::from_secs(30),
            sign_in: None,
            waiting_timeout: Duration::from_secs(60),
            webhook_retries: 0,
            faults: Vec::new(),
            seed: None,
        }
    }
}

/// Makes another desk of one.
#[derive(Clone)]
pub struct DeskWrapper(pub fn(Arc<dyn Desk>) -> Arc<dyn Desk>);

impl std::fmt::Debug for DeskWrapper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeskWrapper").finish_non_exhaustive()
    }
}

/// How agents sign in.
#[derive(Debug, Clone)]
pub struct SignInOptions {
    /// The port of the stand-in for a sign-in provider.
    pub port: u16,
    /// How long a token counts.
    pub token_lifetime: Duration,
    /// Whether the provider names a scope that it then refuses to the console.
    pub names_offline_access: bool,
}

impl Default for SignInOptions {
    fn default() -> Self {
        Self {
            port: 0,
            token_lifetime: Duration::from_secs(300),
            names_offline_access: false,
        }
    }
}

impl Options {
    /// As tests run it: bells are lost, doubled, late and disordered, and the clock makes good for
    /// it within a second.
    pub fn rough(seed: u64) -> Self {
        Self {
            clock_interval: Duration::from_millis(400),
            stray_after: Duration::from_millis(300),
            bell_visibility: Duration::from_secs(1),
            faults: faults::parse(faults::ROUGH_BELLS).unwrap_or_default(),
            seed: Some(seed),
            ..Self::default()
        }
    }

    /// Rough, and these faults on top.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn faulty(seed: u64, faults: &str) -> Result<Self, FaultError> {
        let mut options = Self::rough(seed);
        options.faults.extend(faults::parse(faults)?);
        Ok(options)
    }
}

/// A seed where none is given.
pub(crate) fn any_seed() -> u64 {
    getrandom::u64().unwrap_or_default()
}

/// A token for one machine and one run; a deployment's is made by the operator.
pub(crate) fn made_up() -> String {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    URL_SAFE_NO_PAD.encode(bytes)
}
