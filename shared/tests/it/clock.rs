//! What waits: undelivered entries, and users without an agent.

use handoff::conversation::{ClosedBy, Entry, Side};
use handoff::store::{Backlog, Outcome, Waiting};

use handoff::time::Clock as _;

use crate::support::{START, Table, ann, close, id};

async fn backlog(table: &Table) -> (Option<i64>, usize, usize) {
    let Backlog {
        oldest,
        overdue,
        strays,
    } = table.store.backlog(table.clock.now()).await.unwrap();
    (oldest, overdue, strays.len())
}

/// One attempt at the head of the desk's lane.
async fn attempt(table: &Table, outcome: Outcome) -> Entry {
    let head = table.lane(Side::Desk).await.entries.remove(0);
    let claimed = table.claim(&head).await.unwrap();
    table
        .store
        .mark(&claimed, &outcome, None, 90)
        .await
        .unwrap();
    claimed
}

#[tokio::test]
async fn the_backlog_knows_how_old_it_is_even_while_it_is_tried() {
    let table = Table::new().await;
    assert_eq!(backlog(&table).await, (None, 0, 0));
    table.chat(100, "one").await;
    let accepted = table.clock.now();
    assert_eq!(backlog(&table).await, (Some(accepted), 0, 0));
    // Tried again and again, it never strays, but gets old.
    table.clock.advance(119_000);
    let at = table.clock.now() + 60_000;
    let reason = "down".to_owned();
    attempt(&table, Outcome::Retry { at, reason }).await;
    assert_eq!(backlog(&table).await, (Some(accepted), 0, 0));
    table.clock.advance(1_001);
    assert_eq!(backlog(&table).await, (Some(accepted), 1, 0));
    table.deliver(Side::Desk).await;
    assert_eq!(backlog(&table).await, (None, 0, 0));
}

#[tokio::test]
async fn a_line_that_is_sent_again_is_as_old_as_its_new_begin() {
    let table = Table::new().await;
    table.chat(100, "one").await;
    let reason = "refused".to_owned();
    let failed = attempt(&table, Outcome::Failed { reason }).await;
    assert_eq!(
        backlog(&table).await,
        (None, 0, 0),
        "given up, so not waiting"
    );
    table.clock.advance(3_600_000);
    table.store.replay(&id(), &failed.id).await.unwrap();
    assert_eq!(backlog(&table).await, (Some(table.clock.now()), 0, 0));
}

#[tokio::test]
async fn a_conversation_waits_until_an_agent_takes_it_or_it_ends() {
    let nobody = Waiting::default();
    let since = |since| Waiting {
        conversations: 1,
        since: Some(since),
    };
    let table = Table::new().await;
    let waiting = async || table.store.waiting().await.unwrap();
    assert_eq!(waiting().await, nobody);
    table.establish(100).await;
    assert_eq!(waiting().await, since(START + 1));
    // The user asks once more: it goes on waiting.
    table.establish(200).await;
    assert_eq!(waiting().await, since(START + 1));
    table.post("k", "hello").await;
    assert_eq!(waiting().await, nobody);
    let end = async |by| {
        table.store.end(&id(), by, None, &[], 90).await.unwrap();
    };
    end(ClosedBy::Agent).await;
    // Opened anew, and ended by nobody's answer.
    table.establish(300).await;
    assert_eq!(waiting().await, since(table.clock.now()));
    end(ClosedBy::Bridge).await;
    assert_eq!(waiting().await, nobody);
    // Opened anew, and taken without a word.
    table.establish(400).await;
    table
        .store
        .claim_conversation(&id(), &ann(), 90)
        .await
        .unwrap();
    assert_eq!(waiting().await, nobody);
}

#[tokio::test]
async fn gptbots_own_end_ends_the_waiting_too() {
    let table = Table::new().await;
    table.establish(100).await;
    table.store.close(&close(200), 90).await.unwrap();
    assert_eq!(table.store.waiting().await.unwrap(), Waiting::default());
}
