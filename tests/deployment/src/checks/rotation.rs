//! Changing a deployment that is in use: settings, code, tokens and keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gptbots_stand_in::{Delivery, Said};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::outage::in_order_and_once;
use super::scene::{ANY_KEY_BOT, Chat, PATIENCE, Scene, parameters, put_keys};
use crate::aws::{Process, processes_of};
use crate::error::{Error, ensure, failed};
use crate::report::Report;
use crate::stack;

/// Makes them.
pub(crate) async fn checks(report: &mut Report, scene: &mut Scene) {
    report
        .check(
            "rotation: a key replaced in the secret, while functions are warm, loses no reply",
            "the emulator's Secrets Manager; the same processes of the relay before and after, so \
             nothing was read anew by starting anew",
            key_replaced(scene),
        )
        .await;
    let next = scene.mark("webhook token");
    report
        .check(
            "rotation: an update of the stack, while people chat, loses no line; two tokens are valid",
            "the emulator's CloudFormation and Lambda: it replaces a function's settings at once and \
             ends its processes. AWS does it bit by bit, and lets what runs end",
            updated(scene, &next),
        )
        .await;
    report
        .check(
            "rotation: the old token is refused once it is taken off",
            "our functions' own comparison, and the update as above",
            token_retired(scene, &next),
        )
        .await;
}

async fn key_replaced(scene: &mut Scene) -> Result<String, Error> {
    let chat = scene.begin_greeted().await?;
    let relay = scene.stack.physical("RelayFunction")?;
    let ids = |processes: Vec<Process>| -> BTreeSet<u32> {
        processes.iter().map(|process| process.id).collect()
    };
    let warm = ids(processes_of(&relay)?);
    ensure(!warm.is_empty(), || "no relay is warm".to_owned())?;
    let old = scene.keys[1].clone();
    let new = scene.mark("API key");
    scene.keys[1] = new.clone();
    put_keys(&scene.stack, &scene.keys).await?;
    scene.gptbots.set_api_key(ANY_KEY_BOT, &new);
    ensure(old != new, || "the same key".to_owned())?;
    let mut texts = Vec::new();
    for _ in 0..3 {
        let text = scene.mark("agent's reply");
        scene.agent.write(chat.id.as_str(), &text).await?;
        texts.push(text);
    }
    in_order_and_once(&scene.sees(&chat, 4).await?, &texts)?;
    let after = ids(processes_of(&relay)?);
    ensure(warm.is_subset(&after), || {
        "a relay was started anew".to_owned()
    })?;
    let calls = scene.gptbots.calls();
    let refused = calls
        .iter()
        .filter(|call| call.conversation_id.as_ref() == Some(&chat.id))
        .filter(|call| call.status == Some(401))
        .count();
    ensure(refused > 0, || {
        "the old key was never refused: nothing was shown".to_owned()
    })?;
    Ok(format!(
        "{refused} refused with the old key, 3 lines arrived with the new one"
    ))
}

async fn updated(scene: &Scene, next: &str) -> Result<String, Error> {
    let chat = scene.begin_greeted().await?;
    let going_on = Arc::new(AtomicBool::new(true));
    let traffic = traffic(scene, &chat, going_on.clone());
    let update = async {
        let both = parameters(&[&scene.token, next], "DEBUG");
        let deployed = stack::deploy(&scene.template, &both).await;
        // And a little longer, with what is new.
        tokio::time::sleep(Duration::from_secs(3)).await;
        going_on.store(false, Ordering::Relaxed);
        deployed
    };
    let (written, deployed) = tokio::join!(traffic, update);
    deployed?;
    let (replies, questions) = written?;

    in_order_and_once(&scene.sees(&chat, 1 + replies.len()).await?, &replies)?;
    let shown = scene
        .agent
        .wait_for(
            chat.id.as_str(),
            "the agent sees all lines",
            PATIENCE,
            |shown| of_user(shown).len() >= questions.len(),
        )
        .await?;
    ensure(of_user(&shown) == questions, || {
        "the agent sees other lines".to_owned()
    })?;

    for token in [scene.token.as_str(), next] {
        let status = chat_webhook(scene, token).await?;
        ensure(status == StatusCode::OK, || {
            format!("one of the two tokens: {status}")
        })?;
    }
    Ok(format!(
        "{} lines of the agent and {} of the user, in order and once",
        replies.len(),
        questions.len()
    ))
}

/// Both sides write until told to stop; what the agent and what the user wrote.
async fn traffic(
    scene: &Scene,
    chat: &Chat,
    going_on: Arc<AtomicBool>,
) -> Result<(Vec<String>, Vec<String>), Error> {
    let (mut replies, mut questions, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    while going_on.load(Ordering::Relaxed) {
        let question = scene.mark("user's line");
        let Said::ToHuman(line) = scene.gptbots.say(&chat.user, &question).await else {
            return failed("the line did not go to the bridge");
        };
        lines.push(line);
        questions.push(question);
        let reply = scene.mark("agent's reply");
        scene.agent.write(chat.id.as_str(), &reply).await?;
        replies.push(reply);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let taken = |view: &gptbots_stand_in::UserView| {
        lines
            .iter()
            .all(|line| view.delivery(*line) == Some(Delivery::Delivered))
    };
    match scene.gptbots.wait_for(&chat.user, taken, PATIENCE).await {
        Ok(_) => Ok((replies, questions)),
        Err(_) => failed("a webhook of the user's lines was not answered with 200"),
    }
}

fn of_user(shown: &Value) -> Vec<String> {
    let entries = shown["entries"].as_array().into_iter().flatten();
    entries
        .filter(|entry| entry["author"] == "user" && entry["kind"] == "message")
        .filter_map(|entry| entry["text"].as_str().map(str::to_owned))
        .collect()
}

/// A line by a webhook of our own making; the status of the answer.
async fn chat_webhook(scene: &Scene, token: &str) -> Result<StatusCode, Error> {
    let body =
        json!({"conversation_id": "nobody", "timestamp": 1, "body": scene.mark("user's line")});
    let url = format!("{}/chat", scene.webhooks(token)?);
    Ok(Client::new().post(url).json(&body).send().await?.status())
}

async fn token_retired(scene: &mut Scene, next: &str) -> Result<String, Error> {
    scene.gptbots.set_webhook_base_url(scene.webhooks(next)?);
    stack::deploy(&scene.template, &parameters(&[next], "DEBUG")).await?;
    let status = chat_webhook(scene, &scene.token).await?;
    ensure(status == StatusCode::UNAUTHORIZED, || {
        format!("the old one: {status}")
    })?;
    next.clone_into(&mut scene.token);
    let chat = scene.begin_greeted().await?;
    scene.agent.close(chat.id.as_str()).await?;
    Ok("the old one is refused, a handoff with the new one works".to_owned())
}
