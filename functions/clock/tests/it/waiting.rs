//! The user's wait: texts, what comes after them, silence, messages.

use handoff::conversation::{ClosedBy, Kind, MESSAGE_LEFT, Side, Status};
use serde_json::{Value, json};

use crate::world::{MINUTE, World};

/// Settings with nothing but what a test is about.
fn plain(waiting: Value) -> Value {
    let mut settings = json!({
        "greeting": "",
        "waiting": {"texts": [], "alarm_after_seconds": 0},
        "message": {"text": "leave a message", "first_within_seconds": 300,
                    "quiet_seconds": 120, "thanks": "thanks", "farewell": "another time"},
    });
    for (name, value) in waiting.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings
}

fn texts(texts: &[(u32, &str)]) -> Value {
    let texts = texts.iter();
    texts
        .map(|(after, text)| json!({"after_seconds": after, "text": text}))
        .collect()
}

#[tokio::test]
async fn who_waits_is_told_the_place_in_the_bots_queue() {
    let waiting = json!({"texts": texts(&[(120, "number {position}"), (300, "still {position}")]),
        "alarm_after_seconds": 0});
    let world = World::new(plain(json!({"waiting": waiting}))).await;
    world.establish("other-bots", "c").await;
    world.establish("first", "b").await;
    world.establish("second", "b").await;
    world.minutes(1).await;
    assert!(world.told("first").await.is_empty(), "too early");
    world.minutes(1).await;
    assert_eq!(world.told("first").await, ["number 1"]);
    assert_eq!(world.told("second").await, ["number 2"]);
    assert_eq!(world.told("other-bots").await, ["number 1"]);
    // The first is answered: the second moves up.
    world.post("first", "hello").await;
    world.minutes(4).await;
    assert_eq!(world.told("first").await, ["number 1"]);
    assert_eq!(world.told("second").await, ["number 2", "still 1"]);
    world.minutes(30).await;
    assert_eq!(
        world.told("second").await.len(),
        2,
        "then the user waits on"
    );
}

#[tokio::test]
async fn a_tick_that_runs_twice_changes_nothing() {
    let waiting = json!({"texts": texts(&[(60, "wait")]), "alarm_after_seconds": 60,
        "then": "end", "then_after_seconds": 300, "farewell": "sorry"});
    let world = World::new(plain(json!({"waiting": waiting}))).await;
    world.establish("c", "b").await;
    for _ in 0..7 {
        world.time.advance(MINUTE);
        let (one, other) = tokio::join!(world.tick(), world.tick());
        assert_eq!(one.failed + other.failed, 0);
        world.tick().await;
    }
    assert_eq!(world.told("c").await, ["wait", "sorry", "CLOSE"]);
    assert_eq!(world.notices("c").await.len(), 1);
    assert_eq!(world.counted("Unattended"), 1);
}

#[tokio::test]
async fn a_conversation_that_is_answered_or_over_is_not_disturbed() {
    let waiting = json!({"texts": texts(&[(60, "wait")]), "alarm_after_seconds": 90,
        "then": "end", "then_after_seconds": 120});
    let world = World::new(plain(json!({"waiting": waiting}))).await;
    for name in ["answered", "claimed", "ended"] {
        world.establish(name, "b").await;
    }
    world.post("answered", "hello").await;
    world.claim("claimed").await;
    world.end("ended", ClosedBy::Agent, &[Side::User]).await;
    world.minutes(5).await;
    for name in ["answered", "claimed"] {
        assert!(world.told(name).await.is_empty(), "{name}");
        assert_eq!(world.conversation(name).await.status, Status::Connected);
    }
    assert_eq!(world.told("ended").await, ["CLOSE"]);
    assert_eq!(world.counted("Unattended"), 0);
    // They are not looked at again either.
    let now = i64::MAX / 2;
    assert!(world.store().due_timers(now).await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_answers_between_the_look_and_the_word_is_not_talked_over() {
    let waiting = json!({"texts": texts(&[(60, "wait")]), "alarm_after_seconds": 0});
    let world = World::new(plain(json!({"waiting": waiting}))).await;
    world.establish("c", "b").await;
    world.time.advance(MINUTE);
    let store = world.store();
    let due = store.due_timers(i64::MAX / 2).await.unwrap().remove(0);
    let seen = store.timer(&due).await.unwrap().unwrap();
    world.post("c", "hello").await;
    let said = handoff::store::Said {
        to_user: Some("wait".to_owned()),
        to_agents: None,
    };
    let wrote = store.say_by_timer(&seen, &said, seen.progress, None).await;
    assert!(!wrote.unwrap());
    let farewell = handoff::conversation::Farewell {
        to_user: None,
        reason: "nobody answered",
        left_message: None,
    };
    assert!(!store.end_by_timer(&seen, &farewell).await.unwrap());
    assert!(world.told("c").await.is_empty());
    assert_eq!(world.conversation("c").await.status, Status::Connected);
}

#[tokio::test]
async fn somebody_is_alarmed_once_when_nobody_looks() {
    let settings = json!({"desk": "slack", "waiting": {"texts": [], "alarm_after_seconds": 120}});
    let world = World::new(plain(settings)).await;
    world.establish("c", "b").await;
    world.minutes(10).await;
    assert_eq!(world.counted("Unattended"), 1);
    let notices: Vec<_> = world.log("c").await;
    let notice = notices
        .iter()
        .find(|entry| entry.kind == Kind::Notice)
        .unwrap();
    assert_eq!(
        notice.to,
        Some(Side::Desk),
        "the desk has a server: it is told"
    );
    assert_eq!(world.notices("c").await.len(), 1);
}

#[tokio::test]
async fn a_message_is_kept_for_the_agents_and_the_conversation_ends_politely() {
    let waiting = json!({"texts": [], "alarm_after_seconds": 0,
        "then": "message", "then_after_seconds": 60});
    let settings = plain(json!({"waiting": waiting, "desk": "slack"}));
    let world = World::new(settings).await;
    for name in ["writes", "silent", "answered", "slow-desk"] {
        world.establish(name, "b").await;
    }
    world.minutes(1).await;
    assert_eq!(world.told("writes").await, ["leave a message"]);
    world.chat("writes", "call me", true).await;
    // Its desk is down: the message counts all the same.
    world.chat("slow-desk", "call me", false).await;
    world.post("answered", "here I am").await;
    world.minutes(1).await;
    world.chat("writes", "at seven", true).await;
    world.minutes(1).await;
    assert_eq!(
        world.told("writes").await.len(),
        1,
        "it is still being written"
    );
    world.minutes(2).await;
    for name in ["writes", "slow-desk"] {
        assert_eq!(
            world.told(name).await,
            ["leave a message", "thanks", "CLOSE"],
            "{name}"
        );
        let ended = world.conversation(name).await;
        assert_eq!(ended.close_reason.as_deref(), Some(MESSAGE_LEFT));
        // At the desk it stays open, and says why nobody waits there.
        let log = world.log(name).await;
        let closing = |entry: &&handoff::conversation::Entry| {
            entry.kind == Kind::Closing && entry.to == Some(Side::Desk)
        };
        assert_eq!(log.iter().filter(closing).count(), 0);
        assert!(
            world
                .notices(name)
                .await
                .last()
                .unwrap()
                .contains("left a message")
        );
    }
    assert_eq!(world.told("silent").await, ["leave a message"]);
    world.minutes(5).await;
    let silent = ["leave a message", "another time", "CLOSE"];
    assert_eq!(world.told("silent").await, silent);
    assert_eq!(world.told("answered").await, ["leave a message"]);
    assert_eq!(
        world.conversation("answered").await.status,
        Status::Connected
    );
}

#[tokio::test]
async fn outside_the_hours_a_message_is_taken_at_once() {
    // The world begins on a Tuesday.
    let hours = json!({"weekly": {"fri": ["09:00-18:00"]}, "text": "back on {opens}"});
    let world = World::new(plain(json!({"hours": hours}))).await;
    world.establish("c", "b").await;
    let text = "back on Friday, 18 March, 09:00";
    assert_eq!(world.told("c").await, [text]);
    world.chat("c", "call me", true).await;
    world.minutes(3).await;
    assert_eq!(world.told("c").await, [text, "thanks", "CLOSE"]);
    let notices = world.notices("c").await;
    assert!(
        notices[0].contains("outside the opening hours"),
        "{notices:?}"
    );
}

fn idle() -> Value {
    let silence = |warning: &str| {
        json!({"warn_after_seconds": 300, "warning": warning, "end_after_seconds": 600,
               "farewell": "bye"})
    };
    plain(json!({"idle": {"user": silence("still there?"), "agent": silence("we are at it")}}))
}

#[tokio::test]
async fn a_silent_user_is_warned_and_then_it_ends() {
    let world = World::new(idle()).await;
    world.establish("c", "b").await;
    world.carry("c").await;
    world.post("c", "how can I help?").await;
    world.minutes(5).await;
    assert_eq!(world.told("c").await, ["still there?"]);
    // An answer, if only on its way: it begins anew, and now it is the agent who is silent.
    world.chat("c", "yes", false).await;
    world.minutes(6).await;
    assert_eq!(world.told("c").await, ["still there?", "we are at it"]);
    assert_eq!(world.notices("c").await, ["The user waits for an answer."]);
    world.carry("c").await;
    world.post("c", "anything else?").await;
    world.minutes(9).await;
    let warned = ["still there?", "we are at it", "still there?"];
    assert_eq!(world.told("c").await, warned);
    world.minutes(3).await;
    let told = world.told("c").await;
    assert_eq!(told[3..], ["bye", "CLOSE"]);
    let ended = world.conversation("c").await;
    assert_eq!(ended.closed_by, Some(ClosedBy::Bridge));
    assert!(ended.close_reason.unwrap().contains("user did not answer"));
}

#[tokio::test]
async fn lines_do_not_move_the_timer_which_comes_early_and_is_set_anew() {
    let world = World::new(idle()).await;
    world.establish("c", "b").await;
    let due = async || {
        let due = world.store().due_timers(i64::MAX / 2).await.unwrap();
        due.into_iter().next().unwrap()
    };
    let first = due().await;
    for n in 0..5 {
        world.chat("c", &format!("line {n}"), true).await;
        world.post("c", &format!("answer {n}")).await;
    }
    assert_eq!(due().await, first);
    world.time.advance(5 * MINUTE - 5);
    world.tick().await;
    assert_ne!(due().await, first);
    assert!(world.told("c").await.is_empty());
}

#[tokio::test]
async fn a_second_handoff_waits_anew() {
    let waiting = json!({"texts": texts(&[(120, "wait")]), "alarm_after_seconds": 0});
    let world = World::new(plain(json!({"waiting": waiting}))).await;
    world.establish("c", "b").await;
    world.end("c", ClosedBy::User, &[]).await;
    world.minutes(1).await;
    world.establish("c", "b").await;
    world.minutes(1).await;
    assert!(world.told("c").await.is_empty());
    world.minutes(1).await;
    assert_eq!(world.told("c").await, ["wait"]);
}
