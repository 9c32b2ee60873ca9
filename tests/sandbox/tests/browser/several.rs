//! Two conversations at once, and the same line twice.

use sandbox::Options;

use crate::stage::{Stage, play};
use crate::story::greeted;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_reaches_the_right_user_and_a_line_sent_twice_arrives_twice() {
    play("several", Options::rough(2), &[], story).await;
}

async fn story(stage: Stage) {
    let console = stage.console().await;
    let users = [stage.user("anna").await, stage.user("bo").await];
    let names = ["Anna", "Bo"];
    for (user, name) in users.iter().zip(names) {
        user.introduce(name).await;
        user.ask_for_human().await;
    }
    let mut ids = Vec::new();
    for (user, name) in users.iter().zip(names) {
        user.until("a person is there", greeted).await;
        ids.push(console.open(name).await);
        console.claim().await;
        console
            .until("it is taken over", |view| view.status == "Connected")
            .await;
    }

    // Now one, now the other.
    for round in 1..=3 {
        for ((user, name), id) in users.iter().zip(names).zip(&ids) {
            user.say(&format!("{name} asks {round}")).await;
            console.show(id).await;
            console
                .until("the question is there", |view| {
                    view.texts("user").last() == Some(&format!("{name} asks {round}").as_str())
                })
                .await;
            console.answer(&format!("answer {round} for {name}")).await;
        }
    }
    for (user, name) in users.iter().zip(names) {
        let wanted: Vec<_> = (1..=3)
            .map(|round| format!("answer {round} for {name}"))
            .collect();
        let seen = user
            .until("all answers are there", |view| {
                view.says("human", &format!("answer 3 for {name}"))
            })
            .await;
        assert_eq!(seen.texts("human")[1..], wanted);
    }

    // Quickly, so that they are under way together.
    let [anna, _] = &users;
    console.show(&ids[0]).await;
    console
        .until("Anna's is shown", |view| {
            view.texts("user").contains(&"Anna asks 1")
        })
        .await;
    console.answer_with_enter("ok").await;
    console.answer_with_enter("ok").await;
    anna.say("ok").await;
    anna.say("ok").await;
    anna.say("thanks").await;
    console.answer("bye").await;

    let seen = anna
        .until("the last line is there", |view| view.says("human", "bye"))
        .await;
    assert_eq!(seen.texts("human")[4..], ["ok", "ok", "bye"]);
    let seen = console
        .until("all is there and delivered", |view| {
            view.texts("user").contains(&"thanks") && view.is("bye", "delivered")
        })
        .await;
    assert_eq!(seen.texts("user")[3..], ["ok", "ok", "thanks"]);
    assert_eq!(seen.texts("agent")[3..], ["ok", "ok", "bye"]);
}
