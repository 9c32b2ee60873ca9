//! How long healthy conversations wait while others cannot be served. Measures and prints; run with
//! `cargo test -p sandbox --test it isolation -- --ignored --nocapture`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::http::{Http, PATIENCE};

const HEALTHY: usize = 60;
/// Between one healthy conversation and the next.
const PACE: Duration = Duration::from_millis(200);
/// How long GPTBots takes for a call that it serves.
const SERVICE: Duration = Duration::from_millis(20);

/// When a text of a conversation arrived.
type Arrivals = Arc<Mutex<HashMap<(String, String), Instant>>>;

/// A GPTBots that never answers for conversations called `sick…` or for the key `sick`.
async fn gptbots() -> (Arrivals, String) {
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let answer = move |headers: HeaderMap, body: Bytes| {
        let seen = seen.clone();
        async move {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let text = |name: &str| body[name].as_str().unwrap_or("CLOSE").to_owned();
            let id = text("conversation_id");
            if id.starts_with("sick") || headers["authorization"] == "Bearer sick" {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(SERVICE).await;
            let mut seen = seen.lock().unwrap();
            seen.entry((id, text("body"))).or_insert_with(Instant::now);
            r#"{"code":0}"#
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (arrivals, url)
}

/// Who cannot be served.
struct Sick {
    prefix: &'static str,
    bot: &'static str,
    count: u32,
}

#[expect(clippy::print_stdout, reason = "a measurement prints")]
async fn measure(title: &str, sick: Option<Sick>) {
    let (arrivals, url) = gptbots().await;
    let secrets = json!({"bots": {
        "b": {"api_key": "well", "base_url": url}, "s": {"api_key": "sick", "base_url": url},
    }});
    let options = Options {
        gptbots_url: Some(url),
        secrets_json: Some(secrets.to_string()),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let http = Http::new(sandbox.webhook_base_url(), sandbox.console_url());
    let of_sick = sick.map(|sick| {
        let http = http.clone();
        tokio::spawn(async move {
            let all = PACE * u32::try_from(HEALTHY).unwrap();
            for n in 0..sick.count {
                let id = format!("{}{n}", sick.prefix);
                http.establish_with(&id, 1, sick.bot).await;
                tokio::time::sleep(all / sick.count).await;
            }
        })
    });
    let mut healthy = Vec::new();
    for n in 0..HEALTHY {
        tokio::time::sleep(PACE).await;
        let (http, arrivals) = (http.clone(), arrivals.clone());
        healthy.push(tokio::spawn(async move {
            let id = format!("well{n}");
            let asked = Instant::now();
            http.establish_with(&id, 1, "b").await;
            let greeting = arrival(&arrivals, &id, "Thanks").await - asked;
            let said = Instant::now();
            assert_eq!(http.say(&id, "line").await.0, 200);
            (greeting, arrival(&arrivals, &id, "line").await - said)
        }));
    }
    let (mut greetings, mut lines) = (Vec::new(), Vec::new());
    for one in healthy {
        let (greeting, line) = one.await.unwrap();
        greetings.push(greeting);
        lines.push(line);
    }
    if let Some(of_sick) = of_sick {
        of_sick.await.unwrap();
    }
    println!(
        "{title:<28} greeting {}   agent's line {}",
        spread(greetings),
        spread(lines)
    );
    drop(sandbox);
}

/// When a text that begins so arrived for a conversation.
async fn arrival(arrivals: &Arrivals, id: &str, begin: &str) -> Instant {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = {
            let arrivals = arrivals.lock().unwrap();
            let mut of = arrivals.iter();
            of.find(|((of, text), _)| of == id && text.starts_with(begin))
                .map(|(_, at)| *at)
        };
        if let Some(at) = found {
            return at;
        }
        assert!(Instant::now() < deadline, "{begin} never reached {id}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn spread(mut of: Vec<Duration>) -> String {
    of.sort();
    let at = |share: f64| of[((of.len() - 1) as f64 * share) as usize].as_millis();
    format!(
        "p50 {:>4} p99 {:>4} max {:>4} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: prints, and says nothing about right or wrong"]
async fn others_are_not_held_up() {
    measure("nobody sick", None).await;
    let conversations = Sick {
        prefix: "sick",
        bot: "b",
        count: 20,
    };
    measure("20 conversations hang", Some(conversations)).await;
    let key = Sick {
        prefix: "of-the-sick-key",
        bot: "s",
        count: 100,
    };
    measure("one key hangs (100 of it)", Some(key)).await;
}
