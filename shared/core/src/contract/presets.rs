//! [`PresetStore`]: named requests of a source.

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::{must, org, person, source, then};
use crate::input::Json;
use crate::lead::{OrgId, SourceId};
use crate::ports::PresetStore;
use crate::presets::{Preset, PresetHead, PresetName};

/// Every claim of this module.
pub async fn all(store: &dyn PresetStore) {
    join_all([
        preset_is_kept_whole(store).boxed_local(),
        presets_are_overwritten_and_deleted(store).boxed_local(),
        presets_are_listed_by_name_of_one_source(store).boxed_local(),
        no_more_are_kept_than_may_be(store).boxed_local(),
        large_presets_are_all_listed(store).boxed_local(),
    ])
    .await;
}

fn name(name: &str) -> PresetName {
    PresetName::parse(name).unwrap_or_else(|| panic!("{name} is a name"))
}

fn preset(org: &OrgId, source: &SourceId, called: &str, body: &str) -> Preset {
    Preset {
        org: org.clone(),
        source: source.clone(),
        head: PresetHead {
            name: name(called),
            saved_by: person("u-1"),
            saved_at: then(),
        },
        request: Json::object(body.as_bytes()).unwrap_or_else(|error| panic!("{error}")),
    }
}

async fn get(store: &dyn PresetStore, like: &Preset) -> Option<Preset> {
    let read = store.get(&like.org, &like.source, &like.head.name).await;
    must(read, "get")
}

async fn put(store: &dyn PresetStore, preset: &Preset, most: usize) -> bool {
    must(store.put(preset, most).await, "put")
}

async fn listed(store: &dyn PresetStore, org: &OrgId, source: &SourceId) -> Vec<PresetHead> {
    must(store.list(org, source).await, "list")
}

/// What is read is what was written: texts, nulls, and numbers digit for digit.
pub async fn preset_is_kept_whole(store: &dyn PresetStore) {
    let body = r#"{"filters":{"custom":{"x":{"min":0.1000000000000000000000000000001,"max":1e3}},"search":"\u00fc \"q\" \n","status":["a",""]},
        "limit":null,"fields":["*",{"key":"zip","header":"Zip, 😀"}],"deep":[[],{},true]}"#;
    let written = preset(&org(), &source(), "Weekly v1.2_b-c", body);
    assert_eq!(get(store, &written).await, None, "nothing is there yet");
    assert!(put(store, &written, 1).await);
    assert_eq!(get(store, &written).await, Some(written));
    let least = preset(&org(), &source(), "0", "{}");
    assert!(put(store, &least, 1).await);
    assert_eq!(get(store, &least).await, Some(least));
}

/// A second write of a name replaces the first; a deletion tells whether there was one.
pub async fn presets_are_overwritten_and_deleted(store: &dyn PresetStore) {
    let (org, source) = (org(), source());
    let first = preset(&org, &source, "weekly", "{}");
    let mut second = preset(&org, &source, "weekly", r#"{"limit":1}"#);
    second.head.saved_by = person("u-2");
    let other = preset(&org, &source, "Weekly", "{}");
    for preset in [&first, &other, &second] {
        assert!(put(store, preset, 2).await);
    }
    assert_eq!(get(store, &first).await.as_ref(), Some(&second));
    let remove = async || must(store.remove(&org, &source, &name("weekly")).await, "remove");
    assert!(remove().await, "it was there");
    assert!(!remove().await, "it is there no longer");
    assert_eq!(get(store, &first).await, None);
    assert_eq!(
        get(store, &other).await.as_ref(),
        Some(&other),
        "case counts"
    );
}

/// A list holds one source's presets by the bytes of their names; what runs together is still apart.
pub async fn presets_are_listed_by_name_of_one_source(store: &dyn PresetStore) {
    let (here, there) = (org(), org());
    let long = SourceId::parse("crm-2").unwrap_or_else(|error| panic!("{error}"));
    let crm = SourceId::parse("crm").unwrap_or_else(|error| panic!("{error}"));
    let names = ["b", "a b", "B", "a", "9", "a.b", "a-b"];
    for called in names {
        assert!(put(store, &preset(&here, &crm, called, "{}"), 7).await);
    }
    assert!(put(store, &preset(&here, &long, "c", "{}"), 1).await);
    assert!(put(store, &preset(&there, &crm, "d", "{}"), 1).await);
    let expected = ["9", "B", "a", "a b", "a-b", "a.b", "b"];
    let expected = expected.map(|called| preset(&here, &crm, called, "{}").head);
    assert_eq!(listed(store, &here, &crm).await, expected);
    let others = [
        listed(store, &here, &long).await,
        listed(store, &there, &crm).await,
    ];
    assert_eq!(
        others
            .concat()
            .iter()
            .map(|head| head.name.as_str())
            .collect::<Vec<_>>(),
        ["c", "d"]
    );
    assert_eq!(listed(store, &there, &long).await, []);
}

/// A new name beyond the most is refused and not written; a known one may still be written anew.
pub async fn no_more_are_kept_than_may_be(store: &dyn PresetStore) {
    let (org, source) = (org(), source());
    let [a, b, c] = ["a", "b", "c"].map(|called| preset(&org, &source, called, "{}"));
    assert!(put(store, &a, 2).await && put(store, &b, 2).await);
    assert!(!put(store, &c, 2).await, "there are two");
    assert_eq!(get(store, &c).await, None);
    let changed = preset(&org, &source, "b", r#"{"limit":7}"#);
    assert!(put(store, &changed, 2).await, "no new one");
    assert_eq!(get(store, &b).await, Some(changed));
    must(store.remove(&org, &source, &a.head.name).await, "remove");
    assert!(put(store, &c, 2).await, "there is room again");
}

/// More than one read of a store yields at once: 30 × 60 KiB.
pub async fn large_presets_are_all_listed(store: &dyn PresetStore) {
    let (org, source) = (org(), source());
    let body = format!(r#"{{"x":"{}"}}"#, "y".repeat(60 << 10));
    let names: Vec<String> = (10..40).map(|number| format!("p{number}")).collect();
    for called in &names {
        assert!(put(store, &preset(&org, &source, called, &body), 30).await);
    }
    let more = preset(&org, &source, "p40", "{}");
    assert!(!put(store, &more, 30).await, "all are counted");
    let listed = listed(store, &org, &source).await;
    let found: Vec<&str> = listed.iter().map(|head| head.name.as_str()).collect();
    assert_eq!(found, names);
}
