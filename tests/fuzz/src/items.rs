//! What is read back from the table, where something else has written it: an older or newer
//! version, an operator's hand, a restored backup.

use arbitrary::Unstructured;
use handoff::conversation::{ConversationId, EntryId, Side};
use handoff::store::{Store, StoreError};
use serde_json::{Value, json};

use crate::shape;
use crate::table::{NOW, Table};

/// Attributes that items have.
const NAMES: [&str; 24] = [
    "pk",
    "sk",
    "kind",
    "author",
    "text",
    "to",
    "delivery",
    "at",
    "sent_at",
    "queued_at",
    "attempts",
    "lease_until",
    "episode",
    "out",
    "changed",
    "status",
    "user",
    "established",
    "closed_by",
    "closed_at",
    "expires_at",
    "turns",
    "document",
    "list_at",
];

/// First byte: raw items as JSON, or an entry and a conversation with some attributes exchanged.
/// Second: how long the cursor at the end is.
pub fn items(input: &[u8]) {
    let mut input = input;
    let shaped = crate::choice(&mut input, 2) == 1;
    let length = usize::from(crate::choice(&mut input, 64)).min(input.len());
    let (cursor, input) = input.split_at(length);
    let cursor = String::from_utf8_lossy(cursor);
    let planted = if shaped {
        exchanged(&mut Unstructured::new(input)).ok()
    } else {
        serde_json::from_slice(input).ok()
    };
    let Some(Value::Array(planted)) = planted else {
        return;
    };
    let table = Table::default();
    table.plant(planted);
    crate::block_on(read_all(&table.store(), &cursor));
}

/// An entry, a conversation, a history and settings as they are written, some attributes of which
/// something else has written.
fn exchanged(u: &mut Unstructured<'_>) -> arbitrary::Result<Value> {
    let mut items = json!([
        {"pk": {"S": "C#c"}, "sk": {"S": "E#u1"}, "kind": {"S": "message"}, "author": {"S": "user"},
         "text": {"S": "hello"}, "to": {"S": "desk"}, "delivery": {"S": "pending"}, "at": {"N": "1"},
         "queued_at": {"N": "1"}, "attempts": {"N": "0"}, "changed": {"S": "0000000000000001#u1"},
         "out": {"S": "desk#50000000000000001#u1"}, "expires_at": {"N": "99999999999"}},
        {"pk": {"S": "C#c"}, "sk": {"S": "META"}, "bot": {"S": "b"}, "user": {"S": "{}"},
         "desk": {"S": "console"}, "status": {"S": "waiting"}, "episode": {"N": "1"},
         "established": {"N": "1"}, "asked_at": {"N": "1"}, "opened_at": {"N": "1"},
         "list_at": {"S": "0000000000000001#c"}, "out": {"S": "meta"}},
        {"pk": {"S": "C#c"}, "sk": {"S": "HIST"}, "turns": {"S": "{\"turns\":[]}"}},
        {"pk": {"S": "SETTINGS"}, "sk": {"S": "SETTINGS"}, "version": {"N": "1"}, "document": {"S": "{}"}},
    ]);
    for _ in 0..u.int_in_range(0..=6)? {
        let which = u.choose_index(4)?;
        let name = *u.choose(&NAMES)?;
        let text = match shape::value(u, 1)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        items[which][name] = match u.int_in_range(0..=4)? {
            0 => json!({"N": text}),
            1 => json!({"BOOL": true}),
            2 => json!({"NULL": true}),
            3 => json!({"L": [{"S": text}]}),
            _ => json!({"S": text}),
        };
    }
    // The one that single reads find.
    let first = u.choose_index(4)?;
    if let Value::Array(items) = &mut items {
        items.rotate_left(first);
    }
    Ok(items)
}

/// Everything that reads: it reads, or says what it cannot read, and quotes nothing of it.
async fn read_all(store: &Store, cursor: &str) {
    let id = ConversationId::new("c").expect("an id");
    for side in [Side::Desk, Side::User] {
        if let Some(lane) = checked(store.lane(&id, side).await) {
            let names: std::collections::BTreeSet<_> = lane
                .entries
                .iter()
                .map(|entry| (&entry.conversation, &entry.id))
                .collect();
            assert!(names.len() <= lane.entries.len());
        }
    }
    checked(store.conversation(&id).await);
    checked(store.history(&id, 1).await);
    checked(store.entry(&id, &EntryId::of_user_line(NOW, b"x")).await);
    checked(store.settings().await);
    checked(store.open_conversations(Some(cursor)).await);
    checked(store.failed(1, Some(cursor)).await);
    checked(store.closed_conversations(Some(cursor), 3_650).await);
    if let Some(Some(page)) = checked(store.log(&id, Some(cursor)).await) {
        // The cursor that comes with it is one of ours.
        let next = checked(store.log(&id, Some(&page.cursor)).await);
        assert!(next.is_none_or(|page| page.is_some()), "{}", page.cursor);
    }
    if let Some(Some(page)) = checked(store.log(&id, None).await) {
        let next = checked(store.log(&id, Some(&page.cursor)).await);
        assert!(next.is_none_or(|page| page.is_some()), "{}", page.cursor);
    }
}

fn checked<T>(result: Result<T, StoreError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(StoreError::Unreadable(name)) => {
            assert!(name.len() < 20);
            None
        }
        // Items of types that DynamoDB does not have.
        Err(StoreError::Unavailable { operation, code }) => {
            assert!(
                code == "unknown" || code == "unreadable answer",
                "{operation}: {code}"
            );
            None
        }
        Err(error) => panic!("{error}"),
    }
}
