//! Reads the language of faults.

use std::ops::Range;
use std::time::Duration;

use super::{Calls, Fault, Target, What};

/// What is wrong with a list of faults, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {reason}\n  {text}\n  {blank}^", column = at + 1, blank = " ".repeat(*at))]
pub struct FaultError {
    /// What was read.
    pub text: String,
    /// Where the mistake is: how many characters come before it.
    pub at: usize,
    /// What is wrong.
    pub reason: String,
}

const TARGETS: [(&str, Target); 11] = [
    ("gptbots", Target::GptBots),
    ("desk", Target::Desk),
    ("dynamodb", Target::DynamoDb),
    ("relay", Target::Function("relay")),
    ("establish", Target::Function("establish")),
    ("chat", Target::Function("chat")),
    ("close", Target::Function("close")),
    ("console", Target::Function("console")),
    ("clock", Target::Clock),
    ("bells", Target::Bells),
    ("webhooks", Target::Webhooks),
];

/// What stands behind `=`.
#[derive(Clone, Copy)]
enum Value {
    /// How often.
    Share(What),
    /// A time, which has to be there.
    Time(fn(Duration) -> What),
    /// A time that is the most; how often makes no sense.
    UpTo(fn(Duration) -> What),
    /// One of GPTBots' codes.
    Code,
}

fn kinds(target: Target) -> &'static [(&'static str, Value)] {
    use Value::{Code, Share, Time, UpTo};
    match target {
        Target::GptBots => &[
            ("code", Code),
            ("hang", Share(What::Hang)),
            ("slow", Time(What::Slow)),
            ("drop", Share(What::Drop)),
            ("close-midway", Share(What::CloseMidway)),
            ("rubbish", Share(What::Rubbish)),
        ],
        // The function of that name has processes, too.
        Target::Desk => &[
            ("hang", Share(What::Hang)),
            ("drop", Share(What::Drop)),
            ("refuse", Share(What::Refuse)),
            ("lose", Share(What::Lose)),
            ("kill", Share(What::Kill)),
            ("overlap", Share(What::Overlap)),
        ],
        Target::DynamoDb => &[
            ("throttle", Share(What::Throttle)),
            ("conflict", Share(What::Conflict)),
            ("timeout", Share(What::Timeout)),
            ("timeout-after-write", Share(What::TimeoutAfterWrite)),
            ("slow", Time(What::Slow)),
        ],
        Target::Function(_) => &[
            ("kill", Share(What::Kill)),
            ("overlap", Share(What::Overlap)),
        ],
        // The function of that name has processes, too.
        Target::Clock => &[
            ("skew", UpTo(What::Skew)),
            ("kill", Share(What::Kill)),
            ("overlap", Share(What::Overlap)),
        ],
        Target::Bells => &[
            ("lose", Share(What::Lose)),
            ("double", Share(What::Double)),
            ("reorder", Share(What::Reorder)),
            ("again", Share(What::Again)),
            ("delay", UpTo(What::Delay)),
        ],
        Target::Webhooks => &[
            ("repeat", Share(What::Repeat)),
            ("late", Time(What::Late)),
            ("reorder", Share(What::Reorder)),
            ("lose-answer", Share(What::LoseAnswer)),
        ],
    }
}

pub(super) fn faults(text: &str) -> Result<Vec<Fault>, FaultError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut faults = Vec::new();
    if text.trim().is_empty() {
        return Ok(faults);
    }
    loop {
        faults.push(cursor.fault()?);
        if cursor.rest().is_empty() {
            return Ok(faults);
        }
        cursor.expect(',', "\",\" and the next fault, or the end")?;
    }
}

struct Cursor<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

/// A word and where it begins.
struct Word {
    text: String,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn error(&self, at: usize, reason: impl Into<String>) -> FaultError {
        FaultError {
            text: self.text.to_owned(),
            at: self.text[..at].chars().count(),
            reason: reason.into(),
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.spaces();
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, wanted: char, what: &str) -> Result<(), FaultError> {
        if self.eat(wanted) {
            return Ok(());
        }
        let found = match self.rest().chars().next() {
            Some(found) => format!("\"{found}\""),
            None => "the end".to_owned(),
        };
        Err(self.error(self.at, format!("{what} should be here, not {found}")))
    }

    fn word(&mut self, what: &str) -> Result<Word, FaultError> {
        self.spaces();
        let at = self.at;
        if self.rest().starts_with('"') {
            let inside = &self.rest()[1..];
            let Some(length) = inside.find('"') else {
                return Err(self.error(at, "this quote is not closed"));
            };
            self.at += length + 2;
            let text = inside[..length].to_owned();
            self.spaces();
            return Ok(Word { text, at });
        }
        let end = |c: char| ",()=@:\"".contains(c) || c.is_whitespace();
        let length = self.rest().find(end).unwrap_or(self.rest().len());
        if length == 0 {
            return Err(self.error(at, format!("{what} is missing")));
        }
        let text = self.rest()[..length].to_owned();
        self.at += length;
        self.spaces();
        Ok(Word { text, at })
    }

    fn fault(&mut self) -> Result<Fault, FaultError> {
        let target = self.word("a target, such as \"gptbots\",")?;
        let start = target.at;
        let known = TARGETS.iter().find(|(name, _)| *name == target.text);
        let Some(mut found) = known.map(|(_, target)| *target) else {
            let names = TARGETS.map(|(name, _)| name);
            return Err(self.unknown("target", &target, &names));
        };
        self.expect(':', "\":\" and what goes wrong")?;
        let kind = self.word("what goes wrong")?;
        let value = if self.eat('=') {
            Some(self.word("a value")?)
        } else {
            None
        };
        let (what, share) = self.what(found, &kind, value)?;
        if matches!(what, What::Kill | What::Overlap) {
            found = match found {
                Target::Clock => Target::Function("clock"),
                Target::Desk => Target::Function("desk"),
                other => other,
            };
        }
        if found == Target::Desk && share.is_some() {
            let reason = "a desk fails for all calls or for none";
            return Err(self.error(kind.at, reason));
        }
        let mut fault = Fault {
            text: String::new(),
            target: found,
            what,
            share: share.unwrap_or(1.0),
            times: None,
            conversation: None,
            bot: None,
            calls: None,
            retry_after: None,
            after_effect: matches!(what, What::CloseMidway | What::Rubbish),
            window: Duration::ZERO..Duration::MAX,
        };
        if self.eat('(') {
            loop {
                self.option(&mut fault)?;
                if self.eat(')') {
                    break;
                }
                self.expect(',', "\",\" or \")\"")?;
            }
        }
        if self.eat('@') {
            fault.window = self.window()?;
        }
        fault.text = self.text[start..self.at].trim_end().to_owned();
        Ok(fault)
    }

    /// What goes wrong, and how often where the value says so.
    fn what(
        &self,
        target: Target,
        kind: &Word,
        value: Option<Word>,
    ) -> Result<(What, Option<f64>), FaultError> {
        let status = kind.text.parse().ok().filter(|n| (400..600).contains(n));
        if let (Target::GptBots, Some(status)) = (target, status) {
            let share = value.map(|value| self.share(&value)).transpose()?;
            return Ok((What::Status(status), share));
        }
        if let (Target::Desk, Some(401 | 429 | 503)) = (target, status) {
            let share = value.map(|value| self.share(&value)).transpose()?;
            return Ok((What::Status(status.unwrap_or_default()), share));
        }
        let known = kinds(target);
        let Some((_, takes)) = known.iter().find(|(name, _)| *name == kind.text) else {
            let mut names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            if target == Target::GptBots {
                names.insert(0, "an HTTP status from 400 to 599");
            }
            if target == Target::Desk {
                names.splice(0..0, ["401", "429", "503"]);
            }
            return Err(self.unknown("fault", kind, &names));
        };
        let needed = |example: &str| {
            self.error(
                kind.at,
                format!("\"{}\" needs a value, such as {example}", kind.text),
            )
        };
        Ok(match takes {
            Value::Share(what) => (*what, value.map(|value| self.share(&value)).transpose()?),
            Value::Time(what) | Value::UpTo(what) => {
                let value = value.ok_or_else(|| needed("2s"))?;
                (what(self.time(&value.text, value.at)?), None)
            }
            Value::Code => {
                let value = value.ok_or_else(|| needed("50000"))?;
                let code = self.number(&value, "GPTBots' code is a number")?;
                (What::Code(code), None)
            }
        })
    }

    fn option(&mut self, fault: &mut Fault) -> Result<(), FaultError> {
        let name = self.word("an option")?;
        let value = if self.eat('=') {
            Some(self.word("a value")?)
        } else {
            None
        };
        let gptbots = fault.target == Target::GptBots;
        let webhooks = fault.target == Target::Webhooks;
        let desk = fault.target == Target::Desk;
        let counted = !desk && !matches!(fault.target, Target::Bells | Target::Clock);
        let flag = matches!(name.text.as_str(), "after-effect" | "before-effect");
        let known: Vec<_> = [
            (
                "share",
                !desk && !matches!(fault.what, What::Delay(_) | What::Skew(_)),
            ),
            ("times", counted),
            ("conversation", gptbots || webhooks),
            ("bot", gptbots),
            ("calls", gptbots),
            (
                "retry-after",
                gptbots || (desk && fault.what == What::Status(429)),
            ),
            ("after-effect", gptbots),
            ("before-effect", gptbots),
        ]
        .into_iter()
        .filter_map(|(name, here)| here.then_some(name))
        .collect();
        if !known.contains(&name.text.as_str()) {
            return Err(self.unknown("option of this fault", &name, &known));
        }
        match (flag, value) {
            (true, None) => fault.after_effect = name.text == "after-effect",
            (true, Some(value)) => {
                let reason = format!("\"{}\" has no value", name.text);
                return Err(self.error(value.at, reason));
            }
            (false, None) => {
                let reason = format!("\"{}\" needs a value", name.text);
                return Err(self.error(name.at, reason));
            }
            (false, Some(value)) => match name.text.as_str() {
                "share" => fault.share = self.share(&value)?,
                "times" => fault.times = Some(self.number(&value, "how many times is a number")?),
                "retry-after" => {
                    fault.retry_after = Some(self.number(&value, "seconds, without a unit")?);
                }
                "conversation" => fault.conversation = Some(value.text),
                "bot" => fault.bot = Some(value.text),
                _ => {
                    fault.calls = Some(match value.text.as_str() {
                        "reply" => Calls::Reply,
                        "close" => Calls::Close,
                        _ => return Err(self.unknown("call", &value, &["reply", "close"])),
                    });
                }
            },
        }
        Ok(())
    }

    fn window(&mut self) -> Result<Range<Duration>, FaultError> {
        let word = self.word("a window, such as 10s..20s,")?;
        let Some((from, to)) = word.text.split_once("..") else {
            return Err(self.error(word.at, "a window has two ends: 10s..20s, ..20s, 10s.."));
        };
        let start = match from {
            "" => Duration::ZERO,
            from => self.time(from, word.at)?,
        };
        let end = match to {
            "" => Duration::MAX,
            to => self.time(to, word.at + from.len() + 2)?,
        };
        if start >= end {
            return Err(self.error(word.at, "this window ends before it begins"));
        }
        Ok(start..end)
    }

    fn share(&self, word: &Word) -> Result<f64, FaultError> {
        word.text
            .strip_suffix('%')
            .and_then(|number| number.parse::<f64>().ok())
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(|percent| percent / 100.0)
            .ok_or_else(|| self.error(word.at, "a share is from 0% to 100%, such as 5% or 0.5%"))
    }

    fn time(&self, text: &str, at: usize) -> Result<Duration, FaultError> {
        let wrong = || self.error(at, "a time has a number and a unit: 300ms, 2s, 1.5m, 1h");
        // How far clocks differ is written with its sign: ±3s, or +-3s on a plain keyboard.
        let text = text.trim_start_matches('±').trim_start_matches("+-");
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        let number: f64 = text[..text.len() - unit.len()]
            .parse()
            .map_err(|_| wrong())?;
        Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
    }

    fn number<T: std::str::FromStr>(&self, word: &Word, reason: &str) -> Result<T, FaultError> {
        word.text
            .parse()
            .map_err(|_| self.error(word.at, reason.to_owned()))
    }

    fn unknown(&self, what: &str, word: &Word, known: &[&str]) -> FaultError {
        let reason = format!(
            "no {what} is called \"{}\"; there are: {}",
            word.text,
            known.join(", ")
        );
        self.error(word.at, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Fault {
        let mut all = faults(text).unwrap();
        assert_eq!(all.len(), 1, "{text}");
        all.remove(0)
    }

    fn wrong(text: &str) -> (usize, String) {
        let error = faults(text).unwrap_err();
        (error.at, error.reason)
    }

    #[test]
    fn a_list_is_read_fault_by_fault() {
        let text = "gptbots:503@10s..20s, gptbots:429=10%(retry-after=7) ,relay:kill=2%";
        let all = faults(text).unwrap();
        let texts: Vec<_> = all.iter().map(|fault| fault.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "gptbots:503@10s..20s",
                "gptbots:429=10%(retry-after=7)",
                "relay:kill=2%"
            ]
        );
        let seconds = Duration::from_secs;
        assert_eq!(all[0].what, What::Status(503));
        assert_eq!(all[0].window, seconds(10)..seconds(20));
        assert_eq!((all[1].share, all[1].retry_after), (0.1, Some(7)));
        assert_eq!(all[2].target, Target::Function("relay"));
        assert_eq!((all[2].what, all[2].share), (What::Kill, 0.02));
        assert!(faults(" ").unwrap().is_empty());
    }

    #[test]
    fn values_and_options_are_read() {
        let fault =
            one("gptbots:slow=1.5s(share=50%, conversation=\"a, b\", calls=close, times=3)@..1m");
        assert_eq!(fault.what, What::Slow(Duration::from_millis(1500)));
        assert_eq!((fault.share, fault.times), (0.5, Some(3)));
        assert_eq!(fault.conversation.as_deref(), Some("a, b"));
        assert_eq!(fault.calls, Some(Calls::Close));
        assert_eq!(fault.window, Duration::ZERO..Duration::from_secs(60));
        assert_eq!(one("gptbots:code=50000").what, What::Code(50_000));
        assert!(one("gptbots:rubbish").after_effect);
        assert!(!one("gptbots:rubbish(before-effect)").after_effect);
        assert!(one("gptbots:drop(after-effect)").after_effect);
        for skew in ["clock:skew=±3s", "clock:skew=+-3s", "clock:skew=3s"] {
            assert_eq!(one(skew).what, What::Skew(Duration::from_secs(3)));
        }
        assert_eq!(one("clock:kill=1%").target, Target::Function("clock"));
        assert_eq!(one("bells:delay=2m").share, 1.0);
    }

    #[test]
    fn desks_fail_for_all_calls_or_for_none() {
        let fault = one("desk:429(retry-after=3)@..10s");
        assert_eq!((fault.target, fault.retry_after), (Target::Desk, Some(3)));
        assert_eq!(one("desk:503").what, What::Status(503));
        assert_eq!(one("desk:hang").what, What::Hang);
        assert_eq!(one("desk:kill=2%").target, Target::Function("desk"));
        for wrong in [
            "desk:503=5%",
            "desk:hang=5%",
            "desk:hang(share=5%)",
            "desk:500",
            "desk:503(retry-after=1)",
            "desk:hang(times=1)",
        ] {
            assert!(faults(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("fax:503", 0, "no target is called \"fax\""),
            (
                "gptbots",
                7,
                "\":\" and what goes wrong should be here, not the end",
            ),
            ("gptbots:", 8, "what goes wrong is missing"),
            ("gptbots:200", 8, "no fault is called \"200\""),
            (
                "relay:kill,gptbots:hangs",
                19,
                "no fault is called \"hangs\"",
            ),
            ("gptbots:hang=5", 13, "a share is from 0% to 100%"),
            ("gptbots:hang=101%", 13, "a share is from 0% to 100%"),
            ("gptbots:slow", 8, "\"slow\" needs a value"),
            ("gptbots:slow=2", 13, "a time has a number and a unit"),
            (
                "gptbots:slow=2parsecs",
                13,
                "a time has a number and a unit",
            ),
            ("gptbots:code=x", 13, "GPTBots' code is a number"),
            ("gptbots:503@10s", 12, "a window has two ends"),
            (
                "gptbots:503@20s..10s",
                12,
                "this window ends before it begins",
            ),
            ("gptbots:503@10s..x", 17, "a time has a number and a unit"),
            (
                "gptbots:429(retry=7)",
                12,
                "no option of this fault is called \"retry\"",
            ),
            (
                "gptbots:429(retry-after)",
                12,
                "\"retry-after\" needs a value",
            ),
            (
                "gptbots:drop(after-effect=1)",
                26,
                "\"after-effect\" has no value",
            ),
            (
                "gptbots:drop(after-effect",
                25,
                "\",\" or \")\" should be here, not the end",
            ),
            (
                "dynamodb:throttle(bot=b)",
                18,
                "no option of this fault is called \"bot\"",
            ),
            ("gptbots:hang(bot=\"b)", 17, "this quote is not closed"),
            (
                "gptbots:hang relay:kill",
                13,
                "\",\" and the next fault, or the end should be here, not \"r\"",
            ),
            (
                "gptbots:hang,",
                13,
                "a target, such as \"gptbots\", is missing",
            ),
            ("clock:skew=±x, fax:1", 11, "a time has a number and a unit"),
            ("clock:skew=±3s, fax:1", 16, "no target is called \"fax\""),
        ];
        for (text, at, reason) in cases {
            let found = wrong(text);
            assert!(
                found.0 == at && found.1.starts_with(reason),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn an_error_points_at_its_place() {
        let said = faults("relay:kill, fax:1").unwrap_err().to_string();
        assert!(said.starts_with("column 13: no target"), "{said}");
        assert!(
            said.ends_with("\n  relay:kill, fax:1\n              ^"),
            "{said}"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z:=,()@.%0-9\" ±]{0,40}") {
            let _ = faults(&text);
        }

        #[test]
        fn what_was_read_is_read_again(share in 0_u32..=100, seconds in 0_u64..1000) {
            let text = format!("gptbots:hang={share}%(conversation=\"c, d\")@{seconds}s..");
            let fault = one(&text);
            proptest::prop_assert_eq!(one(&fault.text), fault);
        }
    }
}
