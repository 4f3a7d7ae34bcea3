//! The protocol, spoken by a plain client.

use super::*;
use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Bench {
    desk: Arc<Desk>,
    reports: mpsc::UnboundedReceiver<Event>,
    address: SocketAddr,
    client: Client,
    _server: JoinSet<()>,
}

impl Bench {
    async fn new() -> Self {
        let (desk, reports) = Desk::new(
            Duration::from_secs(7),
            "arn:aws:lambda:r:0:function:f".to_owned(),
        );
        let mut server = JoinSet::new();
        let address = serve(Arc::clone(&desk), &mut server).await.unwrap();
        Self {
            desk,
            reports,
            address,
            client: Client::builder().no_proxy().build().unwrap(),
            _server: server,
        }
    }

    /// A bench whose process has taken the invocation `id`.
    async fn running(id: &str) -> Self {
        let mut bench = Self::new().await;
        bench.offer(id);
        assert_eq!(bench.next().await.status(), 200);
        assert!(matches!(bench.reports.recv().await, Some(Event::Taken(_))));
        bench
    }

    fn offer(&self, id: &str) {
        self.desk.offer(Invocation {
            id: id.to_owned(),
            payload: Bytes::from_static(b"{\"a\":1}"),
        });
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/2018-06-01/runtime/{path}", self.address)
    }

    async fn next(&self) -> reqwest::Response {
        self.client
            .get(self.url("invocation/next"))
            .send()
            .await
            .unwrap()
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let answer = self
            .client
            .post(self.url(path))
            .body(body)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn answered(&mut self) -> Result<Bytes, InvokeError> {
        match self.reports.recv().await {
            Some(Event::Answered(answer)) => answer,
            _ => panic!("no answer was filed"),
        }
    }

    /// Sends a chunked answer as it stands and returns the status line.
    async fn raw(&self, head: &str, chunks: &str) -> String {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             transfer-encoding: chunked\r\n{head}\r\n{chunks}"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap().to_owned()
    }
}

fn failure(error_type: &str, message: &str) -> Result<Bytes, InvokeError> {
    Err(InvokeError::Function {
        error_type: error_type.to_owned(),
        message: message.to_owned(),
    })
}

#[tokio::test]
async fn nobody_but_this_machine_is_served() {
    let bench = Bench::new().await;
    assert!(bench.address.ip().is_loopback(), "{}", bench.address);
}

#[tokio::test]
async fn next_waits_for_work_and_describes_it() {
    let bench = Bench::new().await;
    let next = bench.next();
    tokio::pin!(next);
    // The poll is on its way before there is work.
    while !bench.desk.books().asked {
        assert!(futures_util::poll!(&mut next).is_pending());
        tokio::task::yield_now().await;
    }
    bench.offer("1");
    let answer = next.await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("lambda-runtime-aws-request-id"), "1");
    assert_eq!(
        header("lambda-runtime-invoked-function-arn"),
        "arn:aws:lambda:r:0:function:f"
    );
    assert_eq!(header("content-type"), "application/json");
    let trace = header("lambda-runtime-trace-id");
    let shape: Vec<_> = trace.split(['-', ';', '=']).map(str::len).collect();
    assert_eq!(shape, [4, 1, 8, 24, 6, 16, 7, 1], "{trace}");
    let deadline_ms: u128 = header("lambda-runtime-deadline-ms").parse().unwrap();
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let left_ms = deadline_ms.saturating_sub(now_ms);
    assert!((1..=7_000).contains(&left_ms), "{left_ms}");
    assert_eq!(answer.bytes().await.unwrap(), "{\"a\":1}");
}

#[tokio::test]
async fn answer_is_filed_once_and_only_for_the_running_invocation() {
    let mut bench = Bench::running("1").await;
    let (status, refusal) = bench.post("invocation/2/response", "2").await;
    assert_eq!(
        (status, refusal["errorType"].as_str()),
        (400, Some("InvalidRequestID"))
    );
    assert_eq!(bench.next().await.status(), 403);
    let (status, accepted) = bench.post("invocation/1/response", "1").await;
    assert_eq!((status, accepted["status"].as_str()), (202, Some("OK")));
    assert_eq!(bench.answered().await, Ok(Bytes::from_static(b"1")));
    assert_eq!(bench.post("invocation/1/response", "1").await.0, 400);
    assert_eq!(bench.post("invocation/1/error", "{}").await.0, 400);
    assert!(bench.reports.try_recv().is_err());
}

#[tokio::test]
async fn failure_is_told_by_body_or_header() {
    for (body, header, expected) in [
        (
            r#"{"errorType":"Teapot","errorMessage":"short"}"#,
            Some("unhandled"),
            failure("Teapot", "short"),
        ),
        ("boom", Some("Kettle"), failure("Kettle", "boom")),
        ("", None, failure("Runtime.Unknown", "")),
    ] {
        let mut bench = Bench::running("1").await;
        let mut request = bench
            .client
            .post(bench.url("invocation/1/error"))
            .body(body);
        if let Some(header) = header {
            request = request.header("Lambda-Runtime-Function-Error-Type", header);
        }
        assert_eq!(request.send().await.unwrap().status(), 202);
        assert_eq!(bench.answered().await, expected);
    }
}

#[tokio::test]
async fn init_error_counts_before_the_first_poll_only() {
    let mut bench = Bench::new().await;
    bench.offer("1");
    let body = r#"{"errorType":"Config","errorMessage":"TABLE is missing"}"#;
    assert_eq!(bench.post("init/error", body).await.0, 202);
    match bench.reports.recv().await {
        Some(Event::InitFailed(error)) => {
            assert_eq!(Err(error), failure("Config", "TABLE is missing"));
        }
        _ => panic!("no failure was filed"),
    }
    let bench = Bench::running("1").await;
    assert_eq!(bench.post("init/error", body).await.0, 403);
}

#[tokio::test]
async fn oversized_answer_is_a_failure_and_the_largest_is_not() {
    let mut bench = Bench::running("1").await;
    assert_eq!(
        bench
            .post("invocation/1/response", vec![b'x'; RESPONSE_LIMIT_BYTES])
            .await
            .0,
        202
    );
    assert_eq!(bench.answered().await.unwrap().len(), RESPONSE_LIMIT_BYTES);

    let mut bench = Bench::running("1").await;
    assert_eq!(
        bench
            .post(
                "invocation/1/response",
                vec![b'x'; RESPONSE_LIMIT_BYTES + 1]
            )
            .await
            .0,
        413
    );
    let expected = "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
    assert_eq!(
        bench.answered().await,
        failure("Function.ResponseSizeTooLarge", expected)
    );
}

#[tokio::test]
async fn streamed_answer_is_put_together() {
    let mut bench = Bench::running("1").await;
    let head = "lambda-runtime-function-response-mode: streaming\r\n";
    assert_eq!(
        bench.raw(head, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await,
        "HTTP/1.1 202 Accepted"
    );
    assert_eq!(bench.answered().await, Ok(Bytes::from_static(b"abcde")));
}

#[tokio::test]
async fn streamed_answer_that_fails_in_the_middle_is_a_failure() {
    let mut bench = Bench::running("1").await;
    let told = BASE64.encode(r#"{"errorType":"Broken","errorMessage":"in the middle"}"#);
    let head =
        "trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n";
    let chunks = format!(
        "3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: Broken\r\nLambda-Runtime-Function-Error-Body: {told}\r\n\r\n"
    );
    assert_eq!(bench.raw(head, &chunks).await, "HTTP/1.1 202 Accepted");
    assert_eq!(bench.answered().await, failure("Broken", "in the middle"));
}

#[tokio::test]
async fn answer_that_breaks_off_is_not_filed() {
    let mut bench = Bench::running("1").await;
    let mut connection = TcpStream::connect(bench.address).await.unwrap();
    let request = "POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    connection.write_all(request.as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    assert!(bench.reports.try_recv().is_err());
    // It is still this invocation's turn.
    assert_eq!(bench.post("invocation/1/response", "whole").await.0, 202);
    assert_eq!(bench.answered().await, Ok(Bytes::from_static(b"whole")));
}
