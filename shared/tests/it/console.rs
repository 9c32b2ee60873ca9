use handoff::conversation::{ClosedBy, Side, Status};
use handoff::store::{Claimed, Ended, Outcome, Posted, Replayed};

use crate::support::{Table, ann, bob, close, id};

fn stored(posted: Posted) -> handoff::conversation::Entry {
    match posted {
        Posted::Stored(entry) => *entry,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_agents_line_connects_and_the_same_one_again_is_the_same() {
    let table = Table::new().await;
    table.establish(100).await;
    let first = stored(table.post("k1", "hi").await);
    let again = stored(table.post("k1", "hi").await);
    assert_eq!(first.id, again.id);
    stored(table.post("k2", "hi").await);
    assert_eq!(table.deliver(Side::User).await, ["hello", "hi", "hi"]);
    assert_eq!(
        stored(table.post("k1", "hi").await).id,
        first.id,
        "also once delivered"
    );
    let known = table.conversation().await;
    assert_eq!(known.status, Status::Connected);
    assert_eq!(known.agent.unwrap().name, "Ann");
    assert_eq!(known.last.unwrap().text, "hi");
}

#[tokio::test]
async fn lines_to_the_user_keep_their_order_even_where_clocks_differ() {
    let table = Table::new().await;
    table.establish(100).await;
    table.post("k1", "one").await;
    table.clock.advance(-10_000);
    table.post("k2", "two").await;
    table.post("k3", "three").await;
    assert_eq!(
        table.texts(Side::User).await,
        ["hello", "one", "two", "three"]
    );
}

#[tokio::test]
async fn two_agents_who_answer_at_once_both_get_through() {
    let table = Table::new().await;
    table.establish(100).await;
    let (ann, bob) = (ann(), bob());
    let lines = (0..40).map(|n| {
        let agent = if n % 2 == 0 { &ann } else { &bob };
        let store = &table.store;
        async move {
            store
                .post(&id(), agent, &format!("k{n}"), &format!("line {n}"), 90)
                .await
        }
    });
    for posted in futures_util::future::join_all(lines).await {
        stored(posted.unwrap());
    }
    let lane = table.lane(Side::User).await.entries;
    assert_eq!(lane.len(), 41);
    assert!(
        lane.windows(2).all(|two| two[0].at < two[1].at),
        "each has a time of its own"
    );
}

#[tokio::test]
async fn a_line_after_the_end_is_refused_and_a_retry_of_one_before_it_is_not() {
    let table = Table::new().await;
    table.establish(100).await;
    let before = stored(table.post("k1", "in time").await);
    table.store.close(&close(200), 90).await.unwrap();
    assert!(matches!(
        table.post("k2", "too late").await,
        Posted::Closed(_)
    ));
    assert_eq!(stored(table.post("k1", "in time").await).id, before.id);
    assert_eq!(table.texts(Side::User).await, ["hello", "in time"]);
}

#[tokio::test]
async fn nobody_can_write_to_what_is_not_there() {
    let table = Table::new().await;
    assert_eq!(table.post("k", "x").await, Posted::Unknown);
    table.chat(110, "early").await;
    assert_eq!(
        table.post("k", "x").await,
        Posted::Unknown,
        "a line alone is no conversation"
    );
    table.store.close(&close(200), 90).await.unwrap();
    assert_eq!(
        table.post("k", "x").await,
        Posted::Unknown,
        "nor is a tombstone"
    );
    let ended = table
        .store
        .end(&id(), ClosedBy::Agent, None, &[Side::User], 90)
        .await
        .unwrap();
    assert_eq!(ended, Ended::Unknown);
}

#[tokio::test]
async fn one_agent_gets_a_conversation() {
    let table = Table::new().await;
    table.establish(100).await;
    let claim = async |agent| {
        table
            .store
            .claim_conversation(&id(), &agent, 90)
            .await
            .unwrap()
    };
    let (a, b) = tokio::join!(claim(ann()), claim(bob()));
    let winners = [&a, &b]
        .iter()
        .filter(|claimed| matches!(claimed, Claimed::Yes(_)))
        .count();
    assert_eq!(winners, 1);
    let holder = table.conversation().await.agent.unwrap();
    let loser = if holder == ann() { bob() } else { ann() };
    assert!(
        matches!(claim(holder).await, Claimed::Yes(_)),
        "again is fine"
    );
    let Claimed::No(known) = claim(loser).await else {
        panic!()
    };
    assert_eq!(known.status, Status::Connected);
    let log = table.store.log(&id(), None).await.unwrap().unwrap();
    let taken = log
        .entries
        .iter()
        .filter(|entry| entry.text.contains("took"))
        .count();
    assert_eq!(taken, 1);
}

#[tokio::test]
async fn an_end_by_an_agent_tells_gptbots_after_all_lines_and_stays() {
    let table = Table::new().await;
    table.establish(100).await;
    table.post("k1", "bye").await;
    table.clock.advance(-5_000);
    let end = async |by| {
        table
            .store
            .end(&id(), by, Some("done"), &[Side::User], 90)
            .await
            .unwrap()
    };
    let Ended::Yes(known) = end(ClosedBy::Agent).await else {
        panic!()
    };
    assert_eq!(known.closed_by, Some(ClosedBy::Agent));
    end(ClosedBy::Bridge).await;
    table.store.close(&close(300), 90).await.unwrap();
    let known = table.conversation().await;
    assert_eq!(known.closed_by, Some(ClosedBy::Agent), "who came first");
    assert_eq!(known.close_reason.as_deref(), Some("done"));
    assert_eq!(
        table.texts(Side::User).await,
        ["hello", "bye", "The agent closed the conversation. (done)"]
    );
}

#[tokio::test]
async fn a_failed_line_is_not_replayed_to_a_user_who_has_left() {
    let table = Table::new().await;
    table.establish(100).await;
    let head = table.lane(Side::User).await.entries.remove(0);
    let claimed = table.claim(&head).await.unwrap();
    let failed = Outcome::Failed {
        reason: "refused".into(),
    };
    table.store.mark(&claimed, &failed, None, 90).await.unwrap();
    table.store.close(&close(200), 90).await.unwrap();
    let replayed = table.store.replay(&id(), &head.id).await.unwrap();
    assert!(matches!(replayed, Replayed::Closed(_)), "{replayed:?}");
    assert!(table.texts(Side::User).await.is_empty());
}
