//! What is done with texts and entries once they are read: cutting, and putting in order.

use std::collections::BTreeSet;

use arbitrary::{Result, Unstructured};
use handoff::conversation::{
    Author, ConversationId, Entry, EntryId, History, Kind, Side, Speaker, Turn, TurnFile,
    in_delivery_order, in_reading_order,
};
use handoff::text::{cut_with_mark, head};

use crate::shape;

/// First byte: which of them.
pub fn domain(input: &[u8]) {
    let mut input = input;
    let which = crate::choice(&mut input, 3);
    let mut u = Unstructured::new(input);
    let _ = match which {
        0 => cut(&mut u),
        1 => history(&mut u),
        _ => lanes(&mut u),
    };
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match shape::value(u, 0)? {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    })
}

/// What is too long is cut between two characters, and says so.
fn cut(u: &mut Unstructured<'_>) -> Result<()> {
    let max = u.int_in_range(70..=40_000)?;
    let text = text(u)?;
    let cut = cut_with_mark(text.clone(), max);
    assert!(cut.len() <= max);
    if text.len() <= max {
        assert_eq!(cut, text);
    } else {
        let (kept, mark) = cut.rsplit_once("… [cut: ").expect("a mark");
        assert!(text.starts_with(kept) && kept.len() + 64 + 4 >= max);
        let lost: usize = mark
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a number");
        assert_eq!(lost, text.chars().count() - kept.chars().count());
    }
    assert!(text.starts_with(head(&text, max)) && head(&text, max).len() <= max);
    Ok(())
}

/// A history fits its item, keeps the newest turns in order, and counts what it leaves out.
fn history(u: &mut Unstructured<'_>) -> Result<()> {
    let count = u.int_in_range(0..=24)?;
    let mut turns = Vec::new();
    for _ in 0..count {
        let files = (0..u.int_in_range(0..=40)?)
            .map(|_| {
                Ok(TurnFile {
                    url: cut_with_mark(text(u)?, 2_048),
                    content_type: u.arbitrary::<bool>()?.then(|| "image/png".to_owned()),
                })
            })
            .collect::<Result<_>>()?;
        turns.push(Turn {
            speaker: *u.choose(&[Speaker::User, Speaker::Bot, Speaker::Agent, Speaker::Other])?,
            kind: u.arbitrary::<bool>()?.then(|| "QUESTION".to_owned()),
            text: text(u)?,
            files,
        });
    }
    let history = History::new(turns.len(), turns.iter().rev().cloned());
    let json = serde_json::to_string(&history).expect("a history is JSON");
    assert!(json.len() <= 301 * 1024, "{} bytes", json.len());
    assert_eq!(history.turns.len() + history.omitted, turns.len());
    assert_eq!(
        history.turns.is_empty(),
        turns.is_empty(),
        "the newest turn is always kept"
    );
    assert!(serde_json::from_str::<History>(&json).is_ok_and(|read| read == history));
    for (kept, given) in history.turns.iter().rev().zip(turns.iter().rev()) {
        assert_eq!(kept.speaker, given.speaker);
        let whole = kept.text == given.text && kept.files == given.files;
        assert!(whole || kept.text.contains("[cut: "), "cut without a mark");
    }
    if let Some(question) = history.last_question() {
        assert!(!question.trim().is_empty());
    }
    Ok(())
}

fn entry(u: &mut Unstructured<'_>, n: usize) -> Result<Entry> {
    let kind = *u.choose(&[
        Kind::Opening,
        Kind::Message,
        Kind::Notice,
        Kind::Closing,
        Kind::Message,
    ])?;
    let author = match kind {
        Kind::Message => *u.choose(&[Author::User, Author::Agent])?,
        _ => Author::System,
    };
    // Few different times: collisions are what is interesting.
    let time = |u: &mut Unstructured<'_>| u.int_in_range(0..=12_i64);
    let at = time(u)?;
    let id = EntryId::of_system_line(at, &n.to_string());
    let conversation = ConversationId::new("c").expect("an id");
    let mut entry = Entry::new(conversation, id, kind, author, Some(Side::Desk), "", at);
    entry.sent_at = if u.arbitrary()? { Some(time(u)?) } else { None };
    entry.episode = if u.arbitrary()? {
        Some(u.int_in_range(0..=3)?)
    } else {
        None
    };
    Ok(entry)
}

/// Nothing is lost, added or changed by ordering, and the order depends on the entries alone.
fn lanes(u: &mut Unstructured<'_>) -> Result<()> {
    let count = u.int_in_range(0..=24)?;
    let lane: Vec<Entry> = (0..count).map(|n| entry(u, n)).collect::<Result<_>>()?;
    let turn = u.choose_index(count.max(1))?;
    let mut mixed = lane.clone();
    mixed.rotate_left(turn.min(lane.len()));
    mixed.reverse();

    type Order = fn(Vec<Entry>) -> Vec<Entry>;
    let orders: [Order; 4] = [
        |lane| in_delivery_order(Side::Desk, lane, true),
        |lane| in_delivery_order(Side::Desk, lane, false),
        |lane| in_delivery_order(Side::User, lane, true),
        in_reading_order,
    ];
    for order in orders {
        let ordered = order(lane.clone());
        let ids = |lane: &[Entry]| {
            lane.iter()
                .map(|entry| entry.id.clone())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(ordered.len(), lane.len());
        assert_eq!(ids(&ordered), ids(&lane));
        assert_eq!(
            ordered,
            order(mixed.clone()),
            "another order of reading, another order"
        );
        assert_eq!(
            ordered,
            order(ordered.clone()),
            "ordered once more, ordered otherwise"
        );
    }
    let to_user = in_delivery_order(Side::User, lane.clone(), true);
    assert!(to_user.is_sorted_by_key(|entry| entry.at));
    // The first opening comes before every line.
    let to_desk = in_delivery_order(Side::Desk, lane, true);
    let first = |entry: &Entry| entry.kind == Kind::Opening && entry.episode.is_none_or(|n| n <= 1);
    if let Some(opening) = to_desk.iter().position(first) {
        let line = to_desk
            .iter()
            .position(|entry| matches!(entry.kind, Kind::Message | Kind::Notice));
        assert!(
            line.is_none_or(|line| opening < line),
            "a line before the opening"
        );
    }
    Ok(())
}
