use handoff::conversation::{ClosedBy, Kind, Side, Status};
use handoff::store::{ChatOutcome, CloseOutcome, EstablishOutcome};

use crate::support::{Table, chat, close, id};

#[tokio::test]
async fn an_establish_stores_everything_at_once() {
    let table = Table::new().await;
    assert_eq!(table.establish(100).await, EstablishOutcome::Opened);
    let known = table.conversation().await;
    assert_eq!(known.status, Status::Waiting);
    assert_eq!(known.episode, 1);
    assert_eq!(known.bot.as_deref(), Some("bot"));
    assert_eq!(known.last.unwrap().text, "question of 100");
    assert_eq!(table.texts(Side::User).await, ["hello"]);
    let desk = table.lane(Side::Desk).await;
    assert_eq!(desk.entries.len(), 1);
    assert_eq!(desk.entries[0].kind, Kind::Opening);
    assert_eq!(desk.conversation.unwrap().id, id());
    let history = table.store.history(&id(), 1).await.unwrap();
    assert_eq!(history.turns[0].text, "question of 100");
}

#[tokio::test]
async fn a_repeated_or_older_establish_changes_nothing() {
    let table = Table::new().await;
    table.establish(100).await;
    let before = table.conversation().await;
    assert_eq!(table.establish(100).await, EstablishOutcome::Repeated);
    assert_eq!(table.conversation().await, before);
    // All that is kept of an older one is that there was one.
    assert_eq!(table.establish(99).await, EstablishOutcome::Repeated);
    let mut after = table.conversation().await;
    assert!(std::mem::take(&mut after.reestablished));
    assert_eq!(after, before);
    assert_eq!(table.texts(Side::User).await, ["hello"]);
}

#[tokio::test]
async fn a_newer_establish_of_an_open_conversation_greets_again_and_tells_the_desk() {
    let table = Table::new().await;
    table.establish(100).await;
    table.deliver(Side::User).await;
    table.deliver(Side::Desk).await;
    assert_eq!(table.establish(200).await, EstablishOutcome::AskedAgain);
    assert_eq!(table.establish(200).await, EstablishOutcome::Repeated);
    assert_eq!(table.texts(Side::User).await, ["hello"]);
    assert_eq!(
        table.texts(Side::Desk).await,
        ["The user asked for a human again: question of 200"]
    );
    assert_eq!(table.conversation().await.episode, 1);
}

#[tokio::test]
async fn a_newer_establish_of_a_closed_conversation_opens_its_next_episode() {
    let table = Table::new().await;
    table.establish(100).await;
    table.store.close(&close(150), 90).await.unwrap();
    assert!(table.conversation().await.is_closed());
    assert_eq!(table.establish(200).await, EstablishOutcome::Opened);
    let known = table.conversation().await;
    assert_eq!(known.status, Status::Waiting);
    assert_eq!(known.episode, 2);
    assert_eq!(known.closed_at, None);
    assert_eq!(known.closed_by, None);
    assert_eq!(known.agent, None);
    // The end of the first before the beginning of the second.
    let kinds: Vec<_> = table
        .lane(Side::Desk)
        .await
        .entries
        .iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, [Kind::Opening, Kind::Closing, Kind::Opening]);
    // The close of the first episode, once more, does not end the second.
    assert_eq!(
        table.store.close(&close(150), 90).await.unwrap(),
        CloseOutcome::Repeated
    );
    assert!(!table.conversation().await.is_closed());
    // Its own does.
    assert_eq!(
        table.store.close(&close(250), 90).await.unwrap(),
        CloseOutcome::Closed
    );
    assert!(table.conversation().await.is_closed());
}

#[tokio::test]
async fn a_line_is_stored_once_however_often_it_comes() {
    let table = Table::new().await;
    table.establish(100).await;
    table.deliver(Side::Desk).await;
    for expected in [
        ChatOutcome::Stored,
        ChatOutcome::Repeated,
        ChatOutcome::Repeated,
    ] {
        assert_eq!(
            table.store.chat(&chat(110, "ok"), 90).await.unwrap(),
            expected
        );
    }
    assert_eq!(
        table.store.chat(&chat(111, "ok"), 90).await.unwrap(),
        ChatOutcome::Stored
    );
    assert_eq!(table.texts(Side::Desk).await, ["ok", "ok"]);
    // Also once it has been delivered.
    table.deliver(Side::Desk).await;
    assert_eq!(
        table.store.chat(&chat(110, "ok"), 90).await.unwrap(),
        ChatOutcome::Repeated
    );
    assert!(table.texts(Side::Desk).await.is_empty());
}

#[tokio::test]
async fn a_line_that_overtakes_its_establish_waits_for_it() {
    let table = Table::new().await;
    table.chat(110, "am I early?").await;
    let lane = table.lane(Side::Desk).await;
    assert!(lane.conversation.is_none());
    assert_eq!(lane.entries.len(), 1);
    table.establish(100).await;
    let lane = table.lane(Side::Desk).await;
    assert!(lane.conversation.is_some());
    assert_eq!(lane.entries[0].kind, Kind::Opening);
    assert_eq!(lane.entries[1].text, "am I early?");
}

#[tokio::test]
async fn lines_that_wait_together_go_by_gptbots_timestamps() {
    let table = Table::new().await;
    table.establish(100).await;
    for (at, text) in [(103, "three"), (101, "one"), (102, "two")] {
        table.chat(at, text).await;
    }
    assert_eq!(table.texts(Side::Desk).await[1..], ["one", "two", "three"]);
}

#[tokio::test]
async fn a_close_is_stored_once_and_stays_as_it_was() {
    let table = Table::new().await;
    table.establish(100).await;
    assert_eq!(
        table.store.close(&close(200), 90).await.unwrap(),
        CloseOutcome::Closed
    );
    assert_eq!(
        table.store.close(&close(200), 90).await.unwrap(),
        CloseOutcome::Repeated
    );
    assert_eq!(
        table.store.close(&close(300), 90).await.unwrap(),
        CloseOutcome::Repeated
    );
    let known = table.conversation().await;
    assert_eq!(known.closed_by, Some(ClosedBy::User));
    assert_eq!(known.close_sent_at, Some(300), "the newest is remembered");
    assert_eq!(
        table.texts(Side::Desk).await,
        ["", "The user left the conversation."]
    );
}

#[tokio::test]
async fn in_the_first_episode_a_close_ends_it_whatever_its_timestamp_is() {
    let table = Table::new().await;
    table.establish(100).await;
    assert_eq!(
        table.store.close(&close(1), 90).await.unwrap(),
        CloseOutcome::Closed
    );
    assert!(table.conversation().await.is_closed());
}

#[tokio::test]
async fn a_close_before_its_establish_ends_it() {
    let table = Table::new().await;
    assert_eq!(
        table.store.close(&close(200), 90).await.unwrap(),
        CloseOutcome::Closed
    );
    // Nothing to see yet.
    assert!(table.store.conversation(&id()).await.unwrap().is_none());
    assert!(
        table
            .store
            .closed_conversations(None, 30)
            .await
            .unwrap()
            .conversations
            .is_empty()
    );
    assert_eq!(table.establish(100).await, EstablishOutcome::AlreadyEnded);
    let known = table.conversation().await;
    assert_eq!(known.status, Status::Closed);
    assert_eq!(known.closed_by, Some(ClosedBy::User));
    assert!(table.texts(Side::User).await.is_empty(), "nobody to greet");
    let kinds: Vec<_> = table
        .lane(Side::Desk)
        .await
        .entries
        .iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, [Kind::Opening, Kind::Closing]);
    assert_eq!(table.establish(100).await, EstablishOutcome::Repeated);
    assert_eq!(
        table
            .store
            .closed_conversations(None, 30)
            .await
            .unwrap()
            .conversations
            .len(),
        1
    );
}

#[tokio::test]
async fn of_two_closes_before_their_establishes_the_second_ends_the_second() {
    let table = Table::new().await;
    table.store.close(&close(100), 90).await.unwrap();
    for _ in 0..2 {
        let again = table.store.close(&close(300), 90).await.unwrap();
        assert_eq!(again, CloseOutcome::Repeated);
    }
    assert_eq!(table.establish(200).await, EstablishOutcome::AlreadyEnded);
    // The desk opens and closes it; the first end was of nothing that it knows.
    let desk = table.lane(Side::Desk).await.entries;
    let shape: Vec<_> = desk
        .iter()
        .map(|entry| (entry.kind, entry.sent_at))
        .collect();
    assert_eq!(
        shape,
        [
            (Kind::Closing, Some(100)),
            (Kind::Opening, Some(200)),
            (Kind::Closing, Some(300))
        ]
    );
}

#[tokio::test]
async fn a_close_of_something_older_does_not_end_what_comes_later() {
    let table = Table::new().await;
    table.store.close(&close(200), 90).await.unwrap();
    assert_eq!(table.establish(201).await, EstablishOutcome::Opened);
    let known = table.conversation().await;
    assert_eq!(known.status, Status::Waiting);
    assert_eq!(known.closed_by, None);
    assert_eq!(known.close_sent_at, None);
    let kinds: Vec<_> = table
        .lane(Side::Desk)
        .await
        .entries
        .iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(
        kinds,
        [Kind::Closing, Kind::Opening],
        "first what never was open"
    );
}

#[tokio::test]
async fn a_late_close_does_not_end_what_was_asked_for_after_it() {
    let table = Table::new().await;
    table.establish(50).await;
    // close(100) and establish(200) come in the wrong order.
    assert_eq!(table.establish(200).await, EstablishOutcome::AskedAgain);
    let late = table.store.close(&close(100), 90).await.unwrap();
    assert_eq!(late, CloseOutcome::Repeated);
    assert!(!table.conversation().await.is_closed());
    table.store.close(&close(300), 90).await.unwrap();
    assert!(table.conversation().await.is_closed());
}

#[tokio::test]
async fn a_late_close_does_not_end_what_is_newer_than_an_establish_that_comes_between() {
    let table = Table::new().await;
    // establish(50), close(100), establish(200): the last came first.
    table.establish(200).await;
    assert_eq!(table.establish(50).await, EstablishOutcome::Repeated);
    assert_eq!(table.establish(50).await, EstablishOutcome::Repeated);
    let late = table.store.close(&close(100), 90).await.unwrap();
    assert_eq!(late, CloseOutcome::Repeated);
    assert!(!table.conversation().await.is_closed());
    table.store.close(&close(300), 90).await.unwrap();
    assert!(table.conversation().await.is_closed());
}

#[tokio::test]
async fn a_close_that_overtakes_the_establish_of_a_later_episode_is_remembered() {
    let table = Table::new().await;
    table.establish(100).await;
    table.store.close(&close(150), 90).await.unwrap();
    // close(500) and establish(450) come in the wrong order.
    table.store.close(&close(500), 90).await.unwrap();
    assert_eq!(table.establish(450).await, EstablishOutcome::AlreadyEnded);
    let known = table.conversation().await;
    assert!(known.is_closed());
    assert_eq!(known.episode, 2);
    let kinds: Vec<_> = table
        .lane(Side::Desk)
        .await
        .entries
        .iter()
        .map(|entry| entry.kind)
        .collect();
    let (open, end) = (Kind::Opening, Kind::Closing);
    assert_eq!(kinds, [open, end, open, end]);
    assert_eq!(table.establish(501).await, EstablishOutcome::Opened);
}
