//! The life of a human conversation: taken or busy, connected, ended.

mod common;

use std::time::Duration;

use common::{Answer, LONG, Setup};
use gptbots_stand_in::{Author, Busy, Delivery, EndedBy, Outcome, Said, Status, UserId, UserView};
use serde_json::json;
use tokio::sync::watch;

const ENDED_BY_USER: Status = Status::Ended { by: EndedBy::User };
const ENDED_BY_TIMEOUT: Status = Status::Ended {
    by: EndedBy::Timeout,
};

#[tokio::test]
async fn only_http_200_takes_the_conversation() {
    for status in [201, 204, 302, 400, 401, 404, 429, 500, 503] {
        let setup = Setup::start().await;
        let answer = Answer::status(status);
        setup.bridge.answer("/conversation/establish", answer);
        let user = setup.user().await;
        let outcome = Outcome::Answered(status);
        assert_eq!(
            setup.stand_in.ask_for_human(&user).await,
            Err(Busy { outcome })
        );
        assert_eq!(setup.stand_in.view(&user).status, Status::Busy);
        // The bot goes on.
        assert_eq!(setup.stand_in.say(&user, "hello").await, Said::ToBot);
        assert_eq!(setup.stand_in.view(&user).status, Status::Bot);
        assert_eq!(setup.bridge.hooks().len(), 1);
    }
}

#[tokio::test]
async fn no_answer_is_busy() {
    let setup = Setup::with(|options| options.webhook_timeout = Duration::from_millis(50)).await;
    let answer = Answer::late(LONG);
    setup.bridge.answer("/conversation/establish", answer);
    let user = setup.user().await;
    let outcome = Outcome::TimedOut;
    assert_eq!(
        setup.stand_in.ask_for_human(&user).await,
        Err(Busy { outcome })
    );
    assert_eq!(setup.stand_in.view(&user).status, Status::Busy);

    // Nobody listens on a port that was just given back.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("port");
    let nowhere = format!("http://{}", port.local_addr().expect("address"));
    drop(port);
    setup.stand_in.set_webhook_base_url(nowhere);
    let outcome = Outcome::Failed;
    assert_eq!(
        setup.stand_in.ask_for_human(&user).await,
        Err(Busy { outcome })
    );
}

#[tokio::test]
async fn every_handoff_has_its_own_id_and_asking_twice_is_one() {
    let setup = Setup::start().await;
    let (user, first) = setup.handed_off().await;
    assert_eq!(
        setup.stand_in.ask_for_human(&user).await.as_ref(),
        Ok(&first)
    );
    assert!(setup.stand_in.leave(&user).await);
    let second = setup.stand_in.ask_for_human(&user).await.expect("taken");
    assert_ne!(first, second);
    assert_eq!(setup.bridge.bodies("/conversation/establish").len(), 2);
}

/// Waits in virtual time, longer than GPTBots would.
async fn wait_long(setup: &Setup, user: &UserId, until: impl FnMut(&UserView) -> bool) -> bool {
    tokio::time::pause();
    let long = Duration::from_secs(600);
    let seen = setup.stand_in.wait_for(user, until, long).await;
    // Before anything is sent: virtual time would run ahead of the network.
    tokio::time::resume();
    seen.is_ok()
}

#[tokio::test]
async fn nobody_replies_inside_the_waiting_timeout() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    let started = tokio::time::Instant::now();
    assert!(wait_long(&setup, &user, |view| view.status == ENDED_BY_TIMEOUT).await);
    let waited = started.elapsed();
    assert!(waited > Duration::from_secs(59), "{waited:?}");
    assert!(waited < Duration::from_secs(600), "{waited:?}");
    setup.bridge.wait_for(2).await;
    let body = &setup.bridge.bodies("/conversation/close")[0];
    assert_eq!(
        *body,
        json!({"conversation_id": id, "timestamp": body["timestamp"], "type": "TIMEOUT"})
    );
    assert_eq!(setup.stand_in.say(&user, "hello").await, Said::ToBot);
}

#[tokio::test]
async fn a_reply_stops_the_waiting_clock() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    assert_eq!(setup.stand_in.view(&user).status, Status::Connecting);
    assert_eq!(setup.reply(&id, "Hello").await, common::ok());
    assert_eq!(setup.stand_in.view(&user).status, Status::Connected);
    let ended = wait_long(&setup, &user, |view| view.status != Status::Connected).await;
    assert!(!ended, "the clock is the bridge's now");
    assert_eq!(setup.bridge.bodies("/conversation/close").len(), 0);
}

#[tokio::test]
async fn leaving_closes_with_user_closed() {
    let setup = Setup::start().await;
    let (user, id) = setup.handed_off().await;
    assert!(setup.stand_in.leave(&user).await);
    assert!(!setup.stand_in.leave(&user).await, "once");
    assert_eq!(setup.stand_in.view(&user).status, ENDED_BY_USER);
    let hooks = setup.bridge.wait_for(2).await;
    assert_eq!(
        hooks[1].body,
        json!({
            "conversation_id": id,
            "timestamp": hooks[1].body["timestamp"],
            "type": "USER_CLOSED",
        })
    );
    assert_eq!(hooks[1].authorization, None);
}

#[tokio::test]
async fn close_may_carry_the_key_and_follow_ours() {
    let setup = Setup::with(|options| {
        options.authorize_close = true;
        options.echo_close = true;
    })
    .await;
    let (user, id) = setup.handed_off().await;
    assert_eq!(setup.close(&id).await, common::ok());
    let by = EndedBy::Bridge;
    assert_eq!(setup.stand_in.view(&user).status, Status::Ended { by });
    let hooks = setup.bridge.wait_for(2).await;
    assert_eq!(hooks[1].path, "/t0ken/conversation/close");
    assert_eq!(hooks[1].body["type"], "TIMEOUT");
    assert_eq!(hooks[1].authorization.as_deref(), Some("Bearer app-key-1"));
}

#[tokio::test]
async fn what_happens_while_establish_is_on_its_way() {
    let setup = Setup::start().await;
    let gate = watch::Sender::new(false);
    setup
        .bridge
        .answer("/conversation/establish", Answer::gated(&gate));
    let user = setup.user().await;
    let asking = tokio::spawn({
        let (stand_in, user) = (setup.stand_in.clone(), user.clone());
        async move { stand_in.ask_for_human(&user).await }
    });
    setup.bridge.wait_for(1).await;
    let view = setup.stand_in.view(&user);
    assert!(view.asking && view.status == Status::Bot, "{view:?}");
    let id = view.conversation.expect("begun");
    // The user writes, the bridge replies before its answer arrives, and the user leaves.
    setup.chat(&user, "early").await;
    assert_eq!(setup.reply(&id, "quick").await, common::ok());
    assert_eq!(setup.stand_in.view(&user).texts(Author::Human), ["quick"]);
    setup.stand_in.leave(&user).await;
    assert_eq!(setup.bridge.hooks().len(), 1, "establish first");
    gate.send_replace(true);
    assert_eq!(asking.await.expect("joined"), Ok(id));
    let hooks = setup.bridge.wait_for(3).await;
    let paths: Vec<_> = hooks.iter().map(|hook| hook.path.as_str()).collect();
    let wanted = [
        "/t0ken/conversation/establish",
        "/t0ken/chat",
        "/t0ken/conversation/close",
    ];
    assert_eq!(paths, wanted);
    assert_eq!(setup.stand_in.view(&user).status, ENDED_BY_USER);
}

#[tokio::test]
async fn an_early_reply_connects_when_establish_is_answered() {
    let setup = Setup::start().await;
    let gate = watch::Sender::new(false);
    setup
        .bridge
        .answer("/conversation/establish", Answer::gated(&gate));
    let user = setup.user().await;
    let (asked, ()) = tokio::join!(setup.stand_in.ask_for_human(&user), async {
        setup.bridge.wait_for(1).await;
        let id = setup.stand_in.view(&user).conversation.expect("begun");
        assert_eq!(setup.reply(&id, "quick").await, common::ok());
        gate.send_replace(true);
    });
    asked.expect("taken");
    assert_eq!(setup.stand_in.view(&user).status, Status::Connected);
    let ended = wait_long(&setup, &user, |view| view.status != Status::Connected).await;
    assert!(!ended, "no clock runs");
}

#[tokio::test]
async fn lines_written_before_busy_reach_nobody() {
    let setup = Setup::start().await;
    let gate = watch::Sender::new(false);
    let answer = Answer {
        status: 503,
        ..Answer::gated(&gate)
    };
    setup.bridge.answer("/conversation/establish", answer);
    let user = setup.user().await;
    let (asked, line) = tokio::join!(setup.stand_in.ask_for_human(&user), async {
        setup.bridge.wait_for(1).await;
        let line = setup.chat(&user, "early").await;
        gate.send_replace(true);
        line
    });
    asked.expect_err("busy");
    setup
        .see(&user, |view| {
            view.delivery(line) == Some(Delivery::NotDelivered)
        })
        .await;
    assert_eq!(setup.bridge.hooks().len(), 1);
}

#[tokio::test]
async fn an_establish_that_was_left_does_not_disturb_the_next() {
    let setup = Setup::start().await;
    let gate = watch::Sender::new(false);
    let answer = Answer {
        status: 503,
        ..Answer::gated(&gate)
    };
    setup.bridge.answer("/conversation/establish", answer);
    let user = setup.user().await;
    let (left, next) = tokio::join!(setup.stand_in.ask_for_human(&user), async {
        setup.bridge.wait_for(1).await;
        assert!(setup.stand_in.leave(&user).await);
        let answer = Answer::status(200);
        setup.bridge.answer("/conversation/establish", answer);
        let next = setup.stand_in.ask_for_human(&user).await;
        gate.send_replace(true);
        next.expect("taken")
    });
    left.expect_err("busy");
    let view = setup.stand_in.view(&user);
    assert_eq!(view.status, Status::Connecting);
    assert_eq!(view.conversation, Some(next));
    // What was not taken is not closed.
    assert_eq!(setup.bridge.hooks().len(), 2);
}
