//! Every fault of the language really happens, and the guarantee holds all the same: nothing is
//! lost, all is in order, and a second copy comes only where the other side had taken the first
//! and we could not know.

use std::time::Duration;

use gptbots_stand_in::{Delivery, StandIn, UserProfile, UserView};
use sandbox::{Options, Sandbox};
use tokio::sync::Semaphore;

use crate::http::{Http, until_within};
use crate::story::told;

const TALKS: usize = 3;
const LINES: usize = 3;
const MOST_LINES: usize = 12;
/// Delays of retries add up, and the machine may be busy.
// A key that was refused for its rate is held to as few as three calls a minute for three minutes.
const PATIENCE: Duration = Duration::from_secs(240);

/// Two at a time: what a fault delays shall not look like a machine that is too slow.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Whether second copies are possible under a fault.
#[derive(Clone, Copy, PartialEq)]
enum Copies {
    None,
    Some,
}

/// Runs conversations in both directions under these faults, until each has happened, and checks
/// what arrived.
async fn live_through(seed: u64, faults: &[&str], copies: Copies) {
    let _turn = TURNS.acquire().await.unwrap();
    let mut options = Options::faulty(seed, &faults.join(",")).unwrap();
    options.webhook_retries = 200;
    // A tick costs more than a message does, and faults keep lanes waiting for it.
    options.clock_interval = Duration::from_secs(1);
    options.stray_after = Duration::from_secs(1);
    let sandbox = Sandbox::start(options).await.unwrap();
    let http = Http::new(sandbox.webhook_base_url(), sandbox.console_url());
    let gptbots = sandbox.gptbots.clone().unwrap();
    let have_all_happened = || {
        let mut faults = faults.iter();
        faults.all(|fault| sandbox.faults.happened(fault) > 0)
    };
    let talks = (0..TALKS).map(|n| talk(&http, &gptbots, n, have_all_happened));
    let talks = futures_util::future::join_all(talks).await;
    // From here on the console is only asked what it has.
    for fault in faults.iter().filter(|fault| fault.starts_with("console")) {
        sandbox.faults.switch(fault, false).unwrap();
    }
    for (n, (id, lines)) in talks.iter().enumerate() {
        arrived(&http, &gptbots, n, id, *lines, copies).await;
    }
    assert!(have_all_happened(), "{:?}", sandbox.faults);
    sandbox.shutdown().await;
}

/// A user and an agent who write to each other until all their lines are accepted. Returns the
/// conversation, and how many lines each of them wrote.
async fn talk(
    http: &Http,
    gptbots: &StandIn,
    n: usize,
    enough: impl Fn() -> bool,
) -> (String, usize) {
    let profile = UserProfile::default();
    let user = gptbots.new_user("sandbox-bot", profile).await.unwrap();
    let id = gptbots.ask_for_human(&user).await.unwrap().to_string();
    let mut lines = 0;
    while lines < LINES || (!enough() && lines < MOST_LINES) {
        gptbots.say(&user, &format!("user {n} {lines}")).await;
        let text = format!("agent {n} {lines}");
        until_within(PATIENCE, "the console takes the line", async || {
            http.say(&id, &text).await.0 == 200
        })
        .await;
        lines += 1;
        // Faults that hit the relay take their time: no need for more lines meanwhile.
        for _ in 0..15 {
            if lines >= LINES && !enough() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    let accepted = |view: &UserView| {
        let mine = view.lines.iter();
        mine.filter(|line| line.delivery == Some(Delivery::Delivered))
            .count()
            == lines
    };
    gptbots.wait_for(&user, accepted, PATIENCE).await.unwrap();
    (id, lines)
}

async fn arrived(http: &Http, gptbots: &StandIn, n: usize, id: &str, lines: usize, copies: Copies) {
    let from =
        |who: &str| -> Vec<String> { (0..lines).map(|line| format!("{who} {n} {line}")).collect() };
    let has_all = async |author| {
        let delivered = http.try_delivered(id, author).await;
        delivered.is_some_and(|delivered| delivered.len() >= lines)
    };
    until_within(PATIENCE, "all is delivered", async || {
        has_all("user").await && has_all("agent").await
    })
    .await;
    until_within(PATIENCE, "the agent has all in order", async || {
        http.try_delivered(id, "user").await == Some(from("user"))
    })
    .await;
    // Lines that waited can have come as one message, together with the greeting.
    let mut told: Vec<String> = told(gptbots, id)
        .iter()
        .flat_map(|text| text.split('\n'))
        .filter(|line| line.starts_with("agent "))
        .map(str::to_owned)
        .collect();
    if copies == Copies::None {
        // Even so an attempt can outlast our patience on a machine that is busy. What was tried
        // once has come once.
        for entry in http.entries(id).await {
            if entry["author"] == "agent" && entry["attempts"] == 1 {
                let came = told.iter().filter(|text| entry["text"] == **text).count();
                assert_eq!(came, 1, "{entry}");
            }
        }
    }
    told.dedup();
    assert_eq!(told, from("agent"), "in order, copies side by side");
}

macro_rules! faults {
    ($($name:ident: $seed:literal, $copies:ident, [$($fault:literal),+];)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                live_through($seed, &[$($fault),+], Copies::$copies).await;
            }
        )+
    };
}

faults! {
    gptbots_fails: 21, None, ["gptbots:503=20%", "gptbots:code=50000(share=10%)"];
    gptbots_is_down_for_a_while: 22, None, ["gptbots:502@..6s"];
    gptbots_limits_the_rate: 23, None, ["gptbots:429(retry-after=1, times=1)", "gptbots:429(times=1)"];
    // Where it hangs before it has done anything, no copy can come.
    gptbots_hangs: 24, None, ["gptbots:hang=4%"];
    gptbots_is_slow: 25, None, ["gptbots:slow=300ms"];
    gptbots_closes_the_connection: 26, None, ["gptbots:drop=30%"];
    gptbots_breaks_off_its_answer: 27, Some, ["gptbots:close-midway=20%", "gptbots:503=10%(after-effect)"];
    gptbots_answers_rubbish: 28, Some, ["gptbots:rubbish=40%"];
    the_table_throttles: 29, None, ["dynamodb:throttle=15%"];
    the_tables_writes_collide: 30, None, ["dynamodb:conflict=20%"];
    the_tables_answers_get_lost: 31, Some, ["dynamodb:timeout-after-write=10%", "dynamodb:timeout=5%", "dynamodb:slow=40ms(share=10%)"];
    relays_are_killed: 32, Some, ["relay:kill=15%"];
    relays_overlap: 33, None, ["relay:overlap=80%"];
    other_functions_are_killed_and_overlap: 34, None, ["chat:kill=20%", "console:kill=10%", "establish:kill(times=2)", "clock:kill=60%", "chat:overlap=30%", "establish:overlap(times=2)", "console:overlap=20%"];
    bells_misbehave: 35, None, ["bells:lose=5%", "bells:double=20%", "bells:reorder=30%", "bells:again=10%", "bells:delay=30ms"];
    webhooks_are_repeated_and_late_and_their_answers_lost: 36, None, ["webhooks:repeat=50%", "webhooks:late=150ms(share=30%)", "webhooks:lose-answer=30%"];
    clocks_differ: 37, None, ["clock:skew=±3s"];
    everything_at_once: 38, Some, ["gptbots:503=5%", "gptbots:close-midway=15%", "dynamodb:throttle=5%", "dynamodb:timeout-after-write=3%", "relay:kill=4%", "relay:overlap=10%", "webhooks:repeat=20%"];
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_pass_each_other_are_all_kept() {
    let fault = "webhooks:reorder=40%";
    let mut options = Options::faulty(40, fault).unwrap();
    options.webhook_retries = 20;
    options.clock_interval = Duration::from_secs(1);
    options.stray_after = Duration::from_secs(1);
    let sandbox = Sandbox::start(options).await.unwrap();
    let gptbots = sandbox.gptbots.clone().unwrap();
    let http = Http::new(sandbox.webhook_base_url(), sandbox.console_url());
    let mut ids = Vec::new();
    for _ in 0..4 {
        let profile = UserProfile::default();
        let user = gptbots.new_user("sandbox-bot", profile).await.unwrap();
        let asked = tokio::spawn({
            let (gptbots, user) = (gptbots.clone(), user.clone());
            async move { gptbots.ask_for_human(&user).await.unwrap().to_string() }
        });
        let open = gptbots
            .wait_for(&user, |view| view.conversation.is_some(), PATIENCE)
            .await;
        open.unwrap();
        for line in 0..LINES {
            gptbots.say(&user, &format!("line {line}")).await;
        }
        gptbots.leave(&user).await;
        ids.push(asked.await.unwrap());
    }
    for id in &ids {
        until_within(PATIENCE, "all lines are there, and the end", async || {
            let Some(mut lines) = http.try_delivered(id, "user").await else {
                return false;
            };
            let closed = http.get(id, "").await.1["conversation"]["closed_by"] == "user";
            lines.sort();
            let all: Vec<_> = (0..LINES).map(|line| format!("line {line}")).collect();
            assert!(lines.len() <= LINES, "{lines:?}");
            closed && lines == all
        })
        .await;
    }
    assert!(sandbox.faults.happened(fault) > 0);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_conversation_that_cannot_be_served_holds_up_no_other() {
    let options = Options {
        seed: Some(41),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let gptbots = sandbox.gptbots.clone().unwrap();
    let http = Http::new(sandbox.webhook_base_url(), sandbox.console_url());
    let mut ids = Vec::new();
    for _ in 0..2 {
        let profile = UserProfile::default();
        let user = gptbots.new_user("sandbox-bot", profile).await.unwrap();
        ids.push(gptbots.ask_for_human(&user).await.unwrap().to_string());
    }
    let fault = format!("gptbots:hang(conversation={})", ids[0]);
    sandbox.faults.switch(&fault, true).unwrap();
    assert_eq!(http.say(&ids[0], "stuck").await.0, 200);
    until_within(PATIENCE, "it hangs", async || {
        sandbox.faults.happened(&fault) > 0
    })
    .await;
    assert_eq!(http.say(&ids[1], "fine").await.0, 200);
    let fine = async || told(&gptbots, &ids[1]) == ["fine"];
    until_within(PATIENCE, "the other one's line arrives", fine).await;
    assert!(told(&gptbots, &ids[0]).is_empty());
    sandbox.faults.switch(&fault, false).unwrap();
    let stuck = async || told(&gptbots, &ids[0]) == ["stuck"];
    until_within(PATIENCE, "the first one's line arrives afterwards", stuck).await;
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_switched_over_http_and_mistakes_are_named() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let url = format!("{}sandbox/faults", sandbox.start_url());
    let client = reqwest::Client::new();
    let switch = async |fault: &str, on: bool| {
        let wish = serde_json::json!({"fault": fault, "on": on});
        let answer = client.post(&url).json(&wish).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<serde_json::Value>().await.unwrap())
    };
    let (status, shown) = switch("gptbots:503", true).await;
    assert_eq!(status, 200);
    assert_eq!(shown[0]["fault"], "gptbots:503");
    assert_eq!(shown[0]["on"], true);
    assert_eq!(switch("gptbots:503", false).await.1[0]["on"], false);
    let (status, wrong) = switch("gptbots:nonsense", true).await;
    assert_eq!((status, wrong["at"].as_u64()), (400, Some(8)));
    let foreign = client
        .post(&url)
        .header("origin", "https://evil.example")
        .json(&serde_json::json!({"fault": "gptbots:503", "on": true}));
    assert_eq!(foreign.send().await.unwrap().status().as_u16(), 403);
    tokio::time::timeout(Duration::from_secs(20), sandbox.shutdown())
        .await
        .unwrap();
}
