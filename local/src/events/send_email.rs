//! `SendEmail`.

use jiff::Timestamp;
use lead_export_core::mail::Address;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Refusal;
use super::outbox::{Mail, Outbox};

/// Readers of one mail (<https://docs.aws.amazon.com/ses/latest/dg/quotas.html>).
const READERS: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Call {
    from_email_address: Option<String>,
    destination: Option<Destination>,
    content: EmailContent,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Destination {
    #[serde(default)]
    to_addresses: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EmailContent {
    simple: Simple,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Simple {
    subject: Words,
    body: Body,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Body {
    text: Option<Words>,
    html: Option<Words>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Words {
    data: String,
    charset: Option<String>,
}

impl Words {
    /// The words, which SES takes for 7-bit ASCII unless told otherwise.
    fn read(self) -> Result<String, Refusal> {
        match self.charset.as_deref() {
            Some("UTF-8") => Ok(self.data),
            None if self.data.is_ascii() => Ok(self.data),
            _ => Err(bad("the charset is not that of the words")),
        }
    }
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new("BadRequestException", message)
}

/// Takes a mail. What is not known here is refused, not overlooked.
pub(super) fn run(outbox: &Outbox, body: &[u8]) -> Result<Value, Refusal> {
    let call: Call = serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
    let from = call
        .from_email_address
        .ok_or_else(|| bad("Missing required header 'From'."))?;
    let to = call
        .destination
        .map(|it| it.to_addresses)
        .unwrap_or_default();
    if !(1..=READERS).contains(&to.len()) {
        return Err(bad(format!("a mail has 1 to {READERS} readers")));
    }
    if let Some(illegal) = [&from]
        .into_iter()
        .chain(&to)
        .find(|it| Address::parse(it).is_err())
    {
        return Err(bad(format!("Illegal address: {illegal}")));
    }
    let subject = call.content.simple.subject.read()?;
    if subject.chars().any(char::is_control) {
        return Err(bad("Control characters are not allowed in the subject."));
    }
    let Body { text, html } = call.content.simple.body;
    let read = |words: Option<Words>| words.map_or(Ok(String::new()), Words::read);
    let id = Uuid::new_v4().to_string();
    let mail = Mail {
        id: id.clone(),
        time: Timestamp::now().to_string(),
        from,
        to,
        subject,
        text: read(text)?,
        html: read(html)?,
    };
    match outbox.send(mail) {
        Ok(()) => Ok(json!({ "MessageId": id })),
        Err(_) => Err(Refusal {
            status: http::StatusCode::INTERNAL_SERVER_ERROR,
            ..Refusal::new(
                "InternalServiceErrorException",
                "the outbox cannot be written",
            )
        }),
    }
}
