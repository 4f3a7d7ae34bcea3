//! [`SourceStore`]: sources and grants.

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::{must, org};
use crate::access::{Access, Grant, Role};
use crate::fields::{Attribute, CustomField, CustomKind, Source};
use crate::lead::{OrgId, SourceId};
use crate::ports::SourceStore;

/// Writes what a [`SourceStore`] reads: the port itself has no way to.
#[async_trait]
pub trait SourceWriter: Send + Sync {
    /// Writes a source, over one of the same name.
    async fn put_source(&self, source: &Source);

    /// Writes a grant on a source, or on every source if none is named.
    async fn put_grant(&self, org: &OrgId, user: &str, source: Option<&SourceId>, grant: &Grant);

    /// Deletes such a grant.
    async fn remove_grant(&self, org: &OrgId, user: &str, source: Option<&SourceId>);
}

/// Every claim of this module.
pub async fn all(store: &dyn SourceStore, writer: &dyn SourceWriter) {
    join_all([
        access_reads_source_and_both_grants(store, writer).boxed_local(),
        grants_of_others_are_not_read(store, writer).boxed_local(),
        revoked_grant_is_gone_at_once(store, writer).boxed_local(),
        visible_sources_come_with_the_strongest_role(store, writer).boxed_local(),
        many_sources_are_all_visible(store, writer).boxed_local(),
    ])
    .await;
}

fn grant(role: Role) -> Grant {
    Grant {
        role,
        name: Some(format!("Ünal the {}", role.as_str())),
    }
}

fn named(id: &str) -> SourceId {
    SourceId::parse(id).unwrap_or_else(|error| panic!("{error}"))
}

fn source(org: &OrgId, id: &str) -> Source {
    Source {
        org: org.clone(),
        id: named(id),
        name: format!("Source \"{id}\" – ü"),
        time_zone: "Europe/Berlin".into(),
        people: true,
        shards: 3,
        lead_count: Some(9_007_199_254_740_993),
        custom: vec![CustomField {
            key: "plan".into(),
            label: "Plan, chosen".into(),
            kind: CustomKind::Dropdown,
            options: vec!["A".into(), "b, c".into()],
        }],
        attributes: vec![Attribute {
            key: "tags".into(),
            label: "Tags".into(),
        }],
    }
}

async fn access(store: &dyn SourceStore, org: &OrgId, user: &str, source: &SourceId) -> Access {
    must(store.access(org, user, source).await, "access")
}

/// One read finds the source, whole, and the user's two grants; each may be missing.
pub async fn access_reads_source_and_both_grants(
    store: &dyn SourceStore,
    writer: &dyn SourceWriter,
) {
    let org = org();
    let full = source(&org, "full");
    let bare = Source {
        name: String::new(),
        people: false,
        lead_count: None,
        custom: vec![],
        attributes: vec![],
        ..source(&org, "bare")
    };
    writer.put_source(&full).await;
    writer.put_source(&bare).await;
    let nobody = access(store, &org, "u-1", &full.id).await;
    assert_eq!(nobody.source.as_ref(), Some(&full), "the source as written");
    assert_eq!((nobody.own, nobody.every), (None, None), "no grants");

    let (own, every) = (grant(Role::Exporter), grant(Role::Viewer));
    let nameless = Grant {
        role: Role::Admin,
        name: None,
    };
    writer.put_grant(&org, "u-1", Some(&full.id), &own).await;
    writer.put_grant(&org, "u-1", None, &every).await;
    writer
        .put_grant(&org, "u-2", Some(&bare.id), &nameless)
        .await;
    let found = access(store, &org, "u-1", &full.id).await;
    assert_eq!(
        (found.source, found.own, found.every),
        (Some(full), Some(own), Some(every.clone())),
        "the source and both grants"
    );
    let found = access(store, &org, "u-2", &bare.id).await;
    assert_eq!(
        (found.source, found.own, found.every),
        (Some(bare), Some(nameless), None),
        "the least of a source, and a grant without a name"
    );
    let found = access(store, &org, "u-1", &named("absent")).await;
    assert_eq!(
        (found.source, found.own, found.every),
        (None, None, Some(every)),
        "a source that is not there, and the grant on every source"
    );
}

/// A grant counts for one user, one source, one organization; names that run together are still apart.
pub async fn grants_of_others_are_not_read(store: &dyn SourceStore, writer: &dyn SourceWriter) {
    let (here, there) = (org(), org());
    for org in [&here, &there] {
        for id in ["crm", "crm-2"] {
            writer.put_source(&source(org, id)).await;
        }
    }
    let admin = grant(Role::Admin);
    let crm = named("crm");
    writer.put_grant(&here, "u-1", Some(&crm), &admin).await;
    writer.put_grant(&here, "*", Some(&crm), &admin).await;
    writer.put_grant(&there, "u-2", None, &admin).await;
    writer.put_grant(&here, "u-1#crm", None, &admin).await;
    for (org, user, id) in [
        (&here, "u-1", "crm-2"),
        (&here, "u-2", "crm"),
        (&here, "u", "crm"),
        (&here, "u-11", "crm"),
        (&there, "u-1", "crm"),
    ] {
        let found = access(store, org, user, &named(id)).await;
        assert_eq!(
            (found.own, found.every),
            (None, None),
            "{user} has no grant on {id}"
        );
        let visible = must(store.visible(org, user).await, "visible");
        let is_seen = visible.iter().any(|(source, _)| source.id == named(id));
        assert!(!is_seen, "{user} does not see {id}");
    }
}

/// No cache: a grant that is changed or taken away counts no longer at the next read.
pub async fn revoked_grant_is_gone_at_once(store: &dyn SourceStore, writer: &dyn SourceWriter) {
    let org = org();
    let crm = named("crm");
    writer.put_source(&source(&org, "crm")).await;
    for on in [Some(&crm), None] {
        for role in [Role::Admin, Role::Viewer] {
            writer.put_grant(&org, "u-1", on, &grant(role)).await;
            let found = access(store, &org, "u-1", &crm).await.role();
            assert_eq!(found, Some(role), "the grant as it is now");
        }
        writer.remove_grant(&org, "u-1", on).await;
        let found = access(store, &org, "u-1", &crm).await.role();
        assert_eq!(found, None, "the grant is gone");
    }
}

/// The list of sources: granted ones, by id, each with the strongest grant; a grant without its source shows nothing.
pub async fn visible_sources_come_with_the_strongest_role(
    store: &dyn SourceStore,
    writer: &dyn SourceWriter,
) {
    let org = org();
    for id in ["b", "a-1", "c", "a", "0"] {
        writer.put_source(&source(&org, id)).await;
    }
    writer.put_source(&source(&super::org(), "d")).await;
    for (id, role) in [
        ("b", Role::Admin),
        ("a", Role::Viewer),
        ("gone", Role::Admin),
    ] {
        let id = named(id);
        writer.put_grant(&org, "u-1", Some(&id), &grant(role)).await;
    }
    let roles = async |user: &str| -> Vec<(String, Role)> {
        let visible = must(store.visible(&org, user).await, "visible");
        for (found, _) in &visible {
            assert_eq!(*found, source(&org, found.id.as_str()), "whole sources");
        }
        visible
            .into_iter()
            .map(|(source, role)| (source.id.to_string(), role))
            .collect()
    };
    let owned = |roles: &[(&str, Role)]| -> Vec<(String, Role)> {
        roles
            .iter()
            .map(|(id, role)| ((*id).to_owned(), *role))
            .collect()
    };
    assert_eq!(
        roles("u-1").await,
        owned(&[("a", Role::Viewer), ("b", Role::Admin)]),
        "the granted ones, by id"
    );
    assert_eq!(roles("u-2").await, [], "nothing without a grant");
    let every = grant(Role::Exporter);
    writer.put_grant(&org, "u-1", None, &every).await;
    let exporter = Role::Exporter;
    assert_eq!(
        roles("u-1").await,
        owned(&[
            ("0", exporter),
            ("a", exporter),
            ("a-1", exporter),
            ("b", Role::Admin),
            ("c", exporter),
        ]),
        "every source, with the stronger of the two grants"
    );
}

/// More sources than one batch of a store holds (DynamoDB: BatchGetItem reads up to 100 items) are all found.
pub async fn many_sources_are_all_visible(store: &dyn SourceStore, writer: &dyn SourceWriter) {
    let org = org();
    let mut expected = Vec::new();
    for number in 0..105 {
        let source = source(&org, &format!("s{number:03}"));
        writer.put_source(&source).await;
        let on = Some(&source.id);
        writer
            .put_grant(&org, "u-1", on, &grant(Role::Viewer))
            .await;
        expected.push(source);
    }
    writer
        .put_grant(&org, "u-2", None, &grant(Role::Viewer))
        .await;
    for user in ["u-1", "u-2"] {
        let visible = must(store.visible(&org, user).await, "visible");
        let found: Vec<Source> = visible.into_iter().map(|(source, _)| source).collect();
        assert_eq!(found, expected, "{user}: all of them, by id");
    }
}
