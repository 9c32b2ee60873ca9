//! Alarms: for every function and every way in which messages could get stuck.

use std::collections::BTreeSet;

use handoff::metrics::{Metric, NAMESPACE};
use serde_json::{Value, json};
use template::Template;

/// A figure in one line: namespace, metric and what it is of.
fn figure(alarm: &Value) -> String {
    let of: Vec<_> = alarm["Dimensions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|dimension| Template::text(&dimension["Value"]))
        .collect();
    format!(
        "{} {} {}",
        Template::text(&alarm["Namespace"]),
        Template::text(&alarm["MetricName"]),
        of.join(",")
    )
}

/// What is wrong with the alarms of a template.
fn wrong(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut figures = BTreeSet::new();
    for (id, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        figures.insert(figure(alarm));
        let topic = json!([{"Ref": "AlarmTopic"}]);
        if alarm["AlarmActions"] != topic || alarm["OKActions"] != topic {
            wrong.push(format!("{id} tells nobody"));
        }
        let silence = alarm["TreatMissingData"].as_str().unwrap_or_default();
        let expected = match id {
            "ClockStoppedAlarm" => "breaching",
            "UndeliveredAlarm" => "ignore",
            _ => "notBreaching",
        };
        if silence != expected {
            wrong.push(format!("{id} takes silence for {silence:?}"));
        }
        if alarm["AlarmDescription"].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{id} does not say what it means"));
        }
        if alarm["Namespace"] == NAMESPACE {
            let name = alarm["MetricName"].as_str().unwrap();
            let dimensions: Vec<_> = alarm["Dimensions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|dimension| dimension["Name"].as_str().unwrap())
                .collect();
            let written = Metric::ALL
                .iter()
                .filter(|metric| metric.name() == name)
                .any(|metric| metric.dimensions().contains(&dimensions.as_slice()));
            if !written {
                wrong.push(format!("{id}: no function writes {name} by {dimensions:?}"));
            }
        }
    }
    let mut expected: Vec<String> = [
        "AWS/ApiGateway 5xx Api",
        "AWS/Lambda IteratorAge RelayFunction",
        "AWS/Lambda Invocations ClockFunction",
        "AWS/SQS ApproximateNumberOfMessagesVisible BellsDeadLetterQueue.QueueName",
        "AWS/SQS ApproximateAgeOfOldestMessage BellsQueue.QueueName",
        "AWS/DynamoDB ReadThrottleEvents ConversationsTable",
        "AWS/DynamoDB WriteThrottleEvents ConversationsTable",
        "HandoffForGPTBots OldestUndelivered AWS::StackName",
        "HandoffForGPTBots Failed AWS::StackName",
        "HandoffForGPTBots RefusedWebhooks AWS::StackName",
        "HandoffForGPTBots Strays AWS::StackName",
        "HandoffForGPTBots Unattended AWS::StackName",
    ]
    .map(str::to_owned)
    .into();
    for function in template.functions().into_keys() {
        expected.push(format!("AWS/Lambda Errors {function}"));
        expected.push(format!("AWS/Lambda Throttles {function}"));
    }
    for figure in expected {
        if !figures.contains(&figure) {
            wrong.push(format!("no alarm on {figure}"));
        }
    }
    wrong
}

#[test]
fn everything_that_can_go_wrong_sets_off_an_alarm() {
    let template = Template::of_the_project();
    let wrong = wrong(&template);
    assert!(wrong.is_empty(), "{wrong:#?}");
    let undelivered = template.properties("UndeliveredAlarm");
    let seconds = undelivered["Threshold"].as_i64().unwrap();
    assert_eq!(seconds * 1000, handoff::store::OVERDUE);
    assert_eq!(template.properties("FailedEntriesAlarm")["Threshold"], 1);
}

#[test]
fn alarms_that_would_stay_silent_are_found() {
    let alarm = |name: &str| format!("/Resources/{name}/Properties");
    for (pointer, value) in [
        (
            alarm("ChatErrorsAlarm") + "/Dimensions/0/Value",
            json!({"Ref": "RelayFunction"}),
        ),
        (alarm("ChatErrorsAlarm") + "/AlarmActions", json!([])),
        (
            alarm("ClockStoppedAlarm") + "/TreatMissingData",
            json!("notBreaching"),
        ),
        (
            alarm("FailedEntriesAlarm") + "/MetricName",
            json!("FailedEntries"),
        ),
        (
            alarm("FailedEntriesAlarm") + "/Dimensions/0/Name",
            json!("Deployment"),
        ),
        (
            "/Resources/NewFunction".to_owned(),
            json!({"Type": "AWS::Serverless::Function", "Properties": {}}),
        ),
    ] {
        let broken = Template::of_the_project().with(&pointer, value);
        assert!(!wrong(&broken).is_empty(), "{pointer}");
    }
}

#[test]
fn alarms_reach_whoever_gave_an_address() {
    let template = Template::of_the_project();
    let subscription = &template.section("Resources")["AlarmSubscription"];
    assert_eq!(subscription["Condition"], "HasAlarmEmail");
    assert_eq!(
        subscription["Properties"]["Endpoint"],
        json!({"Ref": "AlarmEmail"})
    );
    let statements = &template.properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"];
    assert_eq!(
        statements[0]["Principal"],
        json!({"Service": "cloudwatch.amazonaws.com"})
    );
    assert_eq!(statements[0]["Action"], "sns:Publish");
}

#[test]
fn what_the_api_turns_away_is_found_in_its_log() {
    let template = Template::of_the_project();
    let filter = template.properties("ApiThrottledFilter");
    let written = &filter["MetricTransformations"][0];
    let alarm = template.properties("ApiThrottledAlarm");
    assert_eq!(filter["LogGroupName"], json!({"Ref": "ApiLogs"}));
    assert_eq!(written["MetricNamespace"], alarm["Namespace"]);
    assert_eq!(written["MetricName"], alarm["MetricName"]);
    assert_eq!(filter["FilterPattern"], r#"{ $.status = "429" }"#);
}
