//! What a conversation takes out of the settings when it begins, and keeps.

use super::hours::Outside;
use super::waiting::{Silence, Then};
use super::{Settings, of_script};
use crate::conversation::{Notice, Plan, PlanAct, PlanStep, Silent, TakingMessage};
use crate::desk::CONSOLE;
use crate::store::Handoff;
use crate::time::Millis;

/// What a handoff's beginning depends on.
#[derive(Debug, Clone, Copy)]
pub struct Begin<'a> {
    /// The bot.
    pub bot: &'a str,
    /// What the user said last, for its language.
    pub said: Option<&'a str>,
    /// Now.
    pub now: Millis,
}

/// The handoff is refused: nobody is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// When somebody is there again, in words and in the bot's zone.
    pub opens: Option<String>,
}

impl Settings {
    /// How a handoff of this bot begins while it is open, for a user of the bot's language.
    pub fn handoff(&self, bot: &str) -> Handoff {
        self.open_handoff(bot, self.language(bot).to_owned(), None)
    }

    /// How a handoff begins, outside the opening hours too.
    ///
    /// # Errors
    /// When it is to be refused.
    pub fn begin(&self, begin: &Begin<'_>) -> Result<Handoff, Closed> {
        let known = self.language(begin.bot);
        let language = begin.said.and_then(|said| of_script(said, known));
        let language = language.unwrap_or(known).to_owned();
        let closed = self
            .hours_of(begin.bot)
            .filter(|hours| !hours.week.is_open(begin.now));
        let Some(hours) = closed else {
            return Ok(self.open_handoff(begin.bot, language, Some(begin.now)));
        };
        if hours.outside == Outside::Refuse {
            let opens = hours.week.next_opening(begin.now);
            return Err(Closed {
                opens: opens.map(|at| {
                    let zone = &hours.week.time_zone;
                    format!("{} ({zone})", hours.week.in_words(at, "en"))
                }),
            });
        }
        let mut handoff = self.open_handoff(begin.bot, language, Some(begin.now));
        let greeting = hours.closed_text(begin.now, &handoff.language);
        self.take_message_at_once(begin.bot, &mut handoff, greeting);
        handoff.notes.push(Notice::OutsideHours);
        Ok(handoff)
    }

    /// Nobody will answer now: what the user is told at once says so.
    fn take_message_at_once(&self, bot: &str, handoff: &mut Handoff, greeting: Option<String>) {
        let mut taking = self.taking_message(bot, &handoff.language);
        let text = std::mem::take(&mut taking.text);
        handoff.greeting = greeting.or_else(|| Some(text).filter(|text| !text.trim().is_empty()));
        handoff.plan.steps.clear();
        handoff.plan.message = Some(taking);
        handoff.takes_message = true;
    }

    /// With `now`, desks that are closed then are passed over.
    fn open_handoff(&self, bot: &str, language: String, now: Option<Millis>) -> Handoff {
        let greeting = self.greeting_of(bot);
        let mut plan = self.plan(bot, &language);
        let (desks, has_end) = self.desks(bot);
        let mut notes = Vec::new();
        let mut open: Vec<String> = Vec::new();
        for desk in desks {
            let hours = self.desk_hours.get(&desk).filter(|_| has_end);
            match hours.zip(now).filter(|(week, now)| !week.is_open(*now)) {
                Some(_) => notes.push(Notice::DeskClosed { desk }),
                None => open.push(desk),
            }
        }
        let nobody = open.is_empty();
        if has_end {
            plan.message = Some(self.taking_message(bot, &language));
        }
        let mut open = open.into_iter();
        let desk = open.next().unwrap_or_else(|| CONSOLE.to_owned());
        if nobody {
            notes.push(Notice::NoDeskOpen);
        } else if !notes.is_empty() {
            notes.push(Notice::GoesTo { desk: desk.clone() });
        }
        let mut handoff = Handoff {
            desk,
            next_desks: has_end.then(|| open.collect()),
            greeting: greeting.said_in(&language),
            plan,
            takes_message: false,
            notes,
            language,
            retention_days: self.retention_days,
        };
        if nobody {
            self.take_message_at_once(bot, &mut handoff, None);
        }
        handoff
    }

    fn plan(&self, bot: &str, language: &str) -> Plan {
        let (waiting, idle) = (self.waiting_of(bot), self.idle_of(bot));
        let mut steps: Vec<PlanStep> = Vec::new();
        for text in &waiting.texts {
            steps.extend(text.text.said_in(language).map(|said| PlanStep {
                after: millis(text.after_seconds),
                act: PlanAct::Say(said),
            }));
        }
        if waiting.alarm_after_seconds > 0 {
            steps.push(PlanStep {
                after: millis(waiting.alarm_after_seconds),
                act: PlanAct::Alarm,
            });
        }
        let then = match waiting.then {
            Then::KeepWaiting => None,
            Then::Message => Some(PlanAct::TakeMessage),
            Then::End => {
                let farewell = waiting.farewell.in_language(language);
                Some(PlanAct::End(farewell.to_owned()))
            }
        };
        let takes_message = then == Some(PlanAct::TakeMessage);
        if let Some(act) = then {
            let after = millis(waiting.then_after_seconds);
            // It is the end: what was set for later never comes.
            steps.retain(|step| step.after <= after);
            steps.push(PlanStep { after, act });
        }
        steps.sort_by_key(|step| step.after);
        Plan {
            steps,
            user: silent(&idle.user, language),
            agent: silent(&idle.agent, language),
            message: takes_message.then(|| self.taking_message(bot, language)),
        }
    }

    fn taking_message(&self, bot: &str, language: &str) -> TakingMessage {
        let message = self.message_of(bot);
        TakingMessage {
            text: message.text.in_language(language).to_owned(),
            first_within: millis(message.first_within_seconds),
            quiet: millis(message.quiet_seconds),
            thanks: message.thanks.in_language(language).to_owned(),
            farewell: message.farewell.in_language(language).to_owned(),
        }
    }
}

fn silent(silence: &Silence, language: &str) -> Silent {
    let after = |seconds| (seconds > 0).then(|| millis(seconds));
    Silent {
        warn_after: after(silence.warn_after_seconds),
        warning: silence.warning.in_language(language).to_owned(),
        end_after: after(silence.end_after_seconds),
        farewell: silence.farewell.in_language(language).to_owned(),
    }
}

fn millis(seconds: u32) -> Millis {
    Millis::from(seconds) * 1000
}
