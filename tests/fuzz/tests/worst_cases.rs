//! The largest bodies that are taken, 4 MB, of the kinds that cost most: what each costs.
//!
//! Memory is asserted, since too much of it ends the function and with it the message; time is
//! printed (`cargo test --release -p fuzz --test worst_cases -- --nocapture`).
#![allow(clippy::unwrap_used)]

use fuzz::{Route, measure};

/// The most memory the process may have, in bytes, event and test included: the functions have 256 MB.
const MOST: u64 = 112 << 20;
const SIZE: usize = 4 << 20;

fn chat(body: &str) -> String {
    format!(r#"{{"conversation_id":"c","timestamp":1,"body":{body}}}"#)
}

fn establish(body: &str) -> String {
    format!(r#"{{"conversation_id":"c","timestamp":1,"bot_id":"b","body":{body}}}"#)
}

/// `part` again and again between two brackets, up to the largest size.
fn filled(open: &str, part: &str, close: &str) -> String {
    format!(
        "{open}{}{close}",
        part.repeat((SIZE - 200 - close.len()) / part.len())
    )
}

fn nested(open: &str, close: &str) -> String {
    let depth = (SIZE - 200) / (open.len() + close.len());
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

const TURN: &str = r#"{"message_type":"QUESTION","text":"hi"},"#;

/// The body is made when it is wanted: it counts, too.
type Case = (&'static str, Route, fn() -> String);

fn cases() -> Vec<Case> {
    vec![
        ("one long text", Route::Chat, || {
            chat(&filled("\"", "x", "\""))
        }),
        ("one long text of emoji", Route::Chat, || {
            chat(&filled("\"", "😀", "\""))
        }),
        ("one long text of escapes", Route::Chat, || {
            chat(&filled("\"", r"\ud83d\ude00", "\""))
        }),
        ("half a character at the end", Route::Chat, || {
            chat(&filled("\"", r"\n\u4f60", "\\ud83d\""))
        }),
        ("one long history text", Route::Establish, || {
            establish(&filled("[{\"text\":\"", r"\u0001", "\"}]"))
        }),
        ("many small turns", Route::Establish, || {
            establish(&filled("[", TURN, "1]"))
        }),
        ("many tiny objects", Route::Establish, || {
            establish(&filled("[", r#"{"":0},"#, "1]"))
        }),
        ("many empty texts", Route::Establish, || {
            establish(&filled("[", "\"\",", "1]"))
        }),
        ("tiny objects in one turn", Route::Establish, || {
            establish(&filled("[{\"text\":[", r#"{"":0},"#, "1]}]"))
        }),
        ("tiny objects in one line", Route::Chat, || {
            chat(&filled("[[", r#"{"":0},"#, "1]]"))
        }),
        ("many files", Route::Establish, || {
            establish(&filled("[{\"files\":[", r#"{"url":"u"},"#, "1]}]"))
        }),
        ("one member again and again", Route::Chat, || {
            chat(&filled("\"x\"", r#","body":"x""#, ""))
        }),
        ("many unknown members", Route::Chat, || {
            chat(&filled("{", r#""a":{"b":0},"#, r#""z":0}"#))
        }),
        ("arrays in arrays", Route::Chat, || chat(&nested("[", "]"))),
        ("objects in objects", Route::Establish, || {
            establish(&nested("[{\"text\":", "}]"))
        }),
        ("objects in an unknown member", Route::Chat, || {
            chat(&format!(r#""x","y":{}"#, nested("{\"a\":", "}")))
        }),
    ]
}

#[test]
fn the_largest_bodies_are_taken_in_little_memory() {
    for (name, route, make) in cases() {
        let body = make();
        assert!(
            body.len() <= SIZE && body.len() > SIZE - 1000,
            "{name}: {}",
            body.len()
        );
        let (status, took, memory) = measure(route, body.as_bytes());
        println!(
            "{name:30} {status} {:6} ms {:4} MB",
            took.as_millis(),
            memory >> 20
        );
        assert_eq!(status, 200, "{name}");
        assert!(memory <= MOST, "{name}: {} MB", memory >> 20);
    }
}
