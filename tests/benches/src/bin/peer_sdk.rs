//! The same job as a Rust Lambda usually does it: the SDK's items, each a map of values, and the csv crate.
//!
//! The same bytes as `run-export` writes: the same filter, order of eight shards, columns and guard. It has no checkpoint, no resume and no
//! checksum of the whole.

use std::collections::{BTreeMap, HashMap, VecDeque};

use anyhow::Context as _;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use benches::job;
use benches::leads::{COLUMNS, ORG, SHARDS, SOURCE};
use benches::s3::BUCKET;
use csv::{Terminator, Writer, WriterBuilder};
use serde_json::{Number, Value};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

type Item = HashMap<String, AttributeValue>;
const PART: usize = 8 << 20;

fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::Bool(value) => value.to_string(),
        AttributeValue::B(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes),
        AttributeValue::L(items) => {
            let items: Vec<String> = items
                .iter()
                .map(text)
                .filter(|text| !text.is_empty())
                .collect();
            items.join(", ")
        }
        AttributeValue::M(_) => json(value).to_string(),
        _ => String::new(),
    }
}

fn json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::from(text.as_str()),
        AttributeValue::N(number) => number.parse::<Number>().map_or(Value::Null, Value::Number),
        AttributeValue::Bool(value) => Value::from(*value),
        AttributeValue::L(items) => items.iter().map(json).collect(),
        AttributeValue::M(members) => {
            let sorted: BTreeMap<&String, &AttributeValue> = members.iter().collect();
            let members = sorted.into_iter();
            members
                .map(|(key, value)| (key.clone(), json(value)))
                .collect()
        }
        _ => Value::Null,
    }
}

/// OWASP's rule, with phones left as they are.
fn guarded(text: String) -> String {
    let start = text.trim_start_matches([' ', '\u{a0}', '\'']);
    let triggers = start.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']);
    let phone = start.starts_with('+')
        && start[1..].starts_with(|c: char| c.is_ascii_digit() || c == ' ' || c == '(')
        && start[1..]
            .bytes()
            .all(|byte| b"0123456789 ()./-".contains(&byte));
    if triggers && !phone {
        format!("'{text}")
    } else {
        text
    }
}

fn of(item: &Item, key: &str) -> String {
    item.get(key).map(text).unwrap_or_default()
}

fn or(first: String, second: impl FnOnce() -> String) -> String {
    if first.is_empty() { second() } else { first }
}

fn cell(item: &Item, column: &str) -> String {
    match column {
        "name" => {
            let (first, last) = (of(item, "first_name"), of(item, "last_name"));
            if first.is_empty() || last.is_empty() {
                first + &last
            } else {
                format!("{first} {last}")
            }
        }
        "emails" => or(of(item, "emails"), || of(item, "email")),
        "phones" => or(of(item, "phones"), || of(item, "phone")),
        "source_id" => SOURCE.to_owned(),
        other => of(item, other),
    }
}

fn is_wanted(item: &Item) -> bool {
    let status = of(item, "status").to_lowercase();
    let income = of(item, "annual_income").parse::<u64>();
    job::STATUS.contains(&status.as_str()) && income.is_ok_and(|income| income >= job::INCOME)
}

async fn read(
    client: aws_sdk_dynamodb::Client,
    shard: u64,
    pages: mpsc::Sender<Vec<Item>>,
) -> anyhow::Result<()> {
    let mut start = None;
    loop {
        let answer = client
            .query()
            .table_name(benches::dynamodb::TABLE)
            .key_condition_expression("#p = :p AND #s BETWEEN :a AND :b")
            .expression_attribute_names("#p", "PK")
            .expression_attribute_names("#s", "SK")
            .expression_attribute_values(":p", AttributeValue::S(format!("{ORG}#{SOURCE}#{shard}")))
            .expression_attribute_values(":a", AttributeValue::S(String::new()))
            .expression_attribute_values(":b", AttributeValue::S(job::LAST_KEY.to_owned()))
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .send()
            .await?;
        start = answer.last_evaluated_key;
        if pages.send(answer.items.unwrap_or_default()).await.is_err() || start.is_none() {
            return Ok(());
        }
    }
}

struct File {
    client: aws_sdk_s3::Client,
    id: String,
    parts: Vec<CompletedPart>,
    sending: Option<JoinHandle<anyhow::Result<CompletedPart>>>,
}

const KEY: &str = "files/peer/sdk";

impl File {
    async fn settle(&mut self) -> anyhow::Result<()> {
        if let Some(sending) = self.sending.take() {
            self.parts.push(sending.await??);
        }
        Ok(())
    }

    async fn send(&mut self, bytes: Vec<u8>) -> anyhow::Result<()> {
        self.settle().await?;
        let number = i32::try_from(self.parts.len() + 1)?;
        let call = self
            .client
            .upload_part()
            .bucket(BUCKET)
            .key(KEY)
            .upload_id(&self.id);
        let call = call.part_number(number).body(ByteStream::from(bytes));
        self.sending = Some(tokio::spawn(async move {
            let answer = call.send().await?;
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(answer.e_tag)
                .build())
        }));
        Ok(())
    }
}

fn writer(buffer: Vec<u8>) -> Writer<Vec<u8>> {
    WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(buffer)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let aws = lead_export_aws::clients::Aws::from_env()?;
    let mut shards = Vec::new();
    for shard in 0..SHARDS {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(read(aws.dynamodb(), shard, sender));
        shards.push((VecDeque::<Item>::new(), receiver));
    }
    let client = aws.s3();
    let upload = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(KEY)
        .send()
        .await?;
    let mut file = File {
        client,
        id: upload.upload_id.context("an upload without a name")?,
        parts: Vec::new(),
        sending: None,
    };
    let mut rows = writer(Vec::new());
    rows.write_record(COLUMNS)?;
    loop {
        let mut first = None::<(usize, String)>;
        for (index, (items, pages)) in shards.iter_mut().enumerate() {
            while items.is_empty() {
                match pages.recv().await {
                    Some(page) => items.extend(page),
                    None => break,
                }
            }
            if let Some(item) = items.front() {
                let key = of(item, "SK");
                if first.as_ref().is_none_or(|(_, least)| key < *least) {
                    first = Some((index, key));
                }
            }
        }
        let Some(item) = first.and_then(|(index, _)| shards[index].0.pop_front()) else {
            break;
        };
        if is_wanted(&item) {
            rows.write_record(COLUMNS.iter().map(|column| guarded(cell(&item, column))))?;
        }
        if rows.get_ref().len() >= PART {
            let full = rows.into_inner().map_err(csv::IntoInnerError::into_error)?;
            file.send(full).await?;
            rows = writer(Vec::with_capacity(PART + PART / 8));
        }
    }
    let rest = rows.into_inner().map_err(csv::IntoInnerError::into_error)?;
    file.send(rest).await?;
    file.settle().await?;
    let parts = CompletedMultipartUpload::builder()
        .set_parts(Some(file.parts))
        .build();
    let done = file
        .client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(KEY);
    done.upload_id(&file.id)
        .multipart_upload(parts)
        .send()
        .await?;
    Ok(())
}
