//! Which records a mapping hands on.

use serde_json::{Map, Value};

use crate::Error;

/// Filter criteria of an event source mapping: a record passes if one of the patterns fits.
///
/// A pattern is an object of the record's shape whose leaves are lists of rules, one of which has
/// to hold: text, a number, a boolean, `null`, `{"exists": …}`, `{"prefix": …}`, `{"suffix": …}`,
/// `{"equals-ignore-case": …}` and `{"anything-but": […]}`; `"$or"` takes a list of patterns. As
/// in Lambda, `exists` sees only leaves: DynamoDB's type has to be named, such as
/// `{"out": {"S": [{"exists": true}]}}`. See
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax>.
#[derive(Clone, Debug, Default)]
pub struct FilterCriteria(Vec<Map<String, Value>>);

impl FilterCriteria {
    /// Criteria of patterns as JSON texts. Without a pattern every record passes.
    ///
    /// # Errors
    /// A pattern is no JSON object, or has a rule that is not known here.
    pub fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Self, Error> {
        let patterns = patterns.into_iter().map(|pattern| {
            let pattern = pattern.as_ref();
            let invalid =
                |why: String| Error::Invalid(format!("filter pattern `{pattern}`: {why}"));
            match serde_json::from_str(pattern) {
                Ok(Value::Object(object)) => check(&object).map(|()| object).map_err(invalid),
                Ok(_) => Err(invalid("not an object".to_owned())),
                Err(error) => Err(invalid(error.to_string())),
            }
        });
        patterns.collect::<Result<_, _>>().map(Self)
    }

    /// Criteria as a template has them: `{"Filters": [{"Pattern": "…"}]}`.
    ///
    /// # Errors
    /// They have another form, or a pattern is none.
    pub fn from_value(criteria: &Value) -> Result<Self, Error> {
        let form = || Error::Invalid(format!("not filter criteria: {criteria}"));
        let filters = criteria["Filters"].as_array().ok_or_else(form)?;
        let patterns = filters
            .iter()
            .map(|filter| filter["Pattern"].as_str().ok_or_else(form));
        Self::new(patterns.collect::<Result<Vec<_>, _>>()?)
    }

    /// Whether the record passes.
    #[must_use]
    pub fn matches(&self, record: &Value) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| object(pattern, Some(record)))
    }
}

/// Refuses what would otherwise silently never match.
fn check(pattern: &Map<String, Value>) -> Result<(), String> {
    if pattern.is_empty() {
        return Err("an empty object".to_owned());
    }
    for (name, value) in pattern {
        match value {
            Value::Object(nested) => check(nested)?,
            Value::Array(patterns) if name == "$or" => {
                for pattern in patterns {
                    check(pattern.as_object().ok_or("`$or` takes patterns")?)?;
                }
            }
            Value::Array(rules) => rules.iter().try_for_each(check_rule)?,
            _ => return Err(format!("`{name}` is neither an object nor a list of rules")),
        }
    }
    Ok(())
}

fn check_rule(rule: &Value) -> Result<(), String> {
    let Value::Object(operator) = rule else {
        return match rule {
            Value::Array(_) => Err("a list in a list of rules".to_owned()),
            _ => Ok(()),
        };
    };
    let mut operators = operator.iter();
    match (operators.next(), operators.next()) {
        (Some((name, value)), None) => match (name.as_str(), value) {
            ("exists", Value::Bool(_))
            | ("prefix" | "suffix" | "equals-ignore-case", Value::String(_))
            | ("anything-but", Value::String(_) | Value::Number(_) | Value::Array(_)) => Ok(()),
            _ => Err(format!("rule {rule} is not known here")),
        },
        _ => Err(format!("rule {rule} is not one operator")),
    }
}

fn object(pattern: &Map<String, Value>, event: Option<&Value>) -> bool {
    pattern.iter().all(|(name, expected)| match expected {
        Value::Array(patterns) if name == "$or" => patterns
            .iter()
            .filter_map(Value::as_object)
            .any(|pattern| object(pattern, event)),
        _ => {
            let present = event.and_then(|event| event.get(name));
            match expected {
                Value::Object(nested) => match present {
                    Some(Value::Array(many)) => many.iter().any(|one| object(nested, Some(one))),
                    present => object(nested, present),
                },
                Value::Array(rules) => rules.iter().any(|rule| holds(rule, present)),
                _ => false,
            }
        }
    })
}

/// Whether one rule holds for what is at the leaf; of a list, for one of its elements.
fn holds(rule: &Value, present: Option<&Value>) -> bool {
    let leaf = present.filter(|value| !value.is_object());
    if let Some(exists) = rule.get("exists") {
        return leaf.is_some() == (exists == &Value::Bool(true));
    }
    match leaf {
        None => false,
        Some(Value::Array(many)) => many.iter().any(|one| fits(rule, one)),
        Some(one) => fits(rule, one),
    }
}

fn fits(rule: &Value, value: &Value) -> bool {
    let Some((operator, argument)) = rule.as_object().and_then(|rule| rule.iter().next()) else {
        return rule == value;
    };
    let both = value.as_str().zip(argument.as_str());
    match operator.as_str() {
        "prefix" => both.is_some_and(|(value, prefix)| value.starts_with(prefix)),
        "suffix" => both.is_some_and(|(value, suffix)| value.ends_with(suffix)),
        "equals-ignore-case" => {
            both.is_some_and(|(value, other)| value.to_lowercase() == other.to_lowercase())
        }
        "anything-but" => match argument {
            Value::Array(excluded) => !excluded.contains(value),
            excluded => excluded != value,
        },
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(pattern: &Value, record: &Value) -> bool {
        FilterCriteria::new([pattern.to_string()])
            .unwrap()
            .matches(record)
    }

    #[test]
    fn rules_hold_as_documented() {
        let record = json!({
            "eventName": "INSERT",
            "dynamodb": {"NewImage": {
                "out": {"S": "desk#1"},
                "n": {"N": "5"},
                "tags": {"SS": ["a", "b"]},
                "flag": {"BOOL": true},
            }},
        });
        let image = |pattern: Value| json!({"dynamodb": {"NewImage": pattern}});
        for (pattern, expected) in [
            (json!({"eventName": ["INSERT"]}), true),
            (json!({"eventName": ["REMOVE", "INSERT"]}), true),
            (json!({"eventName": ["REMOVE"]}), false),
            (json!({"eventName": ["insert"]}), false),
            (
                json!({"eventName": [{"equals-ignore-case": "insert"}]}),
                true,
            ),
            (image(json!({"out": {"S": [{"exists": true}]}})), true),
            (image(json!({"none": {"S": [{"exists": true}]}})), false),
            (image(json!({"none": {"S": [{"exists": false}]}})), true),
            (image(json!({"out": {"S": [{"exists": false}]}})), false),
            // Only leaves exist: the usual mistake with DynamoDB records.
            (image(json!({"out": [{"exists": true}]})), false),
            (image(json!({"out": [{"exists": false}]})), true),
            (image(json!({"out": {"S": [{"prefix": "desk#"}]}})), true),
            (image(json!({"out": {"S": [{"prefix": "user#"}]}})), false),
            (image(json!({"out": {"S": [{"suffix": "#1"}]}})), true),
            (
                image(json!({"out": {"S": [{"prefix": "x"}, "desk#1"]}})),
                true,
            ),
            (image(json!({"n": {"N": ["5"]}})), true),
            (image(json!({"n": {"N": [5]}})), false),
            (image(json!({"tags": {"SS": ["b"]}})), true),
            (image(json!({"tags": {"SS": ["c"]}})), false),
            (image(json!({"flag": {"BOOL": [true]}})), true),
            (
                image(json!({"out": {"S": [{"anything-but": ["desk#1"]}]}})),
                false,
            ),
            (image(json!({"out": {"S": [{"anything-but": "x"}]}})), true),
            (
                image(json!({"out": {"S": ["desk#1"]}, "n": {"N": ["6"]}})),
                false,
            ),
            (
                json!({"$or": [{"eventName": ["X"]}, {"eventName": ["INSERT"]}]}),
                true,
            ),
            (
                json!({"$or": [{"eventName": ["X"]}, {"eventName": ["Y"]}]}),
                false,
            ),
        ] {
            assert_eq!(matches(&pattern, &record), expected, "{pattern}");
        }
    }

    #[test]
    fn one_of_several_patterns_is_enough_and_none_lets_all_pass() {
        let record = json!({"eventName": "MODIFY"});
        let patterns = [r#"{"eventName":["INSERT"]}"#, r#"{"eventName":["MODIFY"]}"#];
        assert!(FilterCriteria::new(patterns).unwrap().matches(&record));
        assert!(FilterCriteria::default().matches(&record));
        let criteria = json!({"Filters": [{"Pattern": patterns[0]}]});
        assert!(
            !FilterCriteria::from_value(&criteria)
                .unwrap()
                .matches(&record)
        );
    }

    #[test]
    fn what_would_never_match_is_refused() {
        for pattern in [
            "[]",
            "{",
            "{}",
            r#"{"a": "text"}"#,
            r#"{"a": [{"numeric": ["<", 5]}]}"#,
            r#"{"a": [{"exists": "yes"}]}"#,
            r#"{"a": [{"prefix": "a", "suffix": "b"}]}"#,
            r#"{"a": [["b"]]}"#,
        ] {
            assert!(FilterCriteria::new([pattern]).is_err(), "{pattern}");
        }
        assert!(FilterCriteria::from_value(&json!({"Filters": [{}]})).is_err());
    }
}
