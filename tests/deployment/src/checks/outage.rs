//! GPTBots is down, says no, or bells get lost.

use std::time::Duration;

use gptbots_stand_in::{CallKind, Fault, Outage, Outcome, Said};
use serde_json::Value;

use super::scene::{Chat, PATIENCE, Scene};
use crate::agent::entry;
use crate::error::{Error, ensure, failed};
use crate::report::Report;
use crate::world;

/// Makes them.
pub(crate) async fn checks(report: &mut Report, scene: &Scene) {
    report
        .check(
            "outage: GPTBots answers 503 for a while; the delayed bells carry what was written over it",
            "the emulator's SQS: delay and mapping; the clock's schedule is switched off meanwhile, \
             so nothing else can have carried it. AWS may ring twice: tested in the sandbox with --chaos",
            answers_503(scene),
        )
        .await;
    report
        .check(
            "outage: GPTBots cannot be reached for a while",
            "its address is taken away from this network: connections break or fail; SQS as above",
            unreachable(scene),
        )
        .await;
    report
        .check(
            "outage: what GPTBots refuses for good fails visibly, and is replayed from the console",
            "our relay and console; the emulator's API and stream. The code is one that the vendor \
             documents as permanent",
            refused_and_replayed(scene),
        )
        .await;
    report
        .check(
            "outage: a lane whose bell got lost is found by the clock",
            "the emulator's schedule (it looks every 10 s, AWS to the minute) and its index of what \
             is due; all delayed bells are purged while their mapping is off",
            stray(scene),
        )
        .await;
}

async fn answers_503(scene: &Scene) -> Result<String, Error> {
    let chat = scene.begin_greeted().await?;
    scene.clock(false).await?;
    scene.gptbots.set_outage(Some(Outage::new(Fault::Status {
        status: 503,
        retry_after: None,
    })));
    let texts = write(scene, &chat, 4).await?;
    let result = carried_over(scene, &chat, &texts).await;
    scene.gptbots.set_outage(None);
    let failures = result?;
    let seen = scene.sees(&chat, 1 + texts.len()).await;
    scene.clock(true).await?;
    in_order_and_once(&seen?, &texts)?;
    no_second_copy(scene, &chat, 1 + texts.len())?;
    Ok(format!(
        "{failures} refused attempts, then 4 lines in order and once"
    ))
}

/// Waits, in the outage, until the first line was tried several times; the other side goes on.
async fn carried_over(scene: &Scene, chat: &Chat, texts: &[String]) -> Result<usize, Error> {
    let tried = |shown: &Value| {
        entry(shown, &texts[0]).is_some_and(|first| {
            first["delivery"] == "retrying" && first["attempts"].as_u64() >= Some(4)
        })
    };
    scene
        .agent
        .wait_for(
            chat.id.as_str(),
            "the first line was tried four times",
            PATIENCE,
            tried,
        )
        .await?;
    let question = scene.mark("user's line");
    let Said::ToHuman(_) = scene.gptbots.say(&chat.user, &question).await else {
        return failed("the line did not go to the bridge");
    };
    scene
        .agent
        .wait_for(
            chat.id.as_str(),
            "the agent sees a line meanwhile",
            PATIENCE,
            |shown| entry(shown, &question).is_some(),
        )
        .await?;
    let calls = scene.gptbots.calls();
    let refused = calls
        .iter()
        .filter(|call| call.outage && call.conversation_id.as_ref() == Some(&chat.id));
    Ok(refused.count())
}

async fn unreachable(scene: &Scene) -> Result<String, Error> {
    let chat = scene.begin_greeted().await?;
    world::gptbots_address(false)?;
    let written = write(scene, &chat, 2).await;
    let tried = match &written {
        Ok(texts) => {
            scene
                .agent
                .wait_for(chat.id.as_str(), "the line was tried", PATIENCE, |shown| {
                    entry(shown, &texts[0]).is_some_and(|first| first["delivery"] == "retrying")
                })
                .await
        }
        Err(_) => Ok(Value::Null),
    };
    world::gptbots_address(true)?;
    let (texts, tried) = (written?, tried?);
    let reason = entry(&tried, &texts[0]).map_or(Value::Null, |first| first["error"].clone());
    in_order_and_once(&scene.sees(&chat, 1 + texts.len()).await?, &texts)?;
    no_second_copy(scene, &chat, 1 + texts.len())?;
    Ok(format!(
        "the agent saw {reason}; then 2 lines in order and once"
    ))
}

async fn refused_and_replayed(scene: &Scene) -> Result<String, Error> {
    let chat = scene.begin_greeted().await?;
    let refusal = Fault::Code {
        status: 400,
        code: 40_000,
        retry_after: None,
    };
    let refusal = Outage::new(refusal)
        .only(CallKind::Reply)
        .in_conversation(&chat.id);
    scene.gptbots.set_outage(Some(refusal.times(1)));
    let texts = write(scene, &chat, 2).await?;
    let shown = scene
        .agent
        .wait_for(
            chat.id.as_str(),
            "the first line failed and the second went",
            PATIENCE,
            |shown| {
                entry(shown, &texts[0]).is_some_and(|first| first["delivery"] == "failed")
                    && entry(shown, &texts[1])
                        .is_some_and(|second| second["delivery"] == "delivered")
            },
        )
        .await?;
    let Some(failed_entry) = entry(&shown, &texts[0]) else {
        return failed("the failed line is gone");
    };
    let reason = failed_entry["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    ensure(reason.contains("40000"), || {
        format!("the reason does not say why: {reason}")
    })?;
    let id = failed_entry["id"].as_str().unwrap_or_default();
    scene.agent.replay(chat.id.as_str(), id).await?;
    let seen = scene.sees(&chat, 3).await?;
    in_order_and_once(&seen, &[texts[1].clone(), texts[0].clone()])?;
    Ok(format!(
        "failed with \"{reason}\", the next line went on, the replay arrived"
    ))
}

async fn stray(scene: &Scene) -> Result<String, Error> {
    let chat = scene.begin_greeted().await?;
    scene.gptbots.set_outage(Some(Outage::new(Fault::Status {
        status: 503,
        retry_after: None,
    })));
    let texts = write(scene, &chat, 1).await?;
    let lost = lose_the_bell(scene, &chat, &texts[0]).await;
    scene.gptbots.set_outage(None);
    scene.delayed_bells(true).await?;
    lost?;
    let began = tokio::time::Instant::now();
    // A lane is due a minute after its head; the clock ticks every minute.
    let found = scene
        .gptbots
        .wait_until(
            |gptbots| replies(gptbots, &chat) >= 2,
            Duration::from_secs(240),
        )
        .await;
    ensure(found, || "the line never arrived".to_owned())?;
    in_order_and_once(&scene.sees(&chat, 2).await?, &texts)?;
    Ok(format!("found after {} s", began.elapsed().as_secs()))
}

async fn lose_the_bell(scene: &Scene, chat: &Chat, text: &str) -> Result<(), Error> {
    scene
        .agent
        .wait_for(
            chat.id.as_str(),
            "the line waits for its bell",
            PATIENCE,
            |shown| entry(shown, text).is_some_and(|line| line["delivery"] == "retrying"),
        )
        .await?;
    scene.delayed_bells(false).await?;
    // An attempt that began before sets its bell inside this time.
    tokio::time::sleep(Duration::from_secs(10)).await;
    scene.lose_bells().await
}

/// The agent writes so many lines; their texts.
async fn write(scene: &Scene, chat: &Chat, lines: usize) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    for _ in 0..lines {
        let text = scene.mark("agent's reply");
        scene.agent.write(chat.id.as_str(), &text).await?;
        texts.push(text);
    }
    Ok(texts)
}

/// After the greeting come these lines and no others.
pub(crate) fn in_order_and_once(seen: &[String], texts: &[String]) -> Result<(), Error> {
    let place = |text: &String| texts.iter().position(|written| written == text);
    ensure(seen.get(1..) == Some(texts), || {
        let places: Vec<_> = seen.iter().skip(1).map(place).collect();
        format!("the user sees the lines as {places:?} of {}", texts.len())
    })
}

/// GPTBots took no reply twice: what the user sees is all that took effect.
fn no_second_copy(scene: &Scene, chat: &Chat, lines: usize) -> Result<(), Error> {
    let taken = replies(&scene.gptbots, chat);
    ensure(taken == lines, || {
        format!("{taken} replies took effect instead of {lines}")
    })?;
    let sent = scene.gptbots.sent();
    let refused = sent
        .iter()
        .filter(|webhook| webhook.conversation_id == chat.id);
    let refused = refused
        .filter(|webhook| webhook.outcome != Outcome::Answered(200))
        .count();
    ensure(refused == 0, || {
        format!("{refused} webhooks were not answered with 200")
    })
}

fn replies(gptbots: &gptbots_stand_in::StandIn, chat: &Chat) -> usize {
    let received = gptbots.received();
    let of_chat = received
        .iter()
        .filter(|call| call.conversation_id == chat.id);
    of_chat.filter(|call| call.kind == CallKind::Reply).count()
}
