//! Where a running stack is: the file by which commands find it.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use lead_export_aws::clients::Aws;
use lead_export_aws::tables::TableNames;
use serde::{Deserialize, Serialize};

/// The file's name in the data folder.
const NAME: &str = "stack.json";

/// What a command needs to talk to a running stack. Kept in the data folder, readable by its owner alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFile {
    /// The stack's process.
    pub pid: u32,
    /// The gateway.
    pub url: String,
    /// The DynamoDB endpoint.
    pub dynamodb: String,
    /// The S3 endpoint.
    pub s3: String,
    /// The SQS endpoint.
    pub sqs: String,
    /// The endpoint of EventBridge and SES.
    pub events: String,
    /// The access key of the endpoints.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// The region of the endpoints.
    pub region: String,
    /// The issuer of its tokens.
    pub issuer: String,
    /// The audience of its tokens.
    pub audience: String,
    /// The tables.
    pub tables: TableNames,
    /// The bucket.
    pub bucket: String,
    /// The queue of hints.
    pub queue_url: String,
}

impl StackFile {
    /// Finds the stack that runs over the data in `data`; none if there is none, or only the file of one that is gone.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn find(data: &Path) -> anyhow::Result<Option<Self>> {
        let text = match fs::read_to_string(data.join(NAME)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("the folder {} cannot be read", data.display()));
            }
        };
        // A file of another version is no running stack of ours.
        let Ok(file) = serde_json::from_str::<Self>(&text) else {
            return Ok(None);
        };
        let answers = file
            .url
            .strip_prefix("http://")
            .and_then(|address| address.parse::<SocketAddr>().ok())
            .is_some_and(|address| {
                TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
            });
        Ok(answers.then_some(file))
    }

    /// Leaves word of a running stack.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, data: &Path) -> anyhow::Result<()> {
        write_private(
            &data.join(NAME),
            serde_json::to_string_pretty(self)?.as_bytes(),
        )
    }

    /// Takes the word back.
    pub fn remove(data: &Path) {
        // A file that stays is found out by the address that does not answer.
        let _ = fs::remove_file(data.join(NAME));
    }

    /// The stack's endpoints and its keys.
    ///
    /// # Errors
    /// None in practice: everything is in the file.
    pub fn aws(&self) -> anyhow::Result<Aws> {
        Ok(Aws::from_variables(|name| {
            let value = match name {
                "AWS_REGION" => &self.region,
                "AWS_ACCESS_KEY_ID" => &self.access_key,
                "AWS_SECRET_ACCESS_KEY" => &self.secret_key,
                "AWS_ENDPOINT_URL_DYNAMODB" => &self.dynamodb,
                "AWS_ENDPOINT_URL_S3" => &self.s3,
                "AWS_ENDPOINT_URL_SQS" => &self.sqs,
                _ => return None,
            };
            Some(value.clone())
        })?)
    }

    /// Clients of the stack's endpoints.
    ///
    /// # Errors
    /// As [`StackFile::aws`].
    pub fn clients(&self) -> anyhow::Result<Clients> {
        let aws = self.aws()?;
        Ok(Clients {
            dynamodb: aws.dynamodb(),
            s3: aws.s3(),
            sqs: aws.sqs(),
        })
    }
}

/// Clients of a stack's endpoints.
#[derive(Debug, Clone)]
pub struct Clients {
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
}

/// Writes a file that its owner alone can read, whole or not at all.
///
/// # Errors
/// The folder cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    // A temporary file of this crate is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("the folder {} cannot be written", folder.display()))?;
    file.write_all(bytes)?;
    file.persist(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}
