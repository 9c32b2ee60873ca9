//! The Runtime API against a function that the AWS runtime itself runs. This test's own
//! executable is the function: `echo_function` is ignored unless it is started as one.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test"
)]

use std::time::Duration;

use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use local_aws::runtime_api::{InvocationError, LambdaFunction, LambdaProcess, StartError};
use serde_json::{Value, json};

/// What the function's process runs.
#[test]
#[ignore = "started as a process of its own by the other tests"]
fn echo_function() {
    if std::env::var("REFUSE_TO_START").is_ok() {
        std::process::exit(3);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(lambda_runtime::run(service_fn(echo)))
        .unwrap();
}

async fn echo(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    match event.payload["do"].as_str() {
        Some("fail") => Err("as told".into()),
        Some("panic") => panic!("as told"),
        Some("exit") => std::process::exit(7),
        Some("sleep") => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(Value::Null)
        }
        Some("log") => {
            eprintln!("the needle in stderr");
            println!("the needle in stdout");
            Ok(Value::Null)
        }
        _ => Ok(json!({
            "echo": event.payload,
            "arn": event.context.invoked_function_arn,
            "request_id": event.context.request_id,
            "variables": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
        })),
    }
}

fn function() -> LambdaFunction {
    LambdaFunction::new(std::env::current_exe().unwrap())
        .name("echo")
        .arg("--ignored")
        .arg("--exact")
        .arg("echo_function")
        .arg("--nocapture")
        .env("OWN", "value")
}

async fn start() -> LambdaProcess {
    function().start().await.unwrap()
}

#[tokio::test]
async fn an_event_goes_in_and_the_answer_comes_out() {
    let process = start().await;
    let answer = process.invoke(json!({"text": "grüß\n𝄞"})).await.unwrap();
    assert_eq!(answer["echo"], json!({"text": "grüß\n𝄞"}));
    assert_eq!(
        answer["arn"],
        "arn:aws:lambda:us-east-1:123456789012:function:echo"
    );
    assert_eq!(answer["variables"]["OWN"], "value");
    assert_eq!(answer["variables"]["AWS_LAMBDA_FUNCTION_NAME"], "echo");
    assert!(
        answer["variables"].get("CARGO_MANIFEST_DIR").is_none(),
        "the environment is the function's own: {answer}"
    );

    let second = process.invoke(json!({})).await.unwrap();
    assert_ne!(second["request_id"], answer["request_id"]);
}

#[tokio::test]
async fn invocations_wait_for_one_another() {
    let process = start().await;
    let answers =
        futures_util::future::join_all((0..20).map(|number| process.invoke(json!(number))));
    for (number, answer) in answers.await.into_iter().enumerate() {
        assert_eq!(answer.unwrap()["echo"], number);
    }
}

#[tokio::test]
async fn an_error_and_a_panic_fail_the_invocation_and_nothing_else() {
    let process = start().await;
    for what in ["fail", "panic"] {
        let failure = process.invoke(json!({"do": what})).await.unwrap_err();
        let InvocationError::Failed { error_message, .. } = failure else {
            panic!("{failure:?}");
        };
        assert!(error_message.contains("as told"), "{error_message}");
    }
    assert!(process.invoke(json!({})).await.is_ok());
}

#[tokio::test]
async fn what_is_written_can_be_searched() {
    let process = start().await;
    process.invoke(json!({"do": "log"})).await.unwrap();
    for needle in ["the needle in stderr", "the needle in stdout"] {
        assert!(
            process.wait_for_log(needle, Duration::from_secs(10)).await,
            "{}",
            process.logs()
        );
    }
    assert!(!process.wait_for_log("no such thing", Duration::ZERO).await);
}

#[tokio::test]
async fn a_process_that_ends_or_hangs_is_reported() {
    let process = start().await;
    let ended = process.invoke(json!({"do": "exit"})).await;
    assert!(
        matches!(&ended, Err(InvocationError::Exited(status)) if status.contains('7')),
        "{ended:?}"
    );
    let after = process.invoke(json!({})).await;
    assert!(
        matches!(after, Err(InvocationError::Exited(_))),
        "{after:?}"
    );

    let timeout = Duration::from_millis(300);
    let process = function().timeout(timeout).start().await.unwrap();
    let slow = process.invoke(json!({"do": "sleep"})).await;
    assert_eq!(slow, Err(InvocationError::TimedOut(timeout)));
    process.kill().await;
    assert_eq!(process.process_id(), None);
}

#[tokio::test]
async fn a_process_that_does_not_come_up_is_an_error() {
    let failure = function()
        .env("REFUSE_TO_START", "1")
        .start()
        .await
        .unwrap_err();
    assert!(matches!(failure, StartError::Exited { .. }), "{failure:?}");
    let missing = LambdaProcess::start("/no/such/function", [("A", "B")]).await;
    assert!(matches!(missing, Err(StartError::Io(_))), "{missing:?}");
}
