//! The API keys at GPTBots: `GET /v1/api-key/verify` tells whether one is valid (contract, section
//! 1). What its answer looks like is not documented, so it is read by the rules of all others.

use handoff::gptbots::{Bot, CallError, Fault, read_answer};
use handoff::outbound::{Guard, Targets};
use handoff::secrets::Secrets;
use reqwest::Client;
use secrecy::ExposeSecret as _;

use super::report::Check;
use super::secret::called;
use super::webhooks::why;

const AREA: &str = "gptbots";

pub(super) async fn check(http: &Client, secrets: &Secrets, targets: Targets) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, bot) in secrets.bots() {
        // The secret's own check has said so.
        if Guard::new(targets).check(&bot.base_url).is_ok() {
            checks.push(key(http, name, &bot).await);
        }
    }
    checks
}

async fn key(http: &Client, name: &str, bot: &Bot) -> Check {
    let base = bot.base_url.trim_end_matches('/');
    let request = http
        .get(format!("{base}/v1/api-key/verify"))
        .bearer_auth(bot.api_key.expose_secret());
    let bot = called(name);
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => {
            return Check::failed(
                AREA,
                format!("{base}: {}", why(&error)),
                "check base_url in the secret: https://api-sg.gptbots.ai, https://api-th.gptbots.ai, https://api-jp.gptbots.ai, or your white label's",
            );
        }
    };
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap_or_default();
    // Nothing is tried again here, so no time is needed.
    match read_answer(status, None, &body, 0) {
        Ok(()) => Check::ok(AREA, format!("the key of {bot} is valid at {base}")),
        Err(error) => refused(&bot, base, status, &error),
    }
}

fn refused(bot: &str, base: &str, status: u16, error: &CallError) -> Check {
    let found = format!("the key of {bot} at {base}: {error}");
    match error.fault {
        Fault::Unauthorized => Check::failed(
            AREA,
            found,
            "make a new key in GPTBots (the bot's page, API key), put it into the secret, and check that base_url is the region the bot lives in",
        ),
        Fault::Transient { .. } | Fault::RateLimited { .. } => Check::warning(
            AREA,
            found,
            "GPTBots cannot say now; look again in a minute",
        ),
        _ if error.code.is_none() && (status == 404 || status == 405) => Check::warning(
            AREA,
            found,
            "this GPTBots does not know the call that verifies a key, so nobody can tell; is base_url GPTBots' API at all?",
        ),
        Fault::ConversationGone | Fault::Permanent => Check::failed(
            AREA,
            found,
            "replies with this key will fail: mend in GPTBots what it says",
        ),
    }
}
