//! The functions: how they are built, their logs, and what rings the relay.

use serde_json::{Value, json};
use template::Template;

/// What is wrong with the functions of a template.
fn wrong(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let globals = &template.section("Globals")["Function"];
    must(
        globals["Runtime"] == "provided.al2023",
        "the runtime".to_owned(),
    );
    must(
        globals["Architectures"] == json!([{"Ref": "Architecture"}]),
        "the architecture".to_owned(),
    );
    must(
        globals["LoggingConfig"]["LogFormat"] == "JSON",
        "the logs' format".to_owned(),
    );
    // Without it nothing of the functions' own is counted.
    must(
        globals["Environment"]["Variables"]["METRICS_STACK"] == json!({"Ref": "AWS::StackName"}),
        "the metrics' stack".to_owned(),
    );
    for (id, function) in template.functions() {
        let name = id.trim_end_matches("Function");
        let folder = format!("functions/{}/", name.to_lowercase());
        must(
            function["CodeUri"] == json!(folder),
            format!("{id}: its code"),
        );
        let built = &template.section("Resources")[id]["Metadata"]["BuildMethod"];
        must(
            built == "rust-cargolambda",
            format!("{id}: how it is built"),
        );
        let logs = format!("{name}Logs");
        must(
            function["LoggingConfig"]["LogGroup"] == json!({"Ref": logs}),
            format!("{id}: its log group"),
        );
        must(
            template.resources().any(|(id, _)| id == logs),
            format!("{id}: no log group {logs}"),
        );
    }
    for (id, group) in template.of_type("AWS::Logs::LogGroup") {
        must(
            group["RetentionInDays"] == json!({"Ref": "LogRetentionDays"}),
            format!("{id}: its logs are kept for ever"),
        );
    }
    wrong
}

#[test]
fn every_function_is_built_and_logs_as_it_should() {
    let template = Template::of_the_project();
    let wrong = wrong(&template);
    assert!(wrong.is_empty(), "{wrong:#?}");
    let expected = [
        "Chat",
        "Clock",
        "Close",
        "Console",
        "Desk",
        "Establish",
        "Relay",
    ];
    let functions: Vec<_> = template.functions().into_keys().collect();
    assert_eq!(functions, expected.map(|name| format!("{name}Function")));
}

#[test]
fn logs_without_an_end_and_without_a_group_are_found() {
    for (pointer, value) in [
        (
            "/Resources/ChatLogs/Properties/RetentionInDays",
            Value::Null,
        ),
        (
            "/Resources/ChatFunction/Properties/LoggingConfig",
            Value::Null,
        ),
        ("/Globals/Function/LoggingConfig/LogFormat", json!("Text")),
        (
            "/Globals/Function/Environment/Variables/METRICS_STACK",
            Value::Null,
        ),
    ] {
        let broken = Template::of_the_project().with(pointer, value);
        assert!(!wrong(&broken).is_empty(), "{pointer}");
    }
}

#[test]
fn the_stream_is_a_doorbell() {
    let template = Template::of_the_project();
    let mapping = template.properties("RelayStreamMapping");
    let expected = json!({
        "StartingPosition": "TRIM_HORIZON",
        // Nothing but the stream's own age drops a bell.
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "BisectBatchOnFunctionError": true,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&mapping[name], value, "{name}");
    }
    let parallel = mapping["ParallelizationFactor"].as_u64().unwrap();
    assert!((1..=10).contains(&parallel));
    assert_ne!(mapping["Enabled"], false);
    let filters = mapping["FilterCriteria"]["Filters"].as_array().unwrap();
    let pattern: Value = serde_json::from_str(filters[0]["Pattern"].as_str().unwrap()).unwrap();
    assert_eq!(filters.len(), 1);
    assert_eq!(
        pattern,
        json!({"dynamodb": {"NewImage": {
            "delivery": {"S": ["pending"]}, "out": {"S": [{"exists": true}]}}}})
    );
    // A stream serves two readers well: the second place stays free.
    let readers = template
        .of_type("AWS::Lambda::EventSourceMapping")
        .filter(|(_, mapping)| Template::text(&mapping["EventSourceArn"]).contains("Stream"));
    assert_eq!(readers.count(), 1);
}

#[test]
fn the_queue_waits_for_the_relay() {
    let template = Template::of_the_project();
    let timeout = template.properties("RelayFunction")["Timeout"]
        .as_u64()
        .unwrap();
    let queue = template.properties("BellsQueue");
    assert!(queue["VisibilityTimeout"].as_u64().unwrap() >= 6 * timeout);
    assert_eq!(
        Template::text(&queue["RedrivePolicy"]["deadLetterTargetArn"]),
        "BellsDeadLetterQueue.Arn"
    );
    let mapping = template.properties("RelayBellsMapping");
    assert_eq!(
        mapping["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
}

#[test]
fn the_clock_ticks_every_minute_and_missed_ticks_are_not_made_up_for() {
    let template = Template::of_the_project();
    let schedule = template.properties("ClockSchedule");
    assert_eq!(schedule["ScheduleExpression"], "rate(1 minute)");
    assert_eq!(schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 0);
    let invoked = &template.properties("ClockFunction")["EventInvokeConfig"];
    assert_eq!(invoked["MaximumRetryAttempts"], 0);
}
