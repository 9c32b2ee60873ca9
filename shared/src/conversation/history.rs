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
    fn bytes(&self) -> usize {
        // 64 for the names and quotes around it.
        64 + self.text.len()
            + self.kind.as_ref().map_or(0, String::len)
            + self
                .files
                .iter()
                .map(|file| 32 + file.url.len() + file.content_type.as_ref().map_or(0, String::len))
                .sum::<usize>()
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
    /// a visible mark.
    pub fn new(turns: Vec<Turn>) -> Self {
        let mut room = MAX_BYTES;
        let mut kept = Vec::new();
        let all = turns.len();
        for mut turn in turns.into_iter().rev() {
            turn.text = cut_with_mark(turn.text, MAX_TURN_BYTES);
            turn.files.truncate(MAX_FILES);
            let Some(left) = room.checked_sub(turn.bytes()) else {
                break;
            };
            room = left;
            kept.push(turn);
        }
        kept.reverse();
        Self {
            omitted: all - kept.len(),
            turns: kept,
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

    #[test]
    fn the_oldest_turns_go_first_and_are_counted() {
        let turns = (0..10)
            .map(|n| turn(format!("{n}{}", "x".repeat(60_000))))
            .collect();
        let history = History::new(turns);
        assert_eq!(history.turns.len() + history.omitted, 10);
        assert!(history.omitted >= 4);
        assert!(history.turns.last().unwrap().text.starts_with('9'));
    }

    proptest! {
        #[test]
        fn a_history_fits_its_item(lengths in proptest::collection::vec(0..200_000_usize, 0..12)) {
            let history = History::new(lengths.iter().map(|n| turn("é".repeat(n / 2))).collect());
            prop_assert!(serde_json::to_string(&history).unwrap().len() < 380 * 1024);
            prop_assert_eq!(history.turns.len() + history.omitted, lengths.len());
        }
    }
}
