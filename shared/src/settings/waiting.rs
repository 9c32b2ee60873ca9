//! What happens to a user who waits: texts, what comes after them, and silence on either side.

use serde::Serialize;

use super::Text;
use super::read::Node;

/// The longest time that can be set, in seconds: a day.
const DAY: u32 = 86_400;
/// The most texts of one wait.
const MOST_TEXTS: usize = 20;
/// The longest text, in characters: all of a conversation's are kept beside it.
pub(super) const LONGEST: usize = 2_000;

/// A text that is told a user who has waited for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingText {
    /// How long after the handoff, in seconds.
    pub after_seconds: u32,
    /// What is told. `{position}` stands for the user's place in the queue of the bot.
    pub text: Text,
}

/// What comes when nobody has answered for too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The user goes on waiting.
    #[default]
    KeepWaiting,
    /// The user may leave a message, which is kept for the agents; then the conversation ends.
    Message,
    /// The conversation ends.
    End,
}

/// The wait for an agent's claim or first answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// What the user is told meanwhile.
    pub texts: Vec<WaitingText>,
    /// What comes in the end.
    pub then: Then,
    /// How long after the handoff that comes, in seconds.
    pub then_after_seconds: u32,
    /// What the user is told when it ends so.
    pub farewell: Text,
    /// After how many seconds the agents and the operator are alarmed; 0: never.
    pub alarm_after_seconds: u32,
}

/// Silence of one side of a conversation that has an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// After how many seconds of silence it is warned; 0: never.
    pub warn_after_seconds: u32,
    /// What the user is told then. (Agents who are silent get a notice at their desk, too.)
    pub warning: Text,
    /// After how many seconds of silence the conversation ends; 0: never.
    pub end_after_seconds: u32,
    /// What the user is told when it ends so.
    pub farewell: Text,
}

/// Silence of either side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Idle {
    /// The agent has written last, and the user does not answer.
    pub user: Silence,
    /// The user has written last, and the agent does not answer.
    pub agent: Silence,
}

/// How a message is taken where nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// What the user is told: that a message can be left now.
    pub text: Text,
    /// How long the user has to begin, in seconds.
    pub first_within_seconds: u32,
    /// How long nothing more may come until the message counts as whole, in seconds.
    pub quiet_seconds: u32,
    /// What the user is told in the end.
    pub thanks: Text,
    /// What the user is told in the end who has written nothing.
    pub farewell: Text,
}

/// The members of each, for [`Node::has_only`].
const WAITING: [&str; 5] = [
    "texts",
    "then",
    "then_after_seconds",
    "farewell",
    "alarm_after_seconds",
];
const SILENCE: [&str; 4] = [
    "warn_after_seconds",
    "warning",
    "end_after_seconds",
    "farewell",
];
const MESSAGE: [&str; 5] = [
    "text",
    "first_within_seconds",
    "quiet_seconds",
    "thanks",
    "farewell",
];

/// Puts a member's value in its place where the document has one.
pub(super) fn set<T>(place: &mut T, read: Option<T>) {
    if let Some(read) = read {
        *place = read;
    }
}

pub(super) fn waiting(node: &Node<'_>) -> Waiting {
    let mut waiting = Waiting::default();
    if !node.has_only(&WAITING) {
        return waiting;
    }
    if let Some(member) = node.member("texts") {
        let list = member.list();
        if list.len() > MOST_TEXTS {
            member.wrong(format!("must be at most {MOST_TEXTS}"));
        }
        waiting.texts = list.iter().filter_map(waiting_text).collect();
    }
    let then = [
        ("keep_waiting", Then::KeepWaiting),
        ("message", Then::Message),
        ("end", Then::End),
    ];
    let member = |name| node.member(name);
    set(
        &mut waiting.then,
        member("then").and_then(|n| n.word(&then)),
    );
    set(
        &mut waiting.then_after_seconds,
        member("then_after_seconds").and_then(|n| n.number(1..=DAY)),
    );
    set(
        &mut waiting.farewell,
        member("farewell").and_then(|n| n.text(LONGEST)),
    );
    set(
        &mut waiting.alarm_after_seconds,
        member("alarm_after_seconds").and_then(|n| n.number(0..=DAY)),
    );
    waiting
}

fn waiting_text(node: &Node<'_>) -> Option<WaitingText> {
    if !node.has_only(&["after_seconds", "text"]) {
        return None;
    }
    let need = |name| {
        let member = node.member(name);
        if member.is_none() {
            node.wrong(format!("must have {name}"));
        }
        member
    };
    let after = need("after_seconds");
    let text = need("text");
    Some(WaitingText {
        after_seconds: after?.number(1..=DAY)?,
        text: text?.text(LONGEST)?,
    })
}

pub(super) fn idle(node: &Node<'_>) -> Idle {
    let mut idle = Idle::default();
    if node.has_only(&["user", "agent"]) {
        set(&mut idle.user, node.member("user").map(|n| silence(&n)));
        set(&mut idle.agent, node.member("agent").map(|n| silence(&n)));
    }
    idle
}

fn silence(node: &Node<'_>) -> Silence {
    let mut silence = Silence::default();
    if !node.has_only(&SILENCE) {
        return silence;
    }
    let seconds = |name| node.member(name).and_then(|n| n.number(0..=DAY));
    let text = |name| node.member(name).and_then(|n| n.text(LONGEST));
    set(
        &mut silence.warn_after_seconds,
        seconds("warn_after_seconds"),
    );
    set(&mut silence.end_after_seconds, seconds("end_after_seconds"));
    set(&mut silence.warning, text("warning"));
    set(&mut silence.farewell, text("farewell"));
    let (warn, end) = (silence.warn_after_seconds, silence.end_after_seconds);
    if warn > 0 && end > 0 && end <= warn {
        let place = node.member("end_after_seconds");
        let place = place.as_ref().unwrap_or(node);
        place.wrong("must be more than warn_after_seconds");
    }
    silence
}

pub(super) fn message(node: &Node<'_>) -> Message {
    let mut message = Message::default();
    if !node.has_only(&MESSAGE) {
        return message;
    }
    let seconds = |name| node.member(name).and_then(|n| n.number(30..=DAY));
    let text = |name| node.member(name).and_then(|n| n.text(LONGEST));
    set(&mut message.text, text("text"));
    set(
        &mut message.first_within_seconds,
        seconds("first_within_seconds"),
    );
    set(&mut message.quiet_seconds, seconds("quiet_seconds"));
    set(&mut message.thanks, text("thanks"));
    set(&mut message.farewell, text("farewell"));
    message
}
