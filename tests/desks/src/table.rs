//! The table: desk × check, as Markdown.

use crate::checks::CHECKS;
use crate::{Outcome, Verdict};

/// The table of these desks, each with its title and its outcomes. What failed is named below it.
pub fn table(desks: &[(&str, Vec<Outcome>)]) -> String {
    let mut text = String::from("| check |");
    for (title, _) in desks {
        text += &format!(" {title} |");
    }
    text += "\n|---|";
    text += &"---|".repeat(desks.len());
    text += "\n";
    for check in CHECKS {
        text += &format!("| `{}`: {} |", check.name, check.what);
        for (_, outcomes) in desks {
            let outcome = outcomes.iter().find(|outcome| outcome.check == check.name);
            text += match outcome.map(|outcome| &outcome.verdict) {
                Some(Verdict::Passed) => " ✓ |",
                Some(Verdict::Failed(_)) => " **✗** |",
                Some(Verdict::Exempt(_)) => " – |",
                None => "   |",
            };
        }
        text += "\n";
    }
    let failed = failures(desks);
    if !failed.is_empty() {
        text += &format!("\n{}\n", failed.join("\n"));
    }
    text
}

/// What failed, a line each.
fn failures(desks: &[(&str, Vec<Outcome>)]) -> Vec<String> {
    let all = desks.iter().flat_map(|(title, outcomes)| {
        outcomes.iter().filter_map(move |outcome| {
            let Verdict::Failed(why) = &outcome.verdict else {
                return None;
            };
            Some(format!("- {title}, `{}`: {why}", outcome.check))
        })
    });
    all.collect()
}
