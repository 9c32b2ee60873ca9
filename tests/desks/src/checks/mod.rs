//! The checks: what every desk has to keep to.

mod failures;
mod opening;
mod to_desk;
mod to_user;
mod trust;

use std::future::Future;
use std::pin::Pin;

use sandbox::Options;

use crate::World;
use crate::patience::Found;

/// Not `Send`: checks are run side by side in one task.
type Running<'a> = Pin<Box<dyn Future<Output = Found<()>> + 'a>>;

/// Something every desk has to keep to.
pub struct Check {
    /// Its name, for tables and for exemptions.
    pub name: &'static str,
    /// What has to hold.
    pub what: &'static str,
    /// What the bridge it runs in is like.
    pub(crate) options: fn(Options) -> Options,
    pub(crate) run: for<'a> fn(&'a World) -> Running<'a>,
}

/// Bells are lost, doubled, late and disordered.
fn rough(options: Options) -> Options {
    Options {
        desk_wrapper: options.desk_wrapper,
        ..Options::rough(11)
    }
}

/// GPTBots sends every webhook twice.
fn repeated(options: Options) -> Options {
    Options {
        faults: sandbox::faults::parse("webhooks:repeat").unwrap_or_default(),
        ..options
    }
}

/// The clock comes often.
fn quick_clock(options: Options) -> Options {
    Options {
        clock_interval: std::time::Duration::from_millis(400),
        ..options
    }
}

macro_rules! checks {
    ($($name:literal, $what:literal, $options:expr, $run:path;)+) => {
        /// All checks, in the order of a conversation.
        pub const CHECKS: &[Check] = &[$(Check {
            name: $name,
            what: $what,
            options: $options,
            run: |world| Box::pin($run(world)),
        }),+];
    };
}

checks! {
    "opens-once", "opened once, though asked twice", repeated, opening::once;
    "opens-once-unknown", "opened once, though the desk's answer got lost", |o| o, opening::once_though_unknown;
    "user-known", "agents see name, e-mail address, phone number and id", |o| o, opening::known_user;
    "user-unknown", "a user of whom nothing is known is served", |o| o, opening::unknown_user;
    "strangers", "two people with the placeholder address stay two, and nobody sees it", |o| o, opening::strangers;
    "history-first", "the history before the first message, in order, once", |o| o, opening::history_first;
    "history-long", "a long history within the desk's limits, what is left out marked", |o| o, opening::long_history;
    "user-lines", "each line of the user once, in order, though bells get lost", rough, to_desk::lines;
    "escaped", "what a user writes pings nobody and is no markup", |o| o, to_desk::escaped;
    "escaped-names", "nor is what the user is called, or has said before", |o| o, to_desk::escaped_names;
    "long-line", "a line longer than the desk takes arrives whole", |o| o, to_desk::long_line;
    "user-leaves", "the user leaves: visibly closed at the desk", |o| o, to_desk::user_leaves;
    "second-handoff", "the next handoff of the user is a new conversation", |o| o, to_desk::second_handoff;
    "console-line", "what an agent answers in the console is seen at the desk", |o| o, to_desk::console_line;
    "agent-lines", "each line of the agent once, in order, as it was written", rough, to_user::lines;
    "agent-markup", "the desk's markup undone: links readable, people by name", |o| o, to_user::markup;
    "agent-name", "with the agent's name, if the settings say so", |o| o, to_user::agent_name;
    "claim", "a claim is seen in the console", |o| o, to_user::claim;
    "private-notes", "what agents write to each other does not reach the user", |o| o, to_user::notes;
    "noise", "nor what bots write, what is edited, and everything else", |o| o, to_user::noise;
    "echo", "nor what the bridge itself has posted", |o| o, to_user::echo;
    "files", "a file reaches the user as a link, or the agent is told that it did not", |o| o, to_user::file;
    "agent-closes", "the agent closes: GPTBots is told, once", |o| o, to_user::agent_closes;
    "agent-late", "an agent who writes after the end is told so at the desk", |o| o, to_user::late;
    "lost-webhooks", "a line whose webhook got lost is found", quick_clock, to_user::lost_webhooks;
    "forged", "calls not signed by the desk, or not lately, are refused with 401", |o| o, trust::forged;
    "unparsed", "nothing of a call is read before that", |o| o, trust::unparsed;
    "retries-collapse", "the desk's retries, and replays of what it has signed, are one event", |o| o, trust::retries;
    "acknowledged", "the desk gets its answer while its own API hangs", |o| o, trust::acknowledged;
    "rate-limited", "429: tried again, in order, once", |o| o, failures::rate_limited;
    "server-error", "5xx: tried again, in order, once", |o| o, failures::server_error;
    "hang", "no answer: tried again, in order, once", |o| o, failures::hang;
    "unknown-once", "an answer that got lost: there once all the same", |o| o, failures::unknown;
    "refused", "a refusal for good is told to agents, and the next line arrives", |o| o, failures::refused;
    "credentials", "refused credentials: said so in the log and by the check of `doctor`", |o| o, failures::credentials;
    "secret", "a missing, wrong or unknown member of the secret is named, and no value", |o| o, failures::secret;
}

/// Where a text stands in another, all times.
pub(crate) fn places(all: &str, text: &str) -> Vec<usize> {
    all.match_indices(text).map(|(at, _)| at).collect()
}

/// All that agents see of a conversation, as one text.
pub(crate) fn whole(seen: &desk_stand_ins::Seen) -> String {
    let lines = seen.lines.iter().map(|line| line.text.as_str());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CHECKS;
    use crate::PROFILES;

    #[test]
    fn each_check_has_a_name_of_its_own_and_exemptions_name_checks() {
        let names: BTreeSet<_> = CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), CHECKS.len());
        for profile in PROFILES {
            for (name, _) in profile.exempt {
                assert!(names.contains(name), "{}: {name}", profile.kind);
            }
        }
    }
}
