//! Who may do what: the one place that decides (contract §1).

use serde::{Deserialize, Serialize};

use crate::fields::Source;
use crate::lead::OrgId;

/// The caller, as the authorizer's claims name them. What they may do is the grant, read each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The organization.
    pub org: OrgId,
    /// The user: the claim `sub`.
    pub user: String,
    /// The display name from the claims, if they hold one.
    pub name: Option<String>,
    /// The e-mail claim, if there is one.
    pub email: Option<String>,
}

/// A person as records name them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user: the claim `sub`.
    pub id: String,
    /// The display name.
    pub name: String,
}

/// A user's role on a source; a stronger one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees the source, its fields and its history.
    Viewer,
    /// Also requests exports, cancels own ones, downloads any of the source.
    Exporter,
    /// Also cancels or deletes any.
    Admin,
}

impl Role {
    /// The role's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Exporter => "exporter",
            Self::Admin => "admin",
        }
    }

    /// Reads a role's name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Viewer, Self::Exporter, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
    }
}

/// A user's grant: on one source, or on `*`, every source of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// The user's display name, used when the claims hold none.
    #[serde(default)]
    pub name: Option<String>,
}

/// What one consistent read found of a source and a user's grants on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The source, if there is one of that name in the organization.
    pub source: Option<Source>,
    /// The grant on the source itself.
    pub own: Option<Grant>,
    /// The grant on every source.
    pub every: Option<Grant>,
}

/// Why an act is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another organization's, ungranted or absent: all three look the same from outside.
    #[error("there is no such source or export, or the user may not see it")]
    NotFound,
    /// The user may see it, but the grant is too small for the act.
    #[error("the user's grant is too small")]
    Forbidden,
}

/// What a user wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// See the source, its fields, its history, one export.
    See,
    /// Request or preview an export, write a preset.
    Request,
    /// Get a link to a file.
    Download,
    /// Cancel or delete an export of one's own.
    EndOwn,
    /// Cancel or delete anybody's export.
    EndAny,
}

impl Act {
    /// The least role that may do it.
    pub const fn needs(self) -> Role {
        match self {
            Self::See => Role::Viewer,
            Self::Request | Self::Download | Self::EndOwn => Role::Exporter,
            Self::EndAny => Role::Admin,
        }
    }
}

/// The role that counts: the stronger of the one on a source and the one on every source. Lists and decisions alike take it from
/// here.
pub fn strongest(own: Option<Role>, every: Option<Role>) -> Option<Role> {
    own.max(every)
}

impl Access {
    /// The strongest role that the grants give.
    pub fn role(&self) -> Option<Role> {
        let role = |grant: &Option<Grant>| grant.as_ref().map(|grant| grant.role);
        strongest(role(&self.own), role(&self.every))
    }

    /// Decides: the source and the role of one who may do `act`.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] without source or grant, [`Refusal::Forbidden`] with too small a grant.
    pub fn allows(&self, act: Act) -> Result<(&Source, Role), Refusal> {
        let (Some(source), Some(role)) = (&self.source, self.role()) else {
            return Err(Refusal::NotFound);
        };
        if role >= act.needs() {
            Ok((source, role))
        } else {
            Err(Refusal::Forbidden)
        }
    }

    /// The user as records name them: by the claims, else by the grant, else by the id.
    pub fn person(&self, principal: &Principal) -> Person {
        let granted = || {
            self.own
                .iter()
                .chain(&self.every)
                .find_map(|grant| grant.name.clone())
        };
        let name = principal
            .name
            .clone()
            .or_else(granted)
            .unwrap_or_else(|| principal.user.clone());
        Person {
            id: principal.user.clone(),
            name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::SourceId;

    fn access(own: Option<Role>, every: Option<Role>, source: bool) -> Access {
        let grant = |role: Role| Grant {
            role,
            name: Some(format!("the {}", role.as_str())),
        };
        let source = source.then(|| Source {
            org: OrgId::parse("acme").unwrap(),
            id: SourceId::parse("crm").unwrap(),
            name: String::new(),
            time_zone: "UTC".into(),
            people: false,
            shards: 8,
            lead_count: None,
            custom: vec![],
            attributes: vec![],
        });
        Access {
            source,
            own: own.map(grant),
            every: every.map(grant),
        }
    }

    #[test]
    fn strongest_grant_decides_and_what_is_not_seen_does_not_exist() {
        use Role::{Admin, Exporter, Viewer};
        let roles = [None, Some(Viewer), Some(Exporter), Some(Admin)];
        for own in roles {
            for every in roles {
                for act in [
                    Act::See,
                    Act::Request,
                    Act::Download,
                    Act::EndOwn,
                    Act::EndAny,
                ] {
                    assert_eq!(
                        access(own, every, false).allows(act).err(),
                        Some(Refusal::NotFound)
                    );
                    let expected = match own.max(every) {
                        None => Some(Refusal::NotFound),
                        Some(role) if role < act.needs() => Some(Refusal::Forbidden),
                        Some(_) => None,
                    };
                    assert_eq!(
                        access(own, every, true).allows(act).err(),
                        expected,
                        "{own:?} {every:?} {act:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn names_come_from_claims_then_grant_then_id() {
        let mut principal = Principal {
            org: OrgId::parse("acme").unwrap(),
            user: "u-1".into(),
            name: Some("Ann".into()),
            email: None,
        };
        let granted = access(Some(Role::Viewer), None, true);
        assert_eq!(granted.person(&principal).name, "Ann");
        principal.name = None;
        assert_eq!(granted.person(&principal).name, "the viewer");
        assert_eq!(access(None, None, true).person(&principal).name, "u-1");
    }
}
