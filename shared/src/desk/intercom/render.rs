//! What agents see at Intercom: the user's lines as they are, everything else as notes.
//!
//! A note is HTML, so what goes into it is escaped. The user's own messages are plain text for the
//! API ("HTML is not supported", vendor's description 2.14) and go as they are.

use crate::conversation::{Author, Conversation, Entry, History, Turn, fingerprint};
use crate::desk::text::{about, said_before, split, user_name};
use crate::text::cut_with_mark;

/// The most characters of one message or note. Intercom names no limit; this is what is easily
/// read, too.
pub(super) const MAX_CHARS: usize = 10_000;
/// The most bytes of one turn of the history.
const MAX_TURN: usize = 20_000;
/// The most characters of the history; what is older is left out with a mark.
const MAX_HISTORY: usize = 48_000;
/// The most bytes of the text that a conversation begins with.
const MAX_FIRST: usize = 2_000;
/// What marks a note or a beginning as ours, for us to find it again.
const MARK: &str = "handoff-";

/// The mark of something of ours in a conversation.
fn mark(parts: &[&[u8]]) -> String {
    let whole = fingerprint(parts);
    format!("{MARK}{}", &whole[..12])
}

/// The mark of this episode of a conversation: in its first message, and in its notes.
pub(super) fn mark_of_opening(conversation: &Conversation) -> String {
    let episode = conversation.episode.to_be_bytes();
    mark(&[conversation.id.as_str().as_bytes(), &episode])
}

/// The mark of the note that tells of the end.
pub(super) fn mark_of_close(conversation: &Conversation) -> String {
    let episode = conversation.episode.to_be_bytes();
    mark(&[conversation.id.as_str().as_bytes(), &episode, b"close"])
}

/// The mark of an entry's note.
pub(super) fn mark_of_entry(entry: &Entry) -> String {
    let conversation = entry.conversation.as_str().as_bytes();
    mark(&[conversation, entry.id.as_str().as_bytes(), b"entry"])
}

/// The text that a conversation begins with, since Intercom makes none without: the user's last
/// question, so that the inbox shows it and rules can go by it.
pub(super) fn first_message(history: &History, mark: &str) -> String {
    let question = history.last_question().unwrap_or("Asks for a person.");
    let question = cut_with_mark(plain_text(question.trim()), MAX_FIRST);
    format!("{question}\n\n[{mark}]")
}

/// The notes that tell who the user is and what was said before, in order, each with its mark.
pub(super) fn opening_notes(
    conversation: &Conversation,
    history: &History,
    mark: &str,
) -> Vec<String> {
    let mut blocks = vec![
        about(conversation)
            .into_iter()
            .map(|(label, value)| format!("<b>{label}:</b> {}", escape(&value)))
            .collect::<Vec<_>>()
            .join("<br>"),
    ];
    if blocks[0].is_empty() {
        blocks[0] = format!("<b>{}</b>", escape(&user_name(conversation)));
    }
    let said = said_before(conversation, &shortened(history));
    blocks.push(match said.is_empty() {
        true => "Nothing was said before.".to_owned(),
        false => "<b>Before the handoff</b>".to_owned(),
    });
    for said in said {
        for piece in split(&said.text, MAX_CHARS / 2) {
            blocks.push(format!("<b>{}:</b> {}", escape(&said.who), escape(&piece)));
        }
    }
    let mut bodies: Vec<(usize, String)> = Vec::new();
    for block in blocks {
        let size = block.chars().count();
        let html = format!("<p>{block}</p>");
        match bodies.last_mut() {
            Some((filled, body)) if *filled + size <= MAX_CHARS => {
                *filled += size;
                body.push_str(&html);
            }
            _ => bodies.push((size, html)),
        }
    }
    let all = bodies.len();
    let numbered = bodies.into_iter().enumerate();
    numbered
        .map(|(n, (_, body))| {
            let n = n + 1;
            let of = if all > 1 {
                format!("{n} of {all} · ")
            } else {
                String::new()
            };
            format!("{body}<p>{of}{}</p>", numbered_mark(mark, n))
        })
        .collect()
}

/// What is kept of a history that is too long to be read: the newest turns, each cut to its limit.
fn shortened(history: &History) -> History {
    let mut room = MAX_HISTORY;
    let mut turns = Vec::new();
    for turn in history.turns.iter().rev() {
        let text = cut_with_mark(turn.text.clone(), MAX_TURN);
        let files = turn.files.iter().map(|file| file.url.chars().count() + 1);
        let size = text.chars().count() + files.sum::<usize>() + 20;
        if size > room && !turns.is_empty() {
            break;
        }
        room = room.saturating_sub(size);
        turns.push(Turn {
            text,
            ..turn.clone()
        });
    }
    turns.reverse();
    History {
        omitted: history.omitted + history.turns.len() - turns.len(),
        turns,
    }
}

/// The mark of the `n`th piece, counted from 1: no mark of a piece is the beginning of another's.
pub(super) fn numbered_mark(mark: &str, n: usize) -> String {
    format!("{mark}/{n}.")
}

/// An entry that only agents are to see, as the bodies of notes with their marks.
pub(super) fn entry_notes(entry: &Entry, mark: &str) -> Vec<String> {
    let who = match entry.author {
        Author::User if entry.late => Some("Written by the user after the end".to_owned()),
        Author::User => Some("The user".to_owned()),
        Author::Agent => Some(entry.author_name.clone().unwrap_or("An agent".to_owned())),
        Author::System => None,
    };
    let pieces = split(&entry.text, MAX_CHARS).into_iter().enumerate();
    pieces
        .map(|(n, piece)| {
            let who = who.as_ref().filter(|_| n == 0);
            let who = who.map_or_else(String::new, |who| format!("<b>{}:</b> ", escape(who)));
            note(
                &format!("{who}{}", escape(&piece)),
                &numbered_mark(mark, n + 1),
            )
        })
        .collect()
}

/// The note that tells of the end.
pub(super) fn close_note(text: &str, mark: &str) -> String {
    let text = if text.trim().is_empty() {
        "The conversation has ended."
    } else {
        text
    };
    note(&escape(text), &numbered_mark(mark, 1))
}

fn note(html: &str, mark: &str) -> String {
    format!("<p>{html}</p><p>{mark}</p>")
}

/// The user's line as messages: plain text, in pieces where it is long.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let pieces = split(&plain_text(text), MAX_CHARS);
    // The API takes no empty message.
    let shown = |piece: String| match piece.trim().is_empty() {
        true => "(no text)".to_owned(),
        false => piece,
    };
    pieces.into_iter().map(shown).collect()
}

/// Without control characters, which no message shows; line breaks and tabs stay.
fn plain_text(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
        .collect()
}

/// As HTML that shows just this text.
pub(super) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in plain_text(text).chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' => html.push_str("<br>"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{EntryId, Kind, PLACEHOLDER_EMAIL, Side, Speaker, TurnFile, tests};
    use crate::desk::intercom::plain::plain;
    use proptest::prelude::*;

    fn turn(speaker: Speaker, text: &str) -> Turn {
        Turn {
            speaker,
            kind: None,
            text: text.into(),
            files: Vec::new(),
        }
    }

    fn history(turns: Vec<Turn>) -> History {
        History { turns, omitted: 0 }
    }

    fn entry(author: Author, text: &str) -> Entry {
        let conversation = tests::conversation().id;
        let id = EntryId::of_user_line(1_000, text.as_bytes());
        Entry::new(
            conversation,
            id,
            Kind::Message,
            author,
            Some(Side::Desk),
            text,
            1_000,
        )
    }

    #[test]
    fn who_the_user_is_and_what_was_said_stand_in_one_note_with_its_mark() {
        let mut conversation = tests::conversation();
        conversation.user.name = Some("Ann <b>".into());
        conversation.user.email = Some(PLACEHOLDER_EMAIL.into());
        let mut file = turn(Speaker::User, "see");
        file.files = vec![TurnFile {
            url: "https://x/1?a&b".into(),
            content_type: None,
        }];
        let history = history(vec![turn(Speaker::Bot, "Hi!"), file]);
        let notes = opening_notes(&conversation, &history, "handoff-1");
        assert_eq!(
            notes,
            [
                "<p><b>Name:</b> Ann &lt;b&gt;<br><b>Bot:</b> b1</p><p><b>Before the handoff</b></p>\
              <p><b>Bot:</b> Hi!</p><p><b>Ann &lt;b&gt;:</b> see<br>https://x/1?a&amp;b</p>\
              <p>handoff-1/1.</p>"
            ]
        );
        assert!(!notes[0].contains("gptbots.ai"));
    }

    #[test]
    fn a_conversation_begins_with_the_last_question() {
        let asked = history(vec![
            turn(Speaker::User, "Where is <it>? "),
            turn(Speaker::Bot, "?"),
        ]);
        assert_eq!(
            first_message(&asked, "handoff-1"),
            "Where is <it>?\n\n[handoff-1]"
        );
        let silent = first_message(&History::default(), "handoff-1");
        assert_eq!(silent, "Asks for a person.\n\n[handoff-1]");
    }

    #[test]
    fn marks_tell_conversations_episodes_entries_and_pieces_apart() {
        let first = tests::conversation();
        let mut second = first.clone();
        second.episode = 2;
        let marks = [
            mark_of_opening(&first),
            mark_of_opening(&second),
            mark_of_close(&first),
            mark_of_entry(&entry(Author::User, "a")),
            mark_of_entry(&entry(Author::User, "b")),
        ];
        let different: std::collections::HashSet<_> = marks.iter().collect();
        assert_eq!(different.len(), marks.len());
        assert!(!numbered_mark(&marks[0], 12).contains(&numbered_mark(&marks[0], 1)));
    }

    #[test]
    fn notes_say_who_wrote_and_that_it_was_too_late() {
        let mut late = entry(Author::User, "<still> there?");
        late.late = true;
        assert_eq!(
            entry_notes(&late, "m"),
            ["<p><b>Written by the user after the end:</b> &lt;still&gt; there?</p><p>m/1.</p>"]
        );
        let notice = entry(Author::System, "Not delivered");
        assert_eq!(
            entry_notes(&notice, "m"),
            ["<p>Not delivered</p><p>m/1.</p>"]
        );
        let long = entry(Author::System, &"word ".repeat(3_000));
        assert_eq!(entry_notes(&long, "m").len(), 2);
    }

    #[test]
    fn a_line_goes_as_it_is_but_for_what_no_message_shows() {
        assert_eq!(
            pieces("<b> *x* @ann\r\nline\u{0}2"),
            ["<b> *x* @ann\nline2"]
        );
        assert_eq!(pieces(" "), ["(no text)"]);
        assert_eq!(pieces(&"word ".repeat(3_000)).len(), 2);
    }

    #[test]
    fn a_long_history_is_cut_from_the_oldest_with_a_mark_and_keeps_its_order() {
        let turns = (0..40).map(|n| turn(Speaker::User, &format!("{n:03} {}", "x".repeat(3_000))));
        let notes = opening_notes(
            &tests::conversation(),
            &history(turns.collect()),
            "handoff-1",
        );
        assert!(notes.len() > 1 && notes.len() < 10);
        let all: String = notes.iter().map(|note| plain(note).text + "\n").collect();
        assert!(all.contains("older messages are not shown]"));
        let shown: Vec<usize> = (0..40)
            .filter_map(|n| all.find(&format!("User c1: {n:03} ")))
            .collect();
        assert!(shown.len() >= 10 && shown.is_sorted());
        assert!(all.contains("User c1: 039 "));
        for (n, note) in notes.iter().enumerate() {
            assert!(note.contains(&numbered_mark("handoff-1", n + 1)));
        }
    }

    proptest! {
        #[test]
        fn a_note_has_no_markup_but_ours_and_loses_nothing(
            text in "[ -~é漢\n<>&\"']{0,200}",
            name in "[ -~<>&]{0,30}",
        ) {
            let mut conversation = tests::conversation();
            conversation.user.name = Some(name);
            let said = history(vec![turn(Speaker::Bot, &text)]);
            let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            for note in opening_notes(&conversation, &said, "handoff-1") {
                let mut left = note.clone();
                for ours in ["<p>", "</p>", "<b>", "</b>", "<br>"] {
                    left = left.replace(ours, "");
                }
                prop_assert!(!left.contains(['<', '>', '"', '\'']), "{}", left);
                prop_assert!(solid(&plain(&note).text).contains(&solid(&text)));
            }
        }

        #[test]
        fn pieces_fit_and_lose_nothing(
            words in proptest::collection::vec("(<p>|é|[a-z]{1,9})[\n ]?", 1..40),
            times in 1..300_usize,
        ) {
            let text = words.concat().repeat(times);
            let pieces = pieces(&text);
            prop_assert!(pieces.iter().all(|piece| piece.chars().count() <= MAX_CHARS));
            let solid = |text: &str| {
                text.chars().filter(|c| !c.is_whitespace() && *c != '…').collect::<String>()
            };
            prop_assert_eq!(solid(&pieces.concat()), solid(&text));
        }
    }
}
