use serde_json::json;

use super::*;
use crate::access::{Grant, Role};
use crate::fields::{Attribute, CustomField, CustomKind};
use crate::memory::{
    ManualClock, MemoryExports, MemoryPresets, MemoryQueue, MemorySources, SeededDice,
};
use crate::plan::{Order, Plan};
use crate::record::Export;
use crate::request::{Accepted, Request, RequestError, RequestExport};

fn org(name: &str) -> OrgId {
    OrgId::parse(name).unwrap()
}

fn source(id: &str) -> Source {
    let custom = |key: &str, label: &str, kind: CustomKind| CustomField {
        key: key.into(),
        label: label.into(),
        kind,
        options: vec![],
    };
    Source {
        org: org("acme"),
        id: SourceId::parse(id).unwrap(),
        name: id.into(),
        time_zone: "America/New_York".into(),
        people: false,
        shards: 4,
        lead_count: None,
        custom: vec![
            custom("income", "Income", CustomKind::Number),
            custom("mail", "Email", CustomKind::Text),
        ],
        attributes: vec![Attribute {
            key: "campaign".into(),
            label: "Campaign".into(),
        }],
    }
}

struct World {
    sources: Arc<MemorySources>,
    exports: Arc<MemoryExports>,
    presets: Arc<MemoryPresets>,
    clock: Arc<ManualClock>,
    dice: Arc<SeededDice>,
}

impl World {
    /// Sources `crm` and `shop` of `acme` and `crm` of `globex`; alice exports everywhere, vera sees.
    fn new() -> Self {
        let sources = Arc::new(MemorySources::new());
        let grant = |role| Grant {
            role,
            name: Some("Granted".into()),
        };
        for (owner, id) in [("acme", "crm"), ("acme", "shop"), ("globex", "crm")] {
            sources.put_source(Source {
                org: org(owner),
                ..source(id)
            });
            sources.put_grant(&org(owner), "alice", None, grant(Role::Exporter));
            sources.put_grant(&org(owner), "vera", None, grant(Role::Viewer));
        }
        Self {
            sources,
            exports: Arc::new(MemoryExports::new()),
            presets: Arc::new(MemoryPresets::new()),
            clock: Arc::new(ManualClock::default()),
            dice: Arc::new(SeededDice::new(3)),
        }
    }

    fn saver(&self) -> SavePreset {
        SavePreset {
            sources: self.sources.clone(),
            exports: self.exports.clone(),
            presets: self.presets.clone(),
            clock: self.clock.clone(),
            sends_mails: true,
        }
    }

    fn reader(&self) -> ReadPresets {
        ReadPresets {
            sources: self.sources.clone(),
            presets: self.presets.clone(),
        }
    }

    async fn save(&self, name: &str, body: serde_json::Value) -> Result<Preset, PresetError> {
        let body = body.to_string();
        let saver = self.saver();
        saver
            .save(&user("acme", "alice"), "crm", name, body.as_bytes())
            .await
    }

    async fn request_to(
        &self,
        org: &str,
        source: &str,
        key: Option<&str>,
        body: &str,
    ) -> Result<Accepted, RequestError> {
        let request = RequestExport {
            sources: self.sources.clone(),
            exports: self.exports.clone(),
            presets: self.presets.clone(),
            queue: Arc::new(MemoryQueue::new()),
            clock: self.clock.clone(),
            dice: self.dice.clone(),
            max_active: 1000,
            volume: crate::volume::DailyVolume::default(),
            sends_mails: true,
        };
        let asked = Request {
            principal: &user(org, "alice"),
            source,
            path: "/exports",
            key,
            body: body.as_bytes(),
        };
        request.request(asked).await
    }

    async fn request(&self, body: serde_json::Value) -> Result<Export, RequestError> {
        let accepted = self
            .request_to("acme", "crm", None, &body.to_string())
            .await;
        accepted.map(|accepted| accepted.export)
    }
}

fn user(owner: &str, name: &str) -> Principal {
    Principal {
        org: org(owner),
        user: name.into(),
        name: None,
        email: None,
    }
}

#[track_caller]
fn fields(error: RequestError) -> Vec<String> {
    let RequestError::Invalid(invalid) = error else {
        panic!("{error}");
    };
    assert_eq!(invalid.fault, Fault::Refused, "{invalid}");
    paths(&invalid)
}

fn paths(invalid: &InvalidRequest) -> Vec<String> {
    let errors = invalid.errors.iter();
    errors.map(|error| error.field.clone()).collect()
}

/// Two plans but for the moment of the request, which filters of days do not depend on.
fn same(a: &Plan, b: &Plan) -> bool {
    let b = Plan {
        requested_at: a.requested_at,
        ..b.clone()
    };
    *a == b
}

#[test]
fn names_are_short_words_of_ascii() {
    for good in ["a", "0", "Weekly", "a b", "a.b_c-d", &"x".repeat(64)] {
        assert_eq!(PresetName::parse(good).unwrap().as_str(), good);
    }
    for bad in [
        "",
        " a",
        "a ",
        ".a",
        "-a",
        "_a",
        "a/b",
        "a#b",
        "ä",
        "a\n",
        "a\tb",
        &"x".repeat(65),
    ] {
        assert_eq!(PresetName::parse(bad), None, "{bad:?}");
    }
}

#[tokio::test]
async fn again_asks_for_the_same() {
    let world = World::new();
    for body in [
        "{}",
        r#"{"limit": 9007199254740993, "order": "-created_at"}"#,
        r#"{"fields": ["zip", {"key": "city", "header": "city"}, "*"], "format": {"header": "labels", "profile": "excel"}}"#,
        r#"{"fields": [{"key": "phone", "header": "Mobile"}], "format": {"time_zone": "Europe/Berlin"}}"#,
        r#"{"format": {"header": "labels"}}"#,
        r#"{"filters": {"created": {"from": "2026-01-01", "to": "2026-02-01T10:00:00+01:00"}, "status": ["sold"], "has": ["email"]}}"#,
        r#"{"filters": {"time_zone": "Asia/Tokyo", "updated": {"from": "2026-01-01"}, "attributes": {"Campaign": true}}}"#,
        // More digits than a double carries, which the record keeps as text.
        r#"{"filters": {"custom": {"income": {"min": 0.12345678901234567890123, "max": 12345678901234567890123}, "mail": ["1"]}}}"#,
        r#"{"filters": {"search": "12", "lacks": ["zip"]}}"#,
    ] {
        let first = world.request_to("acme", "crm", None, body).await.unwrap();
        let first = first.export;
        let second = world.request(json!({"again": first.id()})).await.unwrap();
        assert!(
            same(&first.plan, &second.plan),
            "{body}: {:#?}",
            second.plan
        );
        assert_ne!(first.id(), second.id());
        // A record that came back from a store.
        let stored: Plan =
            serde_json::from_str(&serde_json::to_string(&first.plan).unwrap()).unwrap();
        assert_eq!(stored.body(&source("crm")), first.plan.body(&source("crm")));
        let third = world.request(json!({"again": second.id()})).await.unwrap();
        assert!(same(&first.plan, &third.plan), "{body}");
    }
}

#[tokio::test]
async fn since_export_is_resolved_again() {
    let world = World::new();
    let start = world.request(json!({})).await.unwrap();
    world.clock.advance(std::time::Duration::from_mins(1));
    let body = json!({"filters": {"since_export": start.id()}});
    let first = world.request(body.clone()).await.unwrap();
    let again = world.request(json!({"again": first.id()})).await.unwrap();
    assert_eq!(again.plan.filter, first.plan.filter);
    world.save("new", body).await.unwrap();
    let preset = world.request(json!({"preset": "new"})).await.unwrap();
    assert_eq!(preset.plan.filter, first.plan.filter);
}

#[tokio::test]
async fn days_keep_their_meaning_when_the_source_moves() {
    let world = World::new();
    let body = json!({"filters": {"created": {"from": "2026-01-01"}}});
    let first = world.request(body).await.unwrap();
    let mut moved = source("crm");
    moved.time_zone = "Asia/Tokyo".into();
    world.sources.put_source(moved);
    let again = world.request(json!({"again": first.id()})).await.unwrap();
    assert_eq!(again.plan.filter, first.plan.filter);
    assert_eq!(again.plan.asked["time_zone"], "America/New_York");
    // New filters are of the source as it is.
    let own = json!({"again": first.id(), "filters": {"created": {"from": "2026-01-01"}}});
    let own = world.request(own).await.unwrap();
    assert_ne!(own.plan.filter, first.plan.filter);
}

#[tokio::test]
async fn columns_stay_as_they_were_and_what_is_gone_is_named() {
    let world = World::new();
    let body = json!({"fields": ["*", {"key": "zip", "header": "zip"}]});
    let first = world.request(body).await.unwrap();
    // A given header stays, a key gives way to the label that is asked for now.
    let labels = json!({"again": first.id(), "format": {"header": "labels"}});
    let labels = world.request(labels).await.unwrap();
    let header = |key: &str| {
        let mut columns = labels.plan.columns.iter();
        columns
            .find(|column| column.key == key)
            .map(|column| (column.header.as_str(), column.given))
    };
    assert_eq!(header("zip"), Some(("zip", true)));
    assert_eq!(header("income"), Some(("Income", false)));

    let mut changed = source("crm");
    changed.custom.remove(0);
    changed
        .add_attribute(Attribute {
            key: "later".into(),
            label: "Later".into(),
        })
        .unwrap();
    world.sources.put_source(changed);
    let error = world.request(json!({"again": first.id()})).await;
    let RequestError::Invalid(error) = error.unwrap_err() else {
        panic!("a field is gone");
    };
    let gone = first
        .plan
        .columns
        .iter()
        .position(|column| column.key == "income");
    assert_eq!(paths(&error), [format!("fields[{}]", gone.unwrap())]);
    assert!(error.errors[0].message.contains("'income'"), "{error}");
    let body = json!({"again": first.id(), "fields": ["later"]});
    let other = world.request(body).await.unwrap();
    assert_eq!(other.plan.columns.len(), 1);
}

#[tokio::test]
async fn preset_stands_for_a_whole_body_and_further_members_override() {
    let world = World::new();
    let filters = json!({"status": ["sold"], "has": ["email"]});
    let body = json!({"filters": filters, "fields": ["zip"], "limit": 5, "order": "-created_at"});
    world.save("weekly", body).await.unwrap();
    let whole = world.request(json!({"preset": "weekly"})).await.unwrap();
    assert_eq!(whole.plan.asked, filters);
    assert_eq!(
        (whole.plan.limit, whole.plan.order),
        (Some(5), Order::Descending)
    );
    let body = json!({"preset": "weekly", "filters": {"status": ["new"]}, "limit": null});
    let other = world.request(body).await.unwrap();
    assert_eq!(
        other.plan.asked,
        json!({"status": ["new"]}),
        "a member replaces the whole of it"
    );
    assert_eq!(
        (other.plan.limit, other.plan.order, other.plan.columns.len()),
        (None, Order::Descending, 1)
    );
    // Frozen: what becomes of the preset does not touch exports, nor their again.
    world.save("weekly", json!({"limit": 1})).await.unwrap();
    let record = world.exports.get(&org("acme"), whole.id()).await.unwrap();
    assert_eq!(record.unwrap().plan, whole.plan);
    let saver = world.saver();
    let alice = user("acme", "alice");
    saver.delete(&alice, "crm", "weekly").await.unwrap();
    let again = world.request(json!({"again": whole.id()})).await.unwrap();
    assert!(same(&again.plan, &whole.plan));
    let error = world.request(json!({"preset": "weekly"})).await;
    assert_eq!(fields(error.unwrap_err()), ["preset"]);
}

#[tokio::test]
async fn what_names_nothing_here_is_refused_with_all_else() {
    let world = World::new();
    world.save("weekly", json!({})).await.unwrap();
    let here = world.request(json!({})).await.unwrap().id();
    let other_source = world.request_to("acme", "shop", None, "{}").await.unwrap();
    let other_org = world.request_to("globex", "crm", None, "{}").await.unwrap();
    for (body, expected) in [
        (json!({"preset": "monthly"}), vec!["preset"]),
        (json!({"preset": "Weekly"}), vec!["preset"]),
        (json!({"preset": "a/b"}), vec!["preset"]),
        (json!({"preset": ""}), vec!["preset"]),
        (json!({"again": "6f1c"}), vec!["again"]),
        (
            json!({"again": "00000000-0000-4000-8000-000000000000"}),
            vec!["again"],
        ),
        (json!({"again": other_source.export.id()}), vec!["again"]),
        (json!({"again": other_org.export.id()}), vec!["again"]),
        (
            json!({"preset": "weekly", "again": here}),
            vec!["preset", "again"],
        ),
        (
            json!({"preset": "monthly", "limit": 0, "x": 1}),
            vec!["limit", "preset", "x"],
        ),
        (
            json!({"preset": "weekly", "limit": 0, "x": 1}),
            vec!["limit", "x"],
        ),
    ] {
        let error = world.request(body.clone()).await.unwrap_err();
        assert_eq!(fields(error), expected, "{body}");
    }
    // What is elsewhere and what is nowhere look alike.
    let message = async |id: String| {
        let error = world.request(json!({"again": id})).await.unwrap_err();
        error.to_string().replace(&id, "…")
    };
    assert_eq!(
        message(other_org.export.id().to_string()).await,
        message("00000000-0000-4000-8000-000000000000".into()).await
    );
    for wrong in [
        json!({"preset": 1}),
        json!({"again": null}),
        json!({"preset": {}}),
    ] {
        let error = world.request(wrong).await.unwrap_err();
        let RequestError::Invalid(invalid) = error else {
            panic!("{error}");
        };
        assert_eq!(invalid.fault, Fault::Malformed);
    }
    let error = world
        .request_to("acme", "shop", None, r#"{"preset": "weekly"}"#)
        .await;
    assert_eq!(fields(error.unwrap_err()), ["preset"], "another source's");
}

#[tokio::test]
async fn key_replays_whatever_became_of_the_preset() {
    let world = World::new();
    world.save("weekly", json!({"limit": 1})).await.unwrap();
    let body = r#"{"preset": "weekly"}"#;
    let first = world.request_to("acme", "crm", Some("k"), body).await;
    let first = first.unwrap();
    let saver = world.saver();
    let alice = user("acme", "alice");
    saver.delete(&alice, "crm", "weekly").await.unwrap();
    let second = world.request_to("acme", "crm", Some("k"), body).await;
    let second = second.unwrap();
    assert!(second.replayed);
    assert_eq!(second.export, first.export);
}

#[tokio::test]
async fn preset_is_checked_like_a_request_when_it_is_saved() {
    let world = World::new();
    let bad = json!({"filters": {"custom": {"nope": [1]}}, "fields": ["nix"], "limit": 0, "preset": "p", "x": 1});
    let PresetError::Invalid(invalid) = world.save("a/b", bad).await.unwrap_err() else {
        panic!("it is bad");
    };
    assert_eq!(invalid.fault, Fault::Refused);
    assert_eq!(
        paths(&invalid),
        [
            "filters.custom.nope",
            "limit",
            "fields[0]",
            "preset",
            "x",
            "name"
        ]
    );
    let PresetError::Invalid(invalid) = world.save("a/b", json!({})).await.unwrap_err() else {
        panic!("the name is bad");
    };
    assert_eq!(paths(&invalid), ["name"]);
    assert_eq!(invalid.fault, Fault::Refused);
    let error = world.save("a", json!({"limit": "1"})).await.unwrap_err();
    assert!(matches!(error, PresetError::Invalid(invalid) if invalid.fault == Fault::Malformed));
    let alice = user("acme", "alice");
    let list = world.reader().list(&alice, "crm").await.unwrap();
    assert_eq!(list, [], "nothing was saved");
}

#[tokio::test]
async fn preset_stands_for_itself() {
    let world = World::new();
    world
        .save("base", json!({"limit": 5, "fields": ["zip"]}))
        .await
        .unwrap();
    let on_top = json!({"preset": "base", "limit": 6});
    let saved = world.save("top", on_top).await.unwrap();
    let expected = Json::object(br#"{"fields": ["zip"], "limit": 6}"#).unwrap();
    assert_eq!(saved.request, expected);
    let export = world.request(json!({"limit": 7})).await.unwrap();
    let body = json!({"again": export.id()});
    world.save("export", body).await.unwrap();
    let other = world.request(json!({"preset": "export"})).await.unwrap();
    assert!(same(&other.plan, &export.plan));
}

#[tokio::test]
async fn larger_than_a_body_is_not_saved() {
    let world = World::new();
    let words: Vec<String> = (0..100).map(|n| format!("{n:0>310}")).collect();
    let base = json!({"filters": {"status": words, "attributes": {"campaign": words}}});
    world.save("large", base).await.unwrap();
    let both =
        json!({"preset": "large", "fields": [{"key": "zip", "header": "x".repeat(255)}, "city"]});
    world.save("fits", both).await.unwrap();
    let mut wide = source("crm");
    for number in 0..60 {
        wide.add_attribute(Attribute {
            key: format!("{number:0>60}"),
            label: String::from("x"),
        })
        .unwrap();
    }
    world.sources.put_source(wide);
    let keys: Vec<String> = (0..60).map(|number| format!("{number:0>60}")).collect();
    let body = json!({"preset": "large", "fields": keys.clone()});
    let PresetError::Invalid(invalid) = world.save("over", body).await.unwrap_err() else {
        panic!("it is too large");
    };
    assert_eq!(paths(&invalid), [""]);
    // A request may still use both.
    let body = json!({"preset": "large", "fields": keys});
    world.request(body).await.unwrap();
}

#[tokio::test]
async fn roles_and_tenants_see_and_write_what_they_may() {
    use Refusal::{Forbidden, NotFound};
    let world = World::new();
    world.save("weekly", json!({"limit": 1})).await.unwrap();
    let refusal = |error: PresetError| match error {
        PresetError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    };
    for (owner, name, on, read, write) in [
        ("acme", "alice", "crm", None, None),
        ("acme", "vera", "crm", None, Some(Forbidden)),
        ("acme", "nobody", "crm", Some(NotFound), Some(NotFound)),
        ("acme", "alice", "nowhere", Some(NotFound), Some(NotFound)),
        ("acme", "alice", "A B", Some(NotFound), Some(NotFound)),
    ] {
        let who = user(owner, name);
        let one = world.reader().one(&who, on, "weekly").await;
        assert_eq!(one.err().map(refusal), read, "{name}");
        let list = world.reader().list(&who, on).await;
        assert_eq!(list.err().map(refusal), read, "{name}");
        // 404 and 403 before 400.
        let saved = world.saver().save(&who, on, "a/b", b"{").await.unwrap_err();
        match write {
            Some(write) => assert_eq!(refusal(saved), write, "{name}"),
            None => assert!(matches!(saved, PresetError::Invalid(_)), "{name}"),
        }
        if write.is_some() {
            let deleted = world.saver().delete(&who, on, "weekly").await;
            assert_eq!(deleted.err().map(refusal), write, "{name}");
        }
    }
    let stranger = user("globex", "alice");
    let one = world.reader().one(&stranger, "crm", "weekly").await;
    assert_eq!(one.err().map(refusal), Some(NotFound));
    let alice = user("acme", "alice");
    for absent in ["monthly", "a/b", ""] {
        let one = world.reader().one(&alice, "crm", absent).await;
        assert_eq!(one.err().map(refusal), Some(NotFound), "{absent}");
        let deleted = world.saver().delete(&alice, "crm", absent).await;
        assert_eq!(deleted.err().map(refusal), Some(NotFound), "{absent}");
    }
    let one = world.reader().one(&alice, "crm", "weekly").await.unwrap();
    assert_eq!(one.head.saved_by.id, "alice");
    assert_eq!(one.head.saved_by.name, "Granted");
    assert_eq!(one.head.saved_at, world.clock.now());
}

#[tokio::test]
async fn source_has_only_so_many_presets() {
    let world = World::new();
    for number in 0..limits::PRESETS {
        world.save(&number.to_string(), json!({})).await.unwrap();
    }
    let PresetError::Invalid(invalid) = world.save("more", json!({})).await.unwrap_err() else {
        panic!("there are enough");
    };
    assert_eq!(paths(&invalid), ["name"]);
    world.save("7", json!({"limit": 3})).await.unwrap();
}

#[test]
fn json_is_written_as_it_was_read() {
    let text =
        r#"{"a":[1,-0.10,1e400,{"b\"\\\n":null}],"ü":"\u0001😀","t":true,"f":false,"e":{},"l":[]}"#;
    let json = Json::object(text.as_bytes()).unwrap();
    assert_eq!(json.to_text(), text);
}

#[tokio::test]
async fn wish_for_a_mail_is_part_of_what_stands_for_a_body() {
    let world = World::new();
    let wish = json!({"notify": {"email": true}, "filters": {"status": ["sold"]}});
    let mut nobody = MailTo::of(&user("acme", "alice"), true);
    assert!(matches!(nobody, MailTo::Nobody(_)));
    let error = world.request(wish.clone()).await.unwrap_err();
    assert_eq!(fields(error), ["notify.email"]);
    // With whatever else is wrong.
    let error = world
        .request(json!({"notify": {"email": true}, "order": "up"}))
        .await;
    assert_eq!(fields(error.unwrap_err()), ["order", "notify.email"]);
    // Who wants none needs no address.
    assert_eq!(
        world
            .request(json!({"notify": {"email": false}}))
            .await
            .unwrap()
            .mail,
        None
    );

    let claims = Principal {
        email: Some("alice@example.com".into()),
        ..user("acme", "alice")
    };
    nobody = MailTo::of(&claims, false);
    let MailTo::Nobody(why) = nobody else {
        panic!("nothing is sent")
    };
    assert!(why.contains("MailFrom"), "{why}");
    let MailTo::Address(to) = MailTo::of(&claims, true) else {
        panic!("there is one")
    };
    let asked = |body: serde_json::Value, mail: MailTo| {
        let world = &world;
        async move {
            let body = Json::object(body.to_string().as_bytes()).unwrap();
            let (presets, exports) = (&*world.presets, &*world.exports);
            understand(
                body,
                &source("crm"),
                world.clock.now(),
                &mail,
                presets,
                exports,
            )
            .await
        }
    };
    let (_, understood) = asked(wish.clone(), MailTo::Address(to.clone()))
        .await
        .unwrap();
    assert!(understood.mail);

    // `again` asks for the mail as well, and what is said beside it wins.
    let mut first = world.request(json!({})).await.unwrap();
    first.mail = Some(crate::mail::Mail {
        to: to.clone(),
        sent: true,
    });
    first.version += 1;
    world.exports.replace(&first).await.unwrap();
    let (_, second) = asked(json!({"again": first.id()}), MailTo::Address(to.clone()))
        .await
        .unwrap();
    assert!(second.mail);
    let quiet = json!({"again": first.id(), "notify": {}});
    assert!(!asked(quiet, MailTo::Address(to)).await.unwrap().1.mail);
    let error = world
        .request(json!({"again": first.id()}))
        .await
        .unwrap_err();
    assert_eq!(fields(error), ["notify.email"]);
}
