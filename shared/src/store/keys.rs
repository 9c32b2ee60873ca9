//! Keys of the table and its indexes: the one place that knows how they are spelled.

use crate::conversation::{ConversationId, Entry, EntryId, Kind, Side, fingerprint, rank};
use crate::time::Millis;

/// Partition key.
pub const PK: &str = "pk";
/// Sort key.
pub const SK: &str = "sk";
/// Local index: a conversation's undelivered entries, side by side, and its META between them.
pub const LANES: &str = "lanes";
/// Sort key of [`LANES`]. An entry has it as long as it is undelivered.
pub const OUT: &str = "out";
/// Local index: a conversation's entries by their last change.
pub const CHANGES: &str = "changes";
/// Sort key of [`CHANGES`].
pub const CHANGED: &str = "changed";
/// Global index: open conversations, and closed ones by month.
pub const LISTED: &str = "listed";
/// Partition key of [`LISTED`].
pub const LIST: &str = "list";
/// Sort key of [`LISTED`].
pub const LIST_AT: &str = "list_at";
/// Global index: undelivered entries by when somebody should look at them, failed ones, and
/// conversations that no agent has taken yet.
pub const DUE_INDEX: &str = "due";
/// Partition key of [`DUE_INDEX`].
pub const DUE: &str = "due";
/// Sort key of [`DUE_INDEX`].
pub const DUE_AT: &str = "due_at";
/// When DynamoDB may delete the item, in seconds.
pub const EXPIRES_AT: &str = "expires_at";

/// Sort key of a conversation's own item.
pub(super) const META: &str = "META";
/// What META has as its [`OUT`]: sorts behind the desk's lane and before the user's, so that one
/// query reads a lane and the conversation together.
pub(super) const META_OUT: &str = "meta";
/// Partition and sort key of the settings.
pub(super) const SETTINGS: &str = "SETTINGS";
/// Partition and sort key of the canned replies.
pub(super) const CANNED: &str = "CANNED";
/// Partition key of the console's agents.
pub(super) const AGENTS: &str = "AGENTS";
/// What sort keys of the console's agents begin with; behind it comes their id.
pub(super) const AGENT_PREFIX: &str = "A#";
/// What sort keys of entries begin with.
pub(super) const ENTRY_PREFIX: &str = "E#";

/// Over how many partitions of a global index open conversations and due entries are spread.
pub(super) const SHARDS: u8 = 4;
/// Over how many partitions a month's counters are spread. Two transactions that count in the same
/// item at once collide, and one of them is tried again.
pub(super) const STATISTICS_SHARDS: u8 = 8;
/// Milliseconds of a day.
pub(super) const DAY: Millis = 86_400_000;
/// How many days of closed conversations share a partition of the index: few enough partitions to
/// look through all that are kept, where little was closed.
pub(super) const DAYS_A_LIST: i64 = 30;

pub(super) fn conversation_pk(id: &ConversationId) -> String {
    format!("C#{id}")
}

/// The conversation a partition belongs to; `None` for any other partition.
pub fn conversation_of(pk: &str) -> Option<ConversationId> {
    ConversationId::new(pk.strip_prefix("C#")?).ok()
}

pub(super) fn entry_sk(id: &EntryId) -> String {
    format!("{ENTRY_PREFIX}{id}")
}

/// The history of an episode; that of the first is `HIST`.
pub(super) fn history_sk(episode: u32) -> String {
    if episode <= 1 {
        "HIST".to_owned()
    } else {
        format!("HIST#{episode}")
    }
}

/// A marker that an agent's line was accepted, by the desk's own id of it.
pub(super) fn accepted_sk(fingerprint: &str) -> String {
    format!("K#{fingerprint}")
}

pub(super) fn desk_ref_pk(desk: &str, reference: &str) -> String {
    format!("D#{desk}#{reference}")
}

pub(super) const REF: &str = "REF";

/// A signed call of a desk whose signature does not cover the call's own name.
pub(super) fn signed_call_pk(desk: &str, fingerprint: &str) -> String {
    format!("CALL#{desk}#{fingerprint}")
}

/// What happened at a desk in a conversation that is not known there yet: beside its reference.
pub(super) const EARLY_PREFIX: &str = "W#";

pub(super) fn early_sk(event: &str) -> String {
    format!("{EARLY_PREFIX}{}", fingerprint(&[event.as_bytes()]))
}

/// The item by which the clock finds a conversation whose desk is to be asked again.
pub(super) const RECONCILE: &str = "RECONCILE";

pub(super) fn reconcile(shard: u8) -> String {
    format!("reconcile#{shard}")
}

/// The item by which the clock finds what is due in a conversation.
pub(super) const TIMER: &str = "TIMER";

pub(super) fn timer(shard: u8) -> String {
    format!("timer#{shard}")
}

pub(super) fn person_pk(bot: &str, person: &str) -> String {
    format!("P#{bot}#{person}")
}

pub(super) fn person_sk(opened_at: Millis, id: &ConversationId) -> String {
    format!("C#{opened_at:016}#{id}")
}

/// What a marker is called that a conversation was erased: by a fingerprint of its id, which does
/// not give the id away.
pub(super) fn erased_pk(id: &ConversationId) -> String {
    format!("ERASED#{}", erased_fingerprint(id))
}

/// The fingerprint by which a record of an erasure knows the conversation.
pub(super) fn erased_fingerprint(id: &ConversationId) -> String {
    fingerprint(&[b"erased", id.as_str().as_bytes()])
}

/// Sort key of a marker that a conversation was erased.
pub(super) const ERASED: &str = "ERASED";
/// Partition of the records of erasures.
pub(super) const ERASURES: &str = "ERASURES";

pub(super) fn erasure_sk(at: Millis, fingerprint: &str) -> String {
    format!("{at:016}#{fingerprint}")
}

/// A month's counters, one of its shards. `month` is `2026-03`.
pub(super) fn statistics_pk(month: &str, shard: u8) -> String {
    format!("STATS#{month}#{shard}")
}

/// The counters of a bot and a day of the month. `day` is `01`.
pub(super) fn statistics_sk(day: &str, bot: &str) -> String {
    format!("{day}#{bot}")
}

pub(super) fn out(side: Side, entry: &Entry) -> String {
    format!("{side}#{}{:016}#{}", rank(entry), entry.at, entry.id)
}

pub(super) fn changed(at: Millis, id: &EntryId) -> String {
    format!("{at:016}#{id}")
}

pub(super) fn open_list(shard: u8) -> String {
    format!("open#{shard}")
}

/// The number of the list that a conversation closed at this time is in.
pub(super) fn closed_list_of(at: Millis) -> i64 {
    at.div_euclid(DAYS_A_LIST * DAY)
}

pub(super) fn closed_list(number: i64) -> String {
    format!("closed#{number:06}")
}

pub(super) fn list_at(at: Millis, id: &ConversationId) -> String {
    format!("{at:016}#{id}")
}

pub(super) fn due(shard: u8) -> String {
    format!("due#{shard}")
}

pub(super) fn failed(shard: u8) -> String {
    format!("failed#{shard}")
}

pub(super) fn waiting(shard: u8) -> String {
    format!("waiting#{shard}")
}

/// `queued_at` says how old the entry is: the index has keys alone.
pub(super) fn due_at(at: Millis, side: Side, queued_at: Millis) -> String {
    format!("{at:016}#{side}#{queued_at:016}")
}

/// What [`due_at`] was made of, without the time of the next look.
pub(super) fn parse_due_at(due_at: &str) -> Option<(Side, Millis)> {
    let mut parts = due_at.split('#').skip(1);
    Some((Side::parse(parts.next()?)?, parts.next()?.parse().ok()?))
}

pub(super) fn waiting_at(since: Millis) -> String {
    format!("{since:016}")
}

/// Where a conversation stands in the queue for an agent: by time, with its bot.
pub(super) fn queued_at(since: Millis, bot: &str) -> String {
    format!("{since:016}#{}", fingerprint(&[bot.as_bytes()]))
}

/// What [`queued_at`] was made of, the bot as its fingerprint; empty where none is known.
pub(super) fn parse_queued_at(queued_at: &str) -> Option<(Millis, &str)> {
    let (since, bot) = queued_at.split_once('#').unwrap_or((queued_at, ""));
    Some((since.parse().ok()?, bot))
}

/// Where a given-up entry stands in its partition. No two stand at the same place, so that a list
/// of them can be cut between any two.
pub(super) fn failed_at(at: Millis, side: Side, entry: &Entry) -> String {
    format!("{at:016}#{side}#{}#{}", entry.id, entry.conversation)
}

/// The partition of the global indexes that a conversation's items fall into.
pub(super) fn shard(id: &ConversationId) -> u8 {
    (hash(id) % u32::from(SHARDS)) as u8
}

/// The shard of the counters that a conversation counts in.
pub(super) fn statistics_shard(id: &ConversationId) -> u8 {
    (hash(id) % u32::from(STATISTICS_SHARDS)) as u8
}

/// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/).
fn hash(id: &ConversationId) -> u32 {
    id.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// The name of a line of the bridge's own that one entry leads to once.
pub(super) fn follow_up(at: Millis, what: &str, of: &EntryId) -> EntryId {
    EntryId::of_system_line(at, &format!("{what}:{of}"))
}

/// The name of a line of the bridge's own that an episode has once.
pub(super) fn of_episode(at: Millis, kind: Kind, episode: u32, side: Side) -> EntryId {
    EntryId::of_system_line(at, &format!("{kind}:{episode}:{side}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_lies_between_the_two_lanes() {
        assert!(format!("{}#9", Side::Desk).as_str() < META_OUT);
        assert!(META_OUT < format!("{}#0", Side::User).as_str());
    }

    #[test]
    fn what_is_due_tells_its_side_and_age() {
        let at = due_at(99, Side::User, 12);
        assert_eq!(parse_due_at(&at), Some((Side::User, 12)));
        assert_eq!(parse_due_at(&waiting_at(12)), None);
    }

    #[test]
    fn the_queue_tells_since_when_and_for_which_bot() {
        let at = queued_at(12, "b");
        let (since, bot) = parse_queued_at(&at).unwrap();
        assert_eq!((since, bot), (12, fingerprint(&[b"b"]).as_str()));
        // As it was written before bots had queues of their own.
        assert_eq!(parse_queued_at(&waiting_at(12)), Some((12, "")));
        assert!(queued_at(12, "b") < queued_at(13, "a"));
    }

    #[test]
    fn a_partition_gives_its_conversation_back() {
        let id = ConversationId::new("a#b/c").unwrap();
        assert_eq!(conversation_of(&conversation_pk(&id)), Some(id));
        assert_eq!(conversation_of("SETTINGS"), None);
    }

    #[test]
    fn every_shard_gets_its_share() {
        let mut counts = [0; SHARDS as usize];
        for n in 0..1000 {
            counts[shard(&ConversationId::new(format!("c{n}")).unwrap()) as usize] += 1;
        }
        assert!(counts.iter().all(|count| *count > 150), "{counts:?}");
    }
}
