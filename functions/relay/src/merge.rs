//! Lines that wait together go as one message where calls are scarce (contract, section 4: three a
//! minute on the free plan).

use std::collections::VecDeque;

use handoff::conversation::{Author, Entry, Kind, Step, next_step};
use handoff::time::Millis;

/// The most lines that go together: each is a part of two transactions, which hold 100.
pub(crate) const MOST: usize = 25;

/// The head and what may go with it: of the lines right behind it those that can be sent now, at
/// most `most` in all, while the joined text has at most `longest` characters. An opening or a
/// closing never goes along.
pub(crate) fn together(
    head: Entry,
    waiting: &mut VecDeque<Entry>,
    most: usize,
    longest: usize,
    wording: Wording,
    now: Millis,
) -> Vec<Entry> {
    let mut length = wording.of(&head).chars().count();
    let mut together = vec![head];
    if !joins(&together[0]) {
        return together;
    }
    while together.len() < most.min(MOST) {
        let next = waiting.pop_front_if(|next| {
            length += 1 + wording.of(next).chars().count();
            joins(next) && length <= longest && next_step(next, now) == Step::Send
        });
        match next {
            Some(next) => together.push(next),
            None => break,
        }
    }
    together
}

/// How entries are put into words for the user.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wording {
    /// Whether the user is told which agent writes.
    pub(crate) names: bool,
}

impl Wording {
    /// What the user reads: the text, and a link for each file.
    pub(crate) fn of(self, entry: &Entry) -> String {
        let text = entry.text_and_files();
        let name = entry.author_name.as_deref().unwrap_or_default().trim();
        let named = self.names && entry.author == Author::Agent && entry.kind == Kind::Message;
        if named && !name.is_empty() {
            return format!("{name}: {text}");
        }
        text
    }

    /// Several lines as one text.
    pub(crate) fn joined(self, lines: &[Entry]) -> String {
        let texts: Vec<String> = lines.iter().map(|line| self.of(line)).collect();
        texts.join("\n")
    }
}

fn joins(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Message | Kind::Notice) && !entry.alone && entry.is_ready()
}

#[cfg(test)]
mod tests {
    use super::*;
    use handoff::conversation::{ConversationId, Delivery, EntryId, Origin, Side};
    use handoff::desk::DeskFile;

    fn line(at: Millis, kind: Kind, text: &str) -> Entry {
        Entry::new(
            ConversationId::new("c").unwrap(),
            EntryId::of_system_line(at, "x"),
            kind,
            Author::Agent,
            Some(Side::User),
            text,
            at,
        )
    }

    fn joined_of(lane: Vec<Entry>, longest: usize) -> (String, usize) {
        let mut waiting = VecDeque::from(lane);
        let head = waiting.pop_front().unwrap();
        let wording = Wording::default();
        let together = together(head, &mut waiting, MOST, longest, wording, 100);
        (wording.joined(&together), waiting.len())
    }

    fn lane() -> Vec<Entry> {
        vec![
            line(1, Kind::Notice, "hello"),
            line(2, Kind::Message, "一二三"),
            line(3, Kind::Message, "four"),
            line(4, Kind::Closing, "bye"),
            line(5, Kind::Message, "after"),
        ]
    }

    #[test]
    fn lines_go_together_up_to_a_closing() {
        assert_eq!(joined_of(lane(), 8_000), ("hello\n一二三\nfour".into(), 2));
        let closing = lane().split_off(3);
        assert_eq!(joined_of(closing, 8_000), ("bye".into(), 1));
    }

    #[test]
    fn the_joined_text_is_not_too_long() {
        assert_eq!(joined_of(lane(), 13).0, "hello\n一二三");
        assert_eq!(joined_of(lane(), 9).0, "hello\n一二三");
        assert_eq!(joined_of(lane(), 8).0, "hello");
        assert_eq!(joined_of(lane(), 1).0, "hello", "it is what it is");
    }

    #[test]
    fn what_cannot_be_sent_now_or_must_be_alone_goes_alone() {
        let mut waits = lane();
        waits[1].delivery = Delivery::Retrying;
        waits[1].next_at = Some(101);
        assert_eq!(joined_of(waits, 8_000).0, "hello");
        let mut leased = lane();
        leased[2].delivery = Delivery::Sending;
        leased[2].lease_until = Some(101);
        assert_eq!(joined_of(leased, 8_000).0, "hello\n一二三");
        let mut alone = lane();
        alone[0].alone = true;
        assert_eq!(joined_of(alone.clone(), 8_000).0, "hello");
        assert_eq!(joined_of(alone.split_off(1), 8_000).0, "一二三\nfour");
    }

    #[test]
    fn the_user_reads_the_text_its_files_and_if_wanted_the_agents_name() {
        let mut entry = line(1, Kind::Message, "see");
        entry.author_name = Some("Ann".into());
        entry.origin = Some(Origin {
            files: vec![DeskFile {
                name: "a.png".into(),
                content_type: None,
                bytes: None,
                url: "https://x/1".into(),
                public: true,
            }],
            ..Origin::default()
        });
        let of = |entry: &Entry, names| Wording { names }.of(entry);
        assert_eq!(of(&entry, false), "see\na.png: https://x/1");
        assert_eq!(of(&entry, true), "Ann: see\na.png: https://x/1");
        entry.text.clear();
        assert_eq!(of(&entry, false), "a.png: https://x/1");
        let mut notice = line(1, Kind::Notice, "hello");
        notice.author_name = Some("Ann".into());
        assert_eq!(of(&notice, true), "hello");
    }

    #[test]
    fn what_the_desk_has_still_to_be_asked_about_goes_alone() {
        let mut lane = lane();
        lane[1].origin = Some(Origin {
            incomplete: true,
            ..Origin::default()
        });
        assert_eq!(joined_of(lane, 8_000).0, "hello");
    }
}
