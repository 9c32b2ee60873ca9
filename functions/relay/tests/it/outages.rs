//! GPTBots fails everybody, or counts calls.

use std::sync::atomic::Ordering;
use std::time::Duration;

use handoff::bells::Bell;
use handoff::conversation::{ClosedBy, ConversationId, Delivery, Entry, Side};
use handoff::gptbots::Fault;

use crate::fake::{Bridge, id, transient};

fn lane(n: usize) -> Bell {
    Bell::new(ConversationId::new(format!("c{n}")).unwrap(), Side::User)
}

async fn head(bridge: &Bridge, lane: &Bell) -> Entry {
    let lane = bridge.store.lane(&lane.conversation, lane.side).await;
    lane.unwrap().entries.remove(0)
}

/// Greetings of so many conversations, not rung yet.
async fn greetings(count: usize) -> Bridge {
    let bridge = Bridge::new().await;
    for n in 0..count {
        bridge.establish_as(&format!("c{n}"), "console", 100).await;
    }
    bridge
}

fn limited(seconds: Option<u64>) -> Fault {
    Fault::RateLimited {
        retry_after: seconds.map(Duration::from_secs),
    }
}

#[tokio::test]
async fn a_call_that_hangs_holds_up_nobody_in_its_batch() {
    let bridge = greetings(10).await;
    *bridge.gptbots.hangs_for.lock().unwrap() = Some(lane(0).conversation);
    let bells: Vec<Bell> = (0..10).map(lane).collect();
    let served = async {
        while bridge.told_so_far() < 9 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = bridge.ring_with_all(&bells) => panic!("one of them hangs"),
        () = served => {}
    }
}

#[tokio::test]
async fn while_all_fail_attempts_are_saved_and_bells_do_not_multiply() {
    let bridge = greetings(9).await;
    bridge.answer_with((0..8).map(|_| transient()));
    // Five fail and open the breaker; then three that nobody tried yet may.
    for n in 0..8 {
        bridge.ring_with(&lane(n)).await;
    }
    assert_eq!(bridge.told().len(), 8);
    bridge.bells();
    bridge.clock.advance(900);
    bridge.answer_with([transient()]);
    bridge.clock.advance(600);
    bridge.ring_with(&lane(0)).await;
    assert_eq!(bridge.told().len(), 1, "one of them is tried again");
    bridge.bells();
    for n in 1..8 {
        bridge.ring_with(&lane(n)).await;
        bridge.ring_with(&lane(n)).await;
        let head = head(&bridge, &lane(n)).await;
        assert_eq!((head.delivery, head.attempts), (Delivery::Retrying, 1));
        assert!(head.error.unwrap().contains("others failed"));
    }
    assert!(bridge.told().is_empty(), "the others are not");
    let bells = bridge.bells_as_set();
    assert_eq!(bells.len(), 7, "one bell each");
    for (bell, delay) in &bells {
        let due = head(&bridge, bell).await.next_at;
        assert_eq!(bell.due, due);
        assert!(*delay <= Duration::from_millis(2_400), "{delay:?}");
    }
    // It recovers: one gets through, and with it all.
    bridge.clock.advance(2_500);
    for n in 0..9 {
        bridge.ring_with(&lane(n)).await;
    }
    assert_eq!(bridge.told().len(), 9);
    assert!(bridge.bells().is_empty());
}

/// Rings for a bridge in virtual time, as the queue does: late by up to a second.
struct Timer<'a> {
    bridge: &'a Bridge,
    set: Vec<(i64, Bell)>,
}

impl Timer<'_> {
    /// Rings all that is due until then.
    async fn run_until(&mut self, end: i64) {
        loop {
            for (bell, delay) in self.bridge.bells_as_set() {
                let seconds = i64::try_from(delay.as_millis().div_ceil(1_000)).unwrap();
                let at = self.bridge.relay.clock.now() + seconds * 1_000;
                self.set.push((at, bell));
            }
            self.set.sort();
            let now = self.bridge.relay.clock.now();
            match self.set.first() {
                Some((at, _)) if *at <= end => {
                    let (at, bell) = self.set.remove(0);
                    self.bridge.clock.advance((at - now).max(0));
                    self.bridge.ring_with(&bell).await;
                }
                _ => {
                    self.bridge.clock.advance((end - now).max(0));
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn an_outage_costs_few_attempts_and_all_is_drained_within_seconds_after_it() {
    const LANES: usize = 25;
    let bridge = greetings(LANES).await;
    let begin = bridge.relay.clock.now();
    let set = (0..LANES).map(|n| (begin, lane(n))).collect();
    let mut timer = Timer {
        bridge: &bridge,
        set,
    };
    bridge.gptbots.down.store(true, Ordering::SeqCst);
    timer.run_until(begin + 10_000).await;
    let attempts = bridge.told().len();
    // Without the breaker: four each.
    assert!(attempts < 2 * LANES, "{attempts}");
    assert_eq!(timer.set.len(), LANES, "one bell each");
    bridge.gptbots.down.store(false, Ordering::SeqCst);
    let mut seconds = 0;
    let mut drained = 0;
    while drained < LANES {
        seconds += 1;
        timer.run_until(begin + 10_000 + seconds * 1_000).await;
        drained += bridge.told().len();
        assert!(seconds < 7, "{drained} after {seconds} s");
    }
    assert!(timer.set.is_empty());
}

#[tokio::test]
async fn what_was_put_off_ends_by_its_age_but_not_without_a_last_attempt() {
    let bridge = greetings(7).await;
    bridge.answer_with((0..6).map(|_| transient()));
    for n in 0..6 {
        bridge.ring_with(&lane(n)).await;
    }
    // The last one is let in as a newcomer once the hour is over, since it is its last chance.
    bridge.clock.advance(3_599_000);
    bridge.answer_with((0..6).map(|_| transient()));
    for n in 0..6 {
        bridge.ring_with(&lane(n)).await;
    }
    bridge.told();
    bridge.clock.advance(2_000);
    bridge.answer_with((0..7).map(|_| transient()));
    for n in 0..7 {
        bridge.ring_with(&lane(n)).await;
    }
    for n in 0..7 {
        let lane = bridge.store.lane(&lane(n).conversation, Side::User).await;
        assert!(lane.unwrap().entries.is_empty(), "{n} is given up");
    }
    let tried = bridge.told().len();
    assert!((1..=7).contains(&tried), "{tried}");
}

#[tokio::test]
async fn lines_that_wait_for_a_scarce_key_go_as_one_message_in_order() {
    let bridge = Bridge::connected().await;
    bridge.post("one").await;
    bridge.answer_with([limited(Some(20))]);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["one"]);
    let (bell, delay) = bridge.bells_as_set().remove(0);
    assert_eq!(delay, Duration::from_secs(20));
    bridge.post("two").await;
    bridge.post("three").await;
    bridge
        .store
        .end(&id(), ClosedBy::Agent, None, &[Side::User], 90)
        .await
        .unwrap();
    bridge.clock.advance(20_000);
    bridge.ring_with(&bell).await;
    assert_eq!(bridge.told(), ["one\ntwo\nthree", "CLOSE"]);
    for line in ["one", "two", "three"] {
        assert_eq!(bridge.delivery(line).await, Delivery::Delivered, "{line}");
    }
}

#[tokio::test]
async fn lines_that_failed_together_are_tried_again_together() {
    let bridge = Bridge::connected().await;
    for line in ["one", "two"] {
        bridge.post(line).await;
    }
    bridge.answer_with([limited(None), transient()]);
    bridge.ring(Side::User).await;
    bridge.clock.advance(20_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["one", "one\ntwo"]);
    let lane = bridge.store.lane(&id(), Side::User).await.unwrap().entries;
    assert_eq!(lane[0].next_at, lane[1].next_at);
    assert_eq!((lane[0].attempts, lane[1].attempts), (2, 1));
    bridge.clock.advance(5_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["one\ntwo"]);
}

#[tokio::test]
async fn a_relay_that_died_over_joined_lines_is_followed_by_the_same_lines() {
    let bridge = Bridge::connected().await;
    let lines = ["one", "two", "three"];
    for line in lines {
        bridge.post(line).await;
    }
    let lane = bridge.store.lane(&id(), Side::User).await.unwrap().entries;
    let lease = bridge.relay.clock.now() + 15_000;
    let claimed = bridge.store.claim_together(&lane, lease).await.unwrap();
    assert_eq!(claimed.unwrap().len(), 3);
    // All or none: somebody else gets none of them.
    assert!(
        bridge
            .store
            .claim_together(&lane[1..], lease)
            .await
            .unwrap()
            .is_none()
    );
    bridge.ring(Side::User).await;
    assert!(bridge.told().is_empty());
    bridge.clock.advance(15_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), lines);
}

#[tokio::test]
async fn a_joined_message_that_is_refused_for_good_is_sent_line_by_line() {
    let bridge = Bridge::connected().await;
    for line in ["one", "bad", "three"] {
        bridge.post(line).await;
    }
    bridge.answer_with([limited(None), Fault::Permanent]);
    bridge.gptbots.answers.lock().unwrap().push_back(Ok(()));
    bridge.answer_with([Fault::Permanent]);
    bridge.ring(Side::User).await;
    bridge.clock.advance(20_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["one", "one\nbad\nthree", "one", "bad"]);
    assert_eq!(bridge.delivery("one").await, Delivery::Delivered);
    assert_eq!(bridge.delivery("bad").await, Delivery::Failed);
    let (bell, delay) = bridge.bells_as_set().pop().unwrap();
    assert!(delay > Duration::from_secs(30), "three a minute: {delay:?}");
    bridge.clock.advance(60_000);
    bridge.ring_with(&bell).await;
    assert_eq!(bridge.told(), ["three"]);
}

#[tokio::test]
async fn of_a_scarce_key_every_conversation_gets_its_turn() {
    let bridge = greetings(4).await;
    bridge.answer_with([limited(Some(10))]);
    for n in 0..4 {
        bridge.ring_with(&lane(n)).await;
    }
    assert_eq!(bridge.told().len(), 1, "nobody else tries");
    let bells = bridge.bells_as_set();
    assert_eq!(bells.len(), 4);
    // The chatty one has more to say, and its turn is after the others'.
    let mut order: Vec<_> = bells.iter().map(|(bell, delay)| (*delay, bell)).collect();
    order.sort_by_key(|(delay, _)| *delay);
    let first = order[0].1.clone();
    assert_eq!(first.conversation.as_str(), "c0", "who was refused");
    let mut sent = 0;
    for (delay, bell) in order {
        let due = bell.due.unwrap();
        let now = bridge.relay.clock.now();
        bridge.clock.advance((due - now).max(0));
        assert!(delay <= Duration::from_secs(70), "{delay:?}");
        bridge.ring_with(bell).await;
        sent += bridge.told().len();
    }
    assert_eq!(sent, 4, "three a minute, nobody refused, nobody forgotten");
}
