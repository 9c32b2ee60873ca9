//! Webhooks: the envelope, the signature, the retries.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;

use super::Shared;
use super::model::{APP_ID, Part};
use super::state::now;

/// What webhooks are signed with.
pub(super) const CLIENT_SECRET: &str = "stand-in-client-secret";
/// How often a webhook is sent that was not answered 2xx. How often Intercom does is not told.
const ATTEMPTS: u64 = 3;
/// Between two attempts. Intercom waits longer.
const PAUSE: Duration = Duration::from_millis(50);

impl Shared {
    /// The envelope of something that happened in a conversation.
    pub(super) fn envelope(&self, topic: &str, reference: &str, parts: &[Part]) -> Value {
        let mut state = self.state();
        let item = state.shown(reference, parts);
        json!({
            "type": "notification_event", "app_id": APP_ID, "id": state.notification_id(),
            "topic": topic, "created_at": now(), "first_sent_at": now(),
            "delivery_attempts": 1, "delivery_status": "pending", "delivered_at": 0,
            "data": {"type": "notification_event_data", "item": item}, "links": {}, "self": null,
        })
    }

    /// Sends a webhook with the vendor's retries; the status of the last attempt, or nothing
    /// where it got lost.
    pub(super) async fn tell(&self, mut envelope: Value) -> Option<u16> {
        {
            let mut state = self.state();
            state.last = Some(envelope.clone());
            if state.loses_webhooks {
                return None;
            }
        }
        let mut attempt = 1;
        loop {
            let status = self.send(&envelope, "events").await;
            if (200..300).contains(&status) || attempt == ATTEMPTS {
                return Some(status);
            }
            tokio::time::sleep(PAUSE).await;
            attempt += 1;
            envelope["delivery_attempts"] = json!(attempt);
        }
    }

    /// One attempt, rightly signed.
    pub(super) async fn send(&self, envelope: &Value, path: &str) -> u16 {
        let body = envelope.to_string();
        let signature = sign(CLIENT_SECRET, &body);
        self.send_signed(path, body, Some(signature)).await
    }

    /// One attempt; 0 where nobody answered.
    pub(super) async fn send_signed(
        &self,
        path: &str,
        body: String,
        signature: Option<String>,
    ) -> u16 {
        let url = format!("{}/desks/{}/{path}", self.bridge_url, self.instance);
        let mut request = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .body(body);
        if let Some(signature) = signature {
            request = request.header("x-hub-signature", signature);
        }
        match request.send().await {
            Ok(answer) => answer.status().as_u16(),
            Err(error) => {
                tracing::debug!(timeout = error.is_timeout(), "a webhook was not answered");
                0
            }
        }
    }
}

/// The value of `X-Hub-Signature`.
pub(super) fn sign(key: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key.as_bytes()) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(body.as_bytes());
    format!("sha1={}", hex::encode(mac.finalize().into_bytes()))
}
