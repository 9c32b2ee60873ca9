//! What reaches the relay: stream records, bells from the queue, GPTBots' answers.

use handoff::bells::Bell;
use handoff::conversation::ConversationId;
use handoff::gptbots::{Fault, read_answer};
use relay::RelayEvent;
use serde_json::{Value, json};

use crate::table::NOW;

/// First byte: which reader. Rest: what it reads.
pub fn bells(input: &[u8]) {
    let mut input = input;
    match crate::choice(&mut input, 3) {
        0 => event(input),
        1 => bell(&String::from_utf8_lossy(input)),
        _ => answer(input),
    }
}

/// Every record that can be read at all has a name, and rings for at most one lane.
fn event(bytes: &[u8]) {
    let Ok(event) = serde_json::from_slice::<RelayEvent>(bytes) else {
        return;
    };
    for record in event.records {
        if let (_, Some(rung)) = record.read() {
            bell(&rung.to_message());
        }
    }
}

/// A bell that is taken names a conversation that can exist, and survives the queue.
fn bell(message: &str) {
    let Some(bell) = Bell::from_message(message) else {
        return;
    };
    let id = bell.conversation.as_str();
    assert_eq!(ConversationId::new(id).as_ref(), Ok(&bell.conversation));
    let message = bell.to_message();
    // All that SQS takes in a message, whatever the id is made of.
    assert!(
        message.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
        "{message}"
    );
    assert!(message.len() < 4096);
    assert_eq!(Bell::from_message(&message), Some(bell));
}

/// What an answer means depends on its status, its code and `Retry-After`, and on nothing else it
/// says: so nothing of what it says can be shown.
fn answer(input: &[u8]) {
    let (head, body) = input.split_at(input.len().min(2));
    let status = 100
        + u16::from_be_bytes([
            head.first().copied().unwrap_or(1),
            head.get(1).copied().unwrap_or(0),
        ]) % 500;
    let mut parts = body.splitn(2, |byte| *byte == b'\n');
    let header = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let retry_after = Some(header.as_ref()).filter(|value| !value.is_empty());
    let body = parts.next().unwrap_or_default();

    let result = read_answer(status, retry_after, body, NOW);
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = json.get("code").or_else(|| json.get("error")?.get("code"));
    let bare = code.map_or(json!({}), |code| json!({ "code": code }));
    assert_eq!(
        result,
        read_answer(status, retry_after, bare.to_string().as_bytes(), NOW)
    );
    match result {
        Ok(()) => assert!((200..300).contains(&status)),
        Err(error) => {
            assert_eq!(error.status, Some(status));
            assert!(error.summary.is_ascii() && error.summary.len() < 160);
            if let Fault::Transient { retry_after } | Fault::RateLimited { retry_after } =
                error.fault
            {
                assert!(retry_after.is_none() || header.bytes().any(|byte| byte.is_ascii_digit()));
            }
        }
    }
}
