//! Least privilege, function by function: each role may do exactly what is listed here.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use template::Template;

const TABLE: &str = "ConversationsTable.Arn";
const DUE: &str = "ConversationsTable.Arn/index/due";
const LANES: &str = "ConversationsTable.Arn/index/lanes";

/// What a role may do besides writing its function's log: actions and what on.
type Allowed<'a> = &'a [(&'a str, &'a str)];

/// Every role, who takes it on, its log group, and what it may do.
const ROLES: [(&str, &str, Option<&str>, Allowed<'_>); 8] = [
    (
        "EstablishRole",
        "lambda",
        Some("EstablishLogs"),
        &[
            ("dynamodb:ConditionCheckItem", TABLE),
            ("dynamodb:GetItem", TABLE),
            ("dynamodb:PutItem", TABLE),
            ("dynamodb:UpdateItem", TABLE),
        ],
    ),
    (
        "ChatRole",
        "lambda",
        Some("ChatLogs"),
        &[("dynamodb:GetItem", TABLE), ("dynamodb:PutItem", TABLE)],
    ),
    (
        "CloseRole",
        "lambda",
        Some("CloseLogs"),
        &[
            ("dynamodb:ConditionCheckItem", TABLE),
            ("dynamodb:GetItem", TABLE),
            ("dynamodb:PutItem", TABLE),
            ("dynamodb:UpdateItem", TABLE),
        ],
    ),
    (
        "RelayRole",
        "lambda",
        Some("RelayLogs"),
        &[
            ("dynamodb:GetItem", TABLE),
            ("dynamodb:PutItem", TABLE),
            ("dynamodb:UpdateItem", TABLE),
            ("dynamodb:Query", TABLE),
            ("dynamodb:Query", LANES),
            ("secretsmanager:GetSecretValue", "Secrets"),
            ("sqs:SendMessage", "BellsQueue.Arn"),
            ("sqs:DeleteMessage", "BellsQueue.Arn"),
            ("sqs:GetQueueAttributes", "BellsQueue.Arn"),
            ("sqs:ReceiveMessage", "BellsQueue.Arn"),
            ("s3:GetObject", "FilesBucket.Arn/*"),
            ("s3:PutObject", "FilesBucket.Arn/*"),
            ("dynamodb:DescribeStream", "ConversationsTable.StreamArn"),
            ("dynamodb:GetRecords", "ConversationsTable.StreamArn"),
            ("dynamodb:GetShardIterator", "ConversationsTable.StreamArn"),
            // IAM knows no narrower resource for it.
            ("dynamodb:ListStreams", "*"),
        ],
    ),
    (
        "DeskRole",
        "lambda",
        Some("DeskLogs"),
        &[
            ("dynamodb:GetItem", TABLE),
            ("dynamodb:PutItem", TABLE),
            ("dynamodb:UpdateItem", TABLE),
            ("secretsmanager:GetSecretValue", "Secrets"),
        ],
    ),
    (
        "ConsoleRole",
        "lambda",
        Some("ConsoleLogs"),
        &[
            ("dynamodb:DeleteItem", TABLE),
            ("dynamodb:GetItem", TABLE),
            ("dynamodb:PutItem", TABLE),
            ("dynamodb:UpdateItem", TABLE),
            ("dynamodb:Query", TABLE),
            ("dynamodb:Query", "ConversationsTable.Arn/index/changes"),
            ("dynamodb:Query", "ConversationsTable.Arn/index/listed"),
            ("dynamodb:Query", DUE),
            ("s3:DeleteObject", "FilesBucket.Arn/*"),
        ],
    ),
    (
        "ClockRole",
        "lambda",
        Some("ClockLogs"),
        &[
            ("dynamodb:GetItem", TABLE),
            ("dynamodb:PutItem", TABLE),
            ("dynamodb:UpdateItem", TABLE),
            ("dynamodb:Query", DUE),
            ("dynamodb:Query", LANES),
            ("sqs:SendMessage", "BellsQueue.Arn"),
        ],
    ),
    (
        "ClockScheduleRole",
        "scheduler",
        None,
        &[("lambda:InvokeFunction", "ClockFunction.Arn")],
    ),
];

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(Template::text).collect(),
        one => vec![Template::text(one)],
    }
}

/// All pairs of action and resource that a policy allows. What allows in another way is named as
/// it is, and so equals nothing that is expected.
fn allowed_by(document: &Value) -> BTreeSet<(String, String)> {
    let mut allowed = BTreeSet::new();
    for statement in document["Statement"].as_array().unwrap() {
        let known = ["Effect", "Action", "Resource"];
        let plain = statement["Effect"] == "Allow"
            && statement
                .as_object()
                .unwrap()
                .keys()
                .all(|key| known.contains(&key.as_str()));
        if !plain {
            allowed.insert((statement.to_string(), String::new()));
            continue;
        }
        for action in strings(&statement["Action"]) {
            for resource in strings(&statement["Resource"]) {
                allowed.insert((action.clone(), resource));
            }
        }
    }
    allowed
}

/// What is wrong with the roles of a template.
fn wrong(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut known = BTreeSet::new();
    for (id, service, logs, listed) in ROLES {
        known.insert(id);
        let role = template.properties(id);
        let mut expected: BTreeSet<_> = listed
            .iter()
            .map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned()))
            .collect();
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            expected.extend(logs.map(|logs| (action.to_owned(), format!("{logs}.Arn"))));
        }
        let policies = role["Policies"].as_array().unwrap();
        let allowed: BTreeSet<_> = policies
            .iter()
            .flat_map(|policy| allowed_by(&policy["PolicyDocument"]))
            .collect();
        for extra in allowed.difference(&expected) {
            wrong.push(format!("{id} may {extra:?}"));
        }
        for missing in expected.difference(&allowed) {
            wrong.push(format!("{id} may not {missing:?}"));
        }
        if role.get("ManagedPolicyArns").is_some() {
            wrong.push(format!("{id} has managed policies"));
        }
        let trust = role["AssumeRolePolicyDocument"]["Statement"]
            .as_array()
            .unwrap();
        let principal = json!({"Service": format!("{service}.amazonaws.com")});
        if trust.len() != 1 || trust[0]["Principal"] != principal {
            wrong.push(format!("{id} can be taken on by {trust:?}"));
        }
    }
    for (id, _) in template.of_type("AWS::IAM::Role") {
        if !known.contains(id) {
            wrong.push(format!("{id} is not known here"));
        }
    }
    for (id, function) in template.functions() {
        let role = format!("{}Role", id.trim_end_matches("Function"));
        if function["Role"] != json!({"Fn::GetAtt": [role, "Arn"]}) {
            wrong.push(format!("{id} has not its own role"));
        }
        if function.get("Policies").is_some() {
            wrong.push(format!("{id} has policies besides its role's"));
        }
    }
    for (id, resource) in template.resources() {
        let kind = resource["Type"].as_str().unwrap();
        let policy = [
            "AWS::IAM::Policy",
            "AWS::IAM::ManagedPolicy",
            "AWS::IAM::RolePolicy",
        ];
        if policy.contains(&kind) && id != "TracingPolicy" {
            wrong.push(format!("{id} adds to a role"));
        }
    }
    wrong
}

#[test]
fn every_role_may_do_what_its_function_does_and_no_more() {
    let wrong = wrong(&Template::of_the_project());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tracing_may_trace_and_no_more_and_only_when_switched_on() {
    let template = Template::of_the_project();
    let policy = &template.section("Resources")["TracingPolicy"];
    assert_eq!(policy["Condition"], "Traced");
    let allowed = allowed_by(&policy["Properties"]["PolicyDocument"]);
    let expected = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        .map(|action| (action.to_owned(), "*".to_owned()));
    assert_eq!(allowed, expected.into());
}

#[test]
fn a_role_that_may_more_is_found() {
    let statements =
        |role| format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement");
    let chat = statements("ChatRole");
    let allow = |action: &str, resource: Value| json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let table = json!({"Fn::GetAtt": ["ConversationsTable", "Arn"]});
    for (pointer, value) in [
        (format!("{chat}/1/Action"), json!("dynamodb:*")),
        (format!("{chat}/1/Action/-"), json!("dynamodb:UpdateItem")),
        (format!("{chat}/1/Resource"), json!("*")),
        (
            format!("{chat}/-"),
            allow(
                "dynamodb:GetItem",
                json!({"Fn::GetAtt": ["OtherTable", "Arn"]}),
            ),
        ),
        (format!("{chat}/-"), allow("dynamodb:Query", table.clone())),
        (
            format!("{chat}/-"),
            json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        ),
        (
            "/Resources/ChatRole/Properties/ManagedPolicyArns".to_owned(),
            json!(["arn:aws:iam::aws:policy/AdministratorAccess"]),
        ),
        (
            "/Resources/ChatFunction/Properties/Policies".to_owned(),
            json!(["AmazonDynamoDBFullAccess"]),
        ),
        (
            "/Resources/ChatFunction/Properties/Role".to_owned(),
            json!({"Fn::GetAtt": ["RelayRole", "Arn"]}),
        ),
        (
            "/Resources/Extra".to_owned(),
            json!({"Type": "AWS::IAM::Policy", "Properties": {}}),
        ),
    ] {
        let broken = Template::of_the_project().with(&pointer, value);
        assert!(!wrong(&broken).is_empty(), "{pointer}");
    }
}
