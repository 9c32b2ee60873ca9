//! A desk that breaks rules on purpose fails the checks of these rules, and no others.
//!
//! The desk for own systems, with something between the bridge and it. Several rules are broken at
//! once, where one has nothing to do with the other: a run of the suite takes its time.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use desks::{Verdict, at_once, profile, run_with};
use handoff::conversation::{
    Agent, ClosedBy, Conversation, Entry, EntryId, History, PLACEHOLDER_EMAIL, Turn,
};
use handoff::desk::{
    AgentLine, Capabilities, Desk, DeskError, DeskEvent, Opened, Opening, Received, Refused,
    Unreadable, Unverified, Verified, What,
};
use handoff::time::Millis;
use sandbox::{DeskWrapper, Options};
use serde_json::Value;
use tokio::sync::Mutex;

/// One run at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// A rule that is broken, and the checks that have to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    ShowsThePlaceholder,
    LeavesOutTurnsInSilence,
    CutsLongLines,
    EscapesTwice,
    OpensAnewAtEachAttempt,
    SendsAnewAtEachAttempt,
    NeverCloses,
    SendsNotes,
    SendsBots,
    TakesRetriesForNew,
    ForgetsNames,
    LeavesMarkup,
    IgnoresClaims,
    IgnoresFiles,
    IgnoresCloses,
    BelievesOldCalls,
    ReadsFirst,
    TriesAgainForEver,
    ForgetsWhatFailed,
}

use Rule::*;

impl Rule {
    fn fails(self) -> &'static [&'static str] {
        match self {
            ShowsThePlaceholder => &["strangers"],
            LeavesOutTurnsInSilence => &["history-long"],
            CutsLongLines => &["long-line"],
            EscapesTwice => &["escaped"],
            OpensAnewAtEachAttempt => &["opens-once-unknown"],
            SendsAnewAtEachAttempt => &["unknown-once"],
            NeverCloses => &["user-leaves"],
            SendsNotes => &["private-notes"],
            SendsBots => &["noise"],
            TakesRetriesForNew => &["retries-collapse"],
            ForgetsNames => &["agent-name"],
            LeavesMarkup => &["agent-markup"],
            IgnoresClaims => &["claim"],
            IgnoresFiles => &["files"],
            // The second of them waits for an end, too.
            IgnoresCloses => &["agent-closes", "retries-collapse"],
            BelievesOldCalls => &["forged"],
            ReadsFirst => &["unparsed"],
            TriesAgainForEver => &["refused"],
            // What hangs is cut off by the relay before the desk can say anything.
            ForgetsWhatFailed => &["rate-limited", "server-error"],
        }
    }
}

/// A desk with something wrong.
struct Broken {
    desk: Arc<dyn Desk>,
    rules: &'static [Rule],
    events: AtomicU64,
}

impl Broken {
    fn breaks(&self, rule: Rule) -> bool {
        self.rules.contains(&rule)
    }

    fn spoil(&self, event: &mut DeskEvent) {
        if self.breaks(TakesRetriesForNew) {
            let n = self.events.fetch_add(1, Ordering::SeqCst);
            event.id = format!("{} {n}", event.id);
        }
        match &mut event.what {
            What::Message(line) => {
                if self.breaks(ForgetsNames) {
                    line.agent.name.clear();
                }
                if self.breaks(LeavesMarkup) {
                    line.text = line.text.replace('&', "&amp;");
                }
                if self.breaks(IgnoresFiles) && !line.files.is_empty() {
                    event.what = What::Ignored("a file");
                }
            }
            What::PrivateNote if self.breaks(SendsNotes) => event.what = line("a note"),
            What::Assigned(_) if self.breaks(IgnoresClaims) => event.what = What::PrivateNote,
            What::Closed { .. } if self.breaks(IgnoresCloses) => event.what = What::PrivateNote,
            _ => {}
        }
    }
}

fn line(text: &str) -> What {
    What::Message(AgentLine {
        agent: Agent {
            id: "bot".into(),
            name: "Bot".into(),
        },
        text: text.to_owned(),
        files: Vec::new(),
        incomplete: false,
    })
}

#[async_trait::async_trait]
impl Desk for Broken {
    fn capabilities(&self) -> Capabilities {
        self.desk.capabilities()
    }

    async fn open(&self, opening: Opening<'_>) -> Result<Opened, DeskError> {
        let mut conversation = opening.conversation.clone();
        let mut turns: Vec<Turn> = opening.history.turns.clone();
        let mut omitted = opening.history.omitted;
        if self.breaks(ShowsThePlaceholder) && conversation.user.has_placeholder_email() {
            conversation.user.name = Some(PLACEHOLDER_EMAIL.to_owned());
        }
        if self.breaks(LeavesOutTurnsInSilence) {
            turns.drain(..turns.len().saturating_sub(32));
            omitted = 0;
        }
        if self.breaks(OpensAnewAtEachAttempt) {
            conversation.episode += 100 * opening.attempt;
        }
        let history = History { turns, omitted };
        let opening = Opening {
            conversation: &conversation,
            history: &history,
            ..opening
        };
        self.desk.open(opening).await
    }

    async fn post(
        &self,
        conversation: &Conversation,
        entries: &[Entry],
    ) -> Result<Option<String>, DeskError> {
        let mut entries = entries.to_vec();
        for entry in &mut entries {
            if self.breaks(CutsLongLines) {
                entry.text = entry.text.chars().take(10_000).collect();
            }
            if self.breaks(EscapesTwice) {
                entry.text = entry.text.replace('<', "&lt;");
            }
            if self.breaks(SendsAnewAtEachAttempt) {
                let id = format!("{}-{}", entry.id, entry.attempts);
                entry.id = EntryId::parse(id).unwrap();
            }
        }
        match self.desk.post(conversation, &entries).await {
            Err(DeskError::Unavailable { .. }) if self.breaks(ForgetsWhatFailed) => Ok(None),
            Err(DeskError::Rejected(reason)) if self.breaks(TriesAgainForEver) => {
                Err(DeskError::Unavailable {
                    reason,
                    retry_after: None,
                })
            }
            posted => posted,
        }
    }

    async fn close(
        &self,
        conversation: &Conversation,
        by: ClosedBy,
        text: &str,
    ) -> Result<(), DeskError> {
        if self.breaks(NeverCloses) {
            return Ok(());
        }
        self.desk.close(conversation, by, text).await
    }

    async fn check(&self) -> Result<(), DeskError> {
        self.desk.check().await
    }

    fn verify<'a>(&self, call: Unverified<'a>, now: Millis) -> Result<Verified<'a>, Refused> {
        if self.breaks(ReadsFirst) && serde_json::from_slice::<Value>(call.body).is_err() {
            return Ok(call.into_verified());
        }
        let signed = call.header("webhook-timestamp");
        let signed = signed.and_then(|at| at.parse::<Millis>().ok());
        match signed {
            Some(at) if self.breaks(BelievesOldCalls) => self.desk.verify(call, at * 1_000),
            _ => self.desk.verify(call, now),
        }
    }

    fn parse(&self, call: Verified<'_>) -> Result<Received, Unreadable> {
        let body: Value = serde_json::from_slice(call.body).unwrap_or_default();
        let mut received = self.desk.parse(call)?;
        if self.breaks(SendsBots) && body["type"] == "bot.message" {
            received.events.push(DeskEvent {
                reference: body["data"]["reference"].as_str().unwrap().to_owned(),
                id: body["data"]["message_id"].as_str().unwrap().to_owned(),
                at: None,
                what: line("noise"),
            });
        }
        for event in &mut received.events {
            self.spoil(event);
        }
        Ok(received)
    }
}

/// Runs the whole suite for a desk that breaks these rules.
async fn fails_exactly(rules: &'static [Rule], wrapper: DeskWrapper) {
    let options = move || Options {
        desk_wrapper: Some(wrapper.clone()),
        ..Options::default()
    };
    let own = profile("webhooks").unwrap();
    let _turn = TURN.lock().await;
    let outcomes = run_with(own, at_once(), Duration::from_secs(20), &options, |_| true).await;
    let failed: BTreeSet<_> = outcomes
        .iter()
        .filter(|outcome| matches!(outcome.verdict, Verdict::Failed(_)))
        .map(|outcome| outcome.check)
        .collect();
    let expected: BTreeSet<_> = rules
        .iter()
        .flat_map(|rule| rule.fails())
        .copied()
        .collect();
    assert_eq!(failed, expected, "{outcomes:#?}");
}

macro_rules! broken {
    ($($name:ident: $($rule:ident)+;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            const RULES: &[Rule] = &[$($rule),+];
            let wrapper = DeskWrapper(|desk| {
                Arc::new(Broken { desk, rules: RULES, events: AtomicU64::new(0) })
            });
            fails_exactly(RULES, wrapper).await;
        }
    )+};
}

broken! {
    what_goes_wrong_on_the_way_to_agents_is_found:
        ShowsThePlaceholder LeavesOutTurnsInSilence CutsLongLines EscapesTwice
        OpensAnewAtEachAttempt SendsAnewAtEachAttempt NeverCloses;
    what_goes_wrong_on_the_way_to_users_is_found:
        SendsNotes SendsBots TakesRetriesForNew ForgetsNames LeavesMarkup IgnoresClaims
        IgnoresFiles;
    what_is_not_told_or_wrongly_believed_is_found:
        IgnoresCloses BelievesOldCalls ReadsFirst TriesAgainForEver ForgetsWhatFailed;
}
