//! The table for people.

use std::fmt::Write as _;

use crate::events::Task;
use crate::figures::Figures;

/// What a carried message takes part in: both ways through the console.
const CARRIED: [Task; 4] = [
    Task::Chat,
    Task::RelayToDesk,
    Task::ConsoleSend,
    Task::RelayToUser,
];

/// A table for each folder of binaries.
pub(crate) fn table(title: &str, figures: &[Figures]) -> String {
    let mut text = String::new();
    let mut bundles: Vec<&str> = figures.iter().map(|row| row.bundle.as_str()).collect();
    bundles.dedup();
    for bundle in bundles {
        let rows: Vec<_> = figures.iter().filter(|row| row.bundle == bundle).collect();
        let of = |task: Task| figures.iter().find(|row| row.task == task);
        let _ = writeln!(
            text,
            "\n{title}, {bundle}, {} starts each\n",
            rows[0].starts
        );
        one_table(&mut text, &rows, of);
    }
    text
}

/// `of` finds a floor, which was measured with the first folder alone.
fn one_table<'a>(
    text: &mut String,
    rows: &[&Figures],
    of: impl Copy + Fn(Task) -> Option<&'a Figures>,
) {
    let _ = writeln!(
        text,
        "| | init | first | both | p99 | × empty | warm | p99 | own | beyond SDK | CPU init | first | warm | peak | binary | zip | table calls |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    );
    let floor = of(Task::Empty);
    for row in rows {
        let ratio = floor.map_or(f64::NAN, |floor| row.cold_ms / floor.cold_ms);
        let beyond = row
            .task
            .bare()
            .filter(|_| !row.task.is_floor())
            .and_then(of)
            .zip(floor)
            .map_or_else(String::new, |(bare, floor)| {
                format!("{:.3}", row.own_ms - (bare.own_ms - floor.own_ms))
            });
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let _ = writeln!(
            text,
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {ratio:.2} | {:.3} | {:.3} | {:.3} | {beyond} | {:.2} | {:.2} | {:.3} | {:.1} | {:.2} | {:.2} | {} + {} + {:.1} |",
            row.task.name(),
            row.init_ms,
            row.first_ms,
            row.cold_ms,
            row.cold_p99_ms,
            row.warm_ms,
            row.warm_p99_ms,
            row.own_ms,
            row.init_cpu_ms,
            row.first_cpu_ms,
            row.warm_cpu_ms,
            row.peak_mb,
            mb(row.size.binary),
            mb(row.size.zip),
            row.init_calls,
            row.first_calls,
            row.warm_calls,
        );
    }
    if let Some(carried) = carried_cpu_ms(rows) {
        let _ = writeln!(
            text,
            "\nProcessor time of a carried message, mean of both ways, a cold start in 100: {carried:.2} ms"
        );
    }
}

/// Processor time of a carried message, webhook to GPTBots reply or back, in milliseconds; `None` where
/// not all that it takes was measured.
pub(crate) fn carried_cpu_ms(rows: &[&Figures]) -> Option<f64> {
    let of = |task: &Task| rows.iter().find(|row| row.task == *task);
    let both: Option<f64> = CARRIED
        .iter()
        .map(|task| of(task).map(|row| row.mean_cpu_ms()))
        .sum();
    both.map(|both| both / 2.0)
}
