use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::read::Mistakes;
use super::*;

const MINUTE: Millis = 60_000;

fn read(document: &Value) -> Week {
    let mistakes = Mistakes::default();
    let week = week(&Node::root(document, &mistakes));
    assert!(mistakes.borrow().is_empty(), "{mistakes:?}");
    week
}

fn at(text: &str) -> Millis {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn nine_to_six(zone: &str) -> Week {
    let day = json!(["09:00-12:00", "13:00-18:00"]);
    read(&json!({
        "time_zone": zone,
        "weekly": {"mon": day, "tue": day, "wed": day, "thu": day, "fri": day},
        "exceptions": {"2026-12-25": [], "2026-12-26": ["10:00-12:00"]},
    }))
}

#[test]
fn a_week_has_its_hours_and_some_days_their_own() {
    let week = nine_to_six("Asia/Taipei");
    for (time, open) in [
        // Taipei is eight hours ahead, and 2026-11-30 is a Monday.
        ("2026-11-30T00:59:59Z", false),
        ("2026-11-30T01:00:00Z", true),
        ("2026-11-30T03:59:59Z", true),
        ("2026-11-30T04:00:00Z", false),
        ("2026-11-30T05:00:00Z", true),
        ("2026-11-30T10:00:00Z", false),
        ("2026-11-28T03:00:00Z", false),
        ("2026-12-25T03:00:00Z", false),
        ("2026-12-26T03:00:00Z", true),
    ] {
        assert_eq!(week.is_open(at(time)), open, "{time}");
    }
    for (now, next) in [
        ("2026-11-28T03:00:00Z", "2026-11-30T01:00:00Z"),
        ("2026-11-30T04:30:00Z", "2026-11-30T05:00:00Z"),
        ("2026-12-24T11:00:00Z", "2026-12-26T02:00:00Z"),
        ("2026-12-26T11:00:00Z", "2026-12-28T01:00:00Z"),
    ] {
        assert_eq!(week.next_opening(at(now)), Some(at(next)), "{now}");
    }
}

#[test]
fn the_next_time_at_which_it_is_closed_is_found() {
    let week = nine_to_six("Asia/Taipei");
    for (from, closed) in [
        // Closed already; before noon; in the afternoon; on a day of its own hours.
        ("2026-11-28T03:00:00Z", "2026-11-28T03:00:00Z"),
        ("2026-11-30T01:00:00Z", "2026-11-30T04:00:00Z"),
        ("2026-11-30T06:00:00Z", "2026-11-30T10:00:00Z"),
        ("2026-12-26T03:00:00Z", "2026-12-26T04:00:00Z"),
    ] {
        assert_eq!(week.next_closed(at(from)), Some(at(closed)), "{from}");
    }
    let always = json!(["00:00-24:00"]);
    let but_one = read(&json!({"exceptions": {"2026-12-25": []}}));
    let christmas = at("2026-12-25T00:00:00Z");
    assert_eq!(
        but_one.next_closed(at("2026-11-28T03:00:00Z")),
        Some(christmas)
    );
    let sundays_off = read(&json!({"weekly": {
        "mon": always, "tue": always, "wed": always, "thu": always, "fri": always, "sat": always,
    }}));
    let sunday = at("2026-11-29T00:00:00Z");
    assert_eq!(
        sundays_off.next_closed(at("2026-11-26T03:00:00Z")),
        Some(sunday)
    );
    assert_eq!(read(&json!({})).next_closed(christmas), None);
}

#[test]
fn without_hours_it_is_always_open_and_with_none_never() {
    let always = read(&json!({}));
    assert!(always.is_open(0) && always.is_open(at("2026-11-28T03:00:00Z")));
    let never = read(&json!({"weekly": {}}));
    assert!(!never.is_open(0));
    assert_eq!(never.next_opening(0), None);
    let once = read(&json!({"weekly": {}, "exceptions": {"2026-12-01": ["00:00-24:00"]}}));
    let now = at("2026-11-28T03:00:00Z");
    assert_eq!(once.next_opening(now), Some(at("2026-12-01T00:00:00Z")));
}

/// Every day from half past two to four: in Berlin 2026-03-29 the clock jumps from two to three,
/// and 2026-10-25 it goes back from three to two.
fn at_night() -> Week {
    let spans = json!(["02:30-04:00"]);
    let days = DAYS.map(|day| (day.to_owned(), spans.clone()));
    let weekly = serde_json::Map::from_iter(days);
    read(&json!({"time_zone": "Europe/Berlin", "weekly": weekly}))
}

#[test]
fn an_opening_that_the_clock_jumps_over_is_when_it_jumps() {
    let week = at_night();
    let jump = at("2026-03-29T01:00:00Z");
    assert!(!week.is_open(jump - 1) && week.is_open(jump));
    assert_eq!(week.next_opening(jump - 30 * MINUTE), Some(jump));
}

#[test]
fn an_hour_that_comes_twice_is_open_both_times() {
    let week = at_night();
    let (first, back) = (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:00:00Z"));
    assert_eq!(week.next_opening(first - 60 * MINUTE), Some(first));
    assert!(week.is_open(first) && week.is_open(back - 1));
    // It is two again: closed for half an hour, and open once more.
    assert!(!week.is_open(back));
    assert_eq!(week.next_opening(back), Some(back + 30 * MINUTE));
}

#[test]
fn a_clock_that_is_set_back_into_the_hours_opens_them_again() {
    let spans = json!(["01:30-02:30"]);
    let weekly = serde_json::Map::from_iter(DAYS.map(|day| (day.to_owned(), spans.clone())));
    let week = read(&json!({"time_zone": "Europe/Berlin", "weekly": weekly}));
    let (closed, back) = (at("2026-10-25T00:45:00Z"), at("2026-10-25T01:00:00Z"));
    assert!(!week.is_open(closed) && week.is_open(back));
    assert_eq!(week.next_opening(closed), Some(back));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let document = json!({
        "time_zone": "Asia/Tapei",
        "weekly": {"mon": ["9:00-18:00", "22:00-02:00", 7], "monday": []},
        "exceptions": {"25.12.2026": [], "2026-02-30": ["00:00-24:01"]},
    });
    let mistakes = Mistakes::default();
    week(&Node::root(&document, &mistakes));
    let paths: Vec<_> = mistakes.take().into_iter().map(|m| m.path).collect();
    assert_eq!(
        paths,
        [
            "time_zone",
            "weekly.monday",
            "weekly.mon[0]",
            "weekly.mon[1]",
            "weekly.mon[2]",
            "exceptions.2026-02-30[0]",
            "exceptions.2026-02-30",
            "exceptions[\"25.12.2026\"]",
        ]
    );
}

#[test]
fn the_next_opening_is_told_in_the_users_language_and_the_bots_zone() {
    let mut hours = Hours {
        week: nine_to_six("Asia/Taipei"),
        text: Text::of(&[
            ("en", "Back on {opens} ({zone})."),
            ("zh-TW", "{opens} 再回來。"),
            ("ja", "{opens}に再開します。"),
            ("de", "Ab {opens}."),
        ]),
        ..Hours::default()
    };
    let now = at("2026-11-28T03:00:00Z");
    for (language, text) in [
        ("en", "Back on Monday, 30 November, 09:00 (Asia/Taipei)."),
        ("zh-TW", "11月30日（星期一）09:00 再回來。"),
        ("ja", "11月30日（月）09:00に再開します。"),
        ("de", "Ab 2026-11-30 09:00."),
    ] {
        assert_eq!(hours.closed_text(now, language).as_deref(), Some(text));
    }
    hours.text = Text::empty();
    assert_eq!(hours.closed_text(now, "en"), None);
}

#[test]
fn hours_survive_being_written() {
    let week = nine_to_six("Europe/Lisbon");
    assert_eq!(read(&serde_json::to_value(&week).unwrap()), week);
}

fn any_week() -> impl Strategy<Value = Week> {
    let zone = prop_oneof![
        Just("UTC"),
        Just("Europe/Berlin"),
        Just("America/New_York"),
        Just("America/Sao_Paulo"),
        Just("Australia/Lord_Howe"), // half an hour of daylight saving
        Just("Asia/Kathmandu"),
        Just("Pacific/Apia"),
        Just("Africa/Casablanca"),
    ];
    let span = (0..1440_u16, 1..1440_u16).prop_map(|(from, length)| Span {
        from,
        to: (from + length).min(1440),
    });
    let spans = proptest::collection::vec(span, 0..3);
    let days = proptest::collection::vec(spans.clone(), 7);
    let exceptions = proptest::collection::vec((1..=12_i8, 1..=28_i8, spans), 0..6);
    (zone, days, exceptions).prop_map(|(zone, days, exceptions)| Week {
        time_zone: zone.to_owned(),
        weekly: Some(Weekly(days.try_into().unwrap())),
        exceptions: exceptions
            .into_iter()
            .map(|(month, day, spans)| (jiff::civil::date(2026, month, day), spans))
            .collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against the definition, minute by minute over two days, which begin around the days on which
    /// clocks are set somewhere.
    #[test]
    fn the_next_opening_is_the_first_minute_that_is_open(
        week in any_week(),
        day in prop_oneof![
            Just("2026-03-07T20:00:00Z"), Just("2026-03-28T20:00:00Z"),
            Just("2026-04-04T10:00:00Z"), Just("2026-10-03T10:00:00Z"),
            Just("2026-10-24T20:00:00Z"), Just("2026-10-31T20:00:00Z"),
            Just("2026-02-14T20:00:00Z"), Just("2026-06-15T00:00:00Z"),
        ],
        offset in 0..1440_i64,
    ) {
        let now = at(day) + offset * MINUTE;
        let found = week.next_opening(now);
        if let Some(next) = found {
            prop_assert!(next > now && week.is_open(next));
        }
        if !week.is_open(now) {
            let first = (1..=2_880).map(|n| now + n * MINUTE).find(|at| week.is_open(*at));
            match (first, found) {
                (Some(first), found) => prop_assert_eq!(found, Some(first)),
                (None, Some(found)) => prop_assert!(found > now + 2_880 * MINUTE),
                (None, None) => {}
            }
        }
    }

    #[test]
    fn spans_survive_being_written(from in 0..1439_u16, length in 1..1440_u16) {
        let span = Span { from, to: (from + length).min(1440) };
        prop_assert_eq!(Span::parse(&span.to_string()), Some(span));
    }

    #[test]
    fn anything_may_be_written_for_a_span(text in "[0-9:\\- ]{0,14}") {
        let _ = Span::parse(&text);
    }
}
