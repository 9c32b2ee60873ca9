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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PROFILES;

    #[test]
    fn the_readme_has_the_table_of_what_the_tests_hold_all_desks_to() {
        let claimed: Vec<_> = PROFILES
            .iter()
            .map(|profile| {
                let outcomes = CHECKS.iter().map(|check| {
                    let exempt = profile.exempt.iter().find(|(name, _)| *name == check.name);
                    Outcome {
                        check: check.name,
                        verdict: exempt.map_or(Verdict::Passed, |(_, why)| Verdict::Exempt(why)),
                    }
                });
                (profile.title, outcomes.collect())
            })
            .collect();
        let readme = include_str!("../../../README.md");
        let table = table(&claimed);
        assert!(readme.contains(&table), "the README should have:\n{table}");
        for profile in PROFILES.iter().filter(|profile| profile.kind != "console") {
            let kind = profile.kind.split('-').next().unwrap_or_default();
            let row = format!("| `{kind}` |");
            for (page, text) in [
                ("README.md", readme),
                ("docs/desks.md", include_str!("../../../docs/desks.md")),
            ] {
                assert!(
                    text.contains(&row),
                    "{page} has no row for {}",
                    profile.kind
                );
            }
        }
    }

    #[test]
    fn what_failed_is_marked_and_named() {
        let failed = Outcome {
            check: "echo",
            verdict: Verdict::Failed("it came back".to_owned()),
        };
        let table = table(&[("Slack", vec![failed])]);
        assert!(table.contains("has posted | **✗** |"), "{table}");
        assert!(
            table.ends_with("- Slack, `echo`: it came back\n"),
            "{table}"
        );
    }
}
