//! What desks that are sent texts have in common: who the user is, what was said before, and long
//! texts in pieces.

use crate::conversation::{Conversation, History, Speaker, Turn};

/// The beginning of the pieces behind the first, where a text had to be split.
const CONTINUED: &str = "… ";

/// Splits a text into pieces of at most `max` characters (of which 16 are the least): between
/// paragraphs if it can be, else between lines, sentences, words, and within a word only where it
/// is that long. Nothing but the white space at a cut is lost. A text that fits is one piece; an
/// empty one is one empty piece.
pub fn split(text: &str, max: usize) -> Vec<String> {
    let max = max.max(16);
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let room = if pieces.is_empty() {
            max
        } else {
            max - CONTINUED.chars().count()
        };
        let end = match rest.char_indices().nth(room) {
            None => rest.len(),
            Some((end, _)) => cut(rest, end),
        };
        let (piece, left) = rest.split_at(end);
        let piece = if left.is_empty() {
            piece
        } else {
            piece.trim_end()
        };
        pieces.push(match pieces.len() {
            0 => piece.to_owned(),
            _ => format!("{CONTINUED}{piece}"),
        });
        rest = left.trim_start();
        if rest.is_empty() {
            return pieces;
        }
    }
}

/// Where to cut a text that has to end before `end`: at the last good place in its second half.
fn cut(text: &str, end: usize) -> usize {
    let head = &text[..end];
    let half = head.char_indices().nth(head.chars().count() / 2);
    let half = half.map_or(0, |(at, _)| at);
    for between in ["\n\n", "\n", "。", ". ", "! ", "? ", "！", "？", " "] {
        if let Some(at) = head.rfind(between).filter(|at| *at >= half.max(1)) {
            return at + between.trim_end().len();
        }
    }
    end
}

/// What to call the user: the name, else the e-mail address (never the placeholder), the phone
/// number, or a short form of whatever id there is.
pub fn user_name(conversation: &Conversation) -> String {
    let user = &conversation.user;
    let email = user
        .email
        .as_ref()
        .filter(|_| !user.has_placeholder_email());
    let known = [user.name.as_ref(), email, user.phone.as_ref()];
    if let Some(known) = known
        .into_iter()
        .flatten()
        .find(|text| !text.trim().is_empty())
    {
        return known.trim().to_owned();
    }
    let id = user.user_id.as_ref().or(user.anonymous_id.as_ref());
    let id = id.map_or(conversation.id.as_str(), String::as_str);
    let short: String = id.chars().take(8).collect();
    format!("User {short}")
}

/// What is known of the user, as label and value, for the agents. The placeholder address is left
/// out: it is nobody's.
pub fn about(conversation: &Conversation) -> Vec<(&'static str, String)> {
    let user = &conversation.user;
    let email = user
        .email
        .as_ref()
        .filter(|_| !user.has_placeholder_email());
    let channel = user.channel.as_ref().or(user.conversation_type.as_ref());
    let rows = [
        ("Name", user.name.as_ref()),
        ("E-mail", email),
        ("Phone", user.phone.as_ref()),
        ("User id", user.user_id.as_ref()),
        ("Channel", channel),
        ("Bot", conversation.bot.as_ref()),
    ];
    rows.into_iter()
        .filter_map(|(label, value)| Some((label, value?.trim().to_owned())))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// One turn of the history as it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    /// Who said it, in words: the user's name, "Bot", "Agent".
    pub who: String,
    /// What, with the files' links on lines of their own; never empty.
    pub text: String,
}

/// The history before the handoff, oldest first, without turns that say nothing (the contract's
/// own example has one). The first is a mark where older ones were left out.
pub fn said_before(conversation: &Conversation, history: &History) -> Vec<Said> {
    let name = user_name(conversation);
    let mut said: Vec<Said> = history
        .turns
        .iter()
        .filter_map(|turn| {
            let text = with_links(turn);
            (!text.is_empty()).then(|| Said {
                who: match turn.speaker {
                    Speaker::User => name.clone(),
                    Speaker::Bot => "Bot".to_owned(),
                    Speaker::Agent => "Agent".to_owned(),
                    Speaker::Other => turn.kind.clone().unwrap_or_else(|| "Other".to_owned()),
                },
                text,
            })
        })
        .collect();
    if history.omitted > 0 {
        let text = format!("[{} older messages are not shown]", history.omitted);
        let who = "Handoff".to_owned();
        said.insert(0, Said { who, text });
    }
    said
}

fn with_links(turn: &Turn) -> String {
    let mut lines = vec![turn.text.trim()];
    lines.extend(turn.files.iter().map(|file| file.url.as_str()));
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

// By hand: what was said must not reach a log.
impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Said").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{PLACEHOLDER_EMAIL, TurnFile};
    use proptest::prelude::*;

    fn conversation() -> Conversation {
        crate::conversation::tests::conversation()
    }

    #[test]
    fn cuts_are_at_sensible_places() {
        let pieces = split("First paragraph.\n\nSecond one, longer than that.", 30);
        assert_eq!(
            pieces,
            ["First paragraph.", "… Second one, longer than", "… that."]
        );
        assert_eq!(
            split("One. Two three four", 16),
            ["One. Two three", "… four"]
        );
        assert_eq!(split("", 20), [""]);
        assert_eq!(split("  fits as it is ", 20), ["  fits as it is "]);
    }

    #[test]
    fn nobody_is_called_by_the_placeholder() {
        let mut known = conversation();
        known.user.email = Some(PLACEHOLDER_EMAIL.into());
        known.user.anonymous_id = Some("652face5184b30540a6ea7fe".into());
        assert_eq!(user_name(&known), "User 652face5");
        assert!(about(&known).iter().all(|(label, _)| *label != "E-mail"));
        known.user.email = Some("ann@example.com".into());
        assert_eq!(user_name(&known), "ann@example.com");
        known.user.name = Some(" Ann ".into());
        assert_eq!(user_name(&known), "Ann");
    }

    #[test]
    fn the_history_has_who_said_what_and_no_empty_turns() {
        let turn = |speaker, text: &str| Turn {
            speaker,
            kind: None,
            text: text.into(),
            files: Vec::new(),
        };
        let mut with_file = turn(Speaker::User, "see");
        with_file.files = vec![TurnFile {
            url: "https://x/1".into(),
            content_type: None,
        }];
        let history = History {
            turns: vec![with_file, turn(Speaker::Bot, " ")],
            omitted: 3,
        };
        let shown: Vec<_> = said_before(&conversation(), &history)
            .into_iter()
            .map(|said| format!("{}: {}", said.who, said.text))
            .collect();
        assert_eq!(
            shown,
            [
                "Handoff: [3 older messages are not shown]",
                "User c1: see\nhttps://x/1"
            ]
        );
    }

    proptest! {
        #[test]
        fn pieces_fit_and_lose_nothing_but_white_space(
            text in "([a-zé。]{0,12}[ \n.!]{0,2}){0,40}",
            max in 16..60_usize,
        ) {
            let pieces = split(&text, max);
            let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let mut all = String::new();
            for (n, piece) in pieces.iter().enumerate() {
                prop_assert!(piece.chars().count() <= max);
                all.push_str(if n == 0 { piece } else { piece.strip_prefix(CONTINUED).unwrap() });
            }
            prop_assert_eq!(solid(&all), solid(&text));
        }
    }
}
