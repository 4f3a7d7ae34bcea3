use super::*;
use crate::access::{Grant, Role};
use crate::lead::{Lead, LeadId, SourceId, Value};
use crate::memory::{
    Fault, FaultPlan, Faulty, ManualClock, MemoryExports, MemoryLeads, MemoryPresets, MemoryQueue,
    MemorySources, SeededDice,
};
use crate::ports::{Clock as _, ExportStore as _, StoreErrorKind};
use crate::record::{Delivery, Status};
use crate::volume::DailyVolume;
use serde_json::{Value as Json, json};
use std::time::Duration;

mod ends;

/// 2026-11-22T23:59:59.500Z
const NOW: i64 = 1_795_391_999_500;

struct World {
    plan: Arc<FaultPlan>,
    leads: Arc<Faulty<MemoryLeads>>,
    sources: Arc<Faulty<MemorySources>>,
    exports: Arc<Faulty<MemoryExports>>,
    queue: Arc<Faulty<MemoryQueue>>,
    clock: Arc<ManualClock>,
    dice: Arc<SeededDice>,
    volume: DailyVolume,
}

fn org() -> OrgId {
    OrgId::parse("acme").unwrap()
}

fn source_of(id: &str, shards: u16) -> Source {
    Source {
        org: org(),
        id: SourceId::parse(id).unwrap(),
        name: id.into(),
        time_zone: "UTC".into(),
        people: true,
        shards,
        lead_count: None,
        custom: vec![],
        attributes: vec![],
    }
}

impl World {
    /// Two sources on which ann is exporter, one on which she is viewer, one that she may not see; bob is nobody, vic a viewer.
    fn new() -> Self {
        Self::with(FaultPlan::none())
    }

    fn with(plan: Arc<FaultPlan>) -> Self {
        fn faulty<T>(port: T, plan: &Arc<FaultPlan>) -> Arc<Faulty<T>> {
            Arc::new(Faulty::new(Arc::new(port), Arc::clone(plan)))
        }
        let sources = MemorySources::new();
        for (id, shards) in [("aa", 3), ("bb", 2), ("seen", 1), ("hidden", 1)] {
            sources.put_source(source_of(id, shards));
        }
        let mut other = source_of("aa", 1);
        other.org = OrgId::parse("globex").unwrap();
        sources.put_source(other);
        for (user, source, role) in [
            ("ann", "aa", Role::Exporter),
            ("ann", "bb", Role::Admin),
            ("ann", "seen", Role::Viewer),
            ("one", "aa", Role::Exporter),
            ("vic", "aa", Role::Viewer),
        ] {
            let grant = Grant {
                role,
                name: Some(format!("the {user}")),
            };
            let source = SourceId::parse(source).unwrap();
            sources.put_grant(&org(), user, Some(&source), grant);
        }
        Self {
            leads: faulty(MemoryLeads::new(), &plan),
            sources: faulty(sources, &plan),
            exports: faulty(MemoryExports::new(), &plan),
            queue: faulty(MemoryQueue::new(), &plan),
            clock: Arc::new(ManualClock::new(Instant::from_millis(NOW))),
            dice: Arc::new(SeededDice::new(5)),
            volume: DailyVolume::default(),
            plan,
        }
    }

    fn use_case(&self) -> AnswerExport {
        AnswerExport {
            request: RequestExport {
                sources: self.sources.clone(),
                exports: self.exports.clone(),
                presets: Arc::new(MemoryPresets::new()),
                queue: self.queue.clone(),
                clock: self.clock.clone(),
                dice: self.dice.clone(),
                max_active: 2,
                volume: self.volume,
                sends_mails: false,
            },
            leads: self.leads.clone(),
            index: self.leads.clone(),
        }
    }

    fn put(&self, source: &str, id: &str, second: u64, values: &[(&str, Value)]) {
        let shards = if source == "aa" {
            3
        } else if source == "bb" {
            2
        } else {
            1
        };
        let lead = Lead {
            id: LeadId::parse(id).unwrap(),
            created_at: Instant::from_millis(NOW)
                .minus(Duration::from_secs(1000))
                .plus(Duration::from_secs(second)),
            values: values
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        };
        let source = SourceId::parse(source).unwrap();
        self.leads.inner().put(&org(), &source, shards, lead);
    }

    /// Leads `l00`, `l01` … one a second, in turns in both sources; every third is a vp.
    fn fill(&self, count: u64) {
        for number in 0..count {
            let id = format!("l{number:02}");
            let source = if number % 2 == 0 { "aa" } else { "bb" };
            let seniority = if number % 3 == 0 { "vp" } else { "entry" };
            let values = [
                ("name", Value::from(id.as_str())),
                ("seniority", seniority.into()),
            ];
            self.put(source, &id, number, &values);
        }
    }

    async fn ask(&self, user: &str, body: &Json) -> Result<Answer, AnswerError> {
        let use_case = self.use_case();
        use_case
            .answer(&principal(user), body.to_string().as_bytes())
            .await
    }

    /// The names in the answer, in order.
    async fn names(&self, selection: &Json) -> Vec<String> {
        let body = json!({"selection": selection, "exportFields": ["name"]});
        let answer = self.ask("ann", &body).await.unwrap();
        let text = String::from_utf8(answer.bytes).unwrap();
        let mut lines = text.lines().map(str::to_owned);
        assert_eq!(lines.next().as_deref(), Some("Name"));
        let names: Vec<String> = lines.collect();
        assert_eq!(answer.leads, names.len() as u64);
        names
    }
}

fn principal(user: &str) -> Principal {
    Principal {
        org: org(),
        user: user.into(),
        name: None,
        email: None,
    }
}

fn bulk(more: &Json) -> Json {
    let mut selection = json!({"mode": "bulk", "filters": {}});
    for (key, value) in more.as_object().unwrap() {
        selection[key] = value.clone();
    }
    selection
}

fn numbers(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers
        .into_iter()
        .map(|number| format!("l{number:02}"))
        .collect()
}

#[tokio::test]
async fn ranges_count_positions_over_all_sources_in_the_order_of_creation() {
    let world = World::new();
    world.fill(40);
    world.leads.inner().set_page_leads(3);
    for (more, expected) in [
        (json!({}), numbers(0..40)),
        (json!({"startIndex": 5, "targetCount": 4}), numbers(5..9)),
        (
            json!({"startIndex": 38, "targetCount": 10}),
            numbers(38..40),
        ),
        (json!({"targetCount": 1}), numbers(0..1)),
        // Those that are excluded leave a gap.
        (
            json!({"startIndex": 2, "targetCount": 4, "excludedIds": ["l03", "l30", "nobody"]}),
            numbers([2, 4, 5]),
        ),
        // Those that are included join in their places, once.
        (
            json!({"startIndex": 10, "targetCount": 3, "includedIds": ["l39", "l11", "l02", "nobody", "l02"]}),
            numbers([2, 10, 11, 12, 39]),
        ),
        (
            json!({"startIndex": 10, "targetCount": 3, "includedIds": ["l39", "l11"], "excludedIds": ["l39", "l11"]}),
            numbers([10, 12]),
        ),
    ] {
        assert_eq!(world.names(&bulk(&more)).await, expected, "{more}");
    }
    let vps = json!({"contact": {"seniority": {"any": {"include": ["VP"]}}}});
    for (more, expected) in [
        (json!({"filters": vps}), numbers((0..40).step_by(3))),
        (
            json!({"filters": vps, "startIndex": 2, "targetCount": 2}),
            numbers([6, 9]),
        ),
        // What joins need not match, and takes no position.
        (
            json!({"filters": vps, "startIndex": 1, "targetCount": 2, "includedIds": ["l01", "l03"]}),
            numbers([1, 3, 6]),
        ),
    ] {
        assert_eq!(world.names(&bulk(&more)).await, expected, "{more}");
    }
}

#[tokio::test]
async fn ids_are_taken_in_the_order_of_creation_wherever_the_caller_may_export() {
    let world = World::new();
    world.fill(20);
    // In a source that may be seen only, in one that may not, and in both that may be exported.
    for source in ["seen", "hidden", "aa", "bb"] {
        world.put(source, "l90", 990, &[("name", "l90".into())]);
    }
    let manual = |ids: &[&str]| json!({"mode": "manual", "includedIds": ids});
    for (ids, expected) in [
        (&["l07", "l02", "l07", "nobody"][..], vec!["l02", "l07"]),
        (&["l90", "l19"], vec!["l19", "l90", "l90"]),
    ] {
        assert_eq!(world.names(&manual(ids)).await, expected);
    }
    let body = json!({"selection": manual(&["l90"]), "source": "bb", "exportFields": ["name"]});
    assert_eq!(world.ask("ann", &body).await.unwrap().leads, 1);
    // The other members are looked at for their types alone.
    let mut loose = manual(&["l01"]);
    loose["startIndex"] = json!(-5);
    loose["targetCount"] = json!(5000);
    loose["filters"] = json!({"contact": {"senority": 1}});
    loose["excludedIds"] = json!(["l01", ""]);
    assert_eq!(world.names(&loose).await, ["l01"]);
}

#[tokio::test]
async fn leads_of_one_key_come_in_the_order_of_their_sources() {
    let world = World::new();
    for (source, name) in [("bb", "second"), ("aa", "first")] {
        world.put(source, "same", 5, &[("name", name.into())]);
    }
    let ids = json!({"mode": "manual", "includedIds": ["same"]});
    assert_eq!(world.names(&ids).await, ["first", "second"]);
    assert_eq!(world.names(&bulk(&json!({}))).await, ["first", "second"]);
    let second = bulk(&json!({"startIndex": 1, "targetCount": 1, "includedIds": ["same"]}));
    assert_eq!(world.names(&second).await, ["first", "second"]);
}

#[tokio::test]
async fn each_source_that_gives_a_row_has_a_record_before_the_answer() {
    let world = World::new();
    world.fill(10);
    let selection = bulk(
        &json!({"startIndex": 0, "targetCount": 3, "includedIds": ["l09"], "excludedIds": ["l01"]}),
    );
    let body =
        json!({"selection": selection, "exportFields": ["name", "jobTitle"], "profile": "raw"});
    let answer = world.ask("ann", &body).await.unwrap();
    assert_eq!(answer.file_name, "lance-prospects-2026-11-22.csv");
    assert_eq!(answer.content_type, "text/csv; charset=utf-8");
    assert_eq!(answer.bytes, b"Name,Job Title\r\nl00,\r\nl02,\r\nl09,\r\n");
    let mut records = world.exports.inner().all();
    records.sort_by_key(|record| record.head.source.clone());
    let told: Vec<(&str, Option<u64>)> = records
        .iter()
        .map(|record| (record.head.source.as_str(), record.head.lead_count))
        .collect();
    assert_eq!(told, [("aa", Some(2)), ("bb", Some(1))]);
    for record in &records {
        let head = &record.head;
        assert_eq!(
            (head.status, head.delivery),
            (Status::Completed, Delivery::Inline)
        );
        assert_eq!((head.file.is_none(), head.truncated), (true, Some(false)));
        assert_eq!(head.requested_by.name, "the ann");
        assert_eq!(head.file_name, answer.file_name);
        assert!(answer.exports.contains(&record.id()));
        assert!(record.notify && record.due_at.is_some() && record.clean_at.is_none());
        let view = crate::view::export(record, &[]);
        assert_eq!(
            view["fields"],
            json!([{"key": "name", "header": "Name"}, {"key": "job_title", "header": "Job Title"}])
        );
        assert_eq!(view["format"]["profile"], "raw");
        assert_eq!(view["filters"], json!({}));
        assert_eq!(view["size_bytes"], Json::Null);
        let joined: Vec<&str> = if head.source.as_str() == "bb" {
            vec!["l09"]
        } else {
            vec![]
        };
        let selection = json!({"mode": "bulk", "startIndex": 0, "targetCount": 3, "excludedIds": ["l01"], "includedIds": joined});
        assert_eq!(view["selection"], selection);
    }
    assert!(world.exports.inner().active(&org()).is_empty());
    // A store that does not take the record: no lead goes out.
    for fault in [
        Fault::Before(StoreErrorKind::Unavailable),
        Fault::After(StoreErrorKind::Unavailable),
    ] {
        let world = World::with(FaultPlan::every("exports.add", fault));
        world.fill(4);
        assert!(matches!(
            world.ask("ann", &body).await,
            Err(AnswerError::Store(_))
        ));
    }
}

#[tokio::test]
async fn reading_stops_where_the_range_is_filled() {
    let world = World::new();
    for number in 0..3000_u64 {
        let values = [("name", Value::from("x"))];
        world.put("aa", &format!("n{number:04}"), 900, &values);
    }
    world.leads.inner().set_page_leads(50);
    let pages = || world.leads.inner().pages();
    let ask = async |more: Json| {
        let before = pages();
        let body = json!({"selection": bulk(&more), "source": "aa"});
        let answer = world.ask("ann", &body).await.unwrap();
        (answer.leads, pages() - before)
    };
    // 3 shards; a page of 16 at least; one page ahead of each.
    let (leads, read) = ask(json!({"targetCount": 10})).await;
    assert_eq!(leads, 10);
    assert!(read <= 6, "{read}");
    let (leads, read) = ask(json!({"startIndex": 1500, "targetCount": 100})).await;
    assert_eq!(leads, 100);
    assert!((27..=45).contains(&read), "{read}");
    // Those that join lie behind the range; the leads between are not read.
    let (leads, read) = ask(json!({"targetCount": 10, "includedIds": ["n2999"]})).await;
    assert_eq!(leads, 11);
    assert!(read <= 6, "{read}");
    let before = pages();
    let manual = json!({"mode": "manual", "includedIds": ["n0001", "n2999"]});
    assert_eq!(
        world
            .ask("ann", &json!({"selection": manual}))
            .await
            .unwrap()
            .leads,
        2
    );
    assert_eq!(pages(), before);
}
