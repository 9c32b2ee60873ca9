//! Calls to the bridge: signed, and made again as Slack does.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::Slack;
use super::model::{APP, BOT_USER, SIGNING_SECRET, TEAM, Webhook};
use crate::Forgery;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// When an event is sent again for the second and third time; the first is at once.
const AGAIN: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(300)];

/// An event in its envelope.
pub(super) fn event(id: &str, event: &Value, now: u64) -> Webhook {
    let body = json!({
        "token": "verification-token", "team_id": TEAM, "api_app_id": APP, "event": event,
        "type": "event_callback", "event_id": id, "event_time": now,
        "authorizations": [{
            "enterprise_id": null, "team_id": TEAM, "user_id": BOT_USER, "is_bot": true,
            "is_enterprise_install": false,
        }],
        "is_ext_shared_channel": false, "event_context": "4-stand-in",
    });
    Webhook {
        route: "events",
        content_type: JSON,
        body: body.to_string(),
    }
}

/// What was done with a button.
pub(super) fn interaction(payload: &Value) -> Webhook {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish();
    Webhook {
        route: "interactions",
        content_type: FORM,
        body,
    }
}

/// The signature of a body at a time.
fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// Why an attempt is another one.
struct Retry {
    number: usize,
    reason: &'static str,
}

/// How an attempt ended.
struct Attempt {
    /// 0 where there was no answer.
    status: u16,
    reason: &'static str,
    /// The bridge asked not to be called again.
    enough: bool,
}

impl Attempt {
    fn is_over(&self) -> bool {
        self.enough || (200..300).contains(&self.status)
    }
}

impl Slack {
    /// Sends an event and, where it is not taken, sends it again: at once, and later in the
    /// background. Answers the last status there is by then.
    pub(super) async fn send_event(&self, event: &Value) -> u16 {
        let webhook = self.update(|state| {
            let id = state.next_id("Ev");
            let webhook = self::event(&id, event, super::now());
            state.last = Some(webhook.clone());
            webhook
        });
        self.send(webhook).await
    }

    pub(super) async fn send(&self, webhook: Webhook) -> u16 {
        let first = self.attempt(&webhook, None).await;
        if first.is_over() {
            return first.status;
        }
        let retry = |number, reason| Some(Retry { number, reason });
        let second = self.attempt(&webhook, retry(1, first.reason)).await;
        if !second.is_over() {
            let slack = self.clone();
            let mut reason = second.reason;
            self.spawn(async move {
                for (n, wait) in AGAIN.into_iter().enumerate() {
                    tokio::time::sleep(wait).await;
                    let again = slack.attempt(&webhook, retry(n + 2, reason)).await;
                    if again.is_over() {
                        return;
                    }
                    reason = again.reason;
                }
                tracing::warn!("an event was given up");
            });
        }
        second.status
    }

    /// Presses a button. Slack does not try again: the person who pressed it sees an error.
    pub(super) async fn send_interaction(&self, payload: &Value) -> u16 {
        let webhook = interaction(payload);
        self.update(|state| state.last = Some(webhook.clone()));
        self.attempt(&webhook, None).await.status
    }

    pub(super) async fn again(&self) -> u16 {
        let Some(last) = self.read(|state| state.last.clone()) else {
            return 0;
        };
        let retry = (last.route == "events").then_some(Retry {
            number: 1,
            reason: "http_timeout",
        });
        self.attempt(&last, retry).await.status
    }

    /// Tells of a message of the app's own, as Slack does for every message.
    pub(super) fn echo(&self, event: Value) {
        let slack = self.clone();
        self.spawn(async move {
            let id = slack.update(|state| state.next_id("Ev"));
            slack.send(self::event(&id, &event, super::now())).await;
        });
    }

    async fn attempt(&self, webhook: &Webhook, retry: Option<Retry>) -> Attempt {
        let timestamp = super::now().to_string();
        let signature = signature(SIGNING_SECRET, &timestamp, &webhook.body);
        let mut request = self
            .http()
            .post(self.bridge(webhook.route))
            .timeout(PATIENCE)
            .header("content-type", webhook.content_type)
            .header("x-slack-request-timestamp", timestamp)
            .header("x-slack-signature", signature)
            .body(webhook.body.clone());
        if let Some(retry) = retry {
            request = request
                .header("x-slack-retry-num", retry.number.to_string())
                .header("x-slack-retry-reason", retry.reason);
        }
        match request.send().await {
            Ok(answer) => Attempt {
                status: answer.status().as_u16(),
                reason: "http_error",
                enough: answer.headers().contains_key("x-slack-no-retry"),
            },
            Err(error) => Attempt {
                status: 0,
                reason: if error.is_timeout() {
                    "http_timeout"
                } else {
                    "connection_failed"
                },
                enough: false,
            },
        }
    }

    /// Asks whether the address is the app's, as Slack does when it is saved.
    ///
    /// Answers whether the challenge came back.
    pub async fn verify_address(&self) -> bool {
        let challenge = self.update(|state| state.next_id("challenge"));
        let body = json!({
            "token": "verification-token", "challenge": challenge, "type": "url_verification",
        })
        .to_string();
        let timestamp = super::now().to_string();
        let signature = signature(SIGNING_SECRET, &timestamp, &body);
        let request = self
            .http()
            .post(self.bridge("events"))
            .timeout(PATIENCE)
            .header("content-type", JSON)
            .header("x-slack-request-timestamp", timestamp)
            .header("x-slack-signature", signature)
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => {
                let text = answer.text().await.unwrap_or_default();
                let json: Value = serde_json::from_str(&text).unwrap_or_default();
                text == challenge || json["challenge"] == challenge.as_str()
            }
            _ => false,
        }
    }

    /// Sends an event that must not be believed.
    pub(super) async fn send_forged(&self, event: &Value, forgery: Forgery) -> u16 {
        let id = self.update(|state| state.next_id("Ev"));
        let webhook = self::event(&id, event, super::now());
        let now = super::now();
        let at = match forgery {
            Forgery::Old => now - 3_600,
            Forgery::Future => now + 3_600,
            _ => now,
        };
        let timestamp = at.to_string();
        let secret = match forgery {
            Forgery::WrongSecret => "another secret",
            _ => SIGNING_SECRET,
        };
        let signature = signature(secret, &timestamp, &webhook.body);
        let body = match forgery {
            Forgery::ChangedBody => webhook.body.replacen("\"text\":\"", "\"text\":\"!", 1),
            _ => webhook.body,
        };
        let url = match forgery {
            // Slack signs, so its address has no token: any is wrong.
            Forgery::WrongPathToken => self.bridge("wrong-token/events"),
            _ => self.bridge("events"),
        };
        let mut request = self
            .http()
            .post(url)
            .timeout(PATIENCE)
            .header("content-type", JSON)
            .body(body);
        if forgery != Forgery::Unsigned {
            request = request
                .header("x-slack-request-timestamp", timestamp)
                .header("x-slack-signature", signature);
        }
        let answer = request.send().await;
        answer.map_or(0, |answer| answer.status().as_u16())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_published_vector() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
            &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
            &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com\
            %2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
            &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        assert_eq!(
            super::signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body),
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }
}
