//! Nothing of what people write, who they are and what opens doors is where operators look.

use serde_json::Value;

use super::scene::Scene;
use crate::aws::{aws, processes_of};
use crate::error::{Error, ensure, failed};
use crate::report::Report;
use crate::stack::Stack;

/// What an access log's format may name: nothing of the path, the query, a body or a header.
const LOGGED: [&str; 13] = [
    "requestId",
    "extendedRequestId",
    "requestTime",
    "requestTimeEpoch",
    "routeKey",
    "stage",
    "status",
    "responseLatency",
    "integrationLatency",
    "integrationStatus",
    "responseLength",
    "error.responseType",
    "httpMethod",
];

/// Makes them, after everything else has been through the stack.
pub(crate) async fn checks(report: &mut Report, scene: &Scene) {
    report
        .check(
            "secrecy: no marked value in the logs of any function, at TRACE",
            "the emulator's log groups hold what the functions print, since it runs the shipped \
             binaries; and their AWS_LAMBDA_LOG_LEVEL, which is looked at",
            logs(scene),
        )
        .await;
    report
        .check(
            "secrecy: no marked value in outputs, parameters and environment variables",
            "what the emulator's CloudFormation and Lambda show, which is what was deployed",
            shown(scene),
        )
        .await;
    report
        .check(
            "secrecy: the access log names the route and neither path, query, header nor address",
            "the stage's format alone: the emulator writes no access log",
            access_log(scene),
        )
        .await;
    report
        .check(
            "secrecy: nothing is left in the queue of bells, and its dead-letter queue is empty",
            "the emulator's SQS",
            queues(scene),
        )
        .await;
}

async fn logs(scene: &Scene) -> Result<String, Error> {
    let groups = aws(&["logs", "describe-log-groups"]).await?;
    let (mut lines, mut with_lines, mut bytes) = (0, 0, 0);
    let mut names_a_conversation = false;
    let some_conversation = scene
        .gptbots
        .received()
        .first()
        .map(|one| one.conversation_id.clone());
    for group in groups["logGroups"].as_array().into_iter().flatten() {
        let name = group["logGroupName"].as_str().unwrap_or_default();
        let events = aws(&["logs", "filter-log-events", "--log-group-name", name]).await?;
        let mut has = false;
        for event in events["events"].as_array().into_iter().flatten() {
            let message = event["message"].as_str().unwrap_or_default();
            let found = scene.marks().found_in(message);
            ensure(found.is_empty(), || {
                format!("{name} has {}", found.join(", "))
            })?;
            names_a_conversation |= some_conversation
                .as_ref()
                .is_some_and(|id| message.contains(id.as_str()));
            lines += 1;
            bytes += message.len();
            has = true;
        }
        with_lines += usize::from(has);
    }
    // The search finds something: ids are there. And every function has been talkative.
    ensure(names_a_conversation, || {
        "the logs are not those of this run".to_owned()
    })?;
    let functions = scene.stack.of_type("AWS::Lambda::Function");
    ensure(with_lines >= functions.len(), || {
        format!(
            "only {with_lines} groups have lines, of {} functions",
            functions.len()
        )
    })?;
    for function in &functions {
        for process in processes_of(&scene.stack.physical(function)?)? {
            ensure(
                process.variable("AWS_LAMBDA_LOG_LEVEL") == Some("TRACE"),
                || format!("{function} does not log at TRACE"),
            )?;
        }
    }
    let marks = scene.marks().len();
    Ok(format!(
        "{marks} values in {lines} lines ({bytes} bytes) of {with_lines} log groups"
    ))
}

async fn shown(scene: &Scene) -> Result<String, Error> {
    let stack = Stack::describe().await?;
    let found = scene.marks().found_in(&stack.shown());
    ensure(found.is_empty(), || {
        format!("the stack shows {}", found.join(", "))
    })?;
    let mut variables = 0;
    for function in stack.of_type("AWS::Lambda::Function") {
        let name = stack.physical(&function)?;
        let known = aws(&[
            "lambda",
            "get-function-configuration",
            "--function-name",
            &name,
        ])
        .await?;
        let found = scene.marks().found_in(&known.to_string());
        ensure(found.is_empty(), || {
            format!("{function} shows {}", found.join(", "))
        })?;
        variables += known["Environment"]["Variables"]
            .as_object()
            .map_or(0, |all| all.len());
    }
    Ok(format!(
        "{variables} environment variables of the functions, and all the stack shows"
    ))
}

async fn access_log(scene: &Scene) -> Result<String, Error> {
    let api = scene.stack.physical("Api")?;
    let stages = aws(&["apigatewayv2", "get-stages", "--api-id", &api]).await?;
    let Some(format) = stages["Items"][0]["AccessLogSettings"]["Format"].as_str() else {
        return failed("the stage has no access log");
    };
    let variables: Vec<&str> = format
        .split("$context.")
        .skip(1)
        .map(|rest| rest.split(['"', ' ', ',', '}']).next().unwrap_or_default())
        .collect();
    for variable in &variables {
        ensure(LOGGED.contains(variable), || format!("it logs {variable}"))?;
    }
    ensure(variables.contains(&"routeKey"), || {
        "it does not log the route".to_owned()
    })?;
    Ok(format!("it logs {}", variables.join(", ")))
}

async fn queues(scene: &Scene) -> Result<String, Error> {
    for queue in ["BellsQueue", "BellsDeadLetterQueue"] {
        let url = scene.stack.physical(queue)?;
        let known = aws(&[
            "sqs",
            "get-queue-attributes",
            "--queue-url",
            &url,
            "--attribute-names",
            "All",
        ])
        .await?;
        let count = |name: &str| match &known["Attributes"][name] {
            Value::String(number) => number.parse().unwrap_or(u64::MAX),
            _ => u64::MAX,
        };
        let left = count("ApproximateNumberOfMessages");
        ensure(left == 0, || format!("{queue} holds {left}"))?;
    }
    Ok("both are empty".to_owned())
}
