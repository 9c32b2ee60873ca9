//! What has expired is there for nobody, whether DynamoDB has deleted it yet or not.

use handoff::conversation::{EntryId, Kind, PersonBy, Side};
use handoff::desk::{DeskEvent, Opened, What};
use handoff::statistics::Day;
use handoff::store::{EstablishOutcome, Outcome, Person, Replayed};
use handoff::time::Clock as _;

use crate::support::{Table, ann, bob, close, everything, id};

const DAY: i64 = 86_400_000;

#[tokio::test]
async fn no_reading_finds_what_has_expired() {
    let table = Table::new().await;
    let store = &table.store;
    table.establish(100).await;
    let today = Day::of(table.clock.now());
    // One line that was delivered, one that failed, one that waits; on both sides.
    table.chat(110, "delivered").await;
    table.deliver(Side::Desk).await;
    table.post("k", "answer").await;
    let lane = table.lane(Side::User).await;
    let failed = table.claim(&lane.entries[0]).await.unwrap();
    let given_up = Outcome::Failed {
        reason: "refused".into(),
    };
    let known = lane.conversation.as_ref();
    store.mark(&failed, &given_up, known, 90).await.unwrap();
    let known = table.conversation().await;
    let opening = table.store.log(&id(), None).await.unwrap().unwrap();
    let is_opening = |entry: &&handoff::conversation::Entry| entry.kind == Kind::Opening;
    let opening = opening.entries.iter().find(is_opening).unwrap().clone();
    let opened = Opened {
        reference: "t1".into(),
        context: None,
    };
    store
        .mark_opened(&opening, &known, &opened, 90)
        .await
        .unwrap();
    let event = DeskEvent {
        reference: "t2".into(),
        id: "e".into(),
        at: None,
        what: What::PrivateNote,
    };
    store.keep_early("console", &event).await.unwrap();
    store
        .assign(&id(), "console", "taken", &bob(), 90)
        .await
        .unwrap();
    table.chat(120, "waiting").await;
    let entry: EntryId = failed.id.clone();
    let person = Person::known_by("bot", PersonBy::UserId, "u1");

    let before = everything(store).await.len();
    table.clock.advance(91 * DAY);
    assert_eq!(
        everything(store).await.len(),
        before,
        "DynamoDB has deleted nothing"
    );

    assert!(store.conversation(&id()).await.unwrap().is_none());
    assert!(
        store
            .log(&id(), None)
            .await
            .unwrap()
            .unwrap()
            .entries
            .is_empty()
    );
    let changes = store.log(&id(), Some("c0")).await.unwrap().unwrap();
    assert!(changes.entries.is_empty());
    assert!(store.history(&id(), 1).await.unwrap().turns.is_empty());
    assert!(store.entry(&id(), &entry).await.unwrap().is_none());
    assert!(store.export(&id()).await.unwrap().is_none());
    let open = store.open_conversations(None).await.unwrap();
    assert!(open.conversations.is_empty());
    for side in [Side::Desk, Side::User] {
        let lane = table.lane(side).await;
        assert!(
            lane.entries.is_empty() && lane.conversation.is_none(),
            "{side}"
        );
    }
    assert_eq!(
        store.replay(&id(), &entry).await.unwrap(),
        Replayed::Unknown
    );
    assert!(store.failed_of(&id()).await.unwrap().is_empty());
    assert!(
        store
            .replay_conversation(&id())
            .await
            .unwrap()
            .replayed
            .is_empty()
    );
    assert!(store.early("console", "t2").await.unwrap().is_empty());
    assert!(!store.was_taken(&id(), "console", "taken").await.unwrap());
    assert!(matches!(
        store.post(&id(), &ann(), "k2", "x", 90).await.unwrap(),
        handoff::store::Posted::Unknown
    ));
    // What outlives it holds ids alone: its desk reference and its place among its person's.
    assert!(
        store
            .conversation_at("console", "t1", 90)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(store.conversations_of(&person).await.unwrap(), [id()]);
    table.clock.advance(91 * DAY);
    assert!(!store.statistics(&today, &today).await.unwrap().is_empty());
    table.clock.advance(400 * DAY);
    assert!(store.statistics(&today, &today).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_closed_conversation_that_has_expired_is_in_no_list() {
    let table = Table::new().await;
    table.establish(100).await;
    table.store.close(&close(200), 90).await.unwrap();
    let listed = async || {
        let page = table.store.closed_conversations(None, 3_650).await.unwrap();
        page.conversations.len()
    };
    assert_eq!(listed().await, 1);
    table.clock.advance(91 * DAY);
    assert_eq!(listed().await, 0);
}

#[tokio::test]
async fn a_conversation_that_has_expired_can_begin_anew_and_end() {
    let table = Table::new().await;
    table.establish(100).await;
    table.clock.advance(91 * DAY);
    assert_eq!(table.establish(200).await, EstablishOutcome::Opened);
    table.store.close(&close(300), 90).await.unwrap();
    assert!(table.conversation().await.is_closed());
}
