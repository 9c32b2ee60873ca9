//! The document as JSON: reading it, with all its mistakes.

use serde_json::Value;

use super::hours::{self, Hours, Outside, WEEK};
use super::read::{self, Mistake, Mistakes, Node};
use super::waiting::{LONGEST, idle, message, set, waiting};
use super::{BotSettings, MAX_REPLY_CHARS, Settings, defaults, retention};

/// The members of a document.
pub(super) const MEMBERS: [&str; 16] = [
    "$schema",
    "greeting",
    "language",
    "desk",
    "desks",
    "desk_patience_seconds",
    "desk_hours",
    "hours",
    "waiting",
    "idle",
    "message",
    "retry_age_seconds",
    "reply_max_chars",
    "retention_days",
    "agent_names",
    "bots",
];
/// Those that a bot can have of its own.
const OF_A_BOT: [&str; 9] = [
    "greeting",
    "language",
    "desk",
    "desks",
    "hours",
    "waiting",
    "idle",
    "message",
    "agent_names",
];
/// The most desks in a row.
const MOST_DESKS: usize = 8;

impl Settings {
    /// Reads a document.
    ///
    /// # Errors
    /// Every mistake in it, each with its place; what is not JSON is one of the document itself.
    pub fn check(document: &str) -> Result<Self, Vec<Mistake>> {
        Self::check_value(&read::json(document)?)
    }

    /// As [`Settings::check`], of a document that is JSON already.
    ///
    /// # Errors
    /// Every mistake in it, each with its place.
    pub fn check_value(document: &Value) -> Result<Self, Vec<Mistake>> {
        let mistakes = Mistakes::default();
        let settings = all(&Node::root(document, &mistakes));
        let mistakes = mistakes.into_inner();
        if mistakes.is_empty() {
            Ok(settings)
        } else {
            Err(mistakes)
        }
    }
}

fn all(node: &Node<'_>) -> Settings {
    let mut settings = Settings::default();
    if !node.has_only(&MEMBERS) {
        return settings;
    }
    let own = of_any(node);
    set(&mut settings.greeting, own.greeting);
    set(&mut settings.language, own.language);
    set(&mut settings.desk, own.desk);
    set(&mut settings.desks, own.desks);
    settings.hours = own.hours;
    set(&mut settings.waiting, own.waiting);
    set(&mut settings.idle, own.idle);
    set(&mut settings.message, own.message);
    set(&mut settings.agent_names, own.agent_names);
    let number = |name, range| node.member(name).and_then(|n: Node<'_>| n.number(range));
    set(
        &mut settings.desk_patience_seconds,
        number("desk_patience_seconds", 1..=3_600),
    );
    set(
        &mut settings.retry_age_seconds,
        number("retry_age_seconds", 1..=86_400),
    );
    set(
        &mut settings.reply_max_chars,
        number("reply_max_chars", 1..=MAX_REPLY_CHARS),
    );
    set(&mut settings.retention_days, retention::days(node));
    if let Some(member) = node.member("desk_hours") {
        for (desk, node) in member.entries() {
            if node.has_only(&WEEK) {
                settings
                    .desk_hours
                    .insert(desk.to_owned(), hours::week(&node));
            }
        }
    }
    if let Some(member) = node.member("bots") {
        for (bot, node) in member.entries() {
            if node.has_only(&OF_A_BOT) {
                settings.bots.insert(bot.to_owned(), of_any(&node));
            }
        }
    }
    settings
}

/// What stands for all bots at the top, or for one of them.
fn of_any(node: &Node<'_>) -> BotSettings {
    BotSettings {
        greeting: node
            .member("greeting")
            .and_then(|n| n.text(MAX_REPLY_CHARS as usize)),
        language: node.member("language").and_then(|n| n.language()),
        desk: node.member("desk").and_then(|n| n.name()),
        desks: node.member("desks").map(|n| desks(&n)),
        hours: node.member("hours").map(|n| opening(&n)),
        waiting: node.member("waiting").map(|n| waiting(&n)),
        idle: node.member("idle").map(|n| idle(&n)),
        message: node.member("message").map(|n| message(&n)),
        agent_names: node.member("agent_names").and_then(|n| n.flag()),
    }
}

fn desks(node: &Node<'_>) -> Vec<String> {
    let list = node.list();
    if list.len() > MOST_DESKS {
        node.wrong(format!("must be at most {MOST_DESKS}"));
    }
    let mut desks: Vec<String> = Vec::new();
    for node in list {
        match node.name() {
            Some(name) if desks.contains(&name) => node.wrong("is in the list already"),
            Some(name) => desks.push(name),
            None => {}
        }
    }
    desks
}

fn opening(node: &Node<'_>) -> Hours {
    let mut hours = Hours {
        text: defaults::closed(),
        ..Hours::default()
    };
    let members = [&WEEK[..], &["outside", "text"]].concat();
    if node.has_only(&members) {
        hours.week = hours::week(node);
        let outside = [("message", Outside::Message), ("refuse", Outside::Refuse)];
        set(
            &mut hours.outside,
            node.member("outside").and_then(|n| n.word(&outside)),
        );
        set(
            &mut hours.text,
            node.member("text").and_then(|n| n.text(LONGEST)),
        );
    }
    hours
}
