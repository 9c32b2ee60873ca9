//! Which conversations' desks the clock has asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use clock::Clock;
use handoff::bells::{Bell, BellError, DelayedBells};
use handoff::conversation::{ConversationId, Kind, Side};
use handoff::desk::Opened;
use handoff::gptbots::parse_establish;
use handoff::metrics::Metrics;
use handoff::settings::Settings;
use handoff::time::ManualClock;
use serde_json::json;
use test_support::TestTable;

#[derive(Default)]
struct Rung(Mutex<Vec<Bell>>);

#[async_trait]
impl DelayedBells for Rung {
    async fn ring_later(&self, bell: &Bell, _: Duration) -> Result<bool, BellError> {
        self.0.lock().unwrap().push(bell.clone());
        Ok(true)
    }
}

impl Rung {
    /// The conversations whose desk was to be asked since last looked.
    fn to_ask(&self) -> Vec<String> {
        let rung = std::mem::take(&mut *self.0.lock().unwrap());
        let of_desks = rung.into_iter().filter(|bell| bell.reconcile);
        of_desks.map(|bell| bell.conversation.to_string()).collect()
    }
}

/// A conversation that is open at this desk.
async fn opened(table: &TestTable, id: &str, desk: &str) {
    let body = json!({"conversation_id": id, "timestamp": 1, "bot_id": "b", "body": []});
    let settings = Settings {
        desk: desk.into(),
        ..Settings::default()
    };
    let store = &table.store;
    store
        .establish(&parse_establish(&body).unwrap(), &settings.handoff("b"))
        .await
        .unwrap();
    let id = ConversationId::new(id).unwrap();
    let lane = store.lane(&id, Side::Desk).await.unwrap();
    let opening = &lane.entries[0];
    assert_eq!(opening.kind, Kind::Opening);
    let opened = Opened {
        reference: id.to_string(),
        context: None,
    };
    let known = lane.conversation.unwrap();
    store
        .mark_opened(opening, &known, &opened, 90)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_desk_with_a_server_is_asked_every_few_minutes_and_the_console_never() {
    let time = ManualClock::at(1_742_265_090_895);
    let table = TestTable::with_clock(time.shared()).await;
    opened(&table, "here", "console").await;
    opened(&table, "there", "slack").await;
    let bells = Arc::new(Rung::default());
    let clock = Clock {
        store: table.store.clone(),
        bells: bells.clone(),
        clock: time.shared(),
        metrics: Metrics::off(),
    };
    clock.tick().await.unwrap();
    assert!(bells.to_ask().is_empty(), "a moment ago it was opened");
    time.advance(60_000);
    for _ in 0..2 {
        clock.tick().await.unwrap();
    }
    assert_eq!(bells.to_ask(), ["there"]);
    time.advance(120_000);
    clock.tick().await.unwrap();
    assert!(bells.to_ask().is_empty());
    time.advance(60_000);
    clock.tick().await.unwrap();
    assert_eq!(bells.to_ask(), ["there"]);
}
