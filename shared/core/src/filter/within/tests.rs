use super::*;
use crate::input::{InvalidRequest, Json};
use proptest::prelude::*;

fn take(from_to: &serde_json::Value, name: &str) -> Result<Within, InvalidRequest> {
    let json = Json::object(from_to.to_string().as_bytes()).unwrap();
    let zone = zone(name).map(|(zone, _)| zone);
    let mut problems = Problems::default();
    let mut members = Node::root(&json).members(&mut problems).unwrap();
    let within = Within::take(&mut members, zone.as_ref(), &mut problems);
    members.finish(&mut problems);
    problems.or(Some(within))
}

fn covered(text: &str, name: &str) -> (String, String) {
    let within = take(&serde_json::json!({ "from": text, "to": text }), name).unwrap();
    (
        within.from.unwrap().to_string(),
        within.to.unwrap().to_string(),
    )
}

#[test]
fn a_bound_covers_the_whole_of_its_last_written_unit() {
    for (text, first, last) in [
        ("2026-03-31T12:00:00Z", "12:00:00.000Z", "12:00:00.999Z"),
        ("2026-03-31T12:00Z", "12:00:00.000Z", "12:00:59.999Z"),
        ("2026-03-31T14:00+02:00", "12:00:00.000Z", "12:00:59.999Z"),
        ("2026-03-31T12:00:00.5Z", "12:00:00.500Z", "12:00:00.599Z"),
        ("2026-03-31T12:00:00.50Z", "12:00:00.500Z", "12:00:00.509Z"),
        ("2026-03-31T12:00:00.500Z", "12:00:00.500Z", "12:00:00.500Z"),
        (
            "2026-03-31T12:00:00.500999Z",
            "12:00:00.500Z",
            "12:00:00.500Z",
        ),
        (
            "2026-03-31t17:30:00+05:30",
            "12:00:00.000Z",
            "12:00:00.999Z",
        ),
        ("2026-03-31T11:59:60Z", "11:59:59.000Z", "11:59:59.999Z"),
    ] {
        let expected = (format!("2026-03-31T{first}"), format!("2026-03-31T{last}"));
        assert_eq!(covered(text, "UTC"), expected, "{text}");
    }
}

#[test]
fn a_date_is_the_whole_day_of_its_zone() {
    for (zone, day, first, last) in [
        (
            "UTC",
            "2026-03-31",
            "2026-03-31T00:00:00.000Z",
            "2026-03-31T23:59:59.999Z",
        ),
        (
            "Asia/Kolkata",
            "2026-03-31",
            "2026-03-30T18:30:00.000Z",
            "2026-03-31T18:29:59.999Z",
        ),
        // 23 and 25 hours.
        (
            "America/New_York",
            "2026-03-08",
            "2026-03-08T05:00:00.000Z",
            "2026-03-09T03:59:59.999Z",
        ),
        (
            "America/New_York",
            "2026-11-01",
            "2026-11-01T04:00:00.000Z",
            "2026-11-02T04:59:59.999Z",
        ),
        // Clocks jump at midnight, and over midnight.
        (
            "America/Sao_Paulo",
            "2018-11-04",
            "2018-11-04T03:00:00.000Z",
            "2018-11-05T01:59:59.999Z",
        ),
        (
            "America/Toronto",
            "1919-03-31",
            "1919-03-31T04:30:00.000Z",
            "1919-04-01T03:59:59.999Z",
        ),
        // Half an hour.
        (
            "Australia/Lord_Howe",
            "2026-04-05",
            "2026-04-04T13:00:00.000Z",
            "2026-04-05T13:29:59.999Z",
        ),
        // The ends of the years that instants have.
        (
            "UTC",
            "0000-01-01",
            "0000-01-01T00:00:00.000Z",
            "0000-01-01T23:59:59.999Z",
        ),
        (
            "Asia/Tokyo",
            "0000-01-01",
            "0000-01-01T00:00:00.000Z",
            "0000-01-01T14:41:00.999Z",
        ),
        (
            "UTC",
            "9999-12-31",
            "9999-12-30T22:00:00.000Z",
            "9999-12-30T22:00:00.000Z",
        ),
        (
            "UTC",
            "9999-12-30",
            "9999-12-30T00:00:00.000Z",
            "9999-12-30T22:00:00.000Z",
        ),
    ] {
        let expected = (first.to_owned(), last.to_owned());
        assert_eq!(covered(day, zone), expected, "{zone} {day}");
    }
}

#[test]
fn a_day_that_the_zone_skipped_holds_nothing_and_is_no_mistake() {
    let (first, last) = covered("2011-12-30", "Pacific/Apia");
    assert!(first > last, "{first} {last}");
}

#[test]
fn what_is_neither_day_nor_instant_is_refused() {
    for text in [
        "yesterday",
        "2026-3-1",
        "2026-02-30",
        "2026-13-01",
        "2026-03",
        "20260331",
        "２026-3-31",
        "2026-03-31T12:00:00",
        "2026-03-31T12:00",
        "2026-03-31 12:00:00Z",
        "2026-03-31T12Z",
        "2026-03-31T24:00Z",
        "2026-03-31T12:00:00.Z",
        "2026-03-31T12:00:00Z[UTC]",
        "2026-03-31T12:é0Z",
        "+02026-03-31",
        " 2026-03-31",
    ] {
        let error = take(&serde_json::json!({ "to": text }), "UTC").unwrap_err();
        assert_eq!(error.errors[0].field, "to", "{text}");
        assert!(error.errors[0].message.contains("must be a day"), "{error}");
    }
}

#[test]
fn a_reversed_range_is_refused_and_a_short_one_is_not() {
    let range = |from: &str, to: &str| {
        take(
            &serde_json::json!({ "from": from, "to": to }),
            "America/New_York",
        )
    };
    for (from, to) in [
        ("2026-03-02", "2026-03-01"),
        ("2026-03-01T05:00:00Z", "2026-02-28"),
        ("2026-03-01T00:00:01Z", "2026-03-01T00:00:00Z"),
    ] {
        let error = range(from, to).unwrap_err();
        assert_eq!(error.to_string(), "from: is later than 'to'", "{from} {to}");
    }
    for (from, to) in [
        ("2026-03-01", "2026-03-01"),
        ("2026-03-01T00:00:00.5Z", "2026-03-01T00:00:00Z"),
        ("2026-03-01T04:59:59Z", "2026-02-28"),
    ] {
        assert!(range(from, to).is_ok(), "{from} {to}");
    }
}

#[test]
fn zones_are_known_by_their_iana_names() {
    let name = |text: &str| zone(text).map(|(_, name)| name);
    assert_eq!(
        name("america/new_york").as_deref(),
        Some("America/New_York")
    );
    assert_eq!(name("UTC").as_deref(), Some("UTC"));
    for none in [
        "",
        "+01:00",
        "EST5EDT4,M3.2.0,M11.1.0",
        "Etc/Unknown",
        "Mars/Olympus",
        "../etc",
        "local",
    ] {
        assert_eq!(name(none), None, "{none}");
    }
    let error = take(&serde_json::json!({ "from": "2026-01-01" }), "Mars/Olympus").unwrap_err();
    assert!(error.to_string().contains("filters.time_zone"), "{error}");
}

proptest! {
    /// The second way: an instant belongs to a day if the zone's clocks show that day.
    #[test]
    fn days_are_what_clocks_show(
        name in proptest::sample::select(vec![
            "UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "America/Havana", "Australia/Lord_Howe",
            "Pacific/Apia", "Pacific/Kiritimati", "Asia/Kathmandu",
        ]),
        at in 946_684_800_000i64..2_000_000_000_000, first in -3i32..4, length in 0i32..4,
    ) {
        let (zone, _) = zone(name).unwrap();
        let instant = Instant::from_millis(at);
        let shown = |instant: Instant| instant.timestamp().to_zoned(zone.clone()).date();
        let from = shown(instant).checked_add(jiff::Span::new().days(first)).unwrap();
        let to = from.checked_add(jiff::Span::new().days(length)).unwrap();
        let within = take(&serde_json::json!({ "from": from.to_string(), "to": to.to_string() }), name).unwrap();
        prop_assert_eq!(within.contains(instant), from <= shown(instant) && shown(instant) <= to);
        // And at the very edges.
        for edge in [within.from.unwrap(), within.to.unwrap()] {
            for near in -1..=1 {
                let near = Instant::from_millis(edge.millis() + near);
                prop_assert_eq!(within.contains(near), from <= shown(near) && shown(near) <= to, "{}", near);
            }
        }
    }

    /// The third way: another library's zones. 1970 to 2025, where the two know the same rules whatever their editions.
    #[test]
    fn days_are_those_of_another_library(
        name in proptest::sample::select(vec![
            "UTC", "America/New_York", "America/Los_Angeles", "Europe/Berlin", "Europe/Dublin", "Asia/Kolkata", "America/Sao_Paulo",
            "America/Havana", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Tehran", "Asia/Beirut", "Asia/Kathmandu",
        ]),
        at in 0i64..1_735_689_600_000, first in -2i64..3, length in 0i64..3,
    ) {
        let zone: chrono_tz::Tz = name.parse().unwrap();
        let shown = |millis: i64| {
            chrono::DateTime::from_timestamp_millis(millis).unwrap().with_timezone(&zone).date_naive()
        };
        let from = shown(at) + chrono::TimeDelta::days(first);
        let to = from + chrono::TimeDelta::days(length);
        let within = take(&serde_json::json!({ "from": from.to_string(), "to": to.to_string() }), name).unwrap();
        let edges = [within.from.unwrap().millis(), within.to.unwrap().millis()];
        let near = edges.into_iter().flat_map(|edge| edge - 1..=edge + 1);
        for millis in near.chain([at]) {
            let belongs = from <= shown(millis) && shown(millis) <= to;
            prop_assert_eq!(within.contains(Instant::from_millis(millis)), belongs, "{} {}", name, millis);
        }
    }

    #[test]
    fn any_text_is_a_bound_or_refused(text in "\\PC{0,30}", close in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{0,12})?)?([zZ]|[+-][0-9]{2}:[0-9]{2})?") {
        for text in [text, close] {
            if let Some(bound) = moment(&text) {
                prop_assert!(bound.first <= bound.last);
            }
            let _ = day(&text).map(|day| whole_day(day, &TimeZone::UTC));
        }
    }
}
