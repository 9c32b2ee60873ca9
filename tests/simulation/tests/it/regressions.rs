//! Histories that once broke a promise, as small as they were found.

use simulation::{
    CallFault, Deed, DeskKind, Fault, Party, Plan, Post, Shape, Violation, What, run_alone,
};

fn shape(desk: DeskKind) -> Shape {
    Shape {
        conversations: 1,
        desk,
        retry_age: 120_000,
        skew: 0,
        webhook_retries: 1,
        opens_on_answer: false,
        echoes_close: false,
    }
}

fn deed(at: i64, what: What) -> Deed {
    Deed {
        at,
        conversation: 0,
        what,
    }
}

fn after(late: i64) -> Post {
    Post { late, again: None }
}

fn broken(shape: Shape, deeds: Vec<Deed>, faults: Vec<Fault>) -> Vec<Violation> {
    let plan = Plan {
        seed: 1,
        shape,
        deeds,
        faults,
    };
    let outcome = run_alone(&plan, true).unwrap();
    for line in &outcome.trace {
        println!("{line}");
    }
    outcome.verdict.violations
}

#[test]
fn an_opening_that_is_replayed_after_the_end_is_closed_at_the_desk_too() {
    let deeds = vec![
        deed(0, What::Asks(after(30))),
        deed(5_000, What::Closes),
        deed(20_000, What::Replays { twice: true }),
    ];
    let faults = vec![Fault::Weather {
        from: 0,
        to: 4_000,
        whose: Party::Desk,
        kind: CallFault::Refused,
    }];
    assert_eq!(broken(shape(DeskKind::Plain), deeds, faults), []);
}

#[test]
fn a_notice_between_two_lines_does_not_keep_them_from_going_by_gptbots_times() {
    let deeds = vec![
        deed(0, What::Asks(after(30))),
        // Slow on its way: it is accepted after the notice that the agent's line has failed.
        deed(5_000, What::Says(after(6_000))),
        deed(6_000, What::Says(after(30))),
        deed(
            8_000,
            What::Writes {
                agent: 0,
                twice: false,
            },
        ),
    ];
    let weather = |whose, kind| Fault::Weather {
        from: 5_500,
        to: 14_000,
        whose,
        kind,
    };
    let faults = vec![
        weather(Party::Desk, CallFault::Down),
        weather(Party::GptBots, CallFault::Refused),
    ];
    assert_eq!(broken(shape(DeskKind::Keyed), deeds, faults), []);
}

#[test]
fn an_opening_that_waited_into_the_next_episode_is_still_that_of_its_own() {
    let deeds = vec![
        deed(0, What::Asks(after(30))),
        deed(5_000, What::Leaves(after(30))),
        deed(9_000, What::Asks(after(30))),
    ];
    let faults = vec![Fault::Weather {
        from: 0,
        to: 20_000,
        whose: Party::Desk,
        kind: CallFault::Broken { taken: true },
    }];
    assert_eq!(broken(shape(DeskKind::Asked), deeds, faults), []);
}
