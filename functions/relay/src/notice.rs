//! What agents are told about an entry that failed, where their desk does not show the log itself.

use handoff::conversation::{Author, Entry, EntryId, Kind, Side};
use handoff::time::Millis;

/// How much of the text is repeated, in characters.
const EXCERPT: usize = 100;

/// The entry that tells of a failure: once for each time that an entry fails. `None` where there is
/// nothing to tell, or nobody: what the desk itself did not take of ours.
pub(crate) fn of_failure(failed: &Entry, reason: &str, now: Millis) -> Option<Entry> {
    let text = match (failed.to?, failed.kind, failed.author) {
        (Side::User, Kind::Closing, _) => {
            format!("GPTBots could not be told that the conversation has ended ({reason}).")
        }
        (Side::User, _, _) => {
            format!(
                "Not delivered to the user: \"{}\" ({reason})",
                excerpt(failed)
            )
        }
        (Side::Desk, Kind::Message, Author::User) => format!(
            "A message of the user could not be shown here: \"{}\" ({reason})",
            excerpt(failed)
        ),
        (Side::Desk, _, _) => return None,
    };
    let name = format!(
        "failed:{}:{}:{}",
        failed.queued_at, failed.attempts, failed.id
    );
    Some(Entry::new(
        failed.conversation.clone(),
        EntryId::of_system_line(failed.at, &name),
        Kind::Notice,
        Author::System,
        Some(Side::Desk),
        text,
        now,
    ))
}

fn excerpt(entry: &Entry) -> String {
    let mut text: String = entry.text.chars().take(EXCERPT).collect();
    if text.len() < entry.text.len() {
        text.push('…');
    }
    text
}
