//! Exports of a pick: the counting of positions survives pauses and crashes.

use std::collections::BTreeSet;

use super::*;
use crate::answer::AnswerExport;
use crate::lead::{Lead, LeadId};
use crate::world::principal;
use serde_json::{Value as Json, json};

fn later(world: &World, selection: &Json) -> ExportId {
    let world = world.beside();
    let answer = AnswerExport {
        request: world.request_export(),
        leads: world.leads.clone(),
        index: world.leads.clone(),
    };
    let body = json!({"selection": selection, "exportFields": ["name"]}).to_string();
    let (user, path) = (principal(), "/api/v1/operations/export");
    let accepted = world.drive(answer.later(&user, path, None, body.as_bytes()));
    accepted.unwrap().unwrap().export.id()
}

/// Whether no word of the name begins with a 1, by the plainest way.
fn matches(lead: &Lead) -> bool {
    let Value::Text(name) = &lead.values["first_name"] else {
        panic!("{lead:?}");
    };
    !name.contains("\"1")
}

/// The leads that a selection picks, by the plainest way.
fn picked(world: &World, selection: &Json, filtered: bool) -> BTreeSet<LeadId> {
    let ids = |key: &str| -> Vec<&str> {
        let ids = selection[key].as_array().into_iter().flatten();
        ids.map(|id| id.as_str().unwrap()).collect()
    };
    let all: Vec<Lead> = world.leads.leads(&org(), &source_id());
    let matching = all.iter().filter(|lead| !filtered || matches(lead));
    let number = |key: &str, default| {
        selection[key]
            .as_u64()
            .map_or(default, |it| usize::try_from(it).unwrap())
    };
    let is_manual = selection["mode"] == "manual";
    let count = if is_manual {
        0
    } else {
        number("targetCount", 1000)
    };
    let range = matching.skip(number("startIndex", 0)).take(count);
    let joined = all
        .iter()
        .filter(|lead| ids("includedIds").contains(&lead.id.as_str()));
    range
        .chain(joined)
        .filter(|lead| is_manual || !ids("excludedIds").contains(&lead.id.as_str()))
        .map(|lead| lead.id.clone())
        .collect()
}

fn selections(world: &World) -> Vec<(Json, bool)> {
    let id = |number: u32| lead(number, world.clock.0.now()).id.to_string();
    let people =
        json!({"contact": {"fullName": {"all": {"include": ["ann"]}, "any": {"exclude": ["1"]}}}});
    let first = json!({"mode": "bulk", "filters": {}, "startIndex": 50, "targetCount": 70, "excludedIds": [id(60)], "includedIds": [id(3), id(190), id(55), "x"]});
    let second = json!({"mode": "bulk", "filters": people, "startIndex": 20, "targetCount": 30, "includedIds": [id(1), id(111)], "excludedIds": [id(111), id(30)]});
    let third = json!({"mode": "bulk", "filters": people, "startIndex": 60});
    let fourth = json!({"mode": "manual", "includedIds": [id(7), id(150), "x"]});
    vec![
        (first, false),
        (second, true),
        (third, true),
        (fourth, false),
    ]
}

#[test]
fn a_pick_is_the_same_whatever_its_pauses() {
    for (tick, slice) in [(0, 600_000), (1, 3), (3, 10), (1, 1)] {
        let world = World::new(200);
        for (selection, filtered) in selections(&world) {
            let expected = picked(&world, &selection, filtered);
            assert!((2..150).contains(&expected.len()), "{selection}");
            let id = later(&world, &selection);
            world.clock.1.store(tick, Ordering::Relaxed);
            world.settle(Duration::from_millis(slice));
            world.check(id, |lead| expected.contains(&lead.id));
            let head = world.export(id).head;
            assert_eq!(head.lead_count, Some(expected.len() as u64));
            assert_eq!(world.export(id).slices > 1, tick > 0, "{selection}");
            world.clock.1.store(0, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_crash_at_any_call_changes_no_pick() {
    let world = || {
        let world = World::new(90);
        let people = json!({"contact": {"fullName": {"any": {"exclude": ["1"]}}}});
        let selection =
            json!({"mode": "bulk", "filters": people, "startIndex": 11, "targetCount": 40});
        let expected = picked(&world, &selection, true);
        let id = later(&world, &selection);
        world.clock.1.store(1, Ordering::Relaxed);
        (world, id, expected)
    };
    let slice = Duration::from_millis(4);
    let run = |world: &World, id| while let Some(Ok(Done::Paused)) = world.run(id, slice) {};
    let (calm, id, _) = world();
    run(&calm, id);
    assert!(calm.export(id).slices > 1);
    for number in 1..=calm.plan.calls().len() as u64 {
        let (world, id, expected) = world();
        world.script.fail(Where::Number(number), Fault::CrashAfter);
        run(&world, id);
        world.settle(slice);
        world.check(id, |lead| expected.contains(&lead.id));
    }
}

#[test]
fn a_crash_between_the_pieces_of_a_pick_forgets_nothing_that_was_counted() {
    let begin = || {
        let world = World {
            piece_bytes: 60,
            ..World::new(90)
        };
        let people = json!({"contact": {"fullName": {"any": {"exclude": ["1"]}}}});
        let selection =
            json!({"mode": "bulk", "filters": people, "startIndex": 11, "targetCount": 40});
        let expected = picked(&world, &selection, true);
        let id = later(&world, &selection);
        (world, id, expected)
    };
    crashed_between_pieces(begin, |world, id, expected| {
        world.check(id, |lead| expected.contains(&lead.id));
    });
}

#[test]
fn leads_that_join_come_whatever_a_store_could_leave_out() {
    // No lead has a seniority: a store that is told so sends none.
    let world = World::new(30);
    let joins = lead(3, world.clock.0.now()).id;
    let filters = json!({"contact": {"seniority": {"any": {"include": ["vp"]}}}});
    let selection = json!({"mode": "bulk", "filters": filters, "includedIds": [&joins]});
    let id = later(&world, &selection);
    world.settle(LONG);
    world.check(id, |lead| lead.id == joins);
    assert_eq!(world.export(id).head.lead_count, Some(1));
}
