//! What agents do, as it reaches us.

use desk_stand_ins::{Act, DeskStandIn as _, Forgery, MARKUP_AS_PLAIN};
use handoff::conversation::{Author, ClosedBy};
use handoff::desk::{AgentLine, DeskEvent, What};

use super::support::{Stage, entry, setups};

fn said(events: &[DeskEvent]) -> Vec<AgentLine> {
    let lines = events.iter().filter_map(|event| match &event.what {
        What::Message(line) => Some(line.clone()),
        _ => None,
    });
    lines.collect()
}

fn texts(events: &[DeskEvent]) -> Vec<String> {
    said(events).into_iter().map(|line| line.text).collect()
}

#[tokio::test]
async fn what_agents_do_is_told_once_each_and_nothing_else() {
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let known = stage.opened().await;
        let reference = known.desk_ref.clone().unwrap();
        let desk = &stage.desk;
        desk.post(&known, &[entry(&known, Author::User, "hi", 1)])
            .await
            .unwrap();
        desk.post(&known, &[entry(&known, Author::System, "notice", 2)])
            .await
            .unwrap();
        // Our own are no events for the user.
        assert!(said(&stage.heard().await).is_empty());
        let typed = "1. *really*? a_b_c <b> & {x}\n- `code` [not](a link)\n# no";
        for act in [
            Act::Claim,
            Act::Note("secret".into()),
            Act::Say(typed.into()),
            Act::SayWithMarkup,
            Act::SendFile("my file.txt".into(), b"hello".to_vec()),
            Act::Noise("secret".into()),
        ] {
            let answers = stage.stand_in.act(&reference, act.clone()).await;
            let each = if setup.account_webhook { 2 } else { 1 };
            assert!(!answers.is_empty() && answers.len() % each == 0, "{act:?}");
            assert!(
                answers.iter().all(|status| *status == 200),
                "{act:?} {answers:?}"
            );
        }
        assert_eq!(stage.stand_in.repeat_last().await, 200);
        let heard = stage.heard().await;
        assert!(heard.iter().all(|event| event.reference == reference));
        assert_eq!(texts(&heard), [typed, MARKUP_AS_PLAIN, ""]);
        let lines = said(&heard);
        assert!(
            lines
                .iter()
                .all(|line| line.agent.name == "Ann Agent" && !line.incomplete)
        );
        let file = &lines[2].files[0];
        assert_eq!((file.name.as_str(), file.bytes), ("my file.txt", Some(5)));
        let claims = heard.iter().filter(
            |event| matches!(&event.what, What::Assigned(agent) if agent.name == "Ann Agent"),
        );
        assert_eq!(claims.count(), 1);
        assert_eq!(ends(&heard), 0);
        stage.stand_in.act(&reference, Act::Close).await;
        stage.stand_in.act(&reference, Act::Reopen).await;
        assert_eq!(ends(&stage.heard().await), 1);
    }
}

fn ends(events: &[DeskEvent]) -> usize {
    let ends = events
        .iter()
        .filter(|event| matches!(event.what, What::Closed { .. }));
    ends.count()
}

#[tokio::test]
async fn a_file_is_where_its_link_leads() {
    let stage = Stage::new(setups()[0]).await;
    let known = stage.opened().await;
    let act = Act::SendFile("a/b?.txt".into(), b"hello".to_vec());
    stage
        .stand_in
        .act(known.desk_ref.as_deref().unwrap(), act)
        .await;
    let file = said(&stage.heard().await).remove(0).files.remove(0);
    assert!(file.public && file.name == "ab?.txt", "{}", file.name);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let bytes = http
        .get(file.url)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(bytes.as_ref(), b"hello");
}

#[tokio::test]
async fn forgeries_are_refused_before_they_are_read() {
    let all = [
        Forgery::Unsigned,
        Forgery::WrongSecret,
        Forgery::ChangedBody,
        Forgery::Old,
        Forgery::Future,
        Forgery::WrongPathToken,
    ];
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let reference = stage.opened().await.desk_ref.unwrap();
        stage.heard().await;
        let before = stage.count();
        for forgery in all {
            let seen = match forgery {
                Forgery::Unsigned => true,
                Forgery::WrongPathToken => setup.path_token,
                // Nothing is signed there, so nothing of it can be wrong: the token is all.
                _ => setup.signed,
            };
            if seen {
                let status = stage.stand_in.forge(&reference, "forged", forgery).await;
                assert_eq!(status, 401, "{forgery:?} {setup:?}");
            }
        }
        assert_eq!(stage.count(), before);
    }
}

#[tokio::test]
async fn lost_webhooks_are_made_good_for_with_the_same_ids() {
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let mut known = stage.opened().await;
        let reference = known.desk_ref.clone().unwrap();
        stage.stand_in.act(&reference, Act::Say("one".into())).await;
        let heard = stage.heard().await;
        stage.stand_in.lose_webhooks(true);
        for n in 2..30 {
            stage
                .stand_in
                .act(&reference, Act::Say(n.to_string()))
                .await;
        }
        stage
            .stand_in
            .act(&reference, Act::Note("secret".into()))
            .await;
        stage.stand_in.act(&reference, Act::SayWithMarkup).await;
        known.opened_at -= 1_000;
        let back = stage.desk.reconcile(&known).await.unwrap();
        let mut expected = vec!["one".to_owned()];
        expected.extend((2..30).map(|n| n.to_string()));
        expected.push(MARKUP_AS_PLAIN.to_owned());
        assert_eq!(texts(&back), expected);
        let first = |events: &[DeskEvent]| {
            let found = events
                .iter()
                .find(|event| matches!(event.what, What::Message(_)));
            found.cloned().unwrap()
        };
        assert_eq!(first(&back), first(&heard));
        assert_eq!(ends(&back), 0);
        stage.stand_in.act(&reference, Act::Close).await;
        let back = stage.desk.reconcile(&known).await.unwrap();
        assert!(matches!(back.last().unwrap().what, What::Closed { .. }));
        assert_eq!(stage.stand_in.conversations().await[0].lines.len(), 32);
    }
}

/// The core drops an end of what has ended.
#[tokio::test]
async fn our_own_end_comes_back_as_an_end_and_nothing_more() {
    let stage = Stage::new(setups()[1]).await;
    let known = stage.opened().await;
    stage
        .desk
        .close(&known, ClosedBy::User, "The user has left.")
        .await
        .unwrap();
    let heard = stage.heard().await;
    assert_eq!(ends(&heard), 1);
    assert!(said(&heard).is_empty());
}
