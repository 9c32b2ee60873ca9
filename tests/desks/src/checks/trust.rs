//! Whom a desk's calls are believed from.

use std::time::Duration;

use desk_stand_ins::{Act, Failure, Forgery};

use crate::World;
use crate::patience::{Found, ensure};

/// How long the most impatient desk waits for an answer (Slack: 3 s), and a little for a machine
/// that is busy with other tests; what asks the desk first takes 8 s.
const IMPATIENCE: Duration = Duration::from_secs(6);

pub(super) async fn forged(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.answer(&talk, "Hello").await?;
    let mut tried = 0;
    for forgery in [
        Forgery::Unsigned,
        Forgery::WrongSecret,
        Forgery::ChangedBody,
        Forgery::Old,
        Forgery::Future,
        Forgery::WrongPathToken,
    ] {
        let status = world.desk().forge(&talk.reference, "forged", forgery).await;
        // 0: this desk has no such thing.
        ensure!(
            status == 401 || status == 0,
            "{forgery:?} was answered {status}"
        );
        tried += usize::from(status != 0);
    }
    ensure!(tried >= 2, "only {tried} kinds of forgery were tried");
    world.answer(&talk, "goodbye").await?;
    let told = world.told(&talk);
    ensure!(told == ["Hello", "goodbye"], "the user was told {told:?}");
    Ok(())
}

pub(super) async fn unparsed(world: &World) -> Found<()> {
    for route in ["/events", "/interactions", "/wrong-token/events"] {
        for (kind, body) in [
            ("application/json", "{ not json"),
            ("application/x-www-form-urlencoded", "payload=%7B+not+json"),
            ("application/json", ""),
        ] {
            let status = world.post_raw(route, kind, body).await?;
            ensure!(status == 401, "{route} answered {status} to rubbish");
        }
    }
    Ok(())
}

pub(super) async fn retries(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.act(&talk, Act::Say("Hello".to_owned())).await?;
    for _ in 0..2 {
        let status = world.desk().repeat_last().await;
        ensure!(
            (200..300).contains(&status),
            "a retry was answered {status}"
        );
    }
    world.answer(&talk, "goodbye").await?;
    world.desk().repeat_last().await;
    world.desk().replay_last().await;
    world.answer(&talk, "once more").await?;
    let told = world.told(&talk);
    ensure!(
        told == ["Hello", "goodbye", "once more"],
        "the user was told {told:?}"
    );
    world.act(&talk, Act::Close).await?;
    world.desk().repeat_last().await;
    let next = world.handoff("another question").await?;
    world.answer(&next, "hello").await?;
    world
        .wait("GPTBots is told of the end", async || {
            world.closes(&talk) > 0
        })
        .await?;
    let closes = world.closes(&talk);
    ensure!(closes == 1, "GPTBots was told of the end {closes} times");
    Ok(())
}

pub(super) async fn acknowledged(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.fail(Failure::Hang);
    let saying = world.act(&talk, Act::Say("Hello".to_owned()));
    let answered = tokio::time::timeout(IMPATIENCE, saying).await;
    world.desk().fail(None);
    answered.map_err(|_| "the desk's call waits for the desk's own API")??;
    world
        .wait("the user gets it", async || {
            world.told(&talk).iter().any(|told| told == "Hello")
        })
        .await
}
