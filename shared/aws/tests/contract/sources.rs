//! What the command line does with sources and grants, beyond the port.

use lead_export_aws::sources::GrantedTo;
use lead_export_core::access::{Grant, Role};
use lead_export_core::fields::Source;
use lead_export_core::lead::{OrgId, SourceId};

use crate::Tables;

fn source(org: &OrgId, id: &str) -> Source {
    Source {
        org: org.clone(),
        id: SourceId::parse(id).unwrap(),
        name: format!("The {id}"),
        time_zone: "UTC".into(),
        people: false,
        shards: 8,
        lead_count: Some(u64::MAX),
        custom: vec![],
        attributes: vec![],
    }
}

fn acme() -> OrgId {
    OrgId::parse("acme").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn source_is_created_once_and_updated_only_as_seen() {
    let sources = Tables::start().await.sources();
    let first = source(&acme(), "crm");
    assert_eq!(sources.get_source(&acme(), &first.id).await.unwrap(), None);
    let made = sources.create_source(&first).await.unwrap().unwrap();
    let mut second = first.clone();
    second.name = "Another".into();
    assert_eq!(sources.create_source(&second).await.unwrap(), None);
    let found = sources.get_source(&acme(), &first.id).await.unwrap();
    assert_eq!(found, Some((first.clone(), made)));

    let next = sources.update_source(&second, made).await.unwrap().unwrap();
    assert_ne!(next, made);
    let stale = sources.update_source(&first, made).await.unwrap();
    assert_eq!(stale, None, "another has written since");
    let found = sources.get_source(&acme(), &first.id).await.unwrap();
    assert_eq!(found, Some((second.clone(), next)));
    let put = sources.put_source(&first).await.unwrap();
    let stale = sources.update_source(&second, next).await.unwrap();
    assert_eq!(stale, None, "an unconditional write counts as well");
    let found = sources.get_source(&acme(), &first.id).await.unwrap();
    assert_eq!(found, Some((first, put)));
    let absent = source(&acme(), "none");
    assert_eq!(sources.update_source(&absent, put).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_and_grants_are_listed_by_name() {
    let sources = Tables::start().await.sources();
    let other = OrgId::parse("acme-2").unwrap();
    for (org, id) in [(acme(), "b"), (acme(), "a"), (other.clone(), "c")] {
        sources.put_source(&source(&org, id)).await.unwrap();
    }
    let listed = sources.list_sources(&acme()).await.unwrap();
    let expected = ["a", "b"].map(|id| source(&acme(), id));
    assert_eq!(listed, expected);

    let grant = |role| Grant { role, name: None };
    let a = SourceId::parse("a").unwrap();
    let granted = [
        ("u#1%", None, grant(Role::Admin)),
        ("u#1%", Some(&a), grant(Role::Viewer)),
        ("w", Some(&a), grant(Role::Exporter)),
    ];
    for (user, source, grant) in &granted {
        let put = sources.put_grant(&acme(), user, *source, grant).await;
        put.unwrap();
    }
    let elsewhere = grant(Role::Admin);
    let put = sources.put_grant(&other, "w", None, &elsewhere).await;
    put.unwrap();
    let expected = granted.map(|(user, source, grant)| GrantedTo {
        user: user.into(),
        source: source.cloned(),
        grant,
    });
    assert_eq!(sources.list_grants(&acme()).await.unwrap(), expected);
    sources.remove_grant(&acme(), "u#1%", None).await.unwrap();
    sources.remove_grant(&acme(), "nobody", None).await.unwrap();
    let left = sources.list_grants(&acme()).await.unwrap();
    assert_eq!(left, expected[1..]);
}
