//! The demo of contract §7: what a first start finds.

use lead_export_core::access::{Grant, Role};
use lead_export_core::fields::Source;
use lead_export_core::lead::{Lead, OrgId, SourceId};
use lead_export_core::time::Instant;

use crate::generate::{self, Generator, Temper};

/// The seed of the demo's leads.
const SEED: u64 = 7;

/// In the organization `globex`, one lead for so many of `acme`'s.
const SOLAR_ONE_IN: u64 = 5;

/// A user's grant, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoGrant {
    /// The organization.
    pub org: OrgId,
    /// The user.
    pub user: String,
    /// The source; none stands for `*`, every source of the organization.
    pub source: Option<SourceId>,
    /// The role and the display name.
    pub grant: Grant,
}

/// A source of the demo and what makes its leads.
#[derive(Debug, Clone)]
pub struct DemoSource {
    /// The source; its `lead_count` is the number of its leads.
    pub source: Source,
    generator: Generator,
}

impl DemoSource {
    /// The leads of the source.
    pub fn leads(&self) -> impl Iterator<Item = Lead> + '_ {
        self.generator.leads(self.source.lead_count.unwrap_or(0))
    }
}

/// What a first start finds.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The sources.
    pub sources: Vec<DemoSource>,
    /// Who may do what.
    pub grants: Vec<DemoGrant>,
}

/// The demo: `leads` leads in `home-insurance` and a fifth as many in `solar`, spread over the year before `now`.
///
/// The same `now` gives the same leads; they are kept in the data folder, so that later starts see those of the first.
///
/// # Errors
/// None in practice: the demo's names and fields are checked like anybody's.
pub fn demo(now: Instant, leads: u64) -> anyhow::Result<Demo> {
    let acme = OrgId::parse("acme")?;
    let globex = OrgId::parse("globex")?;
    let home = SourceId::parse("home-insurance")?;
    let solar = SourceId::parse("solar")?;
    let mut home_source = generate::source(&acme, &home, "Home Insurance", "America/New_York")?;
    home_source.lead_count = Some(leads);
    let mut solar_source = generate::plain_source(&globex, &solar, "Solar", "UTC");
    solar_source.lead_count = Some(leads.div_ceil(SOLAR_ONE_IN));
    let demo_source = |source: Source| DemoSource {
        generator: Generator::new(&source, SEED, now, Temper::Tame),
        source,
    };
    let grant = |org: &OrgId, user: &str, source: Option<&SourceId>, role| DemoGrant {
        org: org.clone(),
        user: user.to_owned(),
        source: source.cloned(),
        grant: Grant {
            role,
            name: Some(format!("{user}@example.com")),
        },
    };
    Ok(Demo {
        sources: vec![demo_source(home_source), demo_source(solar_source)],
        grants: vec![
            grant(&acme, "alice", Some(&home), Role::Exporter),
            grant(&acme, "vera", Some(&home), Role::Viewer),
            grant(&acme, "adam", None, Role::Admin),
            grant(&globex, "gina", Some(&solar), Role::Exporter),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lead_export_core::fields::CustomKind;

    #[test]
    fn demo_is_the_one_of_the_contract() {
        let now = Instant::parse("2026-11-22T00:00:00Z").unwrap();
        let demo = demo(now, 1000).unwrap();
        let named: Vec<(&str, &str, usize)> = demo
            .sources
            .iter()
            .map(|demo| {
                let source = &demo.source;
                (
                    source.org.as_str(),
                    source.id.as_str(),
                    demo.leads().count(),
                )
            })
            .collect();
        assert_eq!(
            named,
            [("acme", "home-insurance", 1000), ("globex", "solar", 200)]
        );
        let home = &demo.sources[0].source;
        assert_eq!(
            (home.time_zone.as_str(), home.people),
            ("America/New_York", true)
        );
        let custom = home
            .custom
            .iter()
            .map(|field| (field.key.as_str(), field.kind));
        assert_eq!(
            custom.collect::<Vec<_>>(),
            [
                ("annual_income", CustomKind::Number),
                ("roof_type", CustomKind::Dropdown),
                ("opted_in", CustomKind::Boolean),
            ]
        );
        assert_eq!(home.custom[1].options, ["tile", "slate", "metal"]);
        let attributes: Vec<&str> = home
            .attributes
            .iter()
            .map(|field| field.key.as_str())
            .collect();
        assert_eq!(attributes, ["homeowner", "campaign"]);
        let grants: Vec<String> = demo
            .grants
            .iter()
            .map(|grant| {
                let source = grant.source.as_ref().map_or("*", SourceId::as_str);
                let role = grant.grant.role.as_str();
                format!("{} {} {source} {role}", grant.org, grant.user)
            })
            .collect();
        assert_eq!(
            grants,
            [
                "acme alice home-insurance exporter",
                "acme vera home-insurance viewer",
                "acme adam * admin",
                "globex gina solar exporter"
            ]
        );
        for source in &demo.sources {
            assert!(source.leads().all(|lead| lead.created_at < now));
        }
    }

    #[test]
    fn demo_without_leads_has_its_sources() {
        let demo = demo(Instant::from_millis(0), 0).unwrap();
        assert!(
            demo.sources
                .iter()
                .all(|source| source.leads().count() == 0)
        );
        assert_eq!(demo.sources[0].source.lead_count, Some(0));
    }
}
