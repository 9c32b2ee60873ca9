//! What agents do, and what must not be believed.

use desk_stand_ins::zendesk::Webhooks;
use desk_stand_ins::{Act, DeskStandIn as _, Forgery, MARKUP_AS_PLAIN};
use handoff::desk::{DeskFile, What};

use crate::bridge::World;

const BOTH: [Webhooks; 2] = [Webhooks::Events, Webhooks::Triggers];

#[tokio::test]
async fn an_agents_line_reaches_the_user_as_plain_text() {
    for webhooks in BOTH {
        let world = World::with(webhooks, false).await;
        let reference = world.open("c1").await.desk_ref.unwrap();
        let odd = "Hi \"Bob\" <b>&amp; co\n- 1. *x* snake_case C:\\dir [a](b) 100% {y} +1";
        for act in [
            Act::Say("Hello".into()),
            Act::SayWithMarkup,
            Act::Say(odd.into()),
        ] {
            assert_eq!(world.stand_in.act(&reference, act).await, [200]);
        }
        let lines = world.lines().await;
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["Hello", MARKUP_AS_PLAIN, odd], "{webhooks:?}");
        assert!(lines.iter().all(|line| line.agent.name == "Ann Agent"));
        assert!(lines.iter().all(|line| line.files.is_empty()));
        assert!(
            world
                .happened()
                .iter()
                .all(|event| event.reference == reference)
        );
    }
}

#[tokio::test]
async fn files_come_with_their_line_and_can_be_read() {
    for webhooks in BOTH {
        let world = World::with(webhooks, false).await;
        let reference = world.open("c1").await.desk_ref.unwrap();
        let content = b"PNG & more".to_vec();
        let act = Act::SendFile("a b&c.png".into(), content.clone());
        world.stand_in.act(&reference, act).await;
        let lines = world.lines().await;
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].files.len(), 1, "{webhooks:?}");
        let file = &lines[0].files[0];
        assert_eq!(file.name, "a b&c.png");
        assert!(!file.public);
        assert_eq!(world.desk.fetch(file, 1_000).await.unwrap(), content);
        assert!(world.desk.fetch(file, 3).await.is_err());
    }
}

#[tokio::test]
async fn only_attachments_at_zendesk_are_read() {
    let world = World::new().await;
    let base_url = world.stand_in.secret()["base_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let calls = world.stand_in.calls().len();
    for url in [
        format!("{base_url}/api/v2/users/me"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "no url".to_owned(),
    ] {
        let file = file(url);
        assert!(world.desk.fetch(&file, 1_000).await.is_err());
    }
    assert_eq!(world.stand_in.calls().len(), calls);
    // Another host is not asked: the account itself is, where there is no such file.
    let elsewhere = file("https://evil.example/attachments/token/x/?name=a".to_owned());
    assert!(world.desk.fetch(&elsewhere, 1_000).await.is_err());
    assert_eq!(world.stand_in.calls()["file"], 1);
    // The account sends us to somebody else.
    let elsewhere = file(format!("{base_url}/attachments/token/elsewhere/"));
    let error = world.desk.fetch(&elsewhere, 1_000).await.unwrap_err();
    assert!(error.to_string().contains("not at Zendesk"), "{error}");
}

fn file(url: String) -> DeskFile {
    DeskFile {
        name: "a".into(),
        content_type: None,
        bytes: None,
        url,
        public: false,
    }
}

#[tokio::test]
async fn notes_and_noise_never_reach_the_user() {
    for webhooks in BOTH {
        let world = World::with(webhooks, false).await;
        let reference = world.open("c1").await.desk_ref.unwrap();
        for act in [
            Act::Note("secret".into()),
            Act::Noise("secret".into()),
            Act::Reopen,
        ] {
            let statuses = world.stand_in.act(&reference, act).await;
            assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        }
        for event in world.happened() {
            assert_eq!(event.what, What::PrivateNote, "{webhooks:?}");
        }
    }
}

#[tokio::test]
async fn taking_and_solving_a_ticket_are_told() {
    for webhooks in BOTH {
        let world = World::with(webhooks, false).await;
        let reference = world.open("c1").await.desk_ref.unwrap();
        world.stand_in.act(&reference, Act::Claim).await;
        world.stand_in.act(&reference, Act::Close).await;
        let happened: Vec<_> = world
            .happened()
            .into_iter()
            .map(|event| event.what)
            .collect();
        assert_eq!(happened.len(), 2, "{webhooks:?}: {happened:?}");
        assert!(matches!(&happened[0], What::Assigned(agent) if agent.id == "8001"));
        assert!(matches!(&happened[1], What::Closed { agent: Some(agent) } if agent.id == "8001"));
        assert!(world.seen().await[0].closed);
    }
}

#[tokio::test]
async fn the_vendors_retries_are_one_event() {
    for webhooks in BOTH {
        let world = World::with(webhooks, false).await;
        let reference = world.open("c1").await.desk_ref.unwrap();
        for act in [Act::Say("same".into()), Act::Say("same".into()), Act::Close] {
            world.stand_in.act(&reference, act).await;
            assert_eq!(world.stand_in.repeat_last().await, 200);
        }
        assert_eq!(world.lines().await.len(), 2, "{webhooks:?}");
        assert_eq!(world.happened().len(), 3);
    }
}

#[tokio::test]
async fn no_forgery_is_believed() {
    for webhooks in BOTH {
        let world = World::with(webhooks, false).await;
        let reference = world.open("c1").await.desk_ref.unwrap();
        for forgery in [
            Forgery::Unsigned,
            Forgery::WrongSecret,
            Forgery::ChangedBody,
            Forgery::Old,
            Forgery::Future,
            Forgery::WrongPathToken,
        ] {
            let status = world.stand_in.forge(&reference, "forged", forgery).await;
            assert_eq!(status, 401, "{webhooks:?}, {forgery:?}");
        }
        assert_eq!(world.happened(), []);
    }
}

#[tokio::test]
async fn lost_webhooks_are_lost() {
    let world = World::new().await;
    let reference = world.open("c1").await.desk_ref.unwrap();
    world.stand_in.lose_webhooks(true);
    assert!(
        world
            .stand_in
            .act(&reference, Act::Say("x".into()))
            .await
            .is_empty()
    );
    world.stand_in.lose_webhooks(false);
    assert_eq!(world.lines().await, []);
    assert!(!world.desk.capabilities().reconciles);
}

#[tokio::test]
async fn triggers_send_what_the_page_for_operators_gives_to_paste() {
    let page = include_str!("../../../../docs/desks/zendesk.md");
    let blocks = page.split("```").filter_map(|block| {
        let block = block.trim();
        let body: serde_json::Value = serde_json::from_str(block).ok()?;
        Some((body["handoff"].as_str()?.to_owned(), body))
    });
    let pasted: std::collections::BTreeMap<_, _> = blocks.collect();
    assert_eq!(pasted.len(), 3);
    let world = World::with(Webhooks::Triggers, false).await;
    let reference = world.open("c1").await.desk_ref.unwrap();
    for act in [Act::Claim, Act::Say("x".into()), Act::Close] {
        world.stand_in.act(&reference, act).await;
        let sent: serde_json::Value = serde_json::from_str(&world.stand_in.last_body()).unwrap();
        let members = |body: &serde_json::Value| {
            let members = body.as_object().unwrap().keys();
            members.cloned().collect::<std::collections::BTreeSet<_>>()
        };
        let kind = sent["handoff"].as_str().unwrap();
        assert_eq!(members(&sent), members(&pasted[kind]), "{kind}");
    }
}

#[tokio::test]
async fn a_reply_that_solves_is_carried_before_the_end() {
    let world = World::with(Webhooks::Triggers, false).await;
    let reference = world.open("c1").await.desk_ref.unwrap();
    world
        .stand_in
        .reply_and_solve(&reference, "Done. Bye!")
        .await;
    let happened: Vec<_> = world
        .happened()
        .into_iter()
        .map(|event| event.what)
        .collect();
    assert!(matches!(&happened[0], What::Message(line) if line.text == "Done. Bye!"));
    assert!(matches!(&happened[1], What::Closed { .. }));
    assert_eq!(happened.len(), 2);
}
