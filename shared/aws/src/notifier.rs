//! Tells terminal states: an event on EventBridge, and the mail that the requester asked for by SES.

use std::sync::OnceLock;

use async_trait::async_trait;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use lead_export_core::event;
use lead_export_core::mail::{Address, Letter, letter};
use lead_export_core::ports::{Notifier, StoreError, StoreErrorKind};
use lead_export_core::record::Export;

use crate::clients::Aws;
use crate::error::{kind, kind_of_code, store_error};

const EVENTS: &str = "events";
const MAILS: &str = "mails";
const UTF_8: &str = "UTF-8";

/// Where and how terminal states are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The name of the event bus.
    pub bus: String,
    /// The sender of mails; none: there are none.
    pub mail_from: Option<Address>,
    /// Where the page is that mails lead to.
    pub page_url: String,
}

/// EventBridge and SES. Their clients are made when first something is told: most cold starts tell nothing.
pub struct AwsNotifier {
    aws: Aws,
    telling: Telling,
    events: OnceLock<aws_sdk_eventbridge::Client>,
    mails: OnceLock<aws_sdk_sesv2::Client>,
}

/// Why EventBridge did not take an event, by its code: its message may repeat the event.
#[derive(Debug, thiserror::Error)]
#[error("EventBridge did not take the event: {0}")]
struct NotTaken(String);

/// Why SES did not send a mail, by its code: its message may repeat the address.
#[derive(Debug, thiserror::Error)]
#[error("SES did not send the mail: {0}")]
struct NotSent(String);

impl AwsNotifier {
    /// Tells as `telling` says.
    pub fn new(aws: Aws, telling: Telling) -> Self {
        Self {
            aws,
            telling,
            events: OnceLock::new(),
            mails: OnceLock::new(),
        }
    }

    async fn put(&self, export: &Export) -> Result<(), StoreError> {
        let ended_at = export.head.completed_at.unwrap_or(export.head.requested_at);
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.telling.bus)
            .source(event::SOURCE)
            .detail_type(event::detail_type(export))
            .time(DateTime::from_millis(ended_at.millis()))
            .detail(event::detail(export).to_string())
            .build();
        let client = self.events.get_or_init(|| self.aws.eventbridge());
        let answer = client.put_events().entries(entry).send().await;
        let answer = answer.map_err(|error| store_error(EVENTS, error))?;
        // A call that succeeds may have taken nothing: each entry has its own answer.
        if answer.failed_entry_count() == 0 {
            return Ok(());
        }
        let codes = answer
            .entries()
            .iter()
            .find_map(PutEventsResultEntry::error_code);
        let code = codes.unwrap_or("without a code").to_owned();
        let kind = kind_of_code(&code).unwrap_or(StoreErrorKind::Unavailable);
        Err(StoreError::caused(kind, EVENTS, NotTaken(code)))
    }

    async fn send(&self, letter: Letter, to: &Address) -> Result<(), StoreError> {
        let Some(from) = &self.telling.mail_from else {
            let why = NotSent("MAIL_FROM is not set any more".to_owned());
            return Err(StoreError::caused(StoreErrorKind::Denied, MAILS, why));
        };
        let unfit = |_| StoreError::new(StoreErrorKind::Denied, MAILS);
        let content = |text: String| Content::builder().data(text).charset(UTF_8).build();
        let body = Body::builder()
            .text(content(letter.text).map_err(unfit)?)
            .html(content(letter.html).map_err(unfit)?)
            .build();
        let message = Message::builder()
            .subject(content(letter.subject).map_err(unfit)?)
            .body(body)
            .build();
        let client = self.mails.get_or_init(|| self.aws.sesv2());
        let sent = client
            .send_email()
            .from_email_address(from.as_str())
            .destination(Destination::builder().to_addresses(to.as_str()).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => {
                use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
                let code = error.code().unwrap_or("no answer").to_owned();
                Err(StoreError::caused(kind(&error), MAILS, NotSent(code)))
            }
        }
    }
}

#[async_trait]
impl Notifier for AwsNotifier {
    async fn tell(&self, export: &Export) -> Result<(), StoreError> {
        self.put(export).await?;
        let head = &export.head;
        let took = head
            .completed_at
            .map(|end| end.since(head.requested_at).as_millis());
        tracing::info!(
            event_id = export.event_id(),
            export.id = %export.id(),
            org.id = %export.org,
            source.id = %head.source,
            status = head.status.as_str(),
            failure = head.failure.as_ref().map(|failure| tracing::field::debug(failure.code)),
            leads = head.lead_count,
            size_bytes = head.file.as_ref().map(|file| file.size_bytes),
            duration_ms = took.and_then(|took| u64::try_from(took).ok()),
            "export {} is {}",
            export.id(),
            head.status.as_str(),
        );
        Ok(())
    }

    async fn mail(&self, export: &Export, to: &Address) -> Result<(), StoreError> {
        self.send(letter(export, &self.telling.page_url), to)
            .await?;
        tracing::info!(
            event_id = export.event_id(),
            export.id = %export.id(),
            org.id = %export.org,
            "the mail about export {} was sent",
            export.id(),
        );
        Ok(())
    }
}
