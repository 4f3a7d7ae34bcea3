use lead_export_core::access::Person;
use lead_export_core::fields::{Column, Kind};
use lead_export_core::filter::{Condition, Filter, Within};
use lead_export_core::format::{Compression, Format, Header, Profile};
use lead_export_core::lead::LeadKey;
use lead_export_core::mail::{Address, Mail};
use lead_export_core::plan::{Order, Plan};
use lead_export_core::record::{
    Checkpoint, Delivery, Failure, FailureCode, File, Lease, Progress, RunId, RunPieces, Status,
    Tail, Warning,
};
use lead_export_core::timeline::{Step, Timeline, What};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn instants() -> impl Strategy<Value = Instant> {
    (Instant::MIN.millis()..=Instant::MAX.millis()).prop_map(Instant::from_millis)
}

fn runs() -> impl Strategy<Value = RunId> {
    any::<u128>().prop_map(|id| RunId(Uuid::from_u128(id)))
}

fn persons() -> impl Strategy<Value = Person> {
    any::<(String, String)>().prop_map(|(id, name)| Person { id, name })
}

fn formats() -> impl Strategy<Value = Format> {
    use Profile::{Excel, ExcelSemicolon, Raw, Standard, Tsv};
    let profile = select(vec![Standard, Raw, Excel, ExcelSemicolon, Tsv]);
    let header = select(vec![Header::Keys, Header::Labels, Header::None]);
    let compression = select(vec![Compression::None, Compression::Gzip]);
    (profile, header, ".*", compression).prop_map(|(profile, header, time_zone, compression)| {
        Format {
            profile,
            header,
            time_zone,
            compression,
        }
    })
}

/// Filters as a caller may write them: any JSON, its numbers whole or with few digits. (`f64`s of 17 digits are text in a plan
/// only as far as serde_json reads its own writing back.)
fn asked() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<i32>().prop_map(|tenths| (f64::from(tenths) / 8.0).into()),
        Just(1e300.into()),
        Just(serde_json::json!(1.0)),
        ".*".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(".*", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    let within = (option::of(instants()), option::of(instants()));
    let condition = prop_oneof![
        within.prop_map(|(from, to)| Condition::Created(Within { from, to })),
        instants().prop_map(Condition::Since),
        (".*", vec(".*", 1..3)).prop_map(|(key, values)| Condition::AnyOf { key, values }),
        ".*".prop_map(Condition::Has),
        ".*".prop_map(Condition::Search),
    ];
    vec(condition, 0..4).prop_map(Filter::new)
}

prop_compose! {
    fn plans()(
        source in "[a-z0-9][a-z0-9-]{0,62}", shards: u16, requested_at in instants(), asked in asked(),
        filter in filters(), columns in vec((".*", ".*"), 0..3), descending: bool,
        limit: Option<u64>, format in formats(),
    ) -> Plan {
        let column = |(key, header)| Column { key, header, kind: Kind::Phones, given: true };
        Plan {
            zone: None,
            pick: None,
            source: SourceId::parse(source).unwrap(),
            shards,
            requested_at,
            asked,
            filter,
            columns: columns.into_iter().map(column).collect(),
            order: if descending { Order::Descending } else { Order::Ascending },
            limit,
            format,
        }
    }
}

prop_compose! {
    fn checkpoints()(
        encoder: u32, cursor: Option<String>, pieces in vec((runs(), any::<u32>()), 0..4),
        tail in option::of((runs(), any::<u64>(), any::<u64>(), any::<u64>())),
        numbers: (u64, u64, u64), texts: (String, String), warned: bool,
    ) -> Checkpoint {
        Checkpoint {
            encoder,
            cursor: cursor.map(LeadKey::from_stored),
            runs: pieces.into_iter().map(|(run, pieces)| RunPieces { run, pieces }).collect(),
            tail: tail.map(|(run, size_bytes, open_bytes, rows)| Tail { run, size_bytes, open_bytes, rows }),
            leads_read: numbers.0,
            rows: numbers.1,
            bytes: numbers.2,
            sha_state: texts.0,
            crc: texts.1,
            warnings: if warned { vec![Warning::ExcelCell, Warning::ExcelRows] } else { vec![] },
            matched: numbers.0,
        }
    }
}

prop_compose! {
    fn files()(run in runs(), size_bytes: u64, sha256: Option<String>, crc64nvme: String) -> File {
        File { run, size_bytes, sha256, crc64nvme }
    }
}

prop_compose! {
    fn heads()(
        status in select(Status::ALL.to_vec()), delivered: bool, file_name: String, ended_by in option::of(persons()),
        dates in [option::of(instants()), option::of(instants()), option::of(instants())],
        progress: (u64, u64, Option<u64>), lead_count: Option<u64>, truncated: Option<bool>,
        file in option::of(files()), failed: bool, warned: bool,
    ) -> Head {
        let org = OrgId::parse("acme").unwrap();
        let id = ExportId(Uuid::nil());
        let plan = Plan {
            zone: Some("Europe/Berlin".to_owned()),
            pick: None,
            source: SourceId::parse("crm").unwrap(),
            shards: 1,
            requested_at: Instant::MIN,
            asked: serde_json::Value::Null,
            filter: Filter::default(),
            columns: vec![],
            order: Order::Ascending,
            limit: None,
            format: Format::default(),
        };
        let person = Person { id: String::new(), name: String::new() };
        let [started_at, completed_at, file_expires_at] = dates;
        let (leads_read, leads_written, known_leads) = progress;
        Head {
            status,
            delivery: if delivered { Delivery::File } else { Delivery::Inline },
            ended_by,
            started_at,
            completed_at,
            file_expires_at,
            progress: Progress { leads_read, leads_written, known_leads },
            lead_count,
            truncated,
            file,
            failure: failed.then(|| Failure::new(FailureCode::SourceGone, id)),
            warnings: if warned { vec![Warning::ExcelRows] } else { vec![] },
            ..Export::new(id, org, RunId(Uuid::nil()), person, plan, file_name, None).head
        }
    }
}

prop_compose! {
    fn steps()(
        at in instants(), run in option::of(runs()), until in option::of(instants()), counts: (u32, u32, u64, u64, u32), slice: bool,
    ) -> Step {
        let (slices, tries, leads_read, rows, pieces) = counts;
        let what = if slice { What::Slice } else { What::Retried };
        Step { at, what, run, until, slice: slices, tries, leads_read, rows, pieces }
    }
}

prop_compose! {
    // Without steps there is no attribute: nothing is left out then.
    fn timelines()(steps in vec(steps(), 0..4), left_out: u32) -> Timeline {
        let left_out = if steps.is_empty() { 0 } else { left_out };
        Timeline { steps, left_out }
    }
}

prop_compose! {
    fn exports()(
        org in "[^#\\s\\p{Cc}]{1,128}", id: u128, by in runs(), person in persons(), plan in plans(), head in heads(),
        version: u64, lease in option::of((runs(), instants())), tries: u32, slices: u32,
        checkpoint in option::of(checkpoints()), dates in [option::of(instants()), option::of(instants())], notify: bool,
        timeline in timelines(),
        mail in option::of(("[a-z0-9.+]{1,30}x@[a-z0-9]{1,20}\\.example", any::<bool>())),
    ) -> Export {
        let id = ExportId(Uuid::from_u128(id));
        let org = OrgId::parse(org).unwrap();
        let mut export = Export::new(id, org, by, person, plan, String::new(), None);
        let (source, requested_by) = (export.head.source, export.head.requested_by);
        let (requested_at, order, limit, format) = (export.plan.requested_at, export.plan.order, export.plan.limit, export.plan.format.clone());
        export.head = Head { id, source, requested_by, requested_at, order, limit, format, ..head };
        export.version = version;
        export.lease = lease.map(|(run, until)| Lease { run, until });
        (export.tries, export.slices) = (tries, slices);
        export.checkpoint = checkpoint;
        [export.due_at, export.clean_at] = dates;
        export.notify = notify;
        export.timeline = timeline;
        let address = mail.and_then(|(to, sent)| Some((Address::parse(&to).ok()?, sent)));
        export.mail = address.map(|(to, sent)| Mail { to, sent });
        export
    }
}

proptest! {
    #[test]
    fn records_read_back_whole(export in exports()) {
        let item = export_item(&export).unwrap();
        prop_assert_eq!(item.contains_key("DUE_SHARD"), item.contains_key("due_at"), "a sparse index");
        prop_assert!(!item.contains_key(names::EXPIRES_AT), "records have no end");
        prop_assert_eq!(&head_of(item.clone()).unwrap(), &export.head);
        if let Some(due_at) = export.due_at {
            let due = Due { org: export.org.clone(), id: export.id(), due_at };
            prop_assert_eq!(due_of(item.clone()).unwrap(), due);
        }
        prop_assert_eq!(export_of(item).unwrap(), export);
    }

    /// BI11: an item that lacks what every record has, or has it of another type, is no record, and nothing panics.
    #[test]
    fn damaged_records_are_refused(export in exports(), at: prop::sample::Index, lost: bool) {
        let mut item = export_item(&export).unwrap();
        let always = ["PK", "v", "version", "by", "head", "plan", "tries", "slices", "notify"];
        let name = always[at.index(always.len())];
        if lost {
            item.remove(name);
        } else {
            item.insert(name.to_owned(), AttributeValue::L(vec![]));
        }
        prop_assert!(export_of(item).is_err());
    }

    #[test]
    fn requests_are_remembered_whole(user: String, key: String, fingerprint: String, id: u128, until in instants()) {
        let org = OrgId::parse("acme").unwrap();
        let request = RequestKey { org, user: user.clone(), key };
        let row = Remembered { fingerprint, export: ExportId(Uuid::from_u128(id)), until };
        let item = request_item(&request, &row);
        let pk = item["PK"].as_s().unwrap();
        prop_assert_eq!(pk.matches('#').count(), 2, "the parts do not run together");
        let expires_at: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
        prop_assert!((0..1000).contains(&(expires_at * 1000 - until.millis())), "never early");
        prop_assert_eq!(remembered_of(item).unwrap(), row);
    }

    #[test]
    fn order_of_places_is_order_of_requests(a in instants(), b in instants(), x: u128, y: u128) {
        let (x, y) = (ExportId(Uuid::from_u128(x)), ExportId(Uuid::from_u128(y)));
        prop_assert_eq!(history_place(a, x).cmp(&history_place(b, y)), (a, x).cmp(&(b, y)));
    }

    #[test]
    fn users_do_not_meet(a in "[#%a23]{0,6}", b in "[#%a23]{0,6}") {
        prop_assert!(!user_part(&a).contains('#'));
        prop_assert_eq!(user_part(&a) == user_part(&b), a == b);
    }
}

#[test]
fn due_shards_are_all_used_and_no_other() {
    let shard = |id: u128| due_shard(ExportId(Uuid::from_u128(id)));
    let shards: std::collections::BTreeSet<u8> = (0..256).map(shard).collect();
    assert_eq!(shards, (0..DUE_SHARDS).collect());
}
