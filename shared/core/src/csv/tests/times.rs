//! Instants, zones and days.

use super::*;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn instant(text: &str, zone: &str, profile: Profile) -> String {
    let format = Format {
        time_zone: zone.into(),
        ..format(profile, Header::None)
    };
    cell_and_facts(Kind::Instant, text.into(), &format).0
}

/// Stored text, zone, what the file holds, what it holds for Excel.
const INSTANTS: [(&str, &str, &str, &str); 22] = [
    (
        "2026-11-22T02:43:00.123Z",
        "UTC",
        "2026-11-22T02:43:00.123Z",
        "2026-11-22 02:43:00",
    ),
    (
        "2026-11-22T02:43:00.999Z",
        "utc",
        "2026-11-22T02:43:00.999Z",
        "2026-11-22 02:43:00",
    ),
    (
        "2026-11-22T02:43:00.123Z",
        "Etc/UTC",
        "2026-11-22T02:43:00.123Z",
        "2026-11-22 02:43:00",
    ),
    (
        "2026-11-22T02:43:00.123Z",
        "Europe/London",
        "2026-11-22T02:43:00.123+00:00",
        "2026-11-22 02:43:00",
    ),
    (
        "2026-11-22T02:43:00.000Z",
        "Europe/Berlin",
        "2026-11-22T03:43:00.000+01:00",
        "2026-11-22 03:43:00",
    ),
    (
        "2026-11-22T02:43:00.000Z",
        "America/New_York",
        "2026-11-21T21:43:00.000-05:00",
        "2026-11-21 21:43:00",
    ),
    (
        "2026-11-22T02:43:00.000Z",
        "Asia/Kathmandu",
        "2026-11-22T08:28:00.000+05:45",
        "2026-11-22 08:28:00",
    ),
    (
        "2026-11-22T02:43:00.000Z",
        "America/St_Johns",
        "2026-11-21T23:13:00.000-03:30",
        "2026-11-21 23:13:00",
    ),
    // The hour that comes twice, and the one that does not come.
    (
        "2026-11-01T05:59:59.999Z",
        "America/New_York",
        "2026-11-01T01:59:59.999-04:00",
        "2026-11-01 01:59:59",
    ),
    (
        "2026-11-01T06:00:00.000Z",
        "America/New_York",
        "2026-11-01T01:00:00.000-05:00",
        "2026-11-01 01:00:00",
    ),
    (
        "2026-03-08T06:59:59.999Z",
        "America/New_York",
        "2026-03-08T01:59:59.999-05:00",
        "2026-03-08 01:59:59",
    ),
    (
        "2026-03-08T07:00:00.000Z",
        "America/New_York",
        "2026-03-08T03:00:00.000-04:00",
        "2026-03-08 03:00:00",
    ),
    // Beyond the tables, by rule.
    (
        "2099-07-01T12:00:00.000Z",
        "Europe/Berlin",
        "2099-07-01T14:00:00.000+02:00",
        "2099-07-01 14:00:00",
    ),
    // Other forms of the same instants are brought into this one.
    (
        "2026-11-22T02:43:00Z",
        "UTC",
        "2026-11-22T02:43:00.000Z",
        "2026-11-22 02:43:00",
    ),
    (
        "2026-11-22t02:43:00.5z",
        "UTC",
        "2026-11-22T02:43:00.500Z",
        "2026-11-22 02:43:00",
    ),
    (
        "2026-11-22T03:43:00.123456+01:00",
        "UTC",
        "2026-11-22T02:43:00.123Z",
        "2026-11-22 02:43:00",
    ),
    (
        "2026-11-22T03:43:00+01:00",
        "America/New_York",
        "2026-11-21T21:43:00.000-05:00",
        "2026-11-21 21:43:00",
    ),
    (
        "2024-02-29T23:59:59.000Z",
        "UTC",
        "2024-02-29T23:59:59.000Z",
        "2024-02-29 23:59:59",
    ),
    (
        "0000-02-29T00:00:00.000Z",
        "UTC",
        "0000-02-29T00:00:00.000Z",
        "0000-02-29 00:00:00",
    ),
    (
        "9999-12-30T21:59:59.999Z",
        "Pacific/Kiritimati",
        "9999-12-31T11:59:59.999+14:00",
        "9999-12-31 11:59:59",
    ),
    // A leap second is the second before it, as for every reader of instants here.
    (
        "2016-12-31T23:59:60.000Z",
        "UTC",
        "2016-12-31T23:59:59.000Z",
        "2016-12-31 23:59:59",
    ),
    // A local mean time, 4:56:02 behind: RFC 3339 has no seconds in offsets.
    (
        "1880-01-01T00:00:00.000Z",
        "America/New_York",
        "1879-12-31T19:04:00.000-04:56",
        "1879-12-31 19:03:58",
    ),
];

#[test]
fn instants_are_rfc_3339_in_the_zone_asked_for() {
    for (stored, zone, written, excel) in INSTANTS {
        for profile in [Profile::Standard, Profile::Raw, Profile::Tsv] {
            assert_eq!(instant(stored, zone, profile), written, "{stored} {zone}");
        }
        for profile in [Profile::Excel, Profile::ExcelSemicolon] {
            assert_eq!(instant(stored, zone, profile), excel, "{stored} {zone}");
        }
    }
}

/// What is remembered of a zone must end at its transitions, whichever side is met first.
#[test]
fn instants_around_a_transition_keep_their_offsets_in_any_order() {
    let format = Format {
        time_zone: "America/New_York".into(),
        ..format(Profile::Standard, Header::None)
    };
    let columns = [column("x", "x", Kind::Instant)];
    let before = (
        "2026-11-01T05:59:59.999Z",
        "2026-11-01T01:59:59.999-04:00\r\n",
    );
    let at = (
        "2026-11-01T06:00:00.000Z",
        "2026-11-01T01:00:00.000-05:00\r\n",
    );
    let behind = (
        "2027-03-14T07:00:00.000Z",
        "2027-03-14T03:00:00.000-04:00\r\n",
    );
    for order in [
        [before, at, behind],
        [before, behind, at],
        [at, before, behind],
        [at, behind, before],
        [behind, before, at],
        [behind, at, before],
    ] {
        let leads = order.map(|(stored, _)| lead([("x", stored.into())]));
        let out = String::from_utf8(file(&columns, &format, &leads)).unwrap();
        assert_eq!(out, order.map(|(_, written)| written).concat());
    }
}

#[test]
fn what_is_no_instant_stays_as_it_is_and_is_guarded_like_text() {
    for text in [
        "yesterday",
        "2026-11-22",
        "2026-11-22T02:43:00",
        "2026-02-29T00:00:00.000Z",
        "2026-13-01T00:00:00.000Z",
        "2026-00-01T00:00:00.000Z",
        "2026-01-00T00:00:00.000Z",
        "2026-04-31T00:00:00.000Z",
        "1900-02-29T00:00:00.000Z",
        "2026-11-22T24:00:00.000Z",
        "2026-11-22T00:60:00.000Z",
        "2026-11-22T00:00:61.000Z",
        "2026-11-22 02:43:00.000Z",
        "2026-11-22T02:43:00.00aZ",
        "２026-11-22T02:43:00.0Z",
        "9999-12-31T23:59:59.999Z",
        "1763779380",
    ] {
        for zone in ["UTC", "America/New_York"] {
            assert_eq!(instant(text, zone, Profile::Standard), text);
        }
        let excel = field(Kind::Instant, text, Profile::Excel);
        assert_eq!(read_back(&excel, Kind::Instant), text);
    }
    assert_eq!(
        instant("-2026-11-22T02:43:00.000Z", "UTC", Profile::Standard),
        "'-2026-11-22T02:43:00.000Z"
    );
    assert_eq!(instant("=NOW()", "UTC", Profile::Standard), "'=NOW()");
    assert_eq!(instant("=NOW()", "UTC", Profile::Raw), "=NOW()");
    // The year before 0000 has no four digits.
    assert_eq!(
        instant(
            "0000-01-01T00:00:00.000Z",
            "America/New_York",
            Profile::Standard
        ),
        "0000-01-01T00:00:00.000Z"
    );
}

#[test]
fn only_fields_of_instants_are_brought_into_a_zone() {
    let format = Format {
        time_zone: "America/New_York".into(),
        ..Format::default()
    };
    let stored = "2026-11-22T02:43:00.000Z";
    assert_eq!(cell_and_facts(Kind::Text, stored.into(), &format).0, stored);
}

#[test]
fn days_are_written_as_days() {
    for (stored, written) in [
        ("2026-11-22", "2026-11-22"),
        ("2024-02-29", "2024-02-29"),
        ("2026-11-22T00:00:00Z", "2026-11-22"),
        ("2026-11-22T23:30:00.000-05:00", "2026-11-22"),
        ("2026-11-22T00:00:00.000Z", "2026-11-22"),
        // Not well formed: as stored, guarded like text.
        ("2026-02-29", "2026-02-29"),
        ("1900-02-29T00:00:00.000Z", "1900-02-29T00:00:00.000Z"),
        ("2026-2-9", "2026-2-9"),
        ("22.11.2026", "22.11.2026"),
        ("2026-11-22x", "2026-11-22x"),
        ("2026-11-22T", "2026-11-22T"),
        ("2026-11-22T25:00:00Z", "2026-11-22T25:00:00Z"),
        ("2026-11-22, noon", "\"2026-11-22, noon\""),
        ("-2026-11-22", "'-2026-11-22"),
        ("=TODAY()", "'=TODAY()"),
        ("", ""),
    ] {
        let format = Format {
            time_zone: "America/New_York".into(),
            ..Format::default()
        };
        let (cell, _) = cell_and_facts(Kind::Date, stored.into(), &format);
        assert_eq!(cell, written);
    }
}

#[test]
fn zones_that_there_are_not_are_refused() {
    let columns = [column("x", "x", Kind::Text)];
    for zone in [
        "",
        "Mars/Olympus",
        "+01:00",
        "EST5EDT4,M1",
        "Etc/Unknown",
        "UTC ",
        "../UTC",
    ] {
        let format = Format {
            time_zone: zone.into(),
            ..Format::default()
        };
        let refused = Encoder::new(&columns, &format, &Slots::new([]), &source());
        assert_eq!(refused.err(), Some(UnknownZone(zone.to_owned())));
    }
}

proptest! {
    /// The zone's own conversion is the oracle; several instants through one encoder try what it remembers of offsets.
    #[test]
    fn instants_in_a_zone_are_what_the_zone_makes_of_them(
        zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "Etc/GMT+5"]),
        // 1950 to 2120: offsets of whole minutes.
        instants in prop::collection::vec(-631_152_000_000i64..4_733_510_400_000, 1..12),
        spread in prop::sample::select(vec![1i64, 1_000_000]),
        excel: bool,
    ) {
        let profile = if excel { Profile::Excel } else { Profile::Standard };
        let format = Format { time_zone: zone.into(), ..format(profile, Header::None) };
        let columns = [column("x", "x", Kind::Instant)];
        let instants: Vec<Instant> = instants.iter().map(|millis| Instant::from_millis(millis / spread)).collect();
        let leads: Vec<Lead> = instants.iter().map(|instant| lead([("x", instant.to_string().as_str().into())])).collect();
        let out = String::from_utf8(file(&columns, &format, &leads)).unwrap();
        let pattern = if excel { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.3f%:z" };
        let zone = TimeZone::get(zone).unwrap();
        let expected: Vec<String> = instants
            .iter()
            .map(|instant| instant.timestamp().to_zoned(zone.clone()).strftime(pattern).to_string())
            .collect();
        let lines: Vec<&str> = out.trim_start_matches('\u{feff}').split_terminator("\r\n").collect();
        prop_assert_eq!(lines, expected);
    }

    /// Another library's zones, 1970 to 2025: where the two know the same rules whatever their editions.
    #[test]
    fn instants_in_a_zone_are_those_of_another_library(
        name in prop::sample::select(vec![
            "UTC", "America/New_York", "Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Tehran",
            "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca",
        ]),
        millis in 0i64..1_735_689_600_000,
    ) {
        let zone: chrono_tz::Tz = name.parse().unwrap();
        let theirs = chrono::DateTime::from_timestamp_millis(millis).unwrap().with_timezone(&zone);
        let text = Instant::from_millis(millis).to_string();
        let offset = if name == "UTC" { "Z" } else { "%:z" };
        let expected = theirs.format(&format!("%Y-%m-%dT%H:%M:%S%.3f{offset}")).to_string();
        prop_assert_eq!(instant(&text, name, Profile::Standard), expected);
        let expected = theirs.format("%Y-%m-%d %H:%M:%S").to_string();
        prop_assert_eq!(instant(&text, name, Profile::Excel), expected);
    }

    #[test]
    fn our_own_instants_are_copied_through(millis in -62_167_219_200_000i64..253_402_207_200_000) {
        let text = Instant::from_millis(millis).to_string();
        prop_assert_eq!(instant(&text, "UTC", Profile::Standard), text);
    }
}
