use proptest::prelude::*;

use super::super::state::tests::conversation;
use super::*;

const MINUTE: Millis = 60_000;
/// When the conversation began.
const START: Millis = 5_000;

fn known() -> Conversation {
    Conversation {
        opened_at: START,
        ..conversation()
    }
}

fn step(minutes: Millis, act: PlanAct) -> PlanStep {
    PlanStep {
        after: minutes * MINUTE,
        act,
    }
}

fn say(minutes: Millis) -> PlanStep {
    step(minutes, PlanAct::Say(format!("after {minutes}")))
}

fn plan(steps: Vec<PlanStep>) -> Plan {
    let silent = |warning: &str| Silent {
        warn_after: Some(5 * MINUTE),
        warning: warning.to_owned(),
        end_after: Some(10 * MINUTE),
        farewell: "bye".to_owned(),
    };
    Plan {
        steps,
        user: silent("still there?"),
        agent: silent("we are at it"),
        message: Some(TakingMessage {
            text: "leave a message".to_owned(),
            first_within: 10 * MINUTE,
            quiet: 3 * MINUTE,
            thanks: "thanks".to_owned(),
            farewell: "another time".to_owned(),
        }),
    }
}

/// What a turn says, and when the next one is.
fn said(turn: &Task) -> (Option<&str>, Option<Millis>) {
    match turn {
        Task::Say { to_user, next, .. } => (to_user.as_deref(), *next),
        other => panic!("{other:?}"),
    }
}

fn progress_of(turn: &Task) -> Progress {
    match turn {
        Task::Say { progress, .. } => *progress,
        other => panic!("{other:?}"),
    }
}

fn farewell(turn: Task) -> Farewell {
    match turn {
        Task::End(farewell) => farewell,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_texts_of_the_wait_come_at_their_times() {
    let mut plan = plan(vec![say(2), say(8)]);
    plan.user = Silent::default();
    plan.agent = Silent::default();
    assert_eq!(plan.first_look(START), Some(START + 2 * MINUTE));
    let turn = |progress, now| plan.turn(progress, &known(), None, START + now);
    let none = Progress::default();
    assert_eq!(
        turn(none, MINUTE),
        Task::Rest(Some(START + 2 * MINUTE)),
        "too early"
    );
    let first = turn(none, 2 * MINUTE);
    assert_eq!(said(&first), (Some("after 2"), Some(START + 8 * MINUTE)));
    let second = turn(progress_of(&first), 8 * MINUTE);
    assert_eq!(said(&second), (Some("after 8"), None));
}

#[test]
fn after_a_while_without_ticks_the_last_text_says_it_all_and_the_alarm_is_not_lost() {
    let plan = plan(vec![say(2), step(3, PlanAct::Alarm), say(8), say(60)]);
    let turn = plan.turn(Progress::default(), &known(), None, START + 9 * MINUTE);
    assert_eq!(said(&turn).0, Some("after 8"));
    assert_eq!(progress_of(&turn).steps, 3);
    assert!(matches!(
        turn,
        Task::Say {
            alarm: true,
            to_agents: Some(_),
            ..
        }
    ));
}

#[test]
fn in_the_end_it_ends_or_takes_a_message() {
    let end = plan(vec![say(2), step(9, PlanAct::End("sorry".to_owned()))]);
    let turn = end.turn(Progress::default(), &known(), None, START + 9 * MINUTE);
    let told = farewell(turn);
    assert_eq!(
        (told.to_user.as_deref(), told.left_message),
        (Some("sorry"), None)
    );

    let message = plan(vec![step(9, PlanAct::TakeMessage)]);
    let begun_at = START + 9 * MINUTE;
    let turn = message.turn(Progress::default(), &known(), None, begun_at);
    assert_eq!(
        said(&turn),
        (Some("leave a message"), Some(begun_at + 3 * MINUTE))
    );
    let progress = progress_of(&turn);
    let next = |said, after| message.turn(progress, &known(), said, begun_at + after);
    // What was said before is no message.
    let before = Some((Author::User, begun_at - 1));
    assert_eq!(
        next(before, 9 * MINUTE),
        Task::Rest(Some(begun_at + 10 * MINUTE))
    );
    let told = farewell(next(before, 10 * MINUTE));
    assert_eq!(told.to_user.as_deref(), Some("another time"));
    assert_eq!(told.left_message, None);
    // One that is being written is not cut off.
    let written = Some((Author::User, begun_at + 9 * MINUTE));
    assert_eq!(
        next(written, 11 * MINUTE),
        Task::Rest(Some(begun_at + 12 * MINUTE))
    );
    let told = farewell(next(written, 12 * MINUTE));
    assert_eq!(told.to_user.as_deref(), Some("thanks"));
    assert!(told.left_message.is_some());
}

#[test]
fn a_message_is_taken_when_no_desk_is_left() {
    let progress = Progress {
        take_message: true,
        ..Progress::default()
    };
    let turn = plan(vec![say(2)]).turn(progress, &known(), None, START + 1);
    assert_eq!(said(&turn).0, Some("leave a message"));
    assert_eq!(progress_of(&turn).taking_message, Some(START + 1));
}

#[test]
fn silence_is_warned_of_once_and_then_ends() {
    let plan = plan(vec![]);
    let mut known = known();
    known.status = Status::Connected;
    known.connected_at = Some(START + MINUTE);
    for (author, warning, agents) in [
        (Author::Agent, "still there?", false),
        (Author::User, "we are at it", true),
    ] {
        let since = START + 2 * MINUTE;
        let turn =
            |progress, after| plan.turn(progress, &known, Some((author, since)), since + after);
        let none = Progress::default();
        assert_eq!(turn(none, MINUTE), Task::Rest(Some(since + 5 * MINUTE)));
        let warned = turn(none, 5 * MINUTE);
        assert_eq!(said(&warned).0, Some(warning));
        assert_eq!(
            matches!(
                warned,
                Task::Say {
                    to_agents: Some(_),
                    ..
                }
            ),
            agents
        );
        let progress = progress_of(&warned);
        assert_eq!(
            turn(progress, 9 * MINUTE),
            Task::Rest(Some(since + 10 * MINUTE))
        );
        let told = farewell(turn(progress, 10 * MINUTE));
        assert_eq!(told.to_user.as_deref(), Some("bye"));
        // Somebody has written since: it begins anew.
        let later = since + 9 * MINUTE;
        let again = plan.turn(progress, &known, Some((author, later)), since + 10 * MINUTE);
        assert_eq!(again, Task::Rest(Some(later + 5 * MINUTE)));
        // Warned late: as long as anybody has.
        let late = turn(none, 30 * MINUTE);
        let progress = progress_of(&late);
        assert!(matches!(turn(progress, 34 * MINUTE), Task::Rest(_)));
        assert!(matches!(turn(progress, 35 * MINUTE), Task::End(_)));
    }
}

#[test]
fn an_agent_has_from_the_claim_to_answer() {
    let plan = plan(vec![]);
    let mut known = known();
    known.status = Status::Connected;
    known.connected_at = Some(START + 20 * MINUTE);
    let asked = Some((Author::User, START));
    let turn = |after| plan.turn(Progress::default(), &known, asked, START + after);
    assert_eq!(turn(21 * MINUTE), Task::Rest(Some(START + 25 * MINUTE)));
    assert!(matches!(turn(25 * MINUTE), Task::Say { .. }));
}

#[test]
fn what_is_answered_or_over_is_told_nothing_of_the_wait() {
    let mut plan = plan(vec![say(2), step(3, PlanAct::End("x".to_owned()))]);
    let mut known = known();
    known.status = Status::Closed;
    let turn = |known: &Conversation, plan: &Plan| {
        plan.turn(Progress::default(), known, None, START + 60 * MINUTE)
    };
    assert_eq!(turn(&known, &plan), Task::Rest(None));
    known.status = Status::Connected;
    plan.user = Silent::default();
    plan.agent = Silent::default();
    assert_eq!(turn(&known, &plan), Task::Rest(None));
}

#[test]
fn a_plan_survives_being_stored_and_is_short_where_nothing_is_set() {
    for plan in [
        plan(vec![
            say(2),
            step(3, PlanAct::Alarm),
            step(4, PlanAct::TakeMessage),
            step(5, PlanAct::End("x".to_owned())),
        ]),
        Plan::default(),
    ] {
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }
    assert_eq!(serde_json::to_string(&Plan::default()).unwrap(), "{}");
}

fn any_said() -> impl Strategy<Value = Option<(Author, Millis)>> {
    let author = prop_oneof![Just(Author::User), Just(Author::Agent)];
    proptest::option::of((author, 0..40 * MINUTE))
}

proptest! {
    /// Whatever happens, a timer is never set for a time that has passed (or it would come again
    /// and again), and a plan that was carried out is at an end.
    #[test]
    fn every_plan_moves_on(
        minutes in proptest::collection::vec(1..30_i64, 0..6),
        status in prop_oneof![Just(Status::Waiting), Just(Status::Connected), Just(Status::Closed)],
        said in any_said(),
        ticks in proptest::collection::vec(1..5 * MINUTE, 1..60),
        ends in any::<bool>(),
    ) {
        let mut minutes = minutes;
        minutes.sort_unstable();
        let mut steps: Vec<_> = minutes.iter().map(|minutes| say(*minutes)).collect();
        if ends {
            steps.push(step(30, PlanAct::TakeMessage));
        }
        let plan = plan(steps);
        let mut known = known();
        known.status = status;
        let mut progress = Progress::default();
        let mut now = START;
        let mut told = 0;
        for tick in ticks {
            now += tick;
            let said = said.map(|(author, at)| (author, START + at)).filter(|(_, at)| *at <= now);
            let next = match plan.turn(progress, &known, said, now) {
                Task::Rest(next) => next,
                Task::Say { progress: further, next, .. } => {
                    prop_assert!(further.steps >= progress.steps);
                    prop_assert_ne!(further, progress);
                    progress = further;
                    told += 1;
                    next
                }
                Task::End(_) => return Ok(()),
            };
            prop_assert!(next.is_none_or(|next| next > now), "{next:?} at {now}");
        }
        // A text for each step, one for the message, and one for each silence.
        prop_assert!(told <= minutes.len() + 1 + 2);
    }
}
