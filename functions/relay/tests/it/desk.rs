//! A desk with a server: what it is told, how long it is waited for, and who else waits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use handoff::bells::Bell;
use handoff::conversation::{ClosedBy, Conversation, ConversationId, Delivery, Entry, Kind, Side};
use handoff::desk::{Capabilities, Desk, DeskError, Desks, Opened, Opening};
use handoff::gptbots::Fault;

use crate::fake::{Bridge, transient};

/// What a desk does when it is called.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Mood {
    #[default]
    Well,
    Hangs,
    Refuses,
    RefusesSeveral,
    Gone,
}

#[derive(Default)]
struct Served {
    together: usize,
    mood: Mutex<Mood>,
    told: Mutex<Vec<String>>,
}

impl Served {
    async fn take(&self, what: String) -> Result<(), DeskError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well => {
                self.told.lock().unwrap().push(what);
                Ok(())
            }
            Mood::Hangs => std::future::pending().await,
            Mood::RefusesSeveral if !what.contains(" + ") => {
                self.told.lock().unwrap().push(what);
                Ok(())
            }
            Mood::Refuses | Mood::RefusesSeveral => Err(DeskError::Rejected("no".to_owned())),
            Mood::Gone => Err(DeskError::Gone("closed".to_owned())),
        }
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

#[async_trait]
impl Desk for Served {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            posts_together: self.together,
            ..Capabilities::default()
        }
    }

    async fn open(&self, _: Opening<'_>) -> Result<Opened, DeskError> {
        self.take("OPEN".to_owned()).await?;
        Ok(Opened {
            reference: "thread-1".to_owned(),
            context: Some("contact-1".to_owned()),
        })
    }

    async fn post(
        &self,
        conversation: &Conversation,
        entries: &[Entry],
    ) -> Result<Option<String>, DeskError> {
        assert_eq!(conversation.desk_ref.as_deref(), Some("thread-1"));
        assert_eq!(conversation.desk_context.as_deref(), Some("contact-1"));
        let texts: Vec<_> = entries.iter().map(|entry| entry.text.as_str()).collect();
        self.take(texts.join(" + ")).await?;
        Ok(None)
    }

    async fn close(&self, _: &Conversation, _: ClosedBy, text: &str) -> Result<(), DeskError> {
        self.take(format!("CLOSE {text}")).await
    }
}

/// A conversation at such a desk, opened and greeted.
async fn at_desk() -> (Bridge, Arc<Served>) {
    at_desk_that(Served::default()).await
}

async fn at_desk_that(desk: Served) -> (Bridge, Arc<Served>) {
    let mut bridge = Bridge::new().await;
    let desk = Arc::new(desk);
    bridge.relay.desks = Desks::new().with("served", desk.clone()).into();
    bridge.establish_at("served", 100).await;
    bridge.ring(Side::User).await;
    bridge.ring(Side::Desk).await;
    bridge.clock.advance(60_000);
    assert_eq!(desk.told(), ["OPEN"]);
    assert_eq!(bridge.told(), ["hello"]);
    (bridge, desk)
}

#[tokio::test]
async fn the_stream_hands_its_lane_over() {
    let (bridge, desk) = at_desk().await;
    bridge.chat(200, "question").await;
    bridge.ring_by_stream(Side::Desk).await;
    assert!(desk.told().is_empty());
    let (bell, delay) = bridge.bells_as_set().remove(0);
    assert_eq!(delay, Duration::ZERO);
    bridge.ring_with(&bell).await;
    assert_eq!(desk.told(), ["question"]);
}

#[tokio::test]
async fn a_desk_that_hangs_is_not_waited_for_longer_than_an_attempt() {
    let (bridge, desk) = at_desk().await;
    bridge.chat(200, "question").await;
    desk.set(Mood::Hangs);
    let attempt = bridge.ring(Side::Desk);
    tokio::time::timeout(Duration::from_secs(6), attempt)
        .await
        .expect("the attempt ends by itself");
    let entry = bridge.entries("question").await.remove(0);
    assert_eq!(entry.delivery, Delivery::Retrying);
    assert!(entry.error.unwrap().contains("no answer within 3 s"));
    desk.set(Mood::Well);
    bridge.clock.advance(5_000);
    bridge.ring(Side::Desk).await;
    assert_eq!(desk.told(), ["question"]);
}

#[tokio::test]
async fn a_line_that_failed_is_told_to_the_agents_at_once() {
    let (bridge, desk) = at_desk().await;
    bridge.post("bad").await;
    bridge.post("good").await;
    bridge.answer_with([Fault::Permanent]);
    bridge.clock.advance(1);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["bad", "good"]);
    // Written together with the mark: whoever sees the one sees the other.
    assert_eq!(bridge.delivery("bad").await, Delivery::Failed);
    bridge.ring(Side::Desk).await;
    let notice = r#"Not delivered to the user: "bad" (as told)"#;
    let copies = [
        "Ann answered the user in the console: bad",
        "Ann answered the user in the console: good",
    ];
    assert_eq!(desk.told(), [copies[0], copies[1], notice]);
    // Failed again after a replay, told again.
    let bad = bridge.entries("bad").await.remove(0);
    bridge.clock.advance(1_000);
    bridge
        .store
        .replay(&crate::fake::id(), &bad.id)
        .await
        .unwrap();
    bridge.answer_with([Fault::Permanent]);
    bridge.ring(Side::User).await;
    bridge.ring(Side::Desk).await;
    assert_eq!(desk.told(), [notice]);
}

#[tokio::test]
async fn a_users_line_that_the_desk_refuses_is_told_there_too_and_only_once() {
    let (bridge, desk) = at_desk().await;
    bridge.chat(200, "odd").await;
    desk.set(Mood::Refuses);
    // The notice is refused, too, and leads to no other.
    bridge.ring(Side::Desk).await;
    assert_eq!(bridge.delivery("odd").await, Delivery::Failed);
    let log = bridge.store.log(&crate::fake::id(), None).await.unwrap();
    let notices: Vec<Entry> = log
        .unwrap()
        .entries
        .into_iter()
        .filter(|entry| entry.kind == Kind::Notice && entry.to == Some(Side::Desk))
        .collect();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].text.contains("\"odd\""));
    assert_eq!(notices[0].delivery, Delivery::Failed);
}

#[tokio::test]
async fn the_desk_is_told_why_a_conversation_ended_and_what_did_not_arrive() {
    let (bridge, desk) = at_desk().await;
    bridge.post("x").await;
    bridge.clock.advance(1);
    bridge.answer_with([Fault::ConversationGone]);
    bridge.ring(Side::User).await;
    bridge.ring(Side::Desk).await;
    assert_eq!(
        desk.told(),
        [
            "Ann answered the user in the console: x",
            r#"Not delivered to the user: "x" (as told)"#,
            "CLOSE The conversation was closed automatically. (as told)"
        ]
    );
}

#[tokio::test]
async fn with_the_console_the_log_itself_tells() {
    let bridge = Bridge::connected().await;
    bridge.post("bad").await;
    bridge.answer_with([transient(), Fault::Permanent]);
    bridge.ring(Side::User).await;
    let id = crate::fake::id();
    let cursor = bridge.store.log(&id, None).await.unwrap().unwrap().cursor;
    bridge.clock.advance(10_000);
    bridge.ring(Side::User).await;
    let changed = bridge.store.log(&id, Some(&cursor)).await.unwrap().unwrap();
    let failed: Vec<&Entry> = changed
        .entries
        .iter()
        .filter(|entry| entry.delivery == Delivery::Failed)
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].error.as_deref(), Some("as told"));
    assert!(
        bridge
            .store
            .lane(&id, Side::Desk)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

#[tokio::test]
async fn lines_that_wait_together_go_in_one_post_as_many_as_the_desk_takes() {
    let (bridge, desk) = at_desk_that(Served {
        together: 2,
        ..Served::default()
    })
    .await;
    for (n, text) in ["one", "two", "three"].into_iter().enumerate() {
        bridge.chat(200 + n as i64, text).await;
    }
    bridge.user_leaves(300).await;
    bridge.ring(Side::Desk).await;
    let end = "CLOSE The user left the conversation.";
    assert_eq!(desk.told(), ["one + two", "three", end]);
    assert_eq!(bridge.delivery("two").await, Delivery::Delivered);
    assert_eq!(bridge.conversation().await.last.unwrap().text, "three");
}

#[tokio::test]
async fn lines_that_are_refused_together_go_one_by_one() {
    let (bridge, desk) = at_desk_that(Served {
        together: 5,
        ..Served::default()
    })
    .await;
    bridge.chat(200, "one").await;
    bridge.chat(201, "two").await;
    desk.set(Mood::RefusesSeveral);
    bridge.ring(Side::Desk).await;
    assert_eq!(desk.told(), ["one", "two"]);
}

#[tokio::test]
async fn what_has_ended_at_the_desk_ends_here_and_gptbots_is_told() {
    let (bridge, desk) = at_desk().await;
    bridge.chat(200, "question").await;
    desk.set(Mood::Gone);
    bridge.ring(Side::Desk).await;
    let failed = bridge.entries("question").await.remove(0);
    assert_eq!(failed.delivery, Delivery::Failed);
    assert!(failed.error.unwrap().contains("ended at the desk: closed"));
    let known = bridge.conversation().await;
    assert_eq!(known.closed_by, Some(ClosedBy::Bridge));
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["CLOSE"]);
    // Nobody is left there who could be told.
    let lane = bridge.store.lane(&known.id, Side::Desk).await.unwrap();
    assert!(lane.entries.is_empty());
}

#[tokio::test]
async fn a_closing_that_finds_nothing_to_close_is_done() {
    let (bridge, desk) = at_desk().await;
    bridge.user_leaves(200).await;
    desk.set(Mood::Gone);
    bridge.ring(Side::Desk).await;
    let end = bridge.delivery("The user left the conversation.").await;
    assert_eq!(end, Delivery::Delivered);
}

#[tokio::test]
async fn what_is_gone_of_an_earlier_episode_does_not_end_the_next_one() {
    let (bridge, desk) = at_desk().await;
    bridge.chat(200, "before").await;
    bridge.user_leaves(300).await;
    bridge.establish_at("served", 400).await;
    desk.set(Mood::Gone);
    bridge.ring(Side::Desk).await;
    assert_eq!(bridge.delivery("before").await, Delivery::Failed);
    assert!(!bridge.conversation().await.is_closed());
}

#[tokio::test]
async fn two_open_conversations_never_share_a_reference() {
    let (bridge, _) = at_desk().await;
    let whose = || async {
        let known = bridge.store.conversation_at("served", "thread-1", 90).await;
        known.unwrap().unwrap().conversation
    };
    let open = |id: &'static str| {
        let bell = Bell::new(ConversationId::new(id).unwrap(), Side::Desk);
        let bridge = &bridge;
        async move {
            bridge.establish_as(id, "served", 200).await;
            bridge.ring_with(&bell).await;
        }
    };
    // What agents write there is for this one's user, and for no other.
    open("d").await;
    assert_eq!(whose().await.as_str(), "c");
    bridge.user_leaves(300).await;
    open("e").await;
    assert_eq!(whose().await.as_str(), "e");
}
