//! A row of desks: a conversation goes on to the next where one cannot take it.

use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use handoff::conversation::{ClosedBy, Conversation, Delivery, Entry, Kind, Side};
use handoff::desk::{CONSOLE, Desk, DeskError, Desks, Opened, Opening};
use handoff::gptbots::parse_establish;
use handoff::settings::{Begin, Settings};
use handoff::time::Clock as _;
use serde_json::{Value, json};

use crate::fake::{Bridge, id};

/// A desk that answers every opening with this, or takes it.
#[derive(Default)]
struct Moody {
    fails: Mutex<Option<DeskError>>,
    opened: Mutex<usize>,
    posted: Mutex<Vec<String>>,
}

#[async_trait]
impl Desk for Moody {
    fn capabilities(&self) -> handoff::desk::Capabilities {
        handoff::desk::Capabilities::default()
    }

    async fn open(&self, _: Opening<'_>) -> Result<Opened, DeskError> {
        if let Some(error) = self.fails.lock().unwrap().clone() {
            return Err(error);
        }
        *self.opened.lock().unwrap() += 1;
        Ok(Opened {
            reference: "thread".to_owned(),
            context: None,
        })
    }

    async fn post(&self, _: &Conversation, lines: &[Entry]) -> Result<Option<String>, DeskError> {
        let texts = lines.iter().map(|line| line.text.clone());
        self.posted.lock().unwrap().extend(texts);
        Ok(None)
    }

    async fn close(&self, _: &Conversation, _: ClosedBy, _: &str) -> Result<(), DeskError> {
        Ok(())
    }
}

fn down() -> DeskError {
    DeskError::Unavailable {
        reason: "no answer".to_owned(),
        retry_after: None,
    }
}

/// A bridge whose first desk fails so, and the second one, and a handoff to them.
async fn bridge(settings: Value, fails: DeskError) -> (Bridge, Arc<Moody>, Arc<Moody>) {
    let mut bridge = Bridge::new().await;
    let (first, second) = (Arc::new(Moody::default()), Arc::new(Moody::default()));
    *first.fails.lock().unwrap() = Some(fails);
    let desks = Desks::new()
        .with("first", first.clone())
        .with("second", second.clone());
    bridge.relay.desks = desks.into();
    let settings = Settings::check_value(&settings).unwrap();
    let now = bridge.clock.now();
    let begin = Begin {
        bot: "b",
        said: None,
        now,
    };
    let body = json!({"conversation_id": "c", "timestamp": 100, "bot_id": "b", "body": []});
    let establish = parse_establish(&body).unwrap();
    let handoff = settings.begin(&begin).unwrap();
    bridge.store.establish(&establish, &handoff).await.unwrap();
    bridge.chat(200, "question").await;
    (bridge, first, second)
}

async fn notes(bridge: &Bridge) -> Vec<String> {
    let log = bridge.store.log(&id(), None).await.unwrap().unwrap();
    let notes = log.entries.into_iter().filter(|entry| entry.to.is_none());
    notes.map(|entry| entry.text).collect()
}

async fn opening(bridge: &Bridge) -> Entry {
    let log = bridge.store.log(&id(), None).await.unwrap().unwrap();
    let mut openings = log.entries.into_iter();
    openings.find(|entry| entry.kind == Kind::Opening).unwrap()
}

#[tokio::test]
async fn a_desk_that_refuses_is_passed_by_at_once_and_the_lines_follow() {
    for refusal in [
        DeskError::Rejected("full".to_owned()),
        DeskError::NotConfigured("no such channel".to_owned()),
    ] {
        let settings = json!({"desks": ["first", "second", "console"]});
        let (bridge, _, second) = bridge(settings, refusal).await;
        bridge.ring(Side::Desk).await;
        let known = bridge.conversation().await;
        assert_eq!(known.desk, "second");
        assert_eq!(
            known.next_desks.as_deref(),
            Some(&["console".to_owned()][..])
        );
        let notes = notes(&bridge).await;
        assert!(
            notes[0].contains("The desk first did not take"),
            "{notes:?}"
        );
        assert!(
            notes[0].ends_with("It goes to the desk second."),
            "{notes:?}"
        );
        let (bell, _) = bridge.bells_as_set().pop().unwrap();
        bridge.ring_with(&bell).await;
        assert_eq!(*second.opened.lock().unwrap(), 1);
        assert_eq!(*second.posted.lock().unwrap(), ["question"]);
        assert_eq!(
            bridge.conversation().await.desk_ref.as_deref(),
            Some("thread")
        );
    }
}

#[tokio::test]
async fn a_desk_that_is_down_is_tried_for_a_while_first() {
    let settings = json!({"desks": ["first", "console"]});
    let (bridge, first, _) = bridge(settings, down()).await;
    for _ in 0..40 {
        bridge.clock.advance(1_000);
        bridge.ring(Side::Desk).await;
    }
    assert_eq!(bridge.conversation().await.desk, "first");
    assert!(notes(&bridge).await.is_empty());
    for _ in 0..120 {
        bridge.clock.advance(1_000);
        bridge.ring(Side::Desk).await;
    }
    let known = bridge.conversation().await;
    assert_eq!(
        (known.desk.as_str(), known.next_desks),
        (CONSOLE, Some(Vec::new()))
    );
    assert_eq!(opening(&bridge).await.delivery, Delivery::Delivered);
    assert_eq!(bridge.delivery("question").await, Delivery::Delivered);
    assert_eq!(*first.opened.lock().unwrap(), 0);
}

#[tokio::test]
async fn behind_the_last_desk_a_message_is_taken() {
    let settings = json!({"desks": ["first"], "waiting": {"texts": [], "alarm_after_seconds": 0}});
    let refusal = DeskError::Rejected("full".to_owned());
    let (bridge, ..) = bridge(settings, refusal).await;
    assert!(
        bridge
            .store
            .due_timers(i64::MAX / 2)
            .await
            .unwrap()
            .is_empty()
    );
    bridge.ring(Side::Desk).await;
    let known = bridge.conversation().await;
    assert_eq!((known.desk.as_str(), known.next_desks), (CONSOLE, None));
    assert!(notes(&bridge).await[0].contains("may leave a message"));
    let due = bridge.store.due_timers(bridge.clock.now()).await.unwrap();
    let timer = bridge.store.timer(&due[0]).await.unwrap().unwrap();
    assert!(timer.progress.take_message);
    assert!(timer.plan.message.is_some());
    // What the user wrote is in the console.
    bridge.ring(Side::Desk).await;
    assert_eq!(bridge.delivery("question").await, Delivery::Delivered);
}

#[tokio::test]
async fn a_conversation_that_somebody_has_stays_and_one_desk_alone_is_no_row() {
    let settings = json!({"desks": ["first", "console"]});
    let refusal = DeskError::Rejected("full".to_owned());
    let (taken, ..) = bridge(settings, refusal.clone()).await;
    taken.post("I have it").await;
    taken.ring(Side::Desk).await;
    assert_eq!(taken.conversation().await.desk, "first");
    assert_eq!(opening(&taken).await.delivery, Delivery::Failed);

    let (alone, ..) = bridge(json!({"desk": "first"}), refusal).await;
    alone.ring(Side::Desk).await;
    assert_eq!(alone.conversation().await.desk, "first");
    assert_eq!(opening(&alone).await.delivery, Delivery::Failed);
}
