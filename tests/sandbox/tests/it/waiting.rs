//! A user whom nobody answers, in the whole bridge.

use std::time::Duration;

use gptbots_stand_in::{Status, UserProfile};
use sandbox::{Options, Sandbox};
use serde_json::json;

use crate::http::{Http, PATIENCE, until};
use crate::story::told;

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_the_place_and_in_the_end_sent_away_politely() {
    let sandbox = Sandbox::start(Options::rough(21)).await.unwrap();
    let gptbots = sandbox.gptbots.clone().unwrap();
    let settings = json!({"waiting": {
        "texts": [{"after_seconds": 1, "text": "You are number {position}."}],
        "then": "end", "then_after_seconds": 4, "farewell": "Sorry, nobody is free.",
        "alarm_after_seconds": 2,
    }});
    let written = sandbox.store.put_settings(&settings.to_string(), 0).await;
    assert!(written.unwrap());
    let user = gptbots
        .new_user("sandbox-bot", UserProfile::default())
        .await
        .unwrap();
    let id = gptbots.ask_for_human(&user).await.unwrap().to_string();
    gptbots
        .wait_for(
            &user,
            |view| matches!(view.status, Status::Ended { .. }),
            PATIENCE + Duration::from_secs(5),
        )
        .await
        .unwrap();
    assert_eq!(
        told(&gptbots, &id),
        ["You are number 1.", "Sorry, nobody is free."]
    );
    let http = Http::new(sandbox.webhook_base_url(), sandbox.console_url());
    until("the console shows why", async || {
        let shown = http.get(&id, "").await.1;
        let entries = shown["entries"].as_array().unwrap().clone();
        let alarmed = |entry: &serde_json::Value| {
            entry["to"].is_null() && entry["text"].as_str().unwrap().contains("Nobody has taken")
        };
        shown["conversation"]["closed_by"] == "bridge"
            && shown["conversation"]["close_reason"] == "nobody answered"
            && entries.iter().any(alarmed)
    })
    .await;
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_hours_the_user_sees_busy_or_when_it_opens() {
    let keys = r#"{"bots": {"one": {"api_key": "k1"}, "other": {"api_key": "k2"}}}"#;
    let options = Options {
        secrets_json: Some(keys.to_owned()),
        ..Options::rough(22)
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let gptbots = sandbox.gptbots.clone().unwrap();
    // Never open; one of the bots takes messages.
    let hours = |outside: &str| json!({"hours": {"weekly": {}, "outside": outside, "text": "Closed until {opens}."}});
    let mut settings = hours("refuse");
    settings["bots"] = json!({"other": hours("message")});
    let written = sandbox.store.put_settings(&settings.to_string(), 0).await;
    assert!(written.unwrap());
    let user = async |bot| gptbots.new_user(bot, UserProfile::default()).await.unwrap();
    let refused = user("one").await;
    assert!(gptbots.ask_for_human(&refused).await.is_err(), "busy");
    let taken = user("other").await;
    let id = gptbots.ask_for_human(&taken).await.unwrap().to_string();
    until("it is told when it opens", async || {
        told(&gptbots, &id) == ["Closed until –."]
    })
    .await;
    sandbox.shutdown().await;
}
