//! What goes wrong at Zendesk, and what the connector says of it.

use std::time::Duration;

use desk_stand_ins::zendesk::Webhooks;
use desk_stand_ins::{DeskStandIn as _, Failure};
use handoff::conversation::ClosedBy;
use handoff::desk::DeskError;
use serde_json::json;

use crate::bridge::{World, connector, conversation, failures, line};

#[tokio::test]
async fn every_failure_is_read_as_what_it_is() {
    let world = World::new().await;
    let known = world.open("c1").await;
    for (failure, is_right) in failures() {
        world.fail(Some(failure));
        let errors = [
            world.try_open(&conversation("c2"), 1).await.unwrap_err(),
            world
                .desk
                .post(&known, &[line(&known, 1, "x")])
                .await
                .unwrap_err(),
            world
                .desk
                .close(&known, ClosedBy::User, "x")
                .await
                .unwrap_err(),
            world.desk.check().await.unwrap_err(),
        ];
        for error in errors {
            assert!(is_right(&error), "{failure:?}: {error}");
            assert!(!error.to_string().contains("zendesk-api-token"));
        }
    }
    // The relay's patience ends before the vendor's silence.
    world.fail(Some(Failure::Hang));
    let entries = [line(&known, 2, "x")];
    let posting = world.desk.post(&known, &entries);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), posting)
            .await
            .is_err()
    );
    world.fail(None);
    world.desk.check().await.unwrap();
}

#[tokio::test]
async fn the_vendors_limits_are_kept_by_waiting() {
    let world = World::with(Webhooks::Events, true).await;
    let known = world.open("c1").await;
    for n in 0..30 {
        world
            .desk
            .post(&known, &[line(&known, n, "x")])
            .await
            .unwrap();
    }
    let error = world
        .desk
        .post(&known, &[line(&known, 30, "x")])
        .await
        .unwrap_err();
    assert!(
        matches!(error, DeskError::Unavailable { retry_after: Some(wait), .. } if wait > Duration::from_secs(60)),
        "{error}"
    );
}

#[tokio::test]
async fn a_check_says_in_words_what_is_wrong() {
    let world = World::new().await;
    world.desk.check().await.unwrap();
    let check = async |change: &dyn Fn(&mut serde_json::Value)| {
        let mut secret = world.stand_in.secret();
        change(&mut secret);
        connector(&secret)
            .unwrap()
            .check()
            .await
            .unwrap_err()
            .to_string()
    };
    let error = check(&|secret| secret["api_token"] = json!("wrong")).await;
    assert!(error.contains("the credentials were refused"), "{error}");
    let error = check(&|secret| secret["user_id"] = json!(8001)).await;
    assert!(
        error.contains("user_id is not the id of the user"),
        "{error}"
    );
    let error = check(&|secret| {
        let elsewhere = format!("{}/elsewhere", secret["base_url"].as_str().unwrap());
        secret["base_url"] = json!(elsewhere);
    })
    .await;
    assert!(
        error.contains("no Zendesk account answers at base_url"),
        "{error}"
    );
    assert!(connector(&json!({"kind": "zendesk"})).is_err());
}
