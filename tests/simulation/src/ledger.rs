//! What everybody was told, and when: the facts the model judges by.
//!
//! Written by the fakes on both sides and by the callers of the bridge, never by the bridge itself.
//! Of the table's stream it holds what each entry's item looked like when, to tell which attempt
//! was at which entry and when it was marked.

use std::collections::BTreeMap;

use handoff::time::Millis;

/// Everything that was told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// What the bridge was told.
    pub(crate) told: Vec<Told>,
    /// What the bridge told others.
    pub(crate) sent: Vec<Sent>,
    /// The log's entries, by conversation and id.
    pub(crate) entries: BTreeMap<(usize, String), Facts>,
    /// The conversations' own items, as they were last written.
    pub(crate) metas: BTreeMap<usize, Meta>,
    /// Processes that were killed, and when.
    pub(crate) killed: Vec<(u32, Millis)>,
    /// Processes that the table failed, and when.
    pub(crate) trouble: Vec<(u32, Millis)>,
    /// Which entry each process claimed, in order.
    claims: Vec<(u32, usize, String)>,
}

/// One thing that the bridge was told: a webhook, or a call of the console, with all its retries.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) conversation: usize,
    pub(crate) word: Word,
    /// When its first request was made.
    pub(crate) begun: Millis,
    /// When it was first answered with 200.
    pub(crate) accepted: Option<Millis>,
    /// A request ended without an answer, or with one of ours (5xx): it may be stored or not.
    pub(crate) unclear: bool,
    /// When, and with what, it was refused.
    pub(crate) refused: Option<(Millis, u16)>,
}

/// What the bridge was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// A human is asked for, at this time of GPTBots'.
    Asked(Millis),
    /// The user's line of this token, at this time of GPTBots'.
    Said(String, Millis),
    /// The conversation has ended at GPTBots, at this time of its.
    Ended(Millis),
    /// The agent's line of this token.
    Wrote(String),
    /// This agent took the conversation.
    Claimed(u8),
    /// An agent ended the conversation.
    Closed,
}

/// One attempt of the bridge to tell somebody something.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) conversation: usize,
    pub(crate) act: Act,
    /// The entries it carried.
    pub(crate) entries: Vec<String>,
    pub(crate) process: u32,
    /// When the invocation began that sent it.
    pub(crate) rung: Millis,
    pub(crate) begun: Millis,
    /// When the other side took it; `None`: it did not.
    pub(crate) landed: Option<Millis>,
    /// What the bridge was answered, and when; `None`: it did not live to see an answer.
    pub(crate) answered: Option<(Millis, Answer)>,
}

/// What an attempt was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Show the user a line.
    Reply,
    /// End the conversation at GPTBots.
    End,
    /// Open a conversation at the desk.
    Open,
    /// Show the agents a line.
    Post,
    /// Show the agents the end.
    Close,
}

/// What an attempt was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Success.
    Taken,
    /// Try again; or no answer at all.
    Later,
    /// Never.
    Never,
    /// No such conversation.
    Gone,
}

/// An entry of the log.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) kind: String,
    pub(crate) author: String,
    pub(crate) to: String,
    pub(crate) tokens: Vec<String>,
    pub(crate) error: String,
    pub(crate) late: bool,
    /// Each write: when, by which process, and what its delivery was then.
    pub(crate) states: Vec<State>,
}

/// A write of an entry.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) at: Millis,
    pub(crate) process: u32,
    pub(crate) delivery: String,
}

/// A conversation's own item.
#[derive(Debug, Default, Clone)]
pub(crate) struct Meta {
    pub(crate) known: bool,
    pub(crate) closed: bool,
    pub(crate) desk_ref: Option<String>,
    /// When it became closed, each time.
    pub(crate) ends: Vec<Millis>,
    /// When it became open, each time.
    pub(crate) openings: Vec<Millis>,
}

impl Told {
    pub(crate) fn is_an_end(&self) -> bool {
        matches!(self.word, Word::Ended(_) | Word::Closed)
    }

    /// Whether this establish certainly came before that end: by GPTBots' times where both have
    /// one, else by when they were accepted.
    pub(crate) fn is_before(&self, end: &Self) -> bool {
        match (&self.word, &end.word) {
            (Word::Asked(asked), Word::Ended(ended)) => asked < ended,
            (Word::Asked(_), Word::Closed) => {
                self.accepted.is_some_and(|accepted| accepted < end.begun)
            }
            _ => false,
        }
    }
}

impl Facts {
    pub(crate) fn delivery(&self) -> &str {
        self.states.last().map_or("", |state| &state.delivery)
    }

    pub(crate) fn is_undelivered(&self) -> bool {
        matches!(self.delivery(), "pending" | "sending" | "retrying")
    }

    /// When it was stored.
    pub(crate) fn stored(&self) -> Millis {
        self.states.first().map_or(0, |state| state.at)
    }

    /// When it was put back into its lane, each time.
    pub(crate) fn replays(&self) -> impl Iterator<Item = Millis> {
        self.states
            .windows(2)
            .filter(|pair| pair[0].delivery == "failed" && pair[1].delivery == "pending")
            .map(|pair| pair[1].at)
    }
}

impl Ledger {
    pub(crate) fn claimed(&mut self, process: u32, conversation: usize, entry: &str) {
        self.claims.push((process, conversation, entry.to_owned()));
    }

    /// The entries that a process carries: for each token the newest one it claimed that has it;
    /// without any token the newest one it claimed of this kind for this side.
    pub(crate) fn carried(
        &self,
        process: u32,
        conversation: usize,
        tokens: &[String],
        (kind, to): (&str, &str),
    ) -> Vec<String> {
        let newest = |of: &dyn Fn(&str, &Facts) -> bool| {
            self.claims
                .iter()
                .rev()
                .filter(|(by, within, _)| (*by, *within) == (process, conversation))
                .map(|(_, _, entry)| entry)
                .find(|entry| {
                    self.entries
                        .get(&(conversation, (*entry).clone()))
                        .is_some_and(|facts| of(entry, facts))
                })
                .cloned()
        };
        if tokens.is_empty() {
            return newest(&|_, facts| (facts.kind.as_str(), facts.to.as_str()) == (kind, to))
                .into_iter()
                .collect();
        }
        let mut carried: Vec<String> = Vec::new();
        for token in tokens {
            // Two greetings that go together have the same token.
            let claimed = newest(&|id, facts| {
                facts.tokens.contains(token) && !carried.iter().any(|known| known == id)
            });
            // Never claimed: then whichever has it.
            let entry = claimed.or_else(|| {
                self.entries
                    .iter()
                    .find(|((within, _), facts)| {
                        *within == conversation && facts.tokens.contains(token)
                    })
                    .map(|((_, entry), _)| entry.clone())
            });
            carried.extend(entry);
        }
        carried
    }
}

/// The tokens in a text: what stands in square brackets.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    text.split('[')
        .skip(1)
        .filter_map(|part| part.split_once(']'))
        .map(|(token, _)| token.to_owned())
        .collect()
}
