//! Order, overlaps, late lines and ends.

use std::time::Duration;

use handoff::bells::Bell;
use handoff::conversation::{Author, ClosedBy, ConversationId, Delivery, Kind, Side};

use handoff::store::{Mark, Outcome};

use serde_json::json;

use crate::fake::{Bridge, id, transient};

#[tokio::test]
async fn both_lanes_are_drained() {
    let bridge = Bridge::new().await;
    bridge.establish(100).await;
    bridge.post("hi").await;
    bridge.chat(110, "question").await;
    bridge.ring(Side::User).await;
    bridge.ring(Side::Desk).await;
    assert_eq!(bridge.told(), ["hello", "hi"]);
    assert_eq!(bridge.delivery("question").await, Delivery::Delivered);
    assert_eq!(bridge.conversation().await.last.unwrap().text, "question");
    assert_eq!(bridge.conversation().await.desk_ref.as_deref(), Some("Yw"));
    assert!(bridge.bells().is_empty());
    // A bell for nothing does nothing.
    bridge.ring(Side::User).await;
    assert!(bridge.told().is_empty());
}

#[tokio::test]
async fn relays_that_overlap_send_each_line_once_and_in_order() {
    let bridge = Bridge::connected().await;
    let lines: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
    for line in &lines {
        bridge.post(line).await;
    }
    let bells = (0..6).map(|_| bridge.ring(Side::User));
    futures_util::future::join_all(bells).await;
    assert_eq!(bridge.told(), lines);
}

#[tokio::test]
async fn nothing_passes_a_line_that_has_to_be_tried_again() {
    let bridge = Bridge::connected().await;
    bridge.post("one").await;
    bridge.post("two").await;
    bridge.answer_with([transient()]);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["one"]);
    assert_eq!(bridge.delivery("one").await, Delivery::Retrying);
    assert_eq!(bridge.delivery("two").await, Delivery::Pending);
    let bells = bridge.bells();
    assert_eq!(bells.len(), 1);
    let (side, delay) = bells[0];
    assert_eq!(side, Side::User);
    // A new line's bell before the time is a bell too many, no more.
    bridge.post("three").await;
    bridge.ring(Side::User).await;
    assert!(bridge.told().is_empty());
    assert!(bridge.bells().is_empty(), "the bell for the retry is out");
    bridge
        .clock
        .advance(i64::try_from(delay.as_millis()).unwrap());
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_line_whose_relay_died_is_taken_over_when_its_lease_is_over() {
    let bridge = Bridge::connected().await;
    bridge.post("one").await;
    bridge.post("two").await;
    let head = bridge
        .store
        .lane(&id(), Side::User)
        .await
        .unwrap()
        .entries
        .remove(0);
    let now = 1_742_265_090_895 + 61_000;
    bridge
        .store
        .claim(&head, now + 12_000)
        .await
        .unwrap()
        .unwrap();
    bridge.ring(Side::User).await;
    assert!(bridge.told().is_empty(), "somebody may be at it");
    let (_, delay) = bridge.bells()[0];
    assert!(
        delay <= Duration::from_secs(13),
        "but it is looked after: {delay:?}"
    );
    bridge.clock.advance(13_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["one", "two"]);
}

#[tokio::test]
async fn a_chat_that_overtook_its_establish_waits_and_fails_visibly_if_that_never_comes() {
    let bridge = Bridge::new().await;
    bridge.chat(110, "early").await;
    bridge.ring(Side::Desk).await;
    assert_eq!(bridge.delivery("early").await, Delivery::Pending);
    bridge.clock.advance(3_600_001);
    bridge.ring(Side::Desk).await;
    assert_eq!(bridge.delivery("early").await, Delivery::Failed);
    let error = bridge.entries("early").await.remove(0).error.unwrap();
    assert_eq!(error, "its conversation was never established");
}

#[tokio::test]
async fn a_chat_after_the_agents_close_is_kept_as_late_and_gptbots_told_once_more() {
    let bridge = Bridge::connected().await;
    bridge
        .store
        .end(&id(), ClosedBy::Agent, None, &[Side::User], 90)
        .await
        .unwrap();
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["CLOSE"]);
    bridge.chat(200, "one more thing").await;
    bridge.ring(Side::Desk).await;
    // Not at once: the line may have overtaken an establish that opens the conversation anew.
    bridge.ring(Side::User).await;
    assert!(bridge.told().is_empty());
    bridge.clock.advance(3_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["CLOSE"]);
    let late = bridge.entries("one more thing").await.remove(0);
    assert!(late.late);
    assert_eq!(late.delivery, Delivery::Delivered);
    assert!(bridge.conversation().await.is_closed());
    // The same again changes nothing.
    bridge.chat(200, "one more thing").await;
    bridge.ring(Side::Desk).await;
    bridge.clock.advance(3_000);
    bridge.ring(Side::User).await;
    assert!(bridge.told().is_empty());
}

#[tokio::test]
async fn a_chat_that_overtook_the_establish_of_the_next_episode_does_not_end_it() {
    let bridge = Bridge::connected().await;
    bridge
        .store
        .end(&id(), ClosedBy::Agent, None, &[Side::User], 90)
        .await
        .unwrap();
    bridge.ring(Side::User).await;
    bridge.chat(501, "I am back").await;
    bridge.ring(Side::Desk).await;
    bridge.establish(500).await;
    bridge.clock.advance(3_000);
    bridge.ring(Side::User).await;
    assert_eq!(
        bridge.told(),
        ["CLOSE", "hello"],
        "one close, of the first episode"
    );
}

#[tokio::test]
async fn a_bell_that_comes_before_its_time_is_set_again() {
    let bridge = Bridge::connected().await;
    bridge.post("one").await;
    bridge.answer_with([transient()]);
    bridge.ring(Side::User).await;
    let (bell, delay) = bridge.bells_as_set().remove(0);
    bridge.ring_with(&bell).await;
    assert_eq!(bridge.bells_as_set(), [(bell.clone(), delay)]);
    // Not so one for another time: each time has one bell.
    bridge.ring_with(&bell.for_time(7)).await;
    bridge.ring(Side::User).await;
    assert!(bridge.bells().is_empty());
}

#[tokio::test]
async fn the_stream_sends_nothing_itself_but_hands_over() {
    let bridge = Bridge::connected().await;
    bridge.post("one").await;
    assert!(bridge.ring_by_stream(Side::User).await.failures.is_empty());
    assert!(bridge.told().is_empty());
    let (bell, delay) = bridge.bells_as_set().remove(0);
    assert_eq!((bell.due, delay), (None, Duration::ZERO));
    bridge.ring_with(&bell).await;
    assert_eq!(bridge.told(), ["one"]);
    assert!(bridge.bells().is_empty());
    // What only needs the table is done at once.
    bridge.chat(200, "question").await;
    bridge.ring_by_stream(Side::Desk).await;
    assert_eq!(bridge.delivery("question").await, Delivery::Delivered);
}

#[tokio::test]
async fn bells_do_not_pile_up_while_a_line_waits_for_its_time() {
    let bridge = Bridge::connected().await;
    bridge.post("one").await;
    for _ in 0..8 {
        bridge.answer_with([transient()]);
        bridge.ring(Side::User).await;
        let (_, delay) = bridge.bells().pop().unwrap();
        bridge
            .clock
            .advance(i64::try_from(delay.as_millis()).unwrap());
    }
    bridge.answer_with([transient()]);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.bells().len(), 1, "a minute to go");
    for _ in 0..5 {
        bridge.ring(Side::User).await;
    }
    assert!(bridge.bells().is_empty());
}

#[tokio::test]
async fn a_chat_that_the_users_close_overtook_calls_for_no_close() {
    let bridge = Bridge::connected().await;
    bridge.user_leaves(300).await;
    bridge.ring(Side::Desk).await;
    bridge.chat(299, "bye then").await;
    bridge.ring(Side::Desk).await;
    bridge.ring(Side::User).await;
    assert!(bridge.entries("bye then").await.remove(0).late);
    assert!(bridge.told().is_empty(), "GPTBots ended it itself");
}

#[tokio::test]
async fn a_close_of_an_episode_that_is_over_does_not_end_the_next() {
    let bridge = Bridge::connected().await;
    bridge
        .store
        .end(&id(), ClosedBy::Agent, None, &[Side::User], 90)
        .await
        .unwrap();
    bridge.establish(500).await;
    bridge.ring(Side::User).await;
    assert_eq!(
        bridge.told(),
        ["hello"],
        "the greeting of the second, no close of the first"
    );
    let log = bridge.store.log(&id(), None).await.unwrap().unwrap();
    let closing = log
        .entries
        .iter()
        .find(|entry| entry.kind == Kind::Closing)
        .unwrap();
    assert_eq!(closing.delivery, Delivery::Delivered);
    assert!(!bridge.conversation().await.is_closed());
}

#[tokio::test]
async fn the_user_asking_again_is_shown_to_the_desk() {
    let bridge = Bridge::connected().await;
    bridge.establish(500).await;
    bridge.ring(Side::Desk).await;
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["hello"]);
    let notice = bridge
        .entries("The user asked for a human again.")
        .await
        .remove(0);
    assert_eq!(notice.author, Author::System);
    assert_eq!(notice.delivery, Delivery::Delivered);
}

#[tokio::test]
async fn relays_that_overlap_on_the_consoles_lane_share_the_work() {
    let bridge = Bridge::connected().await;
    for n in 0..20 {
        bridge.chat(200 + n, &format!("line {n}")).await;
    }
    // All have read the same lane; one marks an entry, the others give way.
    let lane = bridge.store.lane(&id(), Side::Desk).await.unwrap();
    let head = &lane.entries[0];
    let delivered = Outcome::Delivered {
        remote_id: None,
        late: false,
    };
    let known = lane.conversation.as_ref();
    let mut marks = Vec::new();
    for _ in 0..3 {
        marks.push(
            bridge
                .store
                .mark(head, &delivered, known, 90)
                .await
                .unwrap(),
        );
    }
    assert_eq!(marks, [Mark::Done, Mark::Lost, Mark::Lost]);
    let bells = (0..6).map(|_| bridge.ring_by_stream(Side::Desk));
    futures_util::future::join_all(bells).await;
    assert!(
        bridge
            .store
            .lane(&id(), Side::Desk)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

#[tokio::test]
async fn a_closing_without_its_conversation_does_not_make_a_relay_turn_in_circles() {
    let bridge = Bridge::connected().await;
    bridge.chat(200, "late").await;
    let late = bridge.entries("late").await.remove(0);
    let mut gone = bridge.conversation().await;
    gone.id = ConversationId::new("gone").unwrap();
    let not_before = bridge.relay.clock.now() + 3_000;
    bridge
        .store
        .close_again(&gone, &late, not_before, 90)
        .await
        .unwrap();
    let bell = Bell::new(gone.id, Side::User);
    let records = json!({"Records": [{"messageId": "m", "body": bell.to_message()}]});
    let event = serde_json::from_value(records).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), bridge.relay.handle(event)).await;
    assert!(ended.is_ok(), "it ends");
}
