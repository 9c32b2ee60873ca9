//! Opening, whatever an earlier attempt left behind.

use desk_stand_ins::{DeskStandIn as _, Failure, From, Seen};
use handoff::conversation::{History, PLACEHOLDER_EMAIL};
use handoff::desk::DeskError;

use super::support::{PLAIN, Stage, at, conversation, desk, long_history, setups};

fn texts(seen: &Seen) -> Vec<&str> {
    seen.lines.iter().map(|line| line.text.as_str()).collect()
}

#[tokio::test]
async fn who_it_is_and_what_was_said_is_there_before_anything_else() {
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let opened = stage
            .open(&conversation("c1"), &long_history(), 1)
            .await
            .unwrap();
        let known = at(conversation("c1"), opened);
        let seen = stage.seen(&known).await;
        assert!(!seen.closed && seen.about == "Ann");
        assert!(seen.lines.len() > 2);
        let from = if setup.token {
            From::Bridge
        } else {
            From::User
        };
        assert!(
            seen.lines
                .iter()
                .all(|line| line.from == from && line.accident.is_none())
        );
        let all = texts(&seen).join("\n");
        assert!(all.starts_with("Handed over by the bot.\nName: Ann\nUser id: u1\nBot: b1"));
        let places: Vec<_> = (0..7)
            .map(|n| all.find(&format!("turn {n} ")).unwrap())
            .collect();
        assert!(places.is_sorted());
        assert!(all.ends_with(
            "Ann: turn 6 @channel [@x](mention://user/7/x) {{contact.email}} <b>*hi*</b>\n\
             https://files.example/a_b.png"
        ));
    }
}

#[tokio::test]
async fn an_attempt_that_broke_off_anywhere_is_completed_and_not_repeated() {
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let history = long_history();
        stage.open(&conversation("c1"), &history, 1).await.unwrap();
        let whole = stage.stand_in.conversations().await.remove(0);
        let calls = stage.stand_in.requests().len() as u64;
        for first in 1..=calls {
            // Where else is tried in full for one; the others are the same code.
            let all: Vec<_> = (1..=calls + 2).collect();
            let some = [1, first + 1, calls + 2];
            let seconds = if setup == PLAIN { &all[..] } else { &some[..] };
            for &second in seconds {
                let stage = Stage::new(setup).await;
                let known = conversation("c1");
                stage.stand_in.drop_after_call(first);
                let broken = stage.open(&known, &history, 1).await.unwrap_err();
                assert!(matches!(broken, DeskError::Unavailable { .. }), "{broken}");
                stage.stand_in.drop_after_call(second);
                let mut opened = stage.open(&known, &history, 2).await;
                if opened.is_err() {
                    opened = stage.open(&known, &history, 3).await;
                }
                let opened = opened.unwrap();
                let all = stage.stand_in.conversations().await;
                assert_eq!(all.len(), 1, "{first} {second}");
                assert_eq!(all[0].reference, opened.reference);
                assert_eq!(texts(&all[0]), texts(&whole), "{first} {second}");
            }
        }
    }
}

#[tokio::test]
async fn one_persons_second_handoff_is_another_conversation_of_the_same_contact() {
    for setup in setups() {
        let stage = Stage::new(setup).await;
        let history = History::default();
        let first = at(
            conversation("c1"),
            stage.open(&conversation("c1"), &history, 1).await.unwrap(),
        );
        let mut again = conversation("c1");
        again.episode = 2;
        // Also when an attempt before went wrong: the first episode does not count.
        let second = at(
            again.clone(),
            stage.open(&again, &history, 2).await.unwrap(),
        );
        let other = conversation("c2");
        let third = at(
            other.clone(),
            stage.open(&other, &history, 2).await.unwrap(),
        );
        let seen = stage.stand_in.conversations().await;
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|one| one.person == seen[0].person));
        let references = [&first, &second, &third].map(|known| known.desk_ref.clone());
        let contexts = [&first, &second, &third].map(|known| known.desk_context.clone());
        assert!(references[0] != references[1] && references[1] != references[2]);
        assert!(contexts[0] != contexts[1] && contexts[1] != contexts[2]);
    }
}

#[tokio::test]
async fn strangers_never_become_one_person_whatever_addresses_they_give() {
    let stage = Stage::new(setups()[0]).await;
    let mut people = Vec::new();
    for (n, email) in [
        PLACEHOLDER_EMAIL,
        PLACEHOLDER_EMAIL,
        "a@example.com",
        "a@example.com",
    ]
    .into_iter()
    .enumerate()
    {
        let mut known = conversation(&format!("c{n}"));
        known.user.user_id = None;
        known.user.name = None;
        known.user.phone = None;
        known.user.email = Some(email.into());
        let opened = stage.open(&known, &History::default(), 1).await.unwrap();
        let seen = stage.seen(&at(known, opened)).await;
        assert_eq!(texts(&seen)[0].contains("E-mail"), n >= 2);
        people.push(seen.person);
    }
    people.sort();
    people.dedup();
    assert_eq!(people.len(), 4);
    let sent = format!("{:?}", stage.stand_in.requests());
    assert!(!sent.contains(PLACEHOLDER_EMAIL));
    // The same user id at another bot is another person.
    let mut known = conversation("c9");
    stage.open(&known, &History::default(), 1).await.unwrap();
    known.bot = Some("b2".into());
    stage.open(&known, &History::default(), 1).await.unwrap();
    let seen = stage.stand_in.conversations().await;
    assert_ne!(seen[4].person, seen[5].person);
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words() {
    let cases: [(&str, serde_json::Value, usize, &str); 5] = [
        (
            "api_access_token",
            "wrong".into(),
            0,
            "api_access_token was refused",
        ),
        ("account_id", 2.into(), 0, "account_id is not known there"),
        (
            "inbox_identifier",
            "wrong".into(),
            0,
            "the token's user sees no API inbox",
        ),
        (
            "inbox_identifier",
            "wrong".into(),
            2,
            "inbox_identifier is not known there",
        ),
        (
            "hmac_token",
            serde_json::Value::Null,
            3,
            "hmac_token is missing",
        ),
    ];
    for setup in setups() {
        let stage = Stage::new(setup).await;
        assert_eq!(stage.desk.check().await, Ok(()));
        assert!(stage.stand_in.conversations().await.is_empty());
    }
    for (member, value, setup, words) in cases {
        let stage = Stage::new(setups()[setup]).await;
        let mut secret = stage.stand_in.secret();
        secret[member] = value;
        let broken = desk(&secret).unwrap();
        let error = broken.check().await.unwrap_err();
        assert!(matches!(error, DeskError::NotConfigured(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_inbox_or_account_is_a_matter_of_configuration_and_not_of_the_conversation() {
    let stage = Stage::new(setups()[0]).await;
    for member in ["inbox_identifier", "account_id"] {
        let mut secret = stage.stand_in.secret();
        secret[member] = if member == "account_id" {
            2.into()
        } else {
            "wrong".into()
        };
        let opening = handoff::desk::Opening {
            conversation: &conversation("c1"),
            history: &History::default(),
            attempt: 1,
        };
        let error = desk(&secret).unwrap().open(opening).await.unwrap_err();
        assert!(matches!(error, DeskError::NotConfigured(_)), "{error:?}");
    }
}

#[tokio::test]
async fn failures_are_what_they_are() {
    let stage = Stage::new(setups()[0]).await;
    let known = stage.opened().await;
    for failure in [
        Failure::RateLimited(std::time::Duration::from_secs(7)),
        Failure::ServerError,
        Failure::Hang,
        Failure::DropAfter,
        Failure::RefusedInBody,
        Failure::Unauthorized,
    ] {
        stage.stand_in.fail(Some(failure));
        let entry = super::support::entry(&known, handoff::conversation::Author::User, "hi", 1);
        let errors = [
            stage
                .open(&conversation("c2"), &History::default(), 1)
                .await
                .unwrap_err(),
            stage.desk.post(&known, &[entry]).await.unwrap_err(),
        ];
        for error in errors {
            let right = match (&error, failure) {
                (DeskError::Unavailable { retry_after, .. }, Failure::RateLimited(wait)) => {
                    *retry_after == Some(wait)
                }
                (
                    DeskError::Unavailable {
                        retry_after: None, ..
                    },
                    Failure::ServerError | Failure::Hang | Failure::DropAfter,
                ) => true,
                (DeskError::Rejected(_), Failure::RefusedInBody) => true,
                (DeskError::NotConfigured(_), Failure::Unauthorized) => true,
                _ => false,
            };
            assert!(right, "{failure:?} {error:?}");
        }
    }
    stage.stand_in.fail(None);
    assert!(
        stage
            .open(&conversation("c2"), &History::default(), 2)
            .await
            .is_ok()
    );
}
