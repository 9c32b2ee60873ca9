//! What the doctor found.

use std::fmt::Write as _;

use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, but somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
    /// It was not looked at; the text says why.
    Skipped,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it belongs to: `webhooks`, `console`, `secret`, `gptbots`, `table`, `settings`.
    pub area: &'static str,
    /// How it ended.
    pub state: State,
    /// What was found, in words.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Check {
    pub(super) fn ok(area: &'static str, found: impl Into<String>) -> Self {
        Self::new(area, State::Ok, found, None)
    }

    pub(super) fn warning(
        area: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(area, State::Warning, found, Some(advice.into()))
    }

    pub(super) fn failed(
        area: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(area, State::Failed, found, Some(advice.into()))
    }

    pub(super) fn skipped(area: &'static str, why: impl Into<String>) -> Self {
        Self::new(area, State::Skipped, why, None)
    }

    fn new(
        area: &'static str,
        state: State,
        found: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            area,
            state,
            found: found.into(),
            advice,
        }
    }
}

/// All that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// In the order of looking.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether nothing failed.
    pub fn is_well(&self) -> bool {
        self.count(State::Failed) == 0
    }

    fn count(&self, state: State) -> usize {
        let of_state = self.checks.iter().filter(|check| check.state == state);
        of_state.count()
    }

    /// The report for people, or as JSON.
    pub fn show(&self, json: bool) -> String {
        if json {
            let report = serde_json::json!({"ok": self.is_well(), "checks": self.checks});
            return format!("{report:#}\n");
        }
        let mut text = String::new();
        for check in &self.checks {
            let state = match check.state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Failed => "FAILED",
                State::Skipped => "skipped",
            };
            let _ = writeln!(text, "{state:8} {:9} {}", check.area, check.found);
            if let Some(advice) = &check.advice {
                let _ = writeln!(text, "{:18} -> {advice}", "");
            }
        }
        let _ = writeln!(
            text,
            "\n{} ok, {} to look at, {} failed, {} not checked",
            self.count(State::Ok),
            self.count(State::Warning),
            self.count(State::Failed),
            self.count(State::Skipped)
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_well_and_a_warning_is_no_failure() {
        let mut report = Report {
            checks: vec![
                Check::ok("table", "is there"),
                Check::warning("settings", "odd", "look"),
            ],
        };
        assert!(report.is_well());
        report.checks.push(Check::failed("secret", "gone", "mend"));
        assert!(!report.is_well());
        let shown = report.show(false);
        assert!(shown.contains("FAILED   secret    gone\n"), "{shown}");
        assert!(shown.contains("-> mend\n"), "{shown}");
        assert!(shown.ends_with("1 ok, 1 to look at, 1 failed, 0 not checked\n"));
        let json: serde_json::Value = serde_json::from_str(&report.show(true)).unwrap();
        assert_eq!(json["ok"], false);
        assert_eq!(json["checks"][2]["state"], "failed");
    }
}
