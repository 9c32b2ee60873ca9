//! What agents do, as it comes in.

use desk_stand_ins::{Act, DeskStandIn as _, Forgery, MARKUP_AS_PLAIN};
use handoff::conversation::{Agent, ClosedBy};
use handoff::desk::{AgentLine, DeskError, DeskEvent, DeskFile, What};

use crate::support::Rig;

fn ann() -> Agent {
    Agent {
        id: "7001".into(),
        name: "Ann Agent".into(),
    }
}

/// What is for the user or changes the state, each once.
fn effects(events: Vec<DeskEvent>) -> Vec<DeskEvent> {
    let mut seen = std::collections::HashSet::new();
    let counts = |event: &DeskEvent| !matches!(event.what, What::Ignored(_) | What::PrivateNote);
    let events = events.into_iter().filter(counts);
    events
        .filter(|event| seen.insert(event.id.clone()))
        .collect()
}

fn texts(events: &[DeskEvent]) -> Vec<&str> {
    let text = |event: &'_ DeskEvent| match &event.what {
        What::Message(line) => Some(line.text.clone().leak() as &str),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

#[tokio::test]
async fn lines_claims_and_ends_come_once_with_the_agents_name() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let reference = open.desk_ref.clone().unwrap();
    // The first reply takes the conversation with it.
    assert_eq!(
        rig.stand_in
            .act(&reference, Act::Say("Hi & <you>\n\n1 > 0".into()))
            .await,
        [200]
    );
    let events = rig.events();
    let [said, assigned] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(
        (&said.reference, &assigned.reference),
        (&reference, &reference)
    );
    let line = AgentLine {
        agent: ann(),
        text: "Hi & <you>\n\n1 > 0".into(),
        files: Vec::new(),
        incomplete: false,
    };
    assert_eq!(said.what, What::Message(line));
    assert_eq!(assigned.what, What::Assigned(ann()));
    // Two topics tell of one claim.
    assert_eq!(rig.stand_in.act(&reference, Act::Claim).await, [200, 200]);
    let claims = rig.events();
    assert_eq!((claims.len(), &claims[0].id), (2, &claims[1].id));
    assert_eq!(claims[0].what, What::Assigned(ann()));
    rig.stand_in.act(&reference, Act::SayWithMarkup).await;
    assert_eq!(texts(&effects(rig.events())), [MARKUP_AS_PLAIN]);
    assert_eq!(rig.stand_in.act(&reference, Act::Close).await, [200]);
    let events = rig.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].what, What::Closed { agent: Some(ann()) });
    // Opened and closed again, it is another end.
    rig.stand_in.act(&reference, Act::Reopen).await;
    assert!(effects(rig.events()).is_empty());
    rig.stand_in.act(&reference, Act::Close).await;
    assert_ne!(rig.events()[0].id, events[0].id);
}

#[tokio::test]
async fn the_same_webhook_again_is_the_same_event() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let reference = open.desk_ref.unwrap();
    rig.stand_in.act(&reference, Act::Say("once".into())).await;
    let first = rig.events();
    assert_eq!(rig.stand_in.repeat_last().await, 200);
    assert_eq!(rig.stand_in.repeat_last().await, 200);
    let mut twice = first.clone();
    twice.extend(first);
    assert_eq!(rig.events(), twice);
}

#[tokio::test]
async fn notes_noise_and_our_own_doings_have_no_effect() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let reference = open.desk_ref.clone().unwrap();
    assert_eq!(
        rig.stand_in
            .act(&reference, Act::Note("between us".into()))
            .await,
        [200]
    );
    assert!(
        rig.events()
            .iter()
            .all(|event| event.what == What::PrivateNote)
    );
    let statuses = rig
        .stand_in
        .act(&reference, Act::Noise("hush".into()))
        .await;
    assert!(statuses.len() > 10 && statuses.iter().all(|status| *status == 200));
    let events = rig.events();
    assert!(events.len() > 10);
    assert_eq!(effects(events), []);
    assert_eq!(effects(rig.desk.reconcile(&open).await.unwrap()), []);
    rig.desk
        .close(&open, ClosedBy::User, "Left.")
        .await
        .unwrap();
    // The echo of the closing comes by itself.
    while rig.stand_in.calls()["close"] == 1 {
        let events = rig.events();
        if !events.is_empty() {
            assert_eq!(events[0].what, What::Ignored("our own"));
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(effects(rig.desk.reconcile(&open).await.unwrap()), []);
    assert_eq!(rig.stand_in.ping().await, 200);
    assert_eq!(rig.events(), []);
}

#[tokio::test]
async fn a_forged_webhook_is_refused_unread() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let reference = open.desk_ref.unwrap();
    for forgery in [
        Forgery::Unsigned,
        Forgery::WrongSecret,
        Forgery::ChangedBody,
        Forgery::Old,
        Forgery::Future,
        Forgery::WrongPathToken,
    ] {
        let status = rig.stand_in.forge(&reference, "forged", forgery).await;
        assert_eq!(status, 401, "{forgery:?}");
    }
    assert_eq!(rig.events(), []);
}

#[tokio::test]
async fn what_webhooks_lost_is_read_from_the_conversation() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let reference = open.desk_ref.clone().unwrap();
    rig.stand_in.act(&reference, Act::Say("heard".into())).await;
    let heard = effects(rig.events());
    rig.stand_in.lose_webhooks(true);
    for act in [
        Act::Say("lost".into()),
        Act::SayWithMarkup,
        Act::Note("hush".into()),
        Act::Noise("hush".into()),
    ] {
        assert!(rig.stand_in.act(&reference, act).await.is_empty());
    }
    let found = rig.desk.reconcile(&open).await.unwrap();
    // What came before comes again under the same ids, in order.
    assert_eq!(found[..heard.len()], heard);
    assert_eq!(texts(&found), ["heard", "lost", MARKUP_AS_PLAIN]);
    // An end counts while it lasts.
    rig.stand_in.act(&reference, Act::Close).await;
    let ended = rig.desk.reconcile(&open).await.unwrap();
    assert_eq!(
        ended.last().unwrap().what,
        What::Closed { agent: Some(ann()) }
    );
    rig.stand_in.act(&reference, Act::Reopen).await;
    let opened = rig.desk.reconcile(&open).await.unwrap();
    assert!(
        !opened
            .iter()
            .any(|event| matches!(event.what, What::Closed { .. }))
    );
}

#[tokio::test]
async fn files_come_with_an_address_and_only_the_desks_own_are_read() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let reference = open.desk_ref.unwrap();
    let content = b"\x00\x01file".to_vec();
    rig.stand_in
        .act(&reference, Act::SendFile("a b.pdf".into(), content.clone()))
        .await;
    let events = rig.events();
    let What::Message(line) = &events[0].what else {
        panic!("{events:?}");
    };
    let [file] = &line.files[..] else {
        panic!("{line:?}");
    };
    assert_eq!(
        (file.name.as_str(), file.bytes, line.text.as_str()),
        ("a b.pdf", Some(6), "")
    );
    assert!(file.public);
    assert_eq!(rig.desk.fetch(file, 6).await.unwrap(), content);
    let too_large = rig.desk.fetch(file, 5).await.unwrap_err();
    assert!(matches!(too_large, DeskError::Rejected(_)), "{too_large}");
    for url in [
        "http://127.0.0.1:1/files/0",
        "http://x.intercomcdn.com/1",
        "https://intercomcdn.com.example.com/1",
        "https://evilintercomcdn.com/1",
        "file:///etc/passwd",
        "nonsense",
    ] {
        let foreign = DeskFile {
            url: url.into(),
            ..file.clone()
        };
        let refused = rig.desk.fetch(&foreign, 100).await.unwrap_err();
        assert_eq!(
            refused,
            DeskError::Rejected("the file is not at Intercom".into()),
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_name_that_an_event_left_out_is_asked_for() {
    let rig = Rig::start().await;
    let line = |id: &str| AgentLine {
        agent: Agent {
            id: id.into(),
            name: String::new(),
        },
        text: "Hi".into(),
        files: Vec::new(),
        incomplete: true,
    };
    let completed = rig.desk.complete(line("7001")).await.unwrap();
    assert_eq!((completed.agent, completed.incomplete), (ann(), false));
    let nobody = rig.desk.complete(line("1")).await.unwrap();
    assert_eq!((nobody.agent.name.as_str(), nobody.incomplete), ("", false));
    rig.stand_in
        .fail(Some(desk_stand_ins::Failure::ServerError));
    assert!(rig.desk.complete(line("7001")).await.is_err());
}

#[tokio::test]
async fn the_agents_page_acts_and_takes_nothing_from_other_pages() {
    let rig = Rig::start().await;
    let open = rig.opened("c1").await;
    let page = rig.stand_in.page_url();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let shown = http.get(&page).send().await.unwrap();
    let policy = shown.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    let html = shown.text().await.unwrap();
    assert!(html.contains("/agent/app.js") && !html.contains("://"));
    let act = |name: &str| {
        let reference = open.desk_ref.as_deref().unwrap();
        http.post(format!("{page}/api/conversations/{reference}/{name}"))
    };
    let typed = r#"{"text": "from the page"}"#;
    let json = ("content-type", "application/json");
    let said = act("say")
        .header(json.0, json.1)
        .body(typed)
        .send()
        .await
        .unwrap();
    assert_eq!(said.text().await.unwrap(), r#"{"webhooks":[200]}"#);
    assert_eq!(texts(&rig.events()), ["from the page"]);
    let list = http
        .get(format!("{page}/api/conversations"))
        .send()
        .await
        .unwrap();
    assert!(list.text().await.unwrap().contains("from the page"));
    for (request, status) in [
        (act("say").body(typed), 415),
        (act("say").header(json.0, "text/plain").body(typed), 415),
        (
            act("say")
                .header(json.0, json.1)
                .header("host", "example.com")
                .body(typed),
            403,
        ),
        (act("nothing").header(json.0, json.1).body(typed), 404),
    ] {
        assert_eq!(request.send().await.unwrap().status(), status);
    }
    assert_eq!(rig.events(), []);
}
