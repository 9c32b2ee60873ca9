//! The whole bridge is killed, again and again, in the middle of its work. GPTBots lives on in
//! another process (this one), sends again what was not answered 200, and remembers what it took.

use std::time::Duration;

use gptbots_stand_in::{Bot, CallKind, StandIn, UserProfile};
use tokio::process::Child;

use crate::binary;
use crate::http::{Http, until_within};

const KILLS: usize = 5;
const MESSAGES: usize = 500;
const TALKS: usize = 5;
/// Of each user and each agent.
const LINES: usize = MESSAGES / TALKS / 2;
const TOKEN: &str = "T";
/// After a kill an entry that was being sent waits for the end of its lease.
const PATIENCE: Duration = Duration::from_secs(120);

/// How agents write.
#[derive(Clone, Copy, PartialEq)]
enum Agents {
    /// In all conversations at once: at a kill a line of each may be on its way.
    AtOnce,
    /// In one conversation after the other, each when the line before has arrived: at a kill one
    /// line at most is on its way to a user. (Users write in all conversations at once.)
    TakingTurns,
}

/// A bridge that is killed and starts again at the same address.
struct Mortal {
    child: Child,
    arguments: Vec<String>,
}

impl Mortal {
    async fn start(arguments: Vec<String>) -> Self {
        let child = Self::child(&arguments).await;
        Self { child, arguments }
    }

    async fn child(arguments: &[String]) -> Child {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        binary::start(&arguments).await.0
    }

    /// SIGKILL: nothing is finished, flushed or told.
    async fn kill_and_restart(&mut self) {
        self.child.start_kill().unwrap();
        assert!(!self.child.wait().await.unwrap().success());
        self.child = Self::child(&self.arguments).await;
    }
}

/// What one run found.
#[derive(Debug)]
struct Found {
    /// Second copies that came after each kill.
    copies: Vec<usize>,
}

async fn run(seed: u64, agents: Agents) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.sqlite");
    // A port that is free now, and is kept over the kills.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let base = format!("http://127.0.0.1:{port}");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = gptbots_stand_in::Options::new(
        format!("{base}/{TOKEN}"),
        vec![Bot::new("bot", "Bot", "key")],
    );
    options.webhook_retries = 10_000;
    options.webhook_retry_pause = Duration::from_millis(50);
    options.seed = Some(seed);
    let gptbots = StandIn::start(listener, options).await.unwrap();
    let arguments = [
        "--port",
        &port.to_string(),
        "--gptbots-url",
        &gptbots.base_url(),
        "--secrets-json",
        r#"{"bots":{"bot":{"api_key":"key"}}}"#,
        "--data",
        data.to_str().unwrap(),
        "--seed",
        &seed.to_string(),
    ];
    let mut bridge = Mortal::start(arguments.map(str::to_owned).to_vec()).await;
    let http = Http::new(format!("{base}/{TOKEN}"), format!("{base}/console"));

    let mut talks = Vec::new();
    for n in 0..TALKS {
        let profile = UserProfile::default();
        let user = gptbots.new_user("bot", profile).await.unwrap();
        let id = gptbots.ask_for_human(&user).await.unwrap().to_string();
        for line in 0..LINES {
            gptbots.say(&user, &format!("user {n} {line}")).await;
        }
        talks.push(id);
    }
    let writing = tokio::spawn(write(http.clone(), gptbots.clone(), talks.clone(), agents));

    // Each kill comes when a given number of replies has been taken: while the answer to that one
    // is still on its way. Spread over the run, by the seed.
    let mut random = fastrand::Rng::with_seed(seed);
    let replies = TALKS * (LINES + 1);
    let slice = replies / (KILLS + 1);
    let mut marks = Vec::new();
    for kill in 1..=KILLS {
        let mark = kill * slice + random.usize(..slice / 2);
        let reached = gptbots
            .wait_until(|gptbots| gptbots.received().len() >= mark, PATIENCE)
            .await;
        assert!(reached, "seed {seed}: kill {kill} at {mark} replies");
        // At once, or a little later.
        tokio::time::sleep(Duration::from_millis(random.u64(..4) * 3)).await;
        bridge.kill_and_restart().await;
        marks.push(gptbots.received().len());
    }
    writing.await.unwrap();
    check(&http, &gptbots, &talks, &marks).await
}

/// The agents' side. What is not accepted is said again, under the same name.
async fn write(http: Http, gptbots: StandIn, talks: Vec<String>, agents: Agents) {
    let say = |n: usize, line: usize| {
        let (http, gptbots, id) = (http.clone(), gptbots.clone(), talks[n].clone());
        async move {
            let text = format!("agent {n} {line}");
            while http.try_say(&id, &text).await != Some(200) {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            if agents == Agents::TakingTurns {
                let arrived = gptbots
                    .wait_until(|gptbots| copies_of(gptbots, &id, &text) > 0, PATIENCE)
                    .await;
                assert!(arrived, "{text}");
            }
        }
    };
    match agents {
        Agents::AtOnce => {
            let all = (0..TALKS).map(|n| async move {
                for line in 0..LINES {
                    say(n, line).await;
                }
            });
            futures_util::future::join_all(all).await;
        }
        Agents::TakingTurns => {
            for line in 0..LINES {
                for n in 0..TALKS {
                    say(n, line).await;
                }
            }
        }
    }
}

fn replies(gptbots: &StandIn, id: &str) -> Vec<(usize, String)> {
    let received = gptbots.received().into_iter().enumerate();
    received
        .filter(|(_, one)| one.kind == CallKind::Reply && one.conversation_id.as_str() == id)
        .filter_map(|(at, one)| Some((at, one.body?)))
        .filter(|(_, body)| body.starts_with("agent "))
        .collect()
}

fn copies_of(gptbots: &StandIn, id: &str, text: &str) -> usize {
    let all = replies(gptbots, id);
    all.iter().filter(|(_, body)| body == text).count()
}

/// Nothing lost, all in order, and where a line came twice, a kill came in between.
async fn check(http: &Http, gptbots: &StandIn, talks: &[String], marks: &[usize]) -> Found {
    let mut copies = vec![0; marks.len()];
    for (n, id) in talks.iter().enumerate() {
        let from = |who: &str| -> Vec<String> {
            (0..LINES).map(|line| format!("{who} {n} {line}")).collect()
        };
        until_within(PATIENCE, "the agent has all", async || {
            http.delivered(id, "user").await.len() >= LINES
                && http.delivered(id, "agent").await.len() >= LINES
        })
        .await;
        assert_eq!(http.delivered(id, "user").await, from("user"));
        let told = replies(gptbots, id);
        let mut once: Vec<_> = told.iter().map(|(_, body)| body.clone()).collect();
        once.dedup();
        assert_eq!(once, from("agent"), "none lost, none out of order");
        for pair in told.windows(2) {
            let ((first, text), (second, again)) = (&pair[0], &pair[1]);
            if text == again {
                let kill = marks.iter().position(|mark| first < mark && mark <= second);
                let kill = kill.unwrap_or_else(|| panic!("{text} twice without a kill: {told:?}"));
                copies[kill] += 1;
            }
        }
    }
    Found { copies }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_five_times_in_the_middle_of_500_messages_it_doubles_one_a_kill_at_most() {
    let found = run(51, Agents::TakingTurns).await;
    assert!(found.copies.iter().all(|copies| *copies <= 1), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_all_write_at_once_it_doubles_one_a_conversation_and_kill_at_most() {
    let found = run(52, Agents::AtOnce).await;
    assert!(
        found.copies.iter().all(|copies| *copies <= TALKS),
        "{found:?}"
    );
}

/// The same with the seed of your choice, and told what was found: `KILLS_SEED=7 cargo test -p
/// sandbox --test it kills::by_hand -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "by hand"]
async fn by_hand() {
    let seed = std::env::var("KILLS_SEED").map_or(1, |seed| seed.parse().unwrap());
    for agents in [Agents::TakingTurns, Agents::AtOnce] {
        let found = run(seed, agents).await;
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("seed {seed}: {found:?}\n").as_bytes(),
        );
    }
}
