//! Hints over SQS.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use lead_export_core::lead::OrgId;
use lead_export_core::piece::Hashes;
use lead_export_core::ports::{ExportQueue, StoreError, StoreErrorKind};
use lead_export_core::record::ExportId;
use serde::{Deserialize, Serialize};

use crate::error::store_error;
use crate::http::chain;
use crate::trace;

const STORE: &str = "queue";
/// The version of a message's shape.
const SHAPE: u32 = 1;
/// Characters of a message's group at most (SendMessage, MessageGroupId).
const GROUP_CHARS: usize = 128;

/// The queue of hints.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue at `url`.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }
}

#[async_trait]
impl ExportQueue for SqsQueue {
    async fn send(&self, org: &OrgId, id: ExportId) -> Result<(), StoreError> {
        let mut message = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(hint_body(org, id))
            .message_group_id(group(org));
        if let Some(trace) = trace::current() {
            let header = MessageSystemAttributeValue::builder()
                .data_type("String")
                .string_value(trace.header())
                .build()
                .map_err(|error| StoreError::caused(StoreErrorKind::Denied, STORE, error))?;
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            message = message.message_system_attributes(name, header);
        }
        let sent = message.send().await;
        sent.map(drop).map_err(|error| store_error(STORE, error))
    }
}

/// The group of an organization's messages: SQS serves groups of a standard queue in turn, so none waits behind another's many.
/// Groups are ASCII punctuation and alphanumerics; a name beyond that stands there as its SHA-256.
fn group(org: &OrgId) -> String {
    let name = org.as_str();
    if name.len() <= GROUP_CHARS && name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return name.to_owned();
    }
    let mut hashes = Hashes::default();
    hashes.take(name.as_bytes());
    hashes.sha256()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    v: u32,
    org: OrgId,
    export_id: String,
}

/// Why a message is no hint. It says nothing of the message's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAHint {
    /// Not the JSON of a hint.
    #[error("the message is not a hint's JSON")]
    Malformed,
    /// Of a later release.
    #[error("the hint has the shape {0}, which this release does not know")]
    Shape(u32),
}

/// The body of a message: `{"v":1,"org":…,"export_id":…}`.
pub fn hint_body(org: &OrgId, id: ExportId) -> String {
    serde_json::json!({ "v": SHAPE, "org": org, "export_id": id }).to_string()
}

/// The export that a message's body names.
///
/// # Errors
/// [`NotAHint`]. The sweeper finds every export that is due, so whoever takes the message may acknowledge it.
pub fn parse_hint(body: &str) -> Result<(OrgId, ExportId), NotAHint> {
    #[derive(Deserialize)]
    struct Shape {
        v: u32,
    }
    let Shape { v } = serde_json::from_str(body).map_err(|_| NotAHint::Malformed)?;
    if v != SHAPE {
        return Err(NotAHint::Shape(v));
    }
    let body: Body = serde_json::from_str(body).map_err(|_| NotAHint::Malformed)?;
    let id = ExportId::parse(&body.export_id).ok_or(NotAHint::Malformed)?;
    Ok((body.org, id))
}

/// Logs that a hint was not sent: nothing is lost, the sweeper finds what is due, but an operator should know that exports begin late.
pub fn log_unhinted(org: &OrgId, id: ExportId, cause: &StoreError) {
    tracing::warn!(
        export.id = %id,
        org.id = %org,
        store = cause.store,
        cause = chain(cause),
        "the hint for export {id} was not sent; the sweeper takes it up when it is due"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const ID: &str = "6f1c0f0e-2d3a-4b5c-8d7e-9fa0b1c2d3e4";

    fn org(name: &str) -> OrgId {
        OrgId::parse(name).unwrap()
    }

    #[test]
    fn body_holds_ids_alone() {
        let id = ExportId::parse(ID).unwrap();
        let body: serde_json::Value = serde_json::from_str(&hint_body(&org("acme"), id)).unwrap();
        let expected = serde_json::json!({ "v": 1, "org": "acme", "export_id": ID });
        assert_eq!(body, expected);
    }

    #[test]
    fn what_is_no_hint_is_told_apart() {
        let of = |v: &str, org: &str, id: &str| {
            format!(r#"{{"v":{v},"org":"{org}","export_id":"{id}"}}"#)
        };
        assert!(parse_hint(&of("1", "acme", ID)).is_ok());
        assert_eq!(parse_hint(&of("2", "acme", ID)), Err(NotAHint::Shape(2)));
        assert_eq!(parse_hint(r#"{"v":7}"#), Err(NotAHint::Shape(7)));
        for bad in [
            String::new(),
            "null".into(),
            "[]".into(),
            "{}".into(),
            of("1", "a#b", ID),
            of("1", "", ID),
            of("1", "acme", "6F1C0F0E-2D3A-4B5C-8D7E-9FA0B1C2D3E4"),
            of("1", "acme", ""),
            of("\"1\"", "acme", ID),
            of("1", "acme", &format!("{ID}\",\"more\":\"")),
            of("1", "acme", ID) + "x",
        ] {
            assert_eq!(parse_hint(&bad), Err(NotAHint::Malformed), "{bad}");
        }
    }

    #[test]
    fn groups_are_what_sqs_takes() {
        assert_eq!(group(&org("acme-1")), "acme-1");
        let long = group(&org(&"ü".repeat(128)));
        assert_eq!(long.len(), 64);
        assert_ne!(long, group(&org("ü")));
    }

    proptest! {
        #[test]
        fn hints_read_back(name in "[^#\\s\\p{Cc}]{1,128}", id: u128) {
            let (org, id) = (org(&name), ExportId(Uuid::from_u128(id)));
            prop_assert_eq!(parse_hint(&hint_body(&org, id)), Ok((org.clone(), id)));
            prop_assert!((1..=GROUP_CHARS).contains(&group(&org).len()));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            prop_assert!(parse_hint(&text).is_err());
        }
    }
}
