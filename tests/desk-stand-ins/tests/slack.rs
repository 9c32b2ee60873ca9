//! The connector for Slack against the stand-in for Slack, over HTTP both ways.
#![allow(clippy::unwrap_used)]

#[path = "slack/bridge.rs"]
mod bridge;
#[path = "slack/incoming.rs"]
mod incoming;
#[path = "slack/requests.rs"]
mod requests;

use std::time::Duration;

use bridge::{Bridge, conversation, entry, history};
use desk_stand_ins::{Act, DeskStandIn as _, Failure, From};
use handoff::conversation::{Author, ClosedBy, Conversation, Kind, Status};
use handoff::desk::{DeskError, Opening};

async fn open(
    bridge: &Bridge,
    conversation: &Conversation,
    attempt: u32,
) -> Result<String, DeskError> {
    let history = history(30);
    let opening = Opening {
        conversation,
        history: &history,
        attempt,
    };
    Ok(bridge.desk().open(opening).await?.reference)
}

/// A conversation that is open at the desk.
async fn opened(bridge: &Bridge) -> Conversation {
    let mut conversation = conversation("c1");
    conversation.desk_ref = Some(open(bridge, &conversation, 1).await.unwrap());
    conversation
}

/// What agents see: every turn of the history, in order, once, below the rules.
async fn has_it_all(bridge: &Bridge) {
    let seen = bridge.slack.conversations().await;
    assert_eq!(seen.len(), 1);
    let lines = &seen[0].lines;
    assert!(lines[0].text.contains("//"), "{}", lines[0].text);
    let all: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    let all = all[1..].join("\n");
    let mut before = 0;
    for n in 0..30 {
        let turn = format!("#{n} ");
        assert_eq!(all.matches(&turn).count(), 1, "{turn}");
        let at = all.find(&turn).unwrap();
        assert!(at >= before);
        before = at;
    }
    assert!(lines.iter().all(|line| line.accident.is_none()));
}

#[tokio::test]
async fn a_conversation_is_opened_with_its_history_in_order() {
    let bridge = Bridge::start().await;
    let conversation = opened(&bridge).await;
    has_it_all(&bridge).await;
    let seen = bridge.slack.conversations().await.remove(0);
    assert_eq!(Some(seen.reference), conversation.desk_ref);
    assert!(seen.about.contains("Waiting") && seen.about.contains("Ann"));
    assert!(!seen.closed);
}

#[tokio::test]
async fn an_opening_that_broke_off_anywhere_is_completed_and_not_made_again() {
    let whole = Bridge::start().await;
    opened(&whole).await;
    let calls = whole.slack.requests().len() as u64;
    assert!(calls >= 4, "a root, the rules, and pieces of the history");
    for broken in 0..calls {
        for failure in [Failure::DropAfter, Failure::ServerError] {
            let bridge = Bridge::start().await;
            // So that the thread is looked at page by page.
            bridge.slack.set_page(2);
            let conversation = conversation("c1");
            bridge.slack.fail_after(broken, failure);
            let error = open(&bridge, &conversation, 1).await.unwrap_err();
            assert!(matches!(error, DeskError::Unavailable { .. }), "{error}");
            open(&bridge, &conversation, 2).await.unwrap();
            has_it_all(&bridge).await;
            // And once more, now that all of it is there.
            open(&bridge, &conversation, 3).await.unwrap();
            has_it_all(&bridge).await;
        }
    }
}

#[tokio::test]
async fn another_episode_is_another_thread() {
    let bridge = Bridge::start().await;
    let mut conversation = opened(&bridge).await;
    conversation.episode = 2;
    let second = open(&bridge, &conversation, 2).await.unwrap();
    assert_ne!(Some(second), conversation.desk_ref);
    let mut stranger = self::conversation("c2");
    stranger.user = handoff::conversation::User::default();
    open(&bridge, &stranger, 2).await.unwrap();
    assert_eq!(bridge.slack.conversations().await.len(), 3);
}

#[tokio::test]
async fn lines_are_shown_as_they_were_written() {
    let bridge = Bridge::start().await;
    let conversation = opened(&bridge).await;
    let before = bridge.slack.conversations().await[0].lines.len();
    let texts = [
        "<!channel> *hi* <@U0KEN0001> & <https://evil.example|https://bank.example>",
        "> _quoted_ `code` ~gone~ https://example.com/a?b=1&c=2",
    ];
    for text in texts {
        let id = bridge.post(&conversation, &entry(text)).await.unwrap();
        assert!(id.is_some());
    }
    let seen = bridge.slack.conversations().await.remove(0);
    for (line, text) in seen.lines[before..].iter().zip(texts) {
        assert_eq!(line.text, text);
        assert_eq!(line.from, From::User);
        assert_eq!(line.accident, None);
    }
    let mut notice = entry("Not delivered to the user: hi");
    notice.author = Author::System;
    bridge.post(&conversation, &notice).await.unwrap();
    let mut late = entry("still there?");
    late.late = true;
    bridge.post(&conversation, &late).await.unwrap();
    let lines = bridge.slack.conversations().await.remove(0).lines;
    let [.., notice, late] = lines.as_slice() else {
        panic!("too few lines");
    };
    assert_eq!(notice.from, From::Bridge);
    assert_eq!(late.from, From::User);
    assert!(late.text.contains("after the chat had ended") && late.text.ends_with("still there?"));
}

#[tokio::test]
async fn a_line_whose_answer_was_lost_is_not_sent_again() {
    let long = format!("{}end", "word ".repeat(1_500));
    for (text, pieces) in [("hi", 1), (long.as_str(), 3)] {
        for broken in 0..pieces {
            let bridge = Bridge::start().await;
            bridge.slack.set_page(3);
            let conversation = opened(&bridge).await;
            let before = bridge.slack.conversations().await[0].lines.len();
            let mut entry = entry(text);
            bridge.slack.fail_after(broken, Failure::DropAfter);
            bridge.post(&conversation, &entry).await.unwrap_err();
            entry.attempts = 2;
            let id = bridge.post(&conversation, &entry).await.unwrap();
            let again = bridge.post(&conversation, &entry).await.unwrap();
            assert_eq!(id, again);
            let lines = bridge.slack.conversations().await.remove(0).lines;
            let shown: Vec<_> = lines[before..].iter().map(|line| &line.text).collect();
            assert_eq!(shown.len() as u64, pieces);
            let joined: String = shown.iter().flat_map(|text| text.chars()).collect();
            assert_eq!(joined.matches("word").count(), text.matches("word").count());
        }
    }
}

#[tokio::test]
async fn a_thread_that_is_gone_says_so_and_leaves_nothing_in_the_channel() {
    let bridge = Bridge::start().await;
    let conversation = opened(&bridge).await;
    let ts = conversation.desk_ref.as_deref().unwrap();
    bridge.slack.remove(ts.split_once('/').unwrap().1);
    let mut entry = entry("hi");
    for attempts in [1, 2] {
        entry.attempts = attempts;
        let error = bridge.post(&conversation, &entry).await.unwrap_err();
        assert!(matches!(error, DeskError::Gone(_)), "{error}");
    }
    assert!(bridge.slack.conversations().await.is_empty());
    let desk = bridge.desk();
    desk.close(&conversation, ClosedBy::User, "Over.")
        .await
        .unwrap();
    let mut never = conversation;
    never.desk_ref = None;
    let error = bridge.post(&never, &entry).await.unwrap_err();
    assert!(matches!(error, DeskError::Rejected(_)), "{error}");
}

#[tokio::test]
async fn the_top_shows_who_has_it() {
    let bridge = Bridge::start().await;
    let mut conversation = opened(&bridge).await;
    conversation.status = Status::Connected;
    conversation.agent = Some(handoff::conversation::Agent {
        id: "U0KEN0001".into(),
        name: "Ken".into(),
    });
    let mut notice = entry("Ken has taken the conversation");
    notice.author = Author::System;
    notice.kind = Kind::Notice;
    // A notice is delivered though the top cannot be brought up to date now.
    bridge.slack.fail_after(1, Failure::Hang);
    bridge.post(&conversation, &notice).await.unwrap();
    assert!(
        bridge.slack.conversations().await[0]
            .about
            .contains("Waiting")
    );
    bridge.post(&conversation, &notice).await.unwrap();
    let seen = bridge.slack.conversations().await.remove(0);
    assert!(seen.about.contains("Ken has it"), "{}", seen.about);
    let statuses = bridge.slack.act(&seen.reference, Act::Claim).await;
    assert!(statuses.is_empty(), "nothing to claim any more");
}

#[tokio::test]
async fn closing_twice_is_closing_once() {
    for broken in [None, Some(0), Some(1), Some(2)] {
        let bridge = Bridge::start().await;
        let mut conversation = opened(&bridge).await;
        conversation.status = Status::Closed;
        conversation.closed_at = Some(bridge::now());
        let before = bridge.slack.conversations().await[0].lines.len();
        let desk = bridge.desk();
        if let Some(calls) = broken {
            bridge.slack.fail_after(calls, Failure::DropAfter);
            let failed = desk.close(&conversation, ClosedBy::User, "The user left.");
            failed.await.unwrap_err();
        }
        for _ in 0..2 {
            let closing = desk.close(&conversation, ClosedBy::User, "The user left.");
            closing.await.unwrap();
        }
        let seen = bridge.slack.conversations().await.remove(0);
        assert!(
            seen.closed && seen.about.contains("by the user"),
            "{}",
            seen.about
        );
        assert_eq!(seen.lines.len(), before + 1);
        assert!(seen.lines[before].text.ends_with("The user left."));
        let statuses = bridge.slack.act(&seen.reference, Act::Close).await;
        assert!(statuses.is_empty(), "no button is left");
    }
}

#[tokio::test]
async fn every_way_to_fail_is_told_apart() {
    let bridge = Bridge::start().await;
    let conversation = opened(&bridge).await;
    let fails = async |failure| {
        bridge.slack.fail(Some(failure));
        let patience = Duration::from_secs(1);
        let entry = entry("hi");
        let post = bridge.post(&conversation, &entry);
        let failed = tokio::time::timeout(patience, post).await;
        bridge.slack.fail(None);
        failed.map(Result::unwrap_err)
    };
    assert_eq!(
        fails(Failure::RateLimited(Duration::from_secs(7))).await,
        Ok(DeskError::Unavailable {
            reason: "HTTP 429".into(),
            retry_after: Some(Duration::from_secs(7))
        })
    );
    let unavailable = |error| matches!(error, Ok(DeskError::Unavailable { .. }));
    assert!(unavailable(fails(Failure::ServerError).await));
    assert!(unavailable(fails(Failure::DropAfter).await));
    // The relay's patience ends the wait.
    assert!(fails(Failure::Hang).await.is_err());
    assert!(matches!(
        fails(Failure::RefusedInBody).await,
        Ok(DeskError::Rejected(_))
    ));
    assert!(matches!(
        fails(Failure::Unauthorized).await,
        Ok(DeskError::NotConfigured(_))
    ));
}

#[tokio::test]
async fn a_check_says_what_is_wrong_and_leaves_nothing_behind() {
    let bridge = Bridge::start().await;
    bridge.desk().check().await.unwrap();
    assert!(bridge.slack.conversations().await.is_empty());
    let wrong = bridge
        .desk_with("channel", "C0NOWHERE")
        .check()
        .await
        .unwrap_err();
    assert!(
        wrong.to_string().contains("the channel is unknown"),
        "{wrong}"
    );
    let wrong = bridge
        .desk_with("bot_token", "xoxb-hush")
        .check()
        .await
        .unwrap_err();
    assert!(wrong.to_string().contains("token was refused"), "{wrong}");
    assert!(!wrong.to_string().contains("hush"));
    let wrong = format!("{}/nowhere", bridge.slack.page_url());
    let wrong = bridge
        .desk_with("base_url", &wrong)
        .check()
        .await
        .unwrap_err();
    assert!(wrong.to_string().contains("base_url"), "{wrong}");
}

#[tokio::test]
async fn where_the_app_may_not_look_a_second_copy_is_better_than_none() {
    let bridge = Bridge::start().await;
    let conversation = opened(&bridge).await;
    let before = bridge.slack.conversations().await[0].lines.len();
    let mut entry = entry("hi");
    entry.attempts = 2;
    bridge.slack.fail_after(0, Failure::RefusedInBody);
    bridge.post(&conversation, &entry).await.unwrap();
    assert_eq!(
        bridge.slack.conversations().await[0].lines.len(),
        before + 1
    );
}

#[tokio::test]
async fn its_limits_are_slacks() {
    let slack = desk_stand_ins::slack::Slack::start(desk_stand_ins::Options {
        listener: tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(),
        bridge_url: "http://127.0.0.1:9".into(),
        instance: "slack".into(),
        limits: true,
    })
    .await;
    let desk = bridge::make(slack.secret());
    let mut conversation = conversation("c1");
    let history = handoff::conversation::History::default();
    let opening = Opening {
        conversation: &conversation,
        history: &history,
        attempt: 1,
    };
    conversation.desk_ref = Some(desk.open(opening).await.unwrap().reference);
    let mut limited = None;
    for n in 0..20 {
        let line = entry(&n.to_string());
        if let Err(error) = desk.post(&conversation, &[line]).await {
            limited = Some(error);
            break;
        }
    }
    assert!(matches!(
        limited,
        Some(DeskError::Unavailable { retry_after: Some(wait), .. }) if !wait.is_zero()
    ));
    Box::new(slack).shutdown().await;
}
