//! Opening, posting and closing, where all goes well.

use desk_stand_ins::{Act, DeskStandIn as _, From};
use handoff::conversation::{Author, ClosedBy, History, Kind, PLACEHOLDER_EMAIL, Speaker};
use handoff::desk::DeskError;

use crate::support::{Rig, at_desk, conversation, entry, history, line};

#[tokio::test]
async fn a_conversation_is_opened_with_who_and_what_was_before_in_order() {
    let rig = Rig::start().await;
    let mut conversation = conversation("c1");
    conversation.user.email = Some("bob@example.com".into());
    conversation.user.phone = Some("+15550100".into());
    let before = history(&[
        (Speaker::User, "Where is <b>my</b> order & @ann?"),
        (Speaker::Bot, "On its way."),
        (Speaker::User, "A person, please"),
    ]);
    let opened = rig.open(&conversation, &before, 1).await.unwrap();
    let seen = rig.only().await;
    assert_eq!(opened.reference, seen.reference);
    assert_eq!(opened.context, seen.person);
    // Only the name makes the contact: an address would have answers mailed there.
    assert_eq!(seen.about, "Bob");
    assert!(!seen.closed);
    let lines: Vec<_> = seen
        .lines
        .iter()
        .map(|line| (line.from, line.text.as_str()))
        .collect();
    let [(From::User, first), (From::Bridge, note)] = lines[..] else {
        panic!("{lines:?}");
    };
    assert!(first.starts_with("A person, please\n\n[handoff-"));
    let places: Vec<_> = [
        "Name: Bob",
        "E-mail: bob@example.com",
        "Phone: +15550100",
        "Bob: Where is <b>my</b> order & @ann?",
        "Bot: On its way.",
        "Bob: A person, please",
    ]
    .iter()
    .map(|text| {
        note.find(text)
            .unwrap_or_else(|| panic!("{text} in {note}"))
    })
    .collect();
    assert!(places.is_sorted());
    assert!(seen.lines.iter().all(|line| line.accident.is_none()));
    // Contact, conversation, note: nothing is asked at the first attempt.
    assert_eq!(rig.stand_in.requests().len(), 3);
}

#[tokio::test]
async fn people_are_known_by_their_key_and_strangers_stay_strangers() {
    let rig = Rig::start().await;
    let open = async |id: &str, bot: &str, user_id: Option<&str>| {
        let mut conversation = conversation(id);
        conversation.bot = Some(bot.into());
        conversation.user.user_id = user_id.map(Into::into);
        conversation.user.name = None;
        conversation.user.email = Some(PLACEHOLDER_EMAIL.into());
        let opened = rig.open(&conversation, &History::default(), 1).await;
        opened.unwrap().context.unwrap()
    };
    let ann = open("c1", "b1", Some("ann")).await;
    assert_eq!(open("c2", "b1", Some("ann")).await, ann);
    assert_ne!(open("c3", "b2", Some("ann")).await, ann);
    // The contract's own example has odd ids, and they go into addresses.
    let odd = open("c6", "b/1?#%", Some("a/n n")).await;
    assert_eq!(open("c7", "b/1?#%", Some("a/n n")).await, odd);
    let stranger = open("c4", "b1", None).await;
    assert_ne!(open("c5", "b1", None).await, stranger);
    let sent = format!("{:?}", rig.stand_in.requests());
    assert!(!sent.contains(PLACEHOLDER_EMAIL));
}

#[tokio::test]
async fn an_archived_contact_comes_back() {
    let rig = Rig::start().await;
    let first = rig.opened("c1").await;
    rig.stand_in.archive_contacts();
    let second = rig.opened("c2").await;
    assert_eq!(first.desk_context, second.desk_context);
    assert_ne!(first.desk_ref, second.desk_ref);
}

#[tokio::test]
async fn lines_arrive_as_they_were_written_in_order() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let long = "A sentence of a long text. ".repeat(900);
    let texts = [
        "<script>alert('x')</script> *bold* &amp; <@ann> https://x.io",
        "ok",
        "ok",
        " line\nbreak ",
        long.trim(),
    ];
    let mut ids = Vec::new();
    for text in texts {
        ids.push(
            rig.desk
                .post(&open, &[line(&open, text)])
                .await
                .unwrap()
                .unwrap(),
        );
    }
    let mut different = ids.clone();
    different.dedup();
    assert_eq!(different.len(), texts.len());
    let shown = rig.texts(From::User).await;
    assert_eq!(shown[1..4], [texts[0], "ok", "ok"]);
    assert_eq!(shown[4].trim(), "line\nbreak");
    let solid = |text: &str| text.replace([' ', '…'], "");
    assert_eq!(solid(&shown[5..].concat()), solid(&long));
    assert_eq!(shown.len(), 8);
    assert!(
        rig.only()
            .await
            .lines
            .iter()
            .all(|line| line.accident.is_none())
    );
    // Without its own id of the contact, the desk is told ours.
    let mut without = open.clone();
    without.desk_context = None;
    rig.desk
        .post(&without, &[line(&without, "still me")])
        .await
        .unwrap();
    assert_eq!(rig.texts(From::User).await.last().unwrap(), "still me");
}

#[tokio::test]
async fn notices_and_late_lines_are_for_agents_alone() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let notice = entry(&open, Author::System, Kind::Notice, "Not delivered: <b>", 1);
    let mut late = line(&open, "too late?");
    late.late = true;
    for shown in [notice, late] {
        assert!(rig.desk.post(&open, &[shown]).await.unwrap().is_some());
    }
    let notes = rig.texts(From::Bridge).await;
    assert!(notes[1].starts_with("Not delivered: <b>\nhandoff-"));
    assert!(notes[2].starts_with("Written by the user after the end: too late?"));
    assert_eq!(rig.texts(From::User).await.len(), 1);
}

#[tokio::test]
async fn an_end_is_shown_once() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    for _ in 0..2 {
        rig.desk
            .close(&open, ClosedBy::User, "The user has left.")
            .await
            .unwrap();
    }
    assert!(rig.only().await.closed);
    let notes = rig.texts(From::Bridge).await;
    assert_eq!(
        notes
            .iter()
            .filter(|note| note.starts_with("The user has left."))
            .count(),
        1
    );
    assert_eq!(rig.stand_in.calls()["close"], 1);
}

#[tokio::test]
async fn what_an_agent_closed_stays_as_it_is() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let reference = open.desk_ref.clone().unwrap();
    rig.stand_in.act(&reference, Act::Close).await;
    let before = rig.only().await;
    rig.desk
        .close(&open, ClosedBy::Agent, "Closed by Ann.")
        .await
        .unwrap();
    assert_eq!(rig.only().await, before);
    // The user's leaving is told there, too.
    rig.desk
        .close(&open, ClosedBy::User, "The user has left.")
        .await
        .unwrap();
    assert!(
        rig.texts(From::Bridge)
            .await
            .last()
            .unwrap()
            .starts_with("The user has left.")
    );
}

#[tokio::test]
async fn a_second_handoff_is_another_conversation_of_the_same_person() {
    let rig = Rig::start().await;
    let first = conversation("c1");
    let opened = rig.open(&first, &History::default(), 1).await.unwrap();
    let mut second = first.clone();
    second.episode = 2;
    // Also where the second one is tried again, the first one's is not taken for it.
    let again = rig.open(&second, &History::default(), 2).await.unwrap();
    assert_ne!(opened.reference, again.reference);
    assert_eq!(opened.context, again.context);
}

#[tokio::test]
async fn what_is_not_there_is_gone_and_needs_no_closing() {
    let rig = Rig::start().await;
    let mut open = rig.opened("c1").await;
    open.desk_ref = Some("404404".into());
    for attempt in [1, 2] {
        let mut line = line(&open, "hello?");
        line.attempts = attempt;
        let gone = rig.desk.post(&open, &[line]).await.unwrap_err();
        assert!(matches!(gone, DeskError::Gone(_)), "{gone}");
    }
    rig.desk
        .close(&open, ClosedBy::User, "Left.")
        .await
        .unwrap();
    assert_eq!(rig.stand_in.calls().get("close"), None);
    let odd = at_desk(
        open,
        handoff::desk::Opened {
            reference: "1/../2".into(),
            context: None,
        },
    );
    let refused = rig.desk.post(&odd, &[line(&odd, "x")]).await.unwrap_err();
    assert!(matches!(refused, DeskError::Rejected(_)), "{refused}");
}
