use handoff::conversation::{Agent, ConversationId, Kind, Side, Status, User};
use handoff::gptbots::Establish;
use handoff::store::{Claimed, Pass, Posted};

use crate::support::{Table, ann, bob, close, establish, handoff, id};

async fn pass(table: &Table, by: &Agent, from: Option<&str>, to: Option<&Agent>) -> Claimed {
    table.clock.advance(1);
    let pass = Pass { by, from, to };
    table.store.pass(&id(), &pass, 90).await.unwrap()
}

/// What the log says of who has it, oldest first.
async fn notices(table: &Table) -> Vec<String> {
    let log = table.store.log(&id(), None).await.unwrap().unwrap();
    let notices = log.entries.into_iter();
    notices
        .filter(|entry| entry.kind == Kind::Notice && entry.to != Some(Side::User))
        .map(|entry| entry.text)
        .collect()
}

#[tokio::test]
async fn a_conversation_changes_hands_and_the_log_says_so() {
    let table = Table::new().await;
    table.establish(100).await;
    table
        .store
        .claim_conversation(&id(), &ann(), 90)
        .await
        .unwrap();
    let cara = Agent {
        id: "cara".into(),
        name: "Cara".into(),
    };

    let Claimed::Yes(known) = pass(&table, &ann(), Some("ann"), Some(&bob())).await else {
        panic!()
    };
    assert_eq!(known.agent, Some(bob()));
    let Claimed::Yes(_) = pass(&table, &cara, Some("bob"), Some(&cara)).await else {
        panic!()
    };
    assert_eq!(table.conversation().await.agent, Some(cara.clone()));
    let Claimed::Yes(known) = pass(&table, &cara, Some("cara"), None).await else {
        panic!()
    };
    assert_eq!((known.agent, known.status), (None, Status::Connected));
    assert_eq!(table.conversation().await.agent, None);
    assert_eq!(
        notices(&table).await,
        [
            "Ann took the conversation.",
            "Ann handed the conversation to Bob.",
            "Cara took the conversation over from Bob.",
            "Cara gave the conversation back. Nobody has it now.",
        ]
    );
    // And anybody can take it, by a claim or by a line.
    assert!(matches!(
        table
            .store
            .claim_conversation(&id(), &bob(), 90)
            .await
            .unwrap(),
        Claimed::Yes(_)
    ));
    pass(&table, &bob(), Some("bob"), None).await;
    table.post("k1", "hi").await;
    assert_eq!(table.conversation().await.agent, Some(ann()));
}

#[tokio::test]
async fn who_did_not_see_the_last_change_changes_nothing() {
    let table = Table::new().await;
    table.establish(100).await;
    table
        .store
        .claim_conversation(&id(), &ann(), 90)
        .await
        .unwrap();
    // Both want it from Ann; one gets it.
    let cara = Agent {
        id: "cara".into(),
        name: "Cara".into(),
    };
    let (bob, by_bob) = (bob(), |to| Pass {
        by: to,
        from: Some("ann"),
        to: Some(to),
    });
    let (passes, store) = ([by_bob(&bob), by_bob(&cara)], &table.store);
    let (id, [first, second]) = (id(), &passes);
    let (a, b) = tokio::join!(store.pass(&id, first, 90), store.pass(&id, second, 90));
    let won = |claimed: &Claimed| matches!(claimed, Claimed::Yes(_));
    assert_ne!(won(&a.unwrap()), won(&b.unwrap()));
    assert_eq!(
        notices(&table).await.len(),
        2,
        "the claim and one take-over"
    );
    // Nor does Ann hand on, or give back, what she has no more.
    assert!(!won(&pass(&table, &ann(), Some("ann"), None).await));
    assert!(!won(&pass(&table, &ann(), Some("ann"), Some(&ann())).await));
    // The same again is no second change.
    let holder = table.conversation().await.agent.unwrap();
    assert!(won(&pass(&table, &holder, Some("ann"), Some(&holder)).await));
    assert_eq!(notices(&table).await.len(), 2);
}

#[tokio::test]
async fn what_has_ended_or_is_not_there_has_nobody() {
    let table = Table::new().await;
    assert_eq!(
        pass(&table, &ann(), None, Some(&bob())).await,
        Claimed::Unknown
    );
    table.establish(100).await;
    let Claimed::Yes(known) = pass(&table, &ann(), None, Some(&bob())).await else {
        panic!()
    };
    assert_eq!(
        (known.agent, known.status),
        (Some(bob()), Status::Connected)
    );
    assert_eq!(
        notices(&table).await,
        ["Ann handed the conversation to Bob."]
    );
    table.store.close(&close(200), 90).await.unwrap();
    assert!(matches!(
        pass(&table, &bob(), Some("bob"), None).await,
        Claimed::No(_)
    ));
}

#[tokio::test]
async fn a_desk_with_a_server_is_told_who_has_it() {
    let table = Table::new().await;
    let mut slack = handoff();
    slack.desk = "slack".into();
    table
        .store
        .establish(&establish(100), &slack)
        .await
        .unwrap();
    table
        .store
        .claim_conversation(&id(), &ann(), 90)
        .await
        .unwrap();
    pass(&table, &ann(), Some("ann"), Some(&bob())).await;
    let told = table.texts(Side::Desk).await;
    assert_eq!(told.last().unwrap(), "Ann handed the conversation to Bob.");
}

#[tokio::test]
async fn a_note_is_in_the_log_and_in_no_lane() {
    let table = Table::new().await;
    assert_eq!(
        table
            .store
            .note(&id(), &ann(), "n1", "x", 90)
            .await
            .unwrap(),
        Posted::Unknown
    );
    table.establish(100).await;
    table
        .store
        .claim_conversation(&id(), &ann(), 90)
        .await
        .unwrap();
    let note = async |key: &str| {
        table.clock.advance(1);
        match table
            .store
            .note(&id(), &ann(), key, "a difficult one", 90)
            .await
            .unwrap()
        {
            Posted::Stored(entry) => *entry,
            other => panic!("{other:?}"),
        }
    };
    let first = note("n1").await;
    assert_eq!((first.kind, first.to), (Kind::Note, None));
    assert!(!first.is_undelivered());
    assert_eq!(note("n1").await.id, first.id, "the same one again");
    assert_eq!(table.texts(Side::User).await, ["hello"]);
    let lane = table.lane(Side::Desk).await.entries;
    assert!(lane.iter().all(|entry| entry.kind != Kind::Note));
    assert_ne!(
        table.conversation().await.last.unwrap().text,
        "a difficult one"
    );
    // Also after the end; and what was a note is never a line.
    table.store.close(&close(200), 90).await.unwrap();
    note("n2").await;
    let log = table.store.log(&id(), None).await.unwrap().unwrap();
    let notes = log.entries.iter().filter(|entry| entry.kind == Kind::Note);
    assert_eq!(notes.count(), 2);
}

#[tokio::test]
async fn what_was_a_note_is_never_a_line_to_the_user() {
    let table = Table::new().await;
    table.establish(100).await;
    table
        .store
        .note(&id(), &ann(), "k", "secret", 90)
        .await
        .unwrap();
    let Posted::Stored(entry) = table.post("k", "secret").await else {
        panic!()
    };
    assert_eq!(entry.kind, Kind::Note);
    assert_eq!(table.texts(Side::User).await, ["hello"]);
}

#[tokio::test]
async fn earlier_conversations_of_the_same_person_are_found_and_no_others() {
    let table = Table::new().await;
    let open = async |name: &str, user: User, bot: &str| {
        table.clock.advance(1_000);
        let request = Establish {
            conversation: ConversationId::new(name).unwrap(),
            user,
            bot: bot.into(),
            ..establish(100)
        };
        table.store.establish(&request, &handoff()).await.unwrap();
        table
            .store
            .conversation(&request.conversation)
            .await
            .unwrap()
            .unwrap()
    };
    let mei = || User {
        user_id: Some("mei".into()),
        ..User::default()
    };
    let placeholder = || User {
        email: Some(handoff::conversation::PLACEHOLDER_EMAIL.into()),
        ..User::default()
    };
    for n in 0..4 {
        open(&format!("mei-{n}"), mei(), "bot").await;
    }
    open("other-bot", mei(), "bot2").await;
    open("stranger-1", placeholder(), "bot").await;
    let stranger = open("stranger-2", placeholder(), "bot").await;
    let last = open("mei-last", mei(), "bot").await;

    let names = async |of, most| {
        let others = table.store.others_of_person(of, most).await.unwrap();
        others
            .into_iter()
            .map(|known| known.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&last, 3).await, ["mei-3", "mei-2", "mei-1"]);
    assert_eq!(names(&last, 20).await.len(), 4);
    assert!(
        names(&stranger, 20).await.is_empty(),
        "the placeholder is nobody"
    );
}

#[tokio::test]
async fn colleagues_are_remembered_for_a_month() {
    let table = Table::new().await;
    table.store.seen(&bob()).await.unwrap();
    table.clock.advance(20 * 86_400_000);
    table.store.seen(&ann()).await.unwrap();
    table.store.seen(&ann()).await.unwrap();
    let names = async || {
        let colleagues = table.store.colleagues().await.unwrap();
        colleagues
            .into_iter()
            .map(|one| one.agent.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["Ann", "Bob"]);
    table.clock.advance(11 * 86_400_000);
    assert_eq!(names().await, ["Ann"]);
    assert_eq!(table.store.colleague("bob").await.unwrap(), None);
    assert_eq!(
        table.store.colleague("ann").await.unwrap().unwrap().agent,
        ann()
    );
}

#[tokio::test]
async fn canned_replies_are_written_over_the_version_that_was_read() {
    let table = Table::new().await;
    assert_eq!(table.store.canned().await.unwrap().version, 0);
    assert!(table.store.put_canned("[]", 0).await.unwrap());
    assert!(!table.store.put_canned("[1]", 0).await.unwrap());
    assert!(table.store.put_canned("[2]", 1).await.unwrap());
    let stored = table.store.canned().await.unwrap();
    assert_eq!((stored.version, stored.document.as_str()), (2, "[2]"));
}
