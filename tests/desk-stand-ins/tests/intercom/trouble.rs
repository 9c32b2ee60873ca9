//! Attempts that fail half-way, and what their failures mean.

use std::time::Duration;

use desk_stand_ins::{Act, DeskStandIn as _, Failure, From};
use handoff::conversation::{Author, ClosedBy, Conversation, History, Kind, Speaker};
use handoff::desk::DeskError;
use serde_json::json;

use crate::support::{Rig, again, connector, conversation, entry, history, line};

/// A history that takes several notes.
fn long_history() -> History {
    let texts: Vec<_> = (0..30)
        .map(|n| format!("<{n:02}> {}", "word ".repeat(200)))
        .collect();
    let turns: Vec<_> = texts
        .iter()
        .map(|text| (Speaker::User, text.as_str()))
        .collect();
    history(&turns)
}

/// What agents see of it has every turn once, in order, and each note once.
fn is_complete(texts: &[String]) {
    let all = texts.concat();
    let places: Vec<_> = (0..30)
        .map(|n| {
            let turn = format!("Bob: <{n:02}> ");
            assert_eq!(all.matches(&turn).count(), 1, "{turn}");
            all.find(&turn).unwrap()
        })
        .collect();
    assert!(places.is_sorted());
    let notes = texts.len();
    assert!(notes > 1);
    for n in 1..=notes {
        assert_eq!(
            all.matches(&format!("{n} of {notes} · handoff-")).count(),
            1
        );
    }
}

#[tokio::test]
async fn an_opening_that_breaks_off_anywhere_is_completed_and_not_made_again() {
    for failure in [Failure::DropAfter, Failure::ServerError] {
        let mut broke_off = 0;
        for call in 0.. {
            let rig = Rig::start().await;
            let conversation = conversation("c1");
            rig.stand_in.fail_once(call, failure);
            let first = rig.open(&conversation, &long_history(), 1).await;
            let Err(error) = first else {
                is_complete(&rig.texts(From::Bridge).await);
                break;
            };
            assert!(matches!(error, DeskError::Unavailable { .. }), "{error}");
            broke_off += 1;
            // And once more, a call later: each attempt begins with looking.
            rig.stand_in.fail_once(call + 1, failure);
            let mut attempt = 2;
            let opened = loop {
                match rig.open(&conversation, &long_history(), attempt).await {
                    Ok(opened) => break opened,
                    Err(DeskError::Unavailable { .. }) if attempt < 4 => attempt += 1,
                    Err(error) => panic!("call {call}, attempt {attempt}: {error}"),
                }
            };
            let seen = rig.only().await;
            assert_eq!(seen.reference, opened.reference);
            assert_eq!(seen.person, opened.context);
            is_complete(&rig.texts(From::Bridge).await);
            assert_eq!(rig.texts(From::User).await.len(), 1);
        }
        // Contact, conversation, and at least two notes.
        assert!(broke_off >= 4, "{broke_off}");
    }
}

#[tokio::test]
async fn a_line_whose_answer_was_lost_is_found_and_not_said_twice() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let long = "Some sentence of it. ".repeat(1_000);
    for text in ["hello <b>&amp;</b>", "ok", "ok", long.trim()] {
        let pieces = text.len().div_ceil(10_000) as u64;
        for lost in 0..pieces {
            rig.stand_in.fail_once(lost, Failure::DropAfter);
            let line = line(&open, text);
            let failed = rig
                .desk
                .post(&open, std::slice::from_ref(&line))
                .await
                .unwrap_err();
            assert!(matches!(failed, DeskError::Unavailable { .. }), "{failed}");
            let shown = rig.texts(From::User).await.len() as u64;
            let id = rig.desk.post(&open, &[again(line)]).await.unwrap();
            assert!(id.is_some());
            let missing = pieces - 1 - lost;
            assert_eq!(
                rig.texts(From::User).await.len() as u64,
                shown + missing,
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn a_line_that_never_arrived_is_sent_though_the_user_said_the_same_before() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    // Both wait together, so that the time does not tell them apart.
    let (first, second) = (line(&open, "ok"), line(&open, "ok"));
    rig.desk.post(&open, &[first]).await.unwrap();
    rig.stand_in.fail_once(0, Failure::ServerError);
    rig.desk
        .post(&open, std::slice::from_ref(&second))
        .await
        .unwrap_err();
    rig.desk.post(&open, &[again(second)]).await.unwrap();
    assert_eq!(rig.texts(From::User).await[1..], ["ok", "ok"]);
}

#[tokio::test]
async fn what_was_said_long_before_or_between_is_not_taken_for_a_line() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    rig.desk.post(&open, &[line(&open, "yes")]).await.unwrap();
    rig.desk.post(&open, &[line(&open, "no")]).await.unwrap();
    // Another process, which remembers nothing: the last that the user said is "no".
    let other = connector(&rig.stand_in.secret()).unwrap();
    other
        .post(&open, &[again(line(&open, "yes"))])
        .await
        .unwrap();
    assert_eq!(rig.texts(From::User).await[1..], ["yes", "no", "yes"]);
    // The same as the last one, but written some seconds later than that was shown.
    let mut later = again(line(&open, "yes"));
    later.at += 5_000;
    later.queued_at = later.at;
    let another = connector(&rig.stand_in.secret()).unwrap();
    another.post(&open, &[later]).await.unwrap();
    assert_eq!(rig.texts(From::User).await.len(), 5);
}

#[tokio::test]
async fn an_agents_line_in_between_does_not_hide_what_arrived() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let line = line(&open, "hello");
    rig.stand_in.fail_once(0, Failure::DropAfter);
    rig.desk
        .post(&open, std::slice::from_ref(&line))
        .await
        .unwrap_err();
    let reference = open.desk_ref.clone().unwrap();
    rig.stand_in.act(&reference, Act::Say("hello".into())).await;
    rig.desk.post(&open, &[again(line)]).await.unwrap();
    assert_eq!(rig.texts(From::User).await[1..], ["hello"]);
}

#[tokio::test]
async fn notes_whose_answer_was_lost_are_found_by_their_mark() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let before = rig.texts(From::Bridge).await.len();
    for _ in 0..2 {
        // The same text twice: two notices.
        let notice = entry(&open, Author::System, Kind::Notice, "Not delivered", 1);
        rig.stand_in.fail_once(0, Failure::DropAfter);
        rig.desk
            .post(&open, std::slice::from_ref(&notice))
            .await
            .unwrap_err();
        rig.desk.post(&open, &[again(notice)]).await.unwrap();
    }
    assert_eq!(rig.texts(From::Bridge).await.len(), before + 2);
}

#[tokio::test]
async fn an_end_that_breaks_off_anywhere_is_completed() {
    for call in 0..3 {
        let rig = Rig::start().await;
        let open = rig.opened("c1").await;
        rig.stand_in.fail_once(call, Failure::DropAfter);
        let close = async || rig.desk.close(&open, ClosedBy::Timeout, "Gave up.").await;
        assert!(matches!(close().await, Err(DeskError::Unavailable { .. })));
        close().await.unwrap();
        assert!(rig.only().await.closed);
        let notes = rig.texts(From::Bridge).await;
        assert_eq!(
            notes
                .iter()
                .filter(|note| note.starts_with("Gave up."))
                .count(),
            1
        );
        assert_eq!(rig.stand_in.calls()["close"], 1, "call {call}");
    }
}

/// Every way in which the desk is asked for something.
async fn all_calls(rig: &Rig, open: &Conversation) -> Vec<DeskError> {
    let new = conversation("c9");
    let retried = again(line(open, "x"));
    let notice = entry(open, Author::System, Kind::Notice, "x", 1);
    vec![
        rig.open(&new, &History::default(), 1).await.unwrap_err(),
        rig.desk.post(open, &[line(open, "x")]).await.unwrap_err(),
        rig.desk.post(open, &[retried]).await.unwrap_err(),
        rig.desk.post(open, &[notice]).await.unwrap_err(),
        rig.desk.close(open, ClosedBy::User, "x").await.unwrap_err(),
        rig.desk.reconcile(open).await.unwrap_err(),
        rig.desk.check().await.unwrap_err(),
    ]
}

#[tokio::test]
async fn failures_are_what_they_mean() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let wait = Duration::from_secs(30);
    for failure in [
        Failure::RateLimited(wait),
        Failure::ServerError,
        Failure::RefusedInBody,
        Failure::Unauthorized,
        Failure::DropAfter,
    ] {
        rig.stand_in.fail(Some(failure));
        for error in all_calls(&rig, &open).await {
            let fits = match (failure, &error) {
                (Failure::RateLimited(_), DeskError::Unavailable { retry_after, .. }) => {
                    // By two clocks, of which one has whole seconds.
                    retry_after.is_some_and(|asked| {
                        asked <= wait + Duration::from_secs(1) && !asked.is_zero()
                    })
                }
                (Failure::RefusedInBody, DeskError::Rejected(why)) => why.starts_with("HTTP 400"),
                (Failure::Unauthorized, DeskError::NotConfigured(_)) => true,
                (
                    Failure::ServerError | Failure::DropAfter,
                    DeskError::Unavailable { retry_after, .. },
                ) => retry_after.is_none(),
                _ => false,
            };
            assert!(fits, "{failure:?}: {error:?}");
        }
    }
    rig.stand_in.fail(None);
    rig.desk.check().await.unwrap();
}

#[tokio::test]
async fn a_desk_that_hangs_is_not_available() {
    let rig = Rig::start().await;
    rig.stand_in.fail(Some(Failure::Hang));
    let error = rig.desk.check().await.unwrap_err();
    assert!(matches!(error, DeskError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn a_check_says_what_is_wrong() {
    let rig = Rig::start().await;
    rig.desk.check().await.unwrap();
    for (member, value, says) in [
        (
            "access_token",
            "hush",
            "access_token: the credentials were refused (HTTP 401)",
        ),
        (
            "admin_id",
            "12345",
            "admin_id is no teammate of this workspace",
        ),
        ("app_id", "other", "app_id is not the workspace"),
    ] {
        let mut secret = rig.stand_in.secret();
        secret[member] = json!(value);
        let error = connector(&secret).unwrap().check().await.unwrap_err();
        let DeskError::NotConfigured(why) = &error else {
            panic!("{error}");
        };
        assert!(why.contains(says), "{why}");
        assert!(!why.contains("hush"));
    }
    assert!(rig.stand_in.conversations().await.is_empty());
    let mut secret = rig.stand_in.secret();
    secret.as_object_mut().unwrap().remove("admin_id");
    let error = connector(&secret).err().unwrap();
    assert_eq!(
        error,
        DeskError::NotConfigured("intercom: admin_id is missing".into())
    );
}
