//! The person who is erased, and what is known of them.

use handoff::conversation::{
    ConversationId, History, PersonBy, Plan, PlanAct, PlanStep, Side, Speaker, Turn, User,
};
use handoff::desk::{AgentLine, DeskEvent, DeskFile, Opened, What};
use handoff::erasure::Eraser;
use handoff::files::Files;
use handoff::gptbots::{Establish, parse_chat, parse_close};
use handoff::store::{Asked, CloseOutcome, Handoff, Line, Outcome, Person, Store};
use handoff::time::SharedClock;
use serde_json::json;

use crate::support::{Table, ann, everything};

/// What tells of the person: none of it may be left.
pub(super) const PRIVATE: [&str; 17] = [
    "conv-secret-1",
    "conv-secret-2",
    "user-secret",
    "anon-secret",
    "name secret",
    "secret@example.com",
    "+49 170 5550123",
    "question secret",
    "line secret",
    "answer secret",
    "note secret",
    "file-secret.png",
    "thread-secret",
    "reason secret",
    "channel secret",
    "early secret",
    "remark secret",
];

pub(super) fn conversation(n: u32) -> ConversationId {
    ConversationId::new(format!("conv-secret-{n}")).unwrap()
}

pub(super) fn establish(n: u32, timestamp: i64, user_id: Option<&str>) -> Establish {
    Establish {
        conversation: conversation(n),
        timestamp,
        bot: "bot".into(),
        user: User {
            name: Some("name secret".into()),
            email: Some("secret@example.com".into()),
            phone: Some("+49 170 5550123".into()),
            user_id: user_id.map(Into::into),
            anonymous_id: Some("anon-secret".into()),
            conversation_type: None,
            channel: Some("channel secret".into()),
        },
        history: History::new(
            1,
            [Turn {
                speaker: Speaker::User,
                kind: None,
                text: "question secret".into(),
                files: Vec::new(),
            }],
        ),
    }
}

pub(super) fn handoff(desk: &str) -> Handoff {
    Handoff {
        desk: desk.into(),
        greeting: Some("hello".into()),
        plan: Plan {
            steps: vec![PlanStep {
                after: 3_600_000,
                act: PlanAct::Alarm,
            }],
            ..Plan::default()
        },
        retention_days: 90,
        ..crate::support::handoff()
    }
}

pub(super) async fn chat(store: &Store, n: u32, timestamp: i64) {
    let chat = json!({"conversation_id": conversation(n).as_str(), "timestamp": timestamp, "body": "line secret"});
    store.chat(&parse_chat(&chat).unwrap(), 90).await.unwrap();
}

pub(super) async fn close(store: &Store, n: u32, timestamp: i64) -> CloseOutcome {
    let close = json!({"conversation_id": conversation(n).as_str(), "timestamp": timestamp, "type": "USER_CLOSED"});
    store
        .close(&parse_close(&close).unwrap(), 90)
        .await
        .unwrap()
}

/// Carries both lanes to their ends, as the relay would.
pub(super) async fn deliver(table: &Table, n: u32, reference: &str) {
    let store = &table.store;
    for side in [Side::Desk, Side::User] {
        let lane = store.lane(&conversation(n), side).await.unwrap();
        let known = lane.conversation.unwrap();
        for entry in lane.entries {
            let claimed = table.claim(&entry).await.unwrap();
            if entry.kind == handoff::conversation::Kind::Opening {
                let opened = Opened {
                    reference: reference.into(),
                    context: None,
                };
                store
                    .mark_opened(&claimed, &known, &opened, 90)
                    .await
                    .unwrap();
                continue;
            }
            let outcome = Outcome::Delivered {
                remote_id: Some(format!("{reference}-{}", claimed.id)),
                late: false,
            };
            store
                .mark(&claimed, &outcome, Some(&known), 90)
                .await
                .unwrap();
        }
    }
}

/// A person with two conversations: one with two episodes at two desks, in the first of which they
/// were not signed in yet, and one in the console, still open; and somebody else.
pub(super) async fn table_with_a_person() -> Table {
    let table = Table::new().await;
    let store = &table.store;
    let open = async |n, timestamp, user_id, desk| {
        table.clock.advance(10);
        let establish = establish(n, timestamp, user_id);
        store.establish(&establish, &handoff(desk)).await.unwrap();
    };
    open(1, 100, None, "slack").await;
    let early = early("thread-secret-1");
    store.keep_early("slack", &early).await.unwrap();
    deliver(&table, 1, "thread-secret-1").await;
    chat(store, 1, 110).await;
    let files = [DeskFile {
        name: "file-secret.png".into(),
        content_type: None,
        bytes: None,
        url: "https://desk.example/file-secret.png".into(),
        public: false,
    }];
    let line = Line {
        desk: "slack",
        episode: Some(1),
        key: "slack-key-1",
        agent: &ann(),
        text: "answer secret",
        files: &files,
        incomplete: false,
    };
    store.post_line(&conversation(1), &line, 90).await.unwrap();
    store
        .assign(
            &conversation(1),
            "slack",
            "event-1",
            &crate::support::bob(),
            90,
        )
        .await
        .unwrap();
    deliver(&table, 1, "thread-secret-1").await;
    assert_eq!(close(store, 1, 120).await, CloseOutcome::Closed);
    deliver(&table, 1, "thread-secret-1").await;
    open(1, 200, Some("user-secret"), "chatwoot").await;
    deliver(&table, 1, "thread-secret-2").await;
    close(store, 1, 220).await;
    deliver(&table, 1, "thread-secret-2").await;
    open(2, 300, Some("user-secret"), "console").await;
    chat(store, 2, 310).await;
    store
        .post(&conversation(2), &ann(), "k", "answer secret", 90)
        .await
        .unwrap();
    store
        .note(&conversation(2), &ann(), "n", "remark secret", 90)
        .await
        .unwrap();
    deliver(&table, 2, "thread-secret-3").await;
    // Somebody else.
    table.establish(400).await;
    table.chat(410, "kept").await;
    table
}

/// An agent's line in a thread that is not known yet.
pub(super) fn early(reference: &str) -> DeskEvent {
    DeskEvent {
        reference: reference.into(),
        id: "e1".into(),
        at: None,
        what: What::Message(AgentLine {
            agent: ann(),
            text: "early secret".into(),
            files: Vec::new(),
            incomplete: false,
        }),
    }
}

pub(super) fn eraser<'a>(
    store: &'a Store,
    files: &'a dyn Files,
    clock: &'a SharedClock,
) -> Eraser<'a> {
    Eraser {
        store,
        files,
        clock,
        retention_days: 90,
        at_once: false,
    }
}

pub(super) fn asked(by: &handoff::conversation::Agent) -> Asked<'_> {
    Asked {
        by,
        of_person: false,
    }
}

pub(super) fn person() -> Person {
    Person::known_by("bot", PersonBy::UserId, "user-secret")
}

pub(super) async fn left(store: &Store) -> Vec<(String, &'static str)> {
    let mut left = Vec::new();
    for item in everything(store).await {
        for private in PRIVATE {
            if item.contains(private) {
                left.push((item.clone(), private));
            }
        }
        // A key made of what identifies the person would find them, too.
        for by in [PersonBy::UserId, PersonBy::AnonymousId, PersonBy::Phone] {
            for value in ["user-secret", "anon-secret", "+49 170 5550123"] {
                if item.contains(&by.key(value)) {
                    left.push((item.clone(), "a person's key"));
                }
            }
        }
    }
    left
}
