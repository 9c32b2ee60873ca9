//! A conversation from the user's wish to its end, both ways.

use gptbots_stand_in::{Author, CallKind, EndedBy, Said, Status, UserProfile};
use reqwest::StatusCode;

use super::scene::{Chat, OWN_KEY_BOT, PATIENCE, Scene};
use crate::agent::entry;
use crate::error::{Error, ensure, failed};
use crate::report::Report;

/// Makes them.
pub(crate) async fn checks(report: &mut Report, scene: &Scene) {
    let rests_on = "the emulator's HTTP API, stream and mapping; GPTBots is our stand-in, which \
                    keeps to the vendor's documents; the order of the stream's records is not \
                    relied upon";
    report
        .check(
            "conversation: handoff, both ways, the user leaves",
            rests_on,
            user_leaves(scene),
        )
        .await;
    report
        .check(
            "conversation: the agent ends it",
            rests_on,
            agent_ends(scene),
        )
        .await;
}

async fn user_leaves(scene: &Scene) -> Result<String, Error> {
    let profile = UserProfile {
        email: Some(format!("{}@example.com", scene.mark("user's e-mail"))),
        phone: Some(scene.mark("user's phone")),
        user_name: Some(scene.mark("user's name")),
        ..UserProfile::default()
    };
    let gptbots = &scene.gptbots;
    let user = gptbots
        .new_user(OWN_KEY_BOT, profile)
        .await
        .map_err(|error| Error::Failed(error.to_string()))?;
    let asked = scene.mark("history");
    gptbots.say(&user, &asked).await;
    let id = gptbots
        .ask_for_human(&user)
        .await
        .map_err(|error| Error::Failed(error.to_string()))?;
    let chat = Chat { user, id };
    let greeting = scene.sees(&chat, 1).await?;
    ensure(greeting.len() == 1, || {
        format!("{} greetings", greeting.len())
    })?;

    let question = scene.mark("user's line");
    let Said::ToHuman(line) = gptbots.say(&chat.user, &question).await else {
        return failed("the line did not go to the bridge");
    };
    let shown = scene
        .agent
        .wait_for(
            chat.id.as_str(),
            "the agent sees the line",
            PATIENCE,
            |shown| entry(shown, &question).is_some_and(|entry| entry["delivery"] == "delivered"),
        )
        .await?;
    ensure(shown["history"].to_string().contains(&asked), || {
        "no history".to_owned()
    })?;
    let listed = scene.agent.list("open").await?;
    ensure(
        listed
            .iter()
            .any(|one| one["conversation_id"] == chat.id.as_str()),
        || "not in the list of open conversations".to_owned(),
    )?;

    let reply = scene.mark("agent's reply");
    scene.agent.write(chat.id.as_str(), &reply).await?;
    let seen = scene.sees(&chat, 2).await?;
    ensure(seen.get(1) == Some(&reply), || {
        "the user sees something else".to_owned()
    })?;

    gptbots.leave(&chat.user).await;
    scene
        .agent
        .wait_for(
            chat.id.as_str(),
            "the agent sees the end",
            PATIENCE,
            |shown| shown["conversation"]["closed_by"] == "user",
        )
        .await?;
    let (status, _) = scene.agent.try_write(chat.id.as_str(), "too late").await?;
    ensure(status == StatusCode::CONFLICT, || {
        format!("a line after the end: {status}")
    })?;
    let view = gptbots.view(&chat.user);
    ensure(view.delivery(line).is_some(), || {
        "the user's line is gone".to_owned()
    })?;
    ensure(view.texts(Author::Human).len() == 2, || {
        "more than was written".to_owned()
    })?;
    Ok("greeting, history, line, reply, end; a line after it is refused with 409".to_owned())
}

async fn agent_ends(scene: &Scene) -> Result<String, Error> {
    let chat = scene.begin_greeted().await?;
    scene.agent.close(chat.id.as_str()).await?;
    scene
        .gptbots
        .wait_for(
            &chat.user,
            |view| {
                view.status
                    == Status::Ended {
                        by: EndedBy::Bridge,
                    }
            },
            PATIENCE,
        )
        .await
        .map_err(|late| Error::Failed(format!("the user's status is {:?}", late.last.status)))?;
    let received = scene.gptbots.received();
    let closes = received
        .iter()
        .filter(|call| call.kind == CallKind::Close && call.conversation_id == chat.id)
        .count();
    ensure(closes == 1, || format!("{closes} closes"))?;
    let closed = scene.agent.list("closed").await?;
    ensure(
        closed
            .iter()
            .any(|one| one["conversation_id"] == chat.id.as_str()),
        || "not in the list of closed conversations".to_owned(),
    )?;
    Ok("GPTBots is told once, and the conversation is listed as closed".to_owned())
}
