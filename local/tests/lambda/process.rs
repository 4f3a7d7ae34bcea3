//! The function: this test program, started again with the name of one "test" that serves invocations.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn, streaming};
use lead_export_local::lambda::{FunctionSpec, exit_when_parent_dies};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The function `f`, with time enough for a busy machine.
pub(crate) fn spec() -> FunctionSpec {
    FunctionSpec {
        args: arguments("process::function"),
        timeout: Duration::from_mins(1),
        ..FunctionSpec::new("f", std::env::current_exe().unwrap())
    }
}

/// What makes this program run one of its ignored "tests", and show its output.
pub(crate) fn arguments(test: &str) -> Vec<String> {
    [test, "--exact", "--ignored", "--nocapture"]
        .map(str::to_owned)
        .into()
}

#[test]
#[ignore = "the process of the functions under test; the tests start it"]
fn function() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return;
    }
    exit_when_parent_dies();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let served = if std::env::var_os("STREAM").is_some() {
        runtime.block_on(lambda_runtime::run(service_fn(stream)))
    } else {
        runtime.block_on(lambda_runtime::run(service_fn(handle)))
    };
    served.unwrap();
}

async fn stream(
    _event: LambdaEvent<Value>,
) -> Result<streaming::Response<streaming::Body>, Diagnostic> {
    let (mut sender, body) = streaming::channel();
    tokio::spawn(async move {
        for part in ["one ", "two"] {
            sender.send_data(part.into()).await.unwrap();
        }
    });
    Ok(streaming::Response::from(body))
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let number = |name: &str| payload[name].as_u64().unwrap();
    match payload["do"].as_str().unwrap() {
        "echo" => Ok(payload["value"].clone()),
        "pid" => Ok(json!(std::process::id())),
        "length" => Ok(json!(payload["value"].as_str().unwrap().len())),
        "big" => Ok(json!("x".repeat(usize::try_from(number("size")).unwrap()))),
        "env" => Ok(std::env::vars()
            .map(|(name, value)| (name, json!(value)))
            .collect()),
        "context" => Ok(json!({
            "request_id": context.request_id,
            "arn": context.invoked_function_arn,
            "left_ms": u64::try_from(context.deadline().duration_since(SystemTime::now()).unwrap().as_millis()).unwrap(),
        })),
        "print" => {
            println!("\nto the output");
            eprintln!("to the error");
            Ok(Value::Null)
        }
        "error" => Err(Diagnostic {
            error_type: "Teapot".to_owned(),
            error_message: "short and stout".to_owned(),
        }),
        "panic" => panic!("on purpose"),
        "exit" => {
            print!("\nlast words");
            std::io::stdout().flush().unwrap();
            std::process::exit(i32::try_from(number("code")).unwrap());
        }
        "meet" => {
            let mut connection = visit(&payload).await;
            connection.read_u8().await.unwrap();
            Ok(json!(std::process::id()))
        }
        "hold" => {
            static HELD: Mutex<Vec<TcpStream>> = Mutex::new(Vec::new());
            let connection = visit(&payload).await;
            HELD.lock().unwrap().push(connection);
            Ok(json!(std::process::id()))
        }
        other => panic!("unknown: {other}"),
    }
}

/// Shows up at a meeting.
pub(crate) async fn visit(payload: &Value) -> TcpStream {
    let mut connection = TcpStream::connect(payload["at"].as_str().unwrap())
        .await
        .unwrap();
    connection.write_u32(std::process::id()).await.unwrap();
    connection
}
