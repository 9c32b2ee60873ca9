//! Outages of the API on demand.

mod common;

use std::time::Duration;

use common::{KEY, LONG, Setup, ok};
use gptbots_stand_in::{Author, CallKind, ConversationId, Fault, Outage, Status};
use serde_json::json;

/// A reply that may get no answer.
async fn try_reply(
    setup: &Setup,
    id: &ConversationId,
    patience: Duration,
) -> reqwest::Result<reqwest::Response> {
    let body = json!({"conversation_id": id, "timestamp": 1, "body": "x"});
    setup
        .http
        .post(setup.url("/v1/human/message/receive"))
        .bearer_auth(KEY)
        .timeout(patience)
        .json(&body)
        .send()
        .await
}

#[tokio::test]
async fn codes_statuses_and_retry_after() {
    let setup = Setup::start().await;
    let (_, id) = setup.handed_off().await;
    setup
        .stand_in
        .set_outage(Some(Outage::rate_limited(Some("2"))));
    let answer = try_reply(&setup, &id, LONG).await.expect("an answer");
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "2");
    assert_eq!(setup.reply(&id, "x").await.1["code"], 40_001);

    setup.stand_in.set_outage(Some(Outage::new(Fault::Code {
        status: 200,
        code: 50_000,
        retry_after: None,
    })));
    let (status, body) = setup.close(&id).await;
    assert_eq!((status, &body["code"]), (200, &json!(50_000)));

    setup.stand_in.set_outage(Some(Outage::new(Fault::Status {
        status: 502,
        retry_after: None,
    })));
    assert_eq!(setup.reply(&id, "x").await, (502, json!(null)));

    setup.stand_in.set_outage(Some(Outage::new(Fault::Garbage)));
    assert_eq!(setup.reply(&id, "x").await, (200, json!(null)));

    assert_eq!(setup.stand_in.received(), [], "nothing took effect");
    setup.stand_in.set_outage(None);
    assert_eq!(setup.reply(&id, "x").await, ok());
    let calls = setup.stand_in.calls();
    let answers: Vec<_> = calls.iter().map(|call| (call.status, call.code)).collect();
    assert_eq!(
        answers,
        [
            (Some(429), Some(40_001)),
            (Some(429), Some(40_001)),
            (Some(200), Some(50_000)),
            (Some(502), None),
            (Some(200), None),
            (Some(200), Some(0)),
        ]
    );
    assert!(calls[..5].iter().all(|call| call.outage) && !calls[5].outage);
}

#[tokio::test]
async fn an_outage_can_be_for_some_calls_only() {
    let setup = Setup::start().await;
    let (_, one) = setup.handed_off().await;
    let (_, two) = setup.handed_off().await;
    let outage = Outage::rate_limited(None);
    setup
        .stand_in
        .set_outage(Some(outage.clone().in_conversation(&one).times(2)));
    setup.stand_in.add_outage(outage.only(CallKind::Close));
    assert_eq!(setup.reply(&two, "x").await, ok());
    assert_eq!(setup.reply(&one, "x").await.0, 429);
    assert_eq!(setup.close(&one).await.0, 429);
    assert_eq!(setup.reply(&one, "x").await, ok());
    assert_eq!(setup.close(&two).await.0, 429);
}

#[tokio::test]
async fn the_connection_is_dropped_before_or_after_the_effect() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    let outage = Outage::new(Fault::Drop);
    setup.stand_in.set_outage(Some(outage.clone().times(1)));
    let error = try_reply(&setup, &id, LONG).await.expect_err("no answer");
    assert!(!error.is_timeout(), "{error:?}");
    assert_eq!(setup.stand_in.view(&user).status, Status::Connecting);

    setup.stand_in.set_outage(Some(outage.after_effect()));
    try_reply(&setup, &id, LONG).await.expect_err("no answer");
    assert_eq!(setup.stand_in.view(&user).texts(Author::Human), ["x"]);
    assert_eq!(setup.stand_in.calls()[1].status, None);
}

#[tokio::test]
async fn a_hang_lasts_as_long_as_the_caller() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    setup.stand_in.set_outage(Some(Outage::new(Fault::Hang)));
    let patience = Duration::from_millis(300);
    let error = try_reply(&setup, &id, patience)
        .await
        .expect_err("no answer");
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(setup.stand_in.view(&user).status, Status::Connecting);

    // A shutdown does not wait for those who would wait for ever.
    let hanging = tokio::spawn({
        let request = setup.http.post(setup.url("/v1/human/close")).body("{}");
        request.send()
    });
    let seen = |stand_in: &gptbots_stand_in::StandIn| stand_in.calls().len() == 2;
    assert!(setup.stand_in.wait_until(seen, LONG).await);
    setup.stand_in.shutdown().await;
    hanging.await.expect("joined").expect_err("no answer");
}

#[tokio::test]
async fn late_answers_come_after_the_effect_or_with_it() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    let late = Outage::new(Fault::Late(Duration::from_secs(5)));
    let patience = Duration::from_millis(300);
    // The caller gives up first: without effect.
    setup.stand_in.set_outage(Some(late.clone()));
    try_reply(&setup, &id, patience)
        .await
        .expect_err("too late");
    assert_eq!(setup.stand_in.view(&user).status, Status::Connecting);
    // And with it: the caller cannot know.
    setup.stand_in.set_outage(Some(late.after_effect()));
    try_reply(&setup, &id, patience)
        .await
        .expect_err("too late");
    setup.status(&user, Status::Connected).await;

    let late = Outage::new(Fault::Late(Duration::from_millis(20)));
    setup.stand_in.set_outage(Some(late));
    assert_eq!(setup.reply(&id, "y").await, ok());
    assert_eq!(setup.stand_in.view(&user).texts(Author::Human), ["x", "y"]);
}
