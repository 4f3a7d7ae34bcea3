//! The mail that a requester may ask for: to whom, and what it says.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::limits;
use crate::record::{Export, Status};

/// An e-mail address that a mail can be sent to: one `local@domain` of visible ASCII, without anything that a mail's head gives a
/// meaning (`<`, `,`, `;`, quotes, comments), so that it stays one address wherever it is put.
///
/// SES takes no other local part (SendEmail, "Destination": no SMTPUTF8), and a domain that is not ASCII in Punycode alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// A text that is no [`Address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct NotAnAddress;

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`NotAnAddress`].
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        // A dot at either end, or two in a row, is no dot-atom (RFC 5322 §3.2.3).
        let dotted = |part: &str| part.split('.').all(|piece| !piece.is_empty());
        let is_local =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
        let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        let (local, domain) = text.split_once('@').ok_or(NotAnAddress)?;
        let valid = text.len() <= limits::ADDRESS_CHARS
            && local.len() <= limits::ADDRESS_LOCAL_CHARS
            && local.bytes().all(is_local)
            && domain.bytes().all(is_domain)
            && dotted(local)
            && dotted(domain);
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnAddress)
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom a mail about a request could reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTo {
    /// Nobody, and why: what a request that wants one is told.
    Nobody(&'static str),
    /// The requester.
    Address(Address),
    /// Whoever it may be: none will be sent, as of a preview.
    Unasked,
}

impl MailTo {
    /// Reads it off the caller's claims; `sends` says whether the service sends mails at all.
    pub fn of(principal: &Principal, sends: bool) -> Self {
        if !sends {
            return Self::Nobody("this service sends no mails: its parameter MailFrom is not set");
        }
        match principal.email.as_deref().map(Address::parse) {
            Some(Ok(address)) => Self::Address(address),
            Some(Err(NotAnAddress)) => Self::Nobody(
                "the e-mail claim of your token is no address that a mail can be sent to",
            ),
            None => Self::Nobody(
                "your token has no e-mail claim, or an unverified one: there is no address to send a mail to",
            ),
        }
    }
}

/// A mail that the requester asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// To whom: the requester's e-mail claim, frozen at the request.
    pub to: Address,
    /// Whether it has been sent, or given up.
    pub sent: bool,
}

/// What a mail says, as text and as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The subject: one line of visible characters.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML, without anything that is loaded from elsewhere.
    pub html: String,
}

/// Writes the mail about an export that has ended. It leads to the page, never to the file, and names no filter.
///
/// `page` is where the page is, such as `https://exports.example.com`.
pub fn letter(export: &Export, page: &str) -> Letter {
    let head = &export.head;
    let source = &head.source;
    let name = line(&head.file_name);
    let (subject, first) = match export.status() {
        Status::Completed => {
            let until = head.file_expires_at.map(|until| format!(" until {until}"));
            let until = until.unwrap_or_default();
            (
                format!("Your export of {source} is ready"),
                format!(
                    "{name} is ready, {}. You can download it{until}.",
                    leads(head.lead_count)
                ),
            )
        }
        Status::Expired => (
            format!("Your export of {source} was ready"),
            format!(
                "{name} was ready, {}, and is gone already: it was deleted, or its time has passed.",
                leads(head.lead_count)
            ),
        ),
        Status::Cancelled => {
            let by = head
                .ended_by
                .as_ref()
                .map(|person| format!(" by {}", line(&person.name)));
            (
                format!("Your export of {source} was cancelled"),
                format!(
                    "{name} was cancelled{}. There is no file.",
                    by.unwrap_or_default()
                ),
            )
        }
        Status::Failed | Status::Pending | Status::Processing => {
            let why = head
                .failure
                .as_ref()
                .map_or("", |failure| failure.message.as_str());
            (
                format!("Your export of {source} failed"),
                format!("{name} could not be made. {}", line(why)),
            )
        }
    };
    let link = format!("{}/?export={}", page.trim_end_matches('/'), head.id);
    let asked = format!(
        "You asked for this mail with the export, at {}. The link leads to the page of exports, where you sign in as always.",
        head.requested_at
    );
    Letter {
        text: format!("{first}\r\n\r\n{link}\r\n\r\n{asked}\r\n"),
        html: format!(
            "<!DOCTYPE html>\r\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\r\n<body>\r\n<p>{}</p>\r\n\
             <p><a href=\"{}\">Open the page of exports</a></p>\r\n<p><small>{}</small></p>\r\n</body></html>\r\n",
            escaped(&subject),
            escaped(&first),
            escaped(&link),
            escaped(&asked)
        ),
        subject,
    }
}

fn leads(count: Option<u64>) -> String {
    match count {
        Some(1) => "1 lead".to_owned(),
        Some(count) => format!("{count} leads"),
        None => "all leads that matched".to_owned(),
    }
}

/// Somebody's words on one line, shortened: what steers a terminal, a mail's head or the direction of writing becomes a blank.
fn line(words: &str) -> String {
    let steers = |each: char| {
        each.is_control()
            || matches!(each, '\u{2028}' | '\u{2029}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    let blanked: String = words
        .chars()
        .map(|each| if steers(each) { ' ' } else { each })
        .collect();
    let mut shown: String = blanked.chars().take(limits::MAIL_WORD_CHARS).collect();
    if blanked.chars().count() > limits::MAIL_WORD_CHARS {
        shown.push('…');
    }
    shown
}

/// A text as HTML shows it, in an element or in quotes.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for each in text.chars() {
        match each {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests;
