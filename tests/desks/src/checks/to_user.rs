//! What agents do, for the user.

use desk_stand_ins::{Act, From, MARKUP_AS_PLAIN};
use gptbots_stand_in::{EndedBy, Status};
use handoff::conversation::{ClosedBy, Status as Stored};

use super::to_desk::leave;
use super::whole;
use crate::World;
use crate::patience::{Found, ensure};
use crate::world::Talk;

/// Later than anything is due, in milliseconds.
const END_OF_TIME: i64 = 9_007_199_254_740_991;

pub(super) async fn lines(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    let said = [
        "Hello there",
        "你好 😀",
        "ok",
        "ok",
        "first row\nsecond row",
        "goodbye",
    ];
    for line in said {
        world.act(&talk, Act::Say(line.to_owned())).await?;
    }
    world
        .wait("the user has the last line", async || {
            world.told(&talk).iter().any(|told| told == "goodbye")
        })
        .await?;
    is_told(world, &talk, &said)
}

/// The user was told this, and nothing else.
fn is_told(world: &World, talk: &Talk, said: &[&str]) -> Found<()> {
    let told = world.told(talk);
    ensure!(told == said, "the user was told {told:?}");
    Ok(())
}

pub(super) async fn markup(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.act(&talk, Act::SayWithMarkup).await?;
    world.answer(&talk, "goodbye").await?;
    is_told(world, &talk, &[MARKUP_AS_PLAIN, "goodbye"])
}

pub(super) async fn agent_name(world: &World) -> Found<()> {
    world.set(|settings| settings.agent_names = true).await?;
    let talk = world.handoff("a question").await?;
    world.answer(&talk, "goodbye").await?;
    let known = world.conversation(&talk.id).await?.agent;
    let agent = known.ok_or("nobody has the conversation")?;
    let log = world.log(&talk.id).await?;
    let line = log.iter().find(|entry| entry.text == "goodbye");
    let name = line.and_then(|line| line.author_name.clone());
    let name = name.ok_or("the line has no name")?;
    ensure!(!name.is_empty() && name != agent.id, "the name is an id");
    is_told(world, &talk, &[&format!("{name}: goodbye")])
}

pub(super) async fn claim(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    let statuses = world.act(&talk, Act::Claim).await?;
    ensure!(!statuses.is_empty(), "a claim sends nothing");
    world
        .wait("the conversation is shown as taken", async || {
            let known = world.conversation(&talk.id).await;
            known.is_ok_and(|known| known.agent.is_some() && known.status == Stored::Connected)
        })
        .await?;
    world.answer(&talk, "goodbye").await?;
    is_told(world, &talk, &["goodbye"])
}

pub(super) async fn notes(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    let note = "what a user! (between us)";
    world.act(&talk, Act::Note(note.to_owned())).await?;
    world.answer(&talk, "Hello").await?;
    world.act(&talk, Act::Note(note.to_owned())).await?;
    world.answer(&talk, "goodbye").await?;
    is_told(world, &talk, &["Hello", "goodbye"])
}

pub(super) async fn noise(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    let statuses = world.act(&talk, Act::Noise("noise".to_owned())).await?;
    ensure!(!statuses.is_empty(), "the stand-in makes no noise");
    world.answer(&talk, "Hello").await?;
    world.act(&talk, Act::Noise("noise".to_owned())).await?;
    world.answer(&talk, "goodbye").await?;
    is_told(world, &talk, &["Hello", "goodbye"])?;
    let known = world.conversation(&talk.id).await?;
    ensure!(!known.is_closed(), "noise has ended the conversation");
    Ok(())
}

pub(super) async fn echo(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.say_and_see(&talk, "is anybody there?").await?;
    world.answer(&talk, "Hello").await?;
    world.say_and_see(&talk, "good").await?;
    world.answer(&talk, "goodbye").await?;
    leave(world, &talk).await?;
    is_told(world, &talk, &["Hello", "goodbye"])?;
    let known = world.conversation(&talk.id).await?;
    ensure!(
        known.closed_by == Some(ClosedBy::User),
        "our own close counts as {:?}'s",
        known.closed_by
    );
    Ok(())
}

pub(super) async fn file(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    let statuses = world
        .act(&talk, Act::SendFile("plan.pdf".into(), b"%PDF".to_vec()))
        .await?;
    ensure!(!statuses.is_empty(), "a file sends nothing");
    world.answer(&talk, "goodbye").await?;
    let told = world.told(&talk);
    let link = told.iter().find_map(|told| {
        let (before, link) = told.split_at(told.find("http")?);
        let link = link.split_whitespace().next()?;
        before.contains("plan.pdf").then_some(link)
    });
    if let Some(link) = link {
        // What is on this machine can be opened: it has to be what the agent sent.
        if link.starts_with("http://127.0.0.1") {
            let opened = reqwest::get(link).await;
            let opened = opened.map_err(|error| error.without_url().to_string())?;
            let status = opened.status();
            ensure!(status.is_success(), "the link answers {status}");
            let bytes = opened.bytes().await.unwrap_or_default();
            ensure!(
                bytes.as_ref() == b"%PDF",
                "the link leads to something else"
            );
        }
        return Ok(());
    }
    world
        .wait("the agent is told that the file was not sent", async || {
            let lines = world.lines(&talk, From::Bridge).await;
            lines.iter().any(|line| line.contains("plan.pdf"))
        })
        .await
}

pub(super) async fn agent_closes(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.answer(&talk, "goodbye").await?;
    world.act(&talk, Act::Close).await?;
    world
        .wait("the user sees the end", async || {
            let ended = Status::Ended {
                by: EndedBy::Bridge,
            };
            world.gptbots().view(&talk.user).status == ended
        })
        .await?;
    world
        .wait("the desk shows the end", async || {
            world.seen(&talk).await.is_ok_and(|seen| seen.closed)
        })
        .await?;
    // Another one, so that whatever else was under way has arrived.
    let next = world.handoff("another question").await?;
    world.answer(&next, "hello").await?;
    is_told(world, &talk, &["goodbye"])?;
    let closes = world.closes(&talk);
    ensure!(closes == 1, "GPTBots was told {closes} times");
    let by = world.conversation(&talk.id).await?.closed_by;
    ensure!(by == Some(ClosedBy::Agent), "closed by {by:?}");
    Ok(())
}

pub(super) async fn late(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.answer(&talk, "one moment").await?;
    leave(world, &talk).await?;
    let line = Act::Say("too late".to_owned());
    let statuses = world.desk().act(&talk.reference, line).await;
    // A page of our own can be told at once.
    if !statuses.contains(&409) {
        world
            .wait(
                "the agent is told that the user will not see it",
                async || {
                    let seen = world.seen(&talk).await;
                    seen.is_ok_and(|seen| whole(&seen).contains("will not see"))
                },
            )
            .await?;
    }
    is_told(world, &talk, &["one moment"])
}

pub(super) async fn lost_webhooks(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.answer(&talk, "Hello").await?;
    world.desk().lose_webhooks(true);
    let line = Act::Say("this one gets lost".to_owned());
    world.desk().act(&talk.reference, line).await;
    world.desk().lose_webhooks(false);
    // Not in a few minutes, but now.
    let store = &world.sandbox.store;
    let due = store.due_to_reconcile(END_OF_TIME).await;
    for due in due.map_err(|error| error.to_string())? {
        let taken = store.take_to_reconcile(&due, 0).await;
        taken.map_err(|error| error.to_string())?;
    }
    world
        .wait("the line is found", async || {
            let told = world.told(&talk);
            told.iter().any(|told| told == "this one gets lost")
        })
        .await?;
    world.answer(&talk, "goodbye").await?;
    is_told(world, &talk, &["Hello", "this one gets lost", "goodbye"])
}
