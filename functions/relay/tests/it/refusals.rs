//! What GPTBots refuses, and what becomes of it.

use std::time::Duration;

use handoff::conversation::{ClosedBy, Delivery, Side};
use handoff::gptbots::{FIRST_PATIENCE, Fault, LATER_PATIENCE};

use crate::fake::{Bridge, transient};

#[tokio::test]
async fn a_permanent_refusal_fails_at_once_and_the_lane_goes_on() {
    let bridge = Bridge::connected().await;
    bridge.post("bad").await;
    bridge.post("good").await;
    bridge.answer_with([Fault::Permanent]);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["bad", "good"]);
    assert_eq!(bridge.delivery("bad").await, Delivery::Failed);
    assert_eq!(
        bridge.entries("bad").await[0].error.as_deref(),
        Some("as told")
    );
    assert_eq!(bridge.delivery("good").await, Delivery::Delivered);
    assert!(bridge.bells().is_empty());
}

#[tokio::test]
async fn a_refused_key_that_cannot_have_changed_is_permanent() {
    let bridge = Bridge::connected().await;
    bridge.post("x").await;
    bridge.answer_with([Fault::Unauthorized]);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["x"]);
    assert_eq!(bridge.delivery("x").await, Delivery::Failed);
}

#[tokio::test]
async fn what_keeps_failing_is_given_up_after_its_time_and_the_lane_goes_on() {
    let bridge = Bridge::connected().await;
    bridge.post("x").await;
    let mut attempts = 0;
    while bridge.delivery("x").await != Delivery::Failed {
        bridge.answer_with([transient()]);
        bridge.ring(Side::User).await;
        let bells = bridge.bells();
        let delay = bells.last().map_or(0, |(_, delay)| delay.as_millis());
        bridge.clock.advance(i64::try_from(delay).unwrap());
        attempts += 1;
        assert!(attempts < 100);
    }
    // 1 + 2 + 3 + 5 + 8 + 15 + 30 s, then every minute of the hour.
    assert!((55..75).contains(&attempts), "{attempts}");
    let error = bridge.entries("x").await.remove(0).error.unwrap();
    assert!(error.starts_with("given up after "), "{error}");
    bridge.told();
    bridge.post("y").await;
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["y"]);
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let bridge = Bridge::connected().await;
    bridge.post("x").await;
    let retry_after = Some(Duration::from_secs(20));
    bridge.answer_with([Fault::Transient { retry_after }]);
    bridge.ring(Side::User).await;
    let (_, delay) = bridge.bells()[0];
    assert!((20_000..20_600).contains(&delay.as_millis()), "{delay:?}");
}

#[tokio::test]
async fn a_conversation_that_gptbots_does_not_know_ends_here_too() {
    let bridge = Bridge::connected().await;
    bridge.post("x").await;
    bridge.answer_with([Fault::ConversationGone]);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.delivery("x").await, Delivery::Failed);
    let known = bridge.conversation().await;
    assert!(known.is_closed());
    assert_eq!(known.closed_by, Some(ClosedBy::Bridge));
    assert_eq!(known.close_reason.as_deref(), Some("as told"));
}

#[tokio::test]
async fn right_after_the_establish_gptbots_may_not_know_it_yet() {
    let bridge = Bridge::new().await;
    bridge.establish(100).await;
    bridge.answer_with([Fault::ConversationGone]);
    bridge.ring(Side::User).await;
    assert!(!bridge.conversation().await.is_closed());
    assert_eq!(bridge.delivery("hello").await, Delivery::Retrying);
    bridge.clock.advance(2_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["hello", "hello"]);
    assert_eq!(bridge.delivery("hello").await, Delivery::Delivered);
}

#[tokio::test]
async fn nor_right_after_the_user_asked_again() {
    let bridge = Bridge::connected().await;
    bridge.establish(500).await;
    bridge.answer_with([Fault::ConversationGone]);
    bridge.ring(Side::User).await;
    assert!(!bridge.conversation().await.is_closed());
    bridge.clock.advance(2_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["hello", "hello"]);
}

#[tokio::test]
async fn closing_what_has_ended_is_done() {
    let bridge = Bridge::connected().await;
    bridge
        .store
        .end(&crate::fake::id(), ClosedBy::Agent, None, &[Side::User], 90)
        .await
        .unwrap();
    bridge.answer_with([Fault::ConversationGone]);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["CLOSE"]);
    assert_eq!(
        bridge.delivery("The agent closed the conversation.").await,
        Delivery::Delivered
    );
}

#[tokio::test]
async fn a_table_that_fails_is_reported_so_that_the_bell_is_rung_again() {
    let bridge = Bridge::connected().await;
    bridge
        .store
        .client()
        .delete_table()
        .table_name(bridge.store.table())
        .send()
        .await
        .unwrap();
    // The stream hands the record over again; the queue would do so minutes later only.
    let response = bridge.ring_by_stream(Side::Desk).await;
    assert_eq!(response.failures.len(), 1);
    assert_eq!(response.failures[0].item, "1");
    let response = bridge.ring(Side::User).await;
    assert!(response.failures.is_empty());
    let (side, delay) = bridge.bells().remove(0);
    assert_eq!(side, Side::User);
    assert!((4..=6).contains(&delay.as_secs()), "{delay:?}");
}

#[tokio::test]
async fn a_slow_gptbots_gets_more_time_from_the_second_attempt_on() {
    let bridge = Bridge::connected().await;
    bridge.gptbots.patience.lock().unwrap().clear();
    bridge.post("x").await;
    bridge.answer_with([transient()]);
    bridge.ring(Side::User).await;
    bridge.clock.advance(5_000);
    bridge.ring(Side::User).await;
    let patience = bridge.gptbots.patience.lock().unwrap().clone();
    assert_eq!(patience, [FIRST_PATIENCE, LATER_PATIENCE]);
}
