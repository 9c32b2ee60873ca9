//! The published schema of the settings, against the functions' own reader: what the one takes the
//! other takes.

use handoff::settings::Settings;
use serde_json::{Value, json};

fn schema() -> Value {
    let text = include_str!("../../../../docs/settings.schema.json");
    serde_json::from_str(text).unwrap()
}

fn is_valid(document: &Value) -> bool {
    let schema = schema();
    holds(&schema, &schema, document)
}

/// Whether a value is as a schema of JSON Schema 2020-12 wants it, as far as ours uses that: a word
/// that is not known here fails the test.
fn holds(root: &Value, schema: &Value, value: &Value) -> bool {
    let Some(words) = schema.as_object() else {
        return schema.as_bool().unwrap();
    };
    let each = |all: &dyn Fn(&Value) -> bool| value.as_array().is_none_or(|v| v.iter().all(all));
    let matches = |pattern: &Value, text: &str| {
        let pattern = pattern.as_str().unwrap();
        regex_lite::Regex::new(pattern).unwrap().is_match(text)
    };
    let number = |compare: fn(f64, f64) -> bool, limit: &Value| {
        let limit = limit.as_f64().unwrap();
        value.as_f64().is_none_or(|number| compare(number, limit))
    };
    let chars = value.as_str().map(|text| text.chars().count() as u64);
    let length = value.as_array().map(|list| list.len() as u64);
    words.iter().all(|(word, wanted)| match word.as_str() {
        "$schema" | "$defs" | "title" | "description" | "default" => true,
        "$ref" => {
            let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
            holds(root, root.pointer(pointer).unwrap(), value)
        }
        "type" => match wanted.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            other => panic!("type {other}"),
        },
        "enum" => wanted.as_array().unwrap().contains(value),
        "oneOf" => {
            let of = wanted.as_array().unwrap().iter();
            of.filter(|schema| holds(root, schema, value)).count() == 1
        }
        "properties" => wanted.as_object().unwrap().iter().all(|(name, schema)| {
            value
                .get(name)
                .is_none_or(|member| holds(root, schema, member))
        }),
        "additionalProperties" => value.as_object().is_none_or(|members| {
            let others = members.iter().filter(|(name, _)| {
                words
                    .get("properties")
                    .is_none_or(|known| known.get(name.as_str()).is_none())
            });
            others
                .map(|(_, member)| member)
                .all(|member| holds(root, wanted, member))
        }),
        "propertyNames" => value.as_object().is_none_or(|members| {
            let mut names = members.keys();
            names.all(|name| holds(root, wanted, &json!(name)))
        }),
        "required" => wanted
            .as_array()
            .unwrap()
            .iter()
            .all(|name| !value.is_object() || value.get(name.as_str().unwrap()).is_some()),
        "minProperties" => value
            .as_object()
            .is_none_or(|members| members.len() as u64 >= wanted.as_u64().unwrap()),
        "items" => each(&|element| holds(root, wanted, element)),
        "uniqueItems" => value
            .as_array()
            .is_none_or(|list| (1..list.len()).all(|n| !list[..n].contains(&list[n]))),
        "maxItems" => length.is_none_or(|length| length <= wanted.as_u64().unwrap()),
        "pattern" => value.as_str().is_none_or(|text| matches(wanted, text)),
        "minLength" => chars.is_none_or(|chars| chars >= wanted.as_u64().unwrap()),
        "maxLength" => chars.is_none_or(|chars| chars <= wanted.as_u64().unwrap()),
        "minimum" => number(|number, limit| number >= limit, wanted),
        "maximum" => number(|number, limit| number <= limit, wanted),
        other => panic!("{other} is not known here"),
    })
}

/// The examples of the page, which are the documents in it.
fn examples() -> Vec<Value> {
    let page = include_str!("../../../../docs/settings.md");
    let parts = page.split("```json\n").skip(1);
    let texts = parts.map(|part| part.split("```").next().unwrap());
    texts
        .map(|text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")))
        .collect()
}

#[test]
fn the_defaults_and_every_example_are_valid() {
    let defaults = serde_json::to_value(Settings::default()).unwrap();
    assert!(is_valid(&defaults));
    assert!(is_valid(&json!({})));
    let examples = examples();
    assert!(examples.len() >= 4);
    for example in examples {
        assert!(is_valid(&example), "{example}");
        Settings::check_value(&example)
            .unwrap_or_else(|mistakes| panic!("{mistakes:?}: {example}"));
    }
}

/// Everything that can be set, as it is set.
fn everything() -> Value {
    let text = json!({"en": "x", "zh-TW": "x"});
    let week = json!({"time_zone": "Asia/Taipei", "weekly": {"mon": ["09:00-24:00"]},
        "exceptions": {"2026-12-25": []}});
    let mut hours = week.clone();
    hours["outside"] = json!("refuse");
    hours["text"] = text.clone();
    let silence = json!({"warn_after_seconds": 60, "warning": text, "end_after_seconds": 90,
        "farewell": text});
    let of_a_bot = json!({
        "greeting": text, "language": "zh-TW", "desk": "slack", "desks": ["slack", "console"],
        "hours": hours, "agent_names": true,
        "waiting": {"texts": [{"after_seconds": 60, "text": text}], "then": "end",
            "then_after_seconds": 90, "farewell": text, "alarm_after_seconds": 0},
        "idle": {"user": silence, "agent": silence},
        "message": {"text": text, "first_within_seconds": 60, "quiet_seconds": 60,
            "thanks": text, "farewell": text},
    });
    let mut all = of_a_bot.clone();
    for (name, value) in [
        ("$schema", json!("settings.schema.json")),
        ("desk_patience_seconds", json!(60)),
        ("desk_hours", json!({"slack": week})),
        ("retry_age_seconds", json!(60)),
        ("reply_max_chars", json!(100)),
        ("retention_days", json!(30)),
        ("bots", json!({"b": of_a_bot})),
    ] {
        all[name] = value;
    }
    all
}

/// The places of all values in a document.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let at = format!("{at}/{name}");
                all.push(at.clone());
                places(value, &at, all);
            }
        }
        Value::Array(elements) => {
            for (n, value) in elements.iter().enumerate() {
                let at = format!("{at}/{n}");
                all.push(at.clone());
                places(value, &at, all);
            }
        }
        _ => {}
    }
}

/// Members whose own members have names that the operator gives.
const FREE: [&str; 4] = ["bots", "desk_hours", "exceptions", "mon"];

#[test]
fn what_the_schema_takes_the_functions_take_and_the_other_way_round() {
    let all = everything();
    assert!(is_valid(&all));
    Settings::check_value(&all).unwrap();
    let mut paths = Vec::new();
    places(&all, "", &mut paths);
    assert!(paths.len() > 100);
    let mut refused = 0;
    for path in paths {
        let wrong = [
            json!(-1),
            json!(""),
            json!({"hush": 1}),
            json!([7]),
            json!(true),
            json!(1e9),
        ];
        for value in wrong {
            let mut document = all.clone();
            *document.pointer_mut(&path).unwrap() = value.clone();
            let ours = Settings::check_value(&document).is_ok();
            assert_eq!(is_valid(&document), ours, "{value} at {path}");
            refused += usize::from(!ours);
        }
        // A member that nobody knows.
        let mut document = all.clone();
        let place = document.pointer_mut(&path).unwrap();
        let free = FREE.iter().any(|name| path.ends_with(name));
        let texts = place.get("en").is_some();
        if let Some(members) = place.as_object_mut().filter(|_| !free && !texts) {
            members.insert("misspelt".to_owned(), json!("x"));
            assert!(!is_valid(&document), "{path}");
            assert!(Settings::check_value(&document).is_err(), "{path}");
        }
    }
    assert!(refused > 400, "{refused}");
}
