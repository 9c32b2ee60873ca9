//! A day at work: two agents, three users, and what goes wrong on such a day.

mod evening;
mod morning;

use std::time::Duration;

use sandbox::Options;

use crate::console::{Console, ConsoleView};
use crate::stage::{Stage, picture, play};
use crate::user::User;

/// What the browser says of a claim that came second, of the network that is gone, and of a handoff
/// that was refused.
const EXPECTED: [&str; 3] = [
    "status of 409",
    "net::ERR_INTERNET_DISCONNECTED",
    "status of 503",
];
/// What no user may ever see.
const SECRET: &str = "has a history of refunds";

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_and_three_users_live_through_a_day() {
    let options = Options {
        settings_interval: Duration::ZERO,
        ..Options::rough(31)
    };
    play("day", options, &EXPECTED, day).await;
}

/// All who are there.
struct Cast {
    stage: Stage,
    ann: Console,
    bob: Console,
    mei: User,
    bo: User,
    cara: User,
}

fn has(words: &'static str) -> impl FnMut(&ConsoleView) -> bool {
    move |view| view.holder == words
}

async fn day(stage: Stage) {
    let cast = Cast {
        ann: stage.agent("Ann").await,
        bob: stage.agent("Bob").await,
        mei: stage.user("mei").await,
        bo: stage.user("bo").await,
        cara: stage.user("cara").await,
        stage,
    };
    picture("day-empty", &cast.ann.window).await;
    cast.three_ask().await;
    let mei = cast.both_want_the_same().await;
    cast.a_note_and_a_canned_reply().await;
    cast.a_line_fails().await;
    cast.the_network_is_cut(&mei).await;
    cast.given_back_and_taken().await;
    cast.the_second_handoff(&mei).await;

    cast.the_settings_change().await;
    cast.a_user_falls_silent().await;
    cast.nobody_answers().await;
    cast.closed_and_busy().await;
    cast.closed_and_a_message().await;

    for user in [&cast.mei, &cast.bo, &cast.cara] {
        assert!(!format!("{:?}", user.look().await).contains(SECRET));
    }
    let calls = cast.stage.gptbots().calls();
    assert!(!format!("{calls:?}").contains(SECRET));
}
