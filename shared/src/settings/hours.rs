//! Opening hours: a week in a time zone, and days that differ.
//!
//! Hours are what a clock on the wall there shows. Where daylight saving skips an opening time, it
//! opens when the clock jumps over it; where an hour comes twice, it is open both times.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use super::Text;
use super::read::Node;
use crate::time::Millis;

/// The days of a week, as the document spells them, from Monday.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// How far ahead the next opening is looked for, in days.
const HORIZON: i64 = 400;
/// How many times a day may open.
const MOST_SPANS: usize = 12;
/// The members of [`Week`] in a document.
pub(super) const WEEK: [&str; 3] = ["time_zone", "weekly", "exceptions"];

/// A part of a day, in minutes since its midnight: from, and until just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    from: u16,
    to: u16,
}

impl Span {
    /// Reads `09:00-18:00`; the end of a day is `24:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let minutes = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let two = |text: &str| {
                let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
                digits.then(|| text.parse::<u16>().ok()).flatten()
            };
            let minutes = two(hour)? * 60 + two(minute).filter(|minute| *minute < 60)?;
            (minutes <= 24 * 60).then_some(minutes)
        };
        let span = Self {
            from: minutes(from.trim())?,
            to: minutes(to.trim())?,
        };
        (span.from < span.to).then_some(span)
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (from, to) = (self.from, self.to);
        let (a, b, c, d) = (from / 60, from % 60, to / 60, to % 60);
        write!(f, "{a:02}:{b:02}-{c:02}:{d:02}")
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The spans of each day, from Monday.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weekly([Vec<Span>; 7]);

impl Serialize for Weekly {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(7))?;
        for (day, spans) in DAYS.iter().zip(&self.0) {
            map.serialize_entry(day, &Spans(spans))?;
        }
        map.end()
    }
}

struct Spans<'a>(&'a [Span]);

impl Serialize for Spans<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for span in self.0 {
            list.serialize_element(span)?;
        }
        list.end()
    }
}

/// When somebody is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Week {
    /// The time zone that the hours are meant in, by its name in the IANA database.
    pub time_zone: String,
    /// The hours of each day of the week; every hour where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Weekly>,
    /// Days with hours of their own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "by_date")]
    pub exceptions: BTreeMap<Date, Vec<Span>>,
}

fn by_date<S: Serializer>(
    exceptions: &BTreeMap<Date, Vec<Span>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        exceptions
            .iter()
            .map(|(date, spans)| (date.to_string(), spans)),
    )
}

impl Default for Week {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            weekly: None,
            exceptions: BTreeMap::new(),
        }
    }
}

/// What is done with a handoff outside the hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outside {
    /// The user may leave a message, which is kept for the agents.
    #[default]
    Message,
    /// It is refused: GPTBots tells the user that all are busy.
    Refuse,
}

/// The opening hours of a bot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Hours {
    /// When somebody is there.
    #[serde(flatten)]
    pub week: Week,
    /// What is done at other times.
    pub outside: Outside,
    /// What the user is told then, instead of the greeting. `{opens}` stands for the next opening,
    /// `{zone}` for the time zone.
    pub text: Text,
}

impl Week {
    fn zone(&self) -> TimeZone {
        // Looked up when the document was read.
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    fn spans(&self, date: Date) -> &[Span] {
        const ALWAYS: &[Span] = &[Span { from: 0, to: 1440 }];
        if let Some(spans) = self.exceptions.get(&date) {
            return spans;
        }
        match &self.weekly {
            None => ALWAYS,
            Some(Weekly(days)) => {
                let day = date.weekday().to_monday_zero_offset();
                usize::try_from(day)
                    .ok()
                    .and_then(|day| days.get(day))
                    .map_or(&[], Vec::as_slice)
            }
        }
    }

    /// Whether somebody is there at this time.
    pub fn is_open(&self, at: Millis) -> bool {
        // A time that no calendar has is no time to be closed.
        Timestamp::from_millisecond(at).is_ok_and(|at| self.open_in(&self.zone(), at))
    }

    fn open_in(&self, zone: &TimeZone, at: Timestamp) -> bool {
        let there = zone.to_datetime(at);
        let minute = i32::from(there.hour()) * 60 + i32::from(there.minute());
        self.spans(there.date())
            .iter()
            .any(|span| (i32::from(span.from)..i32::from(span.to)).contains(&minute))
    }

    /// When it opens next after this time, at which it is closed; `None` where it does not within
    /// some thirteen months.
    pub fn next_opening(&self, after: Millis) -> Option<Millis> {
        let zone = self.zone();
        let now = Timestamp::from_millisecond(after).ok()?;
        let opens = |at: &Timestamp| *at > now && self.open_in(&zone, *at);
        // It can only open at the beginning of a span, or where the clock is set.
        let mut date = zone.to_datetime(now).date();
        let mut first: Option<Timestamp> = None;
        for _ in 0..HORIZON {
            first = self
                .spans(date)
                .iter()
                .flat_map(|span| moments(&zone, date, span.from))
                .filter(opens)
                .min();
            if first.is_some() {
                break;
            }
            date = date.tomorrow().ok()?;
        }
        let end = first.unwrap_or_else(|| {
            let horizon = after.saturating_add(HORIZON * 86_400_000);
            Timestamp::from_millisecond(horizon).unwrap_or(Timestamp::MAX)
        });
        let set = zone
            .following(now)
            .map(|transition| transition.timestamp())
            .take_while(|at| *at < end)
            .find(opens);
        set.or(first).map(Timestamp::as_millisecond)
    }

    /// The first time, from this one on, at which it is closed; `None` where it is always open for
    /// some thirteen months.
    pub fn next_closed(&self, from: Millis) -> Option<Millis> {
        if !self.is_open(from) {
            return Some(from);
        }
        let zone = self.zone();
        let now = Timestamp::from_millisecond(from).ok()?;
        let mut date = zone.to_datetime(now).date();
        for _ in 0..HORIZON {
            let ends = self.spans(date).iter().map(|span| span.to);
            let closed = std::iter::once(0)
                .chain(ends)
                .flat_map(|minute| moments(&zone, date, minute))
                .filter(|at| *at > now && !self.open_in(&zone, *at))
                .min();
            if closed.is_some() {
                return closed.map(Timestamp::as_millisecond);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// A time in words, as a clock there shows it, for readers of this language.
    pub fn in_words(&self, at: Millis, language: &str) -> String {
        let Ok(at) = Timestamp::from_millisecond(at) else {
            return String::new();
        };
        let there = self.zone().to_datetime(at);
        let time = format!("{:02}:{:02}", there.hour(), there.minute());
        let (month, day) = (there.month(), there.day());
        let weekday = there.date().weekday();
        let index = usize::try_from(weekday.to_monday_zero_offset()).unwrap_or(0);
        let of = |days: &str| days.chars().nth(index).unwrap_or(' ');
        match language.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("zh") => format!("{month}月{day}日（星期{}）{time}", of("一二三四五六日")),
            Some("ja") => format!("{month}月{day}日（{}）{time}", of("月火水木金土日")),
            Some("en") => {
                let month = usize::try_from(month - 1).ok().and_then(|m| MONTHS.get(m));
                format!(
                    "{}, {day} {}, {time}",
                    english(weekday),
                    month.unwrap_or(&"")
                )
            }
            _ => format!("{} {time}", there.date()),
        }
    }
}

/// The moments at which a clock shows this minute of a day: two where its hour comes twice.
fn moments(zone: &TimeZone, date: Date, minute: u16) -> impl Iterator<Item = Timestamp> + use<> {
    // The end of a day is the beginning of the next.
    let (date, minute) = match minute {
        1440.. => (date.tomorrow().unwrap_or(date), 0),
        minute => (date, minute),
    };
    let hour = i8::try_from(minute / 60).unwrap_or(0);
    let minute = i8::try_from(minute % 60).unwrap_or(0);
    let ambiguous = zone.to_ambiguous_timestamp(date.at(hour, minute, 0, 0));
    [ambiguous.earlier(), ambiguous.later()]
        .into_iter()
        .flatten()
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn english(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

impl Hours {
    /// What a user is told who comes outside the hours; `None` where nothing is.
    pub fn closed_text(&self, now: Millis, language: &str) -> Option<String> {
        let text = self.text.said_in(language)?;
        let opens = match self.week.next_opening(now) {
            Some(at) => self.week.in_words(at, language),
            None => "–".to_owned(),
        };
        Some(
            text.replace("{opens}", &opens)
                .replace("{zone}", &self.week.time_zone),
        )
    }
}

/// Reads the members of a week; those of the object around it are not its business.
pub(super) fn week(node: &Node<'_>) -> Week {
    let mut week = Week::default();
    if let Some(member) = node.member("time_zone")
        && let Some(name) = member.string()
    {
        match TimeZone::get(name) {
            Ok(_) => week.time_zone = name.to_owned(),
            Err(_) => member.wrong("is no time zone: write one of the IANA names, Asia/Taipei say"),
        }
    }
    if let Some(member) = node.member("weekly")
        && member.has_only(&DAYS)
    {
        let day = |day: &&str| {
            member
                .member(day)
                .map(|node| spans(&node))
                .unwrap_or_default()
        };
        week.weekly = Some(Weekly(DAYS.each_ref().map(day)));
    }
    if let Some(member) = node.member("exceptions") {
        for (date, node) in member.entries() {
            let spans = spans(&node);
            match date.parse::<Date>() {
                Ok(date) => drop(week.exceptions.insert(date, spans)),
                Err(_) => node.wrong("is no date: write 2026-12-25"),
            }
        }
    }
    week
}

fn spans(node: &Node<'_>) -> Vec<Span> {
    let mut spans = Vec::new();
    let list = node.list();
    // Each opening is looked for among all of them.
    if list.len() > MOST_SPANS {
        node.wrong(format!("must be at most {MOST_SPANS}"));
        return spans;
    }
    for node in list {
        let Some(text) = node.string() else { continue };
        match Span::parse(text) {
            Some(span) => spans.push(span),
            None => node.wrong(
                "must be like 09:00-18:00, ending after it begins and at 24:00 at the latest",
            ),
        }
    }
    spans
}

#[cfg(test)]
#[path = "hours_tests.rs"]
mod tests;
