//! The connector for Zendesk against its stand-in, over HTTP.
#![allow(clippy::unwrap_used)]

mod bridge;
mod events;
mod failures;
mod requests;

use bridge::{World, again, conversation, line, notice};
use desk_stand_ins::{DeskStandIn as _, Failure, From, Seen};
use handoff::conversation::ClosedBy;
use handoff::desk::DeskError;

fn texts(seen: &Seen, from: From) -> Vec<String> {
    let lines = seen.lines.iter().filter(|line| line.from == from);
    lines.map(|line| line.text.clone()).collect()
}

fn without_accident(seen: &Seen) {
    for line in &seen.lines {
        assert_eq!(line.accident, None, "{}", line.text);
    }
}

#[tokio::test]
async fn a_ticket_has_the_user_and_the_history_in_order() {
    let world = World::new().await;
    let known = world.open("c1").await;
    let seen = world.seen().await;
    assert_eq!(seen.len(), 1);
    assert_eq!(Some(&seen[0].reference), known.desk_ref.as_ref());
    without_accident(&seen[0]);
    assert!(seen[0].about.contains("Name: Bob") && !seen[0].about.contains("support@gptbots.ai"));
    let said = texts(&seen[0], From::Bridge);
    assert_eq!(
        said[1..],
        [
            "Before the handoff:",
            "Bob: Hi <there> {{ticket.id}}",
            "Bot: Hello! *How* can I help?",
            "Bob: A human please"
        ]
    );
    assert!(!seen[0].closed);
    // Our own ticket comes back as an event, and is nothing.
    world.told(1).await;
    assert_eq!(world.happened(), []);
}

#[tokio::test]
async fn two_strangers_stay_two_and_a_person_stays_one() {
    let world = World::new().await;
    world.open("c1").await;
    world.open("c2").await;
    let mut known = conversation("c3");
    known.user.user_id = Some("u1".into());
    world.try_open(&known, 1).await.unwrap();
    known.id = conversation("c4").id;
    world.try_open(&known, 1).await.unwrap();
    let people: Vec<_> = world
        .seen()
        .await
        .into_iter()
        .map(|seen| seen.person)
        .collect();
    assert_ne!(people[0], people[1]);
    assert_eq!(people[2], people[3]);
    assert_ne!(people[1], people[2]);
}

#[tokio::test]
async fn wherever_an_opening_breaks_off_there_is_one_ticket_in_the_end() {
    for skip in 0..3 {
        let world = World::new().await;
        let known = conversation("c1");
        world.stand_in.fail_once(skip, Failure::DropAfter);
        let first = world.try_open(&known, 1).await;
        assert_eq!(first.is_ok(), skip == 2, "call {skip}");
        // The attempt after it breaks off where it asks.
        world.stand_in.fail_once(0, Failure::DropAfter);
        assert!(world.try_open(&known, 2).await.is_err());
        let opened = world.try_open(&known, 3).await.unwrap();
        let seen = world.seen().await;
        assert_eq!(seen.len(), 1, "call {skip}");
        assert_eq!(seen[0].reference, opened.reference);
        assert_eq!(seen[0].person, opened.context);
        assert_eq!(texts(&seen[0], From::Bridge).len(), 5);
    }
}

#[tokio::test]
async fn the_key_alone_keeps_a_ticket_from_being_made_twice() {
    let world = World::new().await;
    let known = conversation("c1");
    let first = world.try_open(&known, 1).await.unwrap();
    assert_eq!(world.try_open(&known, 1).await.unwrap(), first);
    assert_eq!(world.seen().await.len(), 1);
    let mut next = known.clone();
    next.episode = 2;
    assert_ne!(
        world.try_open(&next, 2).await.unwrap().reference,
        first.reference
    );
}

#[tokio::test]
async fn lines_that_wait_go_as_one_update_in_order() {
    let world = World::new().await;
    let known = world.open("c1").await;
    let entries: Vec<_> = (0..20)
        .map(|n| line(&known, n, &format!("<b>{n}</b> {{{{x}}}} #1")))
        .collect();
    let reference = known.desk_ref.clone().unwrap();
    let before = world.stand_in.updates(&reference);
    world.desk.post(&known, &entries).await.unwrap();
    assert_eq!(world.stand_in.updates(&reference), before + 1);
    let seen = world.seen().await.remove(0);
    without_accident(&seen);
    let expected: Vec<_> = entries.iter().map(|entry| entry.text.clone()).collect();
    assert_eq!(texts(&seen, From::User), expected);
    assert!(world.desk.capabilities().posts_together >= 20);
}

#[tokio::test]
async fn wherever_posting_breaks_off_each_line_is_shown_once() {
    let long = "word ".repeat(9_000);
    for skip in 0..4 {
        let world = World::new().await;
        let known = world.open("c1").await;
        let entries = [
            line(&known, 1, "one"),
            notice(&known, 2, "Not delivered"),
            line(&known, 3, &long),
            line(&known, 4, "four"),
        ];
        world.stand_in.fail_once(skip, Failure::DropAfter);
        let first = world.desk.post(&known, &entries).await;
        assert_eq!(first.is_ok(), skip == 3, "call {skip}");
        let entries: Vec<_> = entries.iter().map(again).collect();
        if skip == 3 {
            // It breaks off where it asks.
            assert!(world.desk.post(&known, &entries).await.is_err());
        }
        world.desk.post(&known, &entries).await.unwrap();
        let seen = world.seen().await.remove(0);
        without_accident(&seen);
        let shown = texts(&seen, From::User);
        assert_eq!(
            (shown[0].as_str(), shown.last().unwrap().as_str()),
            ("one", "four")
        );
        let words: usize = shown.iter().map(|text| text.matches("word").count()).sum();
        assert_eq!(words, 9_000, "call {skip}");
        assert_eq!(texts(&seen, From::Bridge).last().unwrap(), "Not delivered");
        // All shown: nothing is sent.
        let posts = world.stand_in.calls()["post"];
        world.desk.post(&known, &entries).await.unwrap();
        assert_eq!(world.stand_in.calls()["post"], posts);
    }
}

#[tokio::test]
async fn many_updates_are_asked_for_in_pages() {
    let world = World::new().await;
    let known = world.open("c1").await;
    let entries: Vec<_> = (0..130).map(|n| line(&known, n, "hi")).collect();
    for entry in &entries {
        world
            .desk
            .post(&known, std::slice::from_ref(entry))
            .await
            .unwrap();
    }
    world
        .desk
        .post(&known, &[again(&entries[125])])
        .await
        .unwrap();
    assert_eq!(world.stand_in.calls()["audits"], 2);
    assert_eq!(texts(&world.seen().await[0], From::User).len(), 130);
}

#[tokio::test]
async fn closing_solves_the_ticket_once_and_says_why_to_agents_only() {
    let world = World::new().await;
    let known = world.open("c1").await;
    for _ in 0..2 {
        world
            .desk
            .close(&known, ClosedBy::User, "The user has left.")
            .await
            .unwrap();
    }
    let seen = world.seen().await.remove(0);
    assert!(seen.closed);
    let said = texts(&seen, From::Bridge);
    assert_eq!(
        said.iter()
            .filter(|text| *text == "The user has left.")
            .count(),
        1
    );
    assert_eq!(world.stand_in.calls()["close"], 1);
    // The ticket, the note and the status come back, and are nothing.
    world.told(3).await;
    assert_eq!(world.happened(), []);
}

#[tokio::test]
async fn where_zendesk_will_not_solve_it_agents_see_the_end_all_the_same() {
    let world = World::new().await;
    let known = world.open("c1").await;
    world.stand_in.require_field(true);
    world
        .desk
        .close(&known, ClosedBy::User, "The user has left.")
        .await
        .unwrap();
    let seen = world.seen().await.remove(0);
    assert!(!seen.closed);
    assert!(texts(&seen, From::Bridge).contains(&"The user has left.".to_owned()));
}

#[tokio::test]
async fn a_closed_ticket_takes_nothing_and_a_missing_one_is_gone() {
    let world = World::new().await;
    let mut known = world.open("c1").await;
    world
        .stand_in
        .close_for_good(known.desk_ref.as_ref().unwrap());
    let late = world.desk.post(&known, &[line(&known, 1, "x")]).await;
    assert!(matches!(late, Err(DeskError::Gone(_))), "{late:?}");
    world.desk.close(&known, ClosedBy::User, "x").await.unwrap();
    known.desk_ref = Some("1".into());
    let missing = world.desk.post(&known, &[line(&known, 1, "x")]).await;
    assert!(matches!(missing, Err(DeskError::Gone(_))), "{missing:?}");
    world.desk.close(&known, ClosedBy::User, "x").await.unwrap();
}

#[tokio::test]
async fn a_users_answer_opens_a_pending_ticket_and_a_late_line_opens_none() {
    let world = World::new().await;
    let known = world.open("c1").await;
    let reference = known.desk_ref.clone().unwrap();
    world.stand_in.set_pending(&reference);
    world
        .desk
        .post(&known, &[notice(&known, 1, "x")])
        .await
        .unwrap();
    assert_eq!(
        world.stand_in.status(&reference).as_deref(),
        Some("pending")
    );
    world
        .desk
        .post(&known, &[line(&known, 2, "yes")])
        .await
        .unwrap();
    assert_eq!(world.stand_in.status(&reference).as_deref(), Some("open"));
    world
        .desk
        .close(&known, ClosedBy::User, "Left.")
        .await
        .unwrap();
    let mut late = line(&known, 3, "hello?");
    late.late = true;
    world.desk.post(&known, &[late]).await.unwrap();
    assert_eq!(world.stand_in.status(&reference).as_deref(), Some("solved"));
    let shown = texts(&world.seen().await[0], From::User);
    assert_eq!(
        shown.last().unwrap(),
        "[Sent after the end of the chat] hello?"
    );
}

#[tokio::test]
async fn what_was_noted_at_the_opening_is_found_out_again() {
    let world = World::new().await;
    let mut known = world.open("c1").await;
    let person = known.desk_context.take();
    world
        .desk
        .post(&known, &[line(&known, 1, "x")])
        .await
        .unwrap();
    let seen = world.seen().await.remove(0);
    assert_eq!(seen.person, person);
    assert_eq!(texts(&seen, From::User), ["x"]);
}
