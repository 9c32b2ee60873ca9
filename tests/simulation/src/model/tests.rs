//! The judge, judged: each rule is broken once.

use super::*;
use crate::ledger::{Act, Meta, State};
use crate::plan::Profile;

const TOKEN: &str = "a1";

/// A line of an agent's that was accepted, sent once and marked: as it should be.
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    line(&mut ledger, TOKEN, 100);
    ledger.metas.insert(
        0,
        Meta {
            known: true,
            ..Meta::default()
        },
    );
    ledger
}

fn line(ledger: &mut Ledger, token: &str, at: Millis) {
    ledger.told.push(Told {
        conversation: 0,
        word: Word::Wrote(token.to_owned()),
        begun: at,
        accepted: Some(at + 5),
        unclear: false,
        refused: None,
    });
    let state = |at, delivery: &str| State {
        at,
        process: 1,
        delivery: delivery.to_owned(),
    };
    let facts = Facts {
        kind: "message".to_owned(),
        author: "agent".to_owned(),
        to: "user".to_owned(),
        tokens: vec![token.to_owned()],
        states: vec![
            state(at + 2, "pending"),
            state(at + 20, "sending"),
            state(at + 50, "delivered"),
        ],
        ..Facts::default()
    };
    ledger.entries.insert((0, token.to_owned()), facts);
    ledger.sent.push(sent(token, at + 25));
}

fn sent(token: &str, begun: Millis) -> Sent {
    Sent {
        conversation: 0,
        act: Act::Reply,
        entries: vec![token.to_owned()],
        process: 1,
        rung: begun - 15,
        begun,
        landed: Some(begun + 5),
        answered: Some((begun + 10, Answer::Taken)),
    }
}

/// The rules that a ledger breaks.
fn broken(ledger: &Ledger) -> Vec<&'static str> {
    let mut plan = Plan::drawn(1, Profile::Calm);
    plan.shape.conversations = 1;
    plan.shape.skew = 0;
    let case = Case {
        plan: &plan,
        ledger,
        humans: &[Human::default()],
        desk: &DeskBook::default(),
    };
    let mut rules: Vec<_> = case
        .judge()
        .violations
        .into_iter()
        .map(|violation| violation.rule)
        .collect();
    rules.dedup();
    rules
}

fn facts(ledger: &mut Ledger) -> &mut Facts {
    let key = (0, TOKEN.to_owned());
    ledger.entries.get_mut(&key).unwrap()
}

#[test]
fn a_line_that_arrived_once_breaks_nothing() {
    assert_eq!(broken(&ledger()), Vec::<&str>::new());
}

#[test]
fn what_was_accepted_and_is_not_stored_is_lost() {
    let mut ledger = ledger();
    ledger.entries.clear();
    assert_eq!(broken(&ledger), ["nothing is lost"]);
}

#[test]
fn what_is_marked_and_never_arrived_is_lost() {
    let mut ledger = ledger();
    ledger.sent[0].landed = None;
    assert_eq!(broken(&ledger), ["nothing is lost"]);
}

#[test]
fn a_second_copy_of_what_was_taken_and_marked_has_no_name() {
    let mut ledger = ledger();
    ledger.sent.push(sent(TOKEN, 200));
    assert_eq!(broken(&ledger), ["every duplicate has a name"]);
}

#[test]
fn a_second_copy_after_an_answer_that_was_lost_has_one() {
    let mut ledger = ledger();
    ledger.sent[0].answered = Some((128, Answer::Later));
    let again = |at, delivery: &str| State {
        at,
        process: 1,
        delivery: delivery.to_owned(),
    };
    facts(&mut ledger).states = vec![
        again(102, "pending"),
        again(120, "sending"),
        again(130, "retrying"),
        again(195, "sending"),
        again(220, "delivered"),
    ];
    ledger.sent.push(sent(TOKEN, 200));
    assert_eq!(broken(&ledger), Vec::<&str>::new());
}

#[test]
fn a_line_that_arrives_before_an_earlier_one_is_out_of_order() {
    let mut ledger = ledger();
    line(&mut ledger, "a2", 200);
    ledger.sent[0].landed = Some(1_000);
    assert_eq!(broken(&ledger), ["in order"]);
}

#[test]
fn what_waits_for_ever_is_stuck() {
    let mut ledger = ledger();
    facts(&mut ledger).states.pop();
    assert_eq!(broken(&ledger), ["nothing is stuck"]);
}

#[test]
fn a_failure_needs_a_reason_and_its_time() {
    let mut ledger = ledger();
    ledger.sent.clear();
    let facts = facts(&mut ledger);
    facts.states[2].delivery = "failed".to_owned();
    assert_eq!(
        broken(&ledger),
        ["failures have a reason", "nothing fails before its time"]
    );
}
