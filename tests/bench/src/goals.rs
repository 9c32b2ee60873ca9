//! What is aimed at, beside what was reached. Nothing fails by it: most of it hangs on the machine. Where
//! a goal is not met, `docs/speed.md` says why.

use std::fmt::Write as _;

use crate::events::Task;
use crate::figures::Figures;
use crate::report::carried_cpu_ms;

const WEBHOOKS: [Task; 3] = [Task::Establish, Task::Chat, Task::Close];
/// The other functions that somebody waits for.
const OTHERS: [Task; 5] = [
    Task::RelayToDesk,
    Task::RelayToUser,
    Task::Desk,
    Task::ConsoleSend,
    Task::ConsoleList,
];

/// One goal of one row.
struct Goal {
    what: String,
    reached: f64,
    at_most: f64,
    /// What a floor takes of the same, where that says why more is not to be had.
    bare: Option<f64>,
}

/// A table of the goals that these rows tell something about; of the first folder of binaries.
pub(crate) fn table(figures: &[Figures]) -> String {
    let mut text =
        String::from("\n| goal | reached | at most | | floor |\n|---|---|---|---|---|\n");
    for goal in goals(figures) {
        let verdict = if goal.reached <= goal.at_most {
            "met"
        } else {
            "not met"
        };
        let bare = goal.bare.map_or_else(String::new, |n| format!("{n:.2}"));
        let _ = writeln!(
            text,
            "| {} | {:.2} | {} | {verdict} | {bare} |",
            goal.what, goal.reached, goal.at_most
        );
    }
    text
}

fn goals(figures: &[Figures]) -> Vec<Goal> {
    let of = |task: Task| figures.iter().find(|row| row.task == task);
    let Some(empty) = of(Task::Empty) else {
        return Vec::new();
    };
    let bare = |task: Task| task.bare().and_then(of);
    let mut goals = Vec::new();
    let mut add = |task: Task, what: &str, reached: f64, at_most: f64, bare: Option<f64>| {
        goals.push(Goal {
            what: format!("{}: {what}", task.name()),
            reached,
            at_most,
            bare,
        });
    };
    let times = |row: &Figures| row.cold_ms / empty.cold_ms;
    for (tasks, at_most) in [(&WEBHOOKS[..], 3.0), (&OTHERS[..], 5.0)] {
        for row in tasks.iter().filter_map(|task| of(*task)) {
            let what = "init and first answer, times the empty one's";
            add(
                row.task,
                what,
                times(row),
                at_most,
                bare(row.task).map(times),
            );
        }
    }
    for row in WEBHOOKS.into_iter().filter_map(of) {
        let floor = bare(row.task);
        let mb = |bytes: u64| bytes as f64 / 1e6;
        if let Some(floor) = floor {
            let beyond = row.own_ms - (floor.own_ms - empty.own_ms);
            let what = "a warm answer without the bare store call, ms";
            add(row.task, what, beyond, 0.15, Some(empty.own_ms));
        }
        let peak = floor.map(|floor| floor.peak_mb);
        let (binary, zip) = (mb(row.size.binary), mb(row.size.zip));
        let sizes = floor.map(|floor| (mb(floor.size.binary), mb(floor.size.zip)));
        add(
            row.task,
            "binary, MB",
            binary,
            5.0,
            sizes.map(|sizes| sizes.0),
        );
        add(row.task, "zip, MB", zip, 2.2, sizes.map(|sizes| sizes.1));
        add(row.task, "peak memory, MB", row.peak_mb, 8.0, peak);
        add(
            row.task,
            "round trips to the table",
            row.warm_calls,
            1.0,
            None,
        );
    }
    for row in [Task::RelayToDesk, Task::RelayToUser]
        .into_iter()
        .filter_map(of)
    {
        add(
            row.task,
            "round trips to the table",
            row.warm_calls,
            4.0,
            None,
        );
    }
    let (ours, others): (Vec<_>, Vec<_>) =
        figures.iter().partition(|row| row.bundle == empty.bundle);
    if let Some((ours, others)) = carried_cpu_ms(&ours).zip(carried_cpu_ms(&others)) {
        goals.push(Goal {
            what: "processor time of a carried message, times that of the other folder".into(),
            reached: ours / others,
            at_most: 0.5,
            bare: None,
        });
    }
    goals
}
