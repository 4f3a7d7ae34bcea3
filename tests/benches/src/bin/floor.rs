//! The least that an export can cost: every page is pulled over plain HTTP and looked at by nobody, and as many bytes as the file has
//! are put.

use anyhow::{Context as _, ensure};
use benches::job;
use benches::leads::{ORG, SHARDS, SOURCE};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

/// Bytes of a part.
const PART: usize = 8 << 20;
/// Bytes at an answer's end in which its last key stands.
const END: usize = 400;

async fn connect(endpoint: &str) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let address = endpoint.trim_start_matches("http://");
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn call(
    sender: &mut SendRequest<Full<Bytes>>,
    method: Method,
    path: &str,
    body: Bytes,
) -> anyhow::Result<Vec<u8>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "canned")
        .header("x-amz-target", "DynamoDB_20120810.Query")
        .body(Full::new(body))?;
    sender.ready().await?;
    let (head, mut body) = sender.send_request(request).await?.into_parts();
    ensure!(head.status == StatusCode::OK, "{}", head.status);
    let mut end: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            if data.len() >= END {
                end.clear();
            }
            let from = data.len().saturating_sub(END);
            end.extend_from_slice(&data[from..]);
        }
    }
    Ok(end)
}

/// The last key that the end of an answer tells.
fn last_key(end: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(end);
    let (_, behind) = text.rsplit_once("LastEvaluatedKey")?;
    let (_, key) = behind.split_once("\"SK\":{\"S\":\"")?;
    key.split('"').next().map(str::to_owned)
}

async fn pull(endpoint: String, shard: u64) -> anyhow::Result<()> {
    let mut sender = connect(&endpoint).await?;
    let mut start = None::<String>;
    loop {
        let partition = json!({"S": format!("{ORG}#{SOURCE}#{shard}")});
        let mut query = json!({
            "TableName": benches::dynamodb::TABLE,
            "KeyConditionExpression": "#p = :p AND #s BETWEEN :a AND :b",
            "ExpressionAttributeNames": {"#p": "PK", "#s": "SK"},
            "ExpressionAttributeValues": {":p": partition, ":a": {"S": ""}, ":b": {"S": job::LAST_KEY}},
            "ConsistentRead": true,
        });
        if let Some(start) = start {
            query["ExclusiveStartKey"] = json!({"PK": partition, "SK": {"S": start}});
        }
        let end = call(&mut sender, Method::POST, "/", query.to_string().into()).await?;
        start = last_key(&end);
        if start.is_none() {
            return Ok(());
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let bytes: usize = std::env::args()
        .nth(1)
        .context("how many bytes?")?
        .parse()?;
    let dynamodb = job::endpoint("DYNAMODB")?;
    let pulls: Vec<_> = (0..SHARDS)
        .map(|shard| tokio::spawn(pull(dynamodb.clone(), shard)))
        .collect();
    let mut sender = connect(&job::endpoint("S3")?).await?;
    let part = Bytes::from(vec![b'x'; PART]);
    let mut left = bytes;
    while left > 0 {
        let body = part.slice(..left.min(PART));
        left -= body.len();
        call(
            &mut sender,
            Method::PUT,
            "/canned-files/work/floor/filler",
            body,
        )
        .await?;
    }
    for pull in pulls {
        pull.await??;
    }
    Ok(())
}
