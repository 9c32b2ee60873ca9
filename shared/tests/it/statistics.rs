//! What is counted is counted once, whatever is repeated, collides or gets lost.

use std::sync::atomic::Ordering;

use handoff::conversation::{ClosedBy, ConversationId, Side};
use handoff::gptbots::{Establish, parse_close};
use handoff::statistics::{Counts, Day};
use handoff::store::{
    Claimed, CloseOutcome, Ended, EstablishOutcome, Mark, Outcome, Posted, Store,
};
use handoff::time::Clock as _;
use serde_json::json;

use crate::conflicts::{CONFLICT, faulty};
use crate::support::{Table, ann, bob, close, establish, handoff, id};

/// All that was counted, of all bots and the days around the beginning.
async fn counted(store: &Store) -> Counts {
    let (from, to) = (Day::parse("2025-03-01"), Day::parse("2025-04-30"));
    let days = store
        .statistics(&from.unwrap(), &to.unwrap())
        .await
        .unwrap();
    days.iter()
        .fold(Counts::default(), |sum, day| sum.plus(&day.counts))
}

fn failed() -> Outcome {
    Outcome::Failed {
        reason: "refused".into(),
    }
}

#[tokio::test]
async fn a_day_of_one_conversation_is_counted() {
    let table = Table::new().await;
    let day = Day::of(table.clock.now());
    table.establish(100).await;
    table.establish(100).await;
    assert_eq!(table.establish(150).await, EstablishOutcome::AskedAgain);
    table.clock.advance(20_000);
    table
        .store
        .claim_conversation(&id(), &ann(), 90)
        .await
        .unwrap();
    table.clock.advance(20_000);
    let opened_at = table.conversation().await.opened_at;
    table.post("k1", "hi").await;
    let after = table.clock.now() - opened_at;
    table.post("k1", "hi").await;
    table.post("k2", "hi").await;
    table.clock.advance(600_000);
    table.store.close(&close(200), 90).await.unwrap();
    table.store.close(&close(200), 90).await.unwrap();
    table.store.close(&close(201), 90).await.unwrap();

    let days = table.store.statistics(&day, &day).await.unwrap();
    assert_eq!(days.len(), 1);
    assert_eq!((days[0].bot.as_str(), &days[0].day), ("bot", &day));
    let counts = &days[0].counts;
    assert_eq!(
        (counts.handoffs, counts.answered, counts.handled),
        (1, 1, 1)
    );
    assert_eq!(counts.response_ms, after);
    assert_eq!(counts.response, [0, 0, 1, 0, 0, 0, 0, 0], "30 to 60 s");
    assert_eq!(counts.closed_by.user, 1);
    assert_eq!(
        counts.handling,
        [0, 0, 0, 1, 0, 0, 0, 0],
        "10 to 30 min, since the claim"
    );
    // Asked for another time, it is one more, of its own day.
    table.clock.advance(86_400_000);
    table.establish(300).await;
    let days = table
        .store
        .statistics(&day, &Day::of(table.clock.now()))
        .await
        .unwrap();
    assert_eq!(days.len(), 2);
    assert_eq!(
        days[1].counts,
        Counts {
            handoffs: 1,
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn one_whose_close_came_first_is_counted_when_it_comes() {
    let table = Table::new().await;
    table.store.close(&close(200), 90).await.unwrap();
    assert_eq!(counted(&table.store).await, Counts::default());
    assert_eq!(table.establish(100).await, EstablishOutcome::AlreadyEnded);
    let counts = counted(&table.store).await;
    assert_eq!(
        (counts.handoffs, counts.closed_by.user, counts.handled),
        (1, 1, 0)
    );
}

#[tokio::test]
async fn what_is_given_up_counts_each_time_and_alone_or_together() {
    let table = Table::new().await;
    table.establish(100).await;
    table.post("k1", "one").await;
    table.post("k2", "two").await;
    let lane = table.lane(Side::User).await;
    let known = lane.conversation.as_ref().unwrap();
    let greeting = table.claim(&lane.entries[0]).await.unwrap();
    for expected in [Mark::Done, Mark::Done] {
        // The second is the answer to the first, which got lost.
        let mark = table
            .store
            .mark(&greeting, &failed(), Some(known), 90)
            .await
            .unwrap();
        assert_eq!(mark, expected);
    }
    assert_eq!(counted(&table.store).await.failed, 1);
    let until = table.clock.now() + 1_000;
    let both = table
        .store
        .claim_together(&lane.entries[1..], until)
        .await
        .unwrap()
        .unwrap();
    let marks: Vec<_> = both.into_iter().map(|entry| (entry, failed())).collect();
    for _ in 0..2 {
        table
            .store
            .mark_together(&marks, false, &[], known, 90)
            .await
            .unwrap();
    }
    assert_eq!(counted(&table.store).await.failed, 3);
    table.store.replay(&id(), &greeting.id).await.unwrap();
    let again = table.lane(Side::User).await.entries.remove(0);
    let again = table.claim(&again).await.unwrap();
    table
        .store
        .mark(&again, &failed(), Some(known), 90)
        .await
        .unwrap();
    assert_eq!(counted(&table.store).await.failed, 4);
}

/// No answer, though it was done.
const LOST: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"lost"}"#;

#[tokio::test]
async fn a_collision_or_a_lost_answer_counts_nothing_twice() {
    for (answer, after_effect) in [(CONFLICT, false), (LOST, true)] {
        let table = Table::new().await;
        let with = |times| faulty(&table, "TransactWriteItems", answer, times, after_effect);
        // Whoever calls, calls again where no answer comes.
        let (store, _) = with(1);
        for _ in 0..2 {
            let _ = store.establish(&establish(100), &handoff()).await;
        }
        let (store, _) = with(1);
        for _ in 0..2 {
            let _ = store.post(&id(), &ann(), "k", "hi", 90).await;
        }
        let (store, left) = with(1);
        for _ in 0..2 {
            let _ = store.close(&close(200), 90).await;
        }
        assert_eq!(left.load(Ordering::SeqCst), 0);
        let counts = counted(&table.store).await;
        assert_eq!(
            (
                counts.handoffs,
                counts.answered,
                counts.handled,
                counts.closed_by.user
            ),
            (1, 1, 1, 1),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn of_those_who_answer_and_end_at_once_each_counts_once() {
    let table = Table::new().await;
    for round in 0..10 {
        let timestamp = 1_000 * (round + 1);
        table.establish(timestamp).await;
        let store = &table.store;
        let (ann, bob, id) = (ann(), bob(), id());
        let (key_a, key_b) = (format!("a{round}"), format!("b{round}"));
        let close = close(timestamp + 500);
        let _ = tokio::join!(
            store.post(&id, &ann, &key_a, "one", 90),
            store.post(&id, &bob, &key_b, "two", 90),
            store.claim_conversation(&id, &ann, 90),
            store.close(&close, 90),
            store.end(&id, ClosedBy::Agent, None, &[Side::User], 90),
        );
    }
    let counts = counted(&table.store).await;
    assert_eq!(counts.handoffs, 10);
    assert_eq!(counts.closed_by.user + counts.closed_by.agent, 10);
    assert!(
        counts.answered <= 10 && counts.handled >= counts.answered,
        "{counts:?}"
    );
    assert_eq!(counts.response.iter().sum::<i64>(), counts.answered);
    assert_eq!(counts.handling.iter().sum::<i64>(), counts.handled);
}

/// A conversation as the answers tell of it.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    open: bool,
    opened_at: i64,
    answered: bool,
    connected: bool,
}

/// What a history should have counted, by the answers alone.
#[derive(Debug, Default, PartialEq)]
struct Model {
    handoffs: i64,
    answered: i64,
    response_ms: i64,
    handled: i64,
    closed: i64,
}

impl Model {
    fn end(&mut self, told: &mut Told) {
        if std::mem::take(&mut told.open) {
            self.closed += 1;
            self.handled += i64::from(told.connected);
        }
    }
}

/// Random histories of three conversations, against the sums of what was answered.
#[tokio::test]
async fn any_history_is_counted_as_it_went() {
    let table = Table::new().await;
    let store = &table.store;
    let mut random = fastrand::Rng::with_seed(7);
    let mut model = Model::default();
    let mut all = [Told::default(); 3];
    let mut taken = std::collections::HashSet::new();
    for step in 0..150_i64 {
        table.clock.advance(random.i64(1..5_000));
        let now = table.clock.now();
        let which = random.usize(0..all.len());
        let told = &mut all[which];
        let id = ConversationId::new(format!("c{which}")).unwrap();
        // Sometimes an old time: a repetition, or what is late.
        let at = if random.u8(0..4) == 0 {
            random.i64(0..=step)
        } else {
            step
        };
        match random.u8(0..6) {
            0 | 1 => {
                let request = Establish {
                    conversation: id,
                    ..establish(at + 1)
                };
                let outcome = store.establish(&request, &handoff()).await.unwrap();
                model.handoffs += i64::from(matches!(
                    outcome,
                    EstablishOutcome::Opened | EstablishOutcome::AlreadyEnded
                ));
                match outcome {
                    EstablishOutcome::Opened => {
                        *told = Told {
                            open: true,
                            opened_at: now,
                            ..Told::default()
                        };
                    }
                    EstablishOutcome::AlreadyEnded => model.closed += 1,
                    EstablishOutcome::Repeated | EstablishOutcome::AskedAgain => {}
                }
            }
            2 => {
                let key = format!("k{at}");
                let posted = store.post(&id, &ann(), &key, "hi", 90).await.unwrap();
                // The same line again is no new one.
                let is_new = matches!(posted, Posted::Stored(_)) && taken.insert((which, key));
                if is_new && !told.answered {
                    model.answered += 1;
                    model.response_ms += now - told.opened_at;
                }
                told.answered |= is_new;
                told.connected |= is_new;
            }
            3 => {
                let claimed = store.claim_conversation(&id, &bob(), 90).await.unwrap();
                told.connected |= told.open && matches!(claimed, Claimed::Yes(_));
            }
            4 => {
                let close =
                    json!({"conversation_id": id.as_str(), "timestamp": at + 1, "type": "TIMEOUT"});
                let close = parse_close(&close).unwrap();
                if store.close(&close, 90).await.unwrap() == CloseOutcome::Closed {
                    model.end(told);
                }
            }
            _ => {
                let tell = [Side::User];
                let ended = store
                    .end(&id, ClosedBy::Bridge, None, &tell, 90)
                    .await
                    .unwrap();
                if let Ended::Yes(_) = ended {
                    model.end(told);
                }
            }
        }
    }
    let counts = counted(store).await;
    let closed = counts.closed_by;
    let found = Model {
        handoffs: counts.handoffs,
        answered: counts.answered,
        response_ms: counts.response_ms,
        handled: counts.handled,
        closed: closed.user + closed.timeout + closed.agent + closed.bridge,
    };
    assert_eq!(found, model);
    assert!(model.answered > 1 && model.closed > 5, "{model:?}");
}
