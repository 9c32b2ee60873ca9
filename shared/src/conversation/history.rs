//! What was said before the handoff.

use serde::{Deserialize, Serialize};

use crate::text::cut_with_mark;

/// The most a history may hold, in bytes of text and links: an item of DynamoDB ends at 400 KB.
const MAX_BYTES: usize = 300 * 1024;
/// The most one turn may hold, so that one long answer does not push all others out.
const MAX_TURN_BYTES: usize = 64 * 1024;
/// The most files of one turn.
const MAX_FILES: usize = 20;

/// Who spoke before the handoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The user: `QUESTION`.
    User,
    /// The bot: `ANSWER`.
    Bot,
    /// An agent, in an earlier handoff: `HUMAN`.
    Agent,
    /// Something else; `Turn::kind` has GPTBots' word.
    Other,
}

/// A file named in the history.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnFile {
    /// Where it is. Shown as a link, never fetched.
    pub url: String,
    /// Its media type, where GPTBots tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// One turn before the handoff.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who spoke.
    #[serde(rename = "author")]
    pub speaker: Speaker,
    /// GPTBots' own `message_type`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What was said; can be empty (contract, section 2).
    pub text: String,
    /// Files that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<TurnFile>,
}

impl Turn {
    /// What it takes in the item: JSON, in which a quote or a line break takes two bytes and a
    /// control character six.
    fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len()) + 1
    }

    /// Itself, as far as it fits, and what that takes.
    fn cut(mut self) -> (Self, usize) {
        let bytes = self.bytes();
        if bytes <= MAX_TURN_BYTES / 2 && self.files.len() <= MAX_FILES {
            return (self, bytes);
        }
        let text = std::mem::take(&mut self.text);
        let given = self.files.len();
        self.files.truncate(MAX_FILES);
        while self.bytes() > MAX_TURN_BYTES / 2 && self.files.pop().is_some() {}
        let mark = match given - self.files.len() {
            0 => String::new(),
            lost => format!("\n… [cut: {lost} more files]"),
        };
        let mut keep = MAX_TURN_BYTES;
        loop {
            self.text = cut_with_mark(text.clone(), keep) + &mark;
            let bytes = self.bytes();
            if keep <= 256 || bytes <= MAX_TURN_BYTES {
                return (self, bytes);
            }
            keep /= 2;
        }
    }
}

/// The turns before the handoff, oldest first, cut to what one item can hold.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The turns that were kept.
    pub turns: Vec<Turn>,
    /// How many older turns were left out for their size.
    #[serde(default)]
    pub omitted: usize,
}

impl History {
    /// Keeps the newest turns that fit into 300 KB; a turn that is too long by itself is cut with
    /// a visible mark. `newest_first` is read no further than that; `all` is how many there are.
    pub fn new(all: usize, newest_first: impl IntoIterator<Item = Turn>) -> Self {
        let mut room = MAX_BYTES;
        let mut turns = Vec::new();
        for turn in newest_first {
            let (turn, bytes) = turn.cut();
            let Some(left) = room.checked_sub(bytes) else {
                break;
            };
            room = left;
            turns.push(turn);
        }
        turns.reverse();
        Self {
            omitted: all.saturating_sub(turns.len()),
            turns,
        }
    }

    /// The last thing the user said that is not empty.
    pub fn last_question(&self) -> Option<&str> {
        self.turns
            .iter()
            .rev()
            .find(|turn| turn.speaker == Speaker::User && !turn.text.trim().is_empty())
            .map(|turn| turn.text.as_str())
    }
}

// By hand: what was said must not reach a log.
impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History")
            .field("turns", &self.turns.len())
            .field("omitted", &self.omitted)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turn(text: String) -> Turn {
        Turn {
            speaker: Speaker::User,
            kind: None,
            text,
            files: Vec::new(),
        }
    }

    fn history(texts: impl DoubleEndedIterator<Item = String> + ExactSizeIterator) -> History {
        History::new(texts.len(), texts.rev().map(turn))
    }

    #[test]
    fn the_oldest_turns_go_first_and_are_counted() {
        let history = history((0..10).map(|n| format!("{n}{}", "x".repeat(60_000))));
        assert_eq!(history.turns.len() + history.omitted, 10);
        assert!(history.omitted >= 4);
        assert!(history.turns.last().unwrap().text.starts_with('9'));
    }

    #[test]
    fn files_that_do_not_fit_are_named_as_missing_and_the_newest_turn_is_kept() {
        let with_files = |count: usize, url: &str| {
            let file = TurnFile {
                url: url.to_owned(),
                content_type: None,
            };
            let turn = Turn {
                files: vec![file; count],
                ..turn("see".into())
            };
            History::new(1, [turn]).turns.remove(0)
        };
        let many = with_files(50, "https://x/1");
        assert_eq!(many.files.len(), MAX_FILES);
        assert_eq!(many.text, "see\n… [cut: 30 more files]");
        // As JSON, a control character takes six times its room.
        let long = with_files(20, &"\u{1}".repeat(2_000));
        assert!(long.files.len() < 20 && long.bytes() <= MAX_TURN_BYTES);
        assert!(long.text.ends_with("more files]"));
    }

    proptest! {
        #[test]
        fn a_history_fits_its_item(
            lengths in proptest::collection::vec(0..200_000_usize, 1..12),
            of in prop_oneof![Just("é"), Just("\""), Just("\u{1}"), Just("\n"), Just("x")],
        ) {
            let texts = lengths.iter().map(|n| of.repeat(n / of.len()));
            let history = history(texts);
            prop_assert!(serde_json::to_string(&history).unwrap().len() < 310 * 1024);
            prop_assert_eq!(history.turns.len() + history.omitted, lengths.len());
            prop_assert!(!history.turns.is_empty());
        }
    }
}
