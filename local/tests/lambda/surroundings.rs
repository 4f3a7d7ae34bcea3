//! What a process finds around it: its environment, its context, its limits, its log.

use std::collections::BTreeSet;
use std::time::Duration;

use lead_export_local::invoke::{Invoke, InvokeError};
use lead_export_local::lambda::{
    FunctionSpec, Lambdas, LogSink, REQUEST_LIMIT_BYTES, RESPONSE_LIMIT_BYTES,
};
use serde_json::json;

use crate::meeting::soon;
use crate::process::spec;
use crate::{call, failed, pid};

#[tokio::test]
async fn environment_is_what_lambda_sets_and_nothing_leaks() {
    let mut spec = spec();
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("TABLE", "leads"),
    ] {
        spec.env.insert(name.to_owned(), value.to_owned());
    }
    let lambdas = Lambdas::new(vec![spec]);
    let found = call(&lambdas, json!({"do": "env"})).await.unwrap();
    let mut expected: BTreeSet<&str> = [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "LANG",
        "TABLE",
        "TZ",
        "_HANDLER",
        // Set by the runtime inside the process, for every invocation.
        "_X_AMZN_TRACE_ID",
    ]
    .into();
    expected.extend(
        ["PATH", "TMPDIR"]
            .into_iter()
            .filter(|name| std::env::var_os(name).is_some()),
    );
    let names: BTreeSet<&str> = found
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(names, expected);
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("TABLE", "leads"),
        ("TZ", ":UTC"),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
    let stream = found["AWS_LAMBDA_LOG_STREAM_NAME"].as_str().unwrap();
    assert_eq!(stream.len(), "2026/08/01/[$LATEST]".len() + 32, "{stream}");
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn context_names_function_deadline_and_a_new_request_id() {
    let lambdas = Lambdas::new(vec![FunctionSpec {
        timeout: Duration::from_secs(30),
        ..spec()
    }]);
    let context = call(&lambdas, json!({"do": "context"})).await.unwrap();
    assert_eq!(
        context["arn"],
        "arn:aws:lambda:us-east-1:000000000000:function:f"
    );
    let left_ms = context["left_ms"].as_u64().unwrap();
    assert!((1..=30_000).contains(&left_ms), "{left_ms}");
    let again = call(&lambdas, json!({"do": "context"})).await.unwrap();
    assert_ne!(context["request_id"], again["request_id"]);
    assert!(uuid::Uuid::parse_str(again["request_id"].as_str().unwrap()).is_ok());
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn six_megabytes_pass_and_more_do_not() {
    let lambdas = Lambdas::new(vec![spec()]);
    // Two bytes are the quotes.
    let largest = RESPONSE_LIMIT_BYTES - 2;
    let answer = call(&lambdas, json!({"do": "big", "size": largest}))
        .await
        .unwrap();
    assert_eq!(answer.as_str().unwrap().len(), largest);
    let before = pid(&lambdas).await;
    assert_eq!(
        call(&lambdas, json!({"do": "big", "size": largest + 1})).await,
        failed(
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
        )
    );
    assert_eq!(
        pid(&lambdas).await,
        before,
        "the process survives a refused answer"
    );

    let request = |size: usize| {
        let frame = json!({"do": "length", "value": ""}).to_string().len();
        let request = json!({"do": "length", "value": "x".repeat(size - frame)}).to_string();
        assert_eq!(request.len(), size);
        request
    };
    lambdas
        .invoke("f", request(REQUEST_LIMIT_BYTES).into())
        .await
        .unwrap();
    match lambdas
        .invoke("f", request(REQUEST_LIMIT_BYTES + 1).into())
        .await
    {
        Err(InvokeError::Function { error_type, .. }) => {
            assert_eq!(error_type, "RequestTooLargeException");
        }
        other => panic!("{other:?}"),
    }
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn streamed_answer_arrives_whole() {
    let mut spec = spec();
    spec.env.insert("STREAM".to_owned(), "yes".to_owned());
    let lambdas = Lambdas::new(vec![spec]);
    let answer = soon(lambdas.invoke("f", "{}".into())).await.unwrap();
    // The head, eight zero bytes, the parts.
    let text = String::from_utf8_lossy(&answer);
    assert!(
        text.starts_with("{\"statusCode\":200") && text.ends_with("\0\0\0\0\0\0\0\0one two"),
        "{text}"
    );
    lambdas.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn output_of_both_kinds_reaches_the_log_before_stop_returns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/f.log");
    let lambdas = Lambdas::new(vec![FunctionSpec {
        log: LogSink::File(path.clone()),
        ..spec()
    }]);
    call(&lambdas, json!({"do": "print"})).await.unwrap();
    call(&lambdas, json!({"do": "exit", "code": 5}))
        .await
        .unwrap_err();
    lambdas.stop(Duration::ZERO).await;
    let log = std::fs::read_to_string(path).unwrap();
    for line in ["to the output", "to the error", "last words"] {
        assert_eq!(
            log.lines().filter(|found| *found == line).count(),
            1,
            "{line}: {log}"
        );
    }
    assert!(
        log.contains("Error: Runtime exited with error: exit status 5\n"),
        "{log}"
    );
}
