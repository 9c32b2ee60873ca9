//! What was given up, and putting it back.

use std::collections::BTreeSet;

use handoff::conversation::{ConversationId, Delivery, EntryId, Side};
use handoff::gptbots::parse_chat;
use handoff::store::{Outcome, ReplayedSeveral, Store};
use handoff::time::Clock as _;
use serde_json::json;

use crate::support::{Table, close, id};

/// Gives up the entries of a lane that say one of these.
async fn fail(store: &Store, of: &ConversationId, side: Side, texts: &[&str]) {
    for entry in store.lane(of, side).await.unwrap().entries {
        if texts.contains(&entry.text.as_str()) {
            let refused = Outcome::Failed {
                reason: "refused".into(),
            };
            store.mark(&entry, &refused, None, 90).await.unwrap();
        }
    }
}

/// A conversation with three answers after the greeting.
async fn answered() -> Table {
    let table = Table::new().await;
    table.establish(100).await;
    for text in ["one", "two", "three"] {
        table.post(text, text).await;
    }
    table
}

fn texts(done: &ReplayedSeveral) -> Vec<&str> {
    done.replayed
        .iter()
        .map(|entry| entry.text.as_str())
        .collect()
}

#[tokio::test]
async fn all_failed_ones_of_a_conversation_come_back_in_order_and_once() {
    let table = answered().await;
    fail(&table.store, &id(), Side::User, &["three"]).await;
    table.clock.advance(1);
    fail(&table.store, &id(), Side::User, &["one"]).await;
    assert_eq!(table.deliver(Side::User).await, ["hello", "two"]);
    let done = table.store.replay_conversation(&id()).await.unwrap();
    assert_eq!(
        texts(&done),
        ["one", "three"],
        "by acceptance, not by failure"
    );
    assert_eq!(done.left, 0);
    let again = table.store.replay_conversation(&id()).await.unwrap();
    assert_eq!(again, ReplayedSeveral::default());
    assert_eq!(table.texts(Side::User).await, ["one", "three"]);
    assert!(table.store.failed_since(0).await.unwrap().is_empty());
    assert_eq!(table.deliver(Side::User).await, ["one", "three"]);
    let again = table.store.replay_conversation(&id()).await.unwrap();
    assert_eq!(again, ReplayedSeveral::default(), "delivered is delivered");
}

#[tokio::test]
async fn only_what_was_named_comes_back() {
    let table = answered().await;
    let lane = table.lane(Side::User).await.entries;
    fail(&table.store, &id(), Side::User, &["one", "two"]).await;
    // Another order than theirs, one that did not fail, and one that does not exist.
    let named = [
        lane[2].id.clone(),
        lane[3].id.clone(),
        EntryId::of_system_line(1, "nothing"),
        lane[1].id.clone(),
    ];
    let done = table.store.replay_several(&id(), &named).await.unwrap();
    assert_eq!(texts(&done), ["one", "two"]);
    assert_eq!(
        table.texts(Side::User).await,
        ["hello", "one", "two", "three"]
    );
}

#[tokio::test]
async fn a_user_who_has_left_gets_nothing_but_gptbots_and_the_desk_do() {
    let table = answered().await;
    table.chat(110, "are you there?").await;
    fail(&table.store, &id(), Side::User, &["one"]).await;
    fail(&table.store, &id(), Side::Desk, &["are you there?"]).await;
    table.store.close(&close(200), 90).await.unwrap();
    let done = table.store.replay_conversation(&id()).await.unwrap();
    assert_eq!(texts(&done), ["are you there?"]);
    assert_eq!(done.left, 1);
    // They come back another time: what they were not told then is no answer now.
    table.clock.advance(60_000);
    table.establish(300).await;
    let done = table.store.replay_conversation(&id()).await.unwrap();
    assert_eq!((done.replayed.len(), done.left), (0, 1));
    table.post("four", "four").await;
    fail(&table.store, &id(), Side::User, &["four"]).await;
    let done = table.store.replay_conversation(&id()).await.unwrap();
    assert_eq!((texts(&done).as_slice(), done.left), (&["four"][..], 1));
}

#[tokio::test]
async fn two_presses_at_once_and_a_relay_beside_them_keep_order_and_send_once() {
    let table = answered().await;
    let lines: Vec<String> = (0..30).map(|n| format!("line {n}")).collect();
    for line in &lines {
        table.post(line, line).await;
    }
    let all: Vec<&str> = lines.iter().map(String::as_str).collect();
    fail(&table.store, &id(), Side::User, &all).await;
    let press = || async { table.store.replay_conversation(&id()).await.unwrap() };
    let relay = async {
        let mut carried = table.deliver(Side::User).await;
        while carried.last().map(String::as_str) != Some("line 29") {
            carried.extend(table.deliver(Side::User).await);
            tokio::task::yield_now().await;
        }
        carried
    };
    let (_, _, carried) = tokio::join!(press(), press(), relay);
    assert_eq!(carried[..4], ["hello", "one", "two", "three"]);
    assert_eq!(carried[4..], lines);
}

#[tokio::test]
async fn what_failed_since_is_listed_page_by_page_and_costs_nothing_else() {
    let table = Table::new().await;
    let conversations: Vec<_> = (0..3)
        .map(|n| ConversationId::new(format!("c{n}#/會")).unwrap())
        .collect();
    for n in 0..45 {
        for conversation in &conversations {
            let chat = parse_chat(&json!({
                "conversation_id": conversation.as_str(), "timestamp": n, "body": n.to_string(),
            }));
            table.store.chat(&chat.unwrap(), 90).await.unwrap();
        }
    }
    let give_up = async |numbers: std::ops::Range<i64>| {
        let texts: Vec<String> = numbers.map(|n| n.to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for conversation in &conversations {
            fail(&table.store, conversation, Side::Desk, &texts).await;
        }
    };
    let before = table.clock.now();
    give_up(0..2).await;
    table.clock.advance(1_000);
    let since = table.clock.now();
    // All in one millisecond: the pages are cut inside it.
    give_up(2..45).await;

    let mut found = Vec::new();
    let mut cursor = None;
    let mut pages = 0;
    loop {
        let page = table.store.failed(since, cursor.as_deref()).await.unwrap();
        pages += 1;
        found.extend(page.failed);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((found.len(), pages), (3 * 43, 2));
    assert!(
        found
            .iter()
            .all(|one| one.at == since && one.side == Side::Desk)
    );
    let different: BTreeSet<_> = found
        .iter()
        .map(|one| (one.conversation.clone(), one.entry.clone()))
        .collect();
    assert_eq!(different.len(), found.len());

    let all = table.store.failed_since(before).await.unwrap();
    assert_eq!(all.keys().cloned().collect::<Vec<_>>(), conversations);
    assert!(all.values().all(|of_one| of_one.len() == 45));
    let late = table.store.failed_since(since + 1).await.unwrap();
    assert!(late.is_empty());
    let one = &found[0];
    let entry = table.store.entry(&one.conversation, &one.entry).await;
    assert_eq!(entry.unwrap().unwrap().delivery, Delivery::Failed);
}
