//! Presigned links: whoever holds one may GET one file, for a while, without any header.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use lead_export_core::ports::{FileKind, ObjectKey, StoreError, StoreErrorKind, UrlSigner};
use lead_export_core::record::{ExportId, RunId};
use lead_export_core::time::Instant;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{STORE, object_key};
use crate::error::store_error;

/// What `filename*` must not hold bare: anything but the attr-char of RFC 8187 §3.2.1.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Makes links to files in the bucket.
#[derive(Debug, Clone)]
pub struct S3Signer {
    client: Client,
    bucket: String,
}

impl S3Signer {
    /// Links to files in `bucket`, on the host that `client` asks.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }
}

/// S-14: the header under which a browser stores a file, for any name: RFC 6266 §4.3 with the fallback of its appendix D.
fn disposition(file_name: &str) -> String {
    let plain: String = file_name
        .chars()
        .map(|c| match c {
            // A percent sign followed by hex digits is decoded by some browsers; slashes name folders.
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let encoded = utf8_percent_encode(file_name, NOT_ATTR_CHAR);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[async_trait]
impl UrlSigner for S3Signer {
    async fn sign(
        &self,
        export: ExportId,
        run: RunId,
        file_name: &str,
        kind: &FileKind,
        now: Instant,
        ttl: Duration,
    ) -> Result<String, StoreError> {
        let config = PresigningConfig::builder()
            .start_time(SystemTime::from(now.timestamp()))
            .expires_in(ttl)
            .build()
            .map_err(|error| StoreError::caused(StoreErrorKind::Denied, STORE, error))?;
        let signed = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(object_key(ObjectKey::File(export, run)))
            .response_content_disposition(disposition(file_name))
            .response_content_type(kind.content_type)
            .response_cache_control("private, no-store")
            .presigned(config)
            .await
            .map_err(|error| store_error(STORE, error))?;
        Ok(signed.uri().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Aws;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use uuid::Uuid;

    const CSV: FileKind = FileKind {
        content_type: "text/csv; charset=utf-8",
    };
    const EXPORT: ExportId = ExportId(Uuid::nil());
    const RUN: RunId = RunId(Uuid::nil());

    async fn signed(
        endpoint: Option<&str>,
        name: &str,
        ttl: Duration,
    ) -> Result<String, StoreError> {
        let aws = Aws::from_variables(|variable| match variable {
            "AWS_REGION" => Some("eu-central-1".into()),
            "AWS_ACCESS_KEY_ID" => Some("AKID".into()),
            "AWS_SECRET_ACCESS_KEY" => Some("secret".into()),
            "AWS_SESSION_TOKEN" => Some("to+ken".into()),
            "AWS_ENDPOINT_URL_S3" => endpoint.map(str::to_owned),
            _ => None,
        });
        let signer = S3Signer::new(aws.unwrap().s3(), "files-bucket".into());
        let now = Instant::from_millis(1_795_315_380_123);
        signer.sign(EXPORT, RUN, name, &CSV, now, ttl).await
    }

    fn parameters(url: &str) -> Vec<(String, String)> {
        let (_, query) = url.split_once('?').unwrap();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap();
            let value = percent_decode_str(value).decode_utf8().unwrap();
            (name.to_owned(), value.into_owned())
        };
        query.split('&').map(pair).collect()
    }

    /// T-URL-1, T-URL-2: a browser sends no header of ours, so none but `host` may be signed.
    #[tokio::test]
    async fn link_needs_no_header_and_names_one_file() {
        let url = signed(None, "crm.csv", Duration::from_mins(5))
            .await
            .unwrap();
        let zeros = "0".repeat(32);
        let file = format!("files/00000000-0000-0000-0000-000000000000/{zeros}");
        let start = format!("https://files-bucket.s3.eu-central-1.amazonaws.com/{file}?");
        assert!(url.starts_with(&start), "{url}");
        let parameters = parameters(&url);
        let value = |name: &str| {
            let mut found = parameters.iter().filter(|(known, _)| known == name);
            let value = found.next().map(|(_, value)| value.as_str());
            assert_eq!(found.next(), None, "{name} comes once");
            value
        };
        assert_eq!(value("X-Amz-SignedHeaders"), Some("host"));
        assert_eq!(value("X-Amz-Expires"), Some("300"));
        assert_eq!(value("X-Amz-Date"), Some("20261122T024300Z"));
        assert_eq!(value("X-Amz-Security-Token"), Some("to+ken"));
        assert_eq!(
            value("response-content-disposition"),
            Some("attachment; filename=\"crm.csv\"; filename*=UTF-8''crm.csv")
        );
        assert_eq!(
            value("response-content-type"),
            Some("text/csv; charset=utf-8")
        );
        assert_eq!(value("response-cache-control"), Some("private, no-store"));
        assert_eq!(value("x-amz-checksum-mode"), None);
        assert!(!url.contains("secret"));
    }

    #[tokio::test]
    async fn link_leads_to_the_endpoint_in_use() {
        let endpoint = Some("http://127.0.0.1:9000");
        let url = signed(endpoint, "a.csv", Duration::from_mins(5)).await;
        let url = url.unwrap();
        assert!(url.starts_with("http://127.0.0.1:9000/files-bucket/files/"));
    }

    /// SigV4 knows no link of more than a week.
    #[tokio::test]
    async fn link_that_would_live_too_long_is_not_made() {
        let week = Duration::from_hours(7 * 24);
        assert!(signed(None, "a.csv", week).await.is_ok());
        let longer = week + Duration::from_secs(1);
        let error = signed(None, "a.csv", longer).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Denied);
    }

    #[test]
    fn names_of_any_kind_have_a_header() {
        for (name, header) in [
            (
                "a b.csv",
                "attachment; filename=\"a b.csv\"; filename*=UTF-8''a%20b.csv",
            ),
            (
                "Häuser.csv",
                "attachment; filename=\"H_user.csv\"; filename*=UTF-8''H%C3%A4user.csv",
            ),
            (
                "\"\r\n\\/%41'.csv",
                "attachment; filename=\"______41'.csv\"; filename*=UTF-8''%22%0D%0A%5C%2F%2541%27.csv",
            ),
        ] {
            assert_eq!(disposition(name), header);
        }
    }

    proptest! {
        /// BI3: the header is visible ASCII whatever the name, its quoted part ends where it should, and it decodes to the name.
        #[test]
        fn header_is_ascii_and_reads_back(name: String) {
            let header = disposition(&name);
            prop_assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let rest = header.strip_prefix("attachment; filename=\"").unwrap();
            let (plain, encoded) = rest.split_once("\"; filename*=UTF-8''").unwrap();
            prop_assert!(!plain.contains(['"', '\\', '/', '%']));
            prop_assert_eq!(plain.chars().count(), name.chars().count());
            prop_assert!(!encoded.contains(['"', '\'', ';', ' ', '*', '(', ')']));
            prop_assert_eq!(percent_decode_str(encoded).decode_utf8().unwrap(), name);
        }
    }
}
