//! The bot: a few scripted answers, and the way to a person.

/// What it says when a user opens the chat.
pub(crate) const GREETING: &str = "Hi! I am a demo bot. Ask me something, or type \"human\" or \
    press \"Talk to a person\" to talk to a person.";

/// What establish carries as the user's question when the button was pressed: the text of the
/// vendor's own example (contract, section 1).
pub(crate) const BUTTON: &str = "human service";

const OFFER: &str = "Type \"human\" or press \"Talk to a person\" to talk to a person.";

/// Whether a user's text asks for a person.
pub(crate) fn asks_for_human(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "human",
        "human service",
        "agent",
        "person",
        "talk to a person",
        "talk to a human",
        "人工",
        "人工客服",
        "人工服務",
        "人工服务",
        "轉人工",
        "转人工",
    ];
    let text = text
        .trim()
        .trim_end_matches(['.', '!', '?', '。', '\u{ff01}'])
        .to_lowercase();
    WORDS.contains(&text.as_str())
}

/// The bot's answer to a user's text.
pub(crate) fn answer(text: &str) -> String {
    const ANSWERS: [(&[&str], &str); 4] = [
        (
            &["hello", "hi", "hey", "你好"],
            "Hello! How can I help you?",
        ),
        (
            &["order", "delivery", "shipping", "parcel"],
            "Orders leave our warehouse inside one working day and usually arrive two days later.",
        ),
        (
            &["refund", "return", "money"],
            "You can send anything back inside 30 days; the money is returned the same way you \
             paid.",
        ),
        (
            &["hours", "open", "opening"],
            "Our team is here from Monday to Friday, 9:00 to 18:00. I am here all the time.",
        ),
    ];
    let text = text.to_lowercase();
    let said = |word: &&str| {
        text.split(|c: char| !c.is_alphanumeric())
            .any(|part| part.trim_end_matches('s') == word.trim_end_matches('s'))
    };
    let answer = ANSWERS
        .iter()
        .find(|(words, _)| words.iter().any(said))
        .map_or(
            "I am only a demo bot: I know about orders, refunds and opening hours.",
            |(_, answer)| answer,
        );
    format!("{answer} {OFFER}")
}
