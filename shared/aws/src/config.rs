//! The functions' environment, read once. What is missing is an error that names it, never a default that hides it.

use std::collections::HashMap;
use std::time::Duration;

use lead_export_core::lead::OrgId;
use lead_export_core::limits;
use lead_export_core::mail::Address;
use lead_export_core::volume::DailyVolume;

use crate::http::ClaimRules;
use crate::notifier::Telling;

mod origins;

pub use origins::SignIn;

/// Why the environment is not what a function needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A variable is not set, or is empty where it must not be.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// A variable's value is not of its form.
    #[error("the environment variable {name} is malformed: {wanted}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
}

/// A duration as people write it: a whole number and `s`, `m`, `h` or `d`; none for anything else, zero among it.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, seconds) = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)]
        .into_iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    // A hundred years: sums with instants stay in range.
    (1..=100 * 365 * 86_400)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

/// The environment of a function. Each getter names what is wrong with its variable; a function asks for those it needs.
#[derive(Debug, Clone, Default)]
pub struct Config {
    variables: HashMap<String, String>,
}

/// What is read of the environment; credentials are not kept in it (see [`crate::clients`]).
const READ: [&str; 26] = [
    "LEADS_TABLE",
    "SOURCES_TABLE",
    "EXPORTS_TABLE",
    "AUDIT_TABLE",
    "FILES_BUCKET",
    "EXPORTS_QUEUE_URL",
    "RETENTION",
    "DOWNLOAD_TTL",
    "MAX_ACTIVE_EXPORTS",
    "DAILY_VOLUME",
    "SLICE",
    "READ_CONSISTENCY",
    "READ_UNITS",
    "ORG_CLAIM",
    "SINGLE_ORG",
    "TOKEN_USE",
    "REQUIRED_SCOPE",
    "ALLOWED_ORIGINS",
    "JWT_ISSUER",
    "PAGE_CLIENT_ID",
    "PAGE_SCOPE",
    "PAGE_AUDIENCE",
    "PAGE_SIGN_IN_ORIGINS",
    "EVENT_BUS",
    "MAIL_FROM",
    "PAGE_URL",
];

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Self {
        let of = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
        READ.into_iter().filter_map(of).collect()
    }

    fn any(&self, name: &'static str) -> Result<&str, ConfigError> {
        let value = self.variables.get(name);
        value.map(String::as_str).ok_or(ConfigError::Missing(name))
    }

    fn filled(&self, name: &'static str) -> Result<&str, ConfigError> {
        match self.any(name)? {
            "" => Err(ConfigError::Missing(name)),
            value => Ok(value),
        }
    }

    fn name(&self, name: &'static str) -> Result<String, ConfigError> {
        self.filled(name).map(str::to_owned)
    }

    /// A rule that can be off: its variable is set all the same, to nothing, so that none is off because it was forgotten.
    fn rule(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let value = self.any(name)?;
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    fn duration(&self, name: &'static str) -> Result<Duration, ConfigError> {
        let wanted = "it must be a duration such as 7d, 12h, 5m or 300s";
        duration(self.filled(name)?).ok_or(ConfigError::Malformed { name, wanted })
    }

    /// `LEADS_TABLE`: the leads' table.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn leads_table(&self) -> Result<String, ConfigError> {
        self.name("LEADS_TABLE")
    }

    /// `SOURCES_TABLE`: the table of sources and grants.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn sources_table(&self) -> Result<String, ConfigError> {
        self.name("SOURCES_TABLE")
    }

    /// `EXPORTS_TABLE`: the exports' table.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn exports_table(&self) -> Result<String, ConfigError> {
        self.name("EXPORTS_TABLE")
    }

    /// `AUDIT_TABLE`: the audit's table.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn audit_table(&self) -> Result<String, ConfigError> {
        self.name("AUDIT_TABLE")
    }

    /// `FILES_BUCKET`: the bucket of pieces and files.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn files_bucket(&self) -> Result<String, ConfigError> {
        self.name("FILES_BUCKET")
    }

    /// `EXPORTS_QUEUE_URL`: the queue of hints.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn exports_queue_url(&self) -> Result<String, ConfigError> {
        self.name("EXPORTS_QUEUE_URL")
    }

    /// `RETENTION`: how long a file is kept.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn retention(&self) -> Result<Duration, ConfigError> {
        self.duration("RETENTION")
    }

    /// `DOWNLOAD_TTL`: how long a link lives; a longer one is cut to [`limits::DOWNLOAD_TTL_MAX`].
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn download_ttl(&self) -> Result<Duration, ConfigError> {
        let asked = self.duration("DOWNLOAD_TTL")?;
        Ok(asked.min(limits::DOWNLOAD_TTL_MAX))
    }

    /// `MAX_ACTIVE_EXPORTS`: an organization's exports pending or processing at once.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn max_active_exports(&self) -> Result<usize, ConfigError> {
        let name = "MAX_ACTIVE_EXPORTS";
        let wanted = "it must be a whole number from 1 to 1000";
        let value = self.filled(name)?.parse().ok();
        value
            .filter(|value| (1..=1000).contains(value))
            .ok_or(ConfigError::Malformed { name, wanted })
    }

    /// `DAILY_VOLUME`: leads that a user may take in a UTC day; 0 for no bound.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn daily_volume(&self) -> Result<DailyVolume, ConfigError> {
        let name = "DAILY_VOLUME";
        let wanted = "it must be a whole number of leads, 0 for no bound";
        let value = self.filled(name)?;
        // `parse` alone would take a sign.
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let leads = value.parse().ok().filter(|_| digits);
        leads
            .map(DailyVolume::new)
            .ok_or(ConfigError::Malformed { name, wanted })
    }

    /// `SLICE`: how long one invocation reads before it pauses.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn slice(&self) -> Result<Duration, ConfigError> {
        self.duration("SLICE")
    }

    /// `READ_CONSISTENCY`: whether leads are read strongly consistently (`strong`) or not (`eventual`).
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn reads_consistently(&self) -> Result<bool, ConfigError> {
        let name = "READ_CONSISTENCY";
        match self.filled(name)? {
            "strong" => Ok(true),
            "eventual" => Ok(false),
            _ => {
                let wanted = "it must be strong or eventual";
                Err(ConfigError::Malformed { name, wanted })
            }
        }
    }

    /// `READ_UNITS`: read units of the leads' table that a run takes a second at most; none if it is 0.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read_units(&self) -> Result<Option<u32>, ConfigError> {
        let name = "READ_UNITS";
        let wanted = "it must be a whole number, 0 for no bound";
        let units: u32 = self
            .filled(name)?
            .parse()
            .map_err(|_| ConfigError::Malformed { name, wanted })?;
        Ok((units > 0).then_some(units))
    }

    /// `ORG_CLAIM`, `SINGLE_ORG`, `TOKEN_USE`, `REQUIRED_SCOPE`: how claims are read. The last three are set to nothing where
    /// they do not apply.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn claim_rules(&self) -> Result<ClaimRules, ConfigError> {
        let name = "SINGLE_ORG";
        let wanted = "it must be an organization: up to 128 characters without '#' or blanks";
        let single_org = self.rule(name)?.map(OrgId::parse).transpose();
        Ok(ClaimRules {
            org_claim: self.name("ORG_CLAIM")?,
            single_org: single_org.map_err(|_| ConfigError::Malformed { name, wanted })?,
            token_use: self.rule("TOKEN_USE")?,
            required_scope: self.rule("REQUIRED_SCOPE")?,
        })
    }

    /// `MAIL_FROM`: the sender of mails; set to nothing where none are sent.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn mail_from(&self) -> Result<Option<Address>, ConfigError> {
        let name = "MAIL_FROM";
        let wanted = "it must be an e-mail address, without a name";
        let from = self.rule(name)?;
        let from = from.as_deref().map(Address::parse).transpose();
        from.map_err(|_| ConfigError::Malformed { name, wanted })
    }

    /// `EVENT_BUS`, `MAIL_FROM`, `PAGE_URL`: where and how terminal states are told.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn telling(&self) -> Result<Telling, ConfigError> {
        let page_url = self.name("PAGE_URL")?;
        let is_url = ["https://", "http://"].iter().any(|scheme| {
            let rest = page_url.strip_prefix(scheme);
            rest.is_some_and(|rest| {
                !rest.is_empty() && rest.chars().all(|each| !each.is_whitespace())
            })
        });
        if !is_url {
            let (name, wanted) = (
                "PAGE_URL",
                "it must be a URL such as https://exports.example.com",
            );
            return Err(ConfigError::Malformed { name, wanted });
        }
        Ok(Telling {
            bus: self.name("EVENT_BUS")?,
            mail_from: self.mail_from()?,
            page_url,
        })
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Config {
    /// An environment of these variables.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables.into_iter();
        Self {
            variables: variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
