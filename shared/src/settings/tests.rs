use serde_json::{Value, json};

use super::*;
use crate::conversation::PlanAct;

fn settings(document: &Value) -> Settings {
    Settings::check_value(document).unwrap()
}

/// The mistakes of a document, as a person reads them.
fn mistakes(document: &Value) -> Vec<String> {
    let mistakes = Settings::check_value(document).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

fn begin<'a>(bot: &'a str, said: Option<&'a str>, now: &str) -> Begin<'a> {
    let now = now.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    Begin { bot, said, now }
}

#[test]
fn an_empty_document_is_the_defaults_and_they_are_a_document() {
    assert_eq!(settings(&json!({})), Settings::default());
    let written = serde_json::to_value(Settings::default()).unwrap();
    assert_eq!(settings(&written), Settings::default());
}

#[test]
fn a_bot_can_differ_in_most() {
    let settings = settings(&json!({
        "greeting": "hi",
        "waiting": {"texts": [{"after_seconds": 60, "text": "all"}], "alarm_after_seconds": 0},
        "bots": {
            "b": {"greeting": ""},
            "c": {"desk": "slack", "agent_names": true, "language": "ja",
                  "waiting": {"texts": [], "then": "end", "then_after_seconds": 90}},
        },
    }));
    assert!(settings.names_agents("c") && !settings.names_agents("a"));
    let greeting = |bot| settings.handoff(bot).greeting;
    assert_eq!(greeting("a").as_deref(), Some("hi"));
    assert_eq!(greeting("b"), None);
    assert_eq!(greeting("c").as_deref(), Some("hi"));
    assert_eq!(settings.handoff("c").desk, "slack");
    assert_eq!(settings.handoff("c").language, "ja");
    let steps = |bot| settings.handoff(bot).plan.steps;
    assert_eq!(steps("a")[0].act, PlanAct::Say("all".to_owned()));
    let end = steps("c");
    // The alarm would come later: there is nobody to wait any more.
    assert_eq!((end.len(), end[0].after), (1, 90_000));
    assert!(matches!(&end[0].act, PlanAct::End(text) if text.contains("申し訳")));
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let document = json!({
        "greting": "x",
        "language": "klingon-",
        "desk": "",
        "desks": ["slack", "slack", 7],
        "retention_days": 0,
        "reply_max_chars": 1.5,
        "greeting": {"en": 1, "english": "x"},
        "hours": {
            "time_zone": "Mars/Base", "outside": "hide", "weekly": {"mon": vec!["09:00-10:00"; 13]},
        },
        "waiting": {"texts": [{"after_seconds": 0, "text": "x"}, {"text": "y"}, "z"]},
        "idle": {"user": {"warn_after_seconds": 60, "end_after_seconds": 60}},
        "bots": {"b.1": {"retention_days": 3}, "c": {"desk": ""}},
    });
    let found = mistakes(&document);
    for expected in [
        "greting: is not known: did you mean greeting?",
        "language: is no language",
        "desk: must not be empty",
        "desks[1]: is in the list already",
        "desks[2]: must be a string, not a number",
        "retention_days: must be a whole number from 1 to 3650",
        "reply_max_chars: must be a whole number from 1 to 30000",
        "greeting.en: must be a string, not a number",
        "greeting.english: is no language",
        "hours.time_zone: is no time zone",
        "hours.outside: must be one of message, refuse",
        "hours.weekly.mon: must be at most 12",
        "waiting.texts[0].after_seconds: must be a whole number from 1 to 86400",
        "waiting.texts[1]: must have after_seconds",
        "waiting.texts[2]: must be an object, not a string",
        "idle.user.end_after_seconds: must be more than warn_after_seconds",
        "bots[\"b.1\"].retention_days: is not known",
        "bots.c.desk: must not be empty",
    ] {
        assert!(
            found.iter().any(|mistake| mistake.starts_with(expected)),
            "{expected}: {found:#?}"
        );
    }
    assert_eq!(found.len(), 18, "{found:#?}");
    let error = Settings::parse("[").unwrap_err().to_string();
    assert_eq!(error, "settings: is not JSON (line 1, column 1)");
    assert!(Settings::parse("[]").is_err());
}

#[test]
fn what_is_too_long_is_refused_and_null_is_nothing() {
    let long = "x".repeat(30_001);
    assert!(Settings::check_value(&json!({"greeting": long})).is_err());
    assert!(Settings::check_value(&json!({"greeting": "x".repeat(30_000)})).is_ok());
    assert!(Settings::check_value(&json!({"message": {"text": "x".repeat(2_001)}})).is_err());
    let nothing = json!({"greeting": null, "hours": null, "bots": {"b": {"desk": null}}});
    assert_eq!(settings(&nothing).handoff("b").desk, "console");
}

fn with_hours(outside: &str) -> Settings {
    let day = json!(["09:00-18:00"]);
    settings(&json!({
        "greeting": {"en": "hello", "zh-TW": "您好"},
        "hours": {
            "time_zone": "Asia/Taipei", "outside": outside,
            "weekly": {"mon": day, "tue": day, "wed": day, "thu": day, "fri": day},
            "text": {"en": "Closed until {opens}.", "zh-TW": "{opens}再來"},
        },
        "message": {"text": "leave it", "first_within_seconds": 300},
        "bots": {"always": {"hours": {}}},
    }))
}

/// A Saturday in Taipei.
const SATURDAY: &str = "2026-11-28T03:00:00Z";
const MONDAY: &str = "2026-11-30T03:00:00Z";

#[test]
fn outside_the_hours_a_message_is_taken_or_the_handoff_refused() {
    let settings = with_hours("message");
    let open = settings.begin(&begin("b", None, MONDAY)).unwrap();
    assert_eq!(open.greeting.as_deref(), Some("hello"));
    assert!(!open.takes_message && open.notes.is_empty() && !open.plan.steps.is_empty());

    let closed = settings.begin(&begin("b", None, SATURDAY)).unwrap();
    let text = "Closed until Monday, 30 November, 09:00.";
    assert_eq!(closed.greeting.as_deref(), Some(text));
    assert!(closed.takes_message && closed.plan.steps.is_empty());
    let taking = closed.plan.message.unwrap();
    assert_eq!((taking.text.as_str(), taking.first_within), ("", 300_000));
    assert_eq!(closed.notes.len(), 1);

    let always = settings.begin(&begin("always", None, SATURDAY)).unwrap();
    assert_eq!(always.greeting.as_deref(), Some("hello"));

    let refused = with_hours("refuse").begin(&begin("b", None, SATURDAY));
    let opens = refused.unwrap_err().opens;
    assert_eq!(
        opens.as_deref(),
        Some("Monday, 30 November, 09:00 (Asia/Taipei)")
    );
}

#[test]
fn a_user_is_told_in_the_language_that_the_script_gives_away() {
    let settings = with_hours("message");
    let said = Some("我要找真人，請問怎麼做？");
    let told = settings.begin(&begin("b", said, MONDAY)).unwrap();
    assert_eq!(told.greeting.as_deref(), Some("您好"));
    assert_eq!(told.language, "zh-TW");
    let told = settings.begin(&begin("b", said, SATURDAY)).unwrap();
    assert_eq!(
        told.greeting.as_deref(),
        Some("11月30日（星期一）09:00再來")
    );
}

#[test]
fn of_a_row_of_desks_the_first_that_is_open_is_taken() {
    let document = json!({
        "desks": ["slack", "zendesk", "console"],
        "desk_hours": {"slack": {"weekly": {"mon": ["00:00-24:00"]}}},
        "bots": {
            "own": {"desk": "intercom"},
            "closed": {"desks": ["slack"]},
            "one": {"desks": ["zendesk"]},
        },
    });
    let settings = settings(&document);
    let handoff = |bot, now| settings.begin(&begin(bot, None, now)).unwrap();
    let rest = |desks: &[&str]| Some(desks.iter().map(|d| (*d).to_owned()).collect::<Vec<_>>());
    let monday = handoff("b", MONDAY);
    assert_eq!(monday.desk, "slack");
    assert_eq!(monday.next_desks, rest(&["zendesk", "console"]));
    assert!(monday.notes.is_empty() && monday.plan.message.is_some());
    let saturday = handoff("b", SATURDAY);
    assert_eq!(saturday.desk, "zendesk");
    assert_eq!(saturday.next_desks, rest(&["console"]));
    assert_eq!(
        saturday
            .notes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [
            "The desk slack is closed now.",
            "The conversation goes to the desk zendesk."
        ]
    );
    let own = handoff("own", SATURDAY);
    assert_eq!((own.desk.as_str(), own.next_desks), ("intercom", None));
    assert_eq!(handoff("one", SATURDAY).next_desks, rest(&[]));
    let closed = handoff("closed", SATURDAY);
    assert!(closed.takes_message && closed.desk == "console");
    assert!(closed.greeting.unwrap().contains("leave a message"));
    let named: Vec<_> = settings.named_desks().into_iter().collect();
    assert_eq!(named, ["console", "intercom", "slack", "zendesk"]);
}

#[test]
fn a_wait_that_ends_has_no_texts_behind_its_end() {
    let settings = settings(&json!({"waiting": {
        "texts": [{"after_seconds": 600, "text": "late"}, {"after_seconds": 60, "text": "soon"}],
        "then": "message", "then_after_seconds": 300, "alarm_after_seconds": 120,
    }}));
    let plan = settings.handoff("b").plan;
    let after: Vec<_> = plan.steps.iter().map(|step| step.after).collect();
    assert_eq!(after, [60_000, 120_000, 300_000]);
    assert_eq!(plan.steps[2].act, PlanAct::TakeMessage);
    assert!(plan.message.is_some());
}

#[test]
fn how_long_conversations_are_kept_is_read_alike_alone_and_with_the_rest() {
    let days = |document: &str| Retention::from_document(document).map(|retention| retention.days);
    for document in [
        "{}",
        r#"{"retention_days": 30}"#,
        r#"{"retention_days": null, "desk": "slack"}"#,
    ] {
        let all = Settings::parse(document).unwrap();
        assert_eq!(days(document), Ok(all.retention_days), "{document}");
    }
    for document in [
        r#"{"retention_days": 0}"#,
        r#"{"retention_days": "30"}"#,
        r#"{"retention_days": 3651}"#,
        r#"{"retention_dayz": 3650}"#,
        r#"{"retention_days": 30, "dsk": "x"}"#,
        "[]",
        "null",
        "{",
    ] {
        let all = Settings::parse(document).unwrap_err();
        assert_eq!(days(document), Err(all), "{document}");
    }
    // What is wrong within another member does not keep a line from being kept as long as is wanted.
    assert_eq!(days(r#"{"retention_days": 30, "desk": 5}"#), Ok(30));
}
