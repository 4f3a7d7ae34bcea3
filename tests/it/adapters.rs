//! The adapters of S3 and SQS, through the real SDK over the embedded stack's own servers, against the ports' contract.
//!
//! Those of the tables are held to it beside their code, in `shared/aws/tests/contract`.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lead_export_aws::clients::Aws;
use lead_export_aws::objects::{S3Pieces, S3Signer, object_key};
use lead_export_aws::queue::{SqsQueue, parse_hint};
use lead_export_core::contract;
use lead_export_core::lead::OrgId;
use lead_export_core::piece::crc64;
use lead_export_core::ports::{
    Clock as _, ExportQueue as _, FileKind, ObjectKey, PieceStore as _, UrlSigner as _,
};
use lead_export_core::record::{ExportId, RunId};
use lead_export_local::s3::{Keys, Storage, serve_storage};
use lead_export_local::sqs::{Queues, SystemClock, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

const BUCKET: &str = "files-under-test";
const QUEUE: &str = "exports-under-test";
const SECRET: &str = "secret-under-test";
const CSV: FileKind = FileKind {
    content_type: "text/csv; charset=utf-8",
};

/// The two servers, on ports of their own, until the test's runtime ends.
struct Servers {
    aws: Aws,
    queue_url: String,
    _dir: TempDir,
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

impl Servers {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let storage = Arc::new(Storage::open(dir.path().join("s3")).unwrap());
        storage.create_bucket(BUCKET).unwrap();
        let queues = Queues::open(&dir.path().join("sqs.sqlite"), Arc::new(SystemClock));
        let queues = Arc::new(queues.unwrap());
        queues.create(QUEUE, &BTreeMap::new()).unwrap();
        let (s3, s3_endpoint) = listen().await;
        let (sqs, sqs_endpoint) = listen().await;
        let keys = Keys {
            access_key: "local".into(),
            secret_key: SECRET.into(),
        };
        tokio::spawn(serve_storage(s3, storage, keys, std::future::pending()));
        tokio::spawn(serve(sqs, queues, "local".into(), std::future::pending()));
        let aws = Aws::from_variables(|name| match name {
            "AWS_ENDPOINT_URL_S3" => Some(s3_endpoint.clone()),
            "AWS_ENDPOINT_URL_SQS" => Some(sqs_endpoint.clone()),
            "AWS_REGION" => Some("us-east-1".into()),
            "AWS_ACCESS_KEY_ID" => Some("local".into()),
            "AWS_SECRET_ACCESS_KEY" => Some(SECRET.into()),
            _ => None,
        });
        let aws = aws.unwrap();
        let url = aws.sqs().get_queue_url().queue_name(QUEUE).send().await;
        Self {
            aws,
            queue_url: url.unwrap().queue_url.unwrap(),
            _dir: dir,
        }
    }

    fn pieces(&self) -> S3Pieces {
        S3Pieces::new(self.aws.s3(), BUCKET.into())
    }
}

fn export() -> ExportId {
    ExportId(Uuid::new_v4())
}

fn run() -> RunId {
    RunId(Uuid::new_v4())
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_keep_the_contract() {
    contract::pieces::all(&Servers::start().await.pieces()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_keep_the_contract() {
    contract::uploads::all(&Servers::start().await.pieces()).await;
}

/// What lies in the bucket is what the template's lifecycle, and whoever looks inside, go by.
#[tokio::test(flavor = "multi_thread")]
async fn objects_carry_their_kind_checksum_and_export() {
    let servers = Servers::start().await;
    let (pieces, export, run) = (servers.pieces(), export(), run());
    let bytes = Bytes::from_static(b"lead_id\r\n");
    let put = ObjectKey::Piece(export, run, 7);
    pieces
        .put(put, bytes.clone(), crc64(&bytes), &CSV)
        .await
        .unwrap();
    let assembled = ObjectKey::File(export, run);
    let upload = pieces.open(assembled, &CSV).await.unwrap();
    let part = pieces.put_part(&upload, 1, bytes.clone(), crc64(&bytes));
    let part = part.await.unwrap();
    let size = u64::try_from(bytes.len()).unwrap();
    pieces
        .complete(&upload, &[part], crc64(&bytes), size)
        .await
        .unwrap();
    let s3 = servers.aws.s3();
    for key in [put, assembled] {
        let head = s3.head_object().bucket(BUCKET).key(object_key(key));
        let head = head.checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled);
        let head = head.send().await.unwrap();
        assert_eq!(head.content_type(), Some(CSV.content_type));
        let metadata = head.metadata().unwrap();
        assert_eq!(metadata["export-id"], export.to_string());
        assert_eq!(
            head.checksum_type(),
            Some(&aws_sdk_s3::types::ChecksumType::FullObject)
        );
        let crc = lead_export_core::piece::crc64_text(crc64(&bytes));
        assert_eq!(head.checksum_crc64_nvme(), Some(crc.as_str()));
    }
}

/// T-URL-1 to T-URL-4: a plain GET downloads the file under its name; a link that was touched opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn link_downloads_one_file_without_any_header() {
    let servers = Servers::start().await;
    let (export, run) = (export(), run());
    let bytes = Bytes::from_static(b"a,b\r\n1,2\r\n");
    let file = ObjectKey::File(export, run);
    let pieces = servers.pieces();
    let put = pieces.put(file, bytes.clone(), crc64(&bytes), &CSV);
    put.await.unwrap();
    let signer = S3Signer::new(servers.aws.s3(), BUCKET.into());
    let now = lead_export_aws::clock::SystemClock.now();
    let ttl = Duration::from_mins(5);
    let url = signer.sign(export, run, "Häuser \"1\".csv", &CSV, now, ttl);
    let url = url.await.unwrap();
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"H_user _1_.csv\"; filename*=UTF-8''H%C3%A4user%20%221%22.csv"
    );
    assert_eq!(header("content-type"), CSV.content_type);
    assert_eq!(header("cache-control"), "private, no-store");
    assert_eq!(answer.bytes().await.unwrap(), bytes);

    let other = url.replace(&run.to_string(), &self::run().to_string());
    let longer = url.replace("X-Amz-Expires=300", "X-Amz-Expires=900");
    let inline = url.replace("attachment", "inline");
    for touched in [other, longer, inline] {
        assert_ne!(touched, url);
        assert_eq!(reqwest::get(&touched).await.unwrap().status(), 403);
    }
    let old = now.minus(ttl + Duration::from_secs(1));
    let dead = signer.sign(export, run, "a.csv", &CSV, old, ttl).await;
    assert_eq!(reqwest::get(dead.unwrap()).await.unwrap().status(), 403);
}

/// A hint arrives as it was sent, in its organization's group.
#[tokio::test(flavor = "multi_thread")]
async fn hints_arrive_in_the_group_of_their_organization() {
    let servers = Servers::start().await;
    let queue = SqsQueue::new(servers.aws.sqs(), servers.queue_url.clone());
    let mut sent = Vec::new();
    for name in ["acme", "zürich-ag"] {
        let hint = (OrgId::parse(name).unwrap(), export());
        queue.send(&hint.0, hint.1).await.unwrap();
        sent.push(hint);
    }
    let sqs = servers.aws.sqs();
    let mut found = Vec::new();
    let mut groups = Vec::new();
    while found.len() < sent.len() {
        let answer = sqs
            .receive_message()
            .queue_url(&servers.queue_url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .message_system_attribute_names(
                aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId,
            )
            .send()
            .await
            .unwrap();
        for message in answer.messages() {
            found.push(parse_hint(message.body().unwrap()).unwrap());
            let attributes = message.attributes().unwrap();
            let group = &aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
            groups.push(attributes[group].clone());
        }
    }
    found.sort();
    sent.sort();
    assert_eq!(found, sent);
    assert!(groups.contains(&"acme".to_owned()), "{groups:?}");
    assert_ne!(groups[0], groups[1]);
}

/// A queue that is not there is told apart from one that does not answer.
#[tokio::test(flavor = "multi_thread")]
async fn missing_queue_is_not_found() {
    let servers = Servers::start().await;
    let url = servers.queue_url.replace(QUEUE, "no-such-queue");
    let queue = SqsQueue::new(servers.aws.sqs(), url);
    let org = OrgId::parse("acme").unwrap();
    let error = queue.send(&org, export()).await.unwrap_err();
    assert_eq!(
        error.kind,
        lead_export_core::ports::StoreErrorKind::NotFound
    );
}
