//! The lists of messages: the channel's, and a thread's.

use serde_json::{Value, json};

use super::arguments::{self, Arguments, Refusal};
use super::model::{Message, State};

const LIST: [&str; 8] = [
    "channel",
    "ts",
    "oldest",
    "latest",
    "inclusive",
    "limit",
    "cursor",
    "include_all_metadata",
];

/// The channel's messages outside of threads, the newest first.
pub(super) fn history(state: &State, arguments: &Arguments) -> Result<Value, Refusal> {
    arguments::only(arguments, &LIST)?;
    arguments::channel(arguments)?;
    let roots = state.messages.iter().rev();
    let roots = roots.filter(|message| message.thread.is_none());
    list(state, arguments, roots.collect())
}

/// A thread with its top, the oldest first.
pub(super) fn replies(state: &State, arguments: &Arguments) -> Result<Value, Refusal> {
    arguments::only(arguments, &LIST)?;
    arguments::channel(arguments)?;
    let ts = arguments::timestamp(arguments, "ts")?.ok_or("invalid_arguments")?;
    let root = state.root(ts).ok_or("thread_not_found")?;
    let replies = state.messages.iter();
    let replies = replies.filter(|message| message.thread.as_deref() == Some(ts));
    list(
        state,
        arguments,
        std::iter::once(root).chain(replies).collect(),
    )
}

fn list(state: &State, arguments: &Arguments, all: Vec<&Message>) -> Result<Value, Refusal> {
    let window = arguments::window(arguments, state)?;
    let newer = |message: &&&Message| {
        let oldest = window.oldest.as_deref();
        oldest.is_none_or(|oldest| after(&message.ts, oldest))
    };
    let all: Vec<_> = all.iter().filter(newer).collect();
    let page = all.iter().skip(window.from).take(window.limit);
    let page: Vec<_> = page
        .map(|message| message.to_json(window.with_metadata))
        .collect();
    let next = window.from + page.len();
    let more = next < all.len();
    let mut answer = json!({"ok": true, "messages": page, "has_more": more});
    if more {
        answer["response_metadata"] = json!({"next_cursor": format!("from:{next}")});
    }
    Ok(answer)
}

/// Whether a timestamp is later than another; they are not of one length.
fn after(ts: &str, oldest: &str) -> bool {
    let parts = |ts: &str| {
        let (seconds, micros) = ts.split_once('.').unwrap_or((ts, "0"));
        (
            seconds.parse::<u64>().unwrap_or(0),
            micros.parse::<u64>().unwrap_or(0),
        )
    };
    parts(ts) > parts(oldest)
}
