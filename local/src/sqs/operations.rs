//! The operations in the JSON of the protocol: what each takes, and what it answers.

mod batch;
mod receive;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use self::batch::{Batch, send_batch};
use self::receive::receive;
use super::ACCOUNT;
use super::attributes::{Settings, unknown_attribute};
use super::queues::{Queues, Sent};
use super::refusal::{Code, Refusal};

/// The most queue names of one ListQueues.
const MAX_NAMES: i64 = 1_000;

/// Carries out `operation` with `body`. `base` is what queue URLs begin with, such as `http://127.0.0.1:9324`.
pub(super) async fn run(
    queues: &Queues,
    base: &str,
    operation: &str,
    body: &[u8],
) -> Result<Value, Refusal> {
    match operation {
        "CreateQueue" => create_queue(queues, base, &read(body)?),
        "GetQueueUrl" => get_queue_url(queues, base, &read(body)?),
        "ListQueues" => list_queues(queues, base, &read(body)?),
        "GetQueueAttributes" => get_queue_attributes(queues, read(body)?),
        "SetQueueAttributes" => {
            let request: SetAttributes = read(body)?;
            queues.set_attributes(name_in(&request.queue_url)?, &request.attributes)?;
            Ok(json!({}))
        }
        "PurgeQueue" => {
            queues.purge(name_in(&read::<OfQueue>(body)?.queue_url)?)?;
            Ok(json!({}))
        }
        "DeleteQueue" => {
            queues.delete_queue(name_in(&read::<OfQueue>(body)?.queue_url)?)?;
            Ok(json!({}))
        }
        "SendMessage" => {
            let queue = read::<OfQueue>(body)?.queue_url;
            let sent = queues.send(name_in(&queue)?, &read(body)?)?;
            Ok(shown(&sent))
        }
        "ReceiveMessage" => receive(queues, read(body)?).await,
        "DeleteMessage" => {
            let request: OfReceipt = read(body)?;
            queues.delete(name_in(&request.queue_url)?, &request.receipt_handle)?;
            Ok(json!({}))
        }
        "ChangeMessageVisibility" => {
            let request: OfReceipt = read(body)?;
            let timeout = request
                .visibility_timeout
                .ok_or_else(|| Refusal::missing("VisibilityTimeout"))?;
            queues.change_visibility(
                name_in(&request.queue_url)?,
                &request.receipt_handle,
                timeout,
            )?;
            Ok(json!({}))
        }
        "SendMessageBatch" => send_batch(queues, &read(body)?),
        "DeleteMessageBatch" => {
            let batch: Batch<OfReceipt> = read(body)?;
            let queue = batch.check(queues)?;
            Ok(batch.each(|entry| {
                queues.delete(queue, &entry.receipt_handle)?;
                Ok(json!({}))
            }))
        }
        "ChangeMessageVisibilityBatch" => {
            let batch: Batch<OfReceipt> = read(body)?;
            let queue = batch.check(queues)?;
            Ok(batch.each(|entry| {
                let timeout = entry
                    .visibility_timeout
                    .ok_or_else(|| Refusal::missing("VisibilityTimeout"))?;
                queues.change_visibility(queue, &entry.receipt_handle, timeout)?;
                Ok(json!({}))
            }))
        }
        "AddPermission"
        | "RemovePermission"
        | "TagQueue"
        | "UntagQueue"
        | "ListQueueTags"
        | "ListDeadLetterSourceQueues"
        | "StartMessageMoveTask"
        | "CancelMessageMoveTask"
        | "ListMessageMoveTasks" => Err(Refusal::new(
            Code::UnsupportedOperation,
            format!("The local queues do not support {operation}."),
        )),
        unknown => Err(Refusal::new(
            Code::UnknownOperation,
            format!("SQS has no operation {unknown:?}."),
        )),
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct CreateQueue {
    queue_name: String,
    attributes: BTreeMap<String, String>,
    #[serde(rename = "tags")]
    tags: BTreeMap<String, String>,
}

fn create_queue(queues: &Queues, base: &str, request: &CreateQueue) -> Result<Value, Refusal> {
    if request.queue_name.is_empty() {
        return Err(Refusal::missing("QueueName"));
    }
    if !request.tags.is_empty() {
        return Err(Refusal::new(
            Code::UnsupportedOperation,
            "The local queues do not support tags.",
        ));
    }
    queues.create(&request.queue_name, &request.attributes)?;
    Ok(json!({ "QueueUrl": url(base, &request.queue_name) }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct GetQueueUrl {
    queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

fn get_queue_url(queues: &Queues, base: &str, request: &GetQueueUrl) -> Result<Value, Refusal> {
    if request.queue_name.is_empty() {
        return Err(Refusal::missing("QueueName"));
    }
    if request
        .owner
        .as_deref()
        .is_some_and(|owner| owner != ACCOUNT)
    {
        return Err(Refusal::no_such_queue());
    }
    queues.expect(&request.queue_name)?;
    Ok(json!({ "QueueUrl": url(base, &request.queue_name) }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ListQueues {
    queue_name_prefix: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

fn list_queues(queues: &Queues, base: &str, request: &ListQueues) -> Result<Value, Refusal> {
    let limit = request.max_results.unwrap_or(MAX_NAMES);
    if !(1..=MAX_NAMES).contains(&limit) {
        return Err(Refusal::parameter(
            "MaxResults",
            limit,
            "Must be between 1 and 1000.",
        ));
    }
    let after = match request.next_token.as_deref() {
        None | Some("") => String::new(),
        Some(token) => STANDARD
            .decode(token)
            .ok()
            .and_then(|name| String::from_utf8(name).ok())
            .ok_or_else(|| Refusal::parameter("NextToken", token, "It is not from ListQueues."))?,
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let asked = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let mut names = queues.names(
        request.queue_name_prefix.as_deref().unwrap_or_default(),
        &after,
        asked,
    )?;
    let more = names.len() > limit;
    names.truncate(limit);
    let mut answer = Map::new();
    // SQS gives a token only to those who asked for pages.
    if let (true, Some(_), Some(last)) = (more, request.max_results, names.last()) {
        answer.insert("NextToken".into(), STANDARD.encode(last).into());
    }
    if !names.is_empty() {
        let urls: Vec<_> = names.iter().map(|name| url(base, name)).collect();
        answer.insert("QueueUrls".into(), urls.into());
    }
    Ok(answer.into())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAttributes {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

fn get_queue_attributes(queues: &Queues, request: GetAttributes) -> Result<Value, Refusal> {
    let name = name_in(&request.queue_url)?;
    for asked in &request.attribute_names {
        if asked != "All" && !Settings::is_attribute(asked) {
            return Err(unknown_attribute(asked));
        }
    }
    let asked: BTreeSet<_> = request.attribute_names.into_iter().collect();
    let mut attributes = queues.attributes(name)?;
    attributes.retain(|name, _| asked.contains("All") || asked.contains(*name));
    Ok(if attributes.is_empty() {
        json!({})
    } else {
        json!({ "Attributes": attributes })
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetAttributes {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfQueue {
    #[serde(default)]
    queue_url: String,
}

/// DeleteMessage and ChangeMessageVisibility, or an entry of their batches, which names no queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfReceipt {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

fn shown(sent: &Sent) -> Value {
    let mut shown = Map::from_iter([
        ("MessageId".to_owned(), json!(sent.id)),
        ("MD5OfMessageBody".to_owned(), json!(sent.md5_of_body)),
    ]);
    if let Some(digest) = &sent.md5_of_attributes {
        shown.insert("MD5OfMessageAttributes".into(), json!(digest));
    }
    if let Some(digest) = &sent.md5_of_system_attributes {
        shown.insert("MD5OfMessageSystemAttributes".into(), json!(digest));
    }
    shown.into()
}

/// Reads the operation's JSON; an empty body is an empty object.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let refuse = |reason: &str| {
        Refusal::new(
            Code::SerializationException,
            format!("The body is not the operation's JSON: {reason}."),
        )
    };
    let body = match body.trim_ascii() {
        b"" => b"{}",
        // serde would take a list for a structure whose fields may all be absent.
        [b'[', ..] => return Err(refuse("it is a list")),
        body => body,
    };
    serde_json::from_slice(body).map_err(|cause| refuse(&cause.to_string()))
}

fn url(base: &str, name: &str) -> String {
    format!("{base}/{ACCOUNT}/{name}")
}

/// The name of the queue in `url`. Host and port may be any: an URL from before a restart is as good.
fn name_in(url: &str) -> Result<&str, Refusal> {
    if url.is_empty() {
        return Err(Refusal::missing("QueueUrl"));
    }
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .and_then(|(_, path)| path.split_once('/'));
    match path {
        Some((ACCOUNT, name)) => Ok(name),
        Some((owner, _))
            if owner.len() == ACCOUNT.len() && owner.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Err(Refusal::no_such_queue())
        }
        _ => Err(Refusal::new(
            Code::InvalidAddress,
            format!("The address {url} is not valid for this endpoint."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_is_named_by_the_path_of_its_url() {
        assert_eq!(
            name_in("http://127.0.0.1:1/000000000000/exports"),
            Ok("exports")
        );
        assert_eq!(
            name_in("https://localhost/000000000000/exports"),
            Ok("exports")
        );
        let code = |url| name_in(url).unwrap_err().code;
        assert_eq!(code(""), Code::MissingParameter);
        assert_eq!(
            code("http://127.0.0.1:1/123456789012/exports"),
            Code::QueueDoesNotExist
        );
        for bad in [
            "exports",
            "http://127.0.0.1:1",
            "http://127.0.0.1:1/exports",
            "http://127.0.0.1:1/me/exports",
        ] {
            assert_eq!(code(bad), Code::InvalidAddress, "{bad}");
        }
    }
}
