//! P9a: telling a terminal state, the event and the mail, each at least once and neither again because the other was not heard.

use std::time::Duration;

use crate::limits;
use crate::ports::{Notifier, StoreError};
use crate::record::{Export, RunId};
use crate::time::Instant;

/// What came of a telling.
#[derive(Debug)]
pub(crate) struct Telling {
    /// Nothing is owed of the event.
    event: bool,
    /// Nothing is owed of the mail.
    mail: bool,
    /// Why the rest was not heard.
    pub(crate) deaf: Option<StoreError>,
}

/// Tells what is still owed of `export`, which has ended.
pub(crate) async fn tell(notifier: &dyn Notifier, export: &Export, now: Instant) -> Telling {
    let mut telling = Telling {
        event: !export.notify,
        mail: true,
        deaf: None,
    };
    if export.notify {
        match notifier.tell(export).await {
            Ok(()) => telling.event = true,
            Err(error) => telling.deaf = Some(error),
        }
    }
    if let Some(mail) = export.mail.as_ref().filter(|mail| !mail.sent)
        && let Err(error) = notifier.mail(export, &mail.to).await
    {
        // An address that SES refuses will not be accepted tomorrow either; one that an operator mends within the time gets its mail.
        telling.mail = age(export, now) >= limits::MAIL_PATIENCE;
        telling.deaf = Some(error);
    }
    telling
}

impl Telling {
    /// Whether there is something to note.
    pub(crate) fn any(&self, export: &Export) -> bool {
        (export.notify && self.event) || (export.owes_mail() && self.mail)
    }

    /// Whether nothing is owed any more.
    pub(crate) fn all(&self) -> bool {
        self.event && self.mail
    }

    /// The record after it.
    pub(crate) fn noted(&self, export: &Export, by: RunId) -> Export {
        export.told_of(by, self.event, self.mail)
    }
}

/// When the sweeper looks again at an export whose telling may fail: after a minute; for a mail alone after as long as the export
/// has been over, up to an hour, but not beyond what else is due. A mail that nobody takes must not crowd out what somebody does.
pub(crate) fn again_at(export: &Export, now: Instant) -> Instant {
    if export.notify || !export.owes_mail() {
        return now.plus(limits::SWEEP_BACKOFF);
    }
    let wait = age(export, now).clamp(limits::SWEEP_BACKOFF, limits::MAIL_BACKOFF);
    let due = [export.clean_at, export.head.file_expires_at];
    let next = due.into_iter().flatten().filter(|at| *at > now).min();
    let wait = now.plus(wait);
    next.map_or(wait, |next| {
        wait.min(next.max(now.plus(limits::SWEEP_BACKOFF)))
    })
}

fn age(export: &Export, now: Instant) -> Duration {
    export
        .head
        .completed_at
        .map_or(Duration::ZERO, |end| now.since(end))
}
