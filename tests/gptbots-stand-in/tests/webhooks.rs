//! The webhooks: what is sent, in which order, and what becomes of failures.

mod common;

use std::time::Duration;

use common::{Answer, BOT, Setup};
use gptbots_stand_in::{Author, Delivery, Outcome, Said, UserProfile, Webhook};
use serde_json::{Value, json};
use tokio::sync::watch;

fn texts(bodies: &[Value]) -> Vec<&str> {
    let bodies = bodies.iter();
    bodies
        .map(|body| body["body"].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn establish_has_the_shape_of_the_vendors_example() {
    let setup = Setup::start().await;
    let profile = UserProfile {
        user_id: Some("KDslas".into()),
        anonymous_id: Some("652face5184b30540a6ea7fe".into()),
        email: Some("bob@gmail.com".into()),
        ..UserProfile::default()
    };
    let user = setup.stand_in.new_user(BOT, profile).await.expect("user");
    let id = setup.stand_in.ask_for_human(&user).await.expect("taken");

    let hooks = setup.bridge.hooks();
    assert_eq!(hooks.len(), 1);
    assert_eq!(hooks[0].path, "/t0ken/conversation/establish");
    assert_eq!(hooks[0].content_type, "application/json");
    assert_eq!(hooks[0].authorization, None);
    let timestamp = hooks[0].body["timestamp"].as_i64().expect("an integer");
    assert!(timestamp > 1_700_000_000_000, "milliseconds");
    assert_eq!(
        hooks[0].body,
        json!({
            "body": [
                {"text": "human service", "message_type": "QUESTION"},
                {"text": "", "message_type": "ANSWER"},
            ],
            "timestamp": timestamp,
            "email": "bob@gmail.com",
            "conversation_id": id,
            "bot_id": "665d88b03ce2b13cf2d573454",
            "user_info": {
                "phone": null,
                "email": "bob@gmail.com",
                "user_id": "KDslas",
                "anonymous_id": "652face5184b30540a6ea7fe",
            },
        })
    );
    assert_eq!(id.as_str().len(), 24);
}

#[tokio::test]
async fn a_stranger_has_nulls_and_the_placeholder_address() {
    let setup = Setup::start().await;
    setup.handed_off().await;
    let body = &setup.bridge.bodies("/conversation/establish")[0];
    assert_eq!(body["email"], "support@gptbots.ai");
    assert_eq!(
        body["user_info"],
        json!({"phone": null, "email": null, "user_id": null, "anonymous_id": null})
    );
    assert_eq!(body.get("conversation_type"), None);
}

#[tokio::test]
async fn undocumented_members_come_with_the_profile() {
    let setup = Setup::start().await;
    let profile = UserProfile {
        user_name: Some("Bob".into()),
        phone: Some("+852 5555 1234".into()),
        conversation_type: Some("WHATSAPP_META".into()),
        channel_name: Some("Shop".into()),
        ..UserProfile::default()
    };
    let user = setup.stand_in.new_user(BOT, profile).await.expect("user");
    setup.stand_in.ask_for_human(&user).await.expect("taken");
    let body = &setup.bridge.bodies("/conversation/establish")[0];
    assert_eq!(body["user_info"]["user_name"], "Bob");
    assert_eq!(body["user_info"]["phone"], "+852 5555 1234");
    assert_eq!(body["conversation_type"], "WHATSAPP_META");
    assert_eq!(body["channel_name"], "Shop");
}

#[tokio::test]
async fn establish_carries_the_chat_with_the_bot() {
    let setup = Setup::start().await;
    let user = setup.user().await;
    assert_eq!(
        setup.stand_in.say(&user, "Where is my order?").await,
        Said::ToBot
    );
    let said = setup.stand_in.say(&user, "Human!").await;
    assert!(matches!(said, Said::AskedForHuman(Ok(_))), "{said:?}");

    let view = setup.stand_in.view(&user);
    let answer = view.texts(Author::Bot)[1];
    assert!(answer.contains("human"), "it offers a person");
    let body = &setup.bridge.bodies("/conversation/establish")[0]["body"];
    assert_eq!(
        *body,
        json!([
            {"message_type": "QUESTION", "text": "Where is my order?"},
            {"message_type": "ANSWER", "text": answer},
            {"message_type": "QUESTION", "text": "Human!"},
            {"message_type": "ANSWER", "text": ""},
        ])
    );
}

#[tokio::test]
async fn chat_has_three_members_and_the_bot_is_silent() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    let before = setup.stand_in.view(&user).texts(Author::Bot).len();
    // What asks the bot for a person is just a line now.
    let line = setup.chat(&user, "human").await;
    let view = setup
        .see(&user, |view| {
            view.delivery(line) == Some(Delivery::Delivered)
        })
        .await;
    assert_eq!(view.texts(Author::Bot).len(), before);
    let body = &setup.bridge.bodies("/chat")[0];
    assert_eq!(
        *body,
        json!({"conversation_id": id, "timestamp": body["timestamp"], "body": "human"})
    );
    assert!(body["timestamp"].is_i64());
}

#[tokio::test]
async fn chats_go_one_at_a_time_and_in_order() {
    let setup = Setup::start().await;
    let answer = Answer::late(Duration::from_millis(5));
    setup.bridge.answer("/chat", answer);
    let (user, _) = setup.handed_off().await;
    let wanted: Vec<String> = (0..20).map(|n| format!("same {}", n / 2)).collect();
    for text in &wanted {
        setup.chat(&user, text).await;
    }
    assert!(setup.stand_in.leave(&user).await);
    let hooks = setup.bridge.wait_for(22).await;
    let bodies = setup.bridge.bodies("/chat");
    assert_eq!(texts(&bodies), wanted);
    assert_eq!(setup.bridge.most_running(), 1);
    // The same text twice is two messages: the timestamps differ.
    let stamps: Vec<i64> = hooks
        .iter()
        .map(|hook| hook.body["timestamp"].as_i64().expect("an integer"))
        .collect();
    assert!(stamps.is_sorted_by(|one, next| one < next), "{stamps:?}");
    assert_eq!(hooks[21].path, "/t0ken/conversation/close");
}

#[tokio::test]
async fn conversations_do_not_wait_for_each_other() {
    let setup = Setup::start().await;
    let (first, _) = setup.handed_off().await;
    let (second, _) = setup.handed_off().await;
    let gate = watch::Sender::new(false);
    setup.bridge.answer("/chat", Answer::gated(&gate));
    let held = setup.chat(&first, "held").await;
    setup.bridge.wait_for(3).await;
    setup.bridge.answer("/chat", Answer::status(200));
    let line = setup.chat(&second, "through").await;
    setup
        .see(&second, |view| {
            view.delivery(line) == Some(Delivery::Delivered)
        })
        .await;
    let view = setup.stand_in.view(&first);
    assert_eq!(view.delivery(held), Some(Delivery::Sending));
    gate.send_replace(true);
    setup
        .see(&first, |view| {
            view.delivery(held) == Some(Delivery::Delivered)
        })
        .await;
}

#[tokio::test]
async fn a_failed_chat_is_not_sent_again_and_the_next_goes_on() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    setup.bridge.answer("/chat", Answer::status(503));
    let lost = setup.chat(&user, "lost").await;
    setup
        .see(&user, |view| {
            view.delivery(lost) == Some(Delivery::NotDelivered)
        })
        .await;
    setup.bridge.answer("/chat", Answer::status(200));
    let next = setup.chat(&user, "next").await;
    setup
        .see(&user, |view| {
            view.delivery(next) == Some(Delivery::Delivered)
        })
        .await;
    assert_eq!(texts(&setup.bridge.bodies("/chat")), ["lost", "next"]);

    let sent = setup.stand_in.sent();
    let outcomes: Vec<_> = sent
        .iter()
        .map(|sent| (sent.webhook, sent.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [
            (Webhook::Establish, Outcome::Answered(200)),
            (Webhook::Chat, Outcome::Answered(503)),
            (Webhook::Chat, Outcome::Answered(200)),
        ]
    );
    assert!(sent.iter().all(|sent| sent.conversation_id == id));
    assert_eq!(
        sent[2].answer,
        Some(json!({"code": 200, "message": "success"}))
    );
}

#[tokio::test]
async fn retries_send_the_identical_payload() {
    let setup = Setup::with(|options| {
        options.webhook_retries = 2;
        options.webhook_retry_pause = Duration::from_millis(1);
    })
    .await;
    let (user, _) = setup.handed_off().await;
    setup.bridge.answer("/chat", Answer::status(500));
    let line = setup.chat(&user, "again").await;
    setup
        .see(&user, |view| {
            view.delivery(line) == Some(Delivery::NotDelivered)
        })
        .await;
    let hooks = setup.bridge.hooks();
    assert_eq!(hooks.len(), 4);
    assert!(hooks[2..].iter().all(|hook| hook.raw == hooks[1].raw));
    let attempts: Vec<u32> = setup
        .stand_in
        .sent()
        .iter()
        .map(|sent| sent.attempt)
        .collect();
    assert_eq!(attempts, [1, 1, 2, 3]);
}
