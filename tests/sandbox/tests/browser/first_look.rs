//! From the address to the first conversation of the queue, by a browser that was never here.

use sandbox::Options;
use serde::Deserialize;
use serde_json::json;

use crate::stage::{Stage, play, say};
use crate::story::greeted;
use crate::wait::until;
use crate::window::Window;

/// How often it is measured.
const TIMES: usize = 9;

/// A phone on a slow network, as Chrome's developer tools have it: "slow 4G".
struct Phone {
    /// Until an answer begins, in milliseconds.
    latency: u32,
    /// In bytes per second.
    down: u32,
    up: u32,
    /// How many times slower than this machine.
    slower: u32,
}

const SLOW_PHONE: Phone = Phone {
    latency: 150,
    down: 1_600_000 / 8,
    up: 750_000 / 8,
    slower: 4,
};

/// Notes in the page itself when the first conversation stands there.
const NOTE: &str = r#"
    new MutationObserver((_, observer) => {
        if (!document.querySelector('[data-test="conversation"]')) return;
        observer.disconnect();
        // When it is drawn.
        requestAnimationFrame(() => setTimeout(() => { window.firstRow = performance.now(); }));
    }).observe(document, { subtree: true, childList: true });
"#;

/// What the page saw; times in milliseconds since it was asked for.
const SEEN: &str = r#"
    const row = window.firstRow;
    if (!row || !performance.getEntriesByName('first-contentful-paint').length) return null;
    const asked = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    const before = asked.filter((one) => one.responseEnd && one.responseEnd <= row);
    return {
        paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
        row,
        requests: before.map((one) => [new URL(one.name).pathname.replace(/^.console.[0-9a-f]{24}/, '…'), one.startTime, one.responseEnd]),
        bytes: before.reduce((sum, one) => sum + one.transferSize, 0),
    };
"#;

#[derive(Debug, Deserialize)]
struct Seen {
    paint: f64,
    row: f64,
    /// What was asked for, from when until when.
    requests: Vec<(String, f64, f64)>,
    bytes: u32,
}

/// Bytes and requests, which are the same on every machine.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_look_takes_few_calls_and_few_bytes() {
    play(
        "first-look",
        Options::rough(26),
        &[],
        |stage: Stage| async move {
            let window = somebody_waits(&stage).await;
            let seen = look(&stage, &window, "en-US").await;
            let asked = seen.requests.iter().map(|(path, ..)| path.as_str());
            // What only supervisors have may come before the first conversation, or after it.
            let asked = asked.filter(|path| !path.contains("supervise"));
            let (calls, mut files): (Vec<_>, Vec<_>) =
                asked.partition(|path| path.contains("/api/"));
            files.sort_unstable();
            files.dedup();
            // No module is fetched by itself.
            assert_eq!(files, ["/console", "…/app.js", "…/icon.svg", "…/style.css"]);
            assert!(calls.len() <= 5, "{calls:?}");
            assert!(seen.bytes < 60_000, "{} bytes", seen.bytes);
        },
    )
    .await;
}

/// What it takes on a slow phone. Run alone, on a machine that is not busy:
/// `cargo test -p sandbox --test browser -- --ignored first_look`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, and judges nothing"]
async fn the_first_look_on_a_slow_phone() {
    play("first-look-phone", Options::default(), &[], |stage: Stage| async move {
        let window = somebody_waits(&stage).await;
        window.size(390, 844, true).await;
        for language in ["en-US", "ja-JP"] {
            let (mut paints, mut rows) = (Vec::new(), Vec::new());
            for _ in 0..TIMES {
                slow_down(&window, Some(&SLOW_PHONE)).await;
                let seen = look(&stage, &window, language).await;
                slow_down(&window, None).await;
                paints.push(seen.paint);
                rows.push(seen.row);
                if rows.len() == 1 {
                    say(&format!("{language}: {} bytes; the first time:", seen.bytes));
                    for (path, from, until) in &seen.requests {
                        say(&format!("  {from:5.0} to {until:5.0} ms: {path}"));
                    }
                }
            }
            for (what, mut times) in [("first paint", paints), ("first conversation", rows)] {
                times.sort_unstable_by(f64::total_cmp);
                let (least, middle, most) = (times[0], times[TIMES / 2], times[TIMES - 1]);
                say(&format!("{language}, {what}: {least:.0} ms at least, {middle:.0} ms in the middle, {most:.0} ms at most ({TIMES} times)"));
            }
        }
    })
    .await;
}

/// A window for the console, and somebody in the queue.
async fn somebody_waits(stage: &Stage) -> Window {
    let user = stage.user("mei").await;
    user.introduce("Mei Lin").await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    let window = Window::open(&stage.driver, "about:blank").await;
    let note = json!({"source": NOTE});
    window.devtools("Network.enable", json!({})).await;
    window.devtools("Page.enable", json!({})).await;
    window
        .devtools("Page.addScriptToEvaluateOnNewDocument", note)
        .await;
    window
}

/// Opens the console with nothing kept from before.
async fn look(stage: &Stage, window: &Window, language: &str) -> Seen {
    window.goto("about:blank").await;
    window
        .devtools("Network.clearBrowserCache", json!({}))
        .await;
    let agent = json!({"userAgent": "a phone", "acceptLanguage": language});
    window
        .devtools("Emulation.setUserAgentOverride", agent)
        .await;
    window.goto(&stage.sandbox.console_url()).await;
    let seen = async || window.run::<Option<Seen>>(SEEN).await;
    until("the first conversation is there", seen, Option::is_some)
        .await
        .unwrap()
}

async fn slow_down(window: &Window, phone: Option<&Phone>) {
    let network = match phone {
        Some(phone) => json!({
            "offline": false, "latency": phone.latency,
            "downloadThroughput": phone.down, "uploadThroughput": phone.up,
        }),
        None => {
            json!({"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
        }
    };
    window
        .devtools("Network.emulateNetworkConditions", network)
        .await;
    let rate = phone.map_or(1, |phone| phone.slower);
    window
        .devtools("Emulation.setCPUThrottlingRate", json!({"rate": rate}))
        .await;
}
