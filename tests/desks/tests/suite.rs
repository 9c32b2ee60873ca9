//! Every desk keeps to every check.
#![allow(clippy::unwrap_used, reason = "a test")]

use desks::{Verdict, at_once, profile, run};
use tokio::sync::Mutex;

/// One desk at a time: several checks of one run at once as it is.
static TURN: Mutex<()> = Mutex::const_new(());

async fn keeps_to_everything(kind: &str) {
    let profile = profile(kind).unwrap();
    let _turn = TURN.lock().await;
    let outcomes = run(profile, at_once(), |_| true).await;
    let failed: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match &outcome.verdict {
            Verdict::Failed(why) => Some(format!("{}: {why}", outcome.check)),
            _ => None,
        })
        .collect();
    assert!(failed.is_empty(), "{kind}:\n{}", failed.join("\n"));
    let passed = outcomes.iter().filter(|o| o.verdict == Verdict::Passed);
    assert!(passed.count() > 10, "{kind} was exempt from nearly all");
}

macro_rules! desks {
    ($($name:ident)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            keeps_to_everything(&stringify!($name).replace('_', "-")).await;
        })+

        #[test]
        fn all_desks_are_here() {
            let here = [$(stringify!($name).replace('_', "-")),+];
            let all: Vec<_> = desks::PROFILES.iter().map(|profile| profile.kind).collect();
            assert_eq!(here.to_vec(), all);
        }
    };
}

desks! { console slack chatwoot zendesk zendesk_triggers intercom webhooks }
