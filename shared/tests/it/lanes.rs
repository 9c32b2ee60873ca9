use handoff::conversation::{Delivery, Side, Step, next_step};
use handoff::desk::Opened;
use handoff::store::{Mark, Outcome, Stray};
use handoff::time::Clock as _;

use crate::support::{Table, id};

fn delivered() -> Outcome {
    Outcome::Delivered {
        remote_id: Some("r1".into()),
        late: false,
    }
}

fn thread(reference: &str) -> Opened {
    Opened {
        reference: reference.into(),
        context: None,
    }
}

#[tokio::test]
async fn an_entry_is_claimed_once() {
    let table = Table::new().await;
    table.establish(100).await;
    let head = table.lane(Side::User).await.entries.remove(0);
    let claimed = table.claim(&head).await.unwrap();
    assert_eq!(claimed.attempts, 1);
    assert_eq!(claimed.delivery, Delivery::Sending);
    assert!(table.claim(&head).await.is_none(), "somebody else has it");
    // The next reader sees that it is leased, and for how long.
    let seen = table.lane(Side::User).await.entries.remove(0);
    let now = table.clock.now();
    assert_eq!(next_step(&seen, now), Step::Leased(now + 1_000));
    // When the lease has run out it can be taken over, once.
    table.clock.advance(1_000);
    assert_eq!(next_step(&seen, table.clock.now()), Step::Send);
    let taken_over = table.claim(&seen).await.unwrap();
    assert_eq!(taken_over.attempts, 2);
    // The first holder can no longer mark it.
    assert_eq!(
        table
            .store
            .mark(&claimed, &delivered(), None, 90)
            .await
            .unwrap(),
        Mark::Lost
    );
    assert_eq!(
        table
            .store
            .mark(&taken_over, &delivered(), None, 90)
            .await
            .unwrap(),
        Mark::Done
    );
}

#[tokio::test]
async fn what_is_delivered_leaves_its_lane_and_a_second_mark_finds_the_first() {
    let table = Table::new().await;
    table.establish(100).await;
    let head = table.lane(Side::User).await.entries.remove(0);
    let claimed = table.claim(&head).await.unwrap();
    assert_eq!(
        table
            .store
            .mark(&claimed, &delivered(), None, 90)
            .await
            .unwrap(),
        Mark::Done
    );
    assert_eq!(
        table
            .store
            .mark(&claimed, &delivered(), None, 90)
            .await
            .unwrap(),
        Mark::Done
    );
    assert!(table.lane(Side::User).await.entries.is_empty());
    let entry = table.store.entry(&id(), &head.id).await.unwrap().unwrap();
    assert_eq!(entry.delivery, Delivery::Delivered);
    assert_eq!(entry.remote_id.as_deref(), Some("r1"));
    assert_eq!(entry.lease_until, None);
    // Nothing is left for the clock either.
    table.clock.advance(10_000_000);
    let strays = table.store.strays(table.clock.now()).await.unwrap();
    assert_eq!(
        strays,
        [Stray {
            conversation: id(),
            side: Side::Desk
        }]
    );
}

#[tokio::test]
async fn a_retry_keeps_its_place_and_its_time() {
    let table = Table::new().await;
    table.establish(100).await;
    table.post("k1", "second").await;
    let head = table.lane(Side::User).await.entries.remove(0);
    let claimed = table.claim(&head).await.unwrap();
    let at = table.clock.now() + 5_000;
    let retry = Outcome::Retry {
        at,
        reason: "down".into(),
    };
    assert_eq!(
        table.store.mark(&claimed, &retry, None, 90).await.unwrap(),
        Mark::Done
    );
    let lane = table.lane(Side::User).await.entries;
    assert_eq!(lane[0].id, head.id, "nothing passes it");
    assert_eq!(lane[0].delivery, Delivery::Retrying);
    assert_eq!(lane[0].error.as_deref(), Some("down"));
    assert_eq!(next_step(&lane[0], table.clock.now()), Step::NotDue(at));
    assert_eq!(next_step(&lane[0], at), Step::Send);
    assert!(table.claim(&claimed).await.is_none(), "what it was is over");
    assert!(table.claim(&lane[0]).await.is_some());
}

#[tokio::test]
async fn what_failed_leaves_its_lane_and_comes_back_at_its_old_place_when_replayed() {
    let table = Table::new().await;
    table.establish(100).await;
    table.post("k1", "second").await;
    let head = table.lane(Side::User).await.entries.remove(0);
    let claimed = table.claim(&head).await.unwrap();
    let failed = Outcome::Failed {
        reason: "refused".into(),
    };
    table.store.mark(&claimed, &failed, None, 90).await.unwrap();
    assert_eq!(table.texts(Side::User).await, ["second"]);
    for _ in 0..2 {
        let replayed = table.store.replay(&id(), &head.id).await.unwrap();
        let handoff::store::Replayed::Yes(entry) = replayed else {
            panic!("{replayed:?}")
        };
        assert_eq!(entry.delivery, Delivery::Pending);
    }
    assert_eq!(table.texts(Side::User).await, ["hello", "second"]);
    assert_eq!(table.deliver(Side::User).await, ["hello", "second"]);
    // Delivered is delivered: replaying it sends nothing.
    table.store.replay(&id(), &head.id).await.unwrap();
    assert!(table.texts(Side::User).await.is_empty());
}

#[tokio::test]
async fn the_clock_finds_strays_and_a_nudge_makes_their_head_pending_again() {
    let table = Table::new().await;
    table.establish(100).await;
    assert!(
        table
            .store
            .strays(table.clock.now())
            .await
            .unwrap()
            .is_empty()
    );
    let head = table.lane(Side::User).await.entries.remove(0);
    let claimed = table.claim(&head).await.unwrap();
    // Its process dies. A minute later:
    table.clock.advance(60_001);
    let strays = table.store.strays(table.clock.now()).await.unwrap();
    assert_eq!(strays.len(), 2, "{strays:?}");
    let seen = table.lane(Side::User).await.entries.remove(0);
    table.store.nudge(&seen).await.unwrap();
    table.store.nudge(&seen).await.unwrap();
    let nudged = table.lane(Side::User).await.entries.remove(0);
    assert_eq!(nudged.delivery, Delivery::Pending);
    assert_eq!(
        table
            .store
            .mark(&claimed, &delivered(), None, 90)
            .await
            .unwrap(),
        Mark::Lost
    );
    // Rung, so not overdue for another minute.
    assert_eq!(
        table.store.strays(table.clock.now()).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn an_opening_is_marked_together_with_the_desks_reference() {
    let table = Table::new().await;
    table.establish(100).await;
    let lane = table.lane(Side::Desk).await;
    let claimed = table.claim(&lane.entries[0]).await.unwrap();
    let known = lane.conversation.unwrap();
    let mark = table
        .store
        .mark_opened(&claimed, &known, &thread("thread-1"), 90)
        .await
        .unwrap();
    assert_eq!(mark, Mark::Done);
    assert_eq!(
        table.conversation().await.desk_ref.as_deref(),
        Some("thread-1")
    );
    assert!(table.lane(Side::Desk).await.entries.is_empty());
    assert_eq!(
        table
            .store
            .mark_opened(&claimed, &known, &thread("thread-2"), 90)
            .await
            .unwrap(),
        Mark::Lost
    );
    assert_eq!(
        table.conversation().await.desk_ref.as_deref(),
        Some("thread-1")
    );
}

#[tokio::test]
async fn a_users_line_that_the_desk_has_is_the_last_line_of_its_conversation() {
    let table = Table::new().await;
    table.establish(100).await;
    table.chat(110, "first").await;
    table.chat(111, &"long ".repeat(200)).await;
    table.deliver(Side::Desk).await;
    let last = table.conversation().await.last.unwrap();
    assert!(last.text.starts_with("long long") && last.text.len() <= 200);
}

#[tokio::test]
async fn of_several_lines_that_the_desk_has_the_newest_is_the_last_one() {
    let table = Table::new().await;
    table.establish(100).await;
    table.deliver(Side::Desk).await;
    table.chat(110, "first").await;
    table.chat(111, "second").await;
    let lane = table.lane(Side::Desk).await;
    let claimed = table.store.claim_together(&lane.entries, i64::MAX).await;
    let marks: Vec<_> = claimed
        .unwrap()
        .unwrap()
        .into_iter()
        .map(|entry| (entry, delivered()))
        .collect();
    let known = lane.conversation.unwrap();
    let mark = table.store.mark_together(&marks, false, &[], &known, 90);
    assert_eq!(mark.await.unwrap(), Mark::Done);
    let last = table.conversation().await.last.unwrap();
    assert_eq!((last.text.as_str(), last.at), ("second", marks[1].0.at));
    // An answer that got lost: the same marks once more.
    let again = table.store.mark_together(&marks, false, &[], &known, 90);
    assert_eq!(again.await.unwrap(), Mark::Done);
}

#[tokio::test]
async fn a_long_lane_is_read_whole() {
    let table = Table::new().await;
    table.establish(100).await;
    let line = "x".repeat(30_000);
    for n in 0..60 {
        table.chat(200 + n, &line).await;
    }
    let lane = table.lane(Side::Desk).await;
    assert_eq!(lane.entries.len(), 61);
    assert!(
        lane.conversation.is_some(),
        "though it lies behind 1.8 MB of lines"
    );
}
