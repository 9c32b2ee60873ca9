//! What a user would be told by settings that are still being written. It is made by the code that
//! tells users ([`Settings::begin`]), so that nobody reads here what nobody is told.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Begin, Settings, Text};
use crate::conversation::{POSITION, PlanAct, Silent};
use crate::time::Millis;

/// The place in the queue that the preview takes for an example.
const EXAMPLE_POSITION: &str = "3";

/// What a user of one bot is told, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The language.
    pub language: String,
    /// The languages that the bot has texts in.
    pub languages: BTreeSet<String>,
    /// What is told, in the order in which it would be.
    pub lines: Vec<PreviewLine>,
    /// The next opening in words, for a user who comes when it is closed next; none where it never
    /// is, or does not open again.
    pub opens: Option<String>,
}

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewLine {
    /// The setting that it comes from, by its place in the settings of all bots.
    pub of: &'static str,
    /// How long after the handoff, or of a silence, in seconds; none where that is not set.
    pub after_seconds: Option<i64>,
    /// What the user is told, with examples for what is only known then.
    pub text: String,
}

impl Settings {
    /// What users of this bot who are told things in this language are told, from this time on.
    pub fn preview(&self, bot: &str, language: &str, now: Millis) -> Preview {
        let mut settings = self.clone();
        settings.language = language.to_owned();
        if let Some(own) = settings.bots.get_mut(bot) {
            own.language = None;
        }
        let mut lines = Vec::new();
        let mut tell = |of, after: Option<Millis>, text: &str| {
            if !text.trim().is_empty() {
                lines.push(PreviewLine {
                    of,
                    after_seconds: after.map(|after| after / 1000),
                    text: text.replace(POSITION, EXAMPLE_POSITION),
                });
            }
        };
        let open = settings.handoff(bot);
        tell(
            "greeting",
            Some(0),
            open.greeting.as_deref().unwrap_or_default(),
        );
        let mut taking = open.plan.message;
        for step in &open.plan.steps {
            match &step.act {
                PlanAct::Say(text) => tell("waiting.texts", Some(step.after), text),
                PlanAct::End(text) => tell("waiting.farewell", Some(step.after), text),
                PlanAct::TakeMessage => {
                    let text = taking.as_ref().map_or("", |taking| &taking.text);
                    tell("message.text", Some(step.after), text);
                }
                PlanAct::Alarm => {}
            }
        }
        let week = settings.hours_of(bot).map(|hours| &hours.week);
        let closed = week.and_then(|week| week.next_closed(now));
        if let Some(now) = closed {
            let begin = Begin {
                bot,
                said: None,
                now,
            };
            // Where the handoff is refused, GPTBots says so in its own words.
            if let Ok(handoff) = settings.begin(&begin) {
                tell(
                    "hours.text",
                    Some(0),
                    handoff.greeting.as_deref().unwrap_or_default(),
                );
                taking = handoff.plan.message;
            }
        }
        if let Some(taking) = taking {
            tell("message.thanks", None, &taking.thanks);
            tell("message.farewell", None, &taking.farewell);
        }
        let mut silence = |warning, farewell, silent: &Silent| {
            if silent.warn_after.is_some() {
                tell(warning, silent.warn_after, &silent.warning);
            }
            if silent.end_after.is_some() {
                tell(farewell, silent.end_after, &silent.farewell);
            }
        };
        silence("idle.user.warning", "idle.user.farewell", &open.plan.user);
        silence(
            "idle.agent.warning",
            "idle.agent.farewell",
            &open.plan.agent,
        );
        let opens = week.zip(closed).and_then(|(week, at)| {
            let opens = week.next_opening(at)?;
            Some(week.in_words(opens, language))
        });
        Preview {
            language: language.to_owned(),
            languages: self.languages(bot),
            lines,
            opens,
        }
    }

    /// The languages that a bot has texts in, and its own.
    fn languages(&self, bot: &str) -> BTreeSet<String> {
        let (waiting, idle) = (self.waiting_of(bot), self.idle_of(bot));
        let message = self.message_of(bot);
        let silences = [&idle.user, &idle.agent];
        let texts = [
            self.greeting_of(bot),
            &waiting.farewell,
            &message.text,
            &message.thanks,
            &message.farewell,
        ];
        texts
            .into_iter()
            .chain(self.hours_of(bot).map(|hours| &hours.text))
            .chain(waiting.texts.iter().map(|text| &text.text))
            .chain(silences.iter().flat_map(|of| [&of.warning, &of.farewell]))
            .flat_map(Text::languages)
            .chain([self.language(bot)])
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A Friday morning in Taipei: open until six.
    const FRIDAY: &str = "2026-11-27T03:00:00Z";

    fn told(document: &serde_json::Value, bot: &str, language: &str) -> Preview {
        let settings = Settings::check_value(document).unwrap();
        let now = FRIDAY.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        settings.preview(bot, language, now)
    }

    fn lines(preview: &Preview) -> Vec<(&str, Option<i64>, &str)> {
        let lines = preview.lines.iter();
        lines
            .map(|line| (line.of, line.after_seconds, line.text.as_str()))
            .collect()
    }

    #[test]
    fn a_user_is_told_what_the_preview_says_in_its_order() {
        let day = json!(["09:00-18:00"]);
        let document = json!({
            "greeting": {"en": "hi", "ja": "やあ"},
            "hours": {
                "time_zone": "Asia/Taipei", "weekly": {"mon": day, "fri": day},
                "text": {"en": "Back on {opens} ({zone}).", "ja": "{opens}から"},
            },
            "waiting": {
                "texts": [{"after_seconds": 90, "text": "late"}, {"after_seconds": 60, "text": "{position}."}],
                "then": "end", "then_after_seconds": 80, "farewell": "bye", "alarm_after_seconds": 0,
            },
            "message": {"thanks": "thanks", "farewell": ""},
            "idle": {"user": {"warn_after_seconds": 300, "warning": "there?", "farewell": "never told"}},
            "bots": {"b": {"language": "en", "greeting": "own", "hours": {}, "waiting": {"texts": []}}},
        });
        let english = told(&document, "another", "en");
        assert_eq!(
            lines(&english),
            [
                ("greeting", Some(0), "hi"),
                ("waiting.texts", Some(60), "3."),
                ("waiting.farewell", Some(80), "bye"),
                (
                    "hours.text",
                    Some(0),
                    "Back on Monday, 30 November, 09:00 (Asia/Taipei)."
                ),
                ("message.thanks", None, "thanks"),
                ("idle.user.warning", Some(300), "there?"),
            ]
        );
        assert_eq!(english.opens.as_deref(), Some("Monday, 30 November, 09:00"));
        let japanese = told(&document, "another", "ja");
        assert_eq!(japanese.lines[3].text, "11月30日（月）09:00から");
        assert_eq!(japanese.lines[0].text, "やあ");
        // A bot with its own: always open, and no message is ever taken.
        let own = told(&document, "b", "ja");
        let expected = [
            ("greeting", Some(0), "own"),
            ("idle.user.warning", Some(300), "there?"),
        ];
        assert_eq!(lines(&own), expected);
        assert_eq!(own.opens, None);
    }

    #[test]
    fn a_refusal_says_when_it_opens_and_nothing_else() {
        let document = json!({"hours": {"weekly": {"mon": ["09:00-18:00"]}, "outside": "refuse"}});
        let preview = told(&document, "b", "de");
        assert!(preview.lines.iter().all(|line| line.of != "hours.text"));
        assert_eq!(preview.opens.as_deref(), Some("2026-11-30 09:00"));
        let languages: Vec<_> = preview.languages.iter().map(String::as_str).collect();
        assert_eq!(languages, ["en", "ja", "zh-CN", "zh-TW"]);
    }
}
