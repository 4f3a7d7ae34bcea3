//! Presets: named requests of a source, and what stands for a whole body (`preset`, `again`).

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::access::{Act, Person, Principal, Refusal};
use crate::ask::Asked;
use crate::fields::Source;
use crate::filter::since_export;
use crate::input::{Fault, FieldError, InvalidRequest, Json};
use crate::lead::{OrgId, SourceId};
use crate::limits;
use crate::mail::MailTo;
use crate::ports::{Clock, ExportStore, PresetStore, SourceStore, StoreError};
use crate::record::{Export, ExportId};
use crate::time::Instant;

/// The name of a preset, unique in its source: 1 to 64 characters of `[A-Za-z0-9][A-Za-z0-9 ._-]*`, the last no blank. Case counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PresetName(String);

impl PresetName {
    /// Reads a name; none if it is malformed.
    pub fn parse(name: &str) -> Option<Self> {
        let valid = (1..=limits::PRESET_NAME_CHARS).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && !name.ends_with(' ')
            && name
                .chars()
                .all(|each| each.is_ascii_alphanumeric() || " ._-".contains(each));
        valid.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PresetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a list shows of a preset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetHead {
    /// Its name.
    pub name: PresetName,
    /// Who saved it last.
    pub saved_by: Person,
    /// When.
    pub saved_at: Instant,
}

/// A named request of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// The organization.
    pub org: OrgId,
    /// The source.
    pub source: SourceId,
    /// Name, and who saved it when.
    pub head: PresetHead,
    /// The body of a request, which names no other preset and no export.
    pub request: Json,
}

/// Why a body does not become a plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotUnderstood {
    /// The request's words.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a body against the source as it is, after what `preset` or `again` stands for is filled in: the whole body, and the plan.
/// A mail that is wanted and could reach nobody is refused.
pub(crate) async fn understand(
    body: Json,
    source: &Source,
    now: Instant,
    mail: &MailTo,
    presets: &dyn PresetStore,
    exports: &dyn ExportStore,
) -> Result<(Json, Asked), NotUnderstood> {
    let body = filled_in(body, source, presets, exports).await?;
    let since = match since_export(&body).and_then(ExportId::parse) {
        Some(id) => export_of(source, id, exports).await?,
        None => None,
    };
    let since = since.map(|export| export.head.requested_at);
    let asked = Asked::read(&body, source, now, &|_| since);
    let wanted = body.member("notify").and_then(|it| it.member("email")) == Some(&Json::Bool(true));
    let asked = match (asked, mail) {
        (Ok(_), MailTo::Nobody(why)) if wanted => Err(refused("notify.email", *why)),
        (Err(mut invalid), MailTo::Nobody(why)) if wanted => {
            invalid.errors.extend(refused("notify.email", *why).errors);
            Err(invalid)
        }
        (asked, _) => asked,
    }?;
    Ok((body, asked))
}

/// The body with `preset` or `again` filled in under its other members. One that names nothing stays, to be refused with
/// whatever else is wrong; so do both at once.
async fn filled_in(
    body: Json,
    source: &Source,
    presets: &dyn PresetStore,
    exports: &dyn ExportStore,
) -> Result<Json, StoreError> {
    let base = match (body.member("preset"), body.member("again")) {
        (Some(Json::Text(name)), None) => match PresetName::parse(name) {
            Some(name) => presets.get(&source.org, &source.id, &name).await?,
            None => None,
        }
        .map(|preset| preset.request),
        (None, Some(Json::Text(id))) => match ExportId::parse(id) {
            Some(id) => export_of(source, id, exports).await?,
            None => None,
        }
        // A body of this kind cannot say which leads were picked: it would hold more.
        .filter(|export| export.plan.pick.is_none())
        .map(|export| again(&export, source)),
        _ => None,
    };
    Ok(match base {
        Some(base) => body.over(base, &["preset", "again"]),
        None => body,
    })
}

/// The body that asks for the same as `export`: what its file holds, and the mail if there was one.
fn again(export: &Export, source: &Source) -> Json {
    let mut body = export.plan.body(source);
    if let (Json::Object(members), Some(_)) = (&mut body, &export.mail) {
        let email = ("email".to_owned(), Json::Bool(true));
        members.push(("notify".to_owned(), Json::Object(vec![email])));
    }
    body
}

/// An export of this very source.
async fn export_of(
    source: &Source,
    id: ExportId,
    exports: &dyn ExportStore,
) -> Result<Option<Export>, StoreError> {
    let export = exports.get(&source.org, id).await?;
    Ok(export.filter(|export| export.head.source == source.id))
}

/// Why a preset is not saved, deleted or shown.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    /// The user may not, or there is none of the name.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request's words.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotUnderstood> for PresetError {
    fn from(error: NotUnderstood) -> Self {
        match error {
            NotUnderstood::Invalid(invalid) => invalid.into(),
            NotUnderstood::Store(error) => error.into(),
        }
    }
}

/// Saves and deletes presets. Its fields are the ports it needs.
#[derive(Clone)]
pub struct SavePreset {
    /// Sources and grants.
    pub sources: Arc<dyn SourceStore>,
    /// The records: what `again` and `since_export` name.
    pub exports: Arc<dyn ExportStore>,
    /// The presets.
    pub presets: Arc<dyn PresetStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Whether the service sends mails.
    pub sends_mails: bool,
}

impl SavePreset {
    /// Saves a body under a name, over what is there, if it would be accepted as a request now. What it names by `preset` or
    /// `again` is filled in: a preset stands for itself.
    ///
    /// # Errors
    /// [`PresetError`]; nothing was saved, but for a store that did not answer.
    pub async fn save(
        &self,
        principal: &Principal,
        source: &str,
        name: &str,
        body: &[u8],
    ) -> Result<Preset, PresetError> {
        let access = crate::history::access(&*self.sources, principal, source).await?;
        let (source, _) = access.allows(Act::Request)?;
        let now = self.clock.now();
        let body = Json::object(body)?;
        let (presets, exports) = (&*self.presets, &*self.exports);
        let mail = MailTo::of(principal, self.sends_mails);
        let understood = match understand(body, source, now, &mail, presets, exports).await {
            Ok((body, _)) => Ok(body),
            Err(NotUnderstood::Invalid(invalid)) => Err(invalid),
            Err(NotUnderstood::Store(error)) => return Err(error.into()),
        };
        let (name, request) = match (PresetName::parse(name), understood) {
            (Some(name), Ok(request)) => (name, request),
            (Some(_), Err(invalid)) => return Err(invalid.into()),
            (None, Ok(_)) => return Err(refused("name", NAME).into()),
            (None, Err(mut invalid)) => {
                invalid.errors.extend(refused("name", NAME).errors);
                return Err(invalid.into());
            }
        };
        if request.to_text().len() > limits::BODY_BYTES {
            // Only what was filled in can be larger than a body may be.
            let most = limits::BODY_BYTES >> 10;
            let message = format!("the whole request is larger than {most} KiB");
            return Err(refused("", message).into());
        }
        let preset = Preset {
            org: source.org.clone(),
            source: source.id.clone(),
            head: PresetHead {
                name,
                saved_by: access.person(principal),
                saved_at: now,
            },
            request,
        };
        if self.presets.put(&preset, limits::PRESETS).await? {
            Ok(preset)
        } else {
            let most = limits::PRESETS;
            let message = format!("the source has {most} presets, as many as it may: delete one");
            Err(refused("name", message).into())
        }
    }

    /// Deletes a preset.
    ///
    /// # Errors
    /// [`PresetError`]; [`Refusal::NotFound`] if there is none of the name.
    pub async fn delete(
        &self,
        principal: &Principal,
        source: &str,
        name: &str,
    ) -> Result<(), PresetError> {
        let access = crate::history::access(&*self.sources, principal, source).await?;
        let (source, _) = access.allows(Act::Request)?;
        let name = PresetName::parse(name).ok_or(Refusal::NotFound)?;
        if self.presets.remove(&source.org, &source.id, &name).await? {
            Ok(())
        } else {
            Err(Refusal::NotFound.into())
        }
    }
}

const NAME: &str = "a preset's name has 1 to 64 letters, digits, blanks, '.', '_' or '-' of ASCII; the first is a letter or a \
                    digit, the last no blank";

fn refused(field: &str, message: impl Into<String>) -> InvalidRequest {
    InvalidRequest {
        fault: Fault::Refused,
        errors: vec![FieldError {
            field: field.to_owned(),
            message: message.into(),
        }],
    }
}

/// Shows presets. Its fields are the ports it needs.
#[derive(Clone)]
pub struct ReadPresets {
    /// Sources and grants.
    pub sources: Arc<dyn SourceStore>,
    /// The presets.
    pub presets: Arc<dyn PresetStore>,
}

impl ReadPresets {
    /// The presets of a source, by name.
    ///
    /// # Errors
    /// [`PresetError`].
    pub async fn list(
        &self,
        principal: &Principal,
        source: &str,
    ) -> Result<Vec<PresetHead>, PresetError> {
        let access = crate::history::access(&*self.sources, principal, source).await?;
        let (source, _) = access.allows(Act::See)?;
        Ok(self.presets.list(&source.org, &source.id).await?)
    }

    /// One preset.
    ///
    /// # Errors
    /// [`PresetError`]; [`Refusal::NotFound`] if there is none of the name.
    pub async fn one(
        &self,
        principal: &Principal,
        source: &str,
        name: &str,
    ) -> Result<Preset, PresetError> {
        let access = crate::history::access(&*self.sources, principal, source).await?;
        let (source, _) = access.allows(Act::See)?;
        let name = PresetName::parse(name).ok_or(Refusal::NotFound)?;
        let preset = self.presets.get(&source.org, &source.id, &name).await?;
        Ok(preset.ok_or(Refusal::NotFound)?)
    }
}

#[cfg(test)]
mod tests;
