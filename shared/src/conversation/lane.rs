//! Lanes: the undelivered entries of one conversation for one side, in order.
//!
//! The store's sort key is only roughly this order: a lane is read whole and put in order here, by
//! rules that need no I/O and so can be tested as they are.

use super::entry::{Author, Delivery, Entry, Kind, Side};
use crate::time::Millis;

/// The rank of an entry in the sort key of the lanes' index: the opening of a conversation comes
/// before whatever overtook it.
pub fn rank(entry: &Entry) -> u8 {
    match (entry.kind, entry.episode) {
        (Kind::Opening, None | Some(0 | 1)) => 1,
        _ => 5,
    }
}

/// Puts a lane in the order of delivery.
///
/// To the user: order of acceptance, which the store keeps strictly increasing. To the desk: an
/// opening before what overtook it and a closing after what came late, episode by episode; between
/// them order of acceptance, except that a user's lines that wait together go by GPTBots'
/// timestamps, whatever the bridge has to say to the agents in between.
///
/// `open` says whether the conversation is open: then a closing that is older than its opening is
/// the end of something that never was opened here; also where another one ended it. Else it is what
/// ended it.
pub fn in_delivery_order(side: Side, mut lane: Vec<Entry>, open: bool) -> Vec<Entry> {
    lane.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    if side == Side::User {
        return lane;
    }
    // The later episodes whose opening still waits: number, GPTBots' time, ours.
    let reopened: Vec<_> = lane
        .iter()
        .filter(|entry| entry.kind == Kind::Opening && rank(entry) != 1)
        .map(|entry| (entry.episode, entry.sent_at, entry.at))
        .collect();
    // By the episode's number or by GPTBots' own times where both sides have them: our functions'
    // clocks can differ.
    let begun_before = |entry: &Entry| {
        let begun = |(number, sent_at, at): &(Option<u32>, Option<Millis>, Millis)| {
            if let (Some(begun), Some(of)) = (number, entry.episode) {
                *begun <= of
            } else if let (Some(begun), Some(of)) = (sent_at, entry.sent_at) {
                *begun <= of
            } else {
                *at <= entry.at
            }
        };
        reopened.iter().filter(|opening| begun(opening)).count()
    };
    let first_established = lane
        .iter()
        .find(|entry| rank(entry) == 1)
        .and_then(|opening| opening.sent_at);
    let older = |entry: &Entry| is_before(entry.sent_at, first_established);
    let ended_by_another = || {
        lane.iter()
            .any(|entry| entry.kind == Kind::Closing && !older(entry))
    };
    let of_something_else = open || ended_by_another();
    lane.sort_by_key(|entry| {
        let episode = match rank(entry) {
            1 => 0,
            _ => begun_before(entry),
        };
        let place = match entry.kind {
            // The end of something that was never opened here: not the end of what opens now.
            Kind::Closing if of_something_else && older(entry) => 0,
            Kind::Opening => 1,
            Kind::Message | Kind::Notice | Kind::Note => 2,
            Kind::Closing => 3,
        };
        (episode, place)
    });
    let told = |entry: &Entry| matches!(entry.kind, Kind::Message | Kind::Notice);
    for part in lane.chunk_by_mut(|a, b| told(a) && told(b)) {
        by_timestamp(part, of_user);
    }
    lane
}

/// Puts the entries that are `meant` in the order of GPTBots' timestamps, in the places that they
/// have together; whatever else there is keeps its place.
fn by_timestamp(part: &mut [Entry], meant: impl Fn(&Entry) -> bool) {
    let places: Vec<usize> = (0..part.len()).filter(|at| meant(&part[*at])).collect();
    let mut lines: Vec<Entry> = places.iter().map(|at| part[*at].clone()).collect();
    lines.sort_by_key(|entry| entry.sent_at.unwrap_or(entry.at));
    for (place, line) in places.into_iter().zip(lines) {
        part[place] = line;
    }
}

fn of_user(entry: &Entry) -> bool {
    entry.author == Author::User && entry.kind == Kind::Message
}

fn is_before(end: Option<Millis>, begin: Option<Millis>) -> bool {
    matches!((end, begin), (Some(end), Some(begin)) if end < begin)
}

/// Puts the log in the order in which people read it: by acceptance, but what GPTBots sent, the
/// user's lines and the openings, by its timestamps among themselves. Two functions whose clocks
/// differ can have accepted them, and GPTBots can hand them over in another order.
pub fn in_reading_order(mut log: Vec<Entry>) -> Vec<Entry> {
    log.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    by_timestamp(&mut log, |entry| {
        of_user(entry) || entry.kind == Kind::Opening
    });
    log
}

/// What the relay may do with the head of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Claim it and send it.
    Send,
    /// Somebody else is at it, or may have died over it: look again then.
    Leased(Millis),
    /// Its next attempt is not due yet: look again then.
    NotDue(Millis),
}

/// What may be done with the head of a lane at `now`.
pub fn next_step(head: &Entry, now: Millis) -> Step {
    match head.delivery {
        Delivery::Sending => match head.lease_until {
            Some(until) if until > now => Step::Leased(until),
            _ => Step::Send,
        },
        Delivery::Retrying => match head.next_at {
            Some(at) if at > now => Step::NotDue(at),
            _ => Step::Send,
        },
        Delivery::Pending | Delivery::Delivered | Delivery::Failed => Step::Send,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::{ConversationId, EntryId};
    use super::*;
    use proptest::prelude::*;

    fn entry(kind: Kind, author: Author, at: Millis) -> Entry {
        Entry::new(
            ConversationId::new("c").unwrap(),
            EntryId::of_system_line(at, kind.as_str()),
            kind,
            author,
            Some(Side::Desk),
            "",
            at,
        )
    }

    fn line(at: Millis, sent_at: Millis) -> Entry {
        let mut line = entry(Kind::Message, Author::User, at);
        line.sent_at = Some(sent_at);
        line
    }

    fn opening(at: Millis, episode: u32) -> Entry {
        let mut opening = entry(Kind::Opening, Author::System, at);
        opening.episode = Some(episode);
        opening
    }

    fn shape(lane: &[Entry]) -> Vec<(Kind, Millis)> {
        lane.iter().map(|entry| (entry.kind, entry.at)).collect()
    }

    #[test]
    fn a_chat_that_overtook_its_establish_waits_behind_the_opening() {
        let lane = in_delivery_order(Side::Desk, vec![line(10, 5), opening(20, 1)], true);
        assert_eq!(shape(&lane), [(Kind::Opening, 20), (Kind::Message, 10)]);
    }

    #[test]
    fn a_close_that_overtook_chats_goes_last() {
        let close = entry(Kind::Closing, Author::System, 10);
        let lane = in_delivery_order(Side::Desk, vec![close, line(11, 3), line(12, 2)], true);
        assert_eq!(
            shape(&lane),
            [
                (Kind::Message, 12),
                (Kind::Message, 11),
                (Kind::Closing, 10)
            ]
        );
    }

    #[test]
    fn the_next_episode_comes_after_the_end_of_the_last() {
        let lane = in_delivery_order(
            Side::Desk,
            vec![
                opening(30, 2),
                entry(Kind::Closing, Author::System, 20),
                line(40, 40),
                line(10, 10),
                opening(15, 1),
            ],
            true,
        );
        assert_eq!(
            shape(&lane),
            [
                (Kind::Opening, 15),
                (Kind::Message, 10),
                (Kind::Closing, 20),
                (Kind::Opening, 30),
                (Kind::Message, 40)
            ]
        );
    }

    #[test]
    fn the_end_of_something_never_opened_does_not_end_what_opens_now() {
        let mut stale = entry(Kind::Closing, Author::System, 10);
        stale.sent_at = Some(100);
        let mut opening = opening(20, 1);
        opening.sent_at = Some(200);
        let lane = in_delivery_order(Side::Desk, vec![opening.clone(), stale.clone()], true);
        assert_eq!(shape(&lane), [(Kind::Closing, 10), (Kind::Opening, 20)]);
        // Unless it has ended: then this is what did it.
        let ended = vec![opening.clone(), stale.clone()];
        let lane = in_delivery_order(Side::Desk, ended, false);
        assert_eq!(shape(&lane), [(Kind::Opening, 20), (Kind::Closing, 10)]);
        stale.sent_at = Some(200);
        let lane = in_delivery_order(Side::Desk, vec![opening, stale], true);
        assert_eq!(shape(&lane), [(Kind::Opening, 20), (Kind::Closing, 10)]);
    }

    #[test]
    fn our_own_closing_does_not_overtake_the_opening_it_ends() {
        let mut opening = opening(20, 1);
        opening.sent_at = Some(200);
        let mut ours = entry(Kind::Closing, Author::System, 30);
        ours.episode = Some(1);
        let lane = in_delivery_order(Side::Desk, vec![ours, opening], true);
        assert_eq!(shape(&lane), [(Kind::Opening, 20), (Kind::Closing, 30)]);
    }

    #[test]
    fn an_end_belongs_to_its_episode_even_where_our_clocks_differ() {
        let mut end = entry(Kind::Closing, Author::System, 50);
        end.sent_at = Some(100);
        let mut ours = entry(Kind::Closing, Author::System, 51);
        ours.episode = Some(1);
        let mut next = opening(40, 2);
        next.sent_at = Some(101);
        let lane = in_delivery_order(Side::Desk, vec![next, end, ours], true);
        assert_eq!(
            shape(&lane),
            [
                (Kind::Closing, 50),
                (Kind::Closing, 51),
                (Kind::Opening, 40)
            ]
        );
    }

    #[test]
    fn a_notice_between_two_lines_keeps_its_place_and_the_lines_go_by_timestamp() {
        let lane = in_delivery_order(
            Side::Desk,
            vec![
                line(1, 9),
                entry(Kind::Notice, Author::System, 2),
                line(3, 1),
            ],
            true,
        );
        assert_eq!(
            shape(&lane),
            [(Kind::Message, 3), (Kind::Notice, 2), (Kind::Message, 1)]
        );
    }

    #[test]
    fn what_gptbots_sent_is_read_in_its_order_though_our_clocks_differ() {
        // The second line was accepted by a function whose clock is ahead of the first one's and
        // of the one that took the establish.
        let mut opening = opening(30, 1);
        opening.sent_at = Some(1);
        let agent = entry(Kind::Message, Author::Agent, 31);
        let log = vec![line(10, 2), line(12, 4), opening, agent, line(40, 3)];
        let read: Vec<_> = in_reading_order(log)
            .iter()
            .map(|entry| entry.sent_at)
            .collect();
        assert_eq!(read, [Some(1), Some(2), Some(3), None, Some(4)]);
    }

    #[test]
    fn a_head_is_sent_when_nobody_has_it_and_it_is_due() {
        let mut head = line(1, 1);
        assert_eq!(next_step(&head, 10), Step::Send);
        head.delivery = Delivery::Sending;
        head.lease_until = Some(20);
        assert_eq!(next_step(&head, 10), Step::Leased(20));
        assert_eq!(next_step(&head, 20), Step::Send);
        head.delivery = Delivery::Retrying;
        head.next_at = Some(30);
        assert_eq!(next_step(&head, 20), Step::NotDue(30));
        assert_eq!(next_step(&head, 30), Step::Send);
    }

    proptest! {
        #[test]
        fn ordering_keeps_every_entry_and_does_not_depend_on_how_they_came(
            times in proptest::collection::vec((0..50_i64, 0..50_i64, 0..4_u8), 0..20),
            seed in any::<u64>(),
        ) {
            let lane: Vec<_> = times
                .iter()
                .enumerate()
                .map(|(n, (at, sent_at, kind))| {
                    let mut entry = match kind {
                        0 => opening(*at, 1),
                        1 => opening(*at, 2),
                        2 => entry(Kind::Closing, Author::System, *at),
                        _ => line(*at, *sent_at),
                    };
                    entry.id = EntryId::of_system_line(*at, &n.to_string());
                    entry
                })
                .collect();
            let mut mixed = lane.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut mixed);
            let ordered = in_delivery_order(Side::Desk, lane.clone(), true);
            prop_assert_eq!(ordered.len(), lane.len());
            prop_assert_eq!(&ordered, &in_delivery_order(Side::Desk, mixed, true));
        }

        #[test]
        fn a_users_lines_are_read_in_the_order_of_gptbots_timestamps(
            lines in proptest::collection::vec((0..50_i64, 0..50_i64, any::<bool>()), 0..20),
        ) {
            let log: Vec<_> = lines
                .iter()
                .map(|(at, sent_at, of_user)| match of_user {
                    true => line(*at, *sent_at),
                    false => entry(Kind::Message, Author::Agent, *at),
                })
                .collect();
            let read = in_reading_order(log);
            prop_assert_eq!(read.len(), lines.len());
            prop_assert!(read.iter().filter(|entry| of_user(entry)).is_sorted_by_key(|entry| entry.sent_at));
            prop_assert!(read.iter().filter(|entry| !of_user(entry)).is_sorted_by_key(|entry| entry.at));
        }

        #[test]
        fn lines_that_wait_together_go_by_gptbots_timestamps(
            lines in proptest::collection::vec((0..1_000_i64, 0..1_000_i64), 1..20),
        ) {
            let lane = lines.iter().map(|(at, sent)| line(*at, *sent)).collect();
            let ordered = in_delivery_order(Side::Desk, lane, true);
            prop_assert!(ordered.is_sorted_by_key(|entry| entry.sent_at));
        }
    }
}
