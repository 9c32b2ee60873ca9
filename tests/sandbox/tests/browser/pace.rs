//! How long things take that somebody waits for.

use std::time::Duration;

use sandbox::Options;

use crate::stage::{Stage, play, say};
use crate::story::greeted;
use crate::window::Window;

/// How often each is measured.
const TIMES: usize = 20;
/// What nothing may take, on a machine that is busy with other things. On a quiet one a greeting
/// takes less than 2 s and a line less than 1 s.
const MOST: u64 = 5_000;

/// Notes in the page when a line was sent and when one appeared: a look from outside would be late
/// by as long as it takes.
const NOTE: &str = r#"
    window.sent = [];
    window.appeared = [];
    const known = new WeakSet();
    const look = () => {
        for (const node of document.querySelectorAll('.line-text, [data-test="entry"] .entry-text')) {
            if (known.has(node)) continue;
            known.add(node);
            appeared.push([node.textContent, Date.now()]);
        }
    };
    look();
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true });
    document.addEventListener('submit', ({ target }) => {
        sent.push([target.querySelector('textarea')?.value.trim(), Date.now()]);
    }, true);
    document.addEventListener('click', ({ target }) => {
        if (target.dataset.test === 'human') sent.push(['human', Date.now()]);
    }, true);
"#;

/// Texts with times in milliseconds, in order.
type Times = Vec<(String, u64)>;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_long() {
    play("pace", Options::default(), &[], story).await;
}

async fn story(stage: Stage) {
    let user = stage.user("mei").await;
    user.introduce("Mei Lin").await;
    user.window.run::<()>(NOTE).await;
    for time in 1..=TIMES {
        user.ask_for_human().await;
        user.until("a person is there", greeted).await;
        if time < TIMES {
            user.leave().await;
            user.until("it has ended", |view| view.status == "ended")
                .await;
        }
    }

    let console = stage.console().await;
    console.window.run::<()>(NOTE).await;
    console.open("Mei Lin").await;
    console.claim().await;
    for number in 1..=TIMES {
        // At all points between two looks of the console, since people do not write in step.
        tokio::time::sleep(Duration::from_millis(number as u64 * 271 % 700)).await;
        let question = format!("question {number}");
        user.say(&question).await;
        console
            .until("the question is there", |view| {
                view.entry(&question).is_some()
            })
            .await;
        let answer = format!("answer {number}");
        console.answer(&answer).await;
        user.until("the answer is there", |view| view.says("human", &answer))
            .await;
    }

    let (from_user, at_user) = times(&user.window).await;
    let (from_agent, at_agent) = times(&console.window).await;
    report(
        "asked for a human → greeted",
        between((&from_user, "human"), (&at_user, "Thanks for waiting!")),
    );
    report(
        "user → agent",
        between((&from_user, "question"), (&at_agent, "question")),
    );
    report(
        "agent → user",
        between((&from_agent, "answer"), (&at_user, "answer")),
    );
}

/// When what was sent, and when what appeared.
async fn times(window: &Window) -> (Times, Times) {
    window.run("return [sent, appeared]").await
}

/// From the sending of each text that begins so to the appearance of the one that is its own.
fn between((sent, what): (&Times, &str), (appeared, as_what): (&Times, &str)) -> Vec<u64> {
    let at = |times: &Times, what: &str| -> Vec<u64> {
        let those = times.iter().filter(|(text, _)| text.starts_with(what));
        those.map(|(_, at)| *at).collect()
    };
    let (sent, appeared) = (at(sent, what), at(appeared, as_what));
    assert_eq!((sent.len(), appeared.len()), (TIMES, TIMES), "{what}");
    let pairs = sent.into_iter().zip(appeared);
    pairs.map(|(sent, appeared)| appeared - sent).collect()
}

fn report(what: &str, mut times: Vec<u64>) {
    times.sort_unstable();
    let (least, middle, most) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    say(&format!(
        "{what}: {least} ms at least, {middle} ms in the middle, {most} ms at most ({} times)",
        times.len()
    ));
    assert!(most < MOST, "{what}: {times:?}");
}
