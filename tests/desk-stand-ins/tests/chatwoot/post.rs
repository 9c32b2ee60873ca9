//! Lines to the desk, and the end.

use desk_stand_ins::{Act, DeskStandIn as _, From};
use handoff::conversation::{Author, ClosedBy, Conversation, Entry, Status};
use handoff::desk::DeskError;

use super::support::{PLAIN, Stage, entry, setups};

async fn post(stage: &Stage, known: &Conversation, entry: &Entry) -> Result<(), DeskError> {
    let posted = stage.desk.post(known, std::slice::from_ref(entry)).await?;
    assert!(posted.is_some());
    Ok(())
}

#[tokio::test]
async fn users_lines_are_the_contacts_and_notices_are_for_agents() {
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let known = stage.opened().await;
        let nasty =
            "*hi* <!channel> [@x](mention://user/7/x) {{contact.email}}\n# https://x.example/a_b";
        post(&stage, &known, &entry(&known, Author::User, nasty, 1))
            .await
            .unwrap();
        post(
            &stage,
            &known,
            &entry(&known, Author::System, "Not delivered", 2),
        )
        .await
        .unwrap();
        let lines = stage.seen(&known).await.lines;
        assert_eq!(lines[1].text, nasty);
        assert_eq!(lines[1].from, From::User);
        assert_eq!(lines[2].text, "[Handoff] Not delivered");
        assert_eq!(
            lines[2].from,
            if setup.token {
                From::Bridge
            } else {
                From::User
            }
        );
        assert!(
            lines.iter().all(|line| line.accident.is_none()),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_line_that_may_have_arrived_is_looked_for_and_the_same_words_are_not_the_same_line() {
    let stage = Stage::new(PLAIN).await;
    let known = stage.opened().await;
    for n in 0..3 {
        let mut line = entry(&known, Author::User, "ok", n);
        stage.stand_in.drop_after_call(1);
        post(&stage, &known, &line).await.unwrap_err();
        // Much happens in between.
        for _ in 0..25 {
            stage
                .stand_in
                .act(known.desk_ref.as_deref().unwrap(), Act::Note("hm".into()))
                .await;
        }
        line.attempts = 2;
        post(&stage, &known, &line).await.unwrap();
        // This one really did not arrive.
        let mut line = entry(&known, Author::User, "ok", 100 + n);
        line.attempts = 2;
        post(&stage, &known, &line).await.unwrap();
    }
    let lines = stage.lines(&known).await;
    assert_eq!(lines.iter().filter(|line| *line == "ok").count(), 6);
}

#[tokio::test]
async fn a_long_line_that_broke_off_is_completed() {
    let text = "word ".repeat(14_000);
    for calls in 1..=3 {
        let stage = Stage::new(PLAIN).await;
        let known = stage.opened().await;
        let mut line = entry(&known, Author::User, &text, 1);
        stage.stand_in.drop_after_call(calls);
        post(&stage, &known, &line).await.unwrap_err();
        line.attempts = 2;
        post(&stage, &known, &line).await.unwrap();
        let lines = stage.lines(&known).await;
        assert_eq!(lines.len(), 3);
        let all = lines.join(" ").replace("… ", "");
        assert_eq!(all, text.trim());
    }
}

/// Without a token there is nothing to tell two lines with the same words apart by: a line comes
/// twice rather than not at all.
#[tokio::test]
async fn without_a_token_a_line_whose_answer_was_lost_comes_twice() {
    let stage = Stage::new(setups()[2]).await;
    let known = stage.opened().await;
    let mut line = entry(&known, Author::User, "ok", 1);
    stage.stand_in.drop_after_call(1);
    post(&stage, &known, &line).await.unwrap_err();
    line.attempts = 2;
    post(&stage, &known, &line).await.unwrap();
    assert_eq!(stage.lines(&known).await, ["ok", "ok"]);
}

#[tokio::test]
async fn the_end_is_shown_once_wherever_an_attempt_breaks_off() {
    for setup in setups() {
        for calls in 1..=4 {
            let stage = Stage::new(setup).await;
            let mut known = stage.opened().await;
            post(&stage, &known, &entry(&known, Author::User, "bye", 1))
                .await
                .unwrap();
            known.status = Status::Closed;
            stage.stand_in.drop_after_call(calls);
            let text = "The user has left.";
            for _ in 0..3 {
                let _ = stage.desk.close(&known, ClosedBy::User, text).await;
            }
            assert_eq!(stage.desk.close(&known, ClosedBy::User, text).await, Ok(()));
            let shown = if setup.token {
                text.to_owned()
            } else {
                format!("[Handoff] {text}")
            };
            assert_eq!(
                stage.lines(&known).await,
                ["bye".to_owned(), shown],
                "{calls}"
            );
            assert!(stage.seen(&known).await.closed);
        }
    }
}

#[tokio::test]
async fn what_the_agent_has_resolved_is_left_alone() {
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let known = stage.opened().await;
        stage
            .stand_in
            .act(known.desk_ref.as_deref().unwrap(), Act::Close)
            .await;
        stage
            .desk
            .close(&known, ClosedBy::Timeout, "Over.")
            .await
            .unwrap();
        assert!(stage.lines(&known).await.is_empty());
    }
}

#[tokio::test]
async fn a_late_line_is_marked_and_opens_nothing_again() {
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let mut known = stage.opened().await;
        stage
            .desk
            .close(&known, ClosedBy::User, "The user has left.")
            .await
            .unwrap();
        known.status = Status::Closed;
        let mut late = entry(&known, Author::User, "one more thing", 1);
        late.late = true;
        post(&stage, &known, &late).await.unwrap();
        post(
            &stage,
            &known,
            &entry(&known, Author::System, "Nobody reads this", 2),
        )
        .await
        .unwrap();
        let seen = stage.seen(&known).await;
        assert!(seen.closed);
        let lines = stage.lines(&known).await;
        assert_eq!(
            lines[1..],
            [
                "[Written after the end of the chat] one more thing",
                "[Handoff] Nobody reads this",
            ]
        );
    }
}

#[tokio::test]
async fn what_was_deleted_there_is_gone() {
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let known = stage.opened().await;
        stage.stand_in.delete(known.desk_ref.as_deref().unwrap());
        let gone = post(&stage, &known, &entry(&known, Author::User, "hi", 1)).await;
        assert!(matches!(gone, Err(DeskError::Gone(_))), "{gone:?}");
        assert_eq!(
            stage.desk.close(&known, ClosedBy::User, "Over.").await,
            Ok(())
        );
    }
}

#[tokio::test]
async fn a_flood_is_slowed_down_and_not_refused() {
    let stage = Stage::with(PLAIN, true).await;
    let known = stage.opened().await;
    let mut flooded = None;
    for n in 0..200 {
        if let Err(error) = post(&stage, &known, &entry(&known, Author::User, "ok", n)).await {
            flooded = Some(error);
            break;
        }
    }
    let slowed = matches!(
        flooded,
        Some(DeskError::Unavailable {
            retry_after: Some(_),
            ..
        })
    );
    assert!(slowed, "{flooded:?}");
}
