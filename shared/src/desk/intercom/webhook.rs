//! Intercom's webhooks: whether they are Intercom's, and what they tell.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha1::Sha1;

use super::part;
use super::secret::Secret;
use super::wire::{Conversation, Notification, Times};
use crate::desk::signature::same;
use crate::desk::{DeskEvent, Received, Refused, Route, Unreadable, Unverified, Verified, What};
use crate::time::Millis;

/// The header with the signature (vendor's page "Webhooks", "Signed notifications").
const SIGNATURE: &str = "X-Hub-Signature";
/// How old a webhook may be, in milliseconds: half an hour. The signature carries no time, so this
/// goes by what was signed: when it happened, or was first sent. Intercom pauses for 15 minutes
/// after many errors, and sends later. What is older is refused and read from the conversation.
const OLDEST: Millis = 30 * 60_000;
/// How far a webhook's time may be in the future, in milliseconds.
const AHEAD: Millis = 5 * 60_000;

/// Says whether a call is Intercom's own: `sha1=` and the hexadecimal HMAC-SHA1 of the bytes, with
/// the app's client secret.
pub(super) fn verify<'a>(
    call: Unverified<'a>,
    secret: &Secret,
    now: Millis,
) -> Result<Verified<'a>, Refused> {
    // It signs, so its address has no token.
    if call.path_token.is_some() {
        return Err(Refused::PathToken);
    }
    let mut claimed = [0; 20];
    call.header(SIGNATURE)
        .and_then(|value| value.strip_prefix("sha1="))
        .and_then(|digits| hex::decode_to_slice(digits, &mut claimed).ok())
        .ok_or(Refused::Header(SIGNATURE))?;
    let mut ours = secret.client_secrets.iter();
    if !ours.any(|key| same(&hmac_sha1(key, call.body), &claimed)) {
        return Err(Refused::Signature);
    }
    // Its own bytes; only now is anything of them read. What cannot be read has no effect later.
    let times: Option<Times> = serde_json::from_slice(call.body).ok();
    let newest = times.and_then(|times| times.created_at.max(times.first_sent_at));
    if let Some(at) = newest.map(|seconds| seconds.saturating_mul(1000))
        && !(now - OLDEST..=now + AHEAD).contains(&at)
    {
        return Err(Refused::Stale);
    }
    Ok(call.into_verified())
}

fn hmac_sha1(key: &SecretString, body: &[u8]) -> [u8; 20] {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key.expose_secret().as_bytes()) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// Reads a webhook.
pub(super) fn parse(call: &Verified<'_>, secret: &Secret) -> Result<Received, Unreadable> {
    if call.route != Route::Events {
        return Err(Unreadable("Intercom sends nothing there".to_owned()));
    }
    let unreadable = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        Unreadable(format!("not a notification (line {line}, column {column})"))
    };
    let told: Notification = serde_json::from_slice(call.body).map_err(unreadable)?;
    // What has no id is a ping: nothing happened.
    let Some(id) = told.id.as_deref() else {
        return Ok(Received::default());
    };
    let ignored = |why| DeskEvent {
        reference: String::new(),
        id: format!("ignored-{id}"),
        at: Some(told.created_at.saturating_mul(1000)),
        what: What::Ignored(why),
    };
    let ended = told.topic == "conversation.admin.closed";
    let events = match told.topic.as_str() {
        _ if secret.app_id.is_some() && secret.app_id != told.app_id => {
            vec![ignored("another workspace")]
        }
        "conversation.admin.replied"
        | "conversation.admin.closed"
        | "conversation.admin.noted"
        | "conversation.admin.assigned"
        | "conversation.admin.open.assigned" => {
            let item = told.data.map(|data| data.item).unwrap_or_default();
            let item: Conversation = serde_json::from_value(item)
                .map_err(|_| Unreadable("data.item: not a conversation".to_owned()))?;
            let ours = &secret.admin_id;
            let parts = item.parts().iter();
            let mut events: Vec<_> = parts
                .flat_map(|part| part::read(&item.id, part, ours))
                .collect();
            // Closed in a way that makes no part of the kind; but not by us or a rule.
            let acted = |event: &DeskEvent| !matches!(event.what, What::Ignored(_));
            let closed = |event: &DeskEvent| matches!(event.what, What::Closed { .. });
            if ended && events.iter().any(acted) && !events.iter().any(closed) {
                events.push(DeskEvent {
                    reference: item.id.clone(),
                    id: format!("closed-{id}"),
                    at: Some(told.created_at.saturating_mul(1000)),
                    what: What::Closed { agent: None },
                });
            }
            if events.is_empty() {
                events.push(ignored("nothing happened in it"));
            }
            events
        }
        _ => vec![ignored("a topic that is not used")],
    };
    Ok(Received {
        events,
        ..Received::default()
    })
}
