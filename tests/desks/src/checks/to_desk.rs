//! What a user does, at the desk.

use desk_stand_ins::From;
use gptbots_stand_in::UserProfile;
use handoff::conversation::{Delivery, Entry, Kind, Side};
use serde_json::json;

use super::{places, whole};
use crate::World;
use crate::patience::{Found, ensure};
use crate::world::Talk;

/// What means something at one desk or another, and must mean nothing.
const NASTY: [&str; 14] = [
    "<!channel> <!here> <!everyone> <@U012AB3CD> <#C012AB3CD>",
    "@here @channel @everyone @all @Ann",
    "1 < 2 & 3 > 2 \"quoted\" 'too'",
    "<b>bold</b> <script>alert(1)</script> <img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp; &#64;",
    "*bold* _italic_ ~struck~ **x** __y__ `code`",
    "snake_case_name 2*3*4 a~b~c",
    "[a label](https://evil.example/) ![x](https://evil.example/x.png)",
    "<https://evil.example|bank.example>",
    "# head\n> quote\n- one\n1. two",
    "```\ncode\n```",
    ":smile: :lock:",
    "{{ticket.id}} {{current_user.name}} {% comment %}",
    "\\*escaped\\* C:\\new\\table",
];

pub(super) async fn lines(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    let said = [
        "line one",
        "你好 😀",
        "ok",
        "ok",
        "two\nrows",
        "the last line",
    ];
    for line in said {
        world.say(&talk, line).await;
    }
    world
        .wait("agents see the last line", async || {
            let lines = world.lines(&talk, From::User).await;
            lines.iter().any(|line| line.contains("the last line"))
        })
        .await?;
    let text = world.lines(&talk, From::User).await.join("\n");
    let mut rest = text.as_str();
    for line in said {
        let at = rest.find(line);
        let at = at.ok_or_else(|| format!("{line:?} is missing or out of order"))?;
        rest = &rest[at + line.len()..];
    }
    for (line, times) in [("line one", 1), ("ok", 2), ("two\nrows", 1), ("last", 1)] {
        let found = places(&text, line).len();
        ensure!(found == times, "{line:?} is there {found} times");
    }
    Ok(())
}

pub(super) async fn escaped(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    for text in NASTY {
        world.say(&talk, text).await;
    }
    world.say_and_see(&talk, "the end").await?;
    as_written(world, &talk).await
}

pub(super) async fn escaped_names(world: &World) -> Found<()> {
    let profile = UserProfile {
        user_name: Some("<!channel> *Bob* <b>x</b>".into()),
        email: Some("a_b_c@example.com".into()),
        channel_name: Some("<@U012AB3CD> [x](y)".into()),
        ..UserProfile::default()
    };
    let user = world.user(profile).await?;
    for text in NASTY {
        world.gptbots().say(&user, text).await;
    }
    let talk = world.handoff_of(&user, "a question").await?;
    world.say_and_see(&talk, "the end").await?;
    as_written(world, &talk).await
}

/// Nothing pings, nothing is shown as markup, and everything is there as it was written.
async fn as_written(world: &World, talk: &Talk) -> Found<()> {
    let seen = world.seen(talk).await?;
    let accident = seen.lines.iter().find_map(|line| line.accident.as_ref());
    ensure!(accident.is_none(), "an accident: {accident:?}");
    let text = whole(&seen);
    for nasty in NASTY {
        ensure!(text.contains(nasty), "{nasty:?} is shown otherwise");
    }
    Ok(())
}

pub(super) async fn long_line(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    // What GPTBots' webhooks may bring at most, nearly: 32 KB.
    let words: Vec<String> = (0..4_400).map(|n| format!("w{n:05}")).collect();
    let long = words.join(" ");
    world.say(&talk, &long).await;
    world.say_and_see(&talk, "a short one").await?;
    let text = world.lines(&talk, From::User).await.join(" ");
    let mut last = 0;
    for word in &words {
        let found = places(&text, word);
        ensure!(found.len() == 1, "{word} is there {} times", found.len());
        ensure!(found[0] >= last, "{word} is out of order");
        last = found[0];
    }
    ensure!(
        places(&text, "a short one").first() > Some(&last),
        "what was written later is shown before its end"
    );
    Ok(())
}

pub(super) async fn user_leaves(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.say_and_see(&talk, "never mind").await?;
    leave(world, &talk).await?;
    let closed = world.seen(&talk).await?.closed;
    ensure!(closed, "the desk does not show the end");
    Ok(())
}

pub(super) async fn second_handoff(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    world.say_and_see(&talk, "never mind").await?;
    leave(world, &talk).await?;
    let closed = world.seen(&talk).await?.closed;
    let again = world.handoff_of(&talk.user, "another question").await?;
    ensure!(again.id != talk.id, "GPTBots gives each handoff an id");
    world.say_and_see(&again, "here I am again").await?;
    world.answer(&again, "welcome back").await?;
    ensure!(
        again.reference == talk.reference || world.seen(&talk).await?.closed == closed,
        "the earlier conversation is open again"
    );
    ensure!(!world.seen(&again).await?.closed, "the new one is closed");
    leave(world, &again).await
}

/// The user leaves, and the desk has been told.
pub(super) async fn leave(world: &World, talk: &Talk) -> Found<()> {
    world.gptbots().leave(&talk.user).await;
    world
        .wait("the desk is told of the end", async || {
            let log = world.log(&talk.id).await.unwrap_or_default();
            let told = |entry: &Entry| {
                entry.kind == Kind::Closing
                    && entry.to == Some(Side::Desk)
                    && entry.delivery == Delivery::Delivered
            };
            log.iter().any(told)
        })
        .await
}

pub(super) async fn console_line(world: &World) -> Found<()> {
    let talk = world.handoff("a question").await?;
    let body = json!({"text": "answered in the console", "client_id": "1"});
    let status = world.console(&talk.id, "/messages", &body).await?;
    ensure!(status == 200, "the console's API answers {status}");
    world
        .wait("the desk shows it", async || {
            let seen = world.seen(&talk).await;
            seen.is_ok_and(|seen| whole(&seen).contains("answered in the console"))
        })
        .await?;
    world.answer(&talk, "and at the desk").await?;
    let told = world.told(&talk);
    ensure!(
        told == ["answered in the console", "and at the desk"],
        "the user was told {} lines, not these two",
        told.len()
    );
    Ok(())
}
