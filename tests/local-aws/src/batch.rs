//! Partial answers to a batch, the same for streams and queues.

use serde_json::Value;

/// The identifiers of the items that failed: none means success. `Err` where Lambda takes the
/// whole batch for failed; see
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>.
pub(crate) fn failed_items(answer: &Value) -> Result<Vec<&str>, &'static str> {
    let failures = match answer {
        Value::Null => return Ok(Vec::new()),
        Value::Object(fields) => match fields.get("batchItemFailures") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(failures)) => failures,
            Some(_) => return Err("batchItemFailures is no list"),
        },
        _ => return Err("the answer is no batch response"),
    };
    let identifiers = failures
        .iter()
        .map(|failure| match failure["itemIdentifier"].as_str() {
            None | Some("") => Err("a failed item has no itemIdentifier"),
            Some(identifier) => Ok(identifier),
        });
    identifiers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_mean_what_lambda_takes_them_for() {
        for success in [
            json!(null),
            json!({}),
            json!({"batchItemFailures": null}),
            json!({"batchItemFailures": []}),
        ] {
            assert_eq!(failed_items(&success), Ok(Vec::new()), "{success}");
        }
        for failure in [
            json!({"batchItemFailures": [{"itemIdentifier": ""}]}),
            json!({"batchItemFailures": [{"itemIdentifier": null}]}),
            json!({"batchItemFailures": [{"badKeyName": "1"}]}),
            json!({"batchItemFailures": "1"}),
            json!("fine"),
        ] {
            assert!(failed_items(&failure).is_err(), "{failure}");
        }
        let some = json!({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "1"}]});
        assert_eq!(failed_items(&some), Ok(vec!["2", "1"]));
    }
}
