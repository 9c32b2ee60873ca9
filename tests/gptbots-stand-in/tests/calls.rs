//! The calls of the bridge: what is checked, with which codes it is refused, what it does.

mod common;

use common::{BOT, KEY, OTHER_BOT, OTHER_KEY, Setup, finish, ok};
use gptbots_stand_in::{Author, CallKind, EndedBy, Received, Status, UserProfile};
use serde_json::{Value, json};

const REPLY: &str = "/v1/human/message/receive";
const CLOSE: &str = "/v1/human/close";

fn code((status, body): (u16, Value)) -> (u16, i64) {
    (status, body["code"].as_i64().expect("a code"))
}

#[tokio::test]
async fn replies_are_shown_in_order_and_recorded() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    assert_eq!(setup.reply(&id, "one").await, ok());
    // No deduplication is known, so the same again is a second line.
    assert_eq!(setup.reply(&id, "two").await, ok());
    assert_eq!(setup.reply(&id, "two").await, ok());
    assert_eq!(setup.close(&id).await, ok());
    let view = setup.stand_in.view(&user);
    assert_eq!(view.texts(Author::Human), ["one", "two", "two"]);
    let by = EndedBy::Bridge;
    assert_eq!(view.status, Status::Ended { by });

    let received = setup.stand_in.received();
    let bodies: Vec<_> = received.iter().map(|each| each.body.as_deref()).collect();
    assert_eq!(bodies, [Some("one"), Some("two"), Some("two"), None]);
    assert_eq!(
        received[3],
        Received {
            kind: CallKind::Close,
            conversation_id: id,
            timestamp: 1_742_265_090_896,
            body: None,
            at: received[3].at,
        }
    );
}

#[tokio::test]
async fn the_key_is_checked() {
    let setup = Setup::start().await;
    let (_, id) = setup.handed_off().await;
    let body = json!({"conversation_id": id, "timestamp": 1, "body": "x"});
    for path in [REPLY, CLOSE] {
        let wrong = setup.call(path, "wrong", body.clone()).await;
        assert_eq!(code(wrong), (401, 40_127));
        let missing = finish(setup.http.post(setup.url(path)).json(&body)).await;
        assert_eq!(code(missing), (401, 40_127));
        let basic = setup.http.post(setup.url(path)).json(&body);
        let basic = basic.header("authorization", format!("Basic {KEY}"));
        assert_eq!(code(finish(basic).await), (401, 40_127));
    }
    let verify = setup.http.get(setup.url("/v1/api-key/verify"));
    assert_eq!(finish(verify.bearer_auth(OTHER_KEY)).await, ok());
    let verify = setup.http.get(setup.url("/v1/api-key/verify"));
    assert_eq!(
        code(finish(verify.bearer_auth("wrong")).await),
        (401, 40_127)
    );
    assert_eq!(setup.stand_in.received(), []);
}

#[tokio::test]
async fn parameters_are_checked() {
    let setup = Setup::with(|options| options.refusals.reply_limit = Some(3)).await;
    let (_, id) = setup.handed_off().await;
    let good = json!({"conversation_id": id, "timestamp": 1, "body": "xyz"});
    let mut wrong: Vec<(&str, Value)> = Vec::new();
    for path in [REPLY, CLOSE] {
        for (name, values) in [
            ("conversation_id", vec![json!(null), json!(1), json!("")]),
            ("timestamp", vec![json!(null), json!("1"), json!(1.5)]),
        ] {
            for value in values {
                let mut body = good.clone();
                body[name] = value;
                wrong.push((path, body));
            }
            let mut body = good.clone();
            body.as_object_mut().expect("an object").remove(name);
            wrong.push((path, body));
        }
        wrong.push((path, json!([])));
    }
    for value in [
        json!(null),
        json!(1),
        json!(""),
        json!(["x"]),
        json!("four"),
    ] {
        let mut body = good.clone();
        body["body"] = value;
        wrong.push((REPLY, body));
    }
    for (path, body) in wrong {
        let answer = setup.call(path, KEY, body.clone()).await;
        assert_eq!(code(answer), (400, 40_000), "{path} {body}");
    }
    let post = || setup.http.post(setup.url(REPLY)).bearer_auth(KEY);
    let no_json = post().header("content-type", "application/json").body("{");
    assert_eq!(code(finish(no_json).await), (400, 40_000));
    let form = post()
        .header("content-type", "text/plain")
        .body(good.to_string());
    assert_eq!(code(finish(form).await), (400, 40_000));
    assert_eq!(setup.stand_in.received(), []);
    let charset = post()
        .header("content-type", "application/json; charset=utf-8")
        .body(good.to_string());
    assert_eq!(finish(charset).await, ok());
}

#[tokio::test]
async fn conversations_belong_to_one_key() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    let body = json!({"conversation_id": id, "timestamp": 1, "body": "x"});
    for path in [REPLY, CLOSE] {
        let other = setup.call(path, OTHER_KEY, body.clone()).await;
        assert_eq!(code(other), (400, 40_358));
    }
    assert_eq!(
        code(setup.reply(&"nowhere".into(), "x").await),
        (400, 40_356)
    );
    assert_eq!(code(setup.close(&"nowhere".into()).await), (400, 40_356));
    assert_eq!(setup.stand_in.view(&user).status, Status::Connecting);

    let profile = UserProfile::default();
    let theirs = setup
        .stand_in
        .new_user(OTHER_BOT, profile)
        .await
        .expect("user");
    let id = setup.stand_in.ask_for_human(&theirs).await.expect("taken");
    let body = json!({"conversation_id": id, "timestamp": 1, "body": "x"});
    assert_eq!(setup.call(REPLY, OTHER_KEY, body).await, ok());
    assert_eq!(
        setup.bridge.bodies("/conversation/establish")[1]["bot_id"],
        OTHER_BOT
    );
    let nobody = setup
        .stand_in
        .new_user("none", UserProfile::default())
        .await;
    assert!(nobody.is_err());
    assert_ne!(BOT, OTHER_BOT);
}

#[tokio::test]
async fn after_the_end_nothing_comes_through() {
    let setup = Setup::start().await;
    for by_user in [true, false] {
        let (user, id) = setup.handed_off().await;
        if by_user {
            setup.stand_in.leave(&user).await;
        } else {
            assert_eq!(setup.close(&id).await, ok());
        }
        let before = setup.stand_in.view(&user);
        assert_eq!(code(setup.reply(&id, "late").await), (400, 40_356));
        assert_eq!(code(setup.close(&id).await), (400, 40_356));
        assert_eq!(setup.stand_in.view(&user), before);
        // A new human conversation opens the way again, for its own id only.
        let next = setup.stand_in.ask_for_human(&user).await.expect("taken");
        assert_eq!(code(setup.reply(&id, "late").await), (400, 40_356));
        assert_eq!(setup.reply(&next, "in time").await, ok());
        assert_eq!(setup.stand_in.view(&user).texts(Author::Human), ["in time"]);
    }
    // By default GPTBots does not answer the bridge's close with one of its own.
    assert_eq!(setup.bridge.bodies("/conversation/close").len(), 1);
}

#[tokio::test]
async fn a_refused_conversation_takes_no_reply() {
    let setup = Setup::start().await;
    let answer = common::Answer::status(503);
    setup.bridge.answer("/conversation/establish", answer);
    let user = setup.user().await;
    setup.stand_in.ask_for_human(&user).await.expect_err("busy");
    let id = setup.stand_in.view(&user).conversation.expect("begun");
    assert_eq!(code(setup.reply(&id, "late").await), (400, 40_356));
    assert_eq!(setup.stand_in.view(&user).status, Status::Busy);
}

#[tokio::test]
async fn refusals_come_in_the_form_asked_for() {
    let setup = Setup::with(|options| {
        options.refusals.inside_200 = true;
        options.refusals.close_again_is_fine = true;
    })
    .await;
    let (_, id) = setup.handed_off().await;
    assert_eq!(
        code(setup.reply(&"nowhere".into(), "x").await),
        (200, 40_356)
    );
    assert_eq!(code(setup.call(REPLY, KEY, json!({})).await), (200, 40_000));
    assert_eq!(
        code(setup.call(REPLY, "wrong", json!({})).await),
        (401, 40_127)
    );
    assert_eq!(setup.close(&id).await, ok());
    assert_eq!(setup.close(&id).await, ok());
    assert_eq!(code(setup.reply(&id, "late").await), (200, 40_356));

    let setup = Setup::with(|options| options.refusals.nested = true).await;
    let (status, body) = setup.reply(&"nowhere".into(), "x").await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(40_356)));
    assert_eq!(body["error"]["status"], 400);
    assert!(body["error"]["message"].is_string());
}

#[tokio::test]
async fn early_calls_can_be_refused() {
    let setup = Setup::with(|options| options.refusals.early_calls = true).await;
    let gate = tokio::sync::watch::Sender::new(false);
    let answer = common::Answer::gated(&gate);
    setup.bridge.answer("/conversation/establish", answer);
    let user = setup.user().await;
    let (asked, ()) = tokio::join!(setup.stand_in.ask_for_human(&user), async {
        setup.bridge.wait_for(1).await;
        let id = setup.stand_in.view(&user).conversation.expect("begun");
        assert_eq!(code(setup.reply(&id, "quick").await), (400, 40_356));
        gate.send_replace(true);
    });
    let id = asked.expect("taken");
    assert_eq!(setup.reply(&id, "now").await, ok());
}
