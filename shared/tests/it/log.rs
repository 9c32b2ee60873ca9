use std::collections::BTreeMap;

use handoff::conversation::{ConversationId, Delivery, Side};
use handoff::store::Store;

use crate::support::{Table, close, establish, handoff, id};

/// Reads a log from the beginning until nothing more is there; returns the cursor to go on with.
async fn read_whole(store: &Store, ids: &mut Vec<String>) -> String {
    let mut page = store.log(&id(), None).await.unwrap().unwrap();
    loop {
        ids.extend(page.entries.iter().map(|entry| entry.id.to_string()));
        if !page.more {
            return page.cursor;
        }
        page = store.log(&id(), Some(&page.cursor)).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_long_log_comes_in_pages_oldest_first_each_entry_once() {
    let table = Table::new().await;
    table.establish(100).await;
    for n in 0..450 {
        table.chat(1_000 + n, &n.to_string()).await;
    }
    let mut ids = Vec::new();
    read_whole(&table.store, &mut ids).await;
    assert_eq!(ids.len(), 452);
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 452);
    let lines: Vec<_> = ids.iter().filter(|id| id.contains("-u-")).collect();
    assert!(lines.is_sorted());
}

#[tokio::test]
async fn changes_are_seen_whatever_happens_while_a_log_is_read() {
    let table = Table::new().await;
    table.establish(100).await;
    let mut seen = Vec::new();
    let cursor = read_whole(&table.store, &mut seen).await;
    // Somebody's clock is four seconds behind.
    table.clock.advance(-4_000);
    table.chat(110, "from the past").await;
    table.clock.advance(4_000);
    let page = table
        .store
        .log(&id(), Some(&cursor))
        .await
        .unwrap()
        .unwrap();
    assert!(
        page.entries
            .iter()
            .any(|entry| entry.text == "from the past")
    );
    // A delivery is a change, too.
    table.clock.advance(20_000);
    let page = table
        .store
        .log(&id(), Some(&page.cursor))
        .await
        .unwrap()
        .unwrap();
    table.clock.advance(1);
    table.deliver(Side::User).await;
    let page = table
        .store
        .log(&id(), Some(&page.cursor))
        .await
        .unwrap()
        .unwrap();
    let greeting = page
        .entries
        .iter()
        .find(|entry| entry.text == "hello")
        .unwrap();
    assert_eq!(greeting.delivery, Delivery::Delivered);
    // When nothing happens, nothing is repeated for ever.
    table.clock.advance(20_000);
    let page = table
        .store
        .log(&id(), Some(&page.cursor))
        .await
        .unwrap()
        .unwrap();
    let page = table
        .store
        .log(&id(), Some(&page.cursor))
        .await
        .unwrap()
        .unwrap();
    assert!(page.entries.is_empty() && !page.more);
}

#[tokio::test]
async fn many_changes_come_in_pages_too() {
    let table = Table::new().await;
    table.establish(100).await;
    let cursor = read_whole(&table.store, &mut Vec::new()).await;
    for n in 0..450 {
        table.chat(1_000 + n, &n.to_string()).await;
    }
    let mut seen = BTreeMap::new();
    let mut page = table
        .store
        .log(&id(), Some(&cursor))
        .await
        .unwrap()
        .unwrap();
    while page.more {
        seen.extend(page.entries.iter().map(|entry| (entry.id.clone(), ())));
        page = table
            .store
            .log(&id(), Some(&page.cursor))
            .await
            .unwrap()
            .unwrap();
    }
    seen.extend(page.entries.iter().map(|entry| (entry.id.clone(), ())));
    assert_eq!(seen.len(), 452);
}

#[tokio::test]
async fn what_is_no_cursor_is_told_from_an_empty_log() {
    let table = Table::new().await;
    let long = format!("w1.{}", "a".repeat(1_100));
    for rubbish in [
        "x",
        "c",
        "cabc",
        "w",
        "w1",
        "é",
        "c1.é",
        "w1.~~~",
        "w-1.a",
        "c-5",
        "w1.",
        &long,
        "w-9223372036854775808.a",
        "c99999999999999999999",
    ] {
        let page = table.store.log(&id(), Some(rubbish)).await.unwrap();
        assert!(page.is_none(), "{rubbish}");
    }
    // Strange but ours.
    for fine in ["c0", "c9223372036854775807", "w9223372036854775807.a"] {
        assert!(
            table.store.log(&id(), Some(fine)).await.unwrap().is_some(),
            "{fine}"
        );
    }
}

#[tokio::test]
async fn open_conversations_come_oldest_first_in_pages_and_closed_ones_newest_first() {
    let table = Table::new().await;
    let name = |n: usize| ConversationId::new(format!("c{n:03}")).unwrap();
    for n in 0..230 {
        table.clock.advance(1);
        let mut request = establish(100);
        request.conversation = name(n);
        table.store.establish(&request, &handoff()).await.unwrap();
    }
    let mut open = Vec::new();
    let mut cursor = None;
    loop {
        let page = table
            .store
            .open_conversations(cursor.as_deref())
            .await
            .unwrap();
        open.extend(page.conversations.into_iter().map(|known| known.id));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(open, (0..230).map(name).collect::<Vec<_>>());

    // Exactly a page in one month, some in the next, the rest more than two years later.
    for n in 0..230 {
        if n == 100 {
            table.clock.advance(31 * 86_400_000);
        }
        if n == 150 {
            table.clock.advance(800 * 86_400_000);
        }
        table.clock.advance(1);
        let mut request = close(200);
        request.conversation = name(n);
        table.store.close(&request, 3_650).await.unwrap();
    }
    table.clock.advance(7 * 86_400_000);
    let open = table.store.open_conversations(None).await.unwrap();
    assert!(open.conversations.is_empty());
    let mut closed = Vec::new();
    let mut cursor = None;
    let mut pages = 0;
    loop {
        let page = table
            .store
            .closed_conversations(cursor.as_deref(), 3_650)
            .await
            .unwrap();
        closed.extend(page.conversations.into_iter().map(|known| known.id));
        cursor = page.cursor;
        pages += 1;
        if cursor.is_none() {
            break;
        }
    }
    assert!(pages < 12, "{pages}");
    assert_eq!(closed, (0..230).rev().map(name).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_has_expired_is_gone_before_it_is_deleted() {
    let table = Table::new().await;
    table.establish(100).await;
    table.clock.advance(91 * 86_400_000);
    assert!(table.store.conversation(&id()).await.unwrap().is_none());
    assert!(
        table
            .store
            .log(&id(), None)
            .await
            .unwrap()
            .unwrap()
            .entries
            .is_empty()
    );
    assert!(
        table
            .store
            .open_conversations(None)
            .await
            .unwrap()
            .conversations
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_in_use_does_not_expire() {
    let table = Table::new().await;
    table.establish(100).await;
    table.deliver(Side::Desk).await;
    for day in 0..4 {
        table.clock.advance(60 * 86_400_000);
        if day % 2 == 0 {
            table.post(&format!("k{day}"), "still here").await;
        } else {
            table.chat(1_000 + day, "me too").await;
            table.deliver(Side::Desk).await;
        }
    }
    assert_eq!(table.conversation().await.episode, 1);
}

#[tokio::test]
async fn a_page_fits_into_one_answer_whatever_the_lines_are_made_of() {
    let table = Table::new().await;
    table.establish(100).await;
    // As JSON, six times as long: 26 of them would be more than a function may answer.
    let line = "\u{1}".repeat(30_000);
    for n in 0..26 {
        table.chat(1_000 + n, &line).await;
    }
    let mut ids = Vec::new();
    for after in [None, Some("c0".to_owned())] {
        let mut after = after;
        loop {
            let page = table
                .store
                .log(&id(), after.as_deref())
                .await
                .unwrap()
                .unwrap();
            let texts: Vec<_> = page.entries.iter().map(|entry| &entry.text).collect();
            assert!(serde_json::to_string(&texts).unwrap().len() < 3 << 20);
            ids.extend(page.entries.iter().map(|entry| entry.id.to_string()));
            if !page.more {
                break;
            }
            after = Some(page.cursor);
        }
    }
    assert_eq!(ids.len(), 2 * 28, "each once, both ways of reading");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 28);
}
