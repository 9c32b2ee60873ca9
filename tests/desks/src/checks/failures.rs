//! What goes wrong at a desk.

use std::time::Duration;

use desk_stand_ins::{Failure, From};
use handoff::conversation::{Author, Delivery};
use handoff::desk::{DeskError, DeskHttp, Desks};
use handoff::outbound::Targets;
use handoff::secrets::Secrets;
use handoff::time::SystemClock;
use serde_json::{Value, json};

use super::{places, whole};
use crate::World;
use crate::patience::{Found, ensure};
use crate::world::Talk;

const LINES: [&str; 3] = ["line one", "line two", "line three"];

pub(super) async fn rate_limited(world: &World) -> Found<()> {
    passing(world, Failure::RateLimited(Duration::from_secs(1))).await
}

pub(super) async fn server_error(world: &World) -> Found<()> {
    passing(world, Failure::ServerError).await
}

pub(super) async fn hang(world: &World) -> Found<()> {
    passing(world, Failure::Hang).await
}

pub(super) async fn unknown(world: &World) -> Found<()> {
    passing(world, Failure::DropAfter).await
}

/// Lines that meet a failure arrive when it is over: all, once, in order.
async fn passing(world: &World, failure: Failure) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.say_and_see(&talk, "before").await?;
    let before = world.calls();
    world.fail(failure);
    for line in LINES {
        world.say(&talk, line).await;
    }
    world
        .wait("the desk is called", async || world.calls() > before)
        .await?;
    world.desk().fail(None);
    world.say_and_see(&talk, "after").await?;
    let text = world.lines(&talk, From::User).await.join("\n");
    let mut last = 0;
    for line in LINES.iter().chain(&["after"]) {
        let found = places(&text, line);
        ensure!(found.len() == 1, "{line:?} is there {} times", found.len());
        ensure!(found[0] >= last, "{line:?} is out of order");
        last = found[0];
    }
    let log = world.log(&talk.id).await?;
    let failed = log.iter().filter(|e| e.delivery == Delivery::Failed);
    ensure!(failed.count() == 0, "a line was given up");
    world.answer(&talk, "goodbye").await
}

pub(super) async fn refused(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.say_and_see(&talk, "before").await?;
    world.fail(Failure::RefusedInBody);
    world.say(&talk, "the refused line").await;
    world
        .wait("the line ends as failed", async || {
            let log = world.log(&talk.id).await.unwrap_or_default();
            let entry = log.iter().find(|entry| entry.text == "the refused line");
            entry.is_some_and(|entry| entry.delivery == Delivery::Failed && entry.error.is_some())
        })
        .await?;
    world.desk().fail(None);
    world.say_and_see(&talk, "after").await?;
    // What tells of it may have been refused with it; then the log alone does.
    let log = world.log(&talk.id).await?;
    let told = log
        .iter()
        .find(|entry| entry.author == Author::System && entry.text.contains("could not be shown"));
    let told = told.ok_or("agents are not told")?;
    if told.delivery == Delivery::Delivered {
        let text = whole(&world.seen(&talk).await?);
        ensure!(
            text.contains("could not be shown"),
            "the desk does not show what agents are told"
        );
    }
    Ok(())
}

pub(super) async fn credentials(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    check_says_so(world).await?;
    world.fail(Failure::Unauthorized);
    world.say(&talk, "with old credentials").await;
    let reason = world
        .until("the log says why", async || {
            let log = world.log(&talk.id).await.ok()?;
            let mut entries = log.into_iter();
            entries
                .find(|entry| entry.text == "with old credentials")?
                .error
        })
        .await?;
    ensure!(
        reason.contains("not configured"),
        "the log says {reason:?}, which names no credentials"
    );
    world.desk().fail(None);
    arrives(world, &talk, "with old credentials").await
}

async fn arrives(world: &World, talk: &Talk, text: &str) -> Found<()> {
    world
        .wait("the line arrives", async || {
            let lines = world.lines(talk, From::User).await;
            lines.iter().filter(|line| line.contains(text)).count() == 1
        })
        .await
}

/// What `doctor` asks: whether the desk would take a handoff now.
async fn check_says_so(world: &World) -> Found<()> {
    let desks = desks(&world.desk().secret())?;
    let desk = desks.get("desk").map_err(|error| error.to_string())?;
    let fine = desk.check().await;
    ensure!(fine.is_ok(), "the check says {fine:?} though all is well");
    let shown = world.desk().conversations().await.len();
    world.fail(Failure::Unauthorized);
    let refused = desk.check().await;
    world.desk().fail(None);
    ensure!(
        matches!(refused, Err(DeskError::NotConfigured(_))),
        "the check says {refused:?} to refused credentials"
    );
    let left = world.desk().conversations().await.len();
    ensure!(left == shown, "the check leaves something at the desk");
    Ok(())
}

/// The desks of a secret with this object in it, under the name `desk`.
fn desks(object: &Value) -> Found<Desks> {
    let secret = json!({"desks": {"desk": object}}).to_string();
    let secrets = Secrets::parse(&secret).map_err(|error| error.to_string())?;
    let http = DeskHttp::new(Targets::Local, SystemClock::shared());
    Ok(Desks::of(
        &secrets,
        &http.map_err(|error| error.to_string())?,
    ))
}

pub(super) async fn secret(world: &World) -> Found<()> {
    let good = world.desk().secret();
    let members = good.as_object().ok_or("the secret is no object")?;
    let refused = |object: &Value| -> Found<Option<String>> {
        let said = match desks(object)?.get("desk") {
            Ok(_) => return Ok(None),
            Err(error) => error.to_string(),
        };
        let values = members.values().filter_map(Value::as_str);
        let quoted = values
            .filter(|value| value.len() > 9)
            .find(|value| said.contains(value));
        ensure!(quoted.is_none(), "the message quotes a value");
        Ok(Some(said))
    };
    ensure!(refused(&good)?.is_none(), "the good secret is refused");
    let mut needed = 0;
    for member in members.keys() {
        let mut object = good.clone();
        object.as_object_mut().ok_or("no object")?.remove(member);
        if let Some(said) = refused(&object)? {
            ensure!(said.contains(member.as_str()), "{member} missing: {said}");
            needed += 1;
        }
        object[member] = json!({"of": "the wrong type"});
        let said = refused(&object)?;
        let said = said.ok_or_else(|| format!("{member} of the wrong type is taken"))?;
        ensure!(
            said.contains(member.as_str()),
            "{member} of the wrong type: {said}"
        );
    }
    ensure!(needed >= 2, "only {needed} members are needed");
    let mut object = good.clone();
    object["colour"] = json!("red");
    let said = refused(&object)?.ok_or("an unknown member is taken")?;
    ensure!(said.contains("colour"), "an unknown member: {said}");
    Ok(())
}
