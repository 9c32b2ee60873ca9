//! How a conversation begins at a desk.

use desk_stand_ins::{Failure, From};
use gptbots_stand_in::{Author, Outcome, UserProfile, Webhook};
use handoff::conversation::PLACEHOLDER_EMAIL;

use super::{places, whole};
use crate::World;
use crate::patience::{Found, ensure};
use crate::world::Talk;

const QUESTION: &str = "where is parcel four?";

pub(super) async fn once(world: &World) -> Found<()> {
    let talk = world.handoff(QUESTION).await?;
    world
        .wait("establish was sent twice", async || {
            let sent = world.gptbots().sent();
            let twice = sent.iter().filter(|sent| {
                sent.webhook == Webhook::Establish && sent.outcome == Outcome::Answered(200)
            });
            twice.count() == 2
        })
        .await?;
    is_once(world, &talk).await
}

pub(super) async fn once_though_unknown(world: &World) -> Found<()> {
    world.fail(Failure::DropAfter);
    let user = world.user(UserProfile::default()).await?;
    world.gptbots().say(&user, QUESTION).await;
    let id = world.ask(&user).await?;
    world
        .wait("the desk is called", async || world.calls() > 0)
        .await?;
    world.desk().fail(None);
    let talk = world.opened(&user, id).await?;
    is_once(world, &talk).await
}

/// There is one conversation at the desk, with everything in it once.
async fn is_once(world: &World, talk: &Talk) -> Found<()> {
    world.say_and_see(talk, "a line").await?;
    world.say_and_see(talk, "another one").await?;
    let all = world.desk().conversations().await;
    ensure!(all.len() == 1, "{} conversations at the desk", all.len());
    let text = whole(&world.seen(talk).await?);
    for said in [QUESTION, "a line", "another one"] {
        let times = places(&text, said).len();
        ensure!(times == 1, "{said:?} is there {times} times");
    }
    Ok(())
}

pub(super) async fn known_user(world: &World) -> Found<()> {
    let profile = UserProfile {
        user_name: Some("Bob Builder".into()),
        email: Some("bob@example.com".into()),
        phone: Some("+4915112345678".into()),
        user_id: Some("user-77".into()),
        conversation_type: Some("WHATSAPP_META".into()),
        ..UserProfile::default()
    };
    let user = world.user(profile).await?;
    let talk = world.handoff_of(&user, QUESTION).await?;
    world.say_and_see(&talk, "hello").await?;
    let seen = world.seen(&talk).await?;
    let shown = format!("{}\n{}", seen.about, whole(&seen));
    for known in ["Bob Builder", "bob@example.com", "15112345678", "user-77"] {
        ensure!(shown.contains(known), "{known:?} is not shown");
    }
    Ok(())
}

pub(super) async fn unknown_user(world: &World) -> Found<()> {
    let talk = world.handoff(QUESTION).await?;
    world.say_and_see(&talk, "hello").await?;
    world.answer(&talk, "hello to you").await
}

pub(super) async fn strangers(world: &World) -> Found<()> {
    let one = world.handoff("a question of the first").await?;
    let other = world.handoff("a question of the second").await?;
    world.say_and_see(&one, "line of the first").await?;
    world.say_and_see(&other, "line of the second").await?;
    ensure!(
        one.reference != other.reference,
        "one conversation for both"
    );
    let (one, other) = (world.seen(&one).await?, world.seen(&other).await?);
    if let (Some(one), Some(other)) = (&one.person, &other.person) {
        ensure!(one != other, "one person at the desk for both");
    }
    for (seen, foreign) in [(&one, "of the second"), (&other, "of the first")] {
        let shown = format!("{}\n{}", seen.about, whole(seen));
        ensure!(
            !shown.contains(PLACEHOLDER_EMAIL),
            "the placeholder is shown"
        );
        ensure!(
            !shown.contains(foreign),
            "one's lines are shown as the other's"
        );
    }
    Ok(())
}

pub(super) async fn history_first(world: &World) -> Found<()> {
    let user = world.user(UserProfile::default()).await?;
    for text in ["is the shop open?", "and what about refunds?"] {
        world.gptbots().say(&user, text).await;
    }
    let talk = world.handoff_of(&user, QUESTION).await?;
    world.say_and_see(&talk, "the first message").await?;
    let text = whole(&world.seen(&talk).await?);
    let view = world.gptbots().view(&user);
    let answers = view.texts(Author::Bot);
    // The bot greets before the conversation has a history.
    let answered = |topic: &str| {
        let found = answers.iter().find(|text| text.contains(topic));
        found.map(|text| (*text).to_owned())
    };
    let hours = answered("Monday").ok_or("the bot did not answer")?;
    let refunds = answered("30 days").ok_or("the bot did not answer")?;
    let mut last = 0;
    for said in [
        "is the shop open?",
        &hours,
        "and what about refunds?",
        &refunds,
        QUESTION,
        "the first message",
    ] {
        let found = places(&text, said);
        ensure!(found.len() == 1, "{said:?} is there {} times", found.len());
        ensure!(found[0] >= last, "{said:?} is out of order");
        last = found[0];
    }
    Ok(())
}

pub(super) async fn long_history(world: &World) -> Found<()> {
    let user = world.user(UserProfile::default()).await?;
    const TURNS: usize = 60;
    for n in 0..TURNS {
        let text = format!("turn-{n:02} {}", "lorem ipsum ".repeat(125));
        world.gptbots().say(&user, &text).await;
    }
    let talk = world.handoff_of(&user, QUESTION).await?;
    world.say_and_see(&talk, "the first message").await?;
    let text = whole(&world.seen(&talk).await?);
    let mut shown = 0;
    let mut last = 0;
    for n in 0..TURNS {
        let found = places(&text, &format!("turn-{n:02}"));
        ensure!(found.len() <= 1, "turn {n} is there {} times", found.len());
        if let Some(at) = found.first() {
            ensure!(*at >= last, "turn {n} is out of order");
            (last, shown) = (*at, shown + 1);
        }
    }
    ensure!(
        !places(&text, &format!("turn-{:02}", TURNS - 1)).is_empty(),
        "the newest turn is missing"
    );
    ensure!(
        !places(&text, QUESTION).is_empty(),
        "the question is missing"
    );
    let marked = ["not shown", "left out", "older", "[cut: "];
    let marked = marked.iter().any(|mark| text.contains(mark));
    ensure!(
        shown == TURNS || marked,
        "{} turns are missing without a mark",
        TURNS - shown
    );
    let first = world.lines(&talk, From::User).await;
    ensure!(
        first.iter().all(|line| !line.contains("turn-")),
        "the history is shown as new messages of the user"
    );
    Ok(())
}
